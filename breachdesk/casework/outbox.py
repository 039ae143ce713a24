"""The outbox's rows as the dispatcher sees them. Semantics: docs/reference/streaming.md, 4.

Under kill -9: at most one mail a row. Intent is written before DATA in one conditional
transaction; a row with intent ends as handed over, bounced, deferred (surely not accepted) or
unknown, and an unknown one may leave again only 15 minutes after intent, by policy or a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from breachdesk.casework import mail_hold
from breachdesk.casework.attempt_memory import AttemptMemory
from breachdesk.casework.attempts import audit_attempt, boot_of, into_doubt
from breachdesk.casework.departure import Intent, Ready, Refusal, cheap_refusal, departure
from breachdesk.casework.dispatchers import Dispatchers, OnlyDispatcher
from breachdesk.casework.installation import Installation
from breachdesk.casework.notify import RESEND_AFTER, open_call
from breachdesk.casework.standing import approval_of, released_last
from breachdesk.casework.witness import why_waiting
from breachdesk.ports import Renderer, Store, UnitOfWork
from schemas.affected import NoticeKind
from schemas.errors import Conflict
from schemas.notice import NoticeRow, Outgoing, SendOutcome, SendResult, Status
from schemas.notice_states import LATE_ENDS, STARTABLE, STATUS_AFTER, WAITING
from schemas.settings import Settings

UNSENDABLE = (
    "no message can be made of it: correct the name or address, then freeze and approve again"
)
PROCESS_ENDED = "the process that sent it ended, and its reply is not known"


class StoreOutbox:
    """notifiers.ports.Outbox over the store, seen by one dispatcher. Nothing said of others: it is
    the only one, and holds the data folder's lock. `installation`: where it sends from."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        renderer: Renderer,
        installation: Installation,
        dispatchers: Dispatchers | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._renderer = renderer
        self._installation = installation
        self._dispatchers = dispatchers or OnlyDispatcher()
        self._memory = AttemptMemory()

    def enter(self, boot_id: str, now: datetime) -> None:
        """A dispatcher begins under this boot id. All mail is held when it waited while nobody
        was seen, and when this store is not the one it was last sent from. Raises Conflict when
        the boot id is another's."""
        server = self._dispatchers.identity()

        def work(uow: UnitOfWork) -> None:
            missed = self._missed(uow, now)
            self._dispatchers.enter(uow, boot_id, server, now, missed=missed)
            self._settle_doubt(uow, now)
            self._remind(uow, server, now)

        self._store.act(work)
        self._memory.server = server

    def stay(self, boot_id: str, now: datetime) -> bool:
        """Renew the lease when it is time, and recover what others left. False: it ran out."""
        if not self._dispatchers.must_renew(now):
            return True
        server = self._dispatchers.identity()

        def work(uow: UnitOfWork) -> bool:
            lives = self._dispatchers.renew(uow, boot_id, now)
            self._recover(uow, boot_id, now)
            self._remind(uow, server, now)
            return lives

        lives = self._store.act(work)
        self._memory.server = server
        return lives

    def leave(self, boot_id: str, now: datetime) -> None:
        """Let go of the lease; what this boot still left `sending` is in doubt from now on."""

        def work(uow: UnitOfWork) -> None:
            self._dispatchers.leave(uow, boot_id)
            ours = [r for r in _sending(uow) if boot_of(r) == boot_id]
            into_doubt(uow, ours, PROCESS_ENDED, now)

        self._store.act(work)

    def held(self, now: datetime) -> str:
        """Why no dispatcher may send; empty: they may. A doubt that arose meanwhile is written
        down, and one that a person accepted is settled."""
        why, must_settle = self._store.look(
            lambda uow: (self._dispatchers.held(uow), self._installation.must_settle(uow))
        )
        if not must_settle:
            return why
        server = self._dispatchers.identity()

        def work(uow: UnitOfWork) -> str:
            # Another server is the graver reason, and what we know is written down there first.
            self._dispatchers.is_home(uow, server, now)
            self._remind(uow, server, now)
            return self._settle_doubt(uow, now)

        why = self._store.act(work)
        self._memory.server = server
        return why

    def recover(self, boot_id: str, now: datetime) -> int:
        """Rows that a dead boot left `sending` become `unknown`; how many."""
        return self._store.act(lambda uow: self._recover(uow, boot_id, now))

    def due(self, now: datetime, limit: int) -> Sequence[NoticeRow]:
        """Rows that may be tried now, oldest first. What expired meanwhile is ended here, and
        its telephone task opened."""
        waiting = self._store.look(lambda uow: self._waiting(uow, now))
        expired = [row for row in waiting if now >= row.expires_at]
        if expired:
            self._store.act(lambda uow: self._expire(uow, expired, now))
        living = [row for row in waiting if now < row.expires_at]
        return self._dispatchers.in_turn(living)[:limit]

    def begin(self, row_id: int, attempt_id: str, boot_id: str, now: datetime) -> Outgoing | None:
        """Write intent and give what is to be sent; None: do not send. Raises Retryable when the
        attempt cannot be written beside the store: nothing was sent, intent may be written.

        The database server is asked who it is before the transaction and after it: when both
        answers are the one that the transaction compared, it ran there.
        """
        found = self._store.look(lambda uow: self._departure(uow, row_id, now))
        if found is None:
            return None
        if isinstance(found, Refusal):
            refusal = found
            self._store.act(lambda uow: self._refuse(uow, row_id, refusal, now))
            return None
        ready, server = found, self._dispatchers.identity()
        intent = Intent(ready, attempt_id, boot_id, server, now)
        if not self._store.look(lambda u: self._installation.announce(u, attempt_id, now)):
            return None
        begun = self._store.act(lambda uow: self._intend(uow, intent))
        self._memory.server = server
        if begun is None:
            return None
        self._memory.begun(begun)
        self._installation.confirm()
        if not self._still_ours(intent):
            unsent = SendResult(outcome=SendOutcome.DEFERRED)
            self.finish(row_id, attempt_id, unsent, now, None)
            return None
        return ready.outgoing(attempt_id, now)

    def finish(
        self,
        row_id: int,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        """Write the attempt's end. Another attempt's, or one already ended, changes nothing."""
        self._memory.ended(row_id, attempt_id, self._changes(result, now, retry_at))
        self._store.act(
            lambda uow: self._end(uow, uow.notices.get(row_id), attempt_id, result, now, retry_at)
        )

    def _settle_doubt(self, uow: UnitOfWork, now: datetime) -> str:
        """Why no dispatcher may send, once the installation was looked at."""
        doubt = self._installation.settle(uow, now)
        if doubt:
            mail_hold.hold(uow, doubt, now, {})
        return self._dispatchers.held(uow)

    def _missed(self, uow: UnitOfWork, now: datetime) -> bool:
        """Did mail wait while no dispatcher was seen? Mail that is stopped, or put off for an hour,
        waits too: it would expire by a wrong clock. Nothing expires before this is known."""
        may_leave = STARTABLE if self._settings.notices.unknown_resend else WAITING
        waiting = uow.notices.list(statuses=may_leave)
        if not waiting:
            return False
        last = mail_hold.last_beat(uow) or released_last(uow, waiting)
        return last is None or mail_hold.is_gap(last, now)

    def _recover(self, uow: UnitOfWork, boot_id: str, now: datetime) -> int:
        dead = [
            row
            for row in _sending(uow)
            if not self._dispatchers.lives(uow, boot_of(row), boot_id, now)
        ]
        return into_doubt(uow, dead, PROCESS_ENDED, now)

    def _remind(self, uow: UnitOfWork, server: str, now: datetime) -> None:
        """Another database server than before may not know what we sent last."""
        for row in self._memory.write_again(uow, server, now):
            self._call_if_needed(uow, row, now)
        if server != self._memory.server:
            self._settle_doubt(uow, now)

    def _departure(self, uow: UnitOfWork, row_id: int, now: datetime) -> Ready | Refusal | None:
        """None: another dispatcher was quicker or mail is held, and nothing need be rendered."""
        row = uow.notices.get(row_id)
        if row.status not in STARTABLE or self._dispatchers.held(uow):
            return None
        return departure(uow, row, self._settings, self._renderer, now)

    def _still_ours(self, intent: Intent) -> bool:
        """Asked once more right before the channel is given the letter: the transaction may have
        waited longer than the lease."""

        def work(uow: UnitOfWork) -> bool:
            return self._dispatchers.lives(uow, intent.boot_id, intent.boot_id, intent.at)

        return self._dispatchers.identity() == intent.server and self._store.look(work)

    def _waiting(self, uow: UnitOfWork, now: datetime) -> list[NoticeRow]:
        rows = uow.notices.list(statuses=STARTABLE)
        stopped = {b for b in {row.breach_id for row in rows} if uow.breaches.paused(b)}
        unwitnessed = _unwitnessed(uow, rows, now)
        return [
            row
            for row in rows
            if self._may_start(row, now)
            and (
                row.kind is NoticeKind.WITNESS
                or not (row.breach_id in stopped or row.approval_hash in unwitnessed)
            )
        ]

    def _may_start(self, row: NoticeRow, now: datetime) -> bool:
        if row.status is Status.UNKNOWN:
            return self._settings.notices.unknown_resend and _old_enough(row, now)
        return row.next_attempt_at is None or row.next_attempt_at <= now

    def _expire(self, uow: UnitOfWork, rows: Sequence[NoticeRow], now: datetime) -> None:
        for row in rows:
            refusal = Refusal("it expired before it could leave", Status.EXPIRED, call=True)
            self._refuse(uow, row.id, refusal, now)

    def _refuse(self, uow: UnitOfWork, row_id: int, refusal: Refusal, now: datetime) -> None:
        """The row ends here, unless mail is held: then the clock, too, is in doubt."""
        if self._dispatchers.held(uow):
            return
        row = uow.notices.get(row_id)
        if refusal.status is None or row.status not in STARTABLE or row.status is Status.UNKNOWN:
            return
        ended = row.model_copy(
            update={
                "status": refusal.status,
                "status_reason": refusal.reason,
                "next_attempt_at": None,
            }
        )
        if uow.notices.update(ended, expected=[row.status]):
            audit_attempt(uow, f"notice:{refusal.status.value}:not_sent", ended, now)
            if refusal.call:
                open_call(uow, ended, refusal.reason, now)

    def _intend(self, uow: UnitOfWork, intent: Intent) -> NoticeRow | None:
        """Everything is asked again in the transaction that writes intent."""
        ready, now = intent.ready, intent.at
        self._remind(uow, intent.server, now)
        if not self._dispatchers.may_begin(uow, intent.boot_id, intent.server, now):
            return None
        row = uow.notices.get(ready.row.id)
        unchanged = (row.status, row.approval_hash, row.rendered_hash) == (
            ready.row.status,
            ready.row.approval_hash,
            ready.row.rendered_hash,
        )
        startable = row.status in STARTABLE and self._may_start(row, now)
        if not (unchanged and startable) or cheap_refusal(uow, row, self._settings, now):
            return None
        begun = intent.written_on(row)
        if not self._installation.write(uow):
            return None
        if not uow.notices.update(begun, expected=[row.status]):
            raise Conflict("it changed meanwhile", place=f"notice {row.id}")
        audit_attempt(uow, "notice:attempt:begun", begun, now)
        return begun

    def _end(
        self,
        uow: UnitOfWork,
        row: NoticeRow,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        settles = row.status is Status.UNKNOWN and STATUS_AFTER[result.outcome] in LATE_ENDS
        if row.attempt_id != attempt_id or not (row.status is Status.SENDING or settles):
            return
        ended = row.model_copy(update=self._changes(result, now, retry_at))
        if uow.notices.update(ended, expected=[row.status]):
            audit_attempt(uow, f"notice:attempt:{ended.status.value}", ended, now)
            self._call_if_needed(uow, ended, now)

    def _changes(
        self, result: SendResult, now: datetime, retry_at: datetime | None
    ) -> dict[str, object]:
        status = STATUS_AFTER[result.outcome]
        first = timedelta(minutes=self._settings.notices.deferred_retry_minutes[0])
        deferred = status is Status.DEFERRED
        return {
            "status": status,
            "status_reason": SAID[status],
            "smtp_reply": result.reply,
            "handed_over_at": now if status is Status.HANDED_OVER else None,
            "next_attempt_at": (retry_at or now + first) if deferred else None,
        }

    def _call_if_needed(self, uow: UnitOfWork, row: NoticeRow, now: datetime) -> None:
        policy = self._settings.notices
        queued = row.expires_at - timedelta(hours=policy.expires_hours)
        patience = timedelta(hours=policy.telephone_after_deferred_hours)
        if row.status is Status.BOUNCED:
            open_call(uow, row, "the mail was refused for good", now)
        elif row.status is Status.UNKNOWN and row.kind is NoticeKind.WITNESS:
            open_call(uow, row, "the letters wait, and nobody knows whether it arrived", now)
        elif row.status is Status.SKIPPED:
            open_call(uow, row, UNSENDABLE, now)
        elif row.status is Status.DEFERRED and now - queued >= patience:
            open_call(uow, row, "the mail has been put off for hours", now)


SAID = {
    Status.HANDED_OVER: "the mail server took it",
    Status.DEFERRED: "the mail server put it off",
    Status.BOUNCED: "the mail server refused it for good",
    Status.UNKNOWN: "no clear reply after the letter was sent",
    Status.SKIPPED: UNSENDABLE,
}


def _sending(uow: UnitOfWork) -> Sequence[NoticeRow]:
    return uow.notices.list(statuses=(Status.SENDING,))


def _unwitnessed(uow: UnitOfWork, rows: Sequence[NoticeRow], now: datetime) -> set[str]:
    """Seals whose letters wait for the message to the witness, or for the delay after it."""
    seals = {row.approval_hash: row for row in rows if row.kind is not NoticeKind.WITNESS}
    approvals = {seal: approval_of(uow, row) for seal, row in seals.items()}
    return {s for s, approval in approvals.items() if approval and why_waiting(uow, approval, now)}


def _old_enough(row: NoticeRow, now: datetime) -> bool:
    return row.intent_at is not None and now >= row.intent_at + RESEND_AFTER
