"""Write skew: two workers tell halves of one group at the same moment, and the rule still fires.

Each would count what it sees: nine of ten, and nobody would ever know. The lock is what prevents
it, so the same rounds run with the lock taken out, and then the rule misses."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.sql import Select
from store_adapters import fresh_store

from breachdesk.stores.batches.sink import SqlBatchSink
from breachdesk.testing import FixedNow
from schemas.pipeline.alert import GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.episodes import WindowSpec
from streams.correlate.in_memory import InMemoryWindows
from streams.correlate.window_store import GuardedSignal, WindowStore
from streams.ports import BatchSink, GroupRows, GroupUpdates, PartitionAdvance, RecordBatch

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
NOON = 1_795_348_800.0
COUNT = 10
ROUNDS = 60
MEETING_SECONDS = 0.03
"""So long a settling worker waits for the other to settle too; under the lock it never comes."""


def fires(members: Sequence[DetectorSignal]) -> bool:
    return len(members) >= COUNT


SPECS = {"ten": WindowSpec("ten", "Ten", Severity.LOW, 600, 3600, COUNT, False, fires)}


@pytest.fixture
def store() -> Iterator[Any]:
    with fresh_store("postgres", FixedNow(NOW)) as opened:
        yield opened


def signal(key: GroupKey, number: int) -> Signal:
    return Signal(
        key=key,
        time=NOON + number,
        event_id=f"{key.group[0]}-{number}",
        step="",
        value="",
        position=RecordPosition("j", number),
        sha256="0",
        source="s",
        touches=(AssetTouch("acme", f"host:{number}", "files"),),
        summary={},
    )


class Teller:
    """One worker: its own partition, its own copies of groups."""

    def __init__(self, sink: BatchSink, partition: str) -> None:
        self.sink, self.partition = sink, partition
        self.windows = WindowStore(SPECS, 86_400.0)
        self.held = sink.load_positions([partition])[partition]

    def tell(self, signals: Sequence[Signal], meet: Callable[[], None]) -> None:
        guarded_signals: dict[GroupKey, list[GuardedSignal]] = {}
        for each in signals:
            guarded_signals.setdefault(each.key, []).append(GuardedSignal(each, True))
        before = -1 if self.held.position is None else self.held.position.offset
        after = RecordPosition(self.partition, before + max(1, len(signals)))
        batch = RecordBatch(
            [PartitionAdvance(self.partition, self.held, after)], list(guarded_signals)
        )

        def settle(rows: Sequence[GroupRows], low: float | None) -> GroupUpdates:
            meet()
            return self.windows.apply(guarded_signals, rows, low)

        committed = self.sink.commit(batch, self.windows.get_versions(batch.keys), settle, NOW)
        self.windows.confirm_commit(committed)
        self.held = self.sink.load_positions([self.partition])[self.partition]


class Unlocked:
    """A connection that forgets FOR UPDATE: all else of the sink is as it is."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: Any, *values: Any) -> Any:
        if isinstance(statement, Select):
            statement = statement._clone()
            statement._for_update_arg = None
        return self._connection.execute(statement, *values)

    def exec_driver_sql(self, statement: str, *values: Any) -> Any:
        return self._connection.exec_driver_sql(statement.replace(" FOR UPDATE", ""), *values)


def without_lock(sink: Any) -> SqlBatchSink:
    return SqlBatchSink(
        lambda work: sink._write(lambda c: work(Unlocked(c))), sink._read, sole_owner=False
    )


def run_rounds(sink: BatchSink, seed: int) -> Mapping[GroupKey, list[Signal]]:
    """Rounds of two halves told at the same moment; what was told in all, by group."""
    chance = random.Random(seed)
    one, other = Teller(sink, "raw/0"), Teller(sink, "raw/1")
    signals_by_group: dict[GroupKey, list[Signal]] = {}
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            key = GroupKey("ten", "acme", (f"g{number}",))
            known, first, second = halves(key, chance)
            signals_by_group[key] = [*known, *first, *second]
            chance.choice((one, other)).tell(known, lambda: None)
            meet = meeting()
            ends = [threads.submit(one.tell, first, meet), threads.submit(other.tell, second, meet)]
            for end in ends:
                end.result()
    return signals_by_group


def halves(key: GroupKey, chance: random.Random) -> tuple[list[Signal], list[Signal], list[Signal]]:
    """What is known before, and what two tell at once: nine, ten or eleven signals in all."""
    every = [signal(key, n) for n in range(COUNT + chance.choice((-1, 0, 0, 1)))]
    chance.shuffle(every)
    begin = chance.randint(0, 4)
    middle = chance.randint(begin + 1, len(every) - 1)
    return every[:begin], every[begin:middle], every[middle:]


def meeting() -> Callable[[], None]:
    """Both come, or whoever is first goes on alone after a moment."""
    barrier = threading.Barrier(2)

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(MEETING_SECONDS)

    return meet


def raised(store: Any) -> set[tuple[str, ...]]:
    return {each.group for each in store.read(lambda uow: uow.alerts.list())}


def evidence(store: Any) -> dict[tuple[str, ...], set[str]]:
    def work(uow: Any) -> dict[tuple[str, ...], set[str]]:
        return {
            view.group: {each.event_id for each in uow.alerts.list_evidence(view.pk)}
            for view in uow.alerts.list()
        }

    return dict(store.read(work))


def one_owner_raises(signals_by_group: Mapping[GroupKey, list[Signal]]) -> set[tuple[str, ...]]:
    alone = InMemoryWindows(SPECS)
    alone.absorb([each for signals in signals_by_group.values() for each in signals])
    return {each.key.group for each in alone.list_episodes()}


def test_two_that_tell_halves_of_a_group_at_once_raise_what_one_owner_raises(store: Any) -> None:
    rounds = run_rounds(store.make_batch_sink(), 1)
    expected = one_owner_raises(rounds)

    assert raised(store) == expected
    assert ROUNDS > len(expected) > ROUNDS // 2
    assert evidence(store) == {
        key.group: {each.event_id for each in signals}
        for key, signals in rounds.items()
        if key.group in expected
    }


def test_without_the_lock_the_same_rounds_miss_alerts(store: Any) -> None:
    """The mutant: proves that the rounds above do meet, and that the lock is what saves them."""
    expected = one_owner_raises(run_rounds(without_lock(store.make_batch_sink()), 1))

    assert raised(store) < expected


def test_many_workers_over_many_shared_groups_neither_deadlock_nor_miss(store: Any) -> None:
    """Every batch bears on most groups, in its own order: sorted locks never wait in a circle."""
    sink = store.make_batch_sink()
    keys = [GroupKey("ten", "acme", (f"m{n}",)) for n in range(12)]
    values_by_key = {key: [signal(key, n) for n in range(COUNT)] for key in keys}
    shares: list[list[Signal]] = [[] for _ in range(40)]
    chance = random.Random(3)
    for each in (s for signals in values_by_key.values() for s in signals):
        chance.choice(shares).append(each)
    tellers = [Teller(sink, f"raw/{n}") for n in range(4)]

    def work(number: int) -> None:
        for share in shares[number::4]:
            chance.shuffle(share)
            tellers[number].tell(share, lambda: None)

    with ThreadPoolExecutor(4) as threads:
        for end in [threads.submit(work, number) for number in range(4)]:
            end.result()

    assert raised(store) == {key.group for key in keys}
