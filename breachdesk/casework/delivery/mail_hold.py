"""Hold all mail of a store, and detect what requires it.

Marks in the store, read and written in the transactions of the outbox, record why mail is held, the
last heartbeat of a dispatcher, and which database server mail was last sent from. A named person
releases every hold (docs/reference/streaming.md, Mail)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from breachdesk.casework.delivery.attempts import ACTOR, mark_unknown
from breachdesk.casework.delivery.installation import accept_installation
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.casework.notice import DeliveryStatus

HOLD_MARK = "dispatch-held"
HEARTBEAT_MARK = "dispatch-beat"
SERVER_MARK = "dispatch-server"
GAP = timedelta(minutes=5)
"""Longer silence of all dispatchers than any restart explains."""
AFTER_GAP = (
    "no dispatcher was seen for more than five minutes while mail waited, or the clock was moved"
)
AFTER_FAILOVER = "another database server answers than the one mail was last sent from"
NO_SERVER = "the store does not say which database server mail may leave from"


def get_hold_reason(uow: UnitOfWork) -> str:
    """Return why mail is held; empty when it is not."""
    return uow.marks.get(HOLD_MARK) or ""


def record_heartbeat(uow: UnitOfWork, now: datetime) -> None:
    """Record that a dispatcher is alive now."""
    uow.marks.set(HEARTBEAT_MARK, now.isoformat())


def find_last_heartbeat(uow: UnitOfWork) -> datetime | None:
    """Find the last heartbeat of any dispatcher. None: there is none, or it cannot be read."""
    try:
        return datetime.fromisoformat(uow.marks.get(HEARTBEAT_MARK) or "")
    except ValueError:
        return None


def is_gap(last: datetime, now: datetime) -> bool:
    """Whether the last heartbeat is older than any restart takes, or in the future."""
    return abs(now - last) > GAP


def hold_after_gap(uow: UnitOfWork, now: datetime) -> None:
    """Hold mail after a gap: the machine or the store was stopped, asleep or restored while mail
    was due, or its clock is wrong."""
    hold_mail(uow, AFTER_GAP, now, {})


def note_server(uow: UnitOfWork, identity: str) -> None:
    """Bind a store that never held a notice to its database server. Does nothing to another one."""
    if is_server_unknown(uow):
        uow.marks.set(SERVER_MARK, identity)


def is_server_unknown(uow: UnitOfWork) -> bool:
    """Whether `note_server` would change anything."""
    return not uow.marks.get(SERVER_MARK) and not any(uow.notices.count_by_status().values())


def is_our_server(uow: UnitOfWork, identity: str, now: datetime, *, remembered: str = "") -> bool:
    """Whether mail last left from this database server.

    `remembered` is the server at which this process entered; it counts when the note itself was
    lost. When another server responds, or a store that holds notices names none, notices being sent
    become unknown and all mail is held."""
    noted = uow.marks.get(SERVER_MARK) or ""
    known = noted or remembered
    if known == identity or (known and identity.startswith(f"{known}/")):
        # An earlier version noted less of the same server.
        if noted != identity:
            uow.marks.set(SERVER_MARK, identity)
        return True
    if not known and is_server_unknown(uow):
        note_server(uow, identity)
        return True
    sending = uow.notices.list(statuses=(DeliveryStatus.SENDING,))
    reason = "the database server changed while it was being sent"
    doubtful = mark_unknown(uow, sending, reason, now)
    why = AFTER_FAILOVER if known else NO_SERVER
    hold_mail(uow, why, now, {"before": known, "now": identity, "unknown": doubtful})
    return False


def release_hold(
    uow: UnitOfWork,
    identity: str,
    actor: str,
    now: datetime,
    shown: Mapping[str, object] | None = None,
) -> str:
    """Release mail after a person compared the notices with the relay's log: from this database
    server, and from installations that were in doubt until now. `shown` is what the person was
    shown. Returns why mail was held; empty when it was not."""
    why = get_hold_reason(uow)
    known = uow.marks.get(SERVER_MARK) or ""
    uow.marks.set(HOLD_MARK, "")
    uow.marks.set(SERVER_MARK, identity)
    record_heartbeat(uow, now)
    facts = {
        "held": why,
        "before": known,
        "now": identity,
        "doubts": accept_installation(uow),
        **(shown or {}),
    }
    uow.audit.record(
        at=now, actor=actor, action=AuditAction.DISPATCH_RELEASED, subject="dispatch", facts=facts
    )
    return why


def hold_mail(uow: UnitOfWork, why: str, now: datetime, facts: dict[str, object]) -> None:
    """Hold all mail from now on. An existing hold keeps its reason."""
    if get_hold_reason(uow):
        return
    uow.marks.set(HOLD_MARK, why)
    uow.audit.record(
        at=now,
        actor=ACTOR,
        action=AuditAction.DISPATCH_HELD,
        subject="dispatch",
        facts={"why": why, **facts},
    )
