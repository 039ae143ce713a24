"""What an exposure's own records show, counted: never an act at another customer's asset."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from breachdesk.casework.evidence import Sighting
from breachdesk.casework.naming import Bindings, named_assets, recorded
from schemas.affected import Act
from schemas.customer import PROVIDER

MOST_NAMED = 8
"""Folders or files that an act names; more are counted only."""
FORWARDS_TO = "breach.mailbox.forward_to"
MAILBOX_RULES = ("inboxrule", "set-mailbox", "transportrule")
FOLDERS = re.compile(r"[\\/]+")

Key = tuple[str, str, str]
"""Action, outcome, and the mailbox rule's name: two rules are two acts."""


Events = dict[Key, dict[str, list[Sighting]]]
"""Sightings by their event, for each act."""


def acts_of(sightings: Iterable[Sighting], bindings: Bindings) -> tuple[Act, ...]:
    """One for each action and outcome, in time order; every event counts once."""
    events: Events = {}
    for sighting in sightings:
        key = (sighting.action, sighting.outcome, _rule(sighting))
        events.setdefault(key, {}).setdefault(sighting.event.event_id, []).append(sighting)
    events = _without_floods(events)
    acts = [
        _act(key, [s for same in group.values() for s in same], len(group), bindings)
        for key, group in events.items()
    ]
    return tuple(sorted(acts, key=lambda act: (act.first, act.last, act.action, act.outcome)))


def _without_floods(events: Events) -> Events:
    """Whoever sets rules by the hundred would fill the letter: their names are left out then, and
    the rules counted as one act."""
    rules = Counter((action, outcome) for action, outcome, rule in events if rule)
    kept: Events = {}
    for (action, outcome, rule), group in events.items():
        many = rules[action, outcome] > MOST_NAMED
        for event_id, sightings in group.items():
            same = kept.setdefault((action, outcome, "" if many else rule), {})
            same.setdefault(event_id, []).extend(sightings)
    return kept


def _act(key: Key, sightings: Sequence[Sighting], count: int, bindings: Bindings) -> Act:
    action, outcome, rule = key
    times = [s.event.time for s in sightings]
    assets = {s.asset for s in sightings} | {m for s in sightings for m in _mailboxes(s, bindings)}
    return Act(
        action=action,
        outcome=outcome,
        count=count,
        first=min(times),
        last=max(times),
        assets=tuple(sorted(assets)),
        details=_details(rule, sightings),
    )


def _mailboxes(sighting: Sighting, bindings: Bindings) -> Iterable[str]:
    """Accounts that the event names and that were this customer's at that time."""
    for asset in named_assets(recorded(sighting.event.summary)):
        if asset.startswith("mailbox:"):
            owners = {b.customer_id for b in bindings.naming({asset}, sighting.event.time)}
            if owners == {sighting.customer}:
                yield asset


def _details(rule: str, sightings: Sequence[Sighting]) -> dict[str, str]:
    told = [s.event.summary for s in sightings]
    shared = any(_is_shared(s) for s in sightings)
    if forwards(sightings[0]):
        targets = {to for summary in told for to in _texts(summary.get(FORWARDS_TO))}
        return _filled({"rule": "" if shared else rule, "target": ", ".join(sorted(targets))})
    if shared:
        return {}
    folders = {_folder(path) for s in told for path in _texts(s.get("file.path"))} - {""}
    files = {name for s in told for name in _texts(s.get("file.name"))}
    return _filled({"folders": _listed(folders), "files": _listed(files), "rule": rule})


def _is_shared(sighting: Sighting) -> bool:
    """Does the event touch other customers too? Nobody knows then whose folder, file or rule it names."""
    touched = {customer for customer, _, _ in sighting.event.touches}
    return bool(touched - {sighting.customer, PROVIDER})


def _rule(sighting: Sighting) -> str:
    """Name of the mailbox rule; firewalls and content checks have rules of their own."""
    if not any(word in sighting.action for word in MAILBOX_RULES):
        return ""
    return ", ".join(_texts(sighting.event.summary.get("rule.name")))


def forwards(sighting: Sighting) -> bool:
    """Does the event set a rule that sends mail on?"""
    return bool(_texts(sighting.event.summary.get(FORWARDS_TO)))


def _folder(path: str) -> str:
    parts = [part for part in FOLDERS.split(path) if part]
    return parts[-2] if len(parts) > 1 and "." in parts[-1] else ""


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) if len(names) <= MOST_NAMED else ""


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _filled(details: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in details.items() if value}
