"""The hold on all mail of a store that several dispatchers share, and what leads to it.

Three marks in the store, read and written in the transactions of the outbox: why mail is held, when
a dispatcher last said that it lives, and which database server mail was last sent from. After an
asynchronous failover the newest attempts may be missing from the store: mail waits for a person
(docs/reference/streaming.md, sections 3 and 4).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from breachdesk.casework.attempts import ACTOR, into_doubt
from breachdesk.ports import UnitOfWork
from schemas.notice import Status

HELD = "dispatch-held"
BEAT = "dispatch-beat"
SERVER = "dispatch-server"
GAP = timedelta(minutes=5)
"""Longer silence of all dispatchers than any restart explains."""
AFTER_GAP = "no dispatcher was seen for more than five minutes while mail was due"
AFTER_FAILOVER = "another database server answers than the one mail was last sent from"


def why_held(uow: UnitOfWork) -> str:
    """Why nothing may leave; empty: it may."""
    return uow.marks.get(HELD) or ""


def beat(uow: UnitOfWork, now: datetime) -> None:
    """Some dispatcher lives now."""
    uow.marks.set(BEAT, now.isoformat())


def missed_beats(uow: UnitOfWork, now: datetime) -> bool:
    """Is the last beat longer ago than the gap, in the future, or unreadable? Never one: no."""
    last = uow.marks.get(BEAT)
    if not last:
        return False
    try:
        return abs(now - datetime.fromisoformat(last)) > GAP
    except ValueError:
        return True


def hold_after_gap(uow: UnitOfWork, now: datetime) -> None:
    """The machine, or the store, was stopped, asleep or restored while mail was due."""
    _hold(uow, AFTER_GAP, now, {})


def is_our_server(uow: UnitOfWork, identity: str, now: datetime, *, remembered: str = "") -> bool:
    """Did mail last leave from this database server (or never yet)? The first time it is noted.

    `remembered`: the server that the asking process entered at; it counts when the note itself was
    lost. When another answers: what was being sent is in doubt, and all mail is held.
    """
    noted = uow.marks.get(SERVER) or ""
    known = noted or remembered
    if known in ("", identity):
        if noted != identity:
            uow.marks.set(SERVER, identity)
        return True
    sending = uow.notices.list(statuses=(Status.SENDING,))
    said = "the database server changed while it was being sent"
    doubtful = into_doubt(uow, sending, said, now)
    _hold(uow, AFTER_FAILOVER, now, {"before": known, "now": identity, "unknown": doubtful})
    return False


def release(uow: UnitOfWork, identity: str, actor: str, now: datetime) -> str:
    """A person has compared the notices with the relay's log: mail goes on, from this database
    server. Returns why it was held; empty: it was not."""
    why = why_held(uow)
    known = uow.marks.get(SERVER) or ""
    uow.marks.set(HELD, "")
    uow.marks.set(SERVER, identity)
    beat(uow, now)
    facts = {"held": why, "before": known, "now": identity}
    uow.audit.record(at=now, actor=actor, act="dispatch:released", subject="dispatch", facts=facts)
    return why


def _hold(uow: UnitOfWork, why: str, now: datetime, facts: dict[str, object]) -> None:
    if why_held(uow):
        return
    uow.marks.set(HELD, why)
    uow.audit.record(
        at=now, actor=ACTOR, act="dispatch:held", subject="dispatch", facts={"why": why, **facts}
    )
