"""A store that the former engine filled: its alerts stay, and further records continue its groups.

`former_state.json` is what that engine wrote of the first twelve of `LINES`, by table: some of
their signals are in buckets, the others only in its log."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from former_store import former_store
from sqlalchemy import Connection, text
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.settings import Settings, SourceSettings
from streams.normalise.record_readers import InProcessReader
from streams.ports.metrics import NullMetrics
from streams.process.pipeline import RecordPipeline
from streams.process.worker import ArrivedRecord, StreamWorker
from streams.sigma.load import load_rules

ROOT = Path(__file__).parents[2]
STATE = Path(__file__).with_name("former_state.json")
FORMER = 12
FACTS = ("id", "rule", "group", "first", "last", "severity", "evidence", "fingerprint", "state")


def lines() -> list[RawRecord]:
    """Fourteen wrong passwords, the right one, and another wrong one, twenty seconds apart."""
    return [
        RawRecord(RecordPosition("j-1", n), "linux", line(n), moment(n), transport="demo")
        for n in range(16)
    ]


def moment(number: int) -> datetime:
    return datetime(2026, 11, 22, 9, 0, tzinfo=UTC) + timedelta(seconds=20 * number)


def line(number: int) -> bytes:
    act = "Failed" if number != 14 else "Accepted"
    port = 4000 + number if number != 14 else 4999
    return (
        f"{moment(number):%Y-%m-%dT%H:%M:%S+00:00} web1 sshd[{100 + number}]:"
        f" {act} password for jo from 203.0.113.66 port {port} ssh2"
    ).encode()


def fill(connection: Connection) -> None:
    for table, rows in json.loads(STATE.read_text(encoding="utf-8")).items():
        for row in rows:
            columns = ", ".join(f'"{name}"' for name in row)
            values = ", ".join(f":{name}" for name in row)
            statement = text(f'INSERT INTO "{table}" ({columns}) VALUES ({values})')
            connection.execute(
                statement, {name: stored(name, value) for name, value in row.items()}
            )
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval(pg_get_serial_sequence('alerts', 'pk'), 1)"))


def stored(name: str, value: Any) -> Any:
    if name == "payload":
        return base64.b64decode(value)
    return bool(value) if name == "closed" else value


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(adapter: str, tmp_path: Path) -> Iterator[PipelineStore]:
    with former_store(adapter, tmp_path, fill) as opened:
        yield opened


def worker(store: PipelineStore, folder: Path, *, sole_owner: bool = True) -> StreamWorker:
    settings = Settings(data_dir=folder, sources=(SourceSettings(name="linux", zone="UTC"),))
    stream_worker = StreamWorker(
        store.make_batch_sink(sole_owner=sole_owner),
        RecordPipeline(load_rules([ROOT / "rules"]), InProcessReader(settings), settings),
        store.make_asset_register(),
        lambda _records: START,
        NullMetrics(),
    )
    stream_worker.take_ownership(["journal"])
    return stream_worker


def feed(worker: StreamWorker, records: Sequence[RawRecord]) -> None:
    worker.process([ArrivedRecord("journal", record) for record in records])


def live(store: PipelineStore) -> list[Any]:
    views = store.read(lambda uow: uow.alerts.list())
    return [
        [
            *(getattr(view, name) for name in FACTS),
            [
                each.event_id
                for each in store.read(lambda uow, pk=view.pk: uow.alerts.list_evidence(pk))
            ],
        ]
        for view in views
    ]


def expected(adapter: str, folder: Path, count: int) -> list[Any]:
    """What the engine makes of so many lines in a new store."""
    with fresh_store(adapter, FixedNow()) as store:
        feed(worker(store, folder), lines()[:count])
        return live(store)


def test_alerts_of_the_former_engine_are_those_that_this_one_raises(
    store: PipelineStore, adapter: str, tmp_path: Path
) -> None:
    former = live(store)

    assert [row[1] for row in former] == ["sign_in_brute_force"]
    assert former == expected(adapter, tmp_path, FORMER)


def test_further_records_continue_its_groups(
    store: PipelineStore, adapter: str, tmp_path: Path
) -> None:
    going_on = worker(store, tmp_path)
    place = going_on.owned["journal"].position
    feed(going_on, lines()[FORMER:])

    assert place == RecordPosition("j-1", FORMER - 1)
    assert live(store) == expected(adapter, tmp_path, len(lines()))
    assert [row[1] for row in live(store)] == [
        "ssh_brute_force_then_sign_in",
        "sign_in_brute_force",
    ]
    assert [c.received for c in store.read(lambda uow: uow.sources.list())] == [len(lines())]


def test_a_record_read_again_after_the_migration_changes_nothing(
    store: PipelineStore, adapter: str, tmp_path: Path
) -> None:
    before = live(store)
    again = worker(store, tmp_path)
    feed(again, lines()[:FORMER])

    assert live(store) == before
    assert [c.received for c in store.read(lambda uow: uow.sources.list())] == [FORMER]
