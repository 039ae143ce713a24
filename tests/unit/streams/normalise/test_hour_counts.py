"""Counts by hour of arrival do not depend on order, cut or repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from breachdesk.testing import START
from schemas.pipeline.event import AssetTouch, Event, RawRecord, RecordPosition
from streams.normalise.hour_counts import RecentRecords, sum_hours
from streams.normalise.source_counts import BatchCounter
from streams.ports import HourCount, SubjectKind

TOUCHES = (
    (),
    (AssetTouch("acme", "host:a", "files"),),
    (AssetTouch("acme", "host:a", "files"), AssetTouch("beta", "site:b", "mail")),
)
LINES = st.lists(
    st.tuples(
        st.sampled_from(["fw", "web"]),
        st.integers(0, 200),
        st.integers(-5, 90_000),
        st.sampled_from(TOUCHES),
        st.sampled_from(["acme", "provider", None]),
        st.integers(0, 3),
    ),
    max_size=25,
)


def build(number: int, line: tuple) -> tuple[RawRecord, Event]:
    source, minute, late, touches, organization, text = line
    arrived = START + timedelta(minutes=minute)
    record = RawRecord(RecordPosition("day", number), source, b"line %d" % text, arrived)
    event = Event(
        time=arrived - timedelta(seconds=late),
        arrived=arrived,
        dataset="x",
        source=source,
        fields={"tags": ["time_suspect"]} if text == 3 else {},
        position=record.position,
        organization=organization,
        touches=touches,
        in_time=late < 80_000,
    )
    return record, event


def count(
    rows: Sequence[tuple[RawRecord, Event]], cuts: Sequence[int] = ()
) -> tuple[Sequence[HourCount], dict, Counter]:
    recent = RecentRecords()
    counts: list[HourCount] = []
    sightings: dict = {}
    bounds = [0, *sorted(cuts), len(rows)]
    for begin, end in pairwise(bounds):
        batch = BatchCounter(recent)
        for record, event in rows[begin:end]:
            batch.record_received(record).record_parsed("p", event)
        counts += batch.list_hours()
        for seen in batch.list_sightings():
            pair = seen[:3]
            sightings[pair] = max(seen.hour, sightings.get(pair, seen.hour))
    copies = Counter(
        c.name for c in counts if c.kind is SubjectKind.SOURCE for _ in range(c.copies)
    )
    # In which hour a copy is one depends on which of two came first.
    return [replace(c, copies=0) for c in sum_hours(counts)], sightings, copies


@given(LINES, st.data())
def test_any_order_and_any_cut_give_the_same_counts(lines: list, data: st.DataObject) -> None:
    rows = [build(number, line) for number, line in enumerate(lines)]
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=3))

    assert count(data.draw(st.permutations(rows)), cuts) == count(rows)


@given(LINES)
def test_a_batch_that_is_read_again_has_no_more_copies(lines: list) -> None:
    """As after a refused commit: the same records from the same positions."""
    rows = [build(number, line) for number, line in enumerate(lines)]
    recent = RecentRecords()
    results = []
    for _ in range(2):
        batch = BatchCounter(recent)
        for record, event in rows:
            batch.record_received(record).record_parsed("p", event)
        results.append(batch.list_hours())

    copies = [sum(c.copies for c in each if c.kind is SubjectKind.SOURCE) for each in results]
    assert copies[1] == copies[0]
    distinct = len({(r.source, r.raw) for r, _ in rows})
    assert copies[0] == len(rows) - distinct


@given(LINES)
def test_the_hours_of_a_source_sum_to_its_count(lines: list) -> None:
    batch = BatchCounter()
    for number, line in enumerate(lines):
        record, event = build(number, line)
        batch.record_received(record).record_parsed("p", event)
    hours = [c for c in batch.list_hours() if c.kind is SubjectKind.SOURCE]

    for source in batch.list_sources():
        own = [c for c in hours if c.name == source.source]
        assert sum(c.received for c in own) == source.received
        assert sum(c.late for c in own) == source.late
        assert sum(sum(c.lateness) + c.suspect for c in own) == source.parsed


def test_what_a_person_feeds_is_in_no_hour() -> None:
    batch = BatchCounter()
    record = RawRecord(RecordPosition("day", 1), "fw", b"old", START, backfill=True)
    _, event = build(1, ("fw", 0, 5, (), "acme", 0))
    batch.record_received(record).record_parsed("p", event)

    assert batch.list_hours() == []
    assert [c.received for c in batch.list_sources()] == [1]


def test_a_tenant_is_told_of_by_its_records() -> None:
    batch = BatchCounter()
    record, event = build(1, ("m365", 0, 5, (), "acme", 0))
    event.fields["cloud.account.id"] = "T-1"  # type: ignore[index]
    batch.record_received(record).record_parsed("p", event)

    assert [(s.customer, s.asset) for s in batch.list_sightings()] == [("acme", "tenant:t-1")]
