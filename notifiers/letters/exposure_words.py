"""Describe one exposure for a reader: what happened to the data, why it cannot be ruled out,
when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from notifiers.letters.formatting import format_moment, format_sentence, format_series, format_span
from schemas.casework.affected import BreachEffect, DoubtKind, EffectCertainty, Exposure
from schemas.casework.letter import LetterContext
from schemas.casework.letter_facts import ReaderStanding
from schemas.customer import PersonKind
from schemas.text_signs import mark_hidden_in_line

BY_SOMEBODY = (BreachEffect.SEEN, BreachEffect.COPIED, BreachEffect.ALTERED)
"""Effects that somebody without a right to the data has on it."""
ASPECTS: Mapping[str, tuple[BreachEffect, ...]] = {
    "confidentiality": (BreachEffect.SEEN, BreachEffect.COPIED),
    "integrity": (BreachEffect.ALTERED,),
    "availability": (BreachEffect.LOST, BreachEffect.UNAVAILABLE),
}
"""Art. 4(12)."""

ORDER = ("not known", "possible", "happened")
KINDS = ("mailbox", "tenant", "site", "service", "host", "ip", "domain", "source")
"""What its owner knows best comes first."""


def is_possible(context: LetterContext) -> bool:
    """Whether the exposure cannot be ruled out, and no more is known."""
    return context.facts.own.standing is ReaderStanding.POSSIBLE


def is_only_blind(context: LetterContext) -> bool:
    """Whether the only reason is that records are missing for a time."""
    exposure = context.exposure
    blind = {doubt.kind for doubt in exposure.doubts} == {DoubtKind.BLIND_SOURCE}
    return is_possible(context) and blind and not any(exposure.effects.values())


def format_accounts(context: LetterContext, words: Mapping[str, Any], firm: str) -> dict[str, str]:
    """Format the account's owner for each reader: `your account`, `your Penhallow IT account`."""
    user = context.recipient.person_kind is PersonKind.USER
    whose = "user" if user else "former" if context.former else "own"
    name = mark_hidden_in_line(context.customer_name)
    return {
        kind: words[kind][whose].format(name=name, firm=firm)
        for kind in ("account", "account_with_us")
    }


def format_lead(context: LetterContext, words: Mapping[str, Any], account: str) -> list[str]:
    """Format what happened to this reader's data; effects without a human cause get sentences of
    their own."""
    of_reader = words["lead"][context.kind.spec.asset_words]
    look_after = words["look_after"]["former" if context.former else "now"]
    yours = {
        n: text.format(account=account, look_after=look_after) for n, text in of_reader.items()
    }
    phrases = words["lead"]["said"]
    happened, may_be = _split_effects(context.exposure)
    if is_possible(context):
        sentences = _list_phrases([*happened, *may_be], phrases["happened"])
        return [f"{yours['cannot']} {each}." for each in sentences] or [yours["cannot_unknown"]]
    sentences = [
        *_list_phrases(happened, phrases["happened"]),
        *_list_phrases(may_be, phrases["possible"]),
    ]
    return [f"{yours['some']} {each}." for each in sentences] or [yours["unknown"]]


def format_categories(
    exposure: Exposure, names: Mapping[str, str], phrases: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Format `bank account details: may have been seen`, always in the same order; the categories
    alone if no effect is known."""
    if not any(exposure.effects.values()):
        return [names[category] for category in exposure.categories]
    return [
        f"{names[category]}: {_format_effects(exposure.effects[category], phrases) or phrases['none']['unknown']}"
        for category in exposure.categories
    ]


def build_cia_rows(exposure: Exposure, words: Mapping[str, Any]) -> list[dict[str, str]]:
    """Build rows for confidentiality, integrity and availability, each `happened`, `possible` or
    `not known`."""
    happened, may_be = _split_effects(exposure)
    sureties = dict.fromkeys(may_be, EffectCertainty.POSSIBLE) | dict.fromkeys(
        happened, EffectCertainty.HAPPENED
    )
    nothing = words["effect"]["none"]["untouched" if sureties else "unknown"]
    rows = []
    for aspect, effects in ASPECTS.items():
        own = {e: sureties[e] for e in effects if e in sureties}
        state = max((surety.value for surety in own.values()), key=ORDER.index, default=ORDER[0])
        description = _format_effects(own, words["effect"]) or nothing
        rows.append({"aspect": aspect, "state": state, "words": description})
    return rows


def format_systems(exposure: Exposure, kinds: Mapping[str, str]) -> list[str]:
    """Format `mailbox jo@hartwell.example`, as its owner knows it: systems that were reached or
    chosen by hand; empty if no record names one."""
    opened = {asset for act in exposure.acts if act.outcome != "failure" for asset in act.assets}
    assets = sorted(
        opened | set(exposure.assets), key=lambda a: (KINDS.index(a.partition(":")[0]), a)
    )
    return [_format_asset(exposure, asset, kinds) for asset in assets]


def format_doubts(
    context: LetterContext, words: Mapping[str, Any], zone: ZoneInfo, account: str
) -> list[str]:
    """Format why it cannot be ruled out; empty for an exposure that is more certain."""
    if not is_possible(context):
        return []
    phrases = words["doubt"][context.kind.spec.asset_words]
    lines = []
    for doubt in context.exposure.doubts:
        when = format_span(doubt.begin, doubt.end, zone)
        dated = doubt.kind in (DoubtKind.BLIND_SOURCE, DoubtKind.WITHIN_REACH)
        line = phrases[doubt.kind].format(
            when=f"{when}: " if dated and when else "", account=account
        )
        lines.append(format_sentence(line))
    return list(dict.fromkeys(lines))


def build_doubt_rows(context: LetterContext) -> list[dict[str, Any]]:
    """Build the doubts as data, without the name of the blind source."""
    return [doubt.model_dump(mode="json", exclude={"source"}) for doubt in context.exposure.doubts]


def format_window(context: LetterContext, zone: ZoneInfo) -> str:
    """Format when it happened to this reader; empty if no record shows it."""
    return format_span(*compute_window(context), zone)


def is_window_sure(context: LetterContext) -> bool:
    """Whether a record shows a success within the window. Without records, people confirm it."""
    acts = context.exposure.acts
    return not acts or any(act.outcome == "success" for act in acts)


def compute_window(context: LetterContext) -> tuple[datetime | None, datetime | None]:
    """Compute the first and last time from this reader's own records. The time of the whole
    incident is used only if no record names any customer: another customer's time does not
    apply."""
    exposure, breach = context.exposure, context.breach
    if exposure.acts:
        reached = [act for act in exposure.acts if act.outcome != "failure"]
        if is_possible(context) or not reached:
            return None, None
        return min(a.first for a in reached), max(a.last for a in reached)
    by_hand = all(doubt.kind is DoubtKind.CHOSEN_BY_HAND for doubt in exposure.doubts)
    if not by_hand or breach.detected_at is not None:
        return None, None
    return breach.occurred_from, breach.occurred_to


def is_dated(context: LetterContext) -> bool:
    """Whether the letter gives the time when it happened, or may have happened."""
    exposure = context.exposure
    times = (*compute_window(context), *(act.first for act in exposure.acts))
    return any(times) or any(doubt.begin or doubt.end for doubt in exposure.doubts)


def format_detection(context: LetterContext, zone: ZoneInfo) -> str:
    """Format how and when we detected it, for this reader."""
    exposure, breach = context.exposure, context.breach
    confirmed = f"We confirmed the incident on {format_moment(breach.aware_at, zone)}."
    if exposure.alerted_at is not None:
        raised = format_moment(exposure.alerted_at, zone)
        if exposure.alerted_at > breach.aware_at:
            return f"{confirmed} On {raised} our systems raised an alert that concerns you."
        return f"Our systems raised an alert on {raised}. {confirmed}"
    if breach.supplier_told_at is not None:
        notified_at = format_moment(breach.supplier_told_at, zone)
        return f"A supplier told us of it on {notified_at}. {confirmed}"
    if breach.detected_at is not None:
        return confirmed
    return f"We learned of it on {format_moment(breach.aware_at, zone)}."


def _split_effects(exposure: Exposure) -> tuple[list[BreachEffect], list[BreachEffect]]:
    """Split into effects that happened to any of the data, and those that are only possible."""
    every = [pair for each in exposure.effects.values() for pair in each.items()]
    happened = {effect for effect, surety in every if surety is EffectCertainty.HAPPENED}
    may_be = {effect for effect, _ in every} - happened
    return [e for e in BreachEffect if e in happened], [e for e in BreachEffect if e in may_be]


def _format_effects(
    effects: Mapping[BreachEffect, EffectCertainty], phrases: Mapping[str, Mapping[str, str]]
) -> str:
    """Format `seen and copied; may have been changed`."""
    by_surety = {s: [e for e in effects if effects[e] is s] for s in EffectCertainty}
    return "; ".join(_join_effects(of, phrases[surety]) for surety, of in by_surety.items() if of)


def _join_effects(effects: Sequence[BreachEffect], phrases: Mapping[str, str]) -> str:
    """Join `may have been seen and copied, may be lost`."""
    return ", ".join(_list_phrases(effects, phrases))


def _list_phrases(effects: Sequence[BreachEffect], phrases: Mapping[str, str]) -> list[str]:
    """List `was seen and copied by someone who had no right to it`, `is lost`."""
    acts = format_series([phrases[e] for e in effects if e in BY_SOMEBODY])
    parts = [phrases["acts"].format(acts=acts)] if acts else []
    return parts + [phrases[e] for e in effects if e not in BY_SOMEBODY]


def _format_asset(exposure: Exposure, asset: str, kinds: Mapping[str, str]) -> str:
    kind, _, value = asset.partition(":")
    name = exposure.known_as.get(asset)
    if kind == "service":
        return name or value
    if kind == "tenant":
        microsoft = any("365" in service for service in exposure.services)
        word = kinds["microsoft_tenant" if microsoft else "tenant"]
        return f"{word} ({name})" if name else word
    return f"{kinds.get(kind, kind)} {value}"
