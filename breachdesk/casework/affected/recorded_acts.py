"""Count what an exposure's own records show: never an act at another customer's asset."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from breachdesk.casework.affected.bindings import (
    BindingIndex,
    list_named_assets,
    omit_chosen_fields,
)
from breachdesk.casework.affected.evidence import AssetSighting
from schemas.casework.affected import ActSummary
from schemas.customer import PROVIDER

MOST_NAMED = 8
"""Folders or files that an act names; more are counted only."""
FORWARDS_TO = "breach.mailbox.forward_to"
MAILBOX_RULES = ("inboxrule", "set-mailbox", "transportrule")
FOLDERS = re.compile(r"[\\/]+")

Key = tuple[str, str, str]
"""Action, outcome, and the mailbox rule's name: two rules are two acts."""


Events = dict[Key, dict[str, list[AssetSighting]]]
"""Sightings by their event, for each act."""


def collect_acts(
    sightings: Iterable[AssetSighting], bindings: BindingIndex
) -> tuple[ActSummary, ...]:
    """Collect one summary for each action and outcome, in time order; every event counts once, one of
    several attempts as many."""
    events: Events = {}
    for sighting in sightings:
        key = (sighting.action, sighting.outcome, _get_rule_name(sighting))
        events.setdefault(key, {}).setdefault(sighting.event.event_id, []).append(sighting)
    events = _omit_floods(events)
    acts = [
        _build_act(key, [s for same in group.values() for s in same], bindings)
        for key, group in events.items()
    ]
    return tuple(sorted(acts, key=lambda act: (act.first, act.last, act.action, act.outcome)))


def _omit_floods(events: Events) -> Events:
    """Omit the names of rules set in large numbers and count them as one act, so that they do not
    fill the letter."""
    rules = Counter((action, outcome) for action, outcome, rule in events if rule)
    remaining: Events = {}
    for (action, outcome, rule), group in events.items():
        many = rules[action, outcome] > MOST_NAMED
        for event_id, sightings in group.items():
            same = remaining.setdefault((action, outcome, "" if many else rule), {})
            same.setdefault(event_id, []).extend(sightings)
    return remaining


def _build_act(key: Key, sightings: Sequence[AssetSighting], bindings: BindingIndex) -> ActSummary:
    action, outcome, rule = key
    times = [s.event.time for s in sightings]
    assets = {s.asset for s in sightings} | {
        m for s in sightings for m in _list_mailboxes(s, bindings)
    }
    return ActSummary(
        action=action,
        outcome=outcome,
        count=sum({s.event.event_id: s.attempts for s in sightings}.values()),
        first=min(times),
        last=max(times),
        assets=tuple(sorted(assets)),
        details=_collect_details(rule, sightings),
    )


def _list_mailboxes(sighting: AssetSighting, bindings: BindingIndex) -> Iterable[str]:
    """List accounts that the event names and that were this customer's at that time."""
    for asset in list_named_assets(omit_chosen_fields(sighting.event.summary)):
        if asset.startswith("mailbox:"):
            owners = {b.customer_id for b in bindings.list_naming({asset}, sighting.event.time)}
            if owners == {sighting.customer}:
                yield asset


def _collect_details(rule: str, sightings: Sequence[AssetSighting]) -> dict[str, str]:
    summaries = [s.event.summary for s in sightings]
    shared = any(_is_shared(s) for s in sightings)
    if is_forwarding_rule(sightings[0]):
        targets = {to for summary in summaries for to in _list_texts(summary.get(FORWARDS_TO))}
        return _omit_blank({"rule": "" if shared else rule, "target": ", ".join(sorted(targets))})
    if shared:
        return {}
    folders = {
        _extract_folder(path) for s in summaries for path in _list_texts(s.get("file.path"))
    } - {""}
    files = {name for s in summaries for name in _list_texts(s.get("file.name"))}
    return _omit_blank({"folders": _join_names(folders), "files": _join_names(files), "rule": rule})


def _is_shared(sighting: AssetSighting) -> bool:
    """Whether the event touches other customers too: it is then unknown whose folder, file or rule
    it names."""
    touched = {customer for customer, _, _ in sighting.event.touches}
    return bool(touched - {sighting.customer, PROVIDER})


def _get_rule_name(sighting: AssetSighting) -> str:
    """Name of the mailbox rule; firewalls and content checks have rules of their own."""
    if not any(word in sighting.action for word in MAILBOX_RULES):
        return ""
    return ", ".join(_list_texts(sighting.event.summary.get("rule.name")))


def is_forwarding_rule(sighting: AssetSighting) -> bool:
    """Whether the event sets a rule that forwards mail."""
    return bool(_list_texts(sighting.event.summary.get(FORWARDS_TO)))


def _extract_folder(path: str) -> str:
    parts = [part for part in FOLDERS.split(path) if part]
    return parts[-2] if len(parts) > 1 and "." in parts[-1] else ""


def _join_names(names: set[str]) -> str:
    return ", ".join(sorted(names)) if len(names) <= MOST_NAMED else ""


def _list_texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _omit_blank(details: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in details.items() if value}
