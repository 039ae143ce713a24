from __future__ import annotations

from datetime import datetime

import pytest
from prometheus_client import CollectorRegistry

from breachdesk.bootstrap.observability.metrics import PrometheusMailMetrics
from notifiers.delivery.dispatch import NoticeDispatcher
from notifiers.testing.channels import NOON, build_notice_row, build_outgoing
from notifiers.testing.sqlite_outbox import SqliteOutbox
from schemas.casework.notice import OutgoingMessage, SendOutcome, SendResult
from schemas.errors import NotAllowed
from schemas.settings import NoticePolicy

ENDS = [SendOutcome.HANDED_OVER, SendOutcome.BOUNCED, SendOutcome.HANDED_OVER]


class Post:
    """Answers in turn; after the last answer the connection breaks."""

    def __init__(self) -> None:
        self.left = list(ENDS)

    async def send(self, letter: OutgoingMessage) -> SendResult:
        if not self.left:
            raise ConnectionResetError(letter.to_email)
        return SendResult(outcome=self.left.pop(0))

    async def close(self) -> None:
        pass


class Held(SqliteOutbox):
    """Holds mail for as long as a test says why."""

    why = ""

    def find_hold(self, now: datetime) -> str:
        return self.why


def dispatcher(registry: CollectorRegistry, count: int) -> NoticeDispatcher:
    outbox = SqliteOutbox()
    for number in range(1, count + 1):
        outbox.add_row(build_notice_row(number), build_outgoing(number))
    sender = NoticeDispatcher(outbox, Post(), lambda: NOON, NoticePolicy(), "boot")
    sender.meter = PrometheusMailMetrics(registry)
    return sender


async def test_every_try_is_counted_by_how_it_ended() -> None:
    registry = CollectorRegistry()

    await dispatcher(registry, 4).run_once()

    counted = {
        outcome: registry.get_sample_value("breachdesk_notices_total", {"outcome": outcome})
        for outcome in SendOutcome
    }
    assert counted == {
        "handed_over": 2,
        "bounced": 1,
        "unknown": 1,
        "deferred": 0,
        "unsendable": 0,
    }


async def test_a_hold_is_told_with_its_reason_and_its_end() -> None:
    outbox = Held()
    outbox.add_row(build_notice_row(1), build_outgoing(1))
    sender = NoticeDispatcher(outbox, Post(), lambda: NOON, NoticePolicy(), "boot")
    meter = sender.meter = PrometheusMailMetrics(CollectorRegistry())
    outbox.why = "the machine was asleep"

    with pytest.raises(NotAllowed):
        await sender.run_once()
    why_held = meter.why_held
    outbox.why = ""
    await sender.run_once()

    assert "asleep" in why_held
    assert meter.why_held == ""
