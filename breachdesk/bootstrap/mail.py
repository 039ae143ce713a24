"""The mail dispatcher, wired: the only one of a data folder, or one of several over a shared store."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from breachdesk.bootstrap.house import Premises, holding
from breachdesk.bootstrap.logs import set_up_logs, spoken
from breachdesk.bootstrap.mail_watch import MailWatch
from breachdesk.bootstrap.observing import WatchedChannel
from breachdesk.casework import mail_hold
from breachdesk.casework.dispatchers import LEASE_SECONDS, Dispatchers, LeasedDispatchers
from breachdesk.casework.held_mail import HeldMail, held
from breachdesk.casework.held_mail import record_left as record_held_left
from breachdesk.casework.held_mail import release as release_held
from breachdesk.casework.outbox import StoreOutbox
from breachdesk.ports import UnitOfWork
from notifiers.channels import channel_for
from notifiers.dispatch import Dispatcher
from schemas.errors import Retryable
from streams.stop_deadline import StopDeadline, begin_on_signal

Say = Callable[[str], None]
MOST_AT_ONCE = 10_000
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
    place = house.own_installation()
    outbox = StoreOutbox(house.store, house.settings, house.renderer, place, others)
    channel = channel_for(house.sender())
    if watch is not None:
        channel = WatchedChannel(channel, watch.tracer)
    made = Dispatcher(outbox, channel, house.now, house.settings.notices, boot_id, say=say)
    if watch is not None:
        made.meter = watch.meter
    return made


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


def held_mail(house: Premises) -> HeldMail:
    """Why mail is held, and what may have left that the store does not know of."""
    now = house.now()
    return house.store.look(lambda uow: held(uow, house.installation, house.settings, now))


def release(house: Premises, user_id: str, *, let_expire: bool = False) -> HeldMail:
    """That person has looked and says that mail may go on; audited with what was shown, which is
    returned. Raises as `breachdesk.casework.held_mail.release`."""
    server, now = house.store.identity(), house.now()

    def work(uow: UnitOfWork) -> HeldMail:
        _hold_in_doubt(house, uow, now)
        shown = held(uow, house.installation, house.settings, now)
        release_held(uow, user_id, shown, server, now, let_expire=let_expire)
        return shown

    return house.store.act(work)


def record_left(house: Premises, user_id: str, rows: Sequence[int], evidence: str) -> None:
    """These notices left, as that person found in the relay's log: all of them, or none is
    changed."""
    now = house.now()

    def work(uow: UnitOfWork) -> None:
        _hold_in_doubt(house, uow, now)
        for row_id in rows:
            record_held_left(uow, user_id, row_id, evidence, now)

    house.store.act(work)


def _hold_in_doubt(house: Premises, uow: UnitOfWork, now: datetime) -> None:
    """No dispatcher may have looked yet."""
    doubt = house.installation.note_doubt(uow)
    if doubt:
        mail_hold.hold(uow, doubt, now, {})


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
