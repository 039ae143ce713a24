"""What streams.ports.BatchSink promises of fences, groups, the log and sweeps: on both databases,
for a sole owner and for many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.batches.counts import MOST_KEYS, NEW_KEYS
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.tables.stream_tables import signal_groups, unattributed
from breachdesk.testing import START, FixedNow
from schemas.errors import EditConflict, RetryableError
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import RecordPosition
from streams.ports import (
    BatchSink,
    BucketRow,
    CommitResult,
    EvictedInterval,
    GroupRows,
    GroupUpdates,
    PartitionAdvance,
    RecordBatch,
    SourceCount,
    StoredPosition,
    SweepResult,
    UnattributedCount,
)

NAMES = ("raw/0", "raw/1")
JO, MO, ZOE = (GroupKey("brute", "contoso", (name, "é\x00")) for name in ("jo", "mo", "zoe"))
DUE = 1_000.0


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


class Owner:
    """A worker's half of the contract: what it holds of its partitions."""

    def __init__(self, sink: BatchSink) -> None:
        self.sink = sink
        self.owned = dict(sink.load_positions(NAMES))
        self.rows: Mapping[GroupKey, GroupRows] = {}
        self.low: float | None = None

    def commit(
        self,
        keys: Sequence[GroupKey] = (),
        *,
        buckets: Sequence[BucketRow] = (),
        known: Mapping[GroupKey, int] | None = None,
        name: str = NAMES[0],
        arrived: float = DUE,
        problem: Exception | None = None,
        log: bytes | None = None,
        log_kept_from: int | None = None,
        **counted: Any,
    ) -> CommitResult:
        before = self.owned[name]
        offset = 0 if before.position is None else before.position.offset + 10
        step = PartitionAdvance(name, before, RecordPosition("j", offset), arrived)
        updates = GroupUpdates(
            changed=sorted({row.key for row in buckets}),
            buckets=buckets,
            log=log,
            log_first_needed=log_kept_from,
        )

        def apply_signals(rows: Sequence[GroupRows], low: float | None) -> GroupUpdates:
            self.rows, self.low = {row.key: row for row in rows}, low
            if problem is not None:
                raise problem
            return updates

        batch = RecordBatch([step], keys, **counted)
        result = self.sink.commit(batch, known or {}, apply_signals, START)
        self.owned[name] = replace(
            before,
            position=step.after,
            revision=before.revision + 1,
            counted=offset,
            counted_in="j",
            arrived=max(arrived, before.arrived or arrived),
        )
        return result

    def sweep(
        self,
        let_go: Callable[[Sequence[GroupRows], float], SweepResult] = lambda _rows, _low: (
            SweepResult()
        ),
        **options: Any,
    ) -> int:
        return self.sink.sweep(NAMES, self.owned, let_go, START, **options)

    def stored(self) -> Mapping[str, StoredPosition]:
        return self.sink.load_positions(NAMES)

    def payloads(self, key: GroupKey) -> list[tuple[int, bytes]]:
        """What is stored of a group."""
        self.commit([key])
        return [(row.bucket, row.payload) for row in self.rows[key].buckets or ()]


@pytest.fixture(params=[True, False], ids=["sole_owner", "many_owners"])
def owner(store: PipelineStore, request: pytest.FixtureRequest) -> Owner:
    return Owner(store.make_batch_sink(sole_owner=request.param))


@pytest.fixture
def sole(store: PipelineStore) -> Owner:
    return Owner(store.make_batch_sink(sole_owner=True))


@pytest.fixture
def many(store: PipelineStore) -> Owner:
    return Owner(store.make_batch_sink(sole_owner=False))


def bucket(key: GroupKey, index: int = 5, payload: bytes = b"\x00p", due: float = DUE) -> BucketRow:
    return BucketRow(key, index, payload, 60, due)


def count(store: PipelineStore, table: Any) -> int:
    sink: Any = store.make_batch_sink()
    query = select(func.count()).select_from(table)
    return int(sink._read(lambda connection: connection.execute(query).scalar()))


def test_each_deployment_knows_whether_it_has_a_sole_owner(store: PipelineStore) -> None:
    sqlite = type(store).__name__ == "SqliteStore"

    assert store.make_batch_sink().sole_owner is sqlite


def test_a_commit_raises_the_revision_of_the_partitions_it_names(owner: Owner) -> None:
    owner.commit()
    owner.commit()
    owner.commit(name=NAMES[1])

    assert owner.stored() == owner.owned
    assert [owner.owned[name].revision for name in NAMES] == [2, 1]


def steps(owner: Owner, offset: int, arrived: float | None) -> list[PartitionAdvance]:
    """One a partition, in no order."""
    return [
        PartitionAdvance(name, owner.owned[name], RecordPosition(f"j{name}", offset), arrived)
        for name in reversed(NAMES)
    ]


def test_a_batch_moves_all_of_its_partitions(owner: Owner) -> None:
    for offset, arrived in ((3, None), (9, DUE + 0.1), (9, DUE - 7.0), (4, None)):
        batch = RecordBatch(steps(owner, offset, arrived))
        owner.sink.commit(batch, {}, lambda _rows, _low: GroupUpdates(), START)
        owner.owned = dict(owner.stored())

    assert owner.owned == {
        name: StoredPosition(
            position=RecordPosition(f"j{name}", 4),
            epoch=0,
            revision=4,
            counted=9,
            counted_in=f"j{name}",
            arrived=DUE + 0.1,
        )
        for name in NAMES
    }


def test_a_batch_moves_no_partition_when_another_has_moved_one(owner: Owner) -> None:
    batch = RecordBatch(steps(owner, 3, DUE))
    owner.commit(name=NAMES[1])

    with pytest.raises(EditConflict, match=NAMES[1]):
        owner.sink.commit(batch, {}, lambda _rows, _low: GroupUpdates(), START)
    assert owner.stored() == owner.owned


def test_a_commit_that_leaves_the_offset_where_it_is_fences_all_the_same(owner: Owner) -> None:
    owner.commit()
    before = owner.owned[NAMES[0]]
    step = PartitionAdvance(NAMES[0], before, RecordPosition("j", 0), DUE)
    owner.sink.commit(RecordBatch([step]), {}, lambda _rows, _low: GroupUpdates(), START)

    with pytest.raises(EditConflict, match="stored position"):
        owner.commit()
    assert owner.stored()[NAMES[0]] == replace(before, revision=2)


def test_drained_raises_the_arrival_and_leaves_the_revision(owner: Owner) -> None:
    owner.commit()
    owner.sink.record_drained(NAMES[0], owner.owned[NAMES[0]], DUE + 5)
    owner.commit()

    assert owner.stored()[NAMES[0]].arrived == DUE + 5
    assert owner.stored()[NAMES[0]].revision == 2


def test_drained_by_a_former_owner_is_refused(owner: Owner) -> None:
    former = owner.owned[NAMES[0]]
    owner.commit()

    with pytest.raises(EditConflict):
        owner.sink.record_drained(NAMES[0], former, DUE + 5)


def test_nothing_of_a_fenced_batch_is_kept(store: PipelineStore, owner: Owner) -> None:
    owner.commit([JO], buckets=[bucket(JO)])
    former = Owner(owner.sink)
    owner.commit()
    counted = [SourceCount("firewall", received=3)]

    with pytest.raises(EditConflict):
        former.commit([JO, MO], buckets=[bucket(JO, payload=b"x"), bucket(MO)], sources=counted)
    assert owner.payloads(JO) == [(5, b"\x00p")]
    assert owner.payloads(MO) == []
    assert store.read(lambda uow: uow.sources.list()) == []


def test_nothing_is_kept_when_the_signals_cannot_be_applied(owner: Owner) -> None:
    with pytest.raises(RetryableError):
        owner.commit([JO], buckets=[bucket(JO)], problem=RetryableError("no memory"))

    assert owner.stored() == owner.owned
    assert owner.payloads(JO) == []


def test_a_new_group_comes_with_version_0_and_no_buckets(owner: Owner) -> None:
    owner.commit([JO])

    assert owner.rows[JO].version == 0
    assert list(owner.rows[JO].buckets or ()) == []


def test_groups_come_in_one_order_each_once(owner: Owner) -> None:
    owner.commit([ZOE, JO, MO, JO])
    first = list(owner.rows)
    owner.commit([JO, MO, ZOE])

    assert list(owner.rows) == first
    assert sorted(first) == [JO, MO, ZOE]


def test_buckets_come_back_as_they_were_written_last(owner: Owner) -> None:
    rows = [bucket(JO, 7, b"b"), bucket(JO, -3, b"a"), bucket(MO, 7, b"c")]
    owner.commit([JO, MO], buckets=rows)
    owner.commit([JO], buckets=[bucket(JO, 7, b"bb", due=9_000.0)])
    owner.commit([JO, MO])

    assert owner.rows[JO].buckets == [bucket(JO, -3, b"a"), bucket(JO, 7, b"bb", due=9_000.0)]
    assert owner.rows[MO].buckets == [bucket(MO, 7, b"c")]
    assert owner.rows[JO].version > 0


def test_more_groups_than_one_statement_names_are_read_and_written(owner: Owner) -> None:
    keys = [GroupKey("brute", "contoso", (f"user{number}",)) for number in range(1_300)]
    owner.commit(keys, buckets=[bucket(key, payload=key.group[0].encode()) for key in keys])
    owner.commit(keys)

    assert all(
        [row.payload for row in owner.rows[key].buckets or ()] == [key.group[0].encode()]
        for key in keys
    )


def test_a_sole_owner_is_read_only_what_it_does_not_know(sole: Owner) -> None:
    result = sole.commit([JO, MO], buckets=[bucket(JO), bucket(MO)])
    sole.commit([JO, MO], known={JO: result.versions[JO]})

    assert sole.rows[JO].buckets is None
    assert sole.rows[MO].buckets == [bucket(MO)]


def test_of_many_owners_only_the_newest_version_is_known(many: Owner) -> None:
    old = many.commit([JO], buckets=[bucket(JO)]).versions[JO]
    new = many.commit([JO], buckets=[bucket(JO, payload=b"2")]).versions[JO]
    many.commit([JO], known={JO: old})
    read = many.rows[JO].buckets
    untouched = many.commit([JO], known={JO: new}).versions[JO]

    assert read == [bucket(JO, payload=b"2")]
    assert many.rows[JO].buckets is None
    assert len({old, new}) == 2
    assert untouched == new


def test_a_lock_of_a_group_that_holds_nothing_goes_with_the_batch(
    store: PipelineStore, many: Owner
) -> None:
    many.commit([JO, MO], buckets=[bucket(JO)])

    assert count(store, signal_groups) == 1


def test_a_sole_owner_writes_no_locks(store: PipelineStore, sole: Owner) -> None:
    sole.commit([JO, MO], buckets=[bucket(JO)])

    assert count(store, signal_groups) == 0


def test_log_rows_are_read_in_order_until_they_are_let_go(sole: Owner) -> None:
    bodies = [b"one", b"two\x00", b"three"]
    numbers = [sole.commit(log=body).log_number for body in bodies]
    before = [(row.number, row.body) for row in sole.sink.list_log_rows(NAMES[0])]
    sole.commit(log_kept_from=numbers[2])

    assert before == list(zip(numbers, bodies, strict=True))
    assert numbers == sorted(set(numbers))
    assert [row.body for row in sole.sink.list_log_rows(NAMES[0])] == [b"three"]


def test_a_batch_without_signals_for_the_log_writes_no_row(sole: Owner) -> None:
    assert sole.commit().log_number is None
    assert list(sole.sink.list_log_rows(NAMES[0])) == []


def test_a_log_number_is_never_used_again(sole: Owner) -> None:
    first = sole.commit(log=b"one").log_number or 0
    sole.commit(log_kept_from=first + 1)

    assert (sole.commit(log=b"two").log_number or 0) > first


def test_the_log_of_all_partitions_is_let_go_together(sole: Owner) -> None:
    """A sole owner has one store of windows, and numbers all its signals together."""
    sole.commit(name=NAMES[1], log=b"other")
    number = sole.commit(log=b"own").log_number
    sole.commit(log_kept_from=number)

    assert list(sole.sink.list_log_rows(NAMES[1])) == []
    assert [row.body for row in sole.sink.list_log_rows(NAMES[0])] == [b"own"]


def drain(owner: Owner, moment: float) -> None:
    for name in NAMES:
        owner.commit(name=name, arrived=moment)


def test_a_sweep_looks_at_what_is_due_and_lets_go_of_what_is_named(owner: Owner) -> None:
    owner.commit([JO, MO], buckets=[bucket(JO, 5), bucket(JO, 50), bucket(MO, 5, due=DUE + 1)])
    drain(owner, DUE)
    seen: list[tuple[list[GroupKey], float]] = []

    def let_go(rows: Sequence[GroupRows], low: float) -> SweepResult:
        seen.append(([row.key for row in rows], low))
        assert [row.bucket for row in rows[0].buckets or ()] == [5, 50]
        return SweepResult([EvictedInterval(JO, 300.0, 359.5)])

    looked = owner.sweep(let_go)
    owner.owned = dict(owner.stored())

    assert (looked, seen) == (1, [([JO], DUE)])
    assert owner.payloads(JO) == [(50, b"\x00p")]
    assert owner.payloads(MO) == [(5, b"\x00p")]
    assert owner.low == DUE


def test_a_group_that_keeps_something_is_looked_at_again_when_the_sweep_says_so(
    owner: Owner,
) -> None:
    owner.commit([JO], buckets=[bucket(JO, 5), bucket(JO, 6, due=DUE + 60)])
    drain(owner, DUE)
    looked = [owner.sweep(lambda _rows, _low: SweepResult((), {JO: DUE + 9_000}))]
    owner.owned = dict(owner.stored())
    for later in (8_999, 9_000):
        drain(owner, DUE + later)
        looked.append(owner.sweep())

    assert looked == [1, 0, 1]


def test_a_group_of_which_the_sweep_says_nothing_is_left_alone_for_an_hour(owner: Owner) -> None:
    owner.commit([JO], buckets=[bucket(JO, 5), bucket(JO, 6, due=DUE + 60)])
    drain(owner, DUE)
    first = owner.sweep()
    owner.owned = dict(owner.stored())
    drain(owner, DUE + 3_599)
    second = owner.sweep()
    drain(owner, DUE + 3_601)
    third = owner.sweep()

    assert (first, second, third) == (1, 0, 1)


def test_a_sweep_looks_at_no_more_groups_than_asked_and_the_next_goes_on(owner: Owner) -> None:
    keys = [GroupKey("brute", "contoso", (f"user{number}",)) for number in range(7)]
    owner.commit(keys, buckets=[bucket(key) for key in keys])
    drain(owner, DUE)
    looked = []

    def let_go(rows: Sequence[GroupRows], low: float) -> SweepResult:
        del low
        looked.append(len(rows))
        return SweepResult([EvictedInterval(row.key, 0.0, 1e6) for row in rows])

    while owner.sweep(let_go, limit=3):
        owner.owned = dict(owner.stored())

    assert [groups for groups in looked if groups] == [3, 3, 1]
    assert owner.payloads(keys[0]) == []


def test_what_a_sweep_emptied_leaves_no_lock(store: PipelineStore, many: Owner) -> None:
    many.commit([JO, MO], buckets=[bucket(JO), bucket(MO)])
    drain(many, DUE)
    many.sweep(lambda _rows, _low: SweepResult([EvictedInterval(JO, 0.0, 1e6)]))

    assert count(store, signal_groups) == 1


def test_another_workers_copy_of_a_swept_group_is_void(many: Owner) -> None:
    versions = many.commit([JO, MO], buckets=[bucket(JO, 5), bucket(JO, 50), bucket(MO)]).versions
    drain(many, DUE)
    many.sweep(lambda _rows, _low: SweepResult([EvictedInterval(JO, 300.0, 359.0)]))
    many.commit([JO, MO], known=versions)

    assert many.rows[JO].buckets == [bucket(JO, 50, due=DUE + 3_600)]
    assert many.rows[MO].buckets is None


def test_a_sole_owners_sweep_fences_whoever_owned_before(sole: Owner) -> None:
    sole.commit([JO], buckets=[bucket(JO)])
    drain(sole, DUE)
    former = Owner(sole.sink)
    sole.sweep()

    with pytest.raises(EditConflict):
        former.commit()
    assert [sole.stored()[name].revision for name in NAMES] == [
        sole.owned[name].revision + 1 for name in NAMES
    ]


def test_a_sole_owners_sweep_without_work_moves_no_fence(sole: Owner) -> None:
    sole.commit([JO], buckets=[bucket(JO, due=DUE + 1)])
    drain(sole, DUE)
    looked = sole.sweep()
    sole.commit()

    assert looked == 0
    assert sole.low == DUE


def test_a_former_sole_owner_sweeps_nothing(sole: Owner) -> None:
    sole.commit([JO], buckets=[bucket(JO)])
    drain(sole, DUE)
    former = Owner(sole.sink)
    sole.commit()

    with pytest.raises(EditConflict):
        former.sweep(lambda _rows, _low: SweepResult([EvictedInterval(JO, 0.0, 1e6)]))
    assert sole.payloads(JO) == [(5, b"\x00p")]


def test_a_sole_owners_sweep_writes_what_is_gone_of_the_log_and_drops_rows(sole: Owner) -> None:
    first = sole.commit(log=b"one").log_number
    sole.commit(log=b"two")
    drain(sole, DUE)
    assert first is not None

    looked = sole.sweep(lambda _rows, _low: SweepResult((), {}, b"gone", first + 1, in_log=3))

    assert looked == 3
    assert [row.body for row in sole.sink.list_log_rows(NAMES[0])] == [b"two", b"gone"]
    assert [p.revision for p in sole.stored().values()] == [
        p.revision + 1 for p in sole.owned.values()
    ]


def test_of_a_group_in_memory_a_sole_owners_sweep_reads_only_what_is_due(sole: Owner) -> None:
    stays = [replace(bucket(key, 50), due=DUE + 1) for key in (JO, MO)]
    sole.commit([JO, MO], buckets=[bucket(JO), bucket(MO), *stays])
    drain(sole, DUE)
    read: dict[GroupKey, list[int]] = {}

    def let_go(rows: Sequence[GroupRows], low: float) -> SweepResult:
        del low
        read.update({row.key: [each.bucket for each in row.buckets or ()] for row in rows})
        return SweepResult([EvictedInterval(JO, 300.0, 359.5)], {MO: DUE + 9})

    sole.sweep(let_go, known={JO})

    assert read == {JO: [5], MO: [5, 50]}
    sole.owned = dict(sole.stored())
    assert [each for each, _ in sole.payloads(JO)] == [50]
    assert [each for each, _ in sole.payloads(MO)] == [5, 50]


def test_a_sole_owner_is_asked_each_time_though_no_row_is_due(sole: Owner) -> None:
    """What only its log holds may be."""
    drain(sole, DUE)
    sole.sweep()
    before = sole.stored()

    assert sole.sweep(lambda _rows, _low: SweepResult(in_log=2)) == 2
    sole.owned = dict(sole.stored())
    assert sole.sweep() == 0
    assert [p.revision for p in sole.stored().values()] == [p.revision + 1 for p in before.values()]


def test_no_sweep_runs_while_a_backfill_may_be_running(owner: Owner) -> None:
    owner.commit([JO], buckets=[bucket(JO)], hold_until=DUE + 1)
    drain(owner, DUE)
    result = owner.sweep()
    drain(owner, DUE + 1)

    assert result == 0
    assert owner.sweep() == 1


def test_the_watermark_never_goes_back(owner: Owner) -> None:
    drain(owner, DUE)
    owner.sweep()
    owner.sink.sweep(("raw/0", "raw/2"), {}, lambda _rows, _low: SweepResult(), START)
    owner.commit()

    assert owner.low == DUE


def test_the_size_of_state_follows_what_is_stored(sole: Owner) -> None:
    empty = sole.sink.estimate_state_bytes()
    number = sole.commit([JO], buckets=[bucket(JO, payload=bytes(100_000))]).log_number
    with_bucket = sole.sink.estimate_state_bytes()
    number = sole.commit(log=bytes(50_000)).log_number
    with_log = sole.sink.estimate_state_bytes()
    sole.commit(log_kept_from=(number or 0) + 1)
    drain(sole, DUE)
    sole.sweep(lambda _rows, _low: SweepResult([EvictedInterval(JO, 0.0, 1e6)]))

    assert empty == sole.sink.estimate_state_bytes()
    assert 100_000 <= with_bucket - empty < 110_000
    assert 50_000 <= with_log - with_bucket < 60_000


def of_nobody(key: str, events: int = 1, at: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> Any:
    return UnattributedCount(key, events, at, at, "dns")


def test_a_flood_of_names_leaves_those_with_the_most_events(
    store: PipelineStore, owner: Owner
) -> None:
    owner.commit(unattributed=[of_nobody("mailbox:often@x.example", 50)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for batch in range(MOST_KEYS // NEW_KEYS + 4):
        at = start + timedelta(seconds=batch)
        names = [of_nobody(f"mailbox:{batch}-{n}@x.example", at=at) for n in range(2 * NEW_KEYS)]
        owner.commit(unattributed=[*names, of_nobody("mailbox:late@x.example", 3, at)])
    listed = store.read(lambda uow: uow.customers.list_unattributed())

    assert MOST_KEYS <= count(store, unattributed) <= MOST_KEYS + NEW_KEYS
    assert [each.key for each in listed[:2]] == [
        "mailbox:late@x.example",
        "mailbox:often@x.example",
    ]
    assert listed[0].events == 3 * (MOST_KEYS // NEW_KEYS + 4)
