"""The embedded loop over a real journal, pipeline and store; the sink's commits fail by plan."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, make_store
from schemas.errors import CorruptData, EditConflict, RetryableError, UnparseableRecord
from schemas.pipeline.alert import AlertView
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.plugin import ParsedEvent, Parser, SourceLine
from schemas.pipeline.source import DeadLetter, IncomingRecord
from schemas.settings import Settings
from streams.event_logs.sqlite import SqliteEventLog
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader
from streams.ports import BatchSink, LogRow, RecordBatch
from streams.ports.metrics import NullMetrics
from streams.process.pipeline import BatchResult, RecordPipeline
from streams.process.worker import StreamWorker, WorkerLimits
from streams.sigma.load import load_rules
from streams.worker_app.embedded import PARTITION, EmbeddedWorker

BOOK = load_rules([Path(__file__).parents[4] / "rules"], behaviours=False)
WAIT_SECONDS = 120.0
LINES = [f"line {number}" for number in range(10)]


class Meter(NullMetrics):
    """Adds up what the worker tells."""

    def __init__(self) -> None:
        self.records = self.conflicts = self.failures = 0
        self.late: list[float] = []

    def record_batch(self, records: int, seconds: float, sources: Any, signals: int) -> None:
        self.records += records

    def record_conflict(self) -> None:
        self.conflicts += 1

    def record_failure(self) -> None:
        self.failures += 1

    def record_lateness(self, seconds: float) -> None:
        self.late.append(seconds)


class Faults:
    """What is broken just now."""

    def __init__(self) -> None:
        self.commits: list[Exception | None] = []
        """Raised by the next commits, in order, once all else was done."""
        self.unfit: bytes = b""
        """No batch that makes an event of this line can be stored."""
        self.mended = False
        """Whether the program reads `dead…` and `poison…` lines by now."""


class FaultySink:
    """A sink whose commits fail by plan, after the signals were applied."""

    def __init__(self, sink: BatchSink, faults: Faults) -> None:
        self.sink, self.faults = sink, faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def commit(self, batch: RecordBatch, known: Any, apply_signals: Any, now: Any) -> Any:
        def then_fail(rows: Any, low: Any) -> Any:
            updates = apply_signals(rows, low)
            failure = self.faults.commits.pop(0) if self.faults.commits else None
            if failure is not None:
                raise failure
            return updates

        return self.sink.commit(batch, known, then_fail, now)


class FaultyPipeline(RecordPipeline):
    """Fails on `poison…`, as a program does that has a fault."""

    def __init__(self, faults: Faults, config: Settings) -> None:
        self.faults = faults
        parser = Parser("test", "A test", (b" ",), lambda _: True, self.parse, (), ())
        super().__init__(BOOK, InProcessReader(config, FormatRecogniser({"test": parser})), config)

    def parse(self, line: SourceLine) -> ParsedEvent:
        if line.text.startswith("dead") and not self.faults.mended:
            raise UnparseableRecord("no act in it", place="test", remedy="Replay it.")
        fields = {
            "event.dataset": "microsoft365.audit",
            "user.name": "jo@contoso.example",
            "breach.mail.forward_external": True,
        }
        return ParsedEvent(time=START, fields=fields, id=line.text)

    def evaluate(self, records: Sequence[RawRecord], view: Any) -> BatchResult:
        if not self.faults.mended and any(r.raw.startswith(b"poison") for r in records):
            raise KeyError(records[0].raw)
        result = super().evaluate(records, view)
        if self.faults.unfit and any(r.raw == self.faults.unfit for r in records):
            "\ud800".encode()  # a value that no database holds
        return result


class Bench:
    """A worker and everything around it."""

    def __init__(self, folder: Path, batch_records: int = 4) -> None:
        self.now = FixedNow()
        self.config = Settings(data_dir=folder)
        self.log = SqliteEventLog(folder / "journal", self.now)
        self.store: PipelineStore = make_store(self.now)
        self.faults, self.meter = Faults(), Meter()
        self.batch_records = batch_records
        self.state_bytes = 2**30
        self.worker = self.another_worker()

    def another_worker(self) -> EmbeddedWorker:
        worker = StreamWorker(
            FaultySink(self.store.make_batch_sink(), self.faults),  # type: ignore[arg-type]
            FaultyPipeline(self.faults, self.config),
            self.store.make_asset_register(),
            lambda _records: self.now(),
            self.meter,
            WorkerLimits(batch_records=self.batch_records, state_bytes=self.state_bytes),
            exporting=False,
        )
        return EmbeddedWorker(self.log, worker, self.now, self.meter)

    def send(self, *texts: str, **facts: Any) -> Sequence[RecordPosition]:
        return self.log.append(
            [IncomingRecord("s", t.encode(), self.now(), **facts) for t in texts]
        )

    def repeat(self, letters: Sequence[DeadLetter]) -> Sequence[RecordPosition]:
        """Append the letters' records again."""
        copies = []
        for letter in letters:
            record = self.log.get(letter.position)
            assert record is not None
            copies.append(IncomingRecord("s", record.raw, self.now(), replay_of=letter.position))
        return self.log.append(copies)

    def evidence(self) -> list[str]:
        """The lines that alerts rest on."""

        def work(uow: Any) -> set[str]:
            views = uow.alerts.list()
            return {each.event_id for view in views for each in uow.alerts.list_evidence(view.pk)}

        return sorted(self.store.read(work), key=lambda text: int(text.split()[1]))

    def sums(self) -> dict[str, int]:
        counts = self.store.read(lambda uow: uow.sources.list())
        names = ("received", "parsed", "dead_letters", "not_understood")
        return {name: sum(getattr(count, name) for count in counts) for name in names}

    def letters(self) -> list[DeadLetter]:
        letters = self.store.read(lambda uow: uow.sources.list_dead_letters())
        return sorted(letters, key=lambda letter: letter.position)

    def alert(self, alert_id: str) -> AlertView:
        return self.store.read(lambda uow: uow.alerts.get(alert_id))

    def log_rows(self) -> Sequence[LogRow]:
        return self.store.make_batch_sink().list_log_rows(PARTITION)

    def position(self) -> RecordPosition | None:
        return self.store.make_batch_sink().load_positions([PARTITION])[PARTITION].position

    def close(self) -> None:
        self.log.close()
        self.store.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = Bench(tmp_path)
    yield opened
    opened.close()


def test_draining_processes_every_record_once_and_reports_its_progress(bench: Bench) -> None:
    bench.send(*LINES)
    bench.now.advance(seconds=3)
    seen: list[int] = []

    assert bench.worker.process_all(seen.append) == 10

    assert seen == [4, 8, 10]
    assert bench.evidence() == LINES
    assert bench.position() == bench.log.find_end()
    assert bench.worker.process_batch() == 0
    assert bench.meter.records == 10
    assert bench.meter.late == [3.0, 3.0, 3.0]


def test_a_new_worker_continues_at_the_position_in_the_store(bench: Bench) -> None:
    bench.send(*LINES)
    bench.worker.process_batch()

    assert bench.another_worker().process_all() == 6
    assert bench.sums()["received"] == 10
    assert bench.evidence() == LINES


def test_a_conflict_is_met_by_asking_and_reading_again(bench: Bench) -> None:
    bench.send(*LINES)
    bench.worker.process_batch()
    bench.another_worker().process_batch()

    bench.worker.process_all()

    assert bench.sums()["received"] == 10
    assert bench.evidence() == LINES
    assert bench.meter.conflicts == 1


def test_two_workers_on_one_folder_lose_and_double_nothing(bench: Bench) -> None:
    bench.batch_records = 1
    workers = [bench.another_worker() for _ in range(2)]
    for number in range(20):
        bench.send(f"line {number}")
        workers[number % 2].process_batch()
        workers[number // 3 % 2].process_batch()
    for worker in workers:
        worker.process_all()

    assert bench.sums()["received"] == 20
    assert bench.evidence() == [f"line {number}" for number in range(20)]
    assert bench.meter.conflicts > 3


def test_a_conflict_that_does_not_end_is_raised(bench: Bench) -> None:
    bench.send(*LINES)
    bench.faults.commits = [EditConflict("always")] * 99

    with pytest.raises(EditConflict):
        bench.worker.process_batch()


def test_a_refusing_store_loses_nothing_and_the_next_step_repeats(bench: Bench) -> None:
    bench.send(*LINES)
    bench.faults.commits = [None, RetryableError("locked")]
    with pytest.raises(RetryableError):
        bench.worker.process_all()

    assert bench.meter.records == 4
    bench.worker.process_all()

    assert bench.sums()["received"] == 10
    assert bench.evidence() == LINES


@pytest.mark.parametrize("poisoned", [(0,), (9,), (3, 4), (0, 1, 2, 3), (5, 7)])
def test_a_record_that_breaks_the_pipeline_becomes_a_dead_letter_and_the_rest_goes_on(
    bench: Bench, poisoned: tuple[int, ...]
) -> None:
    texts = [f"poison {n}" if n in poisoned else f"line {n}" for n in range(10)]
    positions = bench.send(*texts)

    assert bench.worker.process_all() == 10

    assert [letter.position for letter in bench.letters()] == [positions[n] for n in poisoned]
    assert bench.evidence() == [text for text in texts if "line" in text]
    assert bench.sums() == {
        "received": 10,
        "parsed": 10 - len(poisoned),
        "dead_letters": len(poisoned),
        "not_understood": 0,
    }
    reason = bench.letters()[0].reason
    assert reason.startswith("the pipeline failed on this record: KeyError.")
    assert "poison 0" not in reason
    assert bench.meter.failures == len(poisoned)


def test_a_value_the_store_cannot_hold_costs_its_own_record_only(bench: Bench) -> None:
    bench.send(*LINES)
    bench.faults.unfit = b"line 6"

    bench.worker.process_all()

    assert [letter.position.offset for letter in bench.letters()] == [7]
    assert "UnicodeEncodeError" in bench.letters()[0].reason
    assert len(bench.evidence()) == 9


def test_pieces_of_an_over_long_record_are_filed_and_never_read(bench: Bench) -> None:
    piece = IncomingRecord("s", b"poison", START, piece="piece 1, bytes 0 to 5")
    bench.log.append(
        [replace(piece, source="other"), piece, IncomingRecord("s", b"line 0", START), piece]
    )
    bench.log.append([piece] * 4)

    assert bench.worker.process_all() == 8

    assert len(bench.letters()) == 7
    assert "piece 1, bytes 0 to 5" in bench.letters()[0].reason
    assert bench.evidence() == ["line 0"]
    counts = bench.store.read(lambda uow: uow.sources.list())
    assert {count.name: (count.received, count.dead_letters) for count in counts} == {
        "s": (7, 6),
        "other": (1, 1),
    }


def test_a_store_ahead_of_the_journal_stops_the_worker(bench: Bench, tmp_path: Path) -> None:
    bench.send(*LINES)
    bench.worker.process_all()
    bench.log.close()
    bench.log = SqliteEventLog(tmp_path / "another", bench.now)

    with pytest.raises(CorruptData):
        bench.another_worker().run(threading.Event())


def test_running_waits_out_refusals_and_takes_what_comes_later(bench: Bench) -> None:
    bench.send("line 0")
    bench.faults.commits = [RetryableError("the disk is full")]
    stop = threading.Event()
    thread = threading.Thread(target=bench.worker.run, args=(stop,), daemon=True)
    thread.start()
    try:
        waited_for = wait_until(lambda: bench.worker.trouble)
        bench.send("line 1")
        wait_until(lambda: len(bench.evidence()) == 2)
        wait_until(lambda: not bench.worker.trouble)
    finally:
        stop.set()
        thread.join(WAIT_SECONDS)

    assert "the disk is full" in str(waited_for)
    assert not thread.is_alive()


def wait_until(true: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (value := true()):
        assert time.monotonic() < deadline, f"it did not happen in {WAIT_SECONDS:.0f} seconds"
        time.sleep(0.01)
    return value


def test_a_drained_journal_counts_as_read_until_just_before_now(bench: Bench) -> None:
    bench.send("line 0")
    bench.worker.process_all()
    bench.now.advance(days=1)
    bench.another_worker().process_batch()

    arrived = bench.store.make_batch_sink().load_positions([PARTITION])[PARTITION].arrived
    assert arrived == (bench.now() - timedelta(minutes=5)).timestamp()


def test_an_idle_worker_lets_go_of_what_nothing_can_reach(bench: Bench) -> None:
    bench.send(*LINES)
    bench.worker.process_all()
    (alert,) = bench.store.read(lambda uow: uow.alerts.list())
    bench.now.advance(days=30)
    idle = bench.another_worker()

    wait_until(lambda: idle.process_batch() == 0 and bench.alert(alert.id).closed)

    assert not alert.closed
    assert bench.evidence() == LINES
    assert bench.store.make_batch_sink().estimate_state_bytes() == 0


def test_an_idle_worker_writes_out_what_only_the_log_holds(bench: Bench) -> None:
    bench.send(*LINES)
    bench.worker.process_all()
    wait_until(lambda: bench.worker.process_batch() == 0 and not bench.log_rows())
    bench.send("line 10")
    bench.another_worker().process_all()

    assert bench.evidence() == [*LINES, "line 10"]
    assert len(bench.store.read(lambda uow: uow.alerts.list())) == 1


def test_a_restart_knows_the_signals_that_only_the_log_holds(bench: Bench) -> None:
    for number in range(0, 10, 2):
        bench.send(f"line {number}", f"line {number + 1}")
        bench.another_worker().process_batch()

    assert len(bench.log_rows()) == 5
    assert bench.evidence() == LINES
    assert len(bench.store.read(lambda uow: uow.alerts.list())) == 1


def test_at_the_bound_of_stored_state_records_wait_and_none_is_lost(bench: Bench) -> None:
    bench.send(*LINES)
    bench.state_bytes = 0
    full = bench.another_worker()
    with pytest.raises(RetryableError, match="none is lost"):
        full.process_batch()
    refused, position = bench.sums(), bench.position()
    bench.state_bytes = 2**30

    bench.another_worker().process_all()

    assert refused["received"] == 0
    assert position is None
    assert "detection.disk_mib" in full.trouble
    assert bench.evidence() == LINES


def test_from_four_fifths_of_the_bound_on_the_worker_warns_and_goes_on(bench: Bench) -> None:
    bench.send(*LINES)
    bench.worker.process_all()
    bench.state_bytes = bench.store.make_batch_sink().estimate_state_bytes() + 1
    close = bench.another_worker()
    bench.send("line 10")
    close.process_all()

    assert "detection.disk_mib" in close.warning
    assert close.trouble == ""
    assert bench.evidence() == [*LINES, "line 10"]


def test_a_repeated_dead_letter_becomes_an_event_and_is_received_once(bench: Bench) -> None:
    bench.send("line 0", "dead 1", "poison 2", "line 3", "dead 4", "line 5")
    bench.worker.process_all()
    bench.faults.mended = True
    bench.now.advance(days=90)
    bench.repeat(bench.letters())

    bench.worker.process_all()

    assert sorted(bench.evidence()) == [
        "dead 1",
        "dead 4",
        "line 0",
        "line 3",
        "line 5",
        "poison 2",
    ]
    assert bench.letters() == []
    assert bench.sums() == {"received": 6, "parsed": 6, "dead_letters": 0, "not_understood": 0}
    assert len(bench.store.read(lambda uow: uow.alerts.list())) == 1, "in time as it first was"


def test_a_letter_that_fails_again_stays_a_dead_letter(bench: Bench) -> None:
    bench.send("dead 0", "poison 1", "line 2")
    bench.worker.process_all()
    sums = bench.sums()
    copies = bench.repeat(bench.letters())

    bench.worker.process_all()

    assert [letter.position for letter in bench.letters()] == list(copies)
    assert bench.sums() == sums


@settings(max_examples=30, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["line", "line", "dead", "poison"]), max_size=12),
    batch_records=st.integers(1, 6),
    failures=st.lists(
        st.sampled_from([None, None, RetryableError("locked"), EditConflict("moved")]), max_size=8
    ),
)
def test_whatever_fails_when_every_record_ends_in_exactly_one_place(
    tmp_path_factory: pytest.TempPathFactory,
    kinds: list[str],
    batch_records: int,
    failures: list[Exception | None],
) -> None:
    bench = Bench(tmp_path_factory.mktemp("worker"), batch_records)
    texts = [f"{kind} {number}" for number, kind in enumerate(kinds)]
    bench.send(*texts)
    bench.faults.commits = failures
    for _ in range(20):
        try:
            bench.worker.process_all()
        except (RetryableError, EditConflict):
            continue
        break
    evidence, letters, sums = bench.evidence(), bench.letters(), bench.sums()
    bench.close()

    assert evidence == [text for text in texts if "line" in text]
    assert len(letters) == sum("line" not in text for text in texts)
    assert sums["received"] == len(texts)
