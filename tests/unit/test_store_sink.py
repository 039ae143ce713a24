"""The batch sink: the fence, the signal log and its folding, counts that add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.any_store import AnyStore
from breachdesk.testing import (
    GROUP,
    START,
    FixedNow,
    a_binding,
    a_signal,
    an_episode,
)
from schemas.customer import AssetKind
from schemas.errors import Conflict, NotFound
from schemas.event import Position
from schemas.source import DeadLetter
from streams.ports import (
    BucketRow,
    Eviction,
    GroupState,
    LegacyBatch,
    LegacySink,
    SourceCount,
    UnattributedCount,
)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[AnyStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


@pytest.fixture
def sink(store: AnyStore) -> LegacySink:
    return store.legacy_sink()


def commit(sink: LegacySink, **parts: Any) -> Position:
    before = sink.resume("p").position
    after = Position("j", 1 if before is None else before.offset + 10)
    sink.commit("p", LegacyBatch(before=before, after=after, **parts), START)
    return after


def test_a_batch_from_another_position_is_fenced_and_leaves_nothing(
    store: AnyStore, sink: LegacySink
) -> None:
    after = commit(sink, signals=[a_signal(1)])
    stale = (None, Position("j", 7), Position("other journal", after.offset))
    for before in stale:
        episode = an_episode()
        batch = LegacyBatch(
            before=before,
            after=Position("j", 99),
            signals=[a_signal(2)],
            groups=[GroupState(GROUP, (episode,))],
        )
        with pytest.raises(Conflict, match="not where this batch began"):
            sink.commit("p", batch, START)

    resume = sink.resume("p")
    assert resume.position == after
    assert resume.tail == [a_signal(1)]
    assert store.look(lambda uow: uow.alerts.list()) == []
    assert store.look(lambda uow: uow.audit.verify()) == 0


def test_partitions_have_positions_of_their_own(sink: LegacySink) -> None:
    commit(sink)

    assert sink.resume("q").position is None
    sink.commit("q", LegacyBatch(before=None, after=Position("k", 3)), START)
    assert sink.resume("p").position == Position("j", 1)


def test_signals_come_back_in_the_order_they_were_logged(sink: LegacySink) -> None:
    signals = [a_signal(number, value=f"v{number}") for number in (5, 2, 9)]
    commit(sink, signals=signals[:2])
    commit(sink, signals=signals[2:])

    assert sink.resume("p").tail == signals


def test_folding_a_bucket_replaces_it_and_drops_only_its_own_log_rows(sink: LegacySink) -> None:
    inside = a_signal(1)
    outside = a_signal(2, time=START + timedelta(hours=5))
    elsewhere = a_signal(3, key=GROUP._replace(organization="fabrikam"))
    commit(sink, signals=[inside, outside, elsewhere])
    bucket = int(inside.time // 3600)
    commit(sink, buckets=[BucketRow(GROUP, bucket, b"old", 3600)])
    commit(sink, buckets=[BucketRow(GROUP, bucket, b"new", 3600)])
    resume = sink.resume("p")

    assert resume.buckets == [BucketRow(GROUP, bucket, b"new", 3600)]
    assert resume.tail == [outside, elsewhere]


def test_a_bucket_that_does_not_say_its_span_drops_nothing_from_the_log(sink: LegacySink) -> None:
    signal = a_signal(1)
    commit(sink, signals=[signal])
    commit(sink, buckets=[BucketRow(GROUP, int(signal.time // 3600), b"x")])

    assert sink.resume("p").tail == [signal]


def test_an_eviction_drops_the_buckets_and_log_rows_it_reaches(sink: LegacySink) -> None:
    old, new = a_signal(1), a_signal(2, time=START + timedelta(hours=9))
    folded = [BucketRow(GROUP, int(s.time // 3600), s.event_id.encode(), 3600) for s in (old, new)]
    other = replace(old, key=GROUP._replace(organization="fabrikam"))
    kept = BucketRow(other.key, folded[0].bucket, b"another group's", 3600)
    commit(sink, buckets=[*folded, kept])
    commit(sink, signals=[old, new, other])
    commit(sink, evictions=[Eviction(GROUP, old.time, old.time)])
    resume = sink.resume("p")

    assert sorted(resume.buckets, key=lambda row: row.payload) == [kept, folded[1]]
    assert resume.tail == [new, other]


def test_the_watermark_and_the_newest_arrival_never_go_back(sink: LegacySink) -> None:
    for low, arrived in ((None, 10.0), (5.0, 30.0), (3.0, 20.0), (None, None)):
        commit(sink, low_watermark=low, arrived=arrived)

    resume = sink.resume("p")
    assert (resume.low_watermark, resume.arrived) == (5.0, 30.0)


def test_counts_of_a_source_add_up_over_batches(store: AnyStore, sink: LegacySink) -> None:
    hour = timedelta(hours=1)
    commit(
        sink,
        sources=[
            SourceCount(
                "m365", "m365_audit", received=10, parsed=9, dead_letters=1,
                first_event=START, last_event=START + hour, last_arrived=START + hour,
            )
        ],
    )  # fmt: skip
    commit(
        sink,
        sources=[
            SourceCount("m365", received=5, parsed=4, folded=1, late=2, first_event=START - hour),
            SourceCount("firewall", not_understood=3, received=3),
        ],
    )
    store.act(
        lambda uow: uow.customers.bind(a_binding("m365", "contoso", kind=AssetKind.SOURCE), START)
    )
    firewall, m365 = store.look(lambda uow: uow.sources.list())

    assert (firewall.name, firewall.owner, firewall.not_understood) == ("firewall", "provider", 3)
    assert (m365.owner, m365.parser, m365.received, m365.parsed) == (
        "contoso",
        "m365_audit",
        15,
        13,
    )
    assert (m365.folded, m365.dead_letters, m365.late) == (1, 1, 2)
    assert (m365.first_event, m365.last_event) == (START - hour, START + hour)


def test_dead_letters_are_newest_first_and_go_when_replayed(
    store: AnyStore, sink: LegacySink
) -> None:
    letters = [
        DeadLetter(Position("j", n), "m365", START + timedelta(minutes=n), "", "no parser", "00")
        for n in (1, 2, 3)
    ]
    commit(sink, dead_letters=letters)
    commit(sink, dead_letters=letters[:1])
    store.act(lambda uow: uow.sources.replayed(Position("j", 2)))

    assert store.look(lambda uow: uow.sources.dead_letters()) == [letters[2], letters[0]]
    assert store.look(lambda uow: uow.sources.dead_letters(limit=1)) == [letters[2]]
    with pytest.raises(NotFound, match="no dead letter"):
        store.act(lambda uow: uow.sources.replayed(Position("j", 77)))


def test_what_belongs_to_nobody_adds_up_until_somebody_binds_it(
    store: AnyStore, sink: LegacySink
) -> None:
    day = timedelta(days=1)
    keys = (
        "domain:contoso.example",
        "mailbox:jo@fabrikam.example",
        "ip:192.0.2.7",
        "ip:198.51.100.1",
        "host:web01",
    )
    for batch in range(2):
        commit(
            sink,
            unattributed=[
                UnattributedCount(
                    key, 5 + n, START + batch * day, START + (batch + 1) * day, f"set{batch}"
                )
                for n, key in enumerate(keys)
            ],
        )
    found = store.look(lambda uow: uow.customers.unattributed())

    assert [item.key for item in found] == list(reversed(keys))
    assert (found[-1].events, found[-1].datasets) == (10, ("set0", "set1"))
    assert (found[-1].first, found[-1].last) == (START, START + 2 * day)

    named = [UnattributedCount("host:web01", 1, START, START, f"d{n:04}") for n in range(500)]
    commit(sink, unattributed=named)
    rows = {item.key: item for item in store.look(lambda uow: uow.customers.unattributed())}
    assert rows["host:web01"].datasets == tuple(f"d{n:04}" for n in range(20))

    bound = (
        a_binding("contoso.example", kind=AssetKind.DOMAIN),
        a_binding("fabrikam.example", kind=AssetKind.DOMAIN),
        a_binding("192.0.2.0/24", kind=AssetKind.IP),
    )
    for binding in bound:
        store.act(lambda uow, b=binding: uow.customers.bind(b, START))
    left = store.look(lambda uow: uow.customers.unattributed())
    assert [item.key for item in left] == ["host:web01", "ip:198.51.100.1"]
