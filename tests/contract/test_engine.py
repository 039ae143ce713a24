"""What the one engine promises of live alerts, whoever owns the partitions: replays, late records,
backfills, restarts, kills."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engines import ENGINES, NOON, PARTITION, Engine, fresh_engine, raw

from schemas.alert import AlertState
from schemas.event import RawRecord

HOUR = 3600
DAY = 86_400
LATER = NOON + timedelta(days=13)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with fresh_engine(request.param, tmp_path, LATER) as opened:
        yield opened


def forwarding(
    minutes: float, *, arrived: datetime | None = None, backfill: bool = False, user: str = "jo"
) -> RawRecord:
    """A mailbox rule that forwards outside: an alert by itself, whenever it comes."""
    fields = {
        "at": minutes * 60,
        "id": f"e{minutes}",
        "event.dataset": "microsoft365.audit",
        "user.name": user,
        "breach.mail.forward_external": True,
        "host.name": "contoso.example",
    }
    return raw(fields, arrived=arrived, backfill=backfill)


def sign_in(at: float, user: str, outcome: str = "failure", host: str = "contoso") -> dict:
    return {
        "at": at,
        "event.category": ["authentication"],
        "event.outcome": outcome,
        "user.name": user,
        "source.ip": "203.0.113.66",
        "host.name": f"{host}.example",
    }


def a_day() -> list[RawRecord]:
    """Spraying, an entry, a download of many files, and people who sign in."""
    names = [f"user{i}@contoso.example" for i in range(12)]
    spray = [sign_in(i * 60, n, host=("contoso", "fabrikam")[i % 2]) for i, n in enumerate(names)]
    entry = [sign_in(800, names[2], "failure"), sign_in(820, names[2], "success")]
    out: list[dict[str, Any]] = [
        {
            "at": 1000 + i,
            "event.action": "FileDownloaded",
            "event.dataset": "microsoft365.audit",
            "user.name": names[2],
            "file.path": f"/{i}",
            "host.name": "contoso.example",
        }
        for i in range(60)
    ]
    noise = [sign_in(i * 97, f"n{i % 5}", "success") for i in range(60)]
    return [raw(line) for line in (*spray, *entry, *out, *noise)]


def test_repeats_fold_into_one_alert_with_all_evidence(engine: Engine) -> None:
    engine.feed(forwarding(0))
    engine.feed(forwarding(20), forwarding(40))
    (alert,) = engine.alerts()

    assert alert["events"] == ["e0", "e20", "e40"]
    assert alert["severity"] == "high"
    assert alert["customers"] == ["contoso"]


def test_the_same_record_twice_changes_no_alert(engine: Engine) -> None:
    engine.feed(forwarding(0))
    before = engine.alerts(), engine.store.look(lambda uow: len(uow.audit.entries()))
    engine.feed(forwarding(0))

    assert (engine.alerts(), engine.store.look(lambda uow: len(uow.audit.entries()))) == before
    assert engine.received() == 2


def test_a_worker_that_restarts_between_batches_tells_the_same(engine: Engine) -> None:
    for minute in range(30):
        engine.feed(forwarding(minute))
        engine.restart()
        if minute % 7 == 0:
            engine.worker.write_out()
    (alert,) = engine.alerts()

    assert alert["events"] == sorted(f"e{minute}" for minute in range(30))


def test_what_nothing_can_reach_is_let_go_and_its_replay_raises_nothing(engine: Engine) -> None:
    engine.feed(forwarding(0))
    engine.feed(forwarding(12 * 24 * 60))
    while engine.worker.write_out():
        pass
    before = engine.alerts()
    looked_at = engine.sweep()
    engine.feed(forwarding(0))
    views = engine.store.look(lambda uow: uow.alerts.list())

    assert looked_at >= 1
    assert sorted(view.closed for view in views) == [False, True]
    assert engine.alerts() == before


def test_a_backfill_reaches_back_and_nothing_is_let_go_while_it_runs(engine: Engine) -> None:
    now = 12 * 24 * 60
    engine.feed(forwarding(now))
    engine.sweep()
    arrived = NOON + timedelta(days=12, hours=1)
    engine.feed(forwarding(0, arrived=arrived, backfill=True))
    while engine.worker.write_out():
        pass
    engine.feed(forwarding(now + 61))
    engine.sweep()
    views = engine.store.look(lambda uow: uow.alerts.list())
    engine.feed(forwarding(20, arrived=arrived, backfill=True))

    assert not any(view.closed for view in views)
    assert ["e0", "e20"] in [alert["events"] for alert in engine.alerts()]


def test_a_clock_that_was_wrong_hides_nothing_once_it_is_right_again(engine: Engine) -> None:
    """A record was stamped a year ahead, and everything was let go as of then."""
    today = 13 * 24 * 60
    engine.feed(forwarding(0, user="al", arrived=LATER + timedelta(days=400)))
    engine.worker.sweep([PARTITION], LATER + timedelta(days=400))
    assert engine.worker.trouble == ""

    for minute in (today - 30, today - 20, today - 10):
        engine.feed(forwarding(minute))
        while engine.worker.write_out():
            pass
        engine.sweep()

    (alert,) = [alert for alert in engine.alerts() if "jo" in alert["group"]]
    assert len(alert["events"]) == 3
    assert "clock" in engine.worker.trouble


def test_a_late_record_alerts_even_behind_the_watermark(engine: Engine) -> None:
    engine.feed(forwarding(12 * 24 * 60))
    engine.sweep()
    engine.feed(forwarding(0, arrived=NOON + timedelta(days=12)))

    assert "late:2026-11-22" in {alert["group"][-1] for alert in engine.alerts()}


def test_a_late_feed_loses_nothing_though_sweeps_run_beside_it(engine: Engine) -> None:
    engine.feed(forwarding(12 * 24 * 60))
    for number in range(40):
        engine.feed(forwarding(number / 10, arrived=NOON + timedelta(days=12)))
        engine.worker.write_out()
        engine.sweep()
    events = {event for alert in engine.alerts() for event in alert["events"]}

    assert {f"e{number / 10}" for number in range(40)} <= events


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_doubled_recut_killed_and_fenced_the_alerts_are_the_same(
    engine: Engine, tmp_path: Path, seed: int
) -> None:
    day = a_day()
    with fresh_engine(("sqlite", True), tmp_path / "plain", LATER) as plain:
        plain.feed(*day)
        expected = plain.alerts()
    chance = random.Random(seed)
    records = day + chance.sample(day, len(day) // 2)
    chance.shuffle(records)
    engine.play(records, chance)

    assert {"password_spraying", "login_then_exfiltration", "bulk_file_download"} <= {
        alert["rule"] for alert in expected
    }
    assert engine.alerts() == expected
    assert engine.received() == len(records)


def test_a_restart_with_a_log_and_one_without_tell_the_same(engine: Engine) -> None:
    """Written out or not, half of the day is known again after a restart."""
    day = a_day()
    engine.feed(*day[: len(day) // 2])
    while engine.worker.write_out():
        pass
    engine.restart()
    engine.feed(*day[len(day) // 2 :])
    expected = engine.alerts()
    engine.store.rewind((), None, actor="operator")
    engine.restart()
    while engine.step(17):
        engine.restart()

    assert engine.alerts() == expected


def attack(day: float, count: int = 12, *, user: str = "jo", **more: Any) -> list[RawRecord]:
    """Forwarding rules, one a minute."""
    return [forwarding(day * 24 * 60 + n, user=user, **more) for n in range(count)]


def forgotten(engine: Engine) -> datetime:
    """Let go of all that came so far; returns when what comes now arrives."""
    engine.feed(forwarding(12 * 24 * 60, user="al"))
    while engine.worker.write_out():
        pass
    engine.sweep()
    views = engine.store.look(lambda uow: uow.alerts.list())
    assert any(view.closed for view in views)
    return NOON + timedelta(days=12, hours=1)


def of_jo(engine: Engine) -> list[dict[str, Any]]:
    return [alert for alert in engine.alerts() if "jo" in alert["group"]]


@pytest.mark.parametrize("part", [slice(None), slice(4, 9), slice(None, None, 5)])
def test_a_backfill_of_what_was_let_go_raises_no_second_alert_and_changes_none(
    engine: Engine, part: slice
) -> None:
    """All of it again, or a part of it, whose first bucket may be another."""
    engine.feed(*attack(0), *attack(0.3))
    before = of_jo(engine)
    arrived = forgotten(engine)
    audit = engine.store.look(lambda uow: len(uow.audit.entries()))

    again = [
        *attack(0, arrived=arrived, backfill=True),
        *attack(0.3, arrived=arrived, backfill=True),
    ]
    for record in again[part]:
        engine.feed(record)
    engine.restart()
    engine.feed(again[5])

    assert len(before) >= 1
    assert of_jo(engine) == before
    assert engine.store.look(lambda uow: len(uow.audit.entries())) == audit


def test_a_backfill_with_more_than_was_let_go_adds_to_the_alert_and_reopens_a_dismissal(
    engine: Engine,
) -> None:
    engine.feed(*attack(0))
    (before,) = of_jo(engine)
    dismiss(engine, before["id"])
    arrived = forgotten(engine)

    engine.feed(*(raw_of(n, arrived) for n in range(3, 20)))
    (after,) = of_jo(engine)
    (view,) = [v for v in engine.store.look(lambda uow: uow.alerts.list()) if "jo" in v.group]

    assert set(after["events"]) == set(before["events"]) | {f"more{n}" for n in range(3, 20)}
    assert (after["id"], after["first"]) == (before["id"], before["first"])
    assert after["categories"] >= before["categories"]
    assert view.state is AlertState.NEW


def raw_of(minute: int, arrived: datetime) -> RawRecord:
    """The same person's, at another host of the customer."""
    fields = {
        "at": minute * 60,
        "id": f"more{minute}",
        "event.dataset": "microsoft365.audit",
        "user.name": "jo",
        "breach.mail.forward_external": True,
        "host.name": "contoso.second",
    }
    return raw(fields, arrived=arrived, backfill=True)


def dismiss(engine: Engine, alert: str) -> None:
    def act(uow: Any) -> None:
        view = uow.alerts.get(alert)
        uow.alerts.act(view.pk, view.version, state=AlertState.DISMISSED, dismissed_reason="known")

    engine.store.act(act)


def test_a_late_record_that_comes_again_after_it_was_let_go_raises_no_second_alert(
    engine: Engine,
) -> None:
    late = forwarding(0, arrived=NOON + timedelta(days=9))
    engine.feed(late)
    before = of_jo(engine)
    engine.feed(forwarding(40 * 24 * 60, user="al"))
    while engine.worker.write_out():
        pass
    engine.sweep()
    engine.feed(late)

    assert len(before) == 1
    assert of_jo(engine) == before
