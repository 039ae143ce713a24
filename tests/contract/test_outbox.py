"""What every outbox must do: notifiers.ports.NoticeOutbox. A new one joins by adding its bench."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest
from waiting_letters import (
    LetterRows,
    approve_letters,
    established,
    mail_settings,
    renderer,
    shared_store,
)

from breachdesk.casework.delivery.dispatchers import LeasedDispatchers
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.ports import Store
from breachdesk.testing import FixedNow, make_store
from notifiers.ports import NoticeOutbox
from notifiers.testing.channels import NOON, build_notice_row, build_outgoing
from notifiers.testing.sqlite_outbox import SqliteOutbox
from schemas.casework.notice import DeliveryStatus, NoticeRow, SendOutcome, SendResult

HANDED_OVER = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")
DEFERRED = SendResult(outcome=SendOutcome.DEFERRED, reply="451 4.3.0")
UNKNOWN = SendResult(outcome=SendOutcome.UNKNOWN)
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
LATER = NOON + timedelta(minutes=5)
LETTERS = 5
TEN_DAYS = 864_000.0
"""A lease longer than any test's time passes."""


class Bench(Protocol):
    """An outbox that `boot` entered, and what a test does to it from outside."""

    in_order: bool
    """Does it give what is due oldest first?"""

    @property
    def outbox(self) -> NoticeOutbox: ...

    def queue(self, number: int, **changes: object) -> None: ...

    def row(self, number: int) -> NoticeRow: ...

    def pause(self, *, paused: bool) -> None: ...

    def kill_boot(self) -> None:
        """`boot` is no more; nobody was told."""


class ScratchBench:
    in_order = True

    def __init__(self, outbox: SqliteOutbox) -> None:
        self.outbox = outbox

    def queue(self, number: int, **changes: object) -> None:
        self.outbox.add_row(build_notice_row(number, **changes), build_outgoing(number))

    def row(self, number: int) -> NoticeRow:
        return self.outbox.get_row(number)

    def pause(self, *, paused: bool) -> None:
        self.outbox.paused = paused

    def kill_boot(self) -> None:
        """Whoever asks next is another."""


class StoreBench:
    """Real letters of a real breach; those not queued yet are set aside as skipped."""

    def __init__(self, store: Store, folder: Path, *, leased: bool) -> None:
        self.in_order = not leased
        self.store, self.letters = store, LetterRows(store)
        settings = mail_settings(folder)
        installation = established(store, folder, shared=leased)
        for row in approve_letters(store, settings, LETTERS):
            self.letters.change(row.id, status=DeliveryStatus.SKIPPED)
        others = LeasedDispatchers(store, TEN_DAYS) if leased else None
        self.outbox = StoreOutbox(store, settings, renderer(), installation, others)
        self.outbox.enter("boot", NOON)

    def queue(self, number: int, **changes: object) -> None:
        self.letters.change(number, **{"status": DeliveryStatus.QUEUED, **changes})

    def row(self, number: int) -> NoticeRow:
        return self.letters.row(number)

    def pause(self, *, paused: bool) -> None:
        self.letters.pause(self.row(1).breach_id, paused=paused)

    def kill_boot(self) -> None:
        """As if its lease had run out."""
        self.store.write(lambda uow: uow.leases.drop("dispatch:boot", "boot"))


@contextmanager
def in_memory(_folder: Path) -> Iterator[Bench]:
    with closing(SqliteOutbox()) as outbox:
        yield ScratchBench(outbox)


@contextmanager
def in_a_file(folder: Path) -> Iterator[Bench]:
    with closing(SqliteOutbox(folder / "outbox.db")) as outbox:
        yield ScratchBench(outbox)


@contextmanager
def alone_over_sqlite(folder: Path) -> Iterator[StoreBench]:
    with make_store(FixedNow(NOON)) as store:
        yield StoreBench(store, folder, leased=False)


@contextmanager
def leased_over_sqlite(folder: Path) -> Iterator[Bench]:
    with make_store(FixedNow(NOON)) as store:
        yield StoreBench(store, folder, leased=True)


@contextmanager
def leased_over_postgres(folder: Path) -> Iterator[StoreBench]:
    with shared_store(FixedNow(NOON)) as store:
        yield StoreBench(store, folder, leased=True)


MAKERS = [
    in_memory,
    in_a_file,
    alone_over_sqlite,
    leased_over_sqlite,
    pytest.param(leased_over_postgres, marks=pytest.mark.postgres),
]


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    with request.param(tmp_path) as bench:

        def queued(**changes: object) -> Bench:
            bench.queue(1, **changes)
            actual: Bench = bench
            return actual

        yield queued


def begun(bench: Bench, attempt: str = "try") -> NoticeRow:
    assert bench.outbox.start_attempt(1, attempt, "boot", NOON) is not None
    return bench.row(1)


def test_a_queued_row_is_due_and_beginning_writes_intent(
    make: Callable[..., Bench],
) -> None:
    bench = make()

    ids = [row.id for row in bench.outbox.list_due(NOON, 10)]
    sent = bench.outbox.start_attempt(1, "try", "boot", NOON)
    row = bench.row(1)

    assert ids == [1]
    assert sent is not None
    assert sent.attempt_id == "try"
    assert (row.status, row.attempt_id, row.intent_at) == (DeliveryStatus.SENDING, "try", NOON)
    assert bench.outbox.list_due(NOON, 10) == []


def test_a_row_with_intent_is_never_begun_again(make: Callable[..., Bench]) -> None:
    bench = make()
    begun(bench)

    assert bench.outbox.start_attempt(1, "again", "boot", NOON + timedelta(hours=9)) is None
    assert bench.row(1).attempt_id == "try"


@pytest.mark.parametrize("result", [HANDED_OVER, BOUNCED, UNKNOWN])
def test_an_end_is_an_end(make: Callable[..., Bench], result: SendResult) -> None:
    bench = make()
    begun(bench)

    bench.outbox.finish_attempt(1, "try", result, NOON, None)
    row = bench.row(1)

    assert row.status.value == result.outcome.value
    assert row.smtp_reply == result.reply
    assert bench.outbox.start_attempt(1, "again", "boot", LATER) is None
    assert bench.outbox.list_due(NOON + timedelta(days=1), 10) == []


def test_handing_over_is_timed(make: Callable[..., Bench]) -> None:
    bench = make()
    begun(bench)

    bench.outbox.finish_attempt(1, "try", HANDED_OVER, LATER, None)

    assert bench.row(1).handed_over_at == LATER


def test_a_deferred_row_comes_back_at_its_time(make: Callable[..., Bench]) -> None:
    bench = make()
    begun(bench)

    bench.outbox.finish_attempt(1, "try", DEFERRED, NOON, LATER)

    assert bench.outbox.list_due(NOON, 10) == []
    assert bench.outbox.start_attempt(1, "early", "boot", NOON) is None
    assert [row.id for row in bench.outbox.list_due(LATER, 10)] == [1]
    assert bench.outbox.start_attempt(1, "second", "boot", LATER) is not None
    assert bench.row(1).attempts == 2


def test_finishing_twice_changes_nothing(make: Callable[..., Bench]) -> None:
    bench = make()
    begun(bench)
    bench.outbox.finish_attempt(1, "try", HANDED_OVER, NOON, None)
    first = bench.row(1)

    bench.outbox.finish_attempt(1, "try", HANDED_OVER, LATER, None)
    bench.outbox.finish_attempt(1, "try", UNKNOWN, LATER, None)
    bench.outbox.finish_attempt(1, "stranger", BOUNCED, LATER, None)

    assert bench.row(1) == first


@pytest.mark.parametrize(
    ("late", "status"),
    [
        (HANDED_OVER, DeliveryStatus.HANDED_OVER),
        (BOUNCED, DeliveryStatus.BOUNCED),
        (DEFERRED, DeliveryStatus.UNKNOWN),
    ],
)
def test_a_late_end_may_settle_an_unknown_and_never_reopens_it(
    make: Callable[..., Bench], late: SendResult, status: DeliveryStatus
) -> None:
    bench = make()
    begun(bench)
    bench.kill_boot()
    bench.outbox.recover("next boot", LATER)

    bench.outbox.finish_attempt(1, "try", late, LATER, LATER)

    assert bench.row(1).status is status
    assert bench.outbox.list_due(NOON + timedelta(days=1), 10) == []


def test_what_a_dead_process_was_sending_becomes_unknown(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    begun(bench)

    assert bench.outbox.recover("boot", NOON) == 0
    bench.kill_boot()
    assert bench.outbox.recover("next boot", NOON) == 1
    assert bench.outbox.recover("next boot", NOON) == 0
    assert bench.row(1).status is DeliveryStatus.UNKNOWN
    assert bench.row(1).status_reason


def test_a_row_past_its_time_expires(make: Callable[..., Bench]) -> None:
    bench = make(expires_at=LATER)

    assert bench.outbox.start_attempt(1, "try", "boot", LATER) is None
    assert bench.row(1).status is DeliveryStatus.EXPIRED


def test_a_row_whose_approval_or_text_changed_is_skipped(
    make: Callable[..., Bench],
) -> None:
    bench = make(rendered_hash="f" * 64)

    assert bench.outbox.start_attempt(1, "try", "boot", NOON) is None
    assert bench.row(1).status is DeliveryStatus.SKIPPED


def test_nothing_begins_while_paused_and_all_goes_on_after(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    bench.pause(paused=True)

    assert bench.outbox.start_attempt(1, "try", "boot", NOON) is None
    assert bench.row(1).status is DeliveryStatus.QUEUED
    bench.pause(paused=False)
    assert bench.outbox.start_attempt(1, "try", "boot", NOON) is not None


def test_due_gives_no_more_than_asked_for(make: Callable[..., Bench]) -> None:
    bench = make()
    for number in range(2, 6):
        bench.queue(number)
    ids = [row.id for row in bench.outbox.list_due(NOON, 3)]

    assert len(set(ids)) == 3
    assert ids == [1, 2, 3] or not bench.in_order


@pytest.mark.parametrize("end", [HANDED_OVER, BOUNCED, UNKNOWN])
@pytest.mark.parametrize(
    "adapter",
    [alone_over_sqlite, pytest.param(leased_over_postgres, marks=pytest.mark.postgres)],
)
def test_a_row_that_has_ended_and_was_set_back_by_hand_does_not_leave_again(
    adapter: Callable[[Path], AbstractContextManager[StoreBench]], end: SendResult, tmp_path: Path
) -> None:
    with adapter(tmp_path) as bench:
        bench.queue(1)
        begun(bench)
        bench.outbox.finish_attempt(1, "try", end, NOON, None)
        fresh = {"attempt_id": None, "attempts": 0, "intent_at": None, "handed_over_at": None}
        bench.queue(1, **fresh)

        assert [row.id for row in bench.outbox.list_due(NOON, 10)] == [1]
        assert bench.outbox.start_attempt(1, "again", "boot", LATER) is None
        assert bench.row(1).status is DeliveryStatus.SKIPPED
        assert "audit trail" in bench.row(1).status_reason
