"""Doubles for tests: a clock that a test moves, a real store in a temporary file, small documents.

Nothing here imitates our own code: the store is the store, migrations and writer thread
included."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from breachdesk.ports import Now, UnitOfWork
from breachdesk.stores.open_store import migrate, open_sqlite
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.sqlite.sqlite_database import create_file
from breachdesk.stores.sqlite.store import SqliteStore
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseOrigin, CaseState
from schemas.customer import (
    AssetKind,
    Binding,
    Customer,
    DataCategory,
    DataRole,
    Person,
    PersonKind,
)
from schemas.law import LawBook
from schemas.pipeline.alert import AlertState, AlertView, Episode, GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.user import Actor, Permission, User
from streams.ports import (
    BucketRow,
    EvictedInterval,
    GroupState,
    GroupUpdates,
    PartitionAdvance,
    RecordBatch,
    SweepResult,
)

GROUP = GroupKey("login_then_exfiltration", "contoso", ("jo@contoso.example",))
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class FixedNow:
    """A clock that is fixed until a test moves it."""

    def __init__(self, start: datetime = START) -> None:
        self.at = start

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **span: float) -> datetime:
        """Advance as `advance(hours=2)`; returns the new time."""
        self.at += timedelta(**span)
        return self.at


def make_store(now: Now, law: LawBook | None = None) -> SqliteStore:
    """Create a fresh, migrated store in a temporary folder. Close it, or use it as a context."""
    folder = Path(tempfile.mkdtemp(prefix="breachdesk-test-"))
    path = folder / "store.db"
    create_file(path)
    shutil.copyfile(_make_template(), path)
    store = open_sqlite(path, now=now, law=law)
    weakref.finalize(store, shutil.rmtree, folder, ignore_errors=True)
    return store


@cache
def _make_template() -> Path:
    """Create an empty migrated store once a process: migrations take longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="breachdesk-test-"))
    weakref.finalize(make_store, shutil.rmtree, folder, ignore_errors=True)
    path = folder / f"template-{os.getpid()}.db"
    create_file(path)
    migrate(path)
    return path


def make_actor(*permissions: Permission, user_id: str = "sam") -> Actor:
    """Create an actor that holds every permission unless some are named."""
    return Actor(id=user_id, permissions=frozenset(permissions or Permission))


def make_user(user_id: str = "sam", *permissions: Permission) -> User:
    """Create a local account whose password hash matches nothing."""
    return User(
        id=user_id,
        name="Sam Field",
        permissions=frozenset(permissions or Permission),
        password_hash="unusable",  # noqa: S106 - no password makes this hash
    )


def make_customer(customer_id: str = "contoso", *, email: str = "") -> Customer:
    """Create a customer with an account holder at the default address and a data-protection
    contact."""
    address = email or f"accounts@{customer_id}.example"
    return Customer(
        id=customer_id,
        name=f"{customer_id.title()} Ltd",
        default_email=address,
        phone="+44 1632 960000",
        people=(
            Person(
                id=f"{customer_id}-holder",
                customer_id=customer_id,
                kind=PersonKind.ACCOUNT_HOLDER,
                name="Jo Mason",
                email=address,
                phone="+44 1632 960001",
            ),
            Person(
                id=f"{customer_id}-dp",
                customer_id=customer_id,
                kind=PersonKind.DATA_PROTECTION,
                name="Kit Reed",
                email=f"privacy@{customer_id}.example",
            ),
        ),
    )


def make_binding(
    value: str = "jo@contoso.example",
    customer_id: str = "contoso",
    *,
    kind: AssetKind = AssetKind.MAILBOX,
    role: DataRole = DataRole.PROCESSOR,
    categories: tuple[DataCategory, ...] = (DataCategory.MAIL,),
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> Binding:
    """Create the binding of a hosted mailbox, without start or end."""
    return Binding(
        kind=kind,
        value=value,
        customer_id=customer_id,
        service="hosted mailbox",
        role=role,
        categories=categories,
        valid_from=valid_from,
        valid_to=valid_to,
    )


def make_signal(
    number: int = 1,
    *,
    key: GroupKey = GROUP,
    time: datetime = START - timedelta(hours=1),
    step: str = "failed",
    value: str = "",
    touches: tuple[AssetTouch, ...] = (
        AssetTouch("contoso", "mailbox:jo@contoso.example", "mail"),
    ),
) -> Signal:
    """Create event number `number` of source `m365`, one second after the previous one."""
    return Signal(
        key=key,
        time=(time + timedelta(seconds=number)).timestamp(),
        event_id=f"event-{number:04d}",
        step=step,
        value=value,
        position=RecordPosition("journal-1", number),
        sha256=f"{number:064x}",
        source="m365",
        touches=touches,
        summary={"source.ip": "203.0.113.9", "event.action": step},
    )


def make_episode(
    signals: Sequence[Signal] = (),
    *,
    severity: Severity = Severity.HIGH,
    title: str = "Sign-in after many failures, then a bulk download",
    timespan: int = 3600,
) -> Episode:
    """Create one run of hot hours around these signals (default: three)."""
    members = tuple(signals) or tuple(make_signal(number) for number in (1, 2, 3))
    times = [member.time for member in members]
    return Episode(
        key=members[0].key,
        title=title,
        first=int(min(times) // timespan),
        last=int(max(times) // timespan),
        timespan=timespan,
        fired=datetime.fromtimestamp(times[-1], UTC),
        severity=severity,
        members=members,
        touches=frozenset(touch for member in members for touch in member.touches),
        explanation=f"{len(members)} matching events within the hour.",
    )


def commit_batch(
    store: PipelineStore,
    partition: str = "test",
    *,
    groups: Sequence[GroupState] = (),
    buckets: Sequence[BucketRow] = (),
    arrived: float | None = None,
    **changes: Any,
) -> RecordPosition:
    """Commit a batch that moves the partition on by one record, in one transaction, as a worker
    does; returns its position. `changes` are further parts of the RecordBatch."""
    sink = store.make_batch_sink()
    before = sink.load_positions([partition])[partition]
    after = RecordPosition(
        "journal-1", 1 if before.position is None else before.position.offset + 1
    )
    keys = sorted({*(each.key for each in groups), *(each.key for each in buckets)})
    batch = RecordBatch([PartitionAdvance(partition, before, after, arrived)], keys=keys, **changes)
    updates = GroupUpdates(keys, groups, buckets)
    sink.commit(batch, {}, lambda _rows, _low: updates, store.now())
    return after


def sweep(store: PipelineStore, *evictions: EvictedInterval) -> None:
    """Let go of exactly these spans, as a worker does once nothing in time can reach them."""
    due = [BucketRow(e.key, int(e.begin // 3600), b"", 3600) for e in evictions]
    commit_batch(store, buckets=due, arrived=1.0)
    sink = store.make_batch_sink()
    owned = sink.load_positions(["test"])
    sink.sweep(["test"], owned, lambda _rows, _low: SweepResult(evictions), store.now())


def raise_alerts(store: PipelineStore, *episodes: Episode) -> tuple[AlertView, ...]:
    """Commit a batch in which exactly these episodes belong to their groups, as the pipeline would;
    returns their alerts in the same order."""
    states: dict[GroupKey, tuple[Episode, ...]] = {}
    for episode in episodes:
        states[episode.key] = (*states.get(episode.key, ()), episode)
    commit_batch(store, groups=[GroupState(key, alerts) for key, alerts in states.items()])
    return store.read(lambda uow: tuple(uow.alerts.get(episode.id) for episode in episodes))


def add_alert(store: PipelineStore, episode: Episode | None = None) -> AlertView:
    """Add an alert to the store."""
    return raise_alerts(store, episode or make_episode())[0]


def add_case(uow: UnitOfWork, now: datetime, *alerts: AlertView, actor: str = "sam") -> Case:
    """Add an open case of these alerts."""
    case = Case(
        id=uow.cases.allocate_id(),
        title="Sign-in from an unusual place",
        origin=CaseOrigin.ALERT if alerts else CaseOrigin.OWN,
        opened_by=actor,
        opened_at=now,
        alerts=tuple(alert.pk for alert in alerts),
    )
    uow.cases.add(case)
    for alert in alerts:
        uow.alerts.update(alert.pk, alert.version, state=AlertState.CASE, case_id=case.id)
    return case


def add_confirmed_breach(
    uow: UnitOfWork, now: datetime, *alerts: AlertView, actor: str = "sam"
) -> Breach:
    """Add a confirmed breach of a new case of these alerts, aware since `now`."""
    case = add_case(uow, now, *alerts, actor=actor)
    breach = Breach(
        id=uow.breaches.allocate_id(),
        case_id=case.id,
        title=case.title,
        confirmed_by=actor,
        confirmed_at=now,
        reason="118 files were downloaded by somebody else.",
        aware_at=now,
        detected_at=min((alert.detected_at for alert in alerts), default=None),
    )
    uow.breaches.add(breach)
    uow.cases.save(case.model_copy(update={"state": CaseState.CONFIRMED, "breach_id": breach.id}))
    return breach
