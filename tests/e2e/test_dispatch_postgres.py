"""Several real dispatcher processes over one PostgreSQL: nothing leaves twice, whatever happens to
them, and the sink's log resolves every row in doubt by Message-ID."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dispatch_process import Orders, Sink, discard, end, sink_on_loopback, start, wait_ready
from waiting_letters import (
    LetterRows,
    approve_letters,
    mail_settings,
    shared_settings,
    smtp_sender,
)

from breachdesk.casework.delivery import mail_hold
from breachdesk.stores.open_store import open_postgres
from breachdesk.testing import FixedNow
from notifiers.testing.channels import NOON
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.settings import StoreSettings

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

OPEN = {DeliveryStatus.QUEUED, DeliveryStatus.SENDING}


@dataclass
class Scenario:
    """Approved letters in a shared store, and a sink."""

    orders: Orders
    letters: LetterRows
    sink: Sink

    def rows(self) -> list[NoticeRow]:
        return self.letters.rows()

    def wait_until(self, reached: Callable[[], bool], seconds: float = 600.0) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, (
                self.letters.store.read(mail_hold.get_hold_reason),
                Counter(row.status.value for row in self.rows()),
            )
            time.sleep(0.05)

    def wait_for_the_end(self) -> None:
        self.wait_until(lambda: not {row.status for row in self.rows()} & OPEN)

    def ids(self, status: DeliveryStatus) -> set[str]:
        return {row.message_id for row in self.rows() if row.status is status}


@contextmanager
def letters_wait(
    folder: Path, store_settings: StoreSettings, count: int, seconds: float, lease: float
) -> Iterator[Scenario]:
    with (
        sink_on_loopback(seconds) as (sink, port),
        open_postgres(store_settings, now=FixedNow(NOON)) as store,
    ):
        approve_letters(store, mail_settings(folder, smtp_sender(port)), count)
        url, schema = store_settings.url, store_settings.schema_name
        orders = Orders(str(folder), url, schema, port, time.time(), lease)
        yield Scenario(orders, LetterRows(store), sink)


@pytest.fixture
def store_settings() -> Iterator[StoreSettings]:
    with shared_settings() as settings:
        yield settings


def test_two_dispatchers_share_forty_rows_and_send_each_once(
    tmp_path: Path, store_settings: StoreSettings
) -> None:
    with letters_wait(tmp_path, store_settings, 40, 0.05, lease=60) as scenario:
        both = [start(scenario.orders), start(scenario.orders)]
        for process in both:
            wait_ready(process)
        scenario.wait_for_the_end()
        end(*both)

        assert {row.status for row in scenario.rows()} == {DeliveryStatus.HANDED_OVER}
        assert set(scenario.sink.times.values()) == {1}
        assert set(scenario.sink.log) == {row.message_id for row in scenario.rows()}


def test_twenty_kills_with_a_living_one_send_nothing_twice(
    tmp_path: Path, store_settings: StoreSettings
) -> None:
    chance = random.Random(4)
    with letters_wait(tmp_path, store_settings, 220, 0.5, lease=3) as scenario:
        running = [start(scenario.orders) for _ in range(3)]
        for number in range(20):
            assert scenario.ids(DeliveryStatus.QUEUED)
            victim = running.pop(0)
            wait_ready(victim)
            if number % 2:  # the others die at any age, often before their first letter
                letters = len(scenario.sink.log)
                scenario.wait_until(lambda begun=letters: len(scenario.sink.log) > begun)
            time.sleep(chance.random() * 0.6)
            discard(victim)
            running.append(start(scenario.orders))
        for process in running:
            wait_ready(process)
        scenario.wait_for_the_end()
        end(*running)
        handed, unknown = (
            scenario.ids(DeliveryStatus.HANDED_OVER),
            scenario.ids(DeliveryStatus.UNKNOWN),
        )

        assert unknown
        assert {row.status for row in scenario.rows()} <= {
            DeliveryStatus.HANDED_OVER,
            DeliveryStatus.UNKNOWN,
        }
        assert set(scenario.sink.times.values()) == {1}
        assert handed <= set(scenario.sink.log)
        assert set(scenario.sink.log) <= handed | unknown
        report = scenario.letters.store.read(lambda uow: uow.audit.examine())
        assert report.discrepancies == ()


def test_a_dispatcher_suspended_longer_than_its_lease_begins_nothing_more_under_it(
    tmp_path: Path, store_settings: StoreSettings
) -> None:
    with letters_wait(tmp_path, store_settings, 12, 0.3, lease=2) as scenario:
        suspended = start(scenario.orders)
        scenario.wait_until(lambda: len(scenario.sink.log) == 1)
        suspended.send_signal(signal.SIGSTOP)
        (first,) = [row for row in scenario.rows() if row.message_id == scenario.sink.log[0]]
        other = start(scenario.orders)
        scenario.wait_for_the_end()
        doubtful = [row.id for row in scenario.rows() if row.status is DeliveryStatus.UNKNOWN]
        suspended.send_signal(signal.SIGCONT)
        scenario.wait_until(
            lambda: scenario.letters.row(first.id).status is DeliveryStatus.HANDED_OVER
        )
        end(suspended, other)

        assert doubtful == [first.id]
        assert {row.status for row in scenario.rows()} == {DeliveryStatus.HANDED_OVER}
        assert set(scenario.sink.times.values()) == {1}
        assert [row.attempts for row in scenario.rows()] == [1] * 12


def test_a_changed_database_server_holds_every_dispatcher(
    tmp_path: Path, store_settings: StoreSettings
) -> None:
    with letters_wait(tmp_path, store_settings, 40, 0.2, lease=60) as scenario:
        store = scenario.letters.store
        both = [start(scenario.orders), start(scenario.orders)]
        scenario.wait_until(lambda: len(scenario.sink.log) >= 4)
        store.write(lambda uow: uow.marks.set(mail_hold.SERVER_MARK, "7000000000000000000/1"))
        scenario.wait_until(lambda: bool(store.read(mail_hold.get_hold_reason)))
        scenario.wait_until(lambda: not scenario.ids(DeliveryStatus.SENDING))
        sent = len(scenario.sink.log)
        time.sleep(3.0)  # nothing to wait for: neither may begin another
        still = len(scenario.sink.log)
        server = store.get_server_identity()
        why = store.write(lambda uow: mail_hold.release_hold(uow, server, "operator", NOON))
        scenario.wait_for_the_end()
        end(*both)

        assert (still, sent < 40) == (sent, True)
        assert why == mail_hold.AFTER_FAILOVER
        assert set(scenario.sink.times.values()) == {1}
        ended = {row.status for row in scenario.rows()}
        assert ended <= {DeliveryStatus.HANDED_OVER, DeliveryStatus.UNKNOWN}
