"""Several dispatchers over one store: who may begin, whose rows are in doubt, and what holds
all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from waiting_letters import (
    LetterRows,
    approve_letters,
    established,
    mail_settings,
    renderer,
    shared_store,
)

from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.attempt_comparison import STORE_IS_OLDER
from breachdesk.casework.delivery.dispatchers import LeasedDispatchers
from breachdesk.casework.delivery.installation import LAST, SendingInstallation
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.ports import Store, UnitOfWork
from breachdesk.testing import FixedNow, make_store
from notifiers.testing.channels import NOON
from schemas.casework.notice import (
    DeliveryStatus,
    NoticeRow,
    OutgoingMessage,
    SendOutcome,
    SendResult,
)

HANDED_OVER = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")
LEASE = 1.0
LETTERS = 6


@dataclass
class Scenario:
    """Six letters wait. `now` is the machine's time; a lease runs on the store's own."""

    store: Store
    now: FixedNow
    folder: Path
    wait: Callable[[float], None]
    dispatchers: int = 0

    def __post_init__(self) -> None:
        self.letters = LetterRows(self.store)
        self.settings = mail_settings(self.folder)
        approve_letters(self.store, self.settings, LETTERS)

    def outbox(self, boot_id: str = "", *, seconds: float = LEASE) -> StoreOutbox:
        """One dispatcher's outbox, entered when a boot id is named."""
        others = LeasedDispatchers(self.store, seconds)
        outbox = StoreOutbox(self.store, self.settings, renderer(), self.place(), others)
        if boot_id:
            outbox.enter(boot_id, self.now())
        return outbox

    def place(self) -> SendingInstallation:
        """Each dispatcher has files of its own."""
        self.dispatchers += 1
        return established(self.store, self.folder, shared=True, number=self.dispatchers)

    def begin(self, outbox: StoreOutbox, boot_id: str, row_id: int = 1) -> OutgoingMessage | None:
        return outbox.start_attempt(row_id, f"try-{row_id}-{boot_id}", boot_id, self.now())

    def outlive_lease(self) -> None:
        self.now.advance(seconds=LEASE)
        self.wait(LEASE + 0.2)

    def row(self, row_id: int = 1) -> NoticeRow:
        return self.letters.row(row_id)

    def mark(self, name: str, value: str) -> None:
        self.store.write(lambda uow: uow.marks.set(name, value))

    def marked(self, name: str) -> str | None:
        return self.store.read(lambda uow: uow.marks.get(name))

    def release(self) -> str:
        server = self.store.get_server_identity()
        return self.store.write(
            lambda uow: mail_hold.release_hold(uow, server, "operator", self.now())
        )

    def audited(self) -> list[str]:
        def work(uow: UnitOfWork) -> list[str]:
            return [entry.act for entry in uow.audit.list_entries(subject="dispatch")]

        return self.store.read(work)


@contextmanager
def over_sqlite(folder: Path) -> Iterator[Scenario]:
    now = FixedNow(NOON)
    with make_store(now) as store:
        yield Scenario(store, now, folder, lambda _: None)


@contextmanager
def over_postgres(folder: Path) -> Iterator[Scenario]:
    now = FixedNow(NOON)
    with shared_store(now) as store:
        yield Scenario(store, now, folder, time.sleep)


@pytest.fixture(params=[over_sqlite, pytest.param(over_postgres, marks=pytest.mark.postgres)])
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scenario]:
    with request.param(tmp_path) as result:
        yield result


def test_rows_of_a_dispatcher_that_lives_are_left_alone(scenario: Scenario) -> None:
    one, two = scenario.outbox("one", seconds=60), scenario.outbox("two", seconds=60)
    scenario.begin(one, "one")

    assert two.recover("two", scenario.now()) == 0
    assert scenario.row().status is DeliveryStatus.SENDING
    assert scenario.begin(two, "two") is None
    assert scenario.begin(two, "two", row_id=2) is not None


def test_those_who_live_notice_a_dispatcher_that_died(scenario: Scenario) -> None:
    one, two = scenario.outbox("one"), scenario.outbox("two", seconds=8 * LEASE)
    scenario.begin(one, "one")
    scenario.outlive_lease()
    scenario.now.advance(seconds=LEASE)

    assert two.renew_lease("two", scenario.now())
    assert scenario.row().status is DeliveryStatus.UNKNOWN


def test_who_was_suspended_longer_than_its_lease_cannot_begin(scenario: Scenario) -> None:
    one = scenario.outbox("one")
    scenario.outlive_lease()

    assert scenario.begin(one, "one") is None
    assert scenario.row().status is DeliveryStatus.QUEUED
    assert not one.renew_lease("one", scenario.now())
    assert not one.renew_lease("one", scenario.now())
    one.enter("one again", scenario.now())
    assert scenario.begin(one, "one again") is not None


def test_a_late_end_of_a_suspended_dispatcher_still_settles(scenario: Scenario) -> None:
    one = scenario.outbox("one")
    scenario.begin(one, "one")
    scenario.outlive_lease()
    scenario.outbox("two").recover("two", scenario.now())
    doubtful = scenario.row().status
    one.finish_attempt(1, "try-1-one", HANDED_OVER, scenario.now(), None)

    assert doubtful is DeliveryStatus.UNKNOWN
    assert scenario.row().status is DeliveryStatus.HANDED_OVER


def test_a_lease_renewed_in_time_lives_on(scenario: Scenario) -> None:
    one = scenario.outbox("one", seconds=4 * LEASE)
    for _ in range(2):
        scenario.now.advance(seconds=2.5 * LEASE)
        scenario.wait(2.5 * LEASE)
        assert one.renew_lease("one", scenario.now())

    assert scenario.begin(one, "one") is not None


def test_who_leaves_in_order_is_not_waited_for(scenario: Scenario) -> None:
    one, two = scenario.outbox("one", seconds=60), scenario.outbox("two", seconds=60)
    scenario.begin(one, "one")
    one.leave("one", scenario.now())

    assert scenario.row().status is DeliveryStatus.UNKNOWN
    assert not one.renew_lease("one", scenario.now() + timedelta(minutes=1))
    assert scenario.begin(two, "two", row_id=2) is not None


def test_dispatchers_begin_at_different_rows_and_each_sees_all(scenario: Scenario) -> None:
    boots = [f"boot {number}" for number in range(8)]
    orders = [
        [row.id for row in scenario.outbox(boot).list_due(scenario.now(), LETTERS)]
        for boot in boots
    ]

    assert {tuple(sorted(order)) for order in orders} == {tuple(range(1, LETTERS + 1))}
    assert len({order[0] for order in orders}) > 1


def test_the_database_server_is_noted_before_the_first_letter(scenario: Scenario) -> None:
    scenario.outbox("one")

    assert (scenario.marked(mail_hold.SERVER_MARK) or "") == scenario.store.get_server_identity()
    assert scenario.marked(mail_hold.HEARTBEAT_MARK) == scenario.now().isoformat()


def test_another_database_server_holds_all_mail_until_a_person_releases_it(
    scenario: Scenario,
) -> None:
    one, two = scenario.outbox("one", seconds=60), scenario.outbox("two", seconds=60)
    scenario.begin(one, "one")
    scenario.mark(mail_hold.SERVER_MARK, "the server before")

    assert scenario.begin(two, "two", row_id=2) is None
    assert scenario.row(1).status is DeliveryStatus.UNKNOWN
    assert "database server" in scenario.row(1).status_reason
    assert (
        one.find_hold(scenario.now()) == two.find_hold(scenario.now()) == mail_hold.AFTER_FAILOVER
    )
    assert scenario.begin(one, "one", row_id=3) is None
    assert scenario.release() == mail_hold.AFTER_FAILOVER
    assert one.find_hold(scenario.now()) == ""
    assert scenario.marked(mail_hold.SERVER_MARK) == scenario.store.get_server_identity()
    assert scenario.begin(one, "one", row_id=3) is not None
    assert scenario.audited() == ["dispatch:held", "dispatch:released"]


def test_a_dispatcher_that_starts_after_a_failover_holds_all_mail(scenario: Scenario) -> None:
    one = scenario.outbox("one", seconds=60)
    scenario.mark(mail_hold.SERVER_MARK, "the server before")
    scenario.outbox("two", seconds=60)

    assert one.find_hold(scenario.now()) == mail_hold.AFTER_FAILOVER


def test_mail_that_is_due_after_a_silence_of_all_is_held(scenario: Scenario) -> None:
    scenario.outbox("one").leave("one", scenario.now())
    scenario.now.advance(minutes=6)
    two = scenario.outbox("two")

    assert two.find_hold(scenario.now()) == mail_hold.AFTER_GAP
    assert scenario.begin(two, "two") is None
    assert scenario.release() == mail_hold.AFTER_GAP
    assert scenario.begin(scenario.outbox("three"), "three") is not None


def test_a_silence_in_which_nothing_was_due_holds_nothing(scenario: Scenario) -> None:
    scenario.outbox("one").leave("one", scenario.now())
    for row in scenario.letters.rows():
        scenario.letters.change(row.id, status=DeliveryStatus.HANDED_OVER)
    scenario.now.advance(minutes=6)

    assert scenario.outbox("two").find_hold(scenario.now()) == ""


def test_mail_that_was_stopped_in_a_silence_is_held_and_expires_by_no_wrong_clock(
    scenario: Scenario,
) -> None:
    breach_id = scenario.row().breach_id
    scenario.letters.pause(breach_id, paused=True)
    scenario.outbox("one").leave("one", scenario.now())
    scenario.now.advance(days=9)
    two = scenario.outbox("two")
    scenario.letters.pause(breach_id, paused=False)

    assert two.find_hold(scenario.now()) == mail_hold.AFTER_GAP
    assert two.list_due(scenario.now(), LETTERS) == []
    assert {row.status for row in scenario.letters.rows()} == {DeliveryStatus.QUEUED}


def test_a_database_that_forgot_what_a_dispatcher_began_holds_all_mail(scenario: Scenario) -> None:
    one = scenario.outbox("one", seconds=60)
    assert scenario.begin(one, "one", row_id=1)
    names = scenario.store.read(lambda uow: uow.marks.list_names(LAST))
    before = {name: scenario.marked(name) or "" for name in names}
    assert scenario.begin(one, "one", row_id=2)
    # As a base backup that is put back cold: the same server, and rows of before.
    for name, value in before.items():
        scenario.mark(name, value)
    forgotten = {
        "status": DeliveryStatus.QUEUED,
        "attempt_id": None,
        "attempts": 0,
        "intent_at": None,
    }
    scenario.letters.change(2, **forgotten)

    assert scenario.begin(one, "one", row_id=2) is None
    assert one.find_hold(scenario.now()) == STORE_IS_OLDER
    assert scenario.begin(scenario.outbox("two", seconds=60), "two", row_id=2) is None
    assert scenario.release() == STORE_IS_OLDER
    assert one.find_hold(scenario.now()) == ""
    assert scenario.begin(one, "one", row_id=2) is not None


def test_a_dispatcher_created_again_on_the_same_volume_knows_what_its_forerunner_began(
    scenario: Scenario,
) -> None:
    one = scenario.outbox("one", seconds=60)
    assert scenario.begin(one, "one", row_id=1)
    names = scenario.store.read(lambda uow: uow.marks.list_names(LAST))
    before = {name: scenario.marked(name) or "" for name in names}
    assert scenario.begin(one, "one", row_id=2)
    one.leave("one", scenario.now())
    scenario.dispatchers = 0  # the same files
    heir = scenario.outbox("two", seconds=60)
    goes_on = scenario.begin(heir, "two", row_id=3) is not None
    heir.leave("two", scenario.now())
    for name, value in before.items():
        scenario.mark(name, value)
    scenario.dispatchers = 0
    third = scenario.outbox("three", seconds=60)

    assert goes_on
    assert third.find_hold(scenario.now()) == STORE_IS_OLDER
    assert scenario.begin(third, "three", row_id=4) is None


def test_a_dispatcher_that_comes_without_files_is_new_and_no_copy(scenario: Scenario) -> None:
    one = scenario.outbox("one", seconds=60)
    scenario.begin(one, "one")
    two = scenario.outbox("two", seconds=60)

    assert two.find_hold(scenario.now()) == ""
    assert scenario.begin(two, "two", row_id=2) is not None


def test_a_short_restart_holds_nothing(scenario: Scenario) -> None:
    scenario.outbox("one").leave("one", scenario.now())
    scenario.now.advance(minutes=4)

    assert scenario.outbox("two").find_hold(scenario.now()) == ""


class Movable(LeasedDispatchers):
    """The database server is another one when a test says so."""

    server = "7000000000000000000/1"

    def get_server_identity(self) -> str:
        return self.server


def test_what_the_new_database_server_does_not_know_is_written_down_again(
    scenario: Scenario,
) -> None:
    others = Movable(scenario.store, 60)
    scenario.mark(mail_hold.SERVER_MARK, others.server)
    outbox = StoreOutbox(scenario.store, scenario.settings, renderer(), scenario.place(), others)
    outbox.enter("one", scenario.now())
    for row_id in (1, 2, 3):
        assert scenario.begin(outbox, "one", row_id)
    outbox.finish_attempt(1, "try-1-one", HANDED_OVER, scenario.now(), None)
    for row_id in (1, 2):
        forgotten = {
            "status": DeliveryStatus.QUEUED,
            "attempt_id": None,
            "attempts": 0,
            "intent_at": None,
        }
        scenario.letters.change(row_id, **forgotten)
    others.server = "7000000000000000000/2"

    assert scenario.begin(outbox, "one", 4) is None
    assert outbox.find_hold(scenario.now()) == mail_hold.AFTER_FAILOVER
    assert [scenario.row(n).status for n in (1, 2, 3)] == [
        DeliveryStatus.HANDED_OVER,
        DeliveryStatus.UNKNOWN,
        DeliveryStatus.UNKNOWN,
    ]
    outbox.finish_attempt(2, "try-2-one", HANDED_OVER, scenario.now(), None)
    assert scenario.row(2).status is DeliveryStatus.HANDED_OVER
