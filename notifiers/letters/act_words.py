"""Describe acts in plain words: `On Sunday 22 November 2026, between …: 180 files were
downloaded.`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from notifiers.letters.evidence_names import (
    find_plain_rule,
    is_folder_omitted,
    is_plain,
    list_plain,
    quote_names,
)
from notifiers.letters.formatting import format_sentence, format_series, format_span
from schemas.casework.affected import ActSummary
from schemas.casework.letter import LetterContext
from schemas.text_signs import mark_hidden_in_line

FEW = 3
"""Mailboxes that the sentence itself names."""
MOST_NAMED = 50
"""Mailboxes that one act lists; more are counted."""


@dataclass(frozen=True, slots=True)
class ActLine:
    """What a letter says of one act."""

    line: str
    mailboxes: tuple[str, ...] = ()
    """Listed below the line; empty: the line itself names them, or nothing does."""


def format_act_lines(
    context: LetterContext, words: Mapping[str, Any], zone: ZoneInfo
) -> list[ActLine]:
    """Format one line for each act, in time order. A controller's letter names its own mailboxes
    and folders; an account holder's letter names neither."""
    names = context.kind.spec.names_assets
    return [_build_line(act, words, zone, names=names) for act in context.exposure.acts]


def build_act_rows(
    context: LetterContext, words: Mapping[str, Any], zone: ZoneInfo
) -> list[dict[str, Any]]:
    """Build the same lines as data. Forwarding targets are left out, because they identify the
    attack."""
    rows = []
    for act, line in zip(
        context.exposure.acts, format_act_lines(context, words, zone), strict=True
    ):
        row = act.model_dump(mode="json", exclude={"said", "details"})
        row["details"] = _build_detail_rows(act)
        rows.append(row | {"words": _join_line(line, words["place"])})
    return rows


def _build_detail_rows(act: ActSummary) -> dict[str, str | None]:
    """Build the details; None replaces a name that is left out because it may be a message, as in
    the line."""
    rows: dict[str, str | None] = {
        field: ", ".join(list_plain(act.details, field)) or None
        for field in ("folders", "files")
        if field in act.details
    }
    return rows | ({"rule": find_plain_rule(act.details)} if "rule" in act.details else {})


def _join_line(line: ActLine, phrases: Mapping[str, str]) -> str:
    namely = phrases["namely"].format(mailboxes=format_series(line.mailboxes))
    return f"{line.line} {namely}" if line.mailboxes else line.line


def _build_line(
    act: ActSummary, words: Mapping[str, Any], zone: ZoneInfo, *, names: bool
) -> ActLine:
    if act.said:
        return ActLine(act.said)
    mailboxes = tuple(_list_own_mailboxes(act)) if names else ()
    line = " ".join(_generate_sentences(act, words, zone, names=names))
    if len(mailboxes) > MOST_NAMED:
        return ActLine(f"{line} {words['place']['on_request']}")
    return ActLine(line, mailboxes if len(mailboxes) > FEW else ())


def _generate_sentences(
    act: ActSummary, words: Mapping[str, Any], zone: ZoneInfo, *, names: bool
) -> Iterator[str]:
    place_phrases = words["place"]
    phrase = _select_phrase(act, words["act"])
    text = phrase["one" if act.count == 1 else "many"].format(
        count=f"{act.count:,}", **_format_places(act, place_phrases, names=names)
    )
    unsure = not act.outcome and not phrase.get("certain")
    sentence_text = place_phrases["perhaps"].format(act=text) if unsure else text
    yield format_sentence(f"{format_span(act.first, act.last, zone)}: {sentence_text}")
    if not act.outcome:
        yield phrase.get("unclear", place_phrases["unclear"])


def _select_phrase(act: ActSummary, phrases: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Select the first phrase that fits; the last two fit everything refused, and everything else.
    A refused act never gets words for a completed one."""
    outcome = "failure" if act.outcome == "failure" else "success"
    for phrase in phrases:
        has = phrase.get("has", "")
        fits = any(word in act.action for word in phrase["actions"])
        fits = fits and not any(word in act.action for word in phrase.get("unless", ()))
        if fits and phrase.get("outcome", "success") == outcome and (not has or has in act.details):
            return phrase
    return phrases[-1]


def _format_places(act: ActSummary, phrases: Mapping[str, str], *, names: bool) -> dict[str, str]:
    action = mark_hidden_in_line(act.action)
    kind = names and is_plain(action)
    mailboxes = _list_own_mailboxes(act)
    where = _format_mailboxes(mailboxes, phrases) if names else ""
    return {
        "to": f" {phrases['to']} {where}" if where else "",
        "at": f" {phrases['at']} {where}" if where else "",
        "named": _format_rule(act, phrases) if names and act.details.get("rule") else "",
        "kind": phrases["kind"].format(action=action) if kind else "",
        "other": "" if kind else phrases["other"],
        "folders": f" {_format_folders(act, phrases)}"
        if names and act.details.get("folders")
        else "",
        "where": phrases["outside"] if _is_outside(act, mailboxes) else phrases["elsewhere"],
    }


def _list_own_mailboxes(act: ActSummary) -> list[str]:
    return sorted(a.partition(":")[2] for a in act.assets if a.startswith("mailbox:"))


def _format_mailboxes(mailboxes: list[str], phrases: Mapping[str, str]) -> str:
    if len(mailboxes) > FEW:
        return phrases["many"].format(count=len(mailboxes))
    word = phrases["mailbox"] if len(mailboxes) == 1 else phrases["mailboxes"]
    return f"{word} {format_series(mailboxes)}" if mailboxes else ""


def _format_rule(act: ActSummary, phrases: Mapping[str, str]) -> str:
    rule = find_plain_rule(act.details)
    if rule is None:
        return phrases["unnamed"]
    return phrases["named" if any(sign.isalnum() for sign in rule) else "signs"].format(name=rule)


def _format_folders(act: ActSummary, phrases: Mapping[str, str]) -> str:
    folders = list_plain(act.details, "folders")
    if not folders:
        return phrases["unnamed_folders"]
    named = f"{phrases['folder' if len(folders) == 1 else 'folders']} {format_series(quote_names(folders))}"
    has_omitted = is_folder_omitted(act.details)
    return f"{named} {phrases['other_folders']}" if has_omitted else named


def _is_outside(act: ActSummary, mailboxes: list[str]) -> bool:
    own = {mailbox.rpartition("@")[2] for mailbox in mailboxes}
    targets = {to.rpartition("@")[2] for to in act.details.get("target", "").split(", ") if to}
    return bool(own and targets) and not own & targets
