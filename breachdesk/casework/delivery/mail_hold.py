"""The hold on all mail of a store, and what leads to it.

Marks in the store, read and written in the transactions of the outbox: why mail is held, when a
dispatcher last said that it lives, and which database server mail was last sent from. Whatever
holds mail, a named person releases it (docs/reference/streaming.md, section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from breachdesk.casework.delivery.attempts import ACTOR, mark_unknown
from breachdesk.casework.delivery.installation import accept_installation
from breachdesk.ports import UnitOfWork
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
    """Why nothing may leave; empty: it may."""
    return uow.marks.get(HOLD_MARK) or ""


def record_heartbeat(uow: UnitOfWork, now: datetime) -> None:
    """Some dispatcher lives now."""
    uow.marks.set(HEARTBEAT_MARK, now.isoformat())


def find_last_heartbeat(uow: UnitOfWork) -> datetime | None:
    """When a dispatcher last said that it lives. None: never, or it cannot be read."""
    try:
        return datetime.fromisoformat(uow.marks.get(HEARTBEAT_MARK) or "")
    except ValueError:
        return None


def is_gap(last: datetime, now: datetime) -> bool:
    """Does it lie longer ago than any restart takes, or in the future?"""
    return abs(now - last) > GAP


def hold_after_gap(uow: UnitOfWork, now: datetime) -> None:
    """The machine, or the store, was stopped, asleep or restored while mail was due, or its clock
    is wrong."""
    hold_mail(uow, AFTER_GAP, now, {})


def note_server(uow: UnitOfWork, identity: str) -> None:
    """Bind a store that never held a notice to its database server. Does nothing to another one."""
    if is_server_unknown(uow):
        uow.marks.set(SERVER_MARK, identity)


def is_server_unknown(uow: UnitOfWork) -> bool:
    """Would `note_server` do anything?"""
    return not uow.marks.get(SERVER_MARK) and not any(uow.notices.count_by_status().values())


def is_our_server(uow: UnitOfWork, identity: str, now: datetime, *, remembered: str = "") -> bool:
    """Did mail last leave from this database server?

    `remembered`: the server that the asking process entered at; it counts when the note itself was
    lost. When another answers, or a store that holds notices names none: what was being sent is in
    doubt, and all mail is held.
    """
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
    """A person has compared the notices with the relay's log: mail goes on, from this database
    server and from installations that were in doubt until now. `shown`: what the person was told.
    Returns why it was held; empty: it was not."""
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
    uow.audit.record(at=now, actor=actor, act="dispatch:released", subject="dispatch", facts=facts)
    return why


def hold_mail(uow: UnitOfWork, why: str, now: datetime, facts: dict[str, object]) -> None:
    """Nothing leaves from now on. A hold that stands already keeps its reason."""
    if get_hold_reason(uow):
        return
    uow.marks.set(HOLD_MARK, why)
    uow.audit.record(
        at=now, actor=ACTOR, act="dispatch:held", subject="dispatch", facts={"why": why, **facts}
    )
