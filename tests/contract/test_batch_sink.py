"""What streams.ports.BatchSink promises, and what many workers over it do to the live alerts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.bootstrap.data_paths import list_rules_dirs
from breachdesk.casework.imports.assets import import_assets
from breachdesk.casework.imports.customers import import_customers
from breachdesk.demo.feed import DEMO_ACTOR
from breachdesk.demo.lines import DemoLines, build_lines
from breachdesk.demo.setup import build_settings, list_in_arrival_order
from breachdesk.testing import FixedNow, make_store
from schemas.errors import EditConflict, RetryableError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import DeadLetter
from schemas.settings import Settings
from streams.normalise.record_readers import InProcessReader
from streams.ports import BatchSink, PartitionAdvance, RecordBatch, StoredPosition
from streams.ports.metrics import NullMetrics
from streams.process.pipeline import RecordPipeline
from streams.process.worker import ArrivedRecord, StreamWorker, WorkerLimits
from streams.sigma.load import RuleBook, load_rules

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
PARTITIONS = ("raw/0", "raw/1", "raw/2")
LIVE = ("id", "rule", "organization", "group", "first", "last", "severity", "evidence")


@pytest.fixture(scope="module")
def demo_lines() -> DemoLines:
    return build_lines()


@pytest.fixture(scope="module")
def config(demo_lines: DemoLines, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return build_settings(tmp_path_factory.mktemp("demo"), demo_lines, 0)


@pytest.fixture(scope="module")
def book(config: Settings) -> RuleBook:
    return load_rules(list_rules_dirs(config))


@pytest.fixture(params=ADAPTERS)
def store(demo_lines: DemoLines, config: Settings, request: pytest.FixtureRequest) -> Iterator[Any]:
    with fresh_store(request.param, FixedNow(NOW)) as opened:
        furnish(opened, demo_lines, config)
        yield opened


def furnish(store: Any, demo_lines: DemoLines, config: Settings) -> None:
    folder = config.data_dir
    (folder / "customers.csv").write_text(demo_lines.customers_csv)
    (folder / "assets.csv").write_text(demo_lines.assets_csv)

    def work(uow: Any) -> None:
        import_customers(uow, DEMO_ACTOR, folder / "customers.csv", preset="auto", now=NOW)
        import_assets(uow, DEMO_ACTOR, folder / "assets.csv", preset="auto", now=NOW)

    store.write(work)


def records(demo_lines: DemoLines, journal: str = "raw") -> list[RawRecord]:
    return [
        RawRecord(RecordPosition(journal, number), source, raw, arrived, transport="demo")
        for number, (arrived, source, raw) in enumerate(list_in_arrival_order(demo_lines))
    ]


def live(store: Any) -> list[dict[str, Any]]:
    views = store.read(lambda uow: uow.alerts.list())
    rows = [{name: getattr(view, name) for name in LIVE} for view in views]
    for row, view in zip(rows, views, strict=True):
        evidence = store.read(lambda uow, pk=view.pk: uow.alerts.list_evidence(pk))
        row["customers"] = sorted(view.customers)
        row["events"] = sorted({(each.event_id) for each in evidence})
    return sorted(rows, key=lambda row: str(row["id"]))


@pytest.fixture(scope="module")
def expected(demo_lines: DemoLines, config: Settings, book: RuleBook) -> list[dict[str, Any]]:
    """What a sole owner makes of all lines in one batch."""
    with make_store(FixedNow(NOW)) as store:
        furnish(store, demo_lines, config)
        pipeline = RecordPipeline(book, InProcessReader(config), config)
        worker = StreamWorker(
            store.make_batch_sink(),
            pipeline,
            store.make_asset_register(),
            lambda _: NOW,
            NullMetrics(),
        )
        worker.take_ownership(["journal"])
        worker.process([ArrivedRecord("journal", record) for record in records(demo_lines)])
        return live(store)


class Topic:
    """Partitions as lists, and any number of workers over them."""

    def __init__(self, store: Any, book: RuleBook, config: Settings, lines: Sequence[RawRecord]):
        self.store, self.book, self.config = store, book, config
        self.lines: dict[str, list[RawRecord]] = {name: [] for name in PARTITIONS}
        self.chance = random.Random(4)
        self.now = NOW
        for line in lines:
            name = self.chance.choice(PARTITIONS)
            place = RecordPosition(name, len(self.lines[name]))
            self.lines[name].append(replace(line, position=place))

    def worker(self, sink: BatchSink | None = None, **options: Any) -> StreamWorker:
        return StreamWorker(
            sink or self.store.make_batch_sink(sole_owner=False),
            RecordPipeline(self.book, InProcessReader(self.config), self.config),
            self.store.make_asset_register(),
            lambda _: self.now,
            NullMetrics(),
            **options,
        )

    def next(self, worker: StreamWorker, name: str, most: int) -> list[ArrivedRecord]:
        place = worker.owned[name].position
        begin = 0 if place is None else place.offset + 1
        return [ArrivedRecord(name, each) for each in self.lines[name][begin : begin + most]]

    def drain(self, worker: StreamWorker, most: int = 700) -> None:
        while batch := [a for name in worker.owned for a in self.next(worker, name, most)]:
            worker.process(batch)


def test_three_partitions_in_one_worker_give_the_alerts_of_one_journal(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    topic = Topic(store, book, config, records(demo_lines))
    worker = topic.worker()
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)

    assert live(store) == expected
    assert len(expected) == 9


def test_shuffled_doubled_partitions_and_quarrelling_owners_give_the_same_alerts(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    """Three workers that all believe to own everything: each batch one of them wins."""
    doubled = records(demo_lines) * 2
    random.Random(9).shuffle(doubled)
    topic = Topic(store, book, config, doubled)
    workers = [topic.worker() for _ in range(3)]
    for worker in workers:
        worker.take_ownership(PARTITIONS)
    conflicts = 0
    while any(topic.next(worker, name, 1) for worker in workers for name in PARTITIONS):
        worker = topic.chance.choice(workers)
        name = topic.chance.choice(PARTITIONS)
        try:
            worker.process(topic.next(worker, name, topic.chance.randint(1, 900)))
        except EditConflict:
            conflicts += 1
            worker.reload()

    assert live(store) == expected
    assert conflicts > 3


def test_two_workers_alternating_on_one_group_count_what_both_saw(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    topic = Topic(store, book, config, records(demo_lines))
    one, other, third = (topic.worker() for _ in range(3))
    for worker, name in zip((one, other, third), PARTITIONS, strict=True):
        worker.take_ownership([name])
    busy = True
    while busy:
        busy = False
        for worker in (one, other, third):
            (name,) = worker.owned
            busy |= bool(worker.process(topic.next(worker, name, 37)))

    assert live(store) == expected


def test_a_replay_from_the_beginning_changes_no_alert_and_no_count(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    topic = Topic(store, book, config, records(demo_lines))
    worker = topic.worker()
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)
    counted = store.read(lambda uow: uow.sources.list())
    audited = store.read(lambda uow: len(uow.audit.list_entries()))
    store.rewind((), None, actor="operator")
    worker.reload()
    topic.drain(worker)

    assert live(store) == expected
    assert store.read(lambda uow: uow.sources.list()) == counted
    assert store.read(lambda uow: len(uow.audit.list_entries())) == audited + 1


def test_a_topic_created_again_is_received_again(
    store: Any, demo_lines: DemoLines, book: RuleBook, config: Settings
) -> None:
    """Its offsets are others, though they are the same numbers."""
    lines = records(demo_lines)
    topic = Topic(store, book, config, lines)
    worker = topic.worker()
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)
    store.rewind((), None, actor="operator")
    for name in PARTITIONS:
        topic.lines[name] = [
            replace(each, position=each.position._replace(journal=f"{name} anew"))
            for each in topic.lines[name]
        ]
    worker.reload()
    worker.process(topic.next(worker, PARTITIONS[0], 10))
    believed = dict(worker.owned)

    assert worker.reload() == believed
    topic.drain(worker)
    assert sum(c.received for c in store.read(lambda uow: uow.sources.list())) == 2 * len(lines)


def test_a_sweep_lets_go_and_a_replay_after_it_raises_nothing(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    topic = Topic(store, book, config, records(demo_lines))
    worker = topic.worker()
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)
    before = live(store)
    topic.now = NOW + timedelta(days=40)
    for name in PARTITIONS:
        worker.record_drained(name, topic.now.timestamp())
    looked = 0
    while did := worker.sweep(PARTITIONS, topic.now):
        looked += did
    store.rewind((), None, actor="operator")
    worker.reload()
    topic.drain(worker)

    assert looked > 5
    assert groups_left(store) < 3
    assert live(store) == before == expected


def groups_left(store: Any) -> int:
    from sqlalchemy import func, select

    from breachdesk.stores.tables.stream_tables import signal_buckets

    return int(
        store.make_batch_sink(sole_owner=False)._read(
            lambda c: c.execute(select(func.count()).select_from(signal_buckets)).scalar()
        )
    )


def test_a_sweep_waits_for_partitions_that_were_never_processed(
    store: Any, demo_lines: DemoLines, book: RuleBook, config: Settings
) -> None:
    topic = Topic(store, book, config, records(demo_lines))
    worker = topic.worker()
    worker.take_ownership(PARTITIONS[:2])
    topic.drain(worker)
    for name in PARTITIONS[:2]:
        worker.record_drained(name, NOW.timestamp() + 40 * 86_400)

    assert worker.sweep(PARTITIONS, NOW) == 0


def test_a_zombie_is_fenced_and_nothing_of_its_batch_is_kept(
    store: Any, demo_lines: DemoLines, book: RuleBook, config: Settings
) -> None:
    topic = Topic(store, book, config, records(demo_lines))
    zombie, heir = topic.worker(), topic.worker()
    zombie.take_ownership(PARTITIONS)
    heir.take_ownership(PARTITIONS)
    stale = topic.next(zombie, PARTITIONS[0], 500)
    heir.process(topic.next(heir, PARTITIONS[0], 400))
    before = live(store)

    with pytest.raises(EditConflict, match="stored position"):
        zombie.process(stale)
    assert live(store) == before
    assert zombie.reload() == heir.owned


def test_an_epoch_fences_owners_with_the_same_offset(store: Any) -> None:
    sink = store.make_batch_sink(sole_owner=False)
    positions = sink.load_positions(["raw/0"])["raw/0"]
    store.rewind(["raw/0"], None, actor="operator")
    step = PartitionAdvance("raw/0", positions, RecordPosition("raw", 3), NOW.timestamp())

    with pytest.raises(EditConflict):
        sink.commit(RecordBatch([step]), {}, lambda _rows, _low: pytest.fail("settled"), NOW)
    assert sink.load_positions(["raw/0"])["raw/0"] == StoredPosition(None, epoch=1)


class Failing:
    """A sink whose commits fail by plan, after all was settled."""

    def __init__(self, sink: BatchSink, problems: list[Exception]) -> None:
        self.sink, self.problems = sink, problems

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def commit(self, batch: Any, known: Any, settle: Any, now: Any) -> Mapping[Any, int]:
        def then_fail(rows: Any, low: Any) -> Any:
            settled = settle(rows, low)
            if self.problems:
                raise self.problems.pop()
            return settled

        return self.sink.commit(batch, known, then_fail, now)


def test_a_failed_commit_leaves_no_trace_in_the_copies_of_groups(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    topic = Topic(store, book, config, records(demo_lines))
    problems: list[Exception] = []
    worker = topic.worker(Failing(store.make_batch_sink(sole_owner=False), problems))
    worker.take_ownership(PARTITIONS)
    refused = 0
    for number in range(12):
        if number % 2:
            problems.append(RetryableError("the server restarts"))
        try:
            worker.process(topic.next(worker, topic.chance.choice(PARTITIONS), 200))
        except RetryableError:
            refused += 1
            worker.reload()
    problems.clear()
    topic.drain(worker)

    assert live(store) == expected
    assert refused == 6


class Choking(RecordPipeline):
    """Fails on some lines, as a program does that has a fault."""

    on = b"choke"

    def evaluate(self, records: Sequence[RawRecord], view: Any) -> Any:
        if any(self.on in record.raw for record in records):
            raise ZeroDivisionError
        return super().evaluate(records, view)


def choking(
    store: Any, book: RuleBook, config: Settings, *, on: bytes = b"choke", **options: Any
) -> StreamWorker:
    pipeline = Choking(book, InProcessReader(config), config)
    pipeline.on = on
    return StreamWorker(
        store.make_batch_sink(sole_owner=False),
        pipeline,
        store.make_asset_register(),
        lambda _: NOW,
        NullMetrics(),
        **options,
    )


def test_poison_becomes_a_dead_letter_and_stops_nothing(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    lines = records(demo_lines)
    poison = [replace(lines[0], raw=b"choke %d" % number) for number in range(5)]
    topic = Topic(store, book, config, [*poison[:3], *lines, *poison[3:]])
    worker = choking(store, book, config)
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)
    letters = store.read(lambda uow: uow.sources.list_dead_letters())

    assert live(store) == expected
    assert sum("ZeroDivisionError" in letter.reason for letter in letters) == 5


def test_many_failures_of_the_program_are_told_and_stop_nothing(
    store: Any, demo_lines: DemoLines, book: RuleBook, config: Settings
) -> None:
    """Whoever may send a line must not be able to stop the partition with many."""
    lines = records(demo_lines)
    poison = [replace(lines[0], raw=b"choke %d" % number) for number in range(9)]
    topic = Topic(store, book, config, [*poison, *lines[:50]])
    worker = choking(store, book, config, limits=WorkerLimits(dead_letters=8))
    worker.take_ownership(PARTITIONS)
    before = worker.trouble
    topic.drain(worker)

    assert before == ""
    assert "failed on 9 records" in worker.trouble
    assert sum(count.received for count in store.read(lambda uow: uow.sources.list())) == 59


def the_choked(store: Any) -> DeadLetter:
    """The one record that `choking` failed on."""
    letters = store.read(lambda uow: uow.sources.list_dead_letters())
    (letter,) = (each for each in letters if "ZeroDivisionError" in each.reason)
    return letter


def test_a_dead_letter_fed_again_is_mended_counted_once_and_in_time_as_it_first_was(
    store: Any,
    demo_lines: DemoLines,
    book: RuleBook,
    config: Settings,
    expected: list[dict[str, Any]],
) -> None:
    """The program chokes on one line of the story; mended, it raises what it should have."""
    lines = records(demo_lines)
    story = next(i for i, each in enumerate(lines) if b"forward" in each.raw.lower())
    topic = Topic(store, book, config, lines)
    faulty = choking(store, book, config, on=lines[story].raw)
    faulty.take_ownership(PARTITIONS)
    topic.drain(faulty)
    letter = the_choked(store)
    missed = live(store)
    much_later = NOW + timedelta(days=90)
    again = replace(
        lines[story],
        position=RecordPosition(PARTITIONS[0], len(topic.lines[PARTITIONS[0]])),
        arrived=much_later,
        replay_of=letter.position,
    )
    stranger = replace(
        again, position=RecordPosition(again.position.journal, again.position.offset + 1)
    )
    twin = replace(
        again, position=RecordPosition(again.position.journal, again.position.offset + 2)
    )
    topic.lines[PARTITIONS[0]] += [again, replace(stranger, raw=b"not those bytes"), twin]
    worker = topic.worker()
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)
    counts = store.read(lambda uow: uow.sources.list())

    assert missed != expected
    assert live(store) == expected
    assert sum(c.received for c in counts) == len(lines) + 1, "the stranger's; the twin's is none"
    assert sum(c.parsed + c.ignored + c.dead_letters + c.not_understood for c in counts) == sum(
        c.received for c in counts
    )
    assert letter.position not in {
        each.position for each in store.read(lambda uow: uow.sources.list_dead_letters())
    }

    place = RecordPosition(PARTITIONS[0], len(topic.lines[PARTITIONS[0]]))
    topic.lines[PARTITIONS[0]].append(replace(again, position=place))
    topic.drain(worker)
    once_more = store.read(lambda uow: uow.sources.list())

    assert live(store) == expected, "fed twice"
    assert once_more == counts

    store.rewind((), None, actor="operator")
    worker.reload()
    topic.drain(worker)

    assert live(store) == expected, "replayed"
    assert store.read(lambda uow: uow.sources.list()) == once_more


def test_a_letter_that_failed_again_stays_settled_in_a_replay(
    store: Any, demo_lines: DemoLines, book: RuleBook, config: Settings
) -> None:
    lines = records(demo_lines)[:50]
    topic = Topic(store, book, config, lines)
    faulty = choking(store, book, config, on=lines[7].raw)
    faulty.take_ownership(PARTITIONS)
    topic.drain(faulty)
    letter = the_choked(store)
    place = RecordPosition(PARTITIONS[0], len(topic.lines[PARTITIONS[0]]))
    topic.lines[PARTITIONS[0]].append(replace(lines[7], position=place, replay_of=letter.position))
    topic.drain(faulty)
    before = store.read(lambda uow: uow.sources.list())
    store.rewind((), None, actor="operator")
    faulty.reload()
    topic.drain(faulty, most=5)

    assert store.read(lambda uow: uow.sources.list()) == before


@pytest.mark.parametrize("problem", [KeyError("x"), AttributeError("x"), ValueError("x")])
def test_a_record_whose_commit_always_fails_becomes_a_dead_letter(
    store: Any, demo_lines: DemoLines, book: RuleBook, config: Settings, problem: Exception
) -> None:
    lines = records(demo_lines)[:40]
    topic = Topic(store, book, config, lines)
    bad = topic.lines[PARTITIONS[1]][3].position
    worker = topic.worker(Unfit(store.make_batch_sink(sole_owner=False), bad, problem))
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)
    letters = store.read(lambda uow: uow.sources.list_dead_letters())

    assert type(problem).__name__ in next(x.reason for x in letters if x.position == bad)
    assert sum(c.received for c in store.read(lambda uow: uow.sources.list())) == len(lines)


class Unfit:
    """A sink on which every batch fails that holds one record, unless it is a dead letter."""

    def __init__(self, sink: BatchSink, bad: RecordPosition, problem: Exception) -> None:
        self.sink, self.bad, self.problem = sink, bad, problem

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sink, name)

    def commit(self, batch: RecordBatch, known: Any, settle: Any, now: Any) -> Any:
        values = {
            RecordPosition(step.after.journal, offset)
            for step in batch.advances
            for offset in range(_first(step), step.after.offset + 1)
        }
        if self.bad in values and self.bad not in {each.position for each in batch.dead_letters}:
            raise self.problem
        return self.sink.commit(batch, known, settle, now)


def _first(step: PartitionAdvance) -> int:
    return 0 if step.before.position is None else step.before.position.offset + 1


def test_names_of_any_length_are_counted_like_others(
    store: Any, demo_lines: DemoLines, book: RuleBook, config: Settings
) -> None:
    """What a sender chooses may be longer than a database's index takes."""
    chance = random.Random(3)
    names = ["".join(chance.choices("abcdefghij0123456789", k=5000)) for _ in range(12)]
    first_match = next(each for each in records(demo_lines) if b"Failed password for" in each.raw)
    rest = first_match.raw[first_match.raw.index(b" from ") :]
    head = first_match.raw[: first_match.raw.index(b"Failed password for")]
    lines = [
        replace(first_match, raw=head + b"Failed password for invalid user " + name.encode() + rest)
        for name in names
    ]
    topic = Topic(store, book, config, lines)
    worker = topic.worker()
    worker.take_ownership(PARTITIONS)
    topic.drain(worker)
    events = {e for row in live(store) for e in row["events"]}

    assert store.read(lambda uow: uow.sources.list_dead_letters()) == []
    assert len(events) == len(names)
