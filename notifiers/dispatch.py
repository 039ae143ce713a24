"""The outbox's loop: intent, one try, end; never a transaction open across SMTP, never twice.

Semantics: docs/reference/streaming.md, section 4.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from notifiers.heartbeat import Heartbeat
from notifiers.ports import MailChannel, Outbox
from notifiers.replies import concerns_everyone
from schemas.errors import BadInput, Conflict, NotAllowed, NotFound, Retryable
from schemas.notice import NoticeRow, Outgoing, SendOutcome, SendResult
from schemas.settings import NoticePolicy

PAUSE = 2.0
"""Seconds between looks at the outbox."""
BACK_OFF = 60.0
"""Seconds after a server that answered nobody, or asked everybody to go away (421)."""


class State(StrEnum):
    """Whether mail may leave."""

    READY = "ready"
    HELD = "held"
    """After a gap in the heartbeat: waits for `release`."""


class Dispatcher:
    """Sends what the outbox says is due, through one channel, one message at a time."""

    def __init__(
        self,
        outbox: Outbox,
        channel: MailChannel,
        now: Callable[[], datetime],
        policy: NoticePolicy,
        boot_id: str,
        *,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._now = now
        self._policy = policy
        self._boot_id = boot_id
        self._heartbeat = heartbeat or Heartbeat(now)
        self._recovered = False
        self._unwritten: list[Callable[[], None]] = []
        self._backs_off = False
        self.state = State.READY
        self.problems: dict[int, str] = {}
        """Rows that could not begin in the last round, and why."""

    async def run_once(self, limit: int = 100) -> int:
        """One round, asked for by a caller: how many were tried. Raises NotAllowed when held, and
        Retryable when the outbox cannot be written; the end of a try is kept meanwhile."""
        if self.state is State.READY and self._recovered:
            self._heartbeat.begin_anew()
        return await self._round(limit)

    async def run(self, stop: asyncio.Event) -> None:
        """Rounds until `stop`, which is honoured between messages; then says goodbye.

        When held it sends nothing and keeps looking for `release`, or for the deleted heartbeat
        file.
        """
        try:
            while not stop.is_set():
                await self._round_unless_held(stop)
                pause = BACK_OFF if self._backs_off else PAUSE
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
        finally:
            await self._channel.close()

    def release(self) -> None:
        """A person has looked at what was sent meanwhile, and says: go on."""
        self.state = State.READY
        self._heartbeat.begin_anew()

    async def _round_unless_held(self, stop: asyncio.Event) -> None:
        if self.state is State.HELD and self._heartbeat.was_waved_on():
            self.release()
        with contextlib.suppress(NotAllowed, Retryable):
            await self._round(100, stop)

    async def _round(self, limit: int, stop: asyncio.Event | None = None) -> int:
        self._recover()
        self._write_ends()
        self._beat()
        self._backs_off = False
        self.problems.clear()
        tried = 0
        for row in self._outbox.due(self._now(), limit):
            if self._backs_off or (stop is not None and stop.is_set()):
                break
            self._beat()
            tried += await self._send(row)
        return tried

    def _recover(self) -> None:
        """Once, before the first message: what a dead process left is `unknown` from here on."""
        if self._recovered:
            return
        self._outbox.recover(self._boot_id, self._now())
        self._recovered = True
        if self._heartbeat.gap_at_start() and self._outbox.due(self._now(), 1):
            self.state = State.HELD

    def _beat(self) -> None:
        if self.state is State.READY and not self._heartbeat.beat():
            self.state = State.HELD
        if self.state is State.HELD:
            raise NotAllowed(
                "mail is held: this machine was asleep, stopped or restored",
                place="dispatch",
                remedy="Compare the notices with the mail server's log, then release.",
            )

    async def _send(self, row: NoticeRow) -> int:
        """1 when it was tried. The outbox may say no at the last moment: paused, changed, over."""
        attempt_id = uuid.uuid4().hex
        outgoing = self._begin(row, attempt_id)
        if outgoing is None:
            return 0
        result = await self._try(outgoing)
        now = self._now()
        end = (row.id, attempt_id, result, now, self._retry_at(row, result, now))
        self._unwritten.append(partial(self._outbox.finish, *end))
        self._write_ends()
        self._backs_off = concerns_everyone(result.reply)
        return 1

    def _begin(self, row: NoticeRow, attempt_id: str) -> Outgoing | None:
        """A row that cannot begin (a template broke meanwhile) must not stop the others'."""
        try:
            return self._outbox.begin(row.id, attempt_id, self._boot_id, self._now())
        except (BadInput, Conflict, NotFound) as problem:
            self.problems[row.id] = str(problem)
            return None

    def _write_ends(self) -> None:
        """An end that the store could not take now is kept, and written before anything else."""
        while self._unwritten:
            self._unwritten[0]()
            self._unwritten.pop(0)

    async def _try(self, outgoing: Outgoing) -> SendResult:
        try:
            return await self._channel.send(outgoing)
        except Exception:  # noqa: BLE001 - intent is written: whatever happened, the end is unclear
            return SendResult(outcome=SendOutcome.UNKNOWN)

    def _retry_at(self, row: NoticeRow, result: SendResult, now: datetime) -> datetime | None:
        """5, 15, 30 and then every 60 minutes, by policy; nothing else is ever tried again."""
        if result.outcome is not SendOutcome.DEFERRED:
            return None
        steps = self._policy.deferred_retry_minutes or (60,)
        return now + timedelta(minutes=steps[min(row.attempts, len(steps) - 1)])
