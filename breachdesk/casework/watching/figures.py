"""Read the figures of sources and customers: rates, failures, lateness, copies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from breachdesk.casework.watching.rules import find_class
from breachdesk.ports import UnitOfWork
from schemas.customer import FrozenModel
from streams.ports import HourCount, SubjectKind
from streams.ports.counts import LATENESS_SECONDS

WEEK = 7 * 24
WEEKS = 4
DAY = 24


class IntakeFigures(FrozenModel):
    """What one source or customer sent in the last 24 hours, and how fast at present. Records of a
    customer are its events; lines that could not be read are counted for their source only."""

    name: str
    last_arrived: datetime | None = None
    last_event: datetime | None = None
    records_per_minute: float = 0.0
    """Over the last hour."""
    events_per_minute: float = 0.0
    usual_records_per_minute: float | None = None
    """In this hour of the week, of up to four weeks; of the last days where no week is known."""
    received: int = 0
    parsed: int = 0
    ignored: int = 0
    failures: int = 0
    failure_share: float = 0.0
    unattributed: int = 0
    copies: int = 0
    late: int = 0
    suspect: int = 0
    median_lateness: int | None = None
    """Seconds that half of the events are at most late: the upper bound of their class. None: there
    are none, or it has no bound."""
    p95_lateness: int | None = None
    most_late: float | None = None


def read_figures(
    uow: UnitOfWork, kind: SubjectKind, names: Collection[str], now: datetime
) -> Mapping[str, IntakeFigures]:
    """Read the figures of these names; one that sent nothing for long has empty ones."""
    seconds = now.timestamp()
    hour = int(seconds // 3600)
    weeks = [hour - week * WEEK for week in range(1, WEEKS + 1)]
    days = [hour - day * DAY for day in range(1, 7)]
    chosen = {hour, hour - 1, *weeks, *days}
    counts: dict[str, dict[int, HourCount]] = {name: {} for name in names}
    for count in uow.watch.list_chosen_hours(kind, chosen, names):
        counts[count.name][count.hour] = count
    sums = uow.watch.sum_hours(kind, hour + 1 - DAY, hour + 1, names)
    share = 1 - (seconds % 3600) / 3600
    return {
        name: build_figures(
            name,
            sums.get(name),
            counts[name].get(hour),
            counts[name].get(hour - 1),
            share,
            [counts[name][at] for at in weeks if at in counts[name]]
            or [counts[name][at] for at in days if at in counts[name]],
        )
        for name in names
    }


def build_figures(
    name: str,
    day: HourCount | None,
    current: HourCount | None,
    before: HourCount | None,
    share: float,
    usual: Sequence[HourCount],
) -> IntakeFigures:
    """Build the figures. `share`: of the hour before, how much belongs to the last sixty minutes."""
    if day is None:
        return IntakeFigures(name=name)
    received, parsed = (
        (getattr(current, field, 0) + share * getattr(before, field, 0)) / 60
        for field in ("received", "parsed")
    )
    return IntakeFigures(
        name=name,
        last_arrived=_to_time(day.last_arrived),
        last_event=_to_time(day.last_event),
        records_per_minute=received,
        events_per_minute=parsed,
        usual_records_per_minute=(
            sum(count.received for count in usual) / len(usual) / 60 if usual else None
        ),
        received=day.received,
        parsed=day.parsed,
        ignored=day.ignored,
        failures=day.failures,
        failure_share=day.failures / day.received if day.received else 0.0,
        unattributed=day.unattributed,
        copies=day.copies,
        late=day.late,
        suspect=day.suspect,
        median_lateness=_find_bound(day, 0.5),
        p95_lateness=_find_bound(day, 0.95),
        most_late=day.most_late,
    )


def _find_bound(count: HourCount, share: float) -> int | None:
    if not sum(count.lateness):
        return None
    number = find_class(count, share)
    return LATENESS_SECONDS[number] if number < len(LATENESS_SECONDS) else None


def _to_time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
