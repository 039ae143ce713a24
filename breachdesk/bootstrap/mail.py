"""Wire the mail dispatcher: the only one of a data folder, or one of several over a shared
store."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from breachdesk.bootstrap.container import Container, hold_lock
from breachdesk.bootstrap.observability.instrumented import InstrumentedChannel
from breachdesk.bootstrap.observability.logs import choose_printer, set_up_logs
from breachdesk.bootstrap.observability.mail_metrics import MailMonitor
from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.dispatchers import (
    LEASE_SECONDS,
    DispatcherMembership,
    LeasedDispatchers,
)
from breachdesk.casework.delivery.mail_release import HeldMail, get_held_mail
from breachdesk.casework.delivery.mail_release import record_unrecorded_send as record_held_left
from breachdesk.casework.delivery.mail_release import release_mail as release_held
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.ports import UnitOfWork
from notifiers.channels import open_channel
from notifiers.delivery.dispatch import NoticeDispatcher
from schemas.errors import RetryableError
from streams.stop_deadline import StopDeadline, start_on_signal

Say = Callable[[str], None]
MOST_AT_ONCE = 10_000
STOP_SECONDS = 50.0
"""A slow message may end within it; supervisors are told to wait 60 seconds."""


def build_dispatcher(
    container: Container,
    boot_id: str,
    *,
    lease_seconds: float = LEASE_SECONDS,
    say: Say | None = None,
    watch: MailMonitor | None = None,
) -> NoticeDispatcher:
    """Build the outbox's loop over the first sender's channel. Over a store in the data folder the
    caller holds the folder's dispatch lock; over a shared one leases distinguish dispatchers."""
    shared = container.settings.store.distributed
    others: DispatcherMembership | None = (
        LeasedDispatchers(container.store, lease_seconds) if shared else None
    )
    place = container.open_installation()
    outbox = StoreOutbox(container.store, container.settings, container.renderer, place, others)
    channel = open_channel(container.get_sender())
    if watch is not None:
        channel = InstrumentedChannel(channel, watch.tracer)
    built = NoticeDispatcher(
        outbox, channel, container.now, container.settings.notices, boot_id, say=say
    )
    if watch is not None:
        built.meter = watch.meter
    return built


async def send_due(container: Container) -> int:
    """Run one round and return how many were tried. Raises RetryableError when another process
    sends from this folder and NotAllowed when mail is held."""
    sender = build_dispatcher(container, uuid.uuid4().hex)
    try:
        return await sender.run_once(limit=MOST_AT_ONCE)
    finally:
        await sender.close()


def run_dispatcher(
    container: Container,
    stop: threading.Event,
    say: Say | None = None,
    watch: MailMonitor | None = None,
) -> None:
    """Send what is due until `stop`. Raises RetryableError when another process sends from the
    folder; over a shared store there may be many."""
    if container.settings.store.distributed:
        asyncio.run(_run_loop(container, stop, say, watch))
        return
    with hold_lock(container.settings.data_dir, "dispatch") as alone:
        if not alone:
            raise RetryableError(
                "another process sends from this folder",
                place=str(container.settings.data_dir),
                remedy="Stop it first.",
            )
        asyncio.run(_run_loop(container, stop, say, watch))


async def dispatch_until_signalled(
    container: Container, say: Say, *, lease_seconds: float = LEASE_SECONDS
) -> None:
    """Send what is due until SIGTERM or SIGINT, which is honoured between messages. Raises
    ConfigurationError when ops.port is taken."""
    set_up_logs(container.settings.ops)
    say = choose_printer(container.settings.ops, say)
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    deadline = StopDeadline(lambda: _exit_overdue(say), STOP_SECONDS)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
        start_on_signal(number, deadline)
    watch = MailMonitor(container)
    boot_id = uuid.uuid4().hex
    sender = build_dispatcher(container, boot_id, lease_seconds=lease_seconds, say=say, watch=watch)
    async with watch.serve_operations():
        say("sending what is due until this process is told to end")
        await sender.run(ending)
    deadline.cancel()


def _exit_overdue(say: Say) -> None:
    """End the process at once: a database that is stopped without closing its connections answers
    no call, and no call to it can be ended. A message on the wire becomes `unknown`, as after
    `kill -9`."""
    say(f"ends now: {STOP_SECONDS:.0f} seconds after it was told to stop a call still waits")
    sys.stdout.flush()
    os._exit(0)


def read_held_mail(container: Container) -> HeldMail:
    """Read why mail is held, and what may have left without the store's knowledge."""
    now = container.now()
    return container.store.read(
        lambda uow: get_held_mail(uow, container.installation, container.settings, now)
    )


def release_mail(container: Container, user_id: str, *, let_expire: bool = False) -> HeldMail:
    """Release mail in the name of a person who has checked it; the audit records what was shown,
    which is returned. Raises as `breachdesk.casework.delivery.mail_release.release_mail`."""
    server, now = container.store.get_server_identity(), container.now()

    def release_hold(uow: UnitOfWork) -> HeldMail:
        _hold_in_doubt(container, uow, now)
        shown = get_held_mail(uow, container.installation, container.settings, now)
        release_held(uow, user_id, shown, server, now, let_expire=let_expire)
        return shown

    return container.store.write(release_hold)


def record_unrecorded_sends(
    container: Container, user_id: str, rows: Sequence[int], evidence: str
) -> None:
    """Record that these notices left, as that person found in the relay's log. Either all are
    changed or none."""
    now = container.now()

    def record_sends(uow: UnitOfWork) -> None:
        _hold_in_doubt(container, uow, now)
        for row_id in rows:
            record_held_left(uow, user_id, row_id, evidence, now)

    container.store.write(record_sends)


def _hold_in_doubt(container: Container, uow: UnitOfWork, now: datetime) -> None:
    """Hold mail that is in doubt, in case no dispatcher has checked yet."""
    doubt = container.installation.note_doubt(uow)
    if doubt:
        mail_hold.hold_mail(uow, doubt, now, {})


async def _run_loop(
    container: Container, stop: threading.Event, say: Say | None, watch: MailMonitor | None
) -> None:
    """Run the dispatcher in an event loop of its own; a thread waits for the threads' stop
    event."""
    ending = asyncio.Event()
    sender = build_dispatcher(container, uuid.uuid4().hex, say=say, watch=watch)
    running = asyncio.create_task(sender.run(ending))
    await asyncio.to_thread(stop.wait)
    ending.set()
    await running
