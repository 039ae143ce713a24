"""An asset that is bound after its events were seen: a replay leads to what an earlier binding would
have led to, whatever is killed meanwhile, on every store."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engines import ENGINES, NOON, PARTITION, Engine, Killed, TwoCustomers, fresh_engine, raw

from schemas.customer import AssetKind, Binding
from schemas.pipeline.event import RawRecord
from streams.ports import RegisterView

LATER = NOON + timedelta(days=3)
STRAY, OTHER = "stray.example", "other.example"
ASSETS = (f"host:{STRAY}",)


class WithStray(TwoCustomers):
    """The same, and the stray host is contoso's since that event time."""

    def __init__(self, since: datetime | None) -> None:
        self.since = since
        self.edges = () if since is None else (since,)  # type: ignore[assignment]

    def find(
        self, kind: AssetKind, value: str, at: datetime, known_at: datetime | None = None
    ) -> Binding | None:
        if value != STRAY:
            return super().find(kind, value, at, known_at)
        if self.since is not None and at < self.since:
            return None
        known = super().find(kind, "contoso.example", at, known_at)
        return None if known is None else known.model_copy(update={"value": STRAY})


class BoundLater:
    """A register that learns of the stray host."""

    def __init__(self) -> None:
        self._former = TwoCustomers()
        self._view: RegisterView = self._former

    def bind(self, since: datetime | None = None) -> None:
        self._view = WithStray(since)

    def get_view(self) -> RegisterView:
        return self._view

    def get_former_view(self, before: datetime) -> RegisterView:
        return self._former


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with fresh_engine(request.param, tmp_path, LATER) as opened:
        yield opened


def attempt(number: int, at: float, host: str, user: str, ip: str, *, ok: bool) -> dict[str, Any]:
    return {
        "at": at,
        "id": f"e{number}",
        "event.dataset": "linux.sshd",
        "event.category": ["authentication"],
        "event.outcome": "success" if ok else "failure",
        "user.name": user,
        "source.ip": ip,
        "host.name": host,
    }


def draw_lines(chance: random.Random) -> list[RawRecord]:
    """Bursts of sign-ins at bound and unbound hosts, from few addresses; some arrive late."""
    lines: list[RawRecord] = []
    for _ in range(chance.randint(3, 8)):
        begin = chance.choice([0, 500, 900, 4000, 90_000])
        host = chance.choice([STRAY, STRAY, STRAY, "contoso.example", OTHER])
        ip = chance.choice(["203.0.113.66", "203.0.113.67", "198.51.100.9"])
        for step in range(chance.randint(4, 25)):
            user = chance.choice(["root", f"user{step}", "jo"])
            fields = attempt(len(lines), begin + step, host, user, ip, ok=chance.random() < 0.1)
            late = timedelta(hours=chance.choice([0, 0, 0, 0, 30]))
            arrived = NOON + timedelta(seconds=begin + step) + late
            lines.append(raw(fields, arrived=arrived))
    chance.shuffle(lines)
    return sorted(lines, key=lambda line: line.arrived)


def bind(engine: Engine) -> BoundLater:
    register = BoundLater()
    engine.register = register
    engine.restart()
    return register


def start_replay(engine: Engine) -> None:
    while engine.worker.write_out():
        pass


def replay(engine: Engine, records: list[RawRecord], chance: random.Random | None = None) -> None:
    """Read the records again in batches; kills lose the position, and parts are read twice."""
    chance = chance or random.Random(0)
    begin = 0
    start_replay(engine)
    while begin < len(records):
        engine.sink.before = chance.random() < 0.15
        engine.sink.after = chance.random() < 0.15
        end = begin + chance.randint(1, 60)
        try:
            engine.worker.replay(PARTITION, records[begin:end], ASSETS, LATER)
        except Killed:
            engine.restart()
            start_replay(engine)
            begin = max(begin - chance.randint(0, 30), 0)
            continue
        begin = end


def reduce_alerts(engine: Engine) -> list[dict[str, Any]]:
    return [{**row, "evidence": None} for row in engine.alerts()]


@pytest.mark.parametrize("seed", range(12))
def test_binding_afterwards_is_binding_before(engine: Engine, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lines = draw_lines(chance)
    since = chance.choice([None, None, NOON + timedelta(seconds=50_000)])
    with fresh_engine(("sqlite", True), tmp_path / "plain", LATER) as plain:
        bind(plain).bind(since)
        plain.feed(*lines)
        expected = plain.alerts()
    register = bind(engine)
    cut = chance.randint(len(lines) // 2, len(lines))
    engine.feed_in_batches(lines[:cut], chance)
    engine.restart()
    register.bind(since)
    seen = list(engine.journal)
    replay(engine, seen, chance)
    engine.sink.before = engine.sink.after = False
    if cut < len(lines):
        engine.feed(*lines[cut:])
    counted = engine.received()

    assert engine.alerts() == expected
    assert counted == len(lines)


def burst(count: int, host: str = STRAY, begin: float = 0) -> list[RawRecord]:
    return [
        raw(attempt(int(begin) + i, begin + i, host, "root", "203.0.113.66", ok=False))
        for i in range(count)
    ]


def test_an_alert_of_nobodys_becomes_the_customers_and_is_no_second_one(engine: Engine) -> None:
    register = bind(engine)
    engine.feed(*burst(30))
    before = engine.alerts()
    pks = {view.pk for view in engine.store.read(lambda uow: uow.alerts.list())}
    register.bind()
    replay(engine, engine.journal)
    after = engine.alerts()
    former = engine.store.read(lambda uow: uow.alerts.get(str(before[0]["id"])))

    assert {row["organization"] for row in before} == {f"?{ASSETS[0]}"}
    assert {row["organization"] for row in after} == {"contoso"}
    assert all(row["customers"] == ["contoso"] for row in after)
    assert len(after) == len(before)
    assert {view.pk for view in engine.store.read(lambda uow: uow.alerts.list())} == pks
    assert former.organization == "contoso"
    assert former.unattributed == ()


def test_every_event_of_the_alert_touches_the_customer(engine: Engine) -> None:
    register = bind(engine)
    engine.feed(*burst(30))
    register.bind()
    replay(engine, engine.journal)
    views = engine.store.read(lambda uow: uow.alerts.list())
    rows = engine.store.read(
        lambda uow: [e for view in views for e in uow.alerts.list_evidence(view.pk)]
    )

    assert rows
    assert all(touch[0] == "contoso" for row in rows for touch in row.touches)
    assert all(row.touches for row in rows)


def test_an_alert_that_was_closed_becomes_the_customers_too(engine: Engine) -> None:
    register = bind(engine)
    engine.feed(*burst(30))
    engine.worker.record_drained(PARTITION, LATER.timestamp())
    engine.sweep()
    before = engine.alerts()
    register.bind()
    replay(engine, engine.journal)
    after = engine.alerts()

    assert len(after) == len(before)
    assert {row["organization"] for row in after} == {"contoso"}
    assert [row["events"] for row in after] == [row["events"] for row in before]


def test_a_replay_of_what_is_somebody_elses_changes_nothing(engine: Engine) -> None:
    register = bind(engine)
    engine.feed(*burst(30, "fabrikam.example"), *burst(30, OTHER, 100))
    before = engine.alerts()
    register.bind()
    replay(engine, engine.journal)

    assert engine.alerts() == before


def test_events_that_were_too_few_for_an_alert_count_with_the_customers_own(
    engine: Engine,
) -> None:
    register = bind(engine)
    engine.feed(*burst(6), *burst(6, "contoso.example", 100))
    before = engine.alerts()
    register.bind()
    replay(engine, engine.journal)

    assert before == []
    assert {row["organization"] for row in engine.alerts()} == {"contoso"}
