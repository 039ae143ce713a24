"""Compute deadlines: hours are exact arithmetic in UTC, days and months follow the local calendar.

Hours are real hours: no clock change, weekend or bank holiday moves them (Regulation 1182/71,
Art. 3(3) and 3(4), as we read it; the roll to a working day is for periods not in hours). Days and
months end at the same local time on a later day, and never roll to a working day: that is never
later than the law allows."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.law import Provision
from schemas.times import convert_to_utc

UNITED_KINGDOM = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class LegalDeadline:
    """A limit. `due` drives every countdown; the outer bound is only ever a note."""

    started_at: datetime
    due: datetime
    formal_outer_bound: datetime
    """Art. 3(1): the hour, or the day, in which the event falls is not counted."""


def compute_deadline(provision: Provision, start: datetime) -> LegalDeadline | None:
    """Compute the limit that the provision gives from the start. None: it gives no figure. Raises
    BadInput for a time without a zone."""
    zone = ZoneInfo(provision.zone)
    if provision.hours is not None:
        return compute_deadline_in_hours(start, provision.hours)
    if provision.days is not None:
        return compute_deadline_in_days(start, provision.days, zone)
    if provision.months is not None:
        return compute_deadline_in_months(start, provision.months, zone)
    return None


def compute_deadline_in_hours(start: datetime, hours: int) -> LegalDeadline:
    """Compute the limit `hours` after the start. Raises BadInput for a time without a zone."""
    begin = convert_to_utc(start)
    due = begin + timedelta(hours=hours)
    return LegalDeadline(begin, due, _round_to_full_hour(due))


def compute_deadline_in_days(
    start: datetime, days: int, zone: ZoneInfo = UNITED_KINGDOM
) -> LegalDeadline:
    """Compute the same local time, `days` after the local day of the start. Raises BadInput for a
    time without a zone."""
    local = convert_to_utc(start).astimezone(zone)
    return _compute_local_deadline(local, local.date() + timedelta(days=days), zone)


def compute_deadline_in_months(
    start: datetime, months: int, zone: ZoneInfo = UNITED_KINGDOM
) -> LegalDeadline:
    """Compute the same local time on the same day of a later month, else on its last day. Raises
    BadInput for a time without a zone."""
    local = convert_to_utc(start).astimezone(zone)
    return _compute_local_deadline(local, add_months(local.date(), months), zone)


def compute_end_of_days(start: datetime, count: int, zone: ZoneInfo = UNITED_KINGDOM) -> datetime:
    """Compute when a period of `count` days ends, in UTC."""
    return compute_deadline_in_days(start, count, zone).due


def compute_end_of_month(start: datetime, zone: ZoneInfo = UNITED_KINGDOM) -> datetime:
    """Compute when a period of one month ends, in UTC."""
    return compute_deadline_in_months(start, 1, zone).due


def is_late(at: datetime, due: datetime) -> bool:
    """Whether `at` is after `due`, on unrounded seconds: 72:00:00 is in time, 72:00:01 is late."""
    return convert_to_utc(at) > convert_to_utc(due)


def compute_shadow_deadline(
    detected_at: datetime | None, aware_at: datetime, provision: Provision
) -> LegalDeadline | None:
    """Compute the deadline for a regulator who holds that awareness was the first alert. None: it
    is no earlier, or the provision gives no figure."""
    if detected_at is None or convert_to_utc(detected_at) >= convert_to_utc(aware_at):
        return None
    return compute_deadline(provision, detected_at)


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, else its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def _compute_local_deadline(start: datetime, day: date, zone: ZoneInfo) -> LegalDeadline:
    wall = datetime.combine(day, start.time().replace(fold=0))
    midnight = datetime.combine(day + timedelta(days=1), time())
    return LegalDeadline(
        start.astimezone(UTC),
        _convert_to_earliest(wall, zone),
        _convert_to_earliest(midnight, zone),
    )


def _convert_to_earliest(wall: datetime, zone: ZoneInfo) -> datetime:
    """Convert to UTC. A local time that occurs twice, or never, is read as the earlier moment."""
    readings = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return min(readings)


def _round_to_full_hour(moment: datetime) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + timedelta(hours=1)
