"""Show a person why mail is held, and release it in that person's name."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from breachdesk.casework.authority import require_permission, require_text
from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.attempt import BegunAttempt, LastAttempt
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_states import STARTABLE, UNSETTLED
from schemas.errors import EditConflict, NotAllowed, NotFound
from schemas.settings import Settings
from schemas.user import Actor, Permission


@dataclass(frozen=True, slots=True)
class HeldMail:
    """Why nothing leaves, and every notice that may have left without this store's knowledge."""

    why: str
    """Empty: mail is not held."""
    clock: datetime
    """Of this machine, to compare with a right one."""
    in_store: dict[str, Any] | None
    """The last attempt that the store knows of."""
    beside_store: dict[str, Any] | None
    """The last attempt that the file next to the store records."""
    rows: tuple[NoticeRow, ...]
    expired: int
    """How many of them expire as soon as mail goes on, if this machine's clock is right."""

    @property
    def digest(self) -> str:
        """Digest of the rows as they were shown."""
        text = "\n".join(f"{r.id} {r.message_id} {r.status}" for r in self.rows)
        return hashlib.sha256(text.encode()).hexdigest()


def get_held_mail(
    uow: UnitOfWork, installation: SendingInstallation, settings: Settings, now: datetime
) -> HeldMail:
    """Read why mail is held and what may have left, from the store and the files next to it.
    Changes nothing."""
    account = installation.compare_attempts(uow)
    rows = tuple(uow.notices.list(statuses=UNSETTLED))
    return HeldMail(
        why=mail_hold.get_hold_reason(uow) or account.doubt,
        clock=now,
        in_store=_to_audit_facts(account.last),
        beside_store=_to_audit_facts(account.beside.begun),
        rows=rows,
        expired=sum(_is_expiring(row, settings, now) for row in rows),
    )


def release_mail(
    uow: UnitOfWork,
    user_id: str,
    shown: HeldMail,
    server: str,
    now: datetime,
    *,
    let_expire: bool,
) -> str:
    """Release mail in the name of a person who compared `shown` with the relay's log. Returns why
    it was held.

    Raises NotFound for an unknown user, NotAllowed for one who is disabled or neither responder
    nor approver, and when notices would expire at once unless `let_expire` allows that."""
    actor = _get_actor(uow, user_id)
    require_permission(actor, Permission.RESPONDER, Permission.APPROVER, act="release held mail")
    if shown.expired and not let_expire:
        raise NotAllowed(
            f"{shown.expired} notices would expire at once: by this machine's clock it is "
            f"{now:%Y-%m-%d %H:%M} UTC",
            place="dispatch",
            remedy="Correct the clock. If it is right, add --let-expire: these people are to be "
            "telephoned.",
        )
    facts = {
        "shown": dict(sorted(Counter(row.status.value for row in shown.rows).items())),
        "digest": shown.digest,
        "expired": shown.expired,
        "in_store": shown.in_store,
        "beside_store": shown.beside_store,
    }
    return mail_hold.release_hold(uow, server, actor.id, now, facts)


def record_unrecorded_send(
    uow: UnitOfWork, user_id: str, row_id: int, evidence: str, now: datetime
) -> NoticeRow:
    """Record, while mail is held, that the relay's log shows this notice left. Nothing is mailed
    again.

    Raises NotAllowed when mail is not held or the notice has ended already, and for a person as
    `release_mail` does."""
    actor = _get_actor(uow, user_id)
    require_permission(actor, Permission.RESPONDER, act="settle a notice")
    evidence = require_text(evidence, place="evidence", remedy="Say what the server's log shows.")
    row = uow.notices.get(row_id)
    if not mail_hold.get_hold_reason(uow) or row.status not in STARTABLE:
        raise NotAllowed(
            f"mail is not held, or the notice has ended: it is {row.status.value}",
            place=f"notice {row_id}",
            remedy="breachdesk dispatch --held shows what may have left.",
        )
    updated = row.model_copy(
        update={
            "status": DeliveryStatus.HANDED_OVER,
            "status_reason": f"found in the mail server's log by {actor.id}",
            "handed_over_at": now,
            "next_attempt_at": None,
        }
    )
    if not uow.notices.update(updated, expected=[row.status]):
        raise EditConflict("it changed meanwhile", place=f"notice {row.id}", remedy="Look again.")
    uow.audit.record(
        at=now,
        actor=actor.id,
        action=AuditAction.NOTICE_HELD_HANDED_OVER,
        subject=row.breach_id,
        facts={"notice": row.id, "from": row.status.value, "message": row.message_id},
        personal={"evidence": evidence},
        case_id=uow.breaches.get(row.breach_id).case_id,
    )
    return updated


def _get_actor(uow: UnitOfWork, user_id: str) -> Actor:
    user = uow.users.get(user_id)
    if user is None:
        raise NotFound("no such user", place=user_id, remedy="breachdesk user list names them.")
    if user.disabled:
        raise NotAllowed("this account is disabled", place=user_id, remedy="Ask a colleague.")
    return Actor(id=user.id, permissions=user.permissions)


def _is_expiring(row: NoticeRow, settings: Settings, now: datetime) -> bool:
    """Whether releasing lets the row expire. An unknown row follows its own rules and expires only
    where policy retries it."""
    tried = row.status is not DeliveryStatus.UNKNOWN or settings.notices.unknown_resend
    return tried and row.status is not DeliveryStatus.SENDING and now >= row.expires_at


def _to_audit_facts(last: LastAttempt | BegunAttempt | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {"count": last.count, "attempt": last.attempt, "at": last.at.isoformat()}
