"""Count one batch by source, and events without a known owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from schemas.pipeline.event import Event, RawRecord
from schemas.pipeline.source import DeadLetter
from streams.ports import SourceCount, UnattributedCount


@dataclass(slots=True)
class SourceCounter:
    """Of one source in one batch."""

    parser: str = ""
    received: int = 0
    parsed: int = 0
    ignored: int = 0
    dead_letters: int = 0
    not_understood: int = 0
    late: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None
    last_arrived: datetime | None = None

    def record_ignored(self, parser: str) -> None:
        """Count a line that is understood and describes no act."""
        self.ignored += 1
        self.parser = parser

    def record_parsed(self, parser: str, event: Event) -> None:
        """Count a line that became this event."""
        self.parsed += 1
        self.parser = parser
        if not event.in_time:
            self.late += 1
        time = event.time
        if self.first_event is None or time < self.first_event:
            self.first_event = time
        if self.last_event is None or time > self.last_event:
            self.last_event = time


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

    def __init__(self) -> None:
        self.dead_letters: list[DeadLetter] = []
        """The unreadable and the not understood: both can be replayed."""
        self._sources: dict[str, SourceCounter] = {}
        self._whose: dict[tuple[str, str], _OwnerCounter] = {}

    def record_received(self, record: RawRecord) -> SourceCounter:
        """Count the record's arrival and return the counter of its source."""
        source = self._sources.get(record.source)
        if source is None:
            source = self._sources[record.source] = SourceCounter()
        source.received += 1
        arrived = record.arrived
        if source.last_arrived is None or arrived > source.last_arrived:
            source.last_arrived = arrived
        return source

    def record_not_understood(self, letter: DeadLetter, record: RawRecord) -> None:
        """Count a line that no parser claims."""
        self._sources[record.source].not_understood += 1
        self.dead_letters.append(letter)

    def record_unparseable(self, letter: DeadLetter, record: RawRecord) -> None:
        """Count a line that a parser claims and cannot read."""
        source = self._sources[record.source]
        source.dead_letters += 1
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
        return [
            SourceCount(
                source=name,
                parser=of.parser,
                received=of.received,
                parsed=of.parsed,
                ignored=of.ignored,
                dead_letters=of.dead_letters,
                not_understood=of.not_understood,
                late=of.late,
                first_event=of.first_event,
                last_event=of.last_event,
                last_arrived=of.last_arrived,
            )
            for name, of in sorted(self._sources.items())
        ]

    def list_unattributed(self) -> Sequence[UnattributedCount]:
        """List the counts by key and dataset."""
        return [
            UnattributedCount(key, of.events, of.first, of.last, of.dataset)
            for (key, _), of in sorted(self._whose.items())
        ]
