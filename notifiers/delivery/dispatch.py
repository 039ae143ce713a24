"""Dispatch the outbox: record the intent, try once, record the result; never hold a transaction
open across SMTP, never send twice.

Semantics: docs/reference/streaming.md, Mail."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from notifiers.delivery.heartbeat import ClockHeartbeat
from notifiers.delivery.metrics import MailMetrics, NullMailMetrics
from notifiers.delivery.smtp_replies import is_channel_closed
from notifiers.ports import MailChannel, NoticeOutbox
from schemas.casework.notice import NoticeRow, OutgoingMessage, SendOutcome, SendResult
from schemas.errors import BadInput, EditConflict, NotAllowed, NotFound, RetryableError
from schemas.settings import NoticePolicy

PAUSE = 2.0
"""Seconds between looks at the outbox."""
BACK_OFF = 60.0
"""Seconds after a server that answered nobody, or asked everybody to go away (421)."""


class NoticeDispatcher:
    """Sends due rows of the outbox through one channel, one message at a time.

    `heartbeat` detects gaps in the process's own run; after a gap the dispatcher enters the outbox
    again, which decides whether mail is held. `say` receives, once each, the reasons that keep
    `run` from sending."""

    def __init__(
        self,
        outbox: NoticeOutbox,
        channel: MailChannel,
        now: Callable[[], datetime],
        policy: NoticePolicy,
        boot_id: str,
        *,
        heartbeat: ClockHeartbeat | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._now = now
        self._policy = policy
        self._boot_id = boot_id
        self._heartbeat = heartbeat or ClockHeartbeat()
        self._say = say or (lambda _: None)
        self._trouble = ""
        self._entered = False
        self._unwritten: list[Callable[[], None]] = []
        self._backs_off = False
        self.meter: MailMetrics = NullMailMetrics()
        """Told how each try ended, and whether mail is held."""
        self.problems: dict[int, str] = {}
        """Rows that could not begin in the last round, and why."""

    async def run_once(self, limit: int = 100) -> int:
        """Run one round and return the number of attempts. Raises NotAllowed if mail is held,
        RetryableError if the outbox cannot be written; the result of an attempt is then kept in
        memory."""
        return await self._run_round(limit)

    async def run(self, stop: asyncio.Event) -> None:
        """Run rounds until `stop`, which is checked between messages; then leave the outbox.

        While mail is held it sends nothing, lets nothing expire, and keeps asking the outbox."""
        try:
            while not stop.is_set():
                await self._run_round_unless_held(stop)
                await self._wait_between_rounds(stop)
        finally:
            await self.close()

    async def close(self) -> None:
        """Say goodbye to server and outbox. An outbox that cannot be written now sees the lease
        run out."""
        await self._channel.close()
        with contextlib.suppress(RetryableError):
            self._write_results()
            if self._entered:
                self._entered = False
                self._outbox.leave(self._boot_id, self._now())

    async def _run_round_unless_held(self, stop: asyncio.Event) -> None:
        trouble = ""
        try:
            await self._run_round(100, stop)
        except (NotAllowed, RetryableError) as problem:
            trouble = str(problem)
        if trouble != self._trouble:
            self._trouble = trouble
            self._say(trouble or "mail goes on")

    async def _run_round(self, limit: int, stop: asyncio.Event | None = None) -> int:
        # Ends first: recovery would make a deferred row of ours unknown.
        self._write_results()
        moment = self._check_heartbeat()
        self._backs_off = False
        self.problems.clear()
        tried = 0
        for row in self._outbox.list_due(moment, limit):
            if self._backs_off or (stop is not None and stop.is_set()):
                break
            tried += await self._send(row, self._check_heartbeat())
        return tried

    async def _wait_between_rounds(self, stop: asyncio.Event) -> None:
        """Pause between rounds and keep the lease alive."""
        remaining = BACK_OFF if self._backs_off else PAUSE
        while remaining > 0 and not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(remaining, PAUSE))
            remaining -= PAUSE
            self._renew_quietly()

    def _check_heartbeat(self) -> datetime:
        """Record a beat and return its moment, by which the next act is judged. Raises NotAllowed
        if mail is held."""
        moment = self._now()
        if not self._heartbeat.record_beat(moment) and self._entered:
            self._entered, self._boot_id = False, uuid.uuid4().hex
        self._enter_or_renew(moment)
        why = self._outbox.find_hold(moment)
        self.meter.set_hold(why)
        if why:
            raise NotAllowed(
                f"mail is held: {why}",
                place="dispatch",
                remedy="breachdesk dispatch --held shows what may have left. Compare it with the "
                "mail server's log, then breachdesk dispatch --release --by YOUR-ID.",
            )
        return moment

    def _enter_or_renew(self, moment: datetime) -> None:
        """Enter once, then renew the lease; if it has expired, enter under a new boot id."""
        if self._entered and not self._outbox.renew_lease(self._boot_id, moment):
            self._entered, self._boot_id = False, uuid.uuid4().hex
        if not self._entered:
            self._enter(moment)

    def _enter(self, moment: datetime) -> None:
        """Enter the outbox before the first message: attempts of a dead process become
        `unknown`."""
        self._outbox.enter(self._boot_id, moment)
        self._entered = True
        self._heartbeat.reset(moment)
        self._outbox.recover(self._boot_id, moment)

    def _renew_quietly(self) -> None:
        """Renew the lease during a slow operation. Errors here show at the next beat; after a gap
        nothing is renewed."""
        moment = self._now()
        with contextlib.suppress(RetryableError):
            if self._entered and self._heartbeat.record_beat(moment):
                self._outbox.renew_lease(self._boot_id, moment)

    async def _send(self, row: NoticeRow, moment: datetime) -> int:
        """Send the row and return 1 if it was attempted. The outbox may refuse at the last moment:
        paused, changed, closed."""
        attempt_id = uuid.uuid4().hex
        outgoing = self._start_attempt(row, attempt_id, moment)
        if outgoing is None:
            return 0
        result = await self._try(outgoing)
        self.meter.count_attempt(result.outcome.value)
        self._finish_attempt(row, attempt_id, result)
        self._write_results()
        self._backs_off = is_channel_closed(result.reply)
        return 1

    def _start_attempt(
        self, row: NoticeRow, attempt_id: str, moment: datetime
    ) -> OutgoingMessage | None:
        """Start an attempt; a row that cannot start (a template broke since) must not stop the
        others."""
        try:
            return self._outbox.start_attempt(row.id, attempt_id, self._boot_id, moment)
        except (BadInput, EditConflict, NotFound) as problem:
            self.problems[row.id] = str(problem)
            return None
        except RetryableError:
            # Intent may be written or not. Nothing was sent: if it was, this is its end.
            self._finish_attempt(row, attempt_id, SendResult(outcome=SendOutcome.DEFERRED))
            raise

    def _finish_attempt(self, row: NoticeRow, attempt_id: str, result: SendResult) -> None:
        now = self._now()
        end = (row.id, attempt_id, result, now, self._compute_retry_time(row, result, now))
        self._unwritten.append(partial(self._outbox.finish_attempt, *end))

    def _write_results(self) -> None:
        """Write results that the store could not accept earlier, before anything else."""
        while self._unwritten:
            self._unwritten[0]()
            self._unwritten.pop(0)

    async def _try(self, outgoing: OutgoingMessage) -> SendResult:
        """Send the message and renew the lease, however long the server takes."""
        trying = asyncio.ensure_future(self._channel.send(outgoing))
        while not (await asyncio.wait({trying}, timeout=PAUSE))[0]:
            self._renew_quietly()
        try:
            return trying.result()
        except Exception:  # noqa: BLE001 - intent is written: whatever happened, the end is unclear
            return SendResult(outcome=SendOutcome.UNKNOWN)

    def _compute_retry_time(
        self, row: NoticeRow, result: SendResult, now: datetime
    ) -> datetime | None:
        """Compute the next attempt: after 5, 15, 30 and then every 60 minutes, by policy. Only
        deferred rows are retried."""
        if result.outcome is not SendOutcome.DEFERRED:
            return None
        steps = self._policy.deferred_retry_minutes or (60,)
        return now + timedelta(minutes=steps[min(row.attempts, len(steps) - 1)])
