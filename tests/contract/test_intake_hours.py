"""What a batch counts by hour of arrival is stored once, whatever order, cut or repetition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.tables.watch_tables import intake_hours, sightings
from breachdesk.testing import START, FixedNow
from schemas.pipeline.event import RecordPosition
from streams.normalise.hour_counts import sum_hours
from streams.ports import (
    BatchSink,
    GroupUpdates,
    HourCount,
    PartitionAdvance,
    RecordBatch,
    SourceSighting,
    SubjectKind,
)

HOUR = int(START.timestamp() // 3600)
A_COUNT = HourCount(
    SubjectKind.SOURCE,
    "fw",
    HOUR,
    received=3,
    parsed=2,
    not_understood=1,
    minutes=0b101,
    lateness=(1, 0, 1, 0, 0, 0, 0, 0),
    least_late=0.5,
    most_late=40.0,
    first_failure=9.0,
    last_failure=9.0,
    last_event=5.0,
    last_arrived=10.0,
)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def commit(sink: BatchSink, offset: int, **counted: Any) -> None:
    before = sink.load_positions(["journal"])["journal"]
    step = PartitionAdvance("journal", before, RecordPosition("day", offset), START.timestamp())
    sink.commit(RecordBatch([step], **counted), {}, lambda _rows, _low: GroupUpdates(), START)


def stored(store: PipelineStore) -> list[dict[str, Any]]:
    def work(uow: Any) -> list[dict[str, Any]]:
        rows = uow._connection.execute(select(intake_hours).order_by("kind", "name", "hour"))
        return [dict(row._mapping) for row in rows]

    return store.read(work)


def seen(store: PipelineStore) -> list[tuple[Any, ...]]:
    def work(uow: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in uow._connection.execute(select(sightings))]

    return sorted(store.read(work))


def test_an_hour_sums_its_batches_and_widens_its_times(store: PipelineStore) -> None:
    sink = store.make_batch_sink()
    other = replace(
        A_COUNT, minutes=0b110, least_late=None, most_late=90.0, first_failure=7.0, last_event=None
    )

    commit(sink, 1, hours=[A_COUNT])
    commit(sink, 2, hours=[other])

    (row,) = stored(store)
    assert (row["received"], row["parsed"], row["not_understood"]) == (6, 4, 2)
    assert row["minutes"] == 0b111
    assert (row["least_late"], row["most_late"]) == (0.5, 90.0)
    assert (row["first_failure"], row["last_failure"], row["last_event"]) == (7.0, 9.0, 5.0)
    assert (row["lateness_0"], row["lateness_2"]) == (2, 2)


def test_a_sighting_keeps_its_newest_hour(store: PipelineStore) -> None:
    old, new = (SourceSighting("acme", "tenant:t1", "m365", HOUR + n) for n in (0, 2))
    sink = store.make_batch_sink()

    commit(sink, 1, sightings=[new])
    commit(sink, 2, sightings=[old])
    commit(store.make_batch_sink(), 3, sightings=[old])

    assert seen(store) == [("acme", "tenant:t1", "m365", HOUR + 2)]


def test_a_batch_that_is_refused_leaves_no_sighting_and_is_not_remembered(
    store: PipelineStore,
) -> None:
    sink = store.make_batch_sink()
    sighting = SourceSighting("acme", "host:web", "nginx", HOUR)

    def fail(_rows: object, _low: object) -> GroupUpdates:
        raise RuntimeError

    step = PartitionAdvance(
        "journal", sink.load_positions(["journal"])["journal"], RecordPosition("day", 1)
    )
    with pytest.raises(RuntimeError):
        sink.commit(RecordBatch([step], sightings=[sighting]), {}, fail, START)
    assert seen(store) == []

    commit(sink, 1, sightings=[sighting])
    assert seen(store) == [("acme", "host:web", "nginx", HOUR)]


COUNTS = st.builds(
    HourCount,
    st.sampled_from(SubjectKind),
    st.sampled_from(["a", "b"]),
    st.integers(1, 2),
    received=st.integers(0, 9),
    copies=st.integers(0, 3),
    minutes=st.integers(0, 2**60 - 1),
    least_late=st.none() | st.integers(-5, 5).map(float),
    most_late=st.none() | st.integers(-5, 5).map(float),
    last_arrived=st.none() | st.integers(0, 9).map(float),
)


@settings(max_examples=15, deadline=None)
@given(counts=st.lists(COUNTS, min_size=1, max_size=8), data=st.data())
def test_any_order_and_any_cut_of_counts_sum_to_the_same(
    counts: Sequence[HourCount], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(counts))
    cut = data.draw(st.integers(0, len(counts)))

    assert sum_hours([*sum_hours(shuffled[:cut]), *sum_hours(shuffled[cut:])]) == sum_hours(counts)


def test_the_greatest_bitmap_of_minutes_fits(store: PipelineStore) -> None:
    commit(store.make_batch_sink(), 1, hours=[replace(A_COUNT, minutes=2**60 - 1)])

    assert stored(store)[0]["minutes"] == 2**60 - 1
