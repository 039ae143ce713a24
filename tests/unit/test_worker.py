"""The embedded loop, with a real journal and a pipeline and store that can be made to fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import GroupKey, Signal
from schemas.customer import AssetKind, Binding
from schemas.errors import Conflict, Corrupt, NotFound, Retryable
from schemas.event import Position, RawRecord
from schemas.source import DeadLetter, Incoming
from streams.event_logs.sqlite import SqliteEventLog
from streams.ports import LegacyBatch, RegisterView, Resume, SourceCount
from streams.worker import Worker

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class EmptyRegister:
    """Nobody owns anything."""

    version = 1
    edges = ()

    def view(self) -> RegisterView:
        return self

    def find(
        self, kind: AssetKind, value: str, at: datetime, known_at: datetime | None = None
    ) -> Binding | None:
        return None


class FakePipeline:
    """Makes one signal a record. `poison…` raises, `dead…` becomes a dead letter."""

    def __init__(self) -> None:
        self.state: set[str] | None = None
        self.loads = 0
        self.mended = False

    def load(self, resume: Resume) -> None:
        self.loads += 1
        self.state = {signal.event_id for signal in resume.tail}

    def process(
        self, records: Sequence[RawRecord], view: RegisterView, before: Position | None
    ) -> LegacyBatch:
        assert records, "never asked to process nothing"
        assert self.state is not None, "state was not loaded after a failure"
        letters, signals = [], []
        for record in records:
            if record.raw.startswith(b"poison") and not self.mended:
                self.state = None
                raise KeyError(record.raw)
            if record.raw.startswith(b"dead") and not self.mended:
                letters.append(dead_letter(record))
                continue
            self.state.add(record.raw.decode())
            signals.append(signal_of(record))
        count = SourceCount(
            "s",
            received=len(records),
            parsed=len(signals),
            not_understood=len(letters),
            last_arrived=NOON,
        )
        after = records[-1].position
        return LegacyBatch(before, after, signals, dead_letters=letters, sources=[count])


def dead_letter(record: RawRecord) -> DeadLetter:
    return DeadLetter(record.position, record.source, record.arrived, "", "unknown", "00")


def signal_of(record: RawRecord) -> Signal:
    key = GroupKey("rule", "customer", ("group",))
    text = record.raw.decode()
    return Signal(key, 0.0, text, "", "", record.position, "00", record.source)


class FakeSink:
    """A store in memory with the fence; `failures` are raised by the next commits, in order."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self.signals: dict[str, Signal] = {}
        self.letters: dict[Position, DeadLetter] = {}
        self.sums: dict[str, int] = {}
        self.failures: list[Exception | None] = []
        self.refuses = ""
        self.batches: list[LegacyBatch] = []

    def resume(self, partition: str) -> Resume:
        return Resume(self.position, tail=tuple(self.signals.values()))

    def commit(self, partition: str, batch: LegacyBatch, now: datetime) -> None:
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        if batch.before != self.position:
            raise Conflict("moved")
        if any(self.refuses and self.refuses in signal.event_id for signal in batch.signals):
            raise UnicodeEncodeError("utf-8", "", 0, 1, "surrogates not allowed")
        self.batches.append(batch)
        self.position = batch.after
        self.signals |= {signal.event_id: signal for signal in batch.signals}
        self.letters |= {letter.position: letter for letter in batch.dead_letters}
        for count in batch.sources:
            for name in ("received", "parsed", "dead_letters", "not_understood"):
                self.sums[name] = self.sums.get(name, 0) + getattr(count, name)


class Bench:
    """A worker and everything around it."""

    def __init__(self, folder: Path, batch_size: int = 4) -> None:
        self.log = SqliteEventLog(folder, lambda: NOON)
        self.sink = FakeSink()
        self.pipeline = FakePipeline()
        self.worker = self.another_worker(batch_size)

    def another_worker(self, batch_size: int = 4) -> Worker:
        return Worker(
            self.log,
            self.sink,
            self.pipeline,
            EmptyRegister(),
            lambda: NOON,
            batch_size=batch_size,
        )

    def send(self, *texts: str) -> Sequence[Position]:
        return self.log.append([Incoming("s", text.encode(), NOON) for text in texts])

    def letters(self) -> list[DeadLetter]:
        return list(self.sink.letters.values())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "journal")
    yield made
    made.log.close()


LINES = [f"line {number}" for number in range(10)]


def test_draining_processes_every_record_once_and_tells_how_far_it_is(bench: Bench) -> None:
    bench.send(*LINES)
    seen: list[int] = []

    assert bench.worker.drain(seen.append) == 10

    assert seen == [4, 8, 10]
    assert list(bench.sink.signals) == LINES
    assert bench.sink.position == bench.log.end()
    assert bench.worker.step() == 0


def test_a_new_worker_goes_on_where_the_store_stands(bench: Bench) -> None:
    bench.send(*LINES)
    bench.worker.step()

    assert bench.another_worker().drain() == 6
    assert bench.sink.sums["received"] == 10


def test_a_conflict_is_met_by_loading_and_reading_again(bench: Bench) -> None:
    bench.send(*LINES)
    bench.worker.step()
    bench.another_worker().step()

    bench.worker.drain()

    assert bench.sink.sums["received"] == 10
    assert list(bench.sink.signals) == LINES


def test_a_conflict_that_does_not_end_is_raised(bench: Bench) -> None:
    bench.send(*LINES)
    bench.sink.failures = [Conflict("always")] * 99

    with pytest.raises(Conflict):
        bench.worker.step()


def test_a_refusing_store_loses_nothing_and_the_next_step_repeats(bench: Bench) -> None:
    bench.send(*LINES)
    bench.sink.failures = [None, Retryable("locked")]
    with pytest.raises(Retryable):
        bench.worker.drain()
    loads = bench.pipeline.loads

    bench.worker.drain()

    assert bench.pipeline.loads == loads + 1
    assert bench.sink.sums["received"] == 10
    assert bench.pipeline.state == set(LINES)


@pytest.mark.parametrize("poisoned", [(0,), (9,), (3, 4), (0, 1, 2, 3), (5, 7)])
def test_a_record_that_breaks_the_pipeline_becomes_a_dead_letter_and_the_rest_goes_on(
    bench: Bench, poisoned: tuple[int, ...]
) -> None:
    texts = [f"poison {n}" if n in poisoned else f"line {n}" for n in range(10)]
    positions = bench.send(*texts)

    assert bench.worker.drain() == 10

    assert sorted(bench.sink.letters) == [positions[n] for n in poisoned]
    assert list(bench.sink.signals) == [text for text in texts if "line" in text]
    assert bench.sink.sums == {
        "received": 10,
        "parsed": 10 - len(poisoned),
        "dead_letters": len(poisoned),
        "not_understood": 0,
    }
    reason = bench.letters()[0].reason
    assert reason.startswith("the pipeline failed on this record: KeyError.")
    assert "poison 0" not in reason


def test_a_value_the_store_cannot_hold_costs_its_own_record_only(bench: Bench) -> None:
    bench.send(*LINES)
    bench.sink.refuses = "line 6"

    bench.worker.drain()

    assert [letter.position.offset for letter in bench.letters()] == [7]
    assert "UnicodeEncodeError" in bench.letters()[0].reason
    assert len(bench.sink.signals) == 9


def test_pieces_of_an_over_long_record_are_filed_and_never_reach_the_pipeline(
    bench: Bench,
) -> None:
    piece = Incoming("s", b"poison", NOON, piece="piece 1, bytes 0 to 5")
    bench.log.append([replace(piece, source="other"), piece, Incoming("s", b"line", NOON), piece])
    bench.log.append([piece] * 4)

    assert bench.worker.drain() == 8

    assert len(bench.letters()) == 7
    assert "piece 1, bytes 0 to 5" in bench.letters()[0].reason
    assert list(bench.sink.signals) == ["line"]
    assert bench.sink.sums["received"] == 8
    assert [[count.source for count in batch.sources] for batch in bench.sink.batches] == [
        ["s", "other"],
        ["s"],
    ]


def test_corrupt_data_stops_the_worker(bench: Bench) -> None:
    bench.send("line")
    bench.worker.drain()
    bench.sink.position = Position("20260101-001-00000000", 7)

    with pytest.raises(Corrupt):
        bench.another_worker().run(threading.Event())


def test_running_waits_out_refusals_and_takes_what_comes_later(bench: Bench) -> None:
    bench.send("line 0")
    bench.sink.failures = [Retryable("the disk is full")]
    stop = threading.Event()
    thread = threading.Thread(target=bench.worker.run, args=(stop,))
    thread.start()
    waited_for = wait_until(lambda: bench.worker.trouble)
    bench.send("line 1")
    wait_until(lambda: len(bench.sink.signals) == 2)

    stop.set()
    thread.join(5)

    assert "the disk is full" in str(waited_for)
    assert bench.worker.trouble == ""
    assert not thread.is_alive()


def wait_until(true: object) -> object:
    deadline = time.monotonic() + 120
    while not (value := true()):  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in five seconds"
        time.sleep(0.01)
    return value


def test_a_replay_uses_the_original_records_and_does_not_move_the_position(bench: Bench) -> None:
    positions = bench.send("line 0", "dead 1", "poison 2", "line 3", "dead 4", "line 5")
    bench.worker.drain()
    bench.pipeline.mended = True

    outcome = bench.worker.replay(bench.letters())

    assert outcome.replayed == (positions[1], positions[2], positions[4])
    assert (outcome.again, outcome.gone) == ((), ())
    assert bench.sink.position == positions[-1]
    assert bench.sink.signals["dead 1"].position == positions[1]
    assert bench.sink.sums == {
        "received": 6,
        "parsed": 6,
        "dead_letters": 0,
        "not_understood": 0,
    }


def test_after_a_replay_the_stream_goes_on_with_the_replayed_state(bench: Bench) -> None:
    bench.send("line 0", "dead 1")
    bench.worker.drain()
    bench.pipeline.mended = True
    bench.worker.replay(bench.letters())
    bench.send("line 2")

    bench.worker.drain()

    assert bench.pipeline.state == {"line 0", "dead 1", "line 2"}


def test_what_is_dead_again_stays_a_dead_letter(bench: Bench) -> None:
    bench.send("dead 0", "poison 1", "line 2")
    bench.worker.drain()
    sums = dict(bench.sink.sums)

    outcome = bench.worker.replay(bench.letters())

    assert outcome.replayed == ()
    assert {letter.position.offset for letter in outcome.again} == {1, 2}
    assert bench.sink.sums == sums


def test_letters_whose_day_was_dropped_are_reported_as_gone(bench: Bench) -> None:
    positions = bench.send("dead 0")
    bench.worker.drain()
    bench.log.drop_day(NOON.date(), processed=positions[0])

    assert bench.worker.replay(bench.letters()).gone == tuple(positions)


def test_nothing_can_be_replayed_before_anything_was_processed(bench: Bench) -> None:
    position = bench.send("line")[0]
    letter = DeadLetter(position, "s", NOON, "", "unknown", "00")

    with pytest.raises(NotFound):
        bench.worker.replay([letter])


@settings(max_examples=30, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["line", "line", "dead", "poison"]), max_size=12),
    batch_size=st.integers(1, 6),
    failures=st.lists(
        st.sampled_from([None, None, Retryable("locked"), Conflict("moved")]), max_size=8
    ),
)
def test_whatever_fails_when_every_record_ends_in_exactly_one_place(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[str],
    batch_size: int,
    failures: list[Exception | None],
) -> None:
    bench = Bench(tmp_path_factory.mktemp("worker"), batch_size)
    texts = [f"{kind} {number}" for number, kind in enumerate(kinds)]
    bench.send(*texts)
    bench.sink.failures = failures
    for _ in range(20):
        try:
            bench.worker.drain()
        except (Retryable, Conflict):
            continue
        break

    bench.log.close()
    assert list(bench.sink.signals) == [text for text in texts if "line" in text]
    assert len(bench.sink.letters) == sum("line" not in text for text in texts)
    assert bench.sink.sums.get("received", 0) == len(texts)
