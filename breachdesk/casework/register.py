"""Step 10: the Art. 33(5) register, computed from what was recorded; every breach is in it."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from breachdesk.casework import suppliers
from breachdesk.casework.groups import affected_groups, group_line
from breachdesk.casework.reading_ahead import read_ahead
from breachdesk.casework.register_decided import decided
from breachdesk.casework.register_reports import reported
from breachdesk.casework.register_told import notices
from breachdesk.casework.reported_facts import reported_facts, together
from breachdesk.gdpr import roles
from breachdesk.gdpr.causes import cause_words
from breachdesk.ports import UnitOfWork
from schemas.approval import Approval, ApprovalKind
from schemas.breach import Breach
from schemas.case import Case, Erasure
from schemas.customer import Role
from schemas.decision import Decision
from schemas.errors import BadInput
from schemas.letter_facts import NoticeFacts
from schemas.list_outline import ListOutline
from schemas.register import RegisterEntry
from schemas.report import ReportFacts
from schemas.signs import escaped_json, shown

T = TypeVar("T")
AT_ONCE = 20
"""Entries that are read together."""


class Place(NamedTuple):
    """Where an entry stands in the register."""

    id: str
    """Of the breach, or of the case that was a near miss."""
    is_breach: bool


class Look(Protocol):
    """Runs work on a snapshot, as Store.look."""

    def __call__(self, work: Callable[[UnitOfWork], T], /) -> T: ...


FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet would take for a formula."""


def entries(uow: UnitOfWork, now: datetime) -> tuple[RegisterEntry, ...]:
    """Every breach, reported or not, and every near miss, newest first, as of `now`."""
    return page(uow, now, begin=0, limit=None)[0]


def page(
    uow: UnitOfWork, now: datetime, *, begin: int, limit: int | None
) -> tuple[tuple[RegisterEntry, ...], int]:
    """So many entries from the one at `begin` on, and how many there are."""
    places = _places(uow)
    end = len(places) if limit is None else begin + limit
    found: list[RegisterEntry] = []
    for some in _slices(places[begin:end]):
        found += _read(uow, some, now)
    return tuple(found), len(places)


def stream(look: Look, now: datetime) -> Iterator[RegisterEntry]:
    """As `entries`, some at a time, each time on a snapshot of its own: no snapshot is held while a
    reader waits, and no more than AT_ONCE entries are in memory. What was there at the first is
    there to the end, for nothing leaves the register."""
    for some in _slices(look(_places)):
        yield from look(partial(_read, places=some, now=now))


def export(entries: Iterable[RegisterEntry], fmt: str) -> str:
    """`json`: one array; `csv`: one row an entry, lists joined by `; `. Raises BadInput."""
    return "".join(pieces(entries, fmt))


def pieces(entries: Iterable[RegisterEntry], fmt: str) -> Iterator[str]:
    """The export, an entry at a time. Raises BadInput, before the first."""
    if fmt == "json":
        return _json(entries)
    if fmt == "csv":
        return _csv(entries)
    raise BadInput(f"no format {fmt}", place="register export", remedy="Use json or csv.")


def _places(uow: UnitOfWork) -> Sequence[Place]:
    """Of every entry, in the order of the register."""
    dated = [(breach.confirmed_at, breach.id, True) for breach in uow.breaches.list()]
    dated += [
        (case.closed_at or case.opened_at, case.id, False) for case in uow.cases.near_misses()
    ]
    return [Place(name, breach) for _, name, breach in sorted(dated, reverse=True)]


def _slices(places: Sequence[Place]) -> Iterator[Sequence[Place]]:
    for begin in range(0, len(places), AT_ONCE):
        yield places[begin : begin + AT_ONCE]


def _read(uow: UnitOfWork, places: Sequence[Place], now: datetime) -> Sequence[RegisterEntry]:
    breach_ids = [place.id for place in places if place.is_breach]
    case_ids = [place.id for place in places if not place.is_breach]
    uow.breaches.read_ahead(breach_ids)
    breaches = {breach_id: uow.breaches.get(breach_id) for breach_id in breach_ids}
    read_ahead(uow, list(breaches.values()))
    uow.cases.read_ahead(case_ids)
    uow.records.read_ahead(case_ids)
    return [
        _of_breach(uow, breaches[place.id], now)
        if place.is_breach
        else _of_case(uow, uow.cases.get(place.id), now)
        for place in places
    ]


def _of_breach(uow: UnitOfWork, breach: Breach, now: datetime) -> RegisterEntry:
    book, case = uow.breaches, uow.cases.get(breach.case_id)
    filed = reported_facts(uow, breach.id)
    approvals = book.all(Approval, breach.id)
    told = _told(book.latest(NoticeFacts, breach.id), filed, breach)
    decision = book.latest(Decision, breach.id)
    if decision is not None and not told["effects"]:
        told["effects"] = decision.likely_harm or ""
    plain = _plain(uow, case, _measures(filed)) | told
    if case.erased:
        plain |= _after_erasure(case.erased, filed)
    return RegisterEntry.model_validate(
        plain
        | _times(breach)
        | (_kept(case.erased) if case.erased else affected_in(uow, breach))
        | decided(book.all(Decision, breach.id))
        | reported(uow, breach, now)
        | {
            "id": breach.id,
            "as_of": now,
            "title": breach.title,
            "drill": breach.drill,
            "break_glass": any(a.kind is ApprovalKind.BREAK_GLASS for a in approvals),
            "notices": notices(uow, breach, book.latest(ListOutline, breach.id)),
        }
    )


def _of_case(uow: UnitOfWork, case: Case, now: datetime) -> RegisterEntry:
    """A near miss: causes, what happened, remedial action and why it was none."""
    facts = "\n".join((case.known, *(note.text for note in case.notes))).strip()
    if case.erased:
        facts = case.erased.what_happened
    account = case.near_miss_account
    typed: dict[str, object] = {}
    if account is not None:
        typed = {
            "noticed_at": account.noticed_at,
            "people": account.people,
            "categories": sorted(account.data_categories),
        }
    return RegisterEntry.model_validate(
        _plain(uow, case)
        | typed
        | {
            "id": case.id,
            "as_of": now,
            "near_miss": True,
            "facts": facts,
            "effects": f"No breach: {case.close_reason}",
            "discovered_at": account.noticed_at if account else case.opened_at,
        }
    )


def _plain(uow: UnitOfWork, case: Case, measures: Sequence[str] = ()) -> dict[str, object]:
    done = [c.text for c in case.containment if c.done_at]
    if case.near_miss_account and case.near_miss_account.done:
        done.insert(0, case.near_miss_account.done)
    said = case.cause_findings[-1] if case.cause_findings else None
    return {
        "case_id": case.id,
        "title": case.title,
        "drill": case.drill,
        "state": case.state.value,
        "origin": case.origin.value,
        "suppliers": suppliers.names(uow, case),
        "remedial_action": [*done, *measures],
        "supplier_told_at": suppliers.first_told_at(uow, case),
        "closed_at": case.closed_at,
        "close_reason": case.close_reason,
        "cause": cause_words(said.cause) if said else "",
        "cause_words": (said.words or "") if said else "",
    }


def _told(
    letters: NoticeFacts | None, filed: Sequence[ReportFacts], breach: Breach
) -> dict[str, object]:
    """What the reports say, else what the letters say, else why it was confirmed. Effects that
    neither says are those that the decision expects."""
    said = "\n".join(_once(facts.what_happened for facts in filed))
    happened = said or (letters and letters.what_happened)
    effects = [text for facts in filed for text in (facts.consequences, facts.actual_harm)]
    written = [text for own in (letters.words if letters else ()) for text in own.consequences]
    effects = _once(effects) or _once(written)
    found: dict[str, object] = {
        "facts": happened or breach.reason,
        "effects": "\n".join(effects),
    }
    if filed:
        found["people"] = together(facts.people for facts in filed)
        found["records"] = together(facts.records for facts in filed)
    return found


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, (text.strip() for text in texts))))


def _measures(filed: Iterable[ReportFacts]) -> list[str]:
    """What the reports say was done and is planned, beside containment."""
    said: list[str] = []
    for facts in filed:
        said.append(facts.measures_after)
        said += [
            f"{step.what} ({'complete since' if step.done else 'expected by'} {step.on:%Y-%m-%d})"
            for step in facts.prevention
        ]
    return _once(said)


def _times(breach: Breach) -> dict[str, object]:
    moved = [
        f"{a.aware_at:%Y-%m-%d %H:%M} UTC, declared by {a.declared_by} at {a.declared_at:%Y-%m-%d %H:%M} UTC"
        for a in breach.awareness[:-1]
    ]
    names = ("occurred_from", "occurred_to", "detected_at", "discovered_at", "aware_at")
    return {name: getattr(breach, name) for name in names} | {
        "confirmed_at": breach.confirmed_at,
        "confirmed_by": breach.confirmed_by,
        "aware_history": moved,
    }


def _kept(erasure: Erasure) -> dict[str, object]:
    """What was affected, as the erasure kept it."""
    return erasure.model_dump(include={"customers", "groups", "categories", "roles", "pecr"})


def _after_erasure(erasure: Erasure, filed: Sequence[ReportFacts]) -> dict[str, object]:
    """What the letters said, where no report says it."""
    kept: dict[str, object] = {}
    if erasure.what_happened and not any(f.what_happened for f in filed):
        kept["facts"] = erasure.what_happened
    if erasure.effects and not any(f.consequences or f.actual_harm for f in filed):
        kept["effects"] = "\n".join(erasure.effects)
    return kept


def affected_in(uow: UnitOfWork, breach: Breach) -> dict[str, object]:
    """By the frozen list, and beside it people who are no customers."""
    groups = affected_groups(uow, breach.case_id)
    found = affected_of(uow.breaches.latest(ListOutline, breach.id))
    found["groups"] = [group_line(group) for group in groups]
    if groups:
        ours = {c.value for group in groups for c in group.data_categories}
        found["categories"] = sorted({*_words(found.get("categories")), *ours})
        found["roles"] = sorted({*_words(found.get("roles")), Role.CONTROLLER.value})
    return found


def _words(found: object) -> Iterable[str]:
    return [str(word) for word in found] if isinstance(found, list) else ()


def affected_of(manifest: ListOutline | None) -> dict[str, object]:
    """Who and what is affected, in numbers and words without names; empty: nothing is frozen."""
    if manifest is None:
        return {}
    reached = roles.reached(manifest.exposures)
    return {
        "customers": {sure.value: count for sure, count in manifest.customers.items()},
        "categories": sorted({c.value for e in reached for c in e.categories}),
        "roles": sorted({e.role.value for e in reached}),
        "pecr": roles.pecr(manifest.exposures).value,
    }


def _json(entries: Iterable[RegisterEntry]) -> Iterator[str]:
    before = "[\n"
    for entry in entries:
        text = json.dumps(entry.model_dump(mode="json"), indent=2, ensure_ascii=False)
        yield before + textwrap.indent(escaped_json(text), "  ")
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _csv(entries: Iterable[RegisterEntry]) -> Iterator[str]:
    columns = list(RegisterEntry.model_fields)
    yield _row(columns)
    for entry in entries:
        plain = entry.model_dump(mode="json")
        yield _row([cell(plain[name]) for name in columns])


def _row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def cell(value: object) -> str:
    text = shown("; ".join(_parts(value)))
    begins = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if begins else text


def _parts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{key}={part}" for key, part in value.items() if part is not None)
    elif isinstance(value, list):
        for item in value:
            yield ", ".join(_parts(item)) if isinstance(item, dict) else str(item)
    elif isinstance(value, bool):
        yield "yes" if value else "no"
    elif value is not None:
        yield str(value)
