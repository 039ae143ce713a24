"""streams.ports.RecordReader over a child process.

The child ends a record that takes too long by itself. Where it cannot, it dies, and its parent finds
the record to blame: the one in hand. A death that may be an accident (somebody killed the child) is
no proof: the record is read once more, alone, by a new child, and is to blame if that one dies too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Lock

from schemas.errors import Retryable
from schemas.event import Position, RawRecord
from schemas.settings import Settings
from streams.normalise.recognise import SetAside
from streams.observed import ReadingMeter
from streams.parser_process import messages
from streams.parser_process.child_process import ChildProcess, Died
from streams.parser_process.slow_lines import SlowLines
from streams.ports import Outcome
from streams.readers import KEPT
from streams.reading_ended import ReadingEnded, Reason

MOST_SOURCES = 10_000
"""Kept in memory: whoever may send may invent names."""
MOST_ENDINGS = 1_000
"""Of which it is remembered that they were ended."""
MOST_RECORDS = 250
MOST_BYTES = 1024 * 1024
"""Of one request: while the parent works with its outcomes, the child reads the next."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Records to be read; `deaths`: children that died while these were to be read."""

    records: Sequence[RawRecord]
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class _Ended:
    """A record that is not read again."""

    outcome: ReadingEnded


class ParserProcess:
    """One call at a time, from any thread; `close` also while another thread reads."""

    def __init__(self, settings: Settings, meter: ReadingMeter) -> None:
        """The child starts with the first record."""
        self._settings = settings
        self._meter = meter
        self._sources = _Sources(settings)
        self._slow = SlowLines()
        self._endings = _Endings()
        self._child: ChildProcess | None = None
        self._was_started = False
        self._awaited = 0
        """Outcomes of the last request that have not come yet."""
        self._lock = Lock()
        self._is_reading = False
        self._is_closed = False

    def read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        """As the port. A record that was ended is not read again: a batch that is repeated, since
        the store refused it, does not cost its slow records anew."""
        ended = self._endings.among(records)
        fresh = records
        if ended:
            fresh = [each for number, each in enumerate(records) if number not in ended]
        with closing(self._read(fresh)) as outcomes:
            for number in range(len(records)):
                known = ended.get(number)
                if known is not None:
                    yield known
                    continue
                outcome = next(outcomes)
                if type(outcome) is not tuple:
                    self._tell(outcome)
                yield outcome

    def _read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        """The child reads a part while the parent works with the one before."""
        parts = _parts(records)
        part = next(parts, None)
        self._is_reading = True
        try:
            death = self._send(part) if part else None
            while part is not None:
                outcomes = self._outcomes(part, death)
                ahead = next(parts, None)
                death = self._send(ahead) if ahead else None
                yield from outcomes
                part = ahead
        finally:
            self._stop_reading()

    def close(self) -> None:
        """End the child. Whoever reads meanwhile gets Retryable."""
        with self._lock:
            self._is_closed = True
            is_idle = not self._is_reading
            if self._child is not None:
                self._child.kill()
        if is_idle:
            self._discard_child()

    @property
    def pid(self) -> int | None:
        """Of the child that runs now."""
        return self._child.pid if self._child else None

    def _outcomes(self, records: Sequence[RawRecord], death: Died | None) -> list[Outcome]:
        """Of records that were sent already, or could not be sent because the child has died."""
        outcomes: list[Outcome] = []
        waiting: list[_Part | _Ended] = [_Part(records)]
        is_sent = True
        while waiting:
            part = waiting.pop()
            if isinstance(part, _Ended):
                outcomes.append(part.outcome)
                continue
            before = len(outcomes)
            if not is_sent:
                death = self._send(part.records)
            is_sent = False
            death = death or self._receive(part.records, outcomes)
            if death is not None:
                waiting += reversed(self._after(death, part, len(outcomes) - before))
                death = None
        return outcomes

    def _send(self, records: Sequence[RawRecord]) -> Died | None:
        child = self._started_child()
        try:
            child.send(messages.request(records, self._sources.of(records)))
        except Died as death:
            self._discard_child()
            return death
        self._awaited = len(records)
        return None

    def _receive(self, records: Sequence[RawRecord], outcomes: list[Outcome]) -> Died | None:
        """Adds what comes to `outcomes`, up to the child's death."""
        assert self._child is not None
        done = 0
        try:
            for some in self._child.receive(len(records)):
                outcomes += some
                for number, outcome in enumerate(some, done):
                    if type(outcome) is ReadingEnded:
                        self._note(records[number], outcome)
                done += len(some)
                self._awaited -= len(some)
        except Died as death:
            self._discard_child()
            return death
        return None

    def _after(self, death: Died, part: _Part, done: int) -> list[_Part | _Ended]:
        """What is to be read of the part, now that its child has died."""
        left = part.records[done:]
        if death.record is None:
            return self._after_idle_death(death, _Part(left, part.deaths))
        number = death.record - done
        before, record, after = left[:number], left[number], left[number + 1 :]
        is_to_blame = death.certain or (part.deaths > 0 and len(left) == 1)
        this = self._ended(record, death) if is_to_blame else _Part([record], 1)
        parts = (_Part(before), this, _Part(after))
        return [each for each in parts if isinstance(each, _Ended) or each.records]

    def _after_idle_death(self, death: Died, part: _Part) -> list[_Part | _Ended]:
        """The child died with nothing in hand: killed from outside, or by what the records became.
        The second time they are halved."""
        records = part.records
        if part.deaths == 0:
            return [_Part(records, 1)]
        if len(records) == 1:
            return [self._ended(records[0], death)]
        middle = len(records) // 2
        return [_Part(records[:middle], 1), _Part(records[middle:], 1)]

    def _ended(self, record: RawRecord, death: Died) -> _Ended:
        problem = {
            Reason.SLOW: "reading it took too long and could not be interrupted",
            Reason.MEMORY: "reading it needed more memory than reading.memory_mib",
            Reason.ASLEEP: "reading it waited for something and did not go on",
            Reason.DIED: f"reading it ended the process ({death.how})",
        }[death.reason]
        outcome = ReadingEnded(problem, death.reason, place=death.parser, remedy=KEPT)
        self._note(record, outcome)
        return _Ended(outcome)

    def _note(self, record: RawRecord, outcome: ReadingEnded) -> None:
        """So that a new child sets aside what this one would, and none reads it again."""
        self._endings.add(record, outcome)
        of = (self._sources.account(record.source), outcome.place)
        if self._slow.note(of, len(record.raw), record.arrived):
            self._meter.setting_aside(outcome.place)

    def _tell(self, outcome: Outcome) -> None:
        if isinstance(outcome, ReadingEnded):
            self._meter.ended(outcome.place, outcome.reason)
        elif isinstance(outcome, SetAside):
            self._meter.set_aside()

    def _started_child(self) -> ChildProcess:
        """Raises Retryable once closed."""
        if self._child is None and not self._is_closed:
            child = ChildProcess(self._hello())
            with self._lock:
                self._child = child
            if self._was_started:
                self._meter.restarted()
            self._was_started = True
        if self._is_closed or self._child is None:
            raise _closed()
        return self._child

    def _hello(self) -> messages.Hello:
        reading = self._settings.reading
        return messages.Hello(
            seconds=reading.seconds,
            seconds_per_mebibyte=reading.seconds_per_mib,
            memory_mebibytes=reading.memory_mib,
            parsers=reading.parsers,
            slow=dict(self._slow.known()),
        )

    def _discard_child(self) -> None:
        """The next record gets another."""
        with self._lock:
            child, self._child = self._child, None
        self._awaited = 0
        if child is not None:
            child.close()

    def _stop_reading(self) -> None:
        """Outcomes that are still to come are not the next reading's."""
        if self._awaited and self._child is not None:
            with suppress(Died):
                for some in self._child.receive(self._awaited):
                    self._awaited -= len(some)
        if self._awaited:
            self._discard_child()
        with self._lock:
            self._is_reading = False
            is_closed = self._is_closed
        if is_closed:
            self._discard_child()


class _Endings:
    """The newest records that were ended."""

    def __init__(self) -> None:
        self._known: dict[tuple[Position, int], ReadingEnded] = {}

    def add(self, record: RawRecord, outcome: ReadingEnded) -> None:
        if len(self._known) >= MOST_ENDINGS:
            del self._known[next(iter(self._known))]
        self._known[record.position, hash(record.raw)] = outcome

    def among(self, records: Sequence[RawRecord]) -> Mapping[int, ReadingEnded]:
        """By the record's number in the sequence."""
        if not self._known:
            return {}
        known = enumerate(self._known.get((each.position, hash(each.raw))) for each in records)
        return {number: outcome for number, outcome in known if outcome is not None}


class _Sources:
    """What the child is told of the records' sources."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        intake = settings.intake
        self._named = {
            *(source.name for source in settings.sources),
            *intake.http_tokens,
            *intake.senders.values(),
        }
        self._known: dict[str, messages.Source] = {}

    def account(self, source: str) -> str:
        """Whom its slow lines count against (streams.parser_process.slow_lines)."""
        return source if source in self._named else ""

    def of(self, records: Sequence[RawRecord]) -> dict[str, messages.Source]:
        """By name."""
        if len(self._known) > MOST_SOURCES:
            self._known.clear()
        known = self._known
        return {
            name: known.get(name) or known.setdefault(name, self._source(name))
            for name in {record.source for record in records}
        }

    def _source(self, name: str) -> messages.Source:
        settings = self._settings.source(name)
        return messages.Source(name, settings.parser, settings.zone, self.account(name))


def _parts(records: Sequence[RawRecord]) -> Iterator[Sequence[RawRecord]]:
    begin, size = 0, 0
    for number, record in enumerate(records):
        is_full = number - begin >= MOST_RECORDS or size + len(record.raw) > MOST_BYTES
        if number > begin and is_full:
            yield records[begin:number]
            begin, size = number, 0
        size += len(record.raw)
    if records:
        yield records[begin:]


def _closed() -> Retryable:
    return Retryable("the process that reads records was told to end", remedy="Start again.")
