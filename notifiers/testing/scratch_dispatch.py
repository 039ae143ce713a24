"""Run a dispatcher over a scratch outbox file in a process of its own that a test may kill.

`python -m notifiers.testing.scratch_dispatch OUTBOX PORT BOOT`: sends all due rows to an
unprotected SMTP sink on loopback and ends when nothing is due."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from notifiers.channels import open_channel
from notifiers.delivery.dispatch import NoticeDispatcher
from notifiers.testing.channels import NOON
from notifiers.testing.sqlite_outbox import SqliteOutbox
from schemas.settings import NoticePolicy, SenderSettings, SmtpAuth, SmtpTls


async def send_all(file: Path, port: int, boot: str) -> None:
    """Run rounds of ten until a round attempts nothing."""
    sender = SenderSettings(
        from_email="notices@penhallow.example",
        host="127.0.0.1",
        port=port,
        tls=SmtpTls.NONE,
        auth=SmtpAuth.NONE,
        timeout_seconds=5.0,
    )
    channel = open_channel(sender)
    dispatcher = NoticeDispatcher(SqliteOutbox(file), channel, lambda: NOON, NoticePolicy(), boot)
    while await dispatcher.run_once(10):
        pass
    await channel.close()


if __name__ == "__main__":
    asyncio.run(send_all(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
