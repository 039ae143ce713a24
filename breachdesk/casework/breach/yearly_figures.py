"""Compute a year's figures from the documents of that year alone."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from breachdesk.casework.affected.group_records import list_affected
from breachdesk.casework.affected.notification_status import list_tellings
from breachdesk.casework.breach.register import summarise_affected
from breachdesk.casework.breach.reported_facts import list_reported_facts
from breachdesk.casework.obligations import list_reports
from breachdesk.casework.reading_ahead import read_ahead
from breachdesk.gdpr.causes import describe_cause
from breachdesk.ports import UnitOfWork
from schemas.casework.breach import Breach
from schemas.casework.case import Case
from schemas.casework.cause import BreachCause
from schemas.casework.figures import BreachCount, DurationSummary, ReportCounts, YearFigures
from schemas.casework.obligation import Obligation
from schemas.casework.report import Submission
from schemas.errors import BadInput
from schemas.text_signs import mark_hidden

EARLIEST, LATEST = 2018, 2199
"""The GDPR applies since 2018."""
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
UNSAID = "Nobody was asked"
"""Of breaches that were confirmed before causes were asked."""


@dataclass(frozen=True, slots=True)
class _BreachTimes:
    """The times of one breach."""

    breach: Breach
    first: datetime | None
    last: datetime | None
    reported: datetime | None


def compute_year(
    uow: UnitOfWork, year: int, zone: str, now: datetime, *, drills: bool = False
) -> YearFigures:
    """Compute the figures. Raises BadInput for an implausible year."""
    if not EARLIEST <= year <= LATEST:
        raise BadInput(f"the year {year} cannot be meant", place="year", remedy="Correct it.")
    begin, end = _compute_bounds(year, zone)
    every = uow.breaches.list_confirmed(begin, end)
    missed = [case for case in uow.cases.list_opened(begin, end) if case.near_miss]
    breaches = [breach for breach in every if breach.drill is drills]
    near = [case for case in missed if case.drill is drills]
    read_ahead(uow, breaches)
    cases = {breach.id: uow.cases.get(breach.case_id) for breach in breaches}
    affected = {breach.id: _get_affected(uow, cases[breach.id], breach) for breach in breaches}
    people, unknown = _count_people(uow, breaches)
    local = ZoneInfo(zone)
    return YearFigures(
        year=year,
        zone=zone,
        as_of=now,
        drills=drills,
        left_out=len(every) + len(missed) - len(breaches) - len(near),
        breaches=len(breaches),
        near_misses=len(near),
        by_cause=_count_by_cause(cases.values(), near),
        by_month=_count_by_month(breaches, near, local),
        by_role=_count_by_role(affected.values()),
        customers=sum(_count_reached(summary) for summary in affected.values()),
        people=people,
        people_unknown=unknown,
        spans=_compute_spans(
            [_collect_times(uow, breach, cases[breach.id]) for breach in breaches]
        ),
        reports=_count_reports(uow, breaches, now),
    )


def export_csv(figures: YearFigures) -> str:
    """Export one figure a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("year", "drills", "measure", "of", "value", "unit"))
    for measure, of, value, unit in _iterate_rows(figures):
        cell = "" if value is None else value
        writer.writerow((figures.year, figures.drills, measure, mark_hidden(of), cell, unit))
    return out.getvalue()


def _iterate_rows(figures: YearFigures) -> Iterator[tuple[str, str, int | None, str]]:
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


def _compute_bounds(year: int, zone: str) -> tuple[datetime, datetime]:
    local = ZoneInfo(zone)
    return (
        datetime(year, 1, 1, tzinfo=local).astimezone(UTC),
        datetime(year + 1, 1, 1, tzinfo=local).astimezone(UTC),
    )


def _get_affected(uow: UnitOfWork, case: Case, breach: Breach) -> dict[str, object]:
    if case.erased:
        return case.erased.model_dump(include={"customers", "roles"})
    return summarise_affected(uow, breach)


def _count_reached(summary: dict[str, object]) -> int:
    customers = summary.get("customers")
    if not isinstance(customers, dict):
        return 0
    return sum(count for certainty, count in customers.items() if certainty != "excluded")


def _count_by_cause(confirmed: Iterable[Case], near: Iterable[Case]) -> tuple[BreachCount, ...]:
    breaches, misses = Counter(c.cause for c in confirmed), Counter(c.cause for c in near)
    counted = [
        BreachCount(name=describe_cause(cause), breaches=breaches[cause], near_misses=misses[cause])
        for cause in BreachCause
    ]
    if breaches[None] or misses[None]:
        counted.append(BreachCount(name=UNSAID, breaches=breaches[None], near_misses=misses[None]))
    return tuple(counted)


def _count_by_month(
    breaches: Iterable[Breach], near: Iterable[Case], zone: ZoneInfo
) -> tuple[BreachCount, ...]:
    confirmed = Counter(b.confirmed_at.astimezone(zone).month for b in breaches)
    missed = Counter(c.opened_at.astimezone(zone).month for c in near)
    return tuple(
        BreachCount(name=name, breaches=confirmed[month], near_misses=missed[month])
        for month, name in enumerate(MONTHS, 1)
    )


def _count_by_role(affected: Iterable[dict[str, object]]) -> tuple[BreachCount, ...]:
    """Count by role; a breach may count under both."""
    counts: Counter[str] = Counter()
    for summary in affected:
        roles = summary.get("roles")
        counts.update(str(role) for role in roles) if isinstance(roles, list | tuple) else None
    return tuple(
        BreachCount(name=role, breaches=counts[role]) for role in ("controller", "processor")
    )


def _count_people(uow: UnitOfWork, breaches: Iterable[Breach]) -> tuple[int, int]:
    """Return how many people are counted, and in how many breaches the number is unknown. The
    reports' numbers include the groups; without a report the groups' own numbers count."""
    people = unknown = 0
    for breach in breaches:
        filed = [f.people.value for f in list_reported_facts(uow, breach.id)]
        reported = [count for count in filed if count is not None]
        groups = [g.people.value for g in list_affected(uow, breach.case_id)]
        known = [count for count in groups if count is not None]
        if reported:
            people += sum(reported)
        elif known:
            people += sum(known)
        else:
            unknown += 1
    return people, unknown


def _collect_times(uow: UnitOfWork, breach: Breach, case: Case) -> _BreachTimes:
    sent = [
        t.at for t in list_tellings(breach.id, uow.notices.list(breach_id=breach.id), case.tasks)
    ]
    for group in list_affected(uow, case.id):
        sent += [telling.told_at for telling in group.tellings]
    filed = [s.submitted_at for s in uow.breaches.list_versions(Submission, breach.id)]
    return _BreachTimes(
        breach, min(sent, default=None), max(sent, default=None), min(filed, default=None)
    )


def _compute_spans(times: Sequence[_BreachTimes]) -> tuple[DurationSummary, ...]:
    def span(
        name: str, ends: Iterable[tuple[str, datetime | None, datetime | None]]
    ) -> DurationSummary:
        known = [(b - a, breach) for breach, a, b in ends if a is not None and b is not None]
        if not known:
            return DurationSummary(name=name, count=0)
        longest, of = max(known)
        return DurationSummary(
            name=name,
            count=len(known),
            median_minutes=round(median(_to_minutes(length) for length, _ in known)),
            longest_minutes=_to_minutes(longest),
            longest_of=of,
        )

    return (
        span("first alert to awareness", ((t.breach.id, t.breach.detected_at, t.breach.aware_at) for t in times)),
        span("awareness to first notice", ((t.breach.id, t.breach.aware_at, t.first) for t in times)),
        span("awareness to last notice", ((t.breach.id, t.breach.aware_at, t.last) for t in times)),
        span("awareness to first report", ((t.breach.id, t.breach.aware_at, t.reported) for t in times)),
    )  # fmt: skip


def _to_minutes(length: timedelta) -> int:
    return round(length.total_seconds() / 60)


def _count_reports(uow: UnitOfWork, breaches: Iterable[Breach], now: datetime) -> ReportCounts:
    counts: Counter[str] = Counter()
    for breach in breaches:
        submitted = {s.jurisdiction for s in uow.breaches.list_versions(Submission, breach.id)}
        for duty in list_reports(uow, breach.id, now):
            counts[_classify_report(duty, now, submitted=duty.jurisdiction in submitted)] += 1
    return ReportCounts.model_validate(counts)


def _classify_report(duty: Obligation, now: datetime, *, submitted: bool) -> str:
    if submitted and duty.ended_at is not None:
        return "late" if duty.due is not None and duty.ended_at > duty.due else "on_time"
    if not duty.running:
        return "not_to_report"
    return "overdue" if duty.due is not None and now > duty.due else "open"
