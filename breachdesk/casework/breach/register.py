"""Compute the Art. 33(5) register (step 10) from recorded documents; it contains every breach."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from breachdesk.casework.affected.group_records import format_group_line, list_affected
from breachdesk.casework.breach.register_decisions import build_decision_fields
from breachdesk.casework.breach.register_notices import list_notices
from breachdesk.casework.breach.register_reports import build_report_fields
from breachdesk.casework.breach.reported_facts import list_reported_facts, sum_quantities
from breachdesk.casework.reading_ahead import read_ahead
from breachdesk.casework.records import suppliers
from breachdesk.gdpr import roles
from breachdesk.gdpr.causes import describe_cause
from breachdesk.ports import UnitOfWork
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseErasure
from schemas.casework.decision import Decision
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.list_outline import ListOutline
from schemas.casework.register import RegisterEntry
from schemas.casework.report import ReportFacts
from schemas.customer import DataRole
from schemas.errors import BadInput
from schemas.text_signs import escape_json, mark_hidden

T = TypeVar("T")
AT_ONCE = 20
"""Entries that are read together."""


class EntryKey(NamedTuple):
    """Key of an entry in the register's order."""

    id: str
    """Of the breach, or of the case that was a near miss."""
    is_breach: bool


class SnapshotRead(Protocol):
    """Runs work on a snapshot, as Store.read."""

    def __call__(self, work: Callable[[UnitOfWork], T], /) -> T: ...


FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet would take for a formula."""


def list_entries(uow: UnitOfWork, now: datetime) -> tuple[RegisterEntry, ...]:
    """List every breach, reported or not, and every near miss, newest first, as of `now`."""
    return list_page(uow, now, begin=0, limit=None)[0]


def list_page(
    uow: UnitOfWork, now: datetime, *, begin: int, limit: int | None
) -> tuple[tuple[RegisterEntry, ...], int]:
    """List up to `limit` entries from `begin` on, and how many entries there are."""
    places = _list_entry_keys(uow)
    end = len(places) if limit is None else begin + limit
    rows: list[RegisterEntry] = []
    for some in _iterate_slices(places[begin:end]):
        rows += _read(uow, some, now)
    return tuple(rows), len(places)


def iterate_entries(look: SnapshotRead, now: datetime) -> Iterator[RegisterEntry]:
    """Iterate over the entries as `list_entries` does, a batch at a time, each on a snapshot of its
    own: no snapshot is held while a reader waits, and no more than AT_ONCE entries are in memory.
    Entries present at the start are present until the end, for nothing leaves the register."""
    for some in _iterate_slices(look(_list_entry_keys)):
        yield from look(partial(_read, places=some, now=now))


def export_register(entries: Iterable[RegisterEntry], fmt: str) -> str:
    """Export the register: `json` is one array; `csv` one row an entry, lists joined by `; `.
    Raises BadInput."""
    return "".join(iterate_export(entries, fmt))


def iterate_export(entries: Iterable[RegisterEntry], fmt: str) -> Iterator[str]:
    """Iterate over the export, an entry at a time. Raises BadInput before the first."""
    if fmt == "json":
        return _iterate_json(entries)
    if fmt == "csv":
        return _iterate_csv(entries)
    raise BadInput(f"no format {fmt}", place="register export", remedy="Use json or csv.")


def _list_entry_keys(uow: UnitOfWork) -> Sequence[EntryKey]:
    """List the keys of every entry, in the order of the register."""
    dated = [(breach.confirmed_at, breach.id, True) for breach in uow.breaches.list()]
    dated += [
        (case.closed_at or case.opened_at, case.id, False) for case in uow.cases.list_near_misses()
    ]
    return [EntryKey(name, breach) for _, name, breach in sorted(dated, reverse=True)]


def _iterate_slices(places: Sequence[EntryKey]) -> Iterator[Sequence[EntryKey]]:
    for begin in range(0, len(places), AT_ONCE):
        yield places[begin : begin + AT_ONCE]


def _read(uow: UnitOfWork, places: Sequence[EntryKey], now: datetime) -> Sequence[RegisterEntry]:
    breach_ids = [place.id for place in places if place.is_breach]
    case_ids = [place.id for place in places if not place.is_breach]
    uow.breaches.read_ahead(breach_ids)
    breaches = {breach_id: uow.breaches.get(breach_id) for breach_id in breach_ids}
    read_ahead(uow, list(breaches.values()))
    uow.cases.read_ahead(case_ids)
    uow.records.read_ahead(case_ids)
    return [
        _build_breach_entry(uow, breaches[place.id], now)
        if place.is_breach
        else _build_near_miss_entry(uow, uow.cases.get(place.id), now)
        for place in places
    ]


def _build_breach_entry(uow: UnitOfWork, breach: Breach, now: datetime) -> RegisterEntry:
    book, case = uow.breaches, uow.cases.get(breach.case_id)
    filed = list_reported_facts(uow, breach.id)
    approvals = book.list_versions(Approval, breach.id)
    letter_fields = _get_told_fields(book.find_latest(NoticeFacts, breach.id), filed, breach)
    decision = book.find_latest(Decision, breach.id)
    if decision is not None and not letter_fields["effects"]:
        letter_fields["effects"] = decision.likely_harm or ""
    plain = _get_case_fields(uow, case, _list_measures(filed)) | letter_fields
    if case.erased:
        plain |= _get_erased_letter_fields(case.erased, filed)
    return RegisterEntry.model_validate(
        plain
        | _get_time_fields(breach)
        | (_get_erasure_fields(case.erased) if case.erased else summarise_affected(uow, breach))
        | build_decision_fields(book.list_versions(Decision, breach.id))
        | build_report_fields(uow, breach, now)
        | {
            "id": breach.id,
            "as_of": now,
            "title": breach.title,
            "drill": breach.drill,
            "break_glass": any(a.kind is ApprovalKind.BREAK_GLASS for a in approvals),
            "notices": list_notices(uow, breach, book.find_latest(ListOutline, breach.id)),
        }
    )


def _build_near_miss_entry(uow: UnitOfWork, case: Case, now: datetime) -> RegisterEntry:
    """Build a near miss's entry: causes, what happened, remedial action and why it was none."""
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
        _get_case_fields(uow, case)
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


def _get_case_fields(
    uow: UnitOfWork, case: Case, measures: Sequence[str] = ()
) -> dict[str, object]:
    steps = [c.text for c in case.containment if c.done_at]
    if case.near_miss_account and case.near_miss_account.done:
        steps.insert(0, case.near_miss_account.done)
    finding = case.cause_findings[-1] if case.cause_findings else None
    return {
        "case_id": case.id,
        "title": case.title,
        "drill": case.drill,
        "state": case.state.value,
        "origin": case.origin.value,
        "suppliers": suppliers.list_names(uow, case),
        "remedial_action": [*steps, *measures],
        "supplier_told_at": suppliers.find_first_told_at(uow, case),
        "closed_at": case.closed_at,
        "close_reason": case.close_reason,
        "cause": describe_cause(finding.cause) if finding else "",
        "cause_words": (finding.words or "") if finding else "",
    }


def _get_told_fields(
    letters: NoticeFacts | None, filed: Sequence[ReportFacts], breach: Breach
) -> dict[str, object]:
    """Return what the reports say, else what the letters say, else why it was confirmed. Effects
    that neither states are those that the decision expects."""
    reported_text = "\n".join(_deduplicate_texts(facts.what_happened for facts in filed))
    happened = reported_text or (letters and letters.what_happened)
    effects = [text for facts in filed for text in (facts.consequences, facts.actual_harm)]
    consequences = [text for own in (letters.words if letters else ()) for text in own.consequences]
    effects = _deduplicate_texts(effects) or _deduplicate_texts(consequences)
    fields: dict[str, object] = {
        "facts": happened or breach.reason,
        "effects": "\n".join(effects),
    }
    if filed:
        fields["people"] = sum_quantities(facts.people for facts in filed)
        fields["records"] = sum_quantities(facts.records for facts in filed)
    return fields


def _deduplicate_texts(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, (text.strip() for text in texts))))


def _list_measures(filed: Iterable[ReportFacts]) -> list[str]:
    """List what the reports say was done and is planned, besides containment."""
    texts: list[str] = []
    for facts in filed:
        texts.append(facts.measures_after)
        texts += [
            f"{step.what} ({'complete since' if step.done else 'expected by'} {step.on:%Y-%m-%d})"
            for step in facts.prevention
        ]
    return _deduplicate_texts(texts)


def _get_time_fields(breach: Breach) -> dict[str, object]:
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


def _get_erasure_fields(erasure: CaseErasure) -> dict[str, object]:
    """Return what was affected, as the erasure kept it."""
    return erasure.model_dump(include={"customers", "groups", "categories", "roles", "pecr"})


def _get_erased_letter_fields(
    erasure: CaseErasure, filed: Sequence[ReportFacts]
) -> dict[str, object]:
    """Return what the letters said, where no report says it."""
    fields: dict[str, object] = {}
    if erasure.what_happened and not any(f.what_happened for f in filed):
        fields["facts"] = erasure.what_happened
    if erasure.effects and not any(f.consequences or f.actual_harm for f in filed):
        fields["effects"] = "\n".join(erasure.effects)
    return fields


def summarise_affected(uow: UnitOfWork, breach: Breach) -> dict[str, object]:
    """Summarise who is affected: the frozen list, and people who are not customers."""
    groups = list_affected(uow, breach.case_id)
    summary = summarise_manifest(uow.breaches.find_latest(ListOutline, breach.id))
    summary["groups"] = [format_group_line(group) for group in groups]
    if groups:
        ours = {c.value for group in groups for c in group.data_categories}
        summary["categories"] = sorted({*_list_words(summary.get("categories")), *ours})
        summary["roles"] = sorted({*_list_words(summary.get("roles")), DataRole.CONTROLLER.value})
    return summary


def _list_words(value: object) -> Iterable[str]:
    return [str(word) for word in value] if isinstance(value, list) else ()


def summarise_manifest(manifest: ListOutline | None) -> dict[str, object]:
    """Summarise the list in numbers and words without names; empty when nothing is frozen."""
    if manifest is None:
        return {}
    reached = roles.select_reached(manifest.exposures)
    return {
        "customers": {sure.value: count for sure, count in manifest.customers.items()},
        "categories": sorted({c.value for e in reached for c in e.categories}),
        "roles": sorted({e.role.value for e in reached}),
        "pecr": roles.compute_pecr(manifest.exposures).value,
    }


def _iterate_json(entries: Iterable[RegisterEntry]) -> Iterator[str]:
    before = "[\n"
    for entry in entries:
        text = json.dumps(entry.model_dump(mode="json"), indent=2, ensure_ascii=False)
        yield before + textwrap.indent(escape_json(text), "  ")
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _iterate_csv(entries: Iterable[RegisterEntry]) -> Iterator[str]:
    columns = list(RegisterEntry.model_fields)
    yield _render_row(columns)
    for entry in entries:
        plain = entry.model_dump(mode="json")
        yield _render_row([format_cell(plain[name]) for name in columns])


def _render_row(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def format_cell(value: object) -> str:
    text = mark_hidden("; ".join(_iterate_parts(value)))
    begins = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if begins else text


def _iterate_parts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{key}={part}" for key, part in value.items() if part is not None)
    elif isinstance(value, list):
        for item in value:
            yield ", ".join(_iterate_parts(item)) if isinstance(item, dict) else str(item)
    elif isinstance(value, bool):
        yield "yes" if value else "no"
    elif value is not None:
        yield str(value)
