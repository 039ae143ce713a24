"""Who is to be told on which ground, and who was not told yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.telephone import notice_of
from schemas.affected import Channel, Recipient
from schemas.case import TaskKind
from schemas.notice import Status
from schemas.obligation import Owed

ROW_SAYS = {
    Status.QUEUED: "the letter has not left yet",
    Status.SENDING: "the letter has not left yet",
    Status.DEFERRED: "their mail server put the letter off",
    Status.BOUNCED: "the letter came back",
    Status.UNKNOWN: "nobody knows whether the letter arrived",
    Status.EXPIRED: "the letter expired before it left",
    Status.SKIPPED: "the letter was not sent",
}


@dataclass(frozen=True, slots=True)
class Told:
    """How telling these readers stands."""

    owed: tuple[Owed, ...]
    at: datetime | None
    """When the last of them was told; None while one is owed, or there are none."""
    count: int
    """Of all readers, told or not."""
    by_telephone: bool
    """At least one of them was told by telephone."""


def told(dossier: Dossier, wanted: Callable[[Recipient], bool]) -> Told | None:
    """Of the newest list's recipients that `wanted` picks; None: it picks nobody. A letter of any
    version tells of the breach."""
    manifest = dossier.manifest
    readers = [r for r in (manifest.recipients if manifest else ()) if wanted(r)]
    if not readers:
        return None
    first: dict[tuple[str, str, str], datetime] = {}
    for telling in dossier.tellings:
        first.setdefault(telling.reader, telling.at)
    keys = [(r.customer_id, r.person_id, r.kind) for r in readers]
    owed = tuple(
        owed_to(dossier, reader)
        for reader, key in zip(readers, keys, strict=True)
        if key not in first
    )
    at = None if owed else max(first[key] for key in keys)
    calls = {r.reader for r in dossier.tellings if r.by_telephone}
    return Told(owed, at, len(keys), any(key in calls for key in keys))


def owed_to(dossier: Dossier, reader: Recipient) -> Owed:
    """That they are owed it, and how it stands."""
    return Owed(
        customer_id=reader.customer_id,
        person_id=reader.person_id,
        notice=reader.kind,
        because=_stands(dossier, reader),
    )


def _stands(dossier: Dossier, reader: Recipient) -> str:
    whose = (reader.customer_id, reader.person_id)
    for task in reversed(dossier.case.tasks):
        notice = notice_of(task, dossier.breach.id)
        theirs = (task.customer_id, task.person_id) == whose and notice
        if theirs and notice and notice[0] is reader.kind and task.kind is TaskKind.TELEPHONE:
            return "not reached by telephone yet"
    rows = [
        r for r in dossier.rows if (r.customer_id, r.person_id, r.kind) == (*whose, reader.kind)
    ]
    if rows:
        return ROW_SAYS.get(rows[-1].status, "not told")
    if reader.channel is Channel.TELEPHONE:
        return "to be telephoned once the letters are approved"
    return "no letter to them is approved"
