"""Count one batch by source, and events without a known owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas.pipeline.event import Event, RawRecord
from schemas.pipeline.source import DeadLetter
from streams.normalise.hour_counts import (
    HourCounter,
    OwnerCounter,
    RecentRecords,
    build_customer_count,
)
from streams.ports import HourCount, SourceCount, SourceSighting, UnattributedCount

HOUR = timedelta(hours=1)
NEVER = datetime(1, 1, 1, tzinfo=UTC)


class SourceCounter:
    """Of one source in one batch: a counter for each hour of arrival, and one for what a person
    fed."""

    __slots__ = (
        "_begin", "_end", "_hour", "_recent", "_seed", "backfill", "current", "hours", "is_copy",
        "minute", "name", "parser",
    )  # fmt: skip

    def __init__(self, name: str, recent: RecentRecords) -> None:
        self.name = name
        self.parser = ""
        self.hours: dict[int, HourCounter] = {}
        self.backfill: HourCounter | None = None
        self._recent = recent
        self._seed = hash(name)
        self._begin = self._end = NEVER
        self._hour = self.current = HourCounter()
        self.minute = 0
        """Of the record in hand, as a bit of its hour."""
        self.is_copy = False
        """Whether the record in hand is a copy of a recent one."""

    def record_received(self, record: RawRecord) -> None:
        """Count the record's arrival."""
        arrived = record.arrived
        if record.backfill:
            hour = self.backfill = self.backfill or HourCounter()
        else:
            if not self._begin <= arrived < self._end:
                self._move_to_hour(arrived)
            hour = self._hour
            self.minute = 1 << arrived.minute
            hour.minutes |= self.minute
        self.current = hour
        hour.received += 1
        self.is_copy = self._recent.is_copy(hash(record.raw) ^ self._seed, record.position.offset)
        if self.is_copy:
            if record.replay_of is None:
                hour.copies += 1
            else:
                self.is_copy = False
        if hour.last_arrived is None or arrived > hour.last_arrived:
            hour.last_arrived = arrived

    def _move_to_hour(self, arrived: datetime) -> None:
        number = int(arrived.timestamp() // 3600)
        hour = self.hours.get(number)
        if hour is None:
            hour = self.hours[number] = HourCounter()
        self._hour = hour
        self._begin = datetime.fromtimestamp(number * 3600, UTC)
        self._end = self._begin + HOUR

    def record_ignored(self, parser: str) -> None:
        """Count a line that is understood and describes no act."""
        self.current.ignored += 1
        self.parser = parser

    def record_parsed(self, parser: str, event: Event) -> None:
        """Count a line that became this event."""
        self.parser = parser
        self.current.get_owner(event).record_event(event, self.minute, self.is_copy)

    def build_count(self) -> SourceCount:
        """Sum the hours and the backfill."""
        counters = [*self.hours.values(), *([self.backfill] if self.backfill else ())]
        owners = [owner for each in counters for owner in each.list_owners()]
        arrivals = [each.last_arrived for each in counters if each.last_arrived is not None]
        return SourceCount(
            source=self.name,
            parser=self.parser,
            received=sum(each.received for each in counters),
            parsed=sum([owner.events for owner in owners]),
            ignored=sum(each.ignored for each in counters),
            dead_letters=sum(each.dead_letters for each in counters),
            not_understood=sum(each.not_understood for each in counters),
            late=sum([owner.late for owner in owners]),
            first_event=min([owner.first_event for owner in owners], default=None),
            last_event=max([owner.last_event for owner in owners], default=None),
            last_arrived=max(arrivals, default=None),
        )


@dataclass(slots=True)
class _OwnerCounter:
    events: int
    first: datetime
    last: datetime
    dataset: str


def sum_counts(counts: Sequence[SourceCount]) -> Sequence[SourceCount]:
    """Sum to one count a source, by name."""
    summed: dict[str, SourceCount] = {}
    for count in counts:
        known = summed.get(count.source)
        summed[count.source] = count if known is None else _sum(known, count)
    return [summed[name] for name in sorted(summed)]


def _sum(one: SourceCount, other: SourceCount) -> SourceCount:
    return SourceCount(
        source=one.source,
        parser=other.parser or one.parser,
        received=one.received + other.received,
        parsed=one.parsed + other.parsed,
        ignored=one.ignored + other.ignored,
        dead_letters=one.dead_letters + other.dead_letters,
        not_understood=one.not_understood + other.not_understood,
        late=one.late + other.late,
        first_event=_choose_known(min, one.first_event, other.first_event),
        last_event=_choose_known(max, one.last_event, other.last_event),
        last_arrived=_choose_known(max, one.last_arrived, other.last_arrived),
    )


def _choose_known(
    choose: Callable[[Iterable[datetime]], datetime], *times: datetime | None
) -> datetime | None:
    known = [time for time in times if time is not None]
    return choose(known) if known else None


class BatchCounter:
    """received = parsed + ignored + dead letters + not understood, for every source."""

    def __init__(self, recent: RecentRecords | None = None) -> None:
        """`recent`: records of earlier batches, to count copies of them."""
        self.dead_letters: list[DeadLetter] = []
        """The unreadable and the not understood: both can be replayed."""
        self._recent = RecentRecords() if recent is None else recent
        self._sources: dict[str, SourceCounter] = {}
        self._whose: dict[tuple[str, str], _OwnerCounter] = {}

    def record_received(self, record: RawRecord) -> SourceCounter:
        """Count the record's arrival and return the counter of its source."""
        source = self.get_source(record.source)
        source.record_received(record)
        return source

    def get_source(self, name: str) -> SourceCounter:
        """Return the counter of this source."""
        source = self._sources.get(name)
        if source is None:
            source = self._sources[name] = SourceCounter(name, self._recent)
        return source

    def record_not_understood(self, letter: DeadLetter, record: RawRecord) -> None:
        """Count a line that no parser claims."""
        hour = self._sources[record.source].current
        hour.not_understood += 1
        hour.record_failure(record.arrived)
        self.dead_letters.append(letter)

    def record_unparseable(self, letter: DeadLetter, record: RawRecord) -> None:
        """Count a line that a parser claims and cannot read."""
        source = self._sources[record.source]
        source.current.dead_letters += 1
        source.current.record_failure(record.arrived)
        source.parser = source.parser or letter.parser
        self.dead_letters.append(letter)

    def record_unattributed(self, event: Event, key: str) -> None:
        """Count an event without a known owner."""
        whose = self._whose.get((key, event.dataset))
        if whose is None:
            self._whose[key, event.dataset] = _OwnerCounter(
                1, event.time, event.time, event.dataset
            )
            return
        whose.events += 1
        whose.first = min(whose.first, event.time)
        whose.last = max(whose.last, event.time)

    def list_sources(self) -> Sequence[SourceCount]:
        """List the counts by source name."""
        return [source.build_count() for _, source in sorted(self._sources.items())]

    def list_hours(self) -> Sequence[HourCount]:
        """List the counts by kind, name and hour of arrival."""
        counts: list[HourCount] = []
        of_customers: dict[tuple[str, int], list[OwnerCounter]] = {}
        for name, source in self._sources.items():
            for number, hour in source.hours.items():
                counts.append(hour.build_count(name, number))
                for owner in hour.list_owners():
                    for customer in owner.list_customers():
                        of_customers.setdefault((customer, number), []).append(owner)
        counts += [build_customer_count(*key, owners) for key, owners in of_customers.items()]
        return sorted(counts, key=lambda count: (count.kind.value, count.name, count.hour))

    def list_sightings(self) -> Sequence[SourceSighting]:
        """List the newest hour in which each source told of each asset."""
        newest: dict[tuple[str, str, str], int] = {}
        for name, source in self._sources.items():
            for number, hour in sorted(source.hours.items()):
                for owner in hour.list_owners():
                    for customer, asset in owner.list_assets():
                        newest[customer, asset, name] = number
        return [SourceSighting(*names, number) for names, number in sorted(newest.items())]

    def list_unattributed(self) -> Sequence[UnattributedCount]:
        """List the counts by key and dataset."""
        return [
            UnattributedCount(key, of.events, of.first, of.last, of.dataset)
            for (key, _), of in sorted(self._whose.items())
        ]
