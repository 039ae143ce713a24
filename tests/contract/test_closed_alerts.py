"""What comes again of signals that were let go is added to the alert that is closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engines import ENGINES, NOON, Engine, fresh_engine, raw

from schemas.pipeline.alert import AlertState
from schemas.pipeline.event import RawRecord

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


def attack(day: float, count: int = 12, *, user: str = "jo", **more: Any) -> list[RawRecord]:
    """Forwarding rules, one a minute."""
    return [forwarding(day * 24 * 60 + n, user=user, **more) for n in range(count)]


def forgotten(engine: Engine) -> datetime:
    """Let go of all that came so far; returns when what comes now arrives."""
    engine.feed(forwarding(12 * 24 * 60, user="al"))
    while engine.worker.write_out():
        pass
    engine.sweep()
    views = engine.store.read(lambda uow: uow.alerts.list())
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
    audit = engine.store.read(lambda uow: len(uow.audit.list_entries()))

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
    assert engine.store.read(lambda uow: len(uow.audit.list_entries())) == audit


def test_a_backfill_with_more_than_was_let_go_adds_to_the_alert_and_reopens_a_dismissal(
    engine: Engine,
) -> None:
    engine.feed(*attack(0))
    (before,) = of_jo(engine)
    dismiss(engine, before["id"])
    arrived = forgotten(engine)

    engine.feed(*(raw_of(n, arrived) for n in range(3, 20)))
    (after,) = of_jo(engine)
    (view,) = [v for v in engine.store.read(lambda uow: uow.alerts.list()) if "jo" in v.group]

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
        uow.alerts.update(
            view.pk, view.version, state=AlertState.DISMISSED, dismissed_reason="known"
        )

    engine.store.write(act)


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
