"""What every outbox must do: notifiers.ports.Outbox. The real one joins by adding its maker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from notifiers.scratch_outbox import ScratchOutbox
from notifiers.testing import NOON, notice_row, outgoing
from schemas.notice import NoticeRow, SendOutcome, SendResult, Status

HANDED_OVER = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")
DEFERRED = SendResult(outcome=SendOutcome.DEFERRED, reply="451 4.3.0")
UNKNOWN = SendResult(outcome=SendOutcome.UNKNOWN)
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
LATER = NOON + timedelta(minutes=5)


def in_memory(_folder: Path) -> ScratchOutbox:
    return ScratchOutbox()


def in_a_file(folder: Path) -> ScratchOutbox:
    return ScratchOutbox(folder / "outbox.db")


@pytest.fixture(params=[in_memory, in_a_file], ids=lambda make: make.__name__)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., ScratchOutbox]:
    def queued(**changes: object) -> ScratchOutbox:
        outbox: ScratchOutbox = request.param(tmp_path)
        request.addfinalizer(outbox.close)
        outbox.queue(notice_row(1, **changes), outgoing(1))
        return outbox

    return queued


def begun(outbox: ScratchOutbox, attempt: str = "try") -> NoticeRow:
    assert outbox.begin(1, attempt, "boot", NOON) is not None
    return outbox.row(1)


def test_a_queued_row_is_due_and_beginning_writes_intent(
    make: Callable[..., ScratchOutbox],
) -> None:
    outbox = make()

    assert [row.id for row in outbox.due(NOON, 10)] == [1]
    sent = outbox.begin(1, "try", "boot", NOON)
    row = outbox.row(1)

    assert sent is not None
    assert sent.attempt_id == "try"
    assert (row.status, row.attempt_id, row.intent_at) == (Status.SENDING, "try", NOON)
    assert outbox.due(NOON, 10) == []


def test_a_row_with_intent_is_never_begun_again(make: Callable[..., ScratchOutbox]) -> None:
    outbox = make()
    begun(outbox)

    assert outbox.begin(1, "again", "boot", NOON + timedelta(hours=9)) is None
    assert outbox.row(1).attempt_id == "try"


@pytest.mark.parametrize("result", [HANDED_OVER, BOUNCED, UNKNOWN])
def test_an_end_is_an_end(make: Callable[..., ScratchOutbox], result: SendResult) -> None:
    outbox = make()
    begun(outbox)

    outbox.finish(1, "try", result, NOON, None)
    row = outbox.row(1)

    assert row.status.value == result.outcome.value
    assert row.smtp_reply == result.reply
    assert outbox.begin(1, "again", "boot", LATER) is None
    assert outbox.due(NOON + timedelta(days=1), 10) == []


def test_handing_over_is_timed(make: Callable[..., ScratchOutbox]) -> None:
    outbox = make()
    begun(outbox)

    outbox.finish(1, "try", HANDED_OVER, LATER, None)

    assert outbox.row(1).handed_over_at == LATER


def test_a_deferred_row_comes_back_at_its_time(make: Callable[..., ScratchOutbox]) -> None:
    outbox = make()
    begun(outbox)

    outbox.finish(1, "try", DEFERRED, NOON, LATER)

    assert outbox.due(NOON, 10) == []
    assert outbox.begin(1, "early", "boot", NOON) is None
    assert [row.id for row in outbox.due(LATER, 10)] == [1]
    assert outbox.begin(1, "second", "boot", LATER) is not None
    assert outbox.row(1).attempts == 2


def test_finishing_twice_changes_nothing(make: Callable[..., ScratchOutbox]) -> None:
    outbox = make()
    begun(outbox)
    outbox.finish(1, "try", HANDED_OVER, NOON, None)
    first = outbox.row(1)

    outbox.finish(1, "try", HANDED_OVER, LATER, None)
    outbox.finish(1, "try", UNKNOWN, LATER, None)
    outbox.finish(1, "stranger", BOUNCED, LATER, None)

    assert outbox.row(1) == first


@pytest.mark.parametrize(
    ("late", "status"),
    [
        (HANDED_OVER, Status.HANDED_OVER),
        (BOUNCED, Status.BOUNCED),
        (DEFERRED, Status.UNKNOWN),
    ],
)
def test_a_late_end_may_settle_an_unknown_and_never_reopens_it(
    make: Callable[..., ScratchOutbox], late: SendResult, status: Status
) -> None:
    outbox = make()
    begun(outbox)
    outbox.recover("next boot", LATER)

    outbox.finish(1, "try", late, LATER, LATER)

    assert outbox.row(1).status is status
    assert outbox.due(NOON + timedelta(days=1), 10) == []


def test_what_a_dead_process_was_sending_becomes_unknown(
    make: Callable[..., ScratchOutbox],
) -> None:
    outbox = make()
    begun(outbox)

    assert outbox.recover("boot", NOON) == 0
    assert outbox.recover("next boot", NOON) == 1
    assert outbox.recover("next boot", NOON) == 0
    assert outbox.row(1).status is Status.UNKNOWN
    assert outbox.row(1).status_reason


def test_a_row_past_its_time_expires(make: Callable[..., ScratchOutbox]) -> None:
    outbox = make(expires_at=LATER)

    assert outbox.begin(1, "try", "boot", LATER) is None
    assert outbox.row(1).status is Status.EXPIRED


def test_a_row_whose_approval_or_text_changed_is_skipped(
    make: Callable[..., ScratchOutbox],
) -> None:
    outbox = make(rendered_hash="f" * 64)

    assert outbox.begin(1, "try", "boot", NOON) is None
    assert outbox.row(1).status is Status.SKIPPED


def test_nothing_begins_while_paused_and_all_goes_on_after(
    make: Callable[..., ScratchOutbox],
) -> None:
    outbox = make()
    outbox.paused = True

    assert outbox.begin(1, "try", "boot", NOON) is None
    assert outbox.row(1).status is Status.QUEUED
    outbox.paused = False
    assert outbox.begin(1, "try", "boot", NOON) is not None


def test_due_gives_no_more_than_asked_for(make: Callable[..., ScratchOutbox]) -> None:
    outbox = make()
    for number in range(2, 6):
        outbox.queue(notice_row(number), outgoing(number))

    assert [row.id for row in outbox.due(NOON, 3)] == [1, 2, 3]
