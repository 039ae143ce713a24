"""Lists of alerts and of their evidence: filtered, counted, sorted and paged in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import FixedNow, add_alert, make_episode, make_signal
from schemas.errors import BadInput, NotFound
from schemas.paging import PageRequest, iterate_all_rows
from schemas.pipeline.alert import AlertState, AlertView, GroupKey, RuleFirings, Severity, Signal
from schemas.pipeline.event import RecordPosition

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def an_alert_of(
    store: PipelineStore, name: str, severity: Severity, *, rule: str = "r", hours: float = 0
) -> AlertView:
    time = MIDNIGHT + timedelta(hours=hours)
    key = GroupKey(rule, "contoso", (name,))
    signals = [make_signal(number, key=key, time=time) for number in range(1, 4)]
    return add_alert(store, make_episode(signals, severity=severity))


def some_alerts(store: PipelineStore) -> list[AlertView]:
    """Eleven, of every severity, many of one time."""
    order = list(Severity)
    return [
        an_alert_of(store, f"g{n}", order[n % 5], rule=f"rule-{n % 2}", hours=n % 3)
        for n in range(11)
    ]


def state(store: PipelineStore, alert: AlertView, to: AlertState) -> None:
    store.write(lambda uow: uow.alerts.update(alert.pk, alert.version, state=to.value))


def walked(store: PipelineStore, limit: int, *states: AlertState) -> tuple[list[str], set[int]]:
    """Ids in order, and the totals that the pages said."""
    totals = set()

    def ask(uow: UnitOfWork, request: PageRequest):
        page = uow.alerts.list_page(request, states=states)
        totals.add(page.total)
        return page

    ids = store.read(lambda uow: [a.id for a in iterate_all_rows(lambda r: ask(uow, r), limit)])
    return ids, totals


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_pages_hold_every_live_alert_once_gravest_then_newest_then_by_id(
    store: PipelineStore, limit: int
) -> None:
    alerts = some_alerts(store)
    expected = sorted(alerts, key=lambda a: a.id)
    expected.sort(key=lambda a: (a.severity.rank, a.last), reverse=True)

    ids, totals = walked(store, limit)

    assert ids == [alert.id for alert in expected]
    assert totals == {11}
    assert store.read(lambda uow: [a.id for a in uow.alerts.list()]) == ids


def test_a_list_of_one_state_has_and_counts_its_alerts_alone(store: PipelineStore) -> None:
    alerts = some_alerts(store)
    for alert in alerts[:4]:
        state(store, alert, AlertState.DISMISSED)
    state(store, alerts[4], AlertState.CASE)

    new, new_totals = walked(store, 3, AlertState.NEW)
    dismissals, gone_totals = walked(store, 3, AlertState.DISMISSED)
    both, both_totals = walked(store, 3, AlertState.CASE, AlertState.DISMISSED)

    assert (set(new), new_totals) == ({a.id for a in alerts[5:]}, {6})
    assert (set(dismissals), gone_totals) == ({a.id for a in alerts[:4]}, {4})
    assert (set(both), both_totals) == ({a.id for a in alerts[:5]}, {5})
    assert store.read(lambda uow: uow.alerts.count()) == 11
    assert store.read(lambda uow: uow.alerts.count((AlertState.CASE,))) == 1


def test_an_alert_that_was_dismissed_and_reopened_is_new_again(store: PipelineStore) -> None:
    alert = an_alert_of(store, "g", Severity.LOW)
    state(store, alert, AlertState.DISMISSED)
    result = store.read(lambda uow: uow.alerts.get(alert.pk))
    worse = an_alert_of(store, "g", Severity.HIGH)

    assert result.state is AlertState.DISMISSED
    assert (worse.pk, worse.state, worse.version) == (alert.pk, AlertState.NEW, 3)
    assert store.read(lambda uow: uow.alerts.count((AlertState.NEW,))) == 1


def test_the_order_of_the_command_line_is_by_time_rule_organization_and_group(
    store: PipelineStore,
) -> None:
    alerts = some_alerts(store)

    listed = store.read(lambda uow: list(iterate_all_rows(uow.alerts.list_page_by_time, 3)))

    assert [(a.first, a.rule) for a in listed] == sorted((a.first, a.rule) for a in alerts)
    assert {a.pk for a in listed} == {a.pk for a in alerts}


def test_firings_are_counted_by_rule(store: PipelineStore) -> None:
    alerts = some_alerts(store)
    state(store, alerts[0], AlertState.DISMISSED)

    assert store.read(lambda uow: uow.alerts.get_firings()) == {
        "rule-0": RuleFirings(6, 1),
        "rule-1": RuleFirings(5, 0),
    }


def test_many_alerts_are_read_in_the_order_of_their_keys(store: PipelineStore) -> None:
    first, second = (an_alert_of(store, name, Severity.LOW) for name in "ab")

    pair = store.read(lambda uow: uow.alerts.get_many([second.pk, first.pk, second.pk]))

    assert [alert.id for alert in pair] == [second.id, first.id, second.id]
    assert store.read(lambda uow: uow.alerts.get_many([])) == []
    with pytest.raises(NotFound, match="no alert 999"):
        store.read(lambda uow: uow.alerts.get_many([first.pk, 999]))


def test_a_cursor_that_is_none_is_refused(store: PipelineStore) -> None:
    alert = an_alert_of(store, "g", Severity.LOW)

    with pytest.raises(BadInput):
        store.read(lambda uow: uow.alerts.list_page(PageRequest(after="999")))
    with pytest.raises(BadInput):
        store.read(lambda uow: uow.alerts.list_evidence_page(alert.pk, PageRequest(before="x")))


def many_events(store: PipelineStore) -> AlertView:
    """Thirty over ten minutes, the last third of another step; one counts with two values."""
    key = GroupKey("r", "contoso", ("g",))
    signals = [_event(key, number) for number in range(30)]
    twice = replace(signals[3], value="another")
    return add_alert(store, make_episode([*signals, twice]))


def _event(key: GroupKey, number: int) -> Signal:
    time: datetime = MIDNIGHT + timedelta(seconds=number * 20)
    signal = make_signal(number, key=key, time=time)
    return replace(signal, step="tries" if number < 20 else "opens")


def test_pages_of_evidence_hold_every_event_once_in_time_order(store: PipelineStore) -> None:
    alert = many_events(store)

    def ask(uow: UnitOfWork, request: PageRequest):
        return uow.alerts.list_evidence_page(alert.pk, request)

    paged = store.read(lambda uow: list(iterate_all_rows(lambda r: ask(uow, r), 7)))
    page = store.read(lambda uow: ask(uow, PageRequest(7)))
    whole = store.read(lambda uow: uow.alerts.list_evidence(alert.pk))

    assert paged == whole
    assert len(whole) == 30
    assert page.total == 30


def test_one_event_of_the_evidence_is_named_by_its_position(store: PipelineStore) -> None:
    alert = many_events(store)
    event = store.read(lambda uow: uow.alerts.list_evidence(alert.pk))[5]
    position = RecordPosition(event.journal, event.offset)

    assert store.read(lambda uow: uow.alerts.find_evidence(alert.pk, position)) == event
    missing = RecordPosition("nowhere", 1)
    assert store.read(lambda uow: uow.alerts.find_evidence(alert.pk, missing)) is None


@pytest.mark.parametrize("parts", [1, 7, 40])
def test_evidence_is_counted_by_step_over_equal_parts_of_its_time(
    store: PipelineStore, parts: int
) -> None:
    alert = many_events(store)
    events = store.read(lambda uow: uow.alerts.list_evidence(alert.pk))
    width = (events[-1].time - events[0].time) / parts

    span = store.read(lambda uow: uow.alerts.compute_evidence_span(alert.pk, parts))

    assert span is not None
    assert (span.begin, span.end) == (events[0].time, events[-1].time)
    assert span.steps == ("tries", "opens")
    assert sum(count.events for count in span.counts) == 30
    assert {count.part for count in span.counts} <= set(range(parts))
    for part, step, counted in span.counts:
        begin = events[0].time + part * width
        inside = [e for e in events if e.step == step and begin <= e.time < begin + width]
        assert abs(counted - len(inside)) <= 1  # an event on the edge may count on either side


def test_an_alert_without_evidence_spans_nothing(store: PipelineStore) -> None:
    alert = an_alert_of(store, "g", Severity.LOW)
    store.write(lambda uow: uow.alerts.forget(alert.pk))

    assert store.read(lambda uow: uow.alerts.compute_evidence_span(alert.pk, 40)) is not None
