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

from schemas.pipeline.event import RawRecord

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
    before = engine.alerts(), engine.store.read(lambda uow: len(uow.audit.list_entries()))
    engine.feed(forwarding(0))

    assert (engine.alerts(), engine.store.read(lambda uow: len(uow.audit.list_entries()))) == before
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
    views = engine.store.read(lambda uow: uow.alerts.list())

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
    views = engine.store.read(lambda uow: uow.alerts.list())
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


def test_a_late_feed_loses_nothing_though_sweeps_run_meanwhile(engine: Engine) -> None:
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
    engine.feed_in_batches(records, chance)

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
