"""Single stories of alerts: parting at midnight, former ids, what reopens, what goes on
standing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import (
    GROUP,
    START,
    FixedNow,
    add_alert,
    add_case,
    commit_batch,
    make_episode,
    make_signal,
    raise_alerts,
    sweep,
)
from schemas.casework.case import CaseNote, TaskKind
from schemas.errors import EditConflict
from schemas.pipeline.alert import AlertState, AlertView, Episode, Severity, Signal
from schemas.pipeline.event import AssetTouch
from streams.ports import EvictedInterval, GroupState

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, now: FixedNow) -> Iterator[PipelineStore]:
    with fresh_store(request.param, now) as opened:
        yield opened


def at(hours: float, *numbers: int) -> list[Signal]:
    """Signals that many hours after midnight."""
    return [make_signal(number, time=MIDNIGHT + timedelta(hours=hours)) for number in numbers]


def dismiss(store: PipelineStore, alert: AlertView) -> AlertView:
    return store.write(
        lambda uow: uow.alerts.update(
            alert.pk, alert.version, state=AlertState.DISMISSED, dismissed_reason="expected"
        )
    )


def get(store: PipelineStore, alert: int | str) -> AlertView:
    return store.read(lambda uow: uow.alerts.get(alert))


def acts(store: PipelineStore) -> list[str]:
    entries = store.read(lambda uow: uow.audit.list_entries())
    return [entry.act for entry in entries if entry.act != "store:rows:written"]


def test_a_merge_followed_by_a_midnight_cut_gives_each_alert_its_own_half_back(
    store: PipelineStore,
) -> None:
    before, after = make_episode(at(-6, 1, 2)), make_episode(at(5, 3, 4))
    early, late = raise_alerts(store, before, after)
    case = store.write(lambda uow: add_case(uow, START, late))

    joined = make_episode(at(-6, 1, 2) + at(0, 5) + at(5, 3, 4))
    (whole,) = raise_alerts(store, joined)
    assert (whole.pk, whole.id, whole.first) == (late.pk, early.id, early.first)
    assert get(store, early.pk).pk == late.pk

    halves = make_episode(at(-20, 6) + at(-6, 1, 2)), make_episode(at(0, 5) + at(5, 3, 4))
    evening, morning = raise_alerts(store, *halves)

    assert (evening.pk, evening.state) == (early.pk, AlertState.NEW)
    assert (morning.pk, morning.state, morning.case_id) == (late.pk, AlertState.CASE, case.id)
    assert evening.merged_into is None
    assert [e.event_id for e in store.read(lambda uow: uow.alerts.list_evidence(evening.pk))] == [
        "event-0006",
        "event-0001",
        "event-0002",
    ]
    assert get(store, late.id).pk == late.pk
    assert acts(store) == [
        "alert:episode:raised",
        "alert:episode:raised",
        "alert:episode:merged",
        "alert:episode:revised",
        "alert:episode:parted",
        "alert:episode:revised",
        "alert:episode:revised",
    ]


def test_an_alert_that_parts_unchanged_has_its_evidence_back(store: PipelineStore) -> None:
    halves = make_episode(at(-6, 1, 2)), make_episode(at(5, 3, 4))
    raise_alerts(store, *halves)
    add_alert(store, make_episode(at(-6, 1, 2) + at(5, 3, 4)))
    apart = raise_alerts(store, *halves)

    evidence = [store.read(lambda uow, a=a: uow.alerts.list_evidence(a.pk)) for a in apart]
    assert [[item.event_id for item in items] for items in evidence] == [
        ["event-0001", "event-0002"],
        ["event-0003", "event-0004"],
    ]


def test_evidence_follows_what_retention_keeps_though_its_count_stays(store: PipelineStore) -> None:
    add_alert(store, make_episode([make_signal(1), make_signal(2), make_signal(3)]))
    swapped = add_alert(
        store,
        make_episode(
            [make_signal(1), replace(make_signal(3), event_id="event-0009"), make_signal(3)]
        ),
    )

    evidence = store.read(lambda uow: uow.alerts.list_evidence(swapped.pk))
    assert swapped.evidence == 3
    assert [item.event_id for item in evidence] == ["event-0001", "event-0003", "event-0009"]


def test_a_late_signal_moves_the_id_and_the_former_one_keeps_resolving(
    store: PipelineStore,
) -> None:
    alert = add_alert(store, make_episode(at(5, 3, 4)))
    moved = add_alert(store, make_episode(at(4, 1) + at(5, 3, 4)))

    assert moved.id != alert.id
    assert moved.pk == alert.pk
    assert get(store, alert.id) == get(store, moved.id) == get(store, alert.pk) == moved


def test_a_rule_with_another_timespan_keeps_the_alerts_it_raised(store: PipelineStore) -> None:
    alert = add_alert(store, make_episode(at(5.5, 3, 4), timespan=600))
    wider = add_alert(store, make_episode(at(5.5, 3, 4), timespan=7200))
    narrower = add_alert(store, make_episode(at(5.5, 3, 4), timespan=300))

    assert alert.pk == wider.pk == narrower.pk
    assert len({alert.id, wider.id, narrower.id}) == 3
    assert store.read(lambda uow: len(uow.alerts.list(merged=True))) == 1


def test_more_of_the_same_leaves_a_dismissal_and_its_version_alone(store: PipelineStore) -> None:
    alert = dismiss(store, add_alert(store))
    grown = add_alert(store, make_episode([make_signal(number) for number in range(1, 30)]))

    assert grown.evidence == 29
    assert (grown.state, grown.version) == (AlertState.DISMISSED, alert.version)
    assert acts(store) == ["alert:episode:raised"]


@pytest.mark.parametrize(
    "change",
    [
        {"touches": (AssetTouch("fabrikam", "mailbox:x@fabrikam.example", "mail"),)},
        {"touches": (AssetTouch("contoso", "mailbox:jo@contoso.example", "contact"),)},
        {"value": "another user"},
    ],
)
def test_a_new_customer_category_or_entity_reopens_a_dismissal(
    store: PipelineStore, change: dict[str, object]
) -> None:
    alert = dismiss(store, add_alert(store))
    signals = [make_signal(1), make_signal(2), make_signal(3), replace(make_signal(4), **change)]
    reopened = add_alert(store, make_episode(signals))

    assert (reopened.pk, reopened.state) == (alert.pk, AlertState.NEW)
    assert reopened.dismissed_reason == "expected"
    assert "alert:dismissal:reopened" in acts(store)
    with pytest.raises(EditConflict, match="meanwhile"):
        dismiss(store, alert)


def test_another_severity_reopens_a_dismissal_and_is_audited(store: PipelineStore) -> None:
    dismiss(store, add_alert(store))
    graver = add_alert(store, make_episode(severity=Severity.CRITICAL))

    assert (graver.severity, graver.state) == (Severity.CRITICAL, AlertState.NEW)
    assert acts(store)[-2:] == ["alert:dismissal:reopened", "alert:severity:changed"]


def test_a_merge_of_two_dismissed_alerts_reopens_the_one_that_leads(store: PipelineStore) -> None:
    one, two = raise_alerts(store, make_episode(at(1, 1)), make_episode(at(5, 2)))
    for alert in (one, two):
        dismiss(store, alert)
    whole = add_alert(store, make_episode(at(1, 1) + at(5, 2)))

    assert (whole.pk, whole.state) == (one.pk, AlertState.NEW)
    with pytest.raises(EditConflict, match="merged into another"):
        store.write(lambda uow: uow.alerts.update(two.pk, 2, assignee="sam"))


def test_comments_on_a_merged_alert_are_shown_with_its_leader(store: PipelineStore) -> None:
    one, two = raise_alerts(store, make_episode(at(1, 1)), make_episode(at(5, 2)))
    for alert in (one, two):
        note = CaseNote(at=START, by="sam", text=f"on {alert.pk}")
        store.write(lambda uow, a=alert, n=note: uow.alerts.add_comment(a.pk, n))
    whole = add_alert(store, make_episode(at(1, 1) + at(5, 2)))

    notes = store.read(lambda uow: uow.alerts.list_comments(whole.pk))
    assert [note.text for note in notes] == ["on 1", "on 2"]
    assert store.read(lambda uow: len(uow.alerts.list())) == 1
    assert store.read(lambda uow: len(uow.alerts.list(merged=True))) == 2


def test_cases_whose_alerts_join_get_a_task_each_and_stay_two(store: PipelineStore) -> None:
    one, two = raise_alerts(store, make_episode(at(1, 1)), make_episode(at(5, 2)))
    cases = [store.write(lambda uow, a=alert: add_case(uow, START, a)) for alert in (one, two)]
    add_alert(store, make_episode(at(1, 1) + at(5, 2)))
    values = [store.read(lambda uow, c=case: uow.cases.get(c.id)) for case in cases]

    assert [[task.kind for task in case.tasks] for case in values] == [[TaskKind.CASES_JOINED]] * 2
    assert cases[1].id in values[0].tasks[0].title
    assert [case.alerts for case in values] == [(one.pk,), (two.pk,)]


def test_an_alert_that_changed_rules_no_longer_raise_stays_and_says_so(
    store: PipelineStore,
) -> None:
    alert = add_alert(store)
    case = store.write(lambda uow: add_case(uow, START, alert))
    commit_batch(store, groups=(GroupState(GROUP, ()),))
    standing = get(store, alert.pk)

    assert (standing.closed, standing.evidence, standing.state) == (True, 3, AlertState.CASE)
    task = store.read(lambda uow: uow.cases.get(case.id)).tasks[0]
    assert task.kind is TaskKind.UNSUPPORTED_EVIDENCE
    assert acts(store)[-1] == "alert:evidence:unsupported"


def test_an_evicted_alert_keeps_its_evidence_and_a_new_episode_raises_another(
    store: PipelineStore,
) -> None:
    alert = add_alert(store, make_episode(at(1, 1, 2)))
    begin, end = alert.first.timestamp(), alert.last.timestamp()
    sweep(store, EvictedInterval(GROUP, begin, end))
    later = add_alert(store, make_episode(at(20, 3)))

    assert later.pk != alert.pk
    assert get(store, alert.id).closed
    assert store.read(lambda uow: len(uow.alerts.list_evidence(alert.pk))) == 2
    assert "alert:evidence:unsupported" not in acts(store)


def test_a_sweep_closes_the_alerts_of_what_it_lets_go_and_no_others(store: PipelineStore) -> None:
    episode, stays = make_episode(at(1, 1, 2)), make_episode(at(9, 3))
    raise_alerts(store, episode, stays)
    sweep(store, EvictedInterval(GROUP, episode.members[0].time, episode.members[-1].time))

    assert get(store, episode.id).closed
    assert not get(store, stays.id).closed


def test_detection_time_is_when_it_was_first_raised(store: PipelineStore, now: FixedNow) -> None:
    raised = add_alert(store)
    now.advance(hours=3)
    revised = add_alert(store, make_episode([make_signal(number) for number in range(1, 9)]))

    assert raised.detected_at == revised.detected_at == START


def test_the_gravest_then_the_newest_alert_comes_first(store: PipelineStore) -> None:
    def other(name: str, hours: float, severity: Severity) -> Episode:
        key = GROUP._replace(group=(name,))
        time = MIDNIGHT + timedelta(hours=hours)
        return make_episode([make_signal(1, key=key, time=time)], severity=severity)

    raise_alerts(
        store,
        other("a", 1, Severity.HIGH),
        other("b", 5, Severity.LOW),
        other("c", 3, Severity.HIGH),
        other("d", 1, Severity.CRITICAL),
    )

    listed = store.read(lambda uow: uow.alerts.list())
    assert [alert.group[0] for alert in listed] == ["d", "c", "a", "b"]


def test_the_audit_of_the_pipeline_names_no_person_and_no_address(store: PipelineStore) -> None:
    add_alert(store)
    text = "".join(e.model_dump_json() for e in store.read(lambda uow: uow.audit.list_entries()))

    assert "jo@" not in text
    assert "203.0.113.9" not in text
