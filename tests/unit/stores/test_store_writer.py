"""The writer thread: groups share a flush, a failing act goes alone, a closed store says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from breachdesk.stores.sqlite.sqlite_database import CHECKPOINT_BYTES
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_customer, make_store
from schemas.audit_actions import AuditAction
from schemas.errors import BadInput, RetryableError
from schemas.pipeline.source import BlindInterval


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


def save(uow, number: int) -> None:
    uow.customers.save(make_customer(f"customer-{number:03d}"))
    uow.audit.record(
        at=START, actor="sam", action=AuditAction.REGISTER_CUSTOMER_CHANGED, subject=str(number)
    )
    if number % 3 == 0:
        raise BadInput(f"number {number} is unwelcome")


def attempt(store: SqliteStore, number: int) -> bool:
    try:
        store.write(lambda uow: save(uow, number))
    except BadInput:
        return False
    return True


def test_acts_that_fail_take_nobody_else_of_their_group_along(store: SqliteStore) -> None:
    with ThreadPoolExecutor(16) as pool:
        actual = list(pool.map(lambda number: attempt(store, number), range(60)))

    assert actual == [number % 3 != 0 for number in range(60)]
    saved = store.read(lambda uow: [customer.id for customer in uow.customers.list()])
    assert saved == [f"customer-{number:03d}" for number in range(60) if number % 3]
    assert store.read(lambda uow: uow.audit.verify()) == 40
    assert store.read(lambda uow: uow.customers.get_version()) == 40


def until(so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not so():
        assert time.monotonic() < deadline, "it did not happen in a minute"
        time.sleep(0.005)


def test_acts_that_wait_together_share_one_commit(store: SqliteStore) -> None:
    event, release = threading.Event(), threading.Event()

    def hold(uow) -> None:
        event.set()
        release.wait(60)

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(store.write, hold)
        event.wait(60)
        rest = [pool.submit(attempt, store, n) for n in (1, 2, 4, 5, 7, 8, 10, 11)]
        until(lambda: store._writer._queue.qsize() == len(rest))
        before = store.path.with_name("store.db-wal").stat().st_size
        release.set()
        first.result()
        assert all(future.result() for future in rest)
    pages = (store.path.with_name("store.db-wal").stat().st_size - before) / 4120

    # Eight commits of their own would write at least six pages each.
    assert pages < 8 * 6
    assert store.read(lambda uow: uow.audit.verify()) == 8


def test_a_look_neither_waits_for_a_running_act_nor_sees_half_of_it(store: SqliteStore) -> None:
    written, release = threading.Event(), threading.Event()

    def slow(uow) -> None:
        uow.customers.save(make_customer())
        written.set()
        release.wait(60)

    with ThreadPoolExecutor(1) as pool:
        act = pool.submit(store.write, slow)
        written.wait(60)
        meanwhile = store.read(lambda uow: uow.customers.list())
        release.set()
        act.result()

    assert meanwhile == []
    assert len(store.read(lambda uow: uow.customers.list())) == 1


def test_one_look_is_one_snapshot(store: SqliteStore) -> None:
    def read_twice(uow) -> tuple[int, int]:
        first = len(uow.customers.list())
        store.write(lambda other: other.customers.save(make_customer()))
        return first, len(uow.customers.list())

    assert store.read(read_twice) == (0, 0)
    assert len(store.read(lambda uow: uow.customers.list())) == 1


def test_the_log_starts_over_instead_of_growing_for_ever(store: SqliteStore) -> None:
    for number in range(40):
        gap = BlindInterval(source=f"s{number}", begin=START, reason="x" * 500_000)
        store.write(lambda uow, g=gap: uow.sources.add_gap(g))
    log = store.path.with_name("store.db-wal").stat().st_size

    assert log < 2 * CHECKPOINT_BYTES
    assert store.path.stat().st_size > CHECKPOINT_BYTES


def test_a_closed_store_is_retryable_and_closing_twice_is_harmless(store: SqliteStore) -> None:
    store.close()
    store.close()

    with pytest.raises(RetryableError, match="closed"):
        store.write(lambda uow: uow.customers.list())


def test_a_database_that_refuses_is_retryable_and_tells_no_value(store: SqliteStore) -> None:
    def misuse(uow) -> None:
        uow.sources.add_gap(BlindInterval(source="m365", begin=START, reason="r"))
        uow.customers._connection.exec_driver_sql("INSERT INTO nowhere VALUES ('Jo Mason')")

    with pytest.raises(RetryableError, match="nothing of this act was written") as refused:
        store.write(misuse)

    assert "Jo Mason" not in str(refused.value)
    assert store.read(lambda uow: uow.sources.list_gaps()) == []
