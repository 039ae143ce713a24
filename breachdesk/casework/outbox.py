"""The outbox's rows as the dispatcher sees them. Semantics: docs/reference/streaming.md, 4.

Under kill -9: at most one mail a row. Intent is written before DATA in one conditional
transaction; a row with intent ends as handed over, bounced, deferred (surely not accepted) or
unknown, and an unknown one may leave again only 15 minutes after intent, by policy or a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from breachdesk.casework.departure import Ready, Refusal, cheap_refusal, departure
from breachdesk.casework.letters import LetterMaker, documents
from breachdesk.casework.notify import RESEND_AFTER, open_call
from breachdesk.casework.telephone import recipient_of
from breachdesk.ports import Renderer, Store, UnitOfWork
from schemas.breach import NoticeKind
from schemas.notice import NoticeRow, Outgoing, SendOutcome, SendResult, Status
from schemas.settings import Settings

STARTABLE = (Status.QUEUED, Status.DEFERRED, Status.UNKNOWN)
ENDS = {
    SendOutcome.HANDED_OVER: Status.HANDED_OVER,
    SendOutcome.DEFERRED: Status.DEFERRED,
    SendOutcome.BOUNCED: Status.BOUNCED,
    SendOutcome.UNKNOWN: Status.UNKNOWN,
}
SETTLING = (SendOutcome.HANDED_OVER, SendOutcome.BOUNCED)
ACTOR = "system:dispatch"


class StoreOutbox:
    """notifiers.ports.Outbox over the store. Thread-safe as the store is."""

    def __init__(self, store: Store, settings: Settings, renderer: Renderer) -> None:
        self._store = store
        self._settings = settings
        self._renderer = renderer

    def recover(self, boot_id: str, now: datetime) -> int:
        """Rows that another boot left `sending` become `unknown`; how many."""

        def work(uow: UnitOfWork) -> int:
            left = uow.notices.list(statuses=(Status.SENDING,))
            dead = [row for row in left if row.status_reason != _boot(boot_id)]
            for row in dead:
                said = "the process that sent it ended, and its reply is not known"
                unknown = row.model_copy(update={"status": Status.UNKNOWN, "status_reason": said})
                if uow.notices.update(unknown, expected=[Status.SENDING]):
                    _audit(uow, "notice:attempt:lost", unknown, now)
            return len(dead)

        return self._store.act(work)

    def due(self, now: datetime, limit: int) -> Sequence[NoticeRow]:
        """Rows that may be tried now, oldest first. What expired meanwhile is ended here, and
        its telephone task opened."""
        waiting = self._store.look(lambda uow: self._waiting(uow, now))
        expired = [row for row in waiting if now >= row.expires_at]
        if expired:
            self._store.act(lambda uow: self._expire(uow, expired, now))
        return [row for row in waiting if now < row.expires_at][:limit]

    def begin(self, row_id: int, attempt_id: str, boot_id: str, now: datetime) -> Outgoing | None:
        """Write intent and give what is to be sent; None: do not send."""
        found = self._store.look(
            lambda uow: departure(uow, uow.notices.get(row_id), self._settings, self._renderer, now)
        )
        if isinstance(found, Refusal):
            refusal = found
            self._store.act(lambda uow: self._refuse(uow, row_id, refusal, now))
            return None
        ready = found
        begun = self._store.act(lambda uow: self._intend(uow, ready, attempt_id, boot_id, now))
        return ready.outgoing(attempt_id, now) if begun else None

    def finish(
        self,
        row_id: int,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        """Write the attempt's end. Another attempt's, or one already ended, changes nothing."""
        self._store.act(
            lambda uow: self._end(uow, uow.notices.get(row_id), attempt_id, result, now, retry_at)
        )

    def _waiting(self, uow: UnitOfWork, now: datetime) -> list[NoticeRow]:
        rows = uow.notices.list(statuses=STARTABLE)
        stopped = {b: uow.breaches.paused(b) for b in {row.breach_id for row in rows}}
        return [
            row
            for row in rows
            if self._may_start(row, now)
            and (row.kind is NoticeKind.WITNESS or not stopped[row.breach_id])
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
            _audit(uow, f"notice:{refusal.status.value}:not_sent", ended, now)
            if refusal.call:
                open_call(uow, ended, refusal.reason, now, self._script(uow, ended))

    def _intend(
        self, uow: UnitOfWork, ready: Ready, attempt_id: str, boot_id: str, now: datetime
    ) -> bool:
        """Everything is asked again in the transaction that writes intent."""
        row = uow.notices.get(ready.row.id)
        unchanged = (row.status, row.approval_hash, row.rendered_hash) == (
            ready.row.status,
            ready.row.approval_hash,
            ready.row.rendered_hash,
        )
        startable = row.status in STARTABLE and self._may_start(row, now)
        if not (unchanged and startable) or cheap_refusal(uow, row, self._settings, now):
            return False
        intent = row.model_copy(
            update={
                "status": Status.SENDING,
                "status_reason": _boot(boot_id),
                "attempt_id": attempt_id,
                "attempts": row.attempts + 1,
                "intent_at": now,
                "next_attempt_at": None,
            }
        )
        if not uow.notices.update(intent, expected=[row.status]):
            return False
        _audit(uow, "notice:attempt:begun", intent, now)
        return True

    def _end(
        self,
        uow: UnitOfWork,
        row: NoticeRow,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        settles = row.status is Status.UNKNOWN and result.outcome in SETTLING
        if row.attempt_id != attempt_id or not (row.status is Status.SENDING or settles):
            return
        ended = row.model_copy(update=self._changes(result, now, retry_at))
        if uow.notices.update(ended, expected=[row.status]):
            _audit(uow, f"notice:attempt:{ended.status.value}", ended, now)
            self._call_if_needed(uow, ended, now)

    def _changes(
        self, result: SendResult, now: datetime, retry_at: datetime | None
    ) -> dict[str, object]:
        status = ENDS[result.outcome]
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
            open_call(uow, row, "the mail was refused for good", now, self._script(uow, row))
        elif row.status is Status.DEFERRED and now - queued >= patience:
            open_call(uow, row, "the mail has been put off for hours", now, self._script(uow, row))

    def _script(self, uow: UnitOfWork, row: NoticeRow) -> str:
        """The telephone script in the templates' words; empty for a witness."""
        if row.kind is NoticeKind.WITNESS:
            return ""
        made = documents(uow, row.breach_id)
        recipient = recipient_of(made, row.customer_id, row.person_id, row.kind)
        if recipient is None:
            return ""
        customers = {row.customer_id: uow.customers.get(row.customer_id)}
        maker = LetterMaker(uow, made, self._settings, customers)
        return self._renderer.telephone_script(maker.context(recipient))


SAID = {
    Status.HANDED_OVER: "the mail server took it",
    Status.DEFERRED: "the mail server put it off",
    Status.BOUNCED: "the mail server refused it for good",
    Status.UNKNOWN: "no clear reply after the letter was sent",
}


def _boot(boot_id: str) -> str:
    return f"boot {boot_id}"


def _old_enough(row: NoticeRow, now: datetime) -> bool:
    return row.intent_at is not None and now >= row.intent_at + RESEND_AFTER


def _audit(uow: UnitOfWork, act: str, row: NoticeRow, now: datetime) -> None:
    uow.audit.record(
        at=now,
        actor=ACTOR,
        act=act,
        subject=row.breach_id,
        facts={
            "notice": row.id,
            "attempt": row.attempt_id,
            "message": row.message_id,
            "hash": row.rendered_hash,
            "reply": row.smtp_reply,
            "reason": row.status_reason,
        },
        case_id=uow.breaches.get(row.breach_id).case_id,
    )
