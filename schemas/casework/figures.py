"""Count one year of breaches and near misses, without names."""

from __future__ import annotations

from datetime import datetime

from schemas.customer import FrozenModel


class BreachCount(FrozenModel):
    """Breaches and near misses of one cause, month or role."""

    name: str
    breaches: int = 0
    near_misses: int = 0


class DurationSummary(FrozenModel):
    """How long something took, over the breaches of the year."""

    name: str
    count: int
    """Breaches in which both ends are known."""
    median_minutes: int | None = None
    longest_minutes: int | None = None
    longest_of: str | None = None
    """Id of the breach that took longest."""


class ReportCounts(FrozenModel):
    """Reports to the regulator by status; a breach may require two."""

    on_time: int = 0
    late: int = 0
    overdue: int = 0
    """Not submitted, and the time is over."""
    open: int = 0
    """Not submitted, and there is time."""
    not_to_report: int = 0
    """Decided, or waived, with reasons."""


class YearFigures(FrozenModel):
    """A breach counts in the year in which it was confirmed, a near miss in that in which its case
    was opened, both by local time."""

    year: int
    zone: str
    as_of: datetime
    drills: bool
    """True: drills alone; False: they are left out."""
    left_out: int
    """Breaches and near misses of the year that are of the other sort."""
    breaches: int
    near_misses: int
    by_cause: tuple[BreachCount, ...]
    by_month: tuple[BreachCount, ...]
    by_role: tuple[BreachCount, ...]
    customers: int
    """Reached or maybe reached, once a breach."""
    people: int
    """As the reports to the regulator number them, and the groups who are no customers."""
    people_unknown: int
    """Breaches for which nobody has given a number."""
    spans: tuple[DurationSummary, ...]
    reports: ReportCounts
