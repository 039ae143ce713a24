"""The batch sink: the fence, bucket rows, counts that add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import (
    GROUP,
    START,
    FixedNow,
    commit_batch,
    make_binding,
    make_episode,
    sweep,
)
from schemas.customer import AssetKind
from schemas.errors import EditConflict, NotFound
from schemas.pipeline.alert import GroupKey
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import DeadLetter
from streams.ports import (
    BatchSink,
    BucketRow,
    EvictedInterval,
    GroupRows,
    GroupState,
    GroupUpdates,
    PartitionAdvance,
    RecordBatch,
    SourceCount,
    StoredPosition,
    UnattributedCount,
)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


@pytest.fixture
def sink(store: PipelineStore) -> BatchSink:
    return store.make_batch_sink()


def stored(sink: BatchSink, partition: str = "test") -> StoredPosition:
    return sink.load_positions([partition])[partition]


def buckets_of(store: PipelineStore, *keys: GroupKey) -> list[BucketRow]:
    """What a commit reads of these groups."""
    sink = store.make_batch_sink()
    read: list[GroupRows] = []

    def look(rows: Sequence[GroupRows], _low: float | None) -> GroupUpdates:
        read.extend(rows)
        return GroupUpdates()

    before = stored(sink, "looking")
    after = RecordPosition("j", 1 if before.position is None else before.position.offset + 1)
    sink.commit(
        RecordBatch([PartitionAdvance("looking", before, after)], keys=keys), {}, look, START
    )
    return [bucket for row in read for bucket in row.buckets or ()]


def test_a_batch_from_another_position_is_fenced_and_leaves_nothing(
    store: PipelineStore, sink: BatchSink
) -> None:
    commit_batch(store)
    before, after = stored(sink), RecordPosition("journal-1", 99)
    assert before.position is not None
    stale = (
        StoredPosition(None),
        replace(before, position=before.position._replace(offset=7)),
        replace(before, position=before.position._replace(journal="another")),
        replace(before, epoch=before.epoch + 1),
        replace(before, revision=before.revision - 1),
    )
    updates = GroupUpdates(
        [GROUP], [GroupState(GROUP, (make_episode(),))], [BucketRow(GROUP, 1, b"x", 3600)]
    )
    for each in stale:
        batch = RecordBatch(
            [PartitionAdvance("test", each, after)],
            keys=[GROUP],
            sources=[SourceCount("m365", received=1)],
        )
        with pytest.raises(EditConflict, match="not where this batch began"):
            sink.commit(batch, {}, lambda _rows, _low: updates, START)

    assert stored(sink) == before
    assert buckets_of(store, GROUP) == []
    assert store.read(lambda uow: uow.alerts.list()) == []
    assert store.read(lambda uow: uow.sources.list()) == []
    assert store.read(lambda uow: uow.audit.verify()) == 0


def test_partitions_have_positions_of_their_own(store: PipelineStore, sink: BatchSink) -> None:
    commit_batch(store, "p")

    assert stored(sink, "q").position is None
    commit_batch(store, "q")
    commit_batch(store, "q")
    assert stored(sink, "p").position == RecordPosition("journal-1", 1)
    assert stored(sink, "q").position == RecordPosition("journal-1", 2)


def test_a_written_bucket_replaces_what_is_stored_of_it_alone(store: PipelineStore) -> None:
    other = GROUP._replace(organization="fabrikam")
    first = [BucketRow(GROUP, 1, b"old", 3600, 9.0), BucketRow(GROUP, 2, b"second", 3600, 9.0)]
    commit_batch(store, buckets=[*first, BucketRow(other, 1, b"another group's", 3600, 9.0)])
    commit_batch(store, buckets=[BucketRow(GROUP, 1, b"new", 3600, 10.0)])

    assert buckets_of(store, GROUP) == [BucketRow(GROUP, 1, b"new", 3600, 10.0), first[1]]
    assert [row.payload for row in buckets_of(store, other)] == [b"another group's"]


def test_a_sweep_drops_the_buckets_that_its_spans_reach(store: PipelineStore) -> None:
    other = GROUP._replace(organization="fabrikam")
    rows = [BucketRow(key, n, b"%d" % n, 3600) for key in (GROUP, other) for n in (1, 2, 9)]
    commit_batch(store, buckets=rows)
    sweep(store, EvictedInterval(GROUP, 1.5 * 3600, 2 * 3600))

    assert [row.bucket for row in buckets_of(store, GROUP)] == [9]
    assert [row.bucket for row in buckets_of(store, other)] == [1, 2, 9]


def test_the_newest_arrival_never_goes_back(store: PipelineStore, sink: BatchSink) -> None:
    for arrived in (10.0, 30.0, 20.0, None):
        commit_batch(store, arrived=arrived)
    sink.record_drained("test", stored(sink), 25.0)

    assert stored(sink).arrived == 30.0


def test_counts_of_a_source_add_up_over_batches(store: PipelineStore) -> None:
    hour = timedelta(hours=1)
    commit_batch(
        store,
        sources=[
            SourceCount(
                "m365", "m365_audit", received=10, parsed=9, dead_letters=1,
                first_event=START, last_event=START + hour, last_arrived=START + hour,
            )
        ],
    )  # fmt: skip
    commit_batch(
        store,
        sources=[
            SourceCount("m365", received=5, parsed=4, ignored=1, late=2, first_event=START - hour),
            SourceCount("firewall", not_understood=3, received=3),
        ],
    )
    store.write(
        lambda uow: uow.customers.bind(
            make_binding("m365", "contoso", kind=AssetKind.SOURCE), START
        )
    )
    firewall, m365 = store.read(lambda uow: uow.sources.list())

    assert (firewall.name, firewall.owner, firewall.not_understood) == ("firewall", "provider", 3)
    assert (m365.owner, m365.parser, m365.received, m365.parsed) == (
        "contoso",
        "m365_audit",
        15,
        13,
    )
    assert (m365.ignored, m365.dead_letters, m365.late) == (1, 1, 2)
    assert (m365.first_event, m365.last_event) == (START - hour, START + hour)


def test_dead_letters_are_newest_first_and_go_when_replayed(store: PipelineStore) -> None:
    letters = [
        DeadLetter(
            RecordPosition("j", n), "m365", START + timedelta(minutes=n), "", "no parser", "00"
        )
        for n in (1, 2, 3)
    ]
    commit_batch(store, dead_letters=letters)
    commit_batch(store, dead_letters=letters[:1])
    store.write(lambda uow: uow.sources.mark_replayed(RecordPosition("j", 2)))

    assert store.read(lambda uow: uow.sources.list_dead_letters()) == [letters[2], letters[0]]
    assert store.read(lambda uow: uow.sources.list_dead_letters(limit=1)) == [letters[2]]
    with pytest.raises(NotFound, match="no dead letter"):
        store.write(lambda uow: uow.sources.mark_replayed(RecordPosition("j", 77)))


def test_what_belongs_to_nobody_adds_up_until_somebody_binds_it(store: PipelineStore) -> None:
    day = timedelta(days=1)
    keys = (
        "domain:contoso.example",
        "mailbox:jo@fabrikam.example",
        "ip:192.0.2.7",
        "ip:198.51.100.1",
        "host:web01",
    )
    for batch in range(2):
        commit_batch(
            store,
            unattributed=[
                UnattributedCount(
                    key, 5 + n, START + batch * day, START + (batch + 1) * day, f"set{batch}"
                )
                for n, key in enumerate(keys)
            ],
        )
    unattributed = store.read(lambda uow: uow.customers.list_unattributed())

    assert [item.key for item in unattributed] == list(reversed(keys))
    assert (unattributed[-1].events, unattributed[-1].datasets) == (10, ("set0", "set1"))
    assert (unattributed[-1].first, unattributed[-1].last) == (START, START + 2 * day)

    named = [UnattributedCount("host:web01", 1, START, START, f"d{n:04}") for n in range(500)]
    commit_batch(store, unattributed=named)
    rows = {item.key: item for item in store.read(lambda uow: uow.customers.list_unattributed())}
    assert rows["host:web01"].datasets == tuple(f"d{n:04}" for n in range(20))

    bound = (
        make_binding("contoso.example", kind=AssetKind.DOMAIN),
        make_binding("fabrikam.example", kind=AssetKind.DOMAIN),
        make_binding("192.0.2.0/24", kind=AssetKind.IP),
    )
    for binding in bound:
        store.write(lambda uow, b=binding: uow.customers.bind(b, START))
    remaining = store.read(lambda uow: uow.customers.list_unattributed())
    assert [item.key for item in remaining] == ["host:web01", "ip:198.51.100.1"]
