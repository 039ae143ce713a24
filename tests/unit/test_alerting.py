"""A batch's events folded: replays, evictions, when state is written compactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.event import Event, Position, Touch
from streams.alerting import FOLD_BATCHES, Alerting
from streams.ports import Resume
from streams.sigma.load import load_rules

PACK = load_rules([Path(__file__).parents[2] / "rules"], behaviours=False)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = 3600
SWEEP_BATCHES = 20


def forwarding(minutes: float, *, arrived: datetime | None = None, **changes) -> Event:
    at = NOON + timedelta(minutes=minutes)
    return Event(
        id=changes.get("id", f"e{minutes}"),
        time=at,
        arrived=arrived or at,
        dataset="microsoft365.audit",
        source="m365",
        fields={"user.name": "jo@contoso.example", "breach.mail.forward_external": True},
        position=Position("j", 1),
        sha256="0",
        organization="contoso",
        touches=(Touch("contoso", "mailbox:jo@contoso.example", "mail"),),
        in_time=changes.get("in_time", True),
    )


def batch(alerting: Alerting, *events: Event, backfill: bool = False):
    for event in events:
        alerting.take(event, backfill=backfill)
    newest = max((e.arrived.timestamp() for e in events), default=None)
    return alerting.finish(newest)


def test_repeats_fold_into_one_alert_with_all_evidence() -> None:
    alerting = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES)
    batch(alerting, forwarding(0))
    done = batch(alerting, forwarding(20), forwarding(40))
    (state,) = done.groups

    assert len(state.episodes) == 1
    assert [m.event_id for m in state.episodes[0].members] == ["e0", "e20", "e40"]
    assert state.episodes[0].severity == "high"
    assert {t.category for t in state.episodes[0].touches} == {"mail"}


def test_the_same_event_twice_changes_nothing() -> None:
    alerting = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES)
    batch(alerting, forwarding(0))
    again = batch(alerting, forwarding(0))

    assert (list(again.signals), list(again.groups)) == ([], [])


def test_state_is_folded_on_a_schedule_and_a_restart_from_it_agrees() -> None:
    alerting, position = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES), 0
    log, buckets = [], {}
    for position in range(FOLD_BATCHES + 3):
        done = batch(alerting, forwarding(position))
        log += done.signals
        for row in done.buckets:
            buckets[row.key, row.bucket] = row
        if done.buckets:
            log = []
    again = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES)
    again.load(Resume(None, buckets=tuple(buckets.values()), tail=tuple(log)))

    assert buckets
    assert len(log) == 3
    assert batch(again, forwarding(99)).groups == batch(alerting, forwarding(99)).groups


def test_what_nothing_can_reach_is_let_go_and_its_replay_raises_nothing() -> None:
    alerting = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES)
    batch(alerting, forwarding(0))
    later = NOON + timedelta(days=2)
    gone = []
    for minute in range(SWEEP_BATCHES + 1):
        gone += batch(alerting, forwarding(2 * 24 * 60 + minute)).evictions
    replay = batch(alerting, forwarding(0))

    assert [e.begin for e in gone] == [NOON.timestamp()]
    assert replay.groups == []
    assert replay.low_watermark is not None
    assert replay.low_watermark >= later.timestamp()


def test_a_backfill_reaches_back_and_is_kept_while_it_runs() -> None:
    alerting = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES)
    for minute in range(SWEEP_BATCHES + 1):
        batch(alerting, forwarding(2 * 24 * 60 + minute))
    arrived = NOON + timedelta(days=2, hours=1)
    done = batch(alerting, forwarding(0, arrived=arrived), backfill=True)
    gone = []
    for minute in range(SWEEP_BATCHES + 1):
        gone += batch(alerting, forwarding(2 * 24 * 60 + 61 + minute / 10)).evictions

    assert len(done.groups) == 1
    assert gone == []


def test_a_late_event_alerts_even_behind_the_watermark() -> None:
    alerting = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES)
    for minute in range(SWEEP_BATCHES + 1):
        batch(alerting, forwarding(2 * 24 * 60 + minute))
    late = forwarding(0, arrived=NOON + timedelta(days=2), in_time=False)
    done = batch(alerting, late)

    assert [state.key.group[1] for state in done.groups] == ["late:2026-11-22"]


def test_a_late_feed_loses_nothing_on_the_batch_that_lets_go() -> None:
    alerting = Alerting(PACK, HOUR, sweep=SWEEP_BATCHES)
    batch(alerting, forwarding(2 * 24 * 60))
    told, written, gone = 0, [], []
    for minute in range(3 * SWEEP_BATCHES):
        late = forwarding(minute / 10, arrived=NOON + timedelta(days=2), in_time=False)
        done = batch(alerting, late)
        written += [(s.key, s.time) for s in done.signals]
        gone += [(e.key, t) for e in done.evictions for t in (e.begin, e.end)]
        told += any(state.episodes for state in done.groups)

    assert told == 3 * SWEEP_BATCHES
    assert len(written) == 3 * SWEEP_BATCHES
    assert gone == []
