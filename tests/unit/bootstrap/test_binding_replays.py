"""The embedded deployment reads again what was nobody's, once somebody says whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from breachdesk.bootstrap.container import Container
from breachdesk.casework.imports.attribution import bind_asset
from breachdesk.stores.register.replay_queue import SqlReplayQueue
from breachdesk.testing import FixedNow, make_actor, make_customer
from schemas.binding_proposal import ReplayState
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import IncomingRecord
from schemas.settings import Settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = "host:web1"


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    with Container(Settings(data_dir=tmp_path), FixedNow(NOON + timedelta(hours=1))) as opened:
        opened.store.write(lambda uow: uow.customers.save(make_customer("contoso")))
        yield opened


def receive(container: Container, count: int, host: str = "web1") -> None:
    lines = [
        f"Nov 22 12:{i // 60:02d}:{i % 60:02d} {host} sshd[{9000 + i}]:"
        f" Failed password for root from 203.0.113.66 port {2000 + i} ssh2"
        for i in range(count)
    ]
    container.journal.append(
        [
            IncomingRecord("linux", line.encode(), NOON + timedelta(seconds=i))
            for i, line in enumerate(lines)
        ]
    )


def bind(container: Container) -> None:
    now = container.now()
    container.store.write(
        lambda uow: bind_asset(uow, make_actor(), KEY, "contoso", "managed server", None, now)
    )


def owners(container: Container) -> list[str]:
    return sorted(a.organization for a in container.store.read(lambda uow: uow.alerts.list()))


def test_alerts_of_nobody_become_the_customers(container: Container) -> None:
    receive(container, 60)
    worker = container.build_worker()
    worker.process_all()
    before = owners(container)
    bind(container)
    worker.process_all()
    after = owners(container)
    acts = [entry.act for entry in container.store.read(lambda uow: uow.audit.list_entries())]
    (source,) = container.store.read(lambda uow: uow.sources.list())

    assert set(before) == {f"?{KEY}"}
    assert after == ["contoso"] * len(before)
    assert acts.count("register:records:replayed") == 1
    assert source.received == 60
    assert container.store.read(lambda uow: uow.customers.list_unattributed()) == []


def test_a_restart_goes_on_with_the_replay(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(container, 60)
    container.build_worker().process_all()
    bind(container)
    advance = SqlReplayQueue.advance

    def end_process(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SqlReplayQueue, "advance", end_process)
    with pytest.raises(KeyboardInterrupt):
        container.build_worker().process_all()
    monkeypatch.setattr(SqlReplayQueue, "advance", advance)
    queue = SqlReplayQueue(container.store)
    (running,) = queue.list_unfinished(["journal"])
    container.build_worker().process_all()

    assert running.state is ReplayState.RUNNING
    assert queue.list_unfinished(["journal"]) == []
    assert set(owners(container)) == {"contoso"}


def test_nothing_is_read_again_where_nothing_was_nobodys(container: Container) -> None:
    receive(container, 60, "other")
    container.build_worker().process_all()
    bind(container)

    assert SqlReplayQueue(container.store).list_unfinished(["journal"]) == []


def test_a_replay_begins_with_the_day_of_the_first_event(container: Container) -> None:
    receive(container, 1)
    journal = container.journal.list_journals(NOON.date())[0]

    assert container.journal.find_before(NOON) == RecordPosition(journal, 0)
    assert container.journal.find_before(NOON + timedelta(days=9)) is None
