"""Implement streams.ports.RecordReader over a child process.

The child itself ends a record that takes too long. Where it cannot, it dies, and its parent blames
the record that it was reading. A death that may be an accident (somebody killed the child) is no
proof: a new child reads the record once more, alone, and the record is to blame if that child dies
too."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Lock

from schemas.errors import RetryableError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import Settings
from streams.normalise.record_readers import REPLAY_REMEDY
from streams.normalise.refusals import SetAside
from streams.parser_process import messages
from streams.parser_process.child_process import ChildDied, ChildProcess
from streams.parser_process.slow_lines import SlowLines
from streams.ports import Outcome
from streams.ports.metrics import ParserMetrics
from streams.reading_ended import EndReason, ReadingEnded

MOST_SOURCES = 10_000
"""Kept in memory: whoever may send may invent names."""
MOST_ENDINGS = 1_000
"""Of which it is remembered that they were ended."""
MOST_RECORDS = 250
MOST_BYTES = 1024 * 1024
"""Of one request: while the parent works with its outcomes, the child reads the next."""
MOST_MIXED_RECORDS = 1_000
"""Of one request where all lines come from one source of many formats: the more are read together,
the more lines of one format follow one another."""


@dataclass(frozen=True, slots=True)
class _BatchPart:
    """Records to be read; `deaths`: children that died while these were to be read."""

    records: Sequence[RawRecord]
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class _EndedRecord:
    """A record that is not read again."""

    outcome: ReadingEnded


class ParserProcess:
    """One call at a time, from any thread; `close` also while another thread reads."""

    def __init__(
        self, settings: Settings, meter: ParserMetrics, *, most_records: int = MOST_RECORDS
    ) -> None:
        """Create the reader; the child starts with the first record. `most_records`: of one
        request."""
        self._most_records = most_records
        self._settings = settings
        self._meter = meter
        self._sources = _SourceMessages(settings)
        self._slow = SlowLines()
        self._endings = _RecentEndings()
        self._child: ChildProcess | None = None
        self._was_started = False
        self._awaited = 0
        """Outcomes of the last request that have not come yet."""
        self._lock = Lock()
        self._is_reading = False
        self._is_closed = False

    def read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        """Yield one outcome for each record. A record that was ended is not read again: a batch
        that is repeated, because the store refused it, does not cost its slow records again."""
        ended = self._endings.find_among(records)
        fresh = records
        if ended:
            fresh = [each for number, each in enumerate(records) if number not in ended]
        with closing(self._read(fresh)) as outcomes:
            number = 0
            for outcome in outcomes:
                while ended and number in ended:
                    yield ended[number]
                    number += 1
                if type(outcome) is not tuple:
                    self._record_outcome(outcome)
                yield outcome
                number += 1
            for last in range(number, len(records)):
                yield ended[last]

    def _read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        """Read in parts: the child reads one while the parent works with the one before."""
        parts = _split_parts(records, self._most_records)
        part = next(parts, None)
        self._is_reading = True
        try:
            death = self._send(part) if part else None
            while part is not None:
                outcomes = self._resolve_outcomes(part, death)
                ahead = next(parts, None)
                death = self._send(ahead) if ahead else None
                yield from outcomes
                part = ahead
        finally:
            self._stop_reading()

    def close(self) -> None:
        """End the child. Whoever reads meanwhile gets RetryableError."""
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

    def _resolve_outcomes(
        self, records: Sequence[RawRecord], death: ChildDied | None
    ) -> list[Outcome]:
        """Resolve the outcomes of records that were already sent, or could not be sent because the
        child has died."""
        outcomes: list[Outcome] = []
        waiting: list[_BatchPart | _EndedRecord] = [_BatchPart(records)]
        is_sent = True
        while waiting:
            part = waiting.pop()
            if isinstance(part, _EndedRecord):
                outcomes.append(part.outcome)
                continue
            before = len(outcomes)
            if not is_sent:
                death = self._send(part.records)
            is_sent = False
            death = death or self._receive(part.records, outcomes)
            if death is not None:
                waiting += reversed(self._split_after_death(death, part, len(outcomes) - before))
                death = None
        return outcomes

    def _send(self, records: Sequence[RawRecord]) -> ChildDied | None:
        child = self._get_started_child()
        try:
            child.send(messages.dump_request(records, self._sources.build_messages(records)))
        except ChildDied as death:
            self._discard_child()
            return death
        self._awaited = len(records)
        return None

    def _receive(self, records: Sequence[RawRecord], outcomes: list[Outcome]) -> ChildDied | None:
        """Adds what comes to `outcomes`, up to the child's death."""
        assert self._child is not None
        received = 0
        try:
            for some in self._child.receive(len(records)):
                outcomes += some
                for number, outcome in enumerate(some, received):
                    if type(outcome) is ReadingEnded:
                        self._record_ended(records[number], outcome)
                received += len(some)
                self._awaited -= len(some)
        except ChildDied as death:
            self._discard_child()
            return death
        return None

    def _split_after_death(
        self, death: ChildDied, part: _BatchPart, received: int
    ) -> list[_BatchPart | _EndedRecord]:
        """Split the part into what must be read again after its child's death."""
        unread = part.records[received:]
        if death.record is None:
            return self._split_after_idle_death(death, _BatchPart(unread, part.deaths))
        number = death.record - received
        before, record, after = unread[:number], unread[number], unread[number + 1 :]
        is_to_blame = death.certain or (part.deaths > 0 and len(unread) == 1)
        this = self._build_ended(record, death) if is_to_blame else _BatchPart([record], 1)
        parts = (_BatchPart(before), this, _BatchPart(after))
        return [each for each in parts if isinstance(each, _EndedRecord) or each.records]

    def _split_after_idle_death(
        self, death: ChildDied, part: _BatchPart
    ) -> list[_BatchPart | _EndedRecord]:
        """Split after the child died between records: killed from outside, or by what the records
        became. The second time the records are halved."""
        records = part.records
        if part.deaths == 0:
            return [_BatchPart(records, 1)]
        if len(records) == 1:
            return [self._build_ended(records[0], death)]
        middle = len(records) // 2
        return [_BatchPart(records[:middle], 1), _BatchPart(records[middle:], 1)]

    def _build_ended(self, record: RawRecord, death: ChildDied) -> _EndedRecord:
        problem = {
            EndReason.SLOW: "reading it took too long and could not be interrupted",
            EndReason.MEMORY: "reading it needed more memory than reading.memory_mib",
            EndReason.ASLEEP: "reading it waited for something and did not go on",
            EndReason.DIED: f"reading it ended the process ({death.how})",
        }[death.reason]
        outcome = ReadingEnded(problem, death.reason, place=death.parser, remedy=REPLAY_REMEDY)
        self._record_ended(record, outcome)
        return _EndedRecord(outcome)

    def _record_ended(self, record: RawRecord, outcome: ReadingEnded) -> None:
        """Record the outcome, so that a new child sets aside what this one would, and none reads
        the record again."""
        self._endings.add(record, outcome)
        of = (self._sources.get_account(record.source), outcome.place)
        if self._slow.note(of, len(record.raw), record.arrived):
            self._meter.record_setting_aside(outcome.place)

    def _record_outcome(self, outcome: Outcome) -> None:
        if isinstance(outcome, ReadingEnded):
            self._meter.record_ended_reading(outcome.place, outcome.reason)
        elif isinstance(outcome, SetAside):
            self._meter.record_set_aside_line()

    def _get_started_child(self) -> ChildProcess:
        """Return the running child, started if necessary. Raises RetryableError once closed."""
        if self._child is None and not self._is_closed:
            child = ChildProcess(self._build_hello())
            with self._lock:
                self._child = child
            if self._was_started:
                self._meter.record_restart()
            self._was_started = True
        if self._is_closed or self._child is None:
            raise _build_closed()
        return self._child

    def _build_hello(self) -> messages.HelloMessage:
        reading = self._settings.reading
        return messages.HelloMessage(
            seconds=reading.seconds,
            seconds_per_mebibyte=reading.seconds_per_mib,
            memory_mebibytes=reading.memory_mib,
            parsers=reading.parsers,
            slow=dict(self._slow.get_known()),
        )

    def _discard_child(self) -> None:
        """Discard the child; the next record gets another."""
        with self._lock:
            child, self._child = self._child, None
        self._awaited = 0
        if child is not None:
            child.close()

    def _stop_reading(self) -> None:
        """Stop reading: outstanding outcomes must not reach the next reading."""
        if self._awaited and self._child is not None:
            with suppress(ChildDied):
                for some in self._child.receive(self._awaited):
                    self._awaited -= len(some)
        if self._awaited:
            self._discard_child()
        with self._lock:
            self._is_reading = False
            is_closed = self._is_closed
        if is_closed:
            self._discard_child()


class _RecentEndings:
    """The newest records that were ended."""

    def __init__(self) -> None:
        self._known: dict[tuple[RecordPosition, int], ReadingEnded] = {}

    def add(self, record: RawRecord, outcome: ReadingEnded) -> None:
        if len(self._known) >= MOST_ENDINGS:
            del self._known[next(iter(self._known))]
        self._known[record.position, hash(record.raw)] = outcome

    def find_among(self, records: Sequence[RawRecord]) -> Mapping[int, ReadingEnded]:
        """Find earlier outcomes, by the record's number in the sequence."""
        if not self._known:
            return {}
        known = enumerate(self._known.get((each.position, hash(each.raw))) for each in records)
        return {number: outcome for number, outcome in known if outcome is not None}


class _SourceMessages:
    """What the child is told of the records' sources."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        intake = settings.intake
        self._named = {
            *(source.name for source in settings.sources),
            *intake.http_tokens,
            *intake.senders.values(),
        }
        self._known: dict[str, messages.SourceMessage] = {}

    def get_account(self, source: str) -> str:
        """Return the account for the source's slow lines (streams.parser_process.slow_lines)."""
        return source if source in self._named else ""

    def build_messages(self, records: Sequence[RawRecord]) -> dict[str, messages.SourceMessage]:
        """Build the messages of all sources, by name."""
        if len(self._known) > MOST_SOURCES:
            self._known.clear()
        known = self._known
        return {
            name: known.get(name) or known.setdefault(name, self._build_message(name))
            for name in {record.source for record in records}
        }

    def _build_message(self, name: str) -> messages.SourceMessage:
        settings = self._settings.get_source(name)
        return messages.SourceMessage(
            name,
            settings.parser,
            settings.zone,
            self.get_account(name),
            settings.max_future_minutes,
            tuple(settings.fields.items()),
        )


def _split_parts(
    records: Sequence[RawRecord], most_records: int = MOST_RECORDS
) -> Iterator[Sequence[RawRecord]]:
    begin, size = 0, 0
    for number, record in enumerate(records):
        is_full = number - begin >= most_records or size + len(record.raw) > MOST_BYTES
        if number > begin and is_full:
            yield records[begin:number]
            begin, size = number, 0
        size += len(record.raw)
    if records:
        yield records[begin:]


def _build_closed() -> RetryableError:
    return RetryableError("the process that reads records was told to end", remedy="Start again.")
