"""The mail dispatcher, wired: the only one of a data folder, or one of several over a shared store."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

from breachdesk.bootstrap.house import Premises, holding
from breachdesk.bootstrap.logs import set_up_logs, spoken
from breachdesk.bootstrap.mail_watch import MailWatch
from breachdesk.bootstrap.observing import WatchedChannel
from breachdesk.casework import mail_hold
from breachdesk.casework.dispatchers import LEASE_SECONDS, Dispatchers, LeasedDispatchers
from breachdesk.casework.outbox import StoreOutbox
from notifiers.channels import channel_for
from notifiers.dispatch import Dispatcher
from notifiers.heartbeat import Heartbeat
from schemas.errors import Retryable
from streams.stop_deadline import StopDeadline, begin_on_signal

Say = Callable[[str], None]
MOST_AT_ONCE = 10_000
OPERATOR = "operator:cli"
STOP_SECONDS = 50.0
"""A slow message may end within it; supervisors are told to wait 60 seconds."""


def dispatcher(
    house: Premises,
    boot_id: str,
    *,
    lease_seconds: float = LEASE_SECONDS,
    say: Say | None = None,
    watch: MailWatch | None = None,
) -> Dispatcher:
    """The outbox's loop over the first sender's channel. Over a store in the data folder the
    caller holds the folder's dispatch lock; over a shared one leases tell dispatchers apart."""
    shared = house.settings.store.distributed
    others: Dispatchers | None = LeasedDispatchers(house.store, lease_seconds) if shared else None
    pulse = None if shared else Heartbeat(house.now, file=heartbeat_file(house))
    outbox = StoreOutbox(house.store, house.settings, house.renderer, others)
    channel = channel_for(house.sender())
    if watch is not None:
        channel = WatchedChannel(channel, watch.tracer)
    policy = house.settings.notices
    made = Dispatcher(outbox, channel, house.now, policy, boot_id, heartbeat=pulse, say=say)
    if watch is not None:
        made.meter = watch.meter
    return made


def heartbeat_file(house: Premises) -> Path:
    """Deleting it is a person's word that mail may go on after a gap."""
    return house.settings.data_dir / "dispatch.heartbeat"


async def send_due(house: Premises) -> int:
    """One round: how many were tried. Raises Retryable when another process sends from this folder
    and NotAllowed when mail is held."""
    sender = dispatcher(house, uuid.uuid4().hex)
    try:
        return await sender.run_once(limit=MOST_AT_ONCE)
    finally:
        await sender.close()


def dispatch(
    house: Premises,
    stop: threading.Event,
    say: Say | None = None,
    watch: MailWatch | None = None,
) -> None:
    """Send what is due until `stop`. Raises Retryable when another process sends from the folder;
    over a shared store there may be many."""
    if house.settings.store.distributed:
        asyncio.run(_dispatch(house, stop, say, watch))
        return
    with holding(house.settings.data_dir, "dispatch") as alone:
        if not alone:
            raise Retryable(
                "another process sends from this folder",
                place=str(house.settings.data_dir),
                remedy="Stop it first.",
            )
        asyncio.run(_dispatch(house, stop, say, watch))


async def dispatch_until_signalled(
    house: Premises, say: Say, *, lease_seconds: float = LEASE_SECONDS
) -> None:
    """Send what is due until SIGTERM or SIGINT, which is honoured between messages. Raises
    Misconfigured when ops.port is taken."""
    set_up_logs(house.settings.ops)
    say = spoken(house.settings.ops, say)
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    deadline = StopDeadline(lambda: _end_overdue(say), STOP_SECONDS)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
        begin_on_signal(number, deadline)
    watch = MailWatch(house)
    boot_id = uuid.uuid4().hex
    sender = dispatcher(house, boot_id, lease_seconds=lease_seconds, say=say, watch=watch)
    async with watch.serving():
        say("sending what is due until this process is told to end")
        await sender.run(ending)
    deadline.cancel()


def _end_overdue(say: Say) -> None:
    """End the process at once: a database that is stopped without closing its connections answers
    no call, and no call to it can be ended. A message on the wire becomes `unknown`, as after
    `kill -9`."""
    say(f"ends now: {STOP_SECONDS:.0f} seconds after it was told to stop a call still waits")
    sys.stdout.flush()
    os._exit(0)


def release(house: Premises) -> str:
    """A person says that mail may go on; audited. Returns why it was held in a shared store."""
    heartbeat_file(house).unlink(missing_ok=True)
    server, now = house.store.identity(), house.now()
    return house.store.act(lambda uow: mail_hold.release(uow, server, OPERATOR, now))


async def _dispatch(
    house: Premises, stop: threading.Event, say: Say | None, watch: MailWatch | None
) -> None:
    """The dispatcher lives in its own loop; the threads' stop is waited for in a thread."""
    ending = asyncio.Event()
    sender = dispatcher(house, uuid.uuid4().hex, say=say, watch=watch)
    running = asyncio.create_task(sender.run(ending))
    await asyncio.to_thread(stop.wait)
    ending.set()
    await running
