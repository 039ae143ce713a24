"""A year in figures, computed from the documents of that year alone."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from breachdesk.casework.groups import affected_groups
from breachdesk.casework.obligations import reports_of
from breachdesk.casework.reading_ahead import read_ahead
from breachdesk.casework.register import affected_in
from breachdesk.casework.reported_facts import reported_facts
from breachdesk.casework.told import tellings
from breachdesk.gdpr.causes import cause_words
from breachdesk.ports import UnitOfWork
from schemas.breach import Breach
from schemas.case import Case
from schemas.cause import Cause
from schemas.errors import BadInput
from schemas.figures import Counted, Reports, Span, YearFigures
from schemas.obligation import Obligation, ObligationKind
from schemas.report import Submission
from schemas.signs import shown

EARLIEST, LATEST = 2018, 2199
"""The GDPR applies since 2018."""
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
UNSAID = "Nobody was asked"
"""Of breaches that were confirmed before causes were asked."""
REPORTED = {ObligationKind.ICO_ART33: "uk_ico", ObligationKind.ICO_PECR: "uk_pecr"}


@dataclass(frozen=True, slots=True)
class _Times:
    """Of one breach."""

    breach: Breach
    first: datetime | None
    last: datetime | None
    reported: datetime | None


def of_year(
    uow: UnitOfWork, year: int, zone: str, now: datetime, *, drills: bool = False
) -> YearFigures:
    """Raises BadInput for a year that cannot be meant."""
    if not EARLIEST <= year <= LATEST:
        raise BadInput(f"the year {year} cannot be meant", place="year", remedy="Correct it.")
    begin, end = _bounds(year, zone)
    every = uow.breaches.confirmed(begin, end)
    missed = [case for case in uow.cases.opened(begin, end) if case.near_miss]
    breaches = [breach for breach in every if breach.drill is drills]
    near = [case for case in missed if case.drill is drills]
    read_ahead(uow, breaches)
    cases = {breach.id: uow.cases.get(breach.case_id) for breach in breaches}
    affected = {breach.id: _affected(uow, cases[breach.id], breach) for breach in breaches}
    people, unknown = _people(uow, breaches)
    local = ZoneInfo(zone)
    return YearFigures(
        year=year,
        zone=zone,
        as_of=now,
        drills=drills,
        left_out=len(every) + len(missed) - len(breaches) - len(near),
        breaches=len(breaches),
        near_misses=len(near),
        by_cause=_by_cause(cases.values(), near),
        by_month=_by_month(breaches, near, local),
        by_role=_by_role(affected.values()),
        customers=sum(_reached(found) for found in affected.values()),
        people=people,
        people_unknown=unknown,
        spans=_spans([_times(uow, breach, cases[breach.id]) for breach in breaches]),
        reports=_reports(uow, breaches, now),
    )


def export_csv(figures: YearFigures) -> str:
    """One figure a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("year", "drills", "measure", "of", "value", "unit"))
    for measure, of, value, unit in _rows(figures):
        cell = "" if value is None else value
        writer.writerow((figures.year, figures.drills, measure, shown(of), cell, unit))
    return out.getvalue()


def _rows(figures: YearFigures) -> Iterator[tuple[str, str, int | None, str]]:
    yield "breaches", "all", figures.breaches, "breaches"
    yield "near misses", "all", figures.near_misses, "near misses"
    for name, counts in (
        ("cause", figures.by_cause), ("month", figures.by_month), ("role", figures.by_role),
    ):  # fmt: skip
        for counted in counts:
            yield f"breaches by {name}", counted.name, counted.breaches, "breaches"
            if name != "role":
                yield f"near misses by {name}", counted.name, counted.near_misses, "near misses"
    yield "customers reached or maybe reached", "all", figures.customers, "customers"
    yield "people affected", "as numbered", figures.people, "people"
    yield "people affected", "number not known", figures.people_unknown, "breaches"
    for span in figures.spans:
        yield span.name, "breaches with both ends", span.count, "breaches"
        yield span.name, "median", span.median_minutes, "minutes"
        yield span.name, "longest", span.longest_minutes, "minutes"
    for name, value in figures.reports.model_dump().items():
        yield "reports to the regulator", name.replace("_", " "), value, "reports"
    yield "left out", "real ones" if figures.drills else "drills", figures.left_out, "entries"


def _bounds(year: int, zone: str) -> tuple[datetime, datetime]:
    local = ZoneInfo(zone)
    return (
        datetime(year, 1, 1, tzinfo=local).astimezone(UTC),
        datetime(year + 1, 1, 1, tzinfo=local).astimezone(UTC),
    )


def _affected(uow: UnitOfWork, case: Case, breach: Breach) -> dict[str, object]:
    if case.erased:
        return case.erased.model_dump(include={"customers", "roles"})
    return affected_in(uow, breach)


def _reached(found: dict[str, object]) -> int:
    customers = found.get("customers")
    if not isinstance(customers, dict):
        return 0
    return sum(count for certainty, count in customers.items() if certainty != "excluded")


def _by_cause(confirmed: Iterable[Case], near: Iterable[Case]) -> tuple[Counted, ...]:
    breaches, misses = Counter(c.cause for c in confirmed), Counter(c.cause for c in near)
    counted = [
        Counted(name=cause_words(cause), breaches=breaches[cause], near_misses=misses[cause])
        for cause in Cause
    ]
    if breaches[None] or misses[None]:
        counted.append(Counted(name=UNSAID, breaches=breaches[None], near_misses=misses[None]))
    return tuple(counted)


def _by_month(
    breaches: Iterable[Breach], near: Iterable[Case], zone: ZoneInfo
) -> tuple[Counted, ...]:
    confirmed = Counter(b.confirmed_at.astimezone(zone).month for b in breaches)
    missed = Counter(c.opened_at.astimezone(zone).month for c in near)
    return tuple(
        Counted(name=name, breaches=confirmed[month], near_misses=missed[month])
        for month, name in enumerate(MONTHS, 1)
    )


def _by_role(affected: Iterable[dict[str, object]]) -> tuple[Counted, ...]:
    """A breach may stand under both."""
    counts: Counter[str] = Counter()
    for found in affected:
        roles = found.get("roles")
        counts.update(str(role) for role in roles) if isinstance(roles, list | tuple) else None
    return tuple(Counted(name=role, breaches=counts[role]) for role in ("controller", "processor"))


def _people(uow: UnitOfWork, breaches: Iterable[Breach]) -> tuple[int, int]:
    """How many as numbered, and in how many breaches nobody has given a number. The reports'
    numbers hold the groups too; without one the groups' own numbers count."""
    people = unknown = 0
    for breach in breaches:
        filed = [f.people.value for f in reported_facts(uow, breach.id)]
        reported = [count for count in filed if count is not None]
        groups = [g.people.value for g in affected_groups(uow, breach.case_id)]
        known = [count for count in groups if count is not None]
        if reported:
            people += sum(reported)
        elif known:
            people += sum(known)
        else:
            unknown += 1
    return people, unknown


def _times(uow: UnitOfWork, breach: Breach, case: Case) -> _Times:
    sent = [t.at for t in tellings(breach.id, uow.notices.list(breach_id=breach.id), case.tasks)]
    for group in affected_groups(uow, case.id):
        sent += [telling.told_at for telling in group.tellings]
    filed = [s.submitted_at for s in uow.breaches.all(Submission, breach.id)]
    return _Times(
        breach, min(sent, default=None), max(sent, default=None), min(filed, default=None)
    )


def _spans(times: Sequence[_Times]) -> tuple[Span, ...]:
    def span(name: str, ends: Iterable[tuple[str, datetime | None, datetime | None]]) -> Span:
        known = [(b - a, breach) for breach, a, b in ends if a is not None and b is not None]
        if not known:
            return Span(name=name, count=0)
        longest, of = max(known)
        return Span(
            name=name,
            count=len(known),
            median_minutes=round(median(_minutes(length) for length, _ in known)),
            longest_minutes=_minutes(longest),
            longest_of=of,
        )

    return (
        span("first alert to awareness", ((t.breach.id, t.breach.detected_at, t.breach.aware_at) for t in times)),
        span("awareness to first notice", ((t.breach.id, t.breach.aware_at, t.first) for t in times)),
        span("awareness to last notice", ((t.breach.id, t.breach.aware_at, t.last) for t in times)),
        span("awareness to first report", ((t.breach.id, t.breach.aware_at, t.reported) for t in times)),
    )  # fmt: skip


def _minutes(length: timedelta) -> int:
    return round(length.total_seconds() / 60)


def _reports(uow: UnitOfWork, breaches: Iterable[Breach], now: datetime) -> Reports:
    counts: Counter[str] = Counter()
    for breach in breaches:
        submitted = {s.jurisdiction for s in uow.breaches.all(Submission, breach.id)}
        for duty in reports_of(uow, breach.id, now):
            if duty.kind in REPORTED:
                counts[_standing(duty, now, submitted=REPORTED[duty.kind] in submitted)] += 1
    return Reports.model_validate(counts)


def _standing(duty: Obligation, now: datetime, *, submitted: bool) -> str:
    if submitted and duty.ended_at is not None:
        return "late" if duty.due is not None and duty.ended_at > duty.due else "on_time"
    if not duty.running:
        return "not_to_report"
    return "overdue" if duty.due is not None and now > duty.due else "open"
