"""Serve the outbox's rows to the dispatcher. Semantics: docs/reference/streaming.md, Mail.

Under kill -9: at most one mail a row. Intent is written before DATA in one conditional
transaction; a row with intent ends as handed over, bounced, deferred (certainly not accepted) or
unknown, and an unknown one may leave again only 15 minutes after intent, by policy or a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.attempt_memory import AttemptMemory
from breachdesk.casework.delivery.attempts import mark_unknown, parse_boot_id, record_attempt
from breachdesk.casework.delivery.dispatchers import DispatcherMembership, OnlyDispatcher
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.casework.delivery.send_check import (
    Sendable,
    SendIntent,
    Withheld,
    check_before_send,
    find_cheap_refusal,
)
from breachdesk.casework.release.approval_validity import find_approval, find_last_approved_at
from breachdesk.casework.release.notice_facts import RESEND_AFTER, open_call
from breachdesk.casework.release.witness import find_wait_reason
from breachdesk.ports import DocumentRenderer, Store, UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.notice import (
    DeliveryStatus,
    NoticeRow,
    OutgoingMessage,
    SendOutcome,
    SendResult,
)
from schemas.casework.notice_actions import ACTION_OF_END, ACTION_OF_REFUSAL
from schemas.casework.notice_states import LATE_ENDS, STARTABLE, STATUS_AFTER, WAITING
from schemas.errors import EditConflict
from schemas.settings import Settings

UNSENDABLE = (
    "no message can be made of it: correct the name or address, then freeze and approve again"
)
PROCESS_ENDED = "the process that sent it ended, and its reply is not known"


class StoreOutbox:
    """notifiers.ports.NoticeOutbox over the store, seen by one dispatcher. Nothing said of others:
    it is the only one, and holds the data folder's lock. `installation`: where it sends from."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        renderer: DocumentRenderer,
        installation: SendingInstallation,
        dispatchers: DispatcherMembership | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._renderer = renderer
        self._installation = installation
        self._dispatchers = dispatchers or OnlyDispatcher()
        self._memory = AttemptMemory()

    def enter(self, boot_id: str, now: datetime) -> None:
        """Register a dispatcher under this boot id. Holds all mail when mail waited while no
        dispatcher was seen, and when mail was last sent from another store. Raises EditConflict
        when the boot id is another's."""
        server = self._dispatchers.get_server_identity()

        def work(uow: UnitOfWork) -> None:
            missed = self._is_mail_missed(uow, now)
            self._dispatchers.enter(uow, boot_id, server, now, missed=missed)
            self._settle_doubt(uow, now)
            self._remind(uow, server, now)

        self._store.write(work)
        self._memory.server = server

    def renew_lease(self, boot_id: str, now: datetime) -> bool:
        """Renew the lease when it is time, and recover what others left. False: it ran out."""
        if not self._dispatchers.must_renew(now):
            return True
        server = self._dispatchers.get_server_identity()

        def work(uow: UnitOfWork) -> bool:
            lives = self._dispatchers.renew(uow, boot_id, now)
            self._recover(uow, boot_id, now)
            self._remind(uow, server, now)
            return lives

        lives = self._store.write(work)
        self._memory.server = server
        return lives

    def leave(self, boot_id: str, now: datetime) -> None:
        """Let go of the lease; what this boot still left `sending` is in doubt from now on."""

        def work(uow: UnitOfWork) -> None:
            self._dispatchers.leave(uow, boot_id)
            ours = [r for r in _list_sending(uow) if parse_boot_id(r) == boot_id]
            mark_unknown(uow, ours, PROCESS_ENDED, now)

        self._store.write(work)

    def find_hold(self, now: datetime) -> str:
        """Find why no dispatcher may send; empty when sending is allowed. Records a doubt that
        arose meanwhile, and settles one that a person accepted."""
        why, must_settle = self._store.read(
            lambda uow: (
                self._dispatchers.get_hold_reason(uow),
                self._installation.must_settle(uow),
            )
        )
        if not must_settle:
            return why
        server = self._dispatchers.get_server_identity()

        def work(uow: UnitOfWork) -> str:
            # Another server is the graver reason, and what we know is written down there first.
            self._dispatchers.is_home(uow, server, now)
            self._remind(uow, server, now)
            return self._settle_doubt(uow, now)

        why = self._store.write(work)
        self._memory.server = server
        return why

    def recover(self, boot_id: str, now: datetime) -> int:
        """Mark rows that a dead boot left `sending` as `unknown`, and return how many."""
        return self._store.write(lambda uow: self._recover(uow, boot_id, now))

    def list_due(self, now: datetime, limit: int) -> Sequence[NoticeRow]:
        """List rows that may be tried now, oldest first. Expires overdue rows and opens their
        telephone tasks."""
        waiting = self._store.read(lambda uow: self._list_waiting(uow, now))
        expired = [row for row in waiting if now >= row.expires_at]
        if expired:
            self._store.write(lambda uow: self._expire(uow, expired, now))
        living = [row for row in waiting if now < row.expires_at]
        return self._dispatchers.sort_by_turn(living)[:limit]

    def start_attempt(
        self, row_id: int, attempt_id: str, boot_id: str, now: datetime
    ) -> OutgoingMessage | None:
        """Write intent and return the message to send; None: do not send. Raises RetryableError
        when the attempt cannot be written next to the store: nothing was sent, intent may be
        written.

        The database server is identified before the transaction and after it: when both
        answers are the one that the transaction compared, it ran there."""
        checked = self._store.read(lambda uow: self._prepare_departure(uow, row_id, now))
        if checked is None:
            return None
        if isinstance(checked, Withheld):
            refusal = checked
            self._store.write(lambda uow: self._refuse(uow, row_id, refusal, now))
            return None
        ready, server = checked, self._dispatchers.get_server_identity()
        intent = SendIntent(ready, attempt_id, boot_id, server, now)
        if not self._store.read(lambda u: self._installation.announce(u, attempt_id, now)):
            return None
        begun = self._store.write(lambda uow: self._write_intent(uow, intent))
        self._memory.server = server
        if begun is None:
            return None
        self._memory.record_begin(begun)
        self._installation.confirm()
        if not self._is_still_ours(intent):
            unsent = SendResult(outcome=SendOutcome.DEFERRED)
            self.finish_attempt(row_id, attempt_id, unsent, now, None)
            return None
        return ready.to_outgoing(attempt_id, now)

    def finish_attempt(
        self,
        row_id: int,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        """Write the attempt's end. Another attempt's, or one already ended, changes nothing."""
        self._memory.record_end(row_id, attempt_id, self._build_changes(result, now, retry_at))
        self._store.write(
            lambda uow: self._record_end(
                uow, uow.notices.get(row_id), attempt_id, result, now, retry_at
            )
        )

    def _settle_doubt(self, uow: UnitOfWork, now: datetime) -> str:
        """Check the installation and return why no dispatcher may send."""
        doubt = self._installation.settle(uow, now)
        if doubt:
            mail_hold.hold_mail(uow, doubt, now, {})
        return self._dispatchers.get_hold_reason(uow)

    def _is_mail_missed(self, uow: UnitOfWork, now: datetime) -> bool:
        """Whether mail waited while no dispatcher was seen. Paused and deferred mail counts too: it
        would expire by a wrong clock. Nothing expires before this is known."""
        may_leave = STARTABLE if self._settings.notices.unknown_resend else WAITING
        waiting = uow.notices.list(statuses=may_leave)
        if not waiting:
            return False
        last = mail_hold.find_last_heartbeat(uow) or find_last_approved_at(uow, waiting)
        return last is None or mail_hold.is_gap(last, now)

    def _recover(self, uow: UnitOfWork, boot_id: str, now: datetime) -> int:
        dead = [
            row
            for row in _list_sending(uow)
            if not self._dispatchers.is_alive(uow, parse_boot_id(row), boot_id, now)
        ]
        return mark_unknown(uow, dead, PROCESS_ENDED, now)

    def _remind(self, uow: UnitOfWork, server: str, now: datetime) -> None:
        """Write remembered attempts again: a database server other than before may lack the last
        ones."""
        for row in self._memory.write_again(uow, server, now):
            self._call_if_needed(uow, row, now)
        if server != self._memory.server:
            self._settle_doubt(uow, now)

    def _prepare_departure(
        self, uow: UnitOfWork, row_id: int, now: datetime
    ) -> Sendable | Withheld | None:
        """Prepare the row for sending. None: another dispatcher was quicker or mail is held, and
        nothing need be rendered."""
        row = uow.notices.get(row_id)
        if row.status not in STARTABLE or self._dispatchers.get_hold_reason(uow):
            return None
        return check_before_send(uow, row, self._settings, self._renderer, now)

    def _is_still_ours(self, intent: SendIntent) -> bool:
        """Whether the intent is still ours, checked right before the channel receives the letter:
        the transaction may have waited longer than the lease."""

        def work(uow: UnitOfWork) -> bool:
            return self._dispatchers.is_alive(uow, intent.boot_id, intent.boot_id, intent.at)

        return self._dispatchers.get_server_identity() == intent.server and self._store.read(work)

    def _list_waiting(self, uow: UnitOfWork, now: datetime) -> list[NoticeRow]:
        rows = uow.notices.list(statuses=STARTABLE)
        stopped = {b for b in {row.breach_id for row in rows} if uow.breaches.is_paused(b)}
        unwitnessed = _list_unwitnessed(uow, rows, now)
        return [
            row
            for row in rows
            if self._may_start(row, now)
            and (
                not row.kind.spec.pausable
                or not (row.breach_id in stopped or row.approval_hash in unwitnessed)
            )
        ]

    def _may_start(self, row: NoticeRow, now: datetime) -> bool:
        if row.status is DeliveryStatus.UNKNOWN:
            return self._settings.notices.unknown_resend and _is_old_enough(row, now)
        return row.next_attempt_at is None or row.next_attempt_at <= now

    def _expire(self, uow: UnitOfWork, rows: Sequence[NoticeRow], now: datetime) -> None:
        for row in rows:
            refusal = Withheld(
                "it expired before it could leave", DeliveryStatus.EXPIRED, call=True
            )
            self._refuse(uow, row.id, refusal, now)

    def _refuse(self, uow: UnitOfWork, row_id: int, refusal: Withheld, now: datetime) -> None:
        """End the row with this refusal, unless mail is held: then the clock is in doubt too."""
        if self._dispatchers.get_hold_reason(uow):
            return
        row = uow.notices.get(row_id)
        if (
            refusal.status is None
            or row.status not in STARTABLE
            or row.status is DeliveryStatus.UNKNOWN
        ):
            return
        ended = row.model_copy(
            update={
                "status": refusal.status,
                "status_reason": refusal.reason,
                "next_attempt_at": None,
            }
        )
        if uow.notices.update(ended, expected=[row.status]):
            record_attempt(uow, ACTION_OF_REFUSAL[refusal.status], ended, now)
            if refusal.call:
                open_call(uow, ended, refusal.reason, now)

    def _write_intent(self, uow: UnitOfWork, intent: SendIntent) -> NoticeRow | None:
        """Write intent after repeating every check in the same transaction."""
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
        if not (unchanged and startable) or find_cheap_refusal(uow, row, self._settings, now):
            return None
        begun = intent.apply_to(row)
        if not self._installation.write(uow):
            return None
        if not uow.notices.update(begun, expected=[row.status]):
            raise EditConflict("it changed meanwhile", place=f"notice {row.id}")
        record_attempt(uow, AuditAction.NOTICE_ATTEMPT_BEGUN, begun, now)
        return begun

    def _record_end(
        self,
        uow: UnitOfWork,
        row: NoticeRow,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        settles = row.status is DeliveryStatus.UNKNOWN and STATUS_AFTER[result.outcome] in LATE_ENDS
        if row.attempt_id != attempt_id or not (row.status is DeliveryStatus.SENDING or settles):
            return
        ended = row.model_copy(update=self._build_changes(result, now, retry_at))
        if uow.notices.update(ended, expected=[row.status]):
            record_attempt(uow, ACTION_OF_END[ended.status], ended, now)
            self._call_if_needed(uow, ended, now)

    def _build_changes(
        self, result: SendResult, now: datetime, retry_at: datetime | None
    ) -> dict[str, object]:
        status = STATUS_AFTER[result.outcome]
        first = timedelta(minutes=self._settings.notices.deferred_retry_minutes[0])
        deferred = status is DeliveryStatus.DEFERRED
        return {
            "status": status,
            "status_reason": STATUS_REASONS[status],
            "smtp_reply": result.reply,
            "handed_over_at": now if status is DeliveryStatus.HANDED_OVER else None,
            "next_attempt_at": (retry_at or now + first) if deferred else None,
        }

    def _call_if_needed(self, uow: UnitOfWork, row: NoticeRow, now: datetime) -> None:
        policy = self._settings.notices
        queued = row.expires_at - timedelta(hours=policy.expires_hours)
        patience = timedelta(hours=policy.telephone_after_deferred_hours)
        if row.status is DeliveryStatus.BOUNCED:
            open_call(uow, row, "the mail was refused for good", now)
        elif row.status is DeliveryStatus.UNKNOWN and not row.kind.spec.needs_manifest:
            open_call(uow, row, "the letters wait, and nobody knows whether it arrived", now)
        elif row.status is DeliveryStatus.SKIPPED:
            open_call(uow, row, UNSENDABLE, now)
        elif row.status is DeliveryStatus.DEFERRED and now - queued >= patience:
            open_call(uow, row, "the mail has been put off for hours", now)


STATUS_REASONS = {
    DeliveryStatus.HANDED_OVER: "the mail server took it",
    DeliveryStatus.DEFERRED: "the mail server put it off",
    DeliveryStatus.BOUNCED: "the mail server refused it for good",
    DeliveryStatus.UNKNOWN: "no clear reply after the letter was sent",
    DeliveryStatus.SKIPPED: UNSENDABLE,
}


def _list_sending(uow: UnitOfWork) -> Sequence[NoticeRow]:
    return uow.notices.list(statuses=(DeliveryStatus.SENDING,))


def _list_unwitnessed(uow: UnitOfWork, rows: Sequence[NoticeRow], now: datetime) -> set[str]:
    """List seals whose letters wait for the message to the witness, or for the delay after it."""
    seals = {row.approval_hash: row for row in rows if row.kind.spec.pausable}
    approvals = {seal: find_approval(uow, row) for seal, row in seals.items()}
    return {
        s for s, approval in approvals.items() if approval and find_wait_reason(uow, approval, now)
    }


def _is_old_enough(row: NoticeRow, now: datetime) -> bool:
    return row.intent_at is not None and now >= row.intent_at + RESEND_AFTER
