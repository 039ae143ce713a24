from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from breachdesk.bootstrap.observability.store_metrics import StoreCollector
from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.backlog import compute_backlog
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import FixedNow, add_alert, add_confirmed_breach, make_store
from notifiers.testing.channels import NOON, build_notice_row
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.notice import DeliveryStatus
from schemas.errors import RetryableError
from streams.ports import ExportMessage


@pytest.fixture
def now() -> FixedNow:
    return FixedNow(NOON)


@pytest.fixture
def store(now: FixedNow) -> SqliteStore:
    return make_store(now)


def gauges(collector: StoreCollector) -> Callable[..., float | None]:
    registry = CollectorRegistry()
    registry.register(collector)
    return registry.get_sample_value


def breach_in(store: SqliteStore) -> str:
    return store.write(lambda uow: add_confirmed_breach(uow, NOON)).id


def approval(breach_id: str, seal: str, *, minutes: int, delay: int = 0) -> Approval:
    at = NOON - timedelta(minutes=minutes)
    return Approval(
        breach_id=breach_id,
        version=1,
        kind=ApprovalKind.SECOND_PERSON,
        approved_by="alex",
        approved_at=at,
        manifest_hash="m",
        texts_hash="t",
        decision_hash="d",
        sender_hash="s",
        hash=seal,
        count=1,
        not_before=at + timedelta(minutes=delay) if delay else None,
    )


def queue(store: SqliteStore, breach_id: str, number: int, **changes: Any) -> None:
    row = build_notice_row(number, breach_id=breach_id, customer_id=f"c{number}", **changes)
    store.write(lambda uow: uow.notices.enqueue(row))


def test_an_empty_store_reports_noughts_for_every_status(store: SqliteStore, now: FixedNow) -> None:
    value = gauges(StoreCollector(store, now))

    assert {value("breachdesk_outbox_rows", {"status": status}) for status in DeliveryStatus} == {
        0.0
    }
    assert value("breachdesk_outbox_oldest_seconds") == 0
    assert value("breachdesk_clocks_open") == 0
    assert value("breachdesk_alerts_new") == 0
    assert value("breachdesk_dispatch_held") == 0
    assert value("breachdesk_exports_waiting") is None


def test_the_outbox_is_counted_by_status_and_aged_since_release(
    store: SqliteStore, now: FixedNow
) -> None:
    breach_id = breach_in(store)
    store.write(
        lambda uow: uow.breaches.add_document(approval(breach_id, "seal", minutes=30, delay=10))
    )
    queue(store, breach_id, 1, approval_hash="seal", status=DeliveryStatus.QUEUED)
    queue(store, breach_id, 2, approval_hash="seal", status=DeliveryStatus.HANDED_OVER)
    queue(store, breach_id, 3, approval_hash="nobody's", status=DeliveryStatus.QUEUED)

    value = gauges(StoreCollector(store, now))

    assert value("breachdesk_outbox_rows", {"status": "queued"}) == 2
    assert value("breachdesk_outbox_rows", {"status": "handed_over"}) == 1
    assert value("breachdesk_outbox_oldest_seconds") == 20 * 60


def test_a_notice_that_waits_for_its_next_try_is_not_overdue(
    store: SqliteStore, now: FixedNow
) -> None:
    breach_id = breach_in(store)
    store.write(lambda uow: uow.breaches.add_document(approval(breach_id, "seal", minutes=30)))
    queue(
        store,
        breach_id,
        1,
        approval_hash="seal",
        status=DeliveryStatus.DEFERRED,
        next_attempt_at=NOON + timedelta(minutes=5),
    )

    before = store.read(lambda uow: compute_backlog(uow, NOON))
    after = store.read(lambda uow: compute_backlog(uow, NOON + timedelta(minutes=6)))

    assert before.oldest_seconds == 0
    assert after.oldest_seconds == 36 * 60


def test_clocks_become_at_risk_a_day_before_and_missed_after(store: SqliteStore) -> None:
    breach_in(store)

    def at(hours: float) -> tuple[int, int]:
        backlog = store.read(lambda uow: compute_backlog(uow, NOON + timedelta(hours=hours)))
        return backlog.clocks_at_risk, backlog.clocks_missed

    open_now = store.read(lambda uow: compute_backlog(uow, NOON)).clocks_open

    assert open_now > 0
    assert [at(0), at(47.9), at(48.1), at(71.9), at(72.1)] == [
        (0, 0),
        (0, 0),
        (1, 0),
        (1, 0),
        (0, 1),
    ]


def test_new_alerts_are_counted_without_reading_them(store: SqliteStore, now: FixedNow) -> None:
    add_alert(store)

    assert gauges(StoreCollector(store, now))("breachdesk_alerts_new") == 1


@pytest.mark.parametrize("where", ["store", "dispatcher"])
def test_held_mail_shows_wherever_it_is_held(store: SqliteStore, now: FixedNow, where: str) -> None:
    if where == "store":
        store.write(lambda uow: uow.marks.set(mail_hold.HOLD_MARK, "another server"))
    result = {"store": "", "dispatcher": "asleep"}[where]

    value = gauges(StoreCollector(store, now, get_hold_reason=lambda: result))

    assert value("breachdesk_dispatch_held") == 1


class Outbox:
    """Three exports wait."""

    def list_waiting(self, limit: int) -> list[tuple[int, ExportMessage]]:
        return [(n, ExportMessage("alerts", str(n), b"{}")) for n in range(3)][:limit]

    def delete_sent(self, numbers: object) -> None:
        raise AssertionError


def test_exports_are_counted_where_there_is_an_outbox(store: SqliteStore, now: FixedNow) -> None:
    value = gauges(StoreCollector(store, now, exports=Outbox()))

    assert value("breachdesk_exports_waiting") == 3


class Looked:
    """A store that counts looks, and refuses when told to."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.times = 0
        self.refuses = False

    def read(self, work: Any) -> Any:
        self.times += 1
        if self.refuses:
            raise RetryableError("the database is away")
        return self.store.read(work)


def test_the_store_is_asked_once_in_a_while_and_a_refusal_gives_no_stale_number(
    store: SqliteStore, now: FixedNow
) -> None:
    looked, clock = Looked(store), [100.0]
    collector = StoreCollector(looked, now, cache_seconds=20, monotonic=lambda: clock[0])  # type: ignore[arg-type]  # look is all that is asked
    registry = CollectorRegistry()
    registry.register(collector)

    texts = [generate_latest(registry).decode() for _ in range(3)]
    times = looked.times
    looked.refuses = True
    clock[0] += 21
    refused = generate_latest(registry).decode()
    looked.refuses = False
    clock[0] += 21
    again = generate_latest(registry).decode()

    assert times == 1
    assert texts[0] == texts[1] == texts[2] == again
    assert "breachdesk_alerts_new 0.0" in again
    assert "breachdesk_alerts_new" not in refused
