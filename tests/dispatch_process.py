"""One real dispatcher process over a shared store, and the sink it sends to, for tests.

It dispatches until SIGTERM. Its clock starts at the test's noon, so that letters with fixed dates
stay right.
"""

from __future__ import annotations

import asyncio
import email
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson
from aiosmtpd.smtp import SMTP, Envelope, Session
from smtp_server import smtp_server
from waiting_letters import mail_settings, smtp_sender
from warm_process import WarmProcess

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.mail import dispatch_until_signalled
from notifiers.testing.channels import NOON
from schemas.settings import StoreSettings


@dataclass(frozen=True)
class Orders:
    """Where the store and the sink are, when the test's noon was, and how long a lease lasts."""

    folder: str
    url: str
    schema: str
    port: int
    noon: float
    lease_seconds: float


@dataclass
class Sink:
    """Takes every message after a while, and logs its Message-ID before it says so."""

    seconds: float
    log: list[str] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.log.append(str(email.message_from_bytes(envelope.content)["Message-ID"]))
        await asyncio.sleep(self.seconds)
        return "250 2.0.0 queued"

    @property
    def times(self) -> Counter[str]:
        """How often each Message-ID came."""
        return Counter(self.log)


@contextmanager
def sink_on_loopback(seconds: float) -> Iterator[tuple[Sink, int]]:
    sink = Sink(seconds)
    with smtp_server(sink) as port:
        yield sink, port


def start(orders: Orders) -> WarmProcess:
    """A dispatcher; `wait_ready` says when it sends."""
    return WarmProcess(dispatch, orjson.dumps(asdict(orders)).decode())


def wait_ready(process: WarmProcess) -> None:
    """It has opened the store."""
    assert process.stdout.readline().startswith("sending")


def end(*processes: WarmProcess) -> None:
    """In order (SIGTERM); each must end well."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            code = process.wait(120)
        finally:
            process.kill()
            process.communicate()
        assert code == 0


def discard(*processes: WarmProcess) -> None:
    """kill -9, whatever state it is in."""
    for process in processes:
        process.kill()
        process.communicate()


def dispatch(words: str) -> None:
    orders = Orders(**orjson.loads(words))
    settings = mail_settings(Path(orders.folder), smtp_sender(orders.port)).model_copy(
        update={"store": StoreSettings(url=orders.url, schema_name=orders.schema)}
    )

    def now() -> datetime:
        return NOON + timedelta(seconds=time.time() - orders.noon)

    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    with Container(settings, now) as container:
        container.store.read(lambda uow: uow.marks.get("dispatch-held"))
        asyncio.run(dispatch_until_signalled(container, say, lease_seconds=orders.lease_seconds))
