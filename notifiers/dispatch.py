"""The outbox's loop: intent, one try, end; never a transaction open across SMTP, never twice.

Semantics: docs/reference/streaming.md, section 4.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from notifiers.heartbeat import Heartbeat
from notifiers.observed import MailMeter, SilentMailMeter
from notifiers.ports import MailChannel, Outbox
from notifiers.replies import concerns_everyone
from schemas.errors import BadInput, Conflict, NotAllowed, NotFound, Retryable
from schemas.notice import NoticeRow, Outgoing, SendOutcome, SendResult
from schemas.settings import NoticePolicy

PAUSE = 2.0
"""Seconds between looks at the outbox."""
BACK_OFF = 60.0
"""Seconds after a server that answered nobody, or asked everybody to go away (421)."""


class Dispatcher:
    """Sends what the outbox says is due, through one channel, one message at a time.

    `heartbeat`: the process's own pulse; after a gap it enters the outbox anew, and the outbox says
    whether mail is held. `say` is told, once each, what keeps `run` from sending.
    """

    def __init__(
        self,
        outbox: Outbox,
        channel: MailChannel,
        now: Callable[[], datetime],
        policy: NoticePolicy,
        boot_id: str,
        *,
        heartbeat: Heartbeat | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._now = now
        self._policy = policy
        self._boot_id = boot_id
        self._heartbeat = heartbeat or Heartbeat()
        self._say = say or (lambda _: None)
        self._trouble = ""
        self._entered = False
        self._unwritten: list[Callable[[], None]] = []
        self._backs_off = False
        self.meter: MailMeter = SilentMailMeter()
        """Told how each try ended, and whether mail is held."""
        self.problems: dict[int, str] = {}
        """Rows that could not begin in the last round, and why."""

    async def run_once(self, limit: int = 100) -> int:
        """One round, asked for by a caller: how many were tried. Raises NotAllowed when held, and
        Retryable when the outbox cannot be written; the end of a try is kept meanwhile."""
        return await self._round(limit)

    async def run(self, stop: asyncio.Event) -> None:
        """Rounds until `stop`, which is honoured between messages; then says goodbye.

        When held it sends nothing, lets nothing expire, and keeps asking the outbox.
        """
        try:
            while not stop.is_set():
                await self._round_unless_held(stop)
                await self._rest(stop)
        finally:
            await self.close()

    async def close(self) -> None:
        """Say goodbye to server and outbox. An outbox that cannot be written now sees the lease
        run out."""
        await self._channel.close()
        with contextlib.suppress(Retryable):
            self._write_ends()
            if self._entered:
                self._entered = False
                self._outbox.leave(self._boot_id, self._now())

    async def _round_unless_held(self, stop: asyncio.Event) -> None:
        trouble = ""
        try:
            await self._round(100, stop)
        except (NotAllowed, Retryable) as problem:
            trouble = str(problem)
        if trouble != self._trouble:
            self._trouble = trouble
            self._say(trouble or "mail goes on")

    async def _round(self, limit: int, stop: asyncio.Event | None = None) -> int:
        # Ends first: recovery would make a deferred row of ours unknown.
        self._write_ends()
        moment = self._beat()
        self._backs_off = False
        self.problems.clear()
        tried = 0
        for row in self._outbox.due(moment, limit):
            if self._backs_off or (stop is not None and stop.is_set()):
                break
            tried += await self._send(row, self._beat())
        return tried

    async def _rest(self, stop: asyncio.Event) -> None:
        """The pause between rounds, alive meanwhile."""
        left = BACK_OFF if self._backs_off else PAUSE
        while left > 0 and not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(left, PAUSE))
            left -= PAUSE
            self._stay_quietly()

    def _beat(self) -> datetime:
        """Alive, and allowed to send: the moment that was judged, for what is done next. Raises
        NotAllowed when mail is held."""
        moment = self._now()
        if not self._heartbeat.beat(moment) and self._entered:
            self._entered, self._boot_id = False, uuid.uuid4().hex
        self._be_there(moment)
        why = self._outbox.held(moment)
        self.meter.held(why)
        if why:
            raise NotAllowed(
                f"mail is held: {why}",
                place="dispatch",
                remedy="breachdesk dispatch --held shows what may have left. Compare it with the "
                "mail server's log, then breachdesk dispatch --release --by YOUR-ID.",
            )
        return moment

    def _be_there(self, moment: datetime) -> None:
        """Enter once, then stay; a boot whose lease ran out is over, and a new one begins."""
        if self._entered and not self._outbox.stay(self._boot_id, moment):
            self._entered, self._boot_id = False, uuid.uuid4().hex
        if not self._entered:
            self._enter(moment)

    def _enter(self, moment: datetime) -> None:
        """Before the first message: what a dead process left is `unknown` from here on."""
        self._outbox.enter(self._boot_id, moment)
        self._entered = True
        self._heartbeat.begin_anew(moment)
        self._outbox.recover(self._boot_id, moment)

    def _stay_quietly(self) -> None:
        """While something else takes its time. What goes wrong here shows at the next beat; after
        a gap nobody says that we lived."""
        moment = self._now()
        with contextlib.suppress(Retryable):
            if self._entered and self._heartbeat.beat(moment):
                self._outbox.stay(self._boot_id, moment)

    async def _send(self, row: NoticeRow, moment: datetime) -> int:
        """1 when it was tried. The outbox may say no at the last moment: paused, changed, over."""
        attempt_id = uuid.uuid4().hex
        outgoing = self._begin(row, attempt_id, moment)
        if outgoing is None:
            return 0
        result = await self._try(outgoing)
        self.meter.tried(result.outcome.value)
        self._end(row, attempt_id, result)
        self._write_ends()
        self._backs_off = concerns_everyone(result.reply)
        return 1

    def _begin(self, row: NoticeRow, attempt_id: str, moment: datetime) -> Outgoing | None:
        """A row that cannot begin (a template broke meanwhile) must not stop the others'."""
        try:
            return self._outbox.begin(row.id, attempt_id, self._boot_id, moment)
        except (BadInput, Conflict, NotFound) as problem:
            self.problems[row.id] = str(problem)
            return None
        except Retryable:
            # Intent may be written or not. Nothing was sent: if it was, this is its end.
            self._end(row, attempt_id, SendResult(outcome=SendOutcome.DEFERRED))
            raise

    def _end(self, row: NoticeRow, attempt_id: str, result: SendResult) -> None:
        now = self._now()
        end = (row.id, attempt_id, result, now, self._retry_at(row, result, now))
        self._unwritten.append(partial(self._outbox.finish, *end))

    def _write_ends(self) -> None:
        """An end that the store could not take now is kept, and written before anything else."""
        while self._unwritten:
            self._unwritten[0]()
            self._unwritten.pop(0)

    async def _try(self, outgoing: Outgoing) -> SendResult:
        """However long the server takes, the lease lives."""
        trying = asyncio.ensure_future(self._channel.send(outgoing))
        while not (await asyncio.wait({trying}, timeout=PAUSE))[0]:
            self._stay_quietly()
        try:
            return trying.result()
        except Exception:  # noqa: BLE001 - intent is written: whatever happened, the end is unclear
            return SendResult(outcome=SendOutcome.UNKNOWN)

    def _retry_at(self, row: NoticeRow, result: SendResult, now: datetime) -> datetime | None:
        """5, 15, 30 and then every 60 minutes, by policy; nothing else is ever tried again."""
        if result.outcome is not SendOutcome.DEFERRED:
            return None
        steps = self._policy.deferred_retry_minutes or (60,)
        return now + timedelta(minutes=steps[min(row.attempts, len(steps) - 1)])
