"""kill -9 of a dispatcher, twenty times over: at most one mail a row, and every end is honest."""

from __future__ import annotations

import email
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from smtp_server import smtp_server

from notifiers.testing.channels import NOON, build_notice_row, build_outgoing
from notifiers.testing.sqlite_outbox import SqliteOutbox
from schemas.casework.notice import DeliveryStatus, SendOutcome, SendResult

ROOT = Path(__file__).resolve().parents[2]
ROWS = 400
KILLS = 20


@dataclass
class Sink:
    """Takes every message, a little slowly, and logs its Message-ID and recipient."""

    log: list[tuple[str, str]] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content)
        self.log.append((str(message["Message-ID"]), *envelope.rcpt_tos))
        return "250 2.0.0 queued"


@pytest.fixture
def sink() -> Iterator[tuple[Sink, int]]:
    sink = Sink()
    with smtp_server(sink) as port:
        yield sink, port


def dispatch(file: Path, port: int, boot: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "notifiers.testing.scratch_dispatch",
        str(file),
        str(port),
        boot,
    ]
    return subprocess.Popen(command, cwd=ROOT)


def ended(outbox: SqliteOutbox) -> int:
    return sum(
        row.status not in (DeliveryStatus.QUEUED, DeliveryStatus.SENDING)
        for row in outbox.list_rows()
    )


def kill_midway(
    outbox: SqliteOutbox, process: subprocess.Popen[bytes], dice: random.Random
) -> None:
    """Once it has sent something more, at a moment of the dice's choosing."""
    before = ended(outbox)
    deadline = time.monotonic() + 120
    while ended(outbox) <= before and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(dice.random() * 0.02)
    process.kill()
    process.wait()


@pytest.mark.slow
def test_twenty_kills_send_no_row_twice_and_the_sinks_log_settles_every_unknown(
    tmp_path: Path, sink: tuple[Sink, int]
) -> None:
    console, port = sink
    file = tmp_path / "outbox.db"
    outbox = SqliteOutbox(file)
    for number in range(1, ROWS + 1):
        outbox.add_row(build_notice_row(number), build_outgoing(number))
    dice = random.Random(7)
    for kill in range(KILLS):
        kill_midway(outbox, dispatch(file, port, f"boot-{kill}"), dice)
    assert dispatch(file, port, "last boot").wait(300) == 0

    mails = Counter(message_id for message_id, _ in console.log)
    rows = outbox.list_rows()
    unknown = [row for row in rows if row.status is DeliveryStatus.UNKNOWN]
    by_id = {f"<{row.message_id}>": row for row in rows}

    assert set(mails.values()) == {1}
    assert {row.status for row in rows} <= {DeliveryStatus.HANDED_OVER, DeliveryStatus.UNKNOWN}
    assert all(f"<{r.message_id}>" in mails for r in rows if r.status is DeliveryStatus.HANDED_OVER)
    assert 0 < len(unknown) <= KILLS
    for message_id, recipient in console.log:
        assert recipient == f"{by_id[message_id].customer_id}@customers.example"
    for row in unknown:
        arrived = f"<{row.message_id}>" in mails
        outcome = SendOutcome.HANDED_OVER if arrived else SendOutcome.BOUNCED
        assert row.attempt_id is not None
        outbox.finish_attempt(row.id, row.attempt_id, SendResult(outcome=outcome), NOON, None)
        assert (outbox.get_row(row.id).status is DeliveryStatus.HANDED_OVER) == arrived
    assert sum(r.status is DeliveryStatus.HANDED_OVER for r in outbox.list_rows()) == sum(
        mails.values()
    )
