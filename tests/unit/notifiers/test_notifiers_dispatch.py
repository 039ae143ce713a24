from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from notifiers.delivery.dispatch import NoticeDispatcher
from notifiers.delivery.heartbeat import ClockHeartbeat
from notifiers.testing.channels import NOON, build_notice_row, build_outgoing
from notifiers.testing.sqlite_outbox import SqliteOutbox
from schemas.casework.notice import DeliveryStatus, OutgoingMessage, SendOutcome, SendResult
from schemas.errors import BadInput, NotAllowed, RetryableError
from schemas.settings import NoticePolicy

HANDED_OVER = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")
DEFERRED = SendResult(outcome=SendOutcome.DEFERRED, reply="451 4.3.0")


class Clock:
    """Wall clock and machine clock, moved together or apart."""

    def __init__(self) -> None:
        self.wall = NOON
        self.machine = 0.0

    def now(self) -> datetime:
        return self.wall

    def pass_time(self, minutes: float) -> None:
        self.wall += timedelta(minutes=minutes)
        self.machine += minutes * 60

    def monotonic(self) -> float:
        return self.machine


class Post:
    """A channel that answers as told, and remembers what it was given."""

    def __init__(
        self, answer: Callable[[OutgoingMessage], SendResult] = lambda _: HANDED_OVER
    ) -> None:
        self.answer = answer
        self.sent: list[int] = []
        self.closed = False

    async def send(self, outgoing: OutgoingMessage) -> SendResult:
        self.sent.append(outgoing.row_id)
        return self.answer(outgoing)

    async def close(self) -> None:
        self.closed = True


def queued(count: int, outbox: SqliteOutbox | None = None) -> SqliteOutbox:
    outbox = outbox or SqliteOutbox()
    for number in range(1, count + 1):
        outbox.add_row(build_notice_row(number), build_outgoing(number))
    return outbox


def dispatcher(
    outbox: SqliteOutbox, post: Post, clock: Clock, boot: str = "boot"
) -> NoticeDispatcher:
    heartbeat = ClockHeartbeat(monotonic=clock.monotonic)
    return NoticeDispatcher(outbox, post, clock.now, NoticePolicy(), boot, heartbeat=heartbeat)


async def test_every_due_row_is_tried_once_and_ends() -> None:
    outbox, post = queued(5), Post()
    sender = dispatcher(outbox, post, Clock())

    tried = await sender.run_once()

    assert tried == 5
    assert post.sent == [1, 2, 3, 4, 5]
    assert {row.status for row in outbox.list_rows()} == {DeliveryStatus.HANDED_OVER}
    assert await sender.run_once() == 0


async def test_a_deferred_row_is_tried_again_by_policy_and_ends_when_its_time_is_over() -> None:
    outbox, post, clock = queued(1), Post(lambda _: DEFERRED), Clock()
    sender = dispatcher(outbox, post, clock)
    tried = []
    while len(tried) < 7:
        if await sender.run_once():
            tried.append(clock.now())
        clock.pass_time(1)

    waits = [(b - a) / timedelta(minutes=1) for a, b in pairwise(tried)]
    assert waits == [5, 15, 30, 60, 60, 60]
    clock.pass_time(60 * 73)
    with pytest.raises(NotAllowed):
        await sender.run_once()
    outbox.release_hold()
    assert await sender.run_once() == 0
    assert outbox.get_row(1).status is DeliveryStatus.EXPIRED


@pytest.mark.parametrize("outcome", [SendOutcome.UNKNOWN, SendOutcome.BOUNCED])
async def test_an_unknown_or_bounced_row_is_never_tried_again(outcome: SendOutcome) -> None:
    outbox, clock = queued(1), Clock()
    post = Post(lambda _: SendResult(outcome=outcome))
    sender = dispatcher(outbox, post, clock)
    await sender.run_once()
    clock.pass_time(60 * 24)

    assert await sender.run_once() == 0
    assert post.sent == [1]
    assert outbox.get_row(1).next_attempt_at is None


async def test_whatever_a_channel_raises_after_intent_the_row_is_unknown() -> None:
    def explode(_: OutgoingMessage) -> SendResult:
        raise RuntimeError("to: ann@hartwell-dental.example")

    outbox = queued(2)
    await dispatcher(outbox, Post(explode), Clock()).run_once()

    assert [row.status for row in outbox.list_rows()] == [DeliveryStatus.UNKNOWN] * 2
    assert all("@" not in row.smtp_reply + row.status_reason for row in outbox.list_rows())


async def test_the_kill_switch_works_between_two_messages() -> None:
    outbox = queued(5)

    def pause_at_two(message: OutgoingMessage) -> SendResult:
        outbox.paused = message.row_id == 2
        return HANDED_OVER

    post = Post(pause_at_two)
    await dispatcher(outbox, post, Clock()).run_once()

    assert post.sent == [1, 2]
    assert [row.status for row in outbox.list_rows()][2:] == [DeliveryStatus.QUEUED] * 3


async def test_a_row_whose_letter_changed_since_approval_is_not_sent() -> None:
    outbox, post = SqliteOutbox(), Post()
    outbox.add_row(build_notice_row(1, rendered_hash="f" * 64), build_outgoing(1))

    assert await dispatcher(outbox, post, Clock()).run_once() == 0
    assert post.sent == []
    assert outbox.get_row(1).status is DeliveryStatus.SKIPPED


async def test_rows_of_a_dead_process_become_unknown_before_anything_is_sent() -> None:
    outbox, post = queued(2), Post()
    outbox.start_attempt(1, "try", "dead boot", NOON)

    await dispatcher(outbox, post, Clock()).run_once()

    assert [row.status for row in outbox.list_rows()] == [
        DeliveryStatus.UNKNOWN,
        DeliveryStatus.HANDED_OVER,
    ]
    assert post.sent == [2]


@pytest.mark.parametrize("reply", ["421 4.7.0", "no connection: lost"])
async def test_a_server_that_is_down_is_not_asked_once_for_every_customer(reply: str) -> None:
    result = SendResult(outcome=SendOutcome.DEFERRED, reply=reply)
    outbox, post = queued(50), Post(lambda _: result)

    assert await dispatcher(outbox, post, Clock()).run_once() == 1
    assert [row.status for row in outbox.list_rows()][1:] == [DeliveryStatus.QUEUED] * 49


async def test_an_end_that_the_store_could_not_take_is_written_first_thing() -> None:
    class Forgetful(SqliteOutbox):
        refuses = True

        def finish_attempt(self, *end: object) -> None:
            if self.refuses:
                raise RetryableError("the store is busy", place="store", remedy="Try again.")
            super().finish_attempt(*end)  # type: ignore[arg-type]  # passed through

    outbox, post = Forgetful(), Post()
    queued(2, outbox)
    sender = dispatcher(outbox, post, Clock())
    with pytest.raises(RetryableError):
        await sender.run_once()
    outbox.refuses = False
    await sender.run_once()

    assert post.sent == [1, 2]
    assert [row.status for row in outbox.list_rows()] == [DeliveryStatus.HANDED_OVER] * 2


async def test_a_row_that_cannot_begin_stops_no_other_and_says_why() -> None:
    class Torn(SqliteOutbox):
        def start_attempt(self, row_id: int, *rest: object) -> OutgoingMessage | None:
            if row_id == 1:
                raise BadInput("`firm` is undefined", place="template letter.j2, line 3")
            return super().start_attempt(row_id, *rest)  # type: ignore[arg-type]  # passed through

    outbox, post = Torn(), Post()
    queued(3, outbox)
    sender = dispatcher(outbox, post, Clock())

    assert await sender.run_once() == 2
    assert sender.problems == {1: "template letter.j2, line 3: `firm` is undefined."}
    assert outbox.get_row(1).status is DeliveryStatus.QUEUED


class Leased(SqliteOutbox):
    """As where several dispatch: remembers who is there, ends leases, holds mail."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.ended: set[str] = set()
        self.why = ""
        self.asked = 0

    def enter(self, boot_id: str, now: datetime) -> None:
        self.heard.append(f"enter {boot_id}")

    def renew_lease(self, boot_id: str, now: datetime) -> bool:
        self.heard.append(f"stay {boot_id}")
        return boot_id not in self.ended

    def leave(self, boot_id: str, now: datetime) -> None:
        self.heard.append(f"leave {boot_id}")

    def find_hold(self, now: datetime) -> str:
        self.asked += 1
        return self.why


def sharing(
    outbox: SqliteOutbox, post: Post, clock: Clock, say: Callable[[str], None] | None = None
) -> NoticeDispatcher:
    return NoticeDispatcher(outbox, post, clock.now, NoticePolicy(), "boot", say=say)


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not so():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.01)


async def test_a_dispatcher_whose_lease_ran_out_goes_on_under_a_new_boot_id() -> None:
    outbox, post = Leased(), Post()
    sender = sharing(outbox, post, Clock())
    await sender.run_once()
    outbox.ended.add("boot")
    queued(1, outbox)
    outbox.start_attempt(1, "lost", "boot", NOON)
    await sender.run_once()
    await sender.close()
    entered = [heard.removeprefix("enter ") for heard in outbox.heard if "enter" in heard]

    assert entered[0] == "boot"
    assert len(set(entered)) == 2
    assert outbox.get_row(1).status is DeliveryStatus.UNKNOWN
    assert post.sent == []
    assert outbox.heard[-1] == f"leave {entered[1]}"


async def test_what_the_outbox_holds_is_not_sent_and_said_once() -> None:
    outbox, post, text, stop = Leased(), Post(), list[str](), asyncio.Event()
    queued(1, outbox)
    outbox.why = "another database server answers"
    running = asyncio.create_task(sharing(outbox, post, Clock(), text.append).run(stop))
    await until(lambda: outbox.asked >= 3)
    result = list(post.sent)
    outbox.why = ""
    await until(lambda: len(text) == 2 and bool(post.sent))
    stop.set()
    await running

    assert result == []
    assert post.sent == [1]
    assert len(text) == 2
    assert "another database server answers" in text[0]
    assert text[1] == "mail goes on"


async def test_however_slow_the_server_is_the_lease_is_renewed() -> None:
    class Slow(Post):
        async def send(self, outgoing: OutgoingMessage) -> SendResult:
            await until(lambda: outbox.heard.count("stay boot") >= 2)
            return await super().send(outgoing)

    outbox = Leased()
    queued(1, outbox)
    sender = sharing(outbox, Slow(), Clock())
    await sender.run_once()

    assert outbox.get_row(1).status is DeliveryStatus.HANDED_OVER


async def test_intent_of_which_nobody_knows_whether_it_was_written_ends_as_not_sent() -> None:
    class Torn(SqliteOutbox):
        torn = True

        def start_attempt(self, *attempt: object) -> OutgoingMessage | None:
            begun = super().start_attempt(*attempt)  # type: ignore[arg-type]  # passed through
            if self.torn:
                raise RetryableError("the connection was lost during the commit")
            return begun

    outbox, post, clock = Torn(), Post(), Clock()
    queued(1, outbox)
    sender = dispatcher(outbox, post, clock)
    with pytest.raises(RetryableError):
        await sender.run_once()
    outbox.torn = False
    await sender.run_once()
    deferred = outbox.get_row(1).status
    clock.pass_time(5)
    await sender.run_once()

    assert deferred is DeliveryStatus.DEFERRED
    assert post.sent == [1]
    assert outbox.get_row(1).status is DeliveryStatus.HANDED_OVER


@pytest.mark.parametrize(
    ("wall", "machine"),
    [(600, 1), (600, 600), (-600, 1)],
    ids=["suspended", "stopped", "restored to an earlier day"],
)
async def test_after_a_gap_nothing_is_sent_until_a_person_releases_it(
    wall: int, machine: int
) -> None:
    outbox, clock = queued(3), Clock()

    def sleep_after_one(message: OutgoingMessage) -> SendResult:
        if message.row_id == 1:
            clock.wall += timedelta(seconds=wall)
            clock.machine += machine
        return HANDED_OVER

    post = Post(sleep_after_one)
    sender = dispatcher(outbox, post, clock)
    with pytest.raises(NotAllowed, match="nobody was seen"):
        await sender.run_once()

    assert post.sent == [1]
    with pytest.raises(NotAllowed):
        await sender.run_once()
    outbox.release_hold()
    assert await sender.run_once() == 2


async def test_a_machine_that_slept_while_nothing_was_due_sends_what_comes_later() -> None:
    outbox, post, clock = queued(1), Post(), Clock()
    sender = dispatcher(outbox, post, clock)
    await sender.run_once()
    clock.pass_time(60 * 24)
    await sender.run_once()
    outbox.add_row(build_notice_row(2, expires_at=NOON + timedelta(days=9)), build_outgoing(2))

    assert await sender.run_once() == 1


@pytest.mark.parametrize("days", [4, -2])
async def test_a_clock_that_jumps_lets_nothing_expire_and_a_right_one_goes_on(days: int) -> None:
    outbox, post, clock = queued(3), Post(), Clock()
    sender = dispatcher(SqliteOutbox(), post, clock)
    await sender.run_once()
    sender = dispatcher(outbox, post, clock)
    outbox.paused = True
    await sender.run_once()
    outbox.paused = False
    clock.wall += timedelta(days=days)
    for _ in range(3):
        with pytest.raises(NotAllowed):
            await sender.run_once()
    statuses = {row.status for row in outbox.list_rows()}
    clock.wall -= timedelta(days=days)
    with pytest.raises(NotAllowed):
        await sender.run_once()
    outbox.release_hold()

    assert statuses == {DeliveryStatus.QUEUED}
    assert await sender.run_once() == 3


async def test_nobody_says_after_a_gap_that_it_lived_through_it() -> None:
    class Slow(Post):
        async def send(self, outgoing: OutgoingMessage) -> SendResult:
            clock.wall += timedelta(days=4)
            await asyncio.sleep(2.5)
            return await super().send(outgoing)

    outbox, clock = Leased(), Clock()
    queued(1, outbox)
    await dispatcher(outbox, Slow(), clock).run_once()

    assert outbox.heard == ["enter boot", "stay boot"], "the second is from before the letter"


async def test_stopping_is_honoured_between_two_messages() -> None:
    stop = asyncio.Event()

    def stop_at_two(message: OutgoingMessage) -> SendResult:
        if message.row_id == 2:
            stop.set()
        return HANDED_OVER

    post = Post(stop_at_two)
    await dispatcher(queued(9), post, Clock()).run(stop)

    assert post.sent == [1, 2]
    assert post.closed
