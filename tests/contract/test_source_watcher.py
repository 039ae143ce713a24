"""The watcher opens one operations alert of what is wrong with a source, and closes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_adapters import ADAPTERS, fresh_store

from breachdesk.casework.watching.reader_troubles import list_troubles, report_troubles
from breachdesk.casework.watching.watcher import SourceWatcher
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.operations import OperationsAlert, OperationsKind
from schemas.settings import Settings, SourceSettings
from streams.ports import (
    GroupUpdates,
    HourCount,
    PartitionAdvance,
    RecordBatch,
    SourceCount,
    SourceSighting,
    SubjectKind,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NAMED = Settings(data_dir=Path("/nowhere"), sources=(SourceSettings(name="fw"),))


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def receive(
    store: PipelineStore, *moments: datetime, source: str = "fw", failures: int = 0
) -> None:
    """One batch with a record at each moment; the last ones are unreadable."""
    sink = store.make_batch_sink()
    before = sink.load_positions(["journal"])["journal"]
    offset = 1 if before.position is None else before.position.offset + 1
    newest = max(moments)
    step = PartitionAdvance("journal", before, RecordPosition("day", offset), newest.timestamp())
    count = SourceCount(source, received=len(moments), last_arrived=newest)
    hours = [
        build_hour(source, moment, failed=number >= len(moments) - failures)
        for number, moment in enumerate(moments)
    ]
    from streams.normalise.hour_counts import sum_hours

    batch = RecordBatch([step], sources=[count], hours=sum_hours(hours))
    sink.commit(batch, {}, lambda _rows, _low: GroupUpdates(), newest)


def build_hour(source: str, moment: datetime, *, failed: bool = False) -> HourCount:
    hour, rest = divmod(moment.timestamp(), 3600)
    return HourCount(
        SubjectKind.SOURCE,
        source,
        int(hour),
        received=1,
        parsed=int(not failed),
        not_understood=int(failed),
        minutes=1 << int(rest // 60),
        first_failure=moment.timestamp() if failed else None,
        last_failure=moment.timestamp() if failed else None,
        last_arrived=moment.timestamp(),
    )


def drain(store: PipelineStore, moment: datetime) -> None:
    """The worker has seen the log empty at that moment."""
    sink = store.make_batch_sink()
    position = sink.load_positions(["journal"])["journal"]
    sink.record_drained("journal", position, moment.timestamp())


def look(store: PipelineStore, now: datetime, watcher: SourceWatcher | None = None) -> int:
    watcher = watcher or SourceWatcher(NAMED)
    findings = store.read(lambda uow: watcher.look(uow, now))
    store.write(lambda uow: watcher.save(uow, findings))
    return len(findings.changes)


def watch(store: PipelineStore, begin: datetime, minutes: Iterable[int]) -> int:
    changes = 0
    for minute in minutes:
        drain(store, begin + minute * MINUTE)
        changes += look(store, begin + minute * MINUTE)
    return changes


def alerts(store: PipelineStore) -> Sequence[OperationsAlert]:
    from schemas.paging import PageRequest

    return store.read(lambda uow: uow.watch.list_page(PageRequest(50))).rows


def test_a_silent_source_has_one_alert_and_a_blind_interval_until_it_is_back(
    store: PipelineStore,
) -> None:
    receive(store, *(START + n * MINUTE for n in range(120)))
    last = START + 119 * MINUTE

    assert watch(store, last, range(0, 60, 5)) == 0
    assert watch(store, last, range(65, 300, 5)) == 1
    (alert,) = alerts(store)
    assert (alert.source, alert.kind, alert.begin) == ("fw", OperationsKind.SILENT, last)
    (gap,) = store.read(lambda uow: uow.sources.list_gaps())
    assert (gap.source, gap.begin, gap.end) == ("fw", last, None)

    back = last + 300 * MINUTE
    receive(store, back, back + MINUTE)
    assert watch(store, back, (5, 10, 15)) == 1
    (closed,) = alerts(store)
    assert closed.id == alert.id
    assert closed.closed_at is not None
    (gap,) = store.read(lambda uow: uow.sources.list_gaps())
    assert gap.end is not None
    assert back - MINUTE <= gap.end <= back + MINUTE


def test_records_that_wait_to_be_processed_are_no_silence(store: PipelineStore) -> None:
    receive(store, *(START + n * MINUTE for n in range(120)))

    changes = [look(store, START + n * HOUR / 6) for n in range(12, 60)]

    assert sum(changes) == 0


def test_a_configured_source_that_never_spoke_is_reported_once(store: PipelineStore) -> None:
    assert watch(store, START, range(0, 24 * 60, 10)) == 0
    assert watch(store, START, range(24 * 60, 30 * 60, 10)) == 1
    (alert,) = alerts(store)
    assert (alert.kind, alert.begin) == (OperationsKind.NEVER_SEEN, START)

    receive(store, START + 31 * HOUR)
    watch(store, START, range(31 * 60, 31 * 60 + 20, 10))
    assert [each.closed_at is None for each in alerts(store)] == [False]


def test_a_stranger_who_spoke_once_is_not_missed(store: PipelineStore) -> None:
    receive(store, START, source="192.0.2.9")
    receive(store, START)

    watch(store, START, range(0, 600, 10))

    assert {each.source for each in alerts(store)} == {"fw"}


def test_the_program_itself_was_off_and_no_source_is_blamed_at_once(store: PipelineStore) -> None:
    receive(store, *(START + n * MINUTE for n in range(120)))
    watch(store, START, range(120, 130))
    later = START + 20 * HOUR

    assert watch(store, later, range(0, 50, 5)) == 0
    assert watch(store, later, range(50, 130, 5)) == 1


def test_a_silence_stays_open_when_the_program_itself_was_off(store: PipelineStore) -> None:
    receive(store, *(START + n * MINUTE for n in range(120)))
    last = START + 119 * MINUTE
    assert watch(store, last, range(65, 300, 5)) == 1

    assert watch(store, last + 20 * HOUR, range(0, 30, 5)) == 0
    (alert,) = alerts(store)
    assert (alert.closed_at, alert.begin) == (None, last)


def test_a_source_that_is_no_longer_watched_has_no_open_silence(store: PipelineStore) -> None:
    receive(store, *(START + n * MINUTE for n in range(120)))
    last = START + 119 * MINUTE
    watch(store, last, range(65, 300, 5))
    source = SourceSettings(name="fw", silence_minutes=0)
    unwatched = SourceWatcher(NAMED.model_copy(update={"sources": (source,)}))

    drain(store, last + 301 * MINUTE)
    look(store, last + 301 * MINUTE, unwatched)

    assert [alert.closed_at is None for alert in alerts(store)] == [False]


def test_a_jump_of_unreadable_records_opens_and_closes_with_its_range(
    store: PipelineStore,
) -> None:
    receive(store, *(START + n * MINUTE for n in range(300)))
    broken = START + 301 * MINUTE
    receive(store, *(broken + n * MINUTE for n in range(40)), failures=40)
    changes = watch(store, broken + 40 * MINUTE, range(0, 40, 5))

    (alert,) = alerts(store)
    assert changes == 1
    assert (alert.kind, alert.begin) == (OperationsKind.UNREADABLE, broken)

    good = broken + 45 * MINUTE
    receive(store, *(good + n * MINUTE for n in range(200)))
    watch(store, good + 200 * MINUTE, range(0, 20, 5))
    (gap,) = store.read(lambda uow: uow.sources.list_gaps())
    assert (gap.begin, gap.source) == (broken, "fw")
    assert gap.end is not None


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_order_of_batches_and_any_restart_give_the_same_alerts(data: st.DataObject) -> None:
    """Batches in another order, the watcher new at every look, and looks repeated."""
    batches = [[START + (60 * n + m) * MINUTE for m in range(0, 60, 3)] for n in range(4)]
    order = data.draw(st.permutations(range(4)))
    repeats = data.draw(st.lists(st.integers(1, 3), min_size=14, max_size=14))
    begin = START + 240 * MINUTE
    stories = []
    for several, again in ((range(4), [1] * 14), (order, repeats)):
        with fresh_store("sqlite", FixedNow()) as store:
            for number in several:
                receive(store, *batches[number])
            for step, times in enumerate(again):
                for _ in range(times):
                    drain(store, begin + step * 10 * MINUTE)
                    look(store, begin + step * 10 * MINUTE)
            stories.append((alerts(store), store.read(lambda uow: uow.sources.list_gaps())))

    assert stories[0] == stories[1]
    assert len(stories[0][0]) == 1


def test_what_a_reader_cannot_read_has_one_alert_until_it_can(store: PipelineStore) -> None:
    troubles = ["fw: /var/log/a cannot be read (Permission denied)"]
    moment = START + MINUTE

    store.write(lambda uow: report_troubles(uow, "follow@one", troubles, moment))
    assert look(store, moment) == 1
    assert look(store, moment) == 0
    (alert,) = store.read(lambda uow: uow.watch.list_open())
    assert (alert.source, alert.kind) == ("fw", OperationsKind.UNREAD)
    assert alert.reason == "/var/log/a cannot be read (Permission denied)"

    store.write(lambda uow: report_troubles(uow, "follow@one", [], moment + MINUTE))
    assert look(store, moment + MINUTE) == 1
    assert store.read(lambda uow: uow.watch.list_open()) == []
    assert store.read(lambda uow: uow.sources.list_gaps()) == []


def test_a_reader_that_reports_no_more_leaves_no_trouble(store: PipelineStore) -> None:
    store.write(lambda uow: report_troubles(uow, "poll@one", ["fw: refused"], START))

    assert store.read(lambda uow: list_troubles(uow, START + MINUTE)) == ["fw: refused"]
    assert store.read(lambda uow: list_troubles(uow, START + 5 * MINUTE)) == []


def test_a_customer_whose_sources_are_all_silent_has_an_alert_until_one_is_heard(
    store: PipelineStore,
) -> None:
    receive(store, *(START + n * MINUTE for n in range(120)))
    last = START + 119 * MINUTE
    hour = int(last.timestamp() // 3600)
    tell(store, SourceSighting("acme", "host:web", "fw", hour))
    tell(store, SourceSighting("beta", "host:web", "fw", hour))
    tell(store, SourceSighting("beta", "host:db", "nginx", hour))
    watch(store, last, range(0, 200, 5))

    (alert,) = [each for each in alerts(store) if each.kind is OperationsKind.CUSTOMER_SILENT]
    assert (alert.source, alert.begin, alert.closed_at) == ("acme", last, None)
    assert alert.reason == "every source that tells of this customer is silent: fw"

    back = last + 200 * MINUTE
    receive(store, back)
    watch(store, back, (5, 10))
    assert store.read(lambda uow: uow.watch.list_open()) == []


def tell(store: PipelineStore, sighting: SourceSighting) -> None:
    sink = store.make_batch_sink()
    before = sink.load_positions(["journal"])["journal"]
    offset = 1 if before.position is None else before.position.offset + 1
    step = PartitionAdvance("journal", before, RecordPosition("day", offset), before.arrived)
    sink.commit(
        RecordBatch([step], sightings=[sighting]), {}, lambda _rows, _low: GroupUpdates(), START
    )
