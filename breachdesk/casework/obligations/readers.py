"""Who is to be told on which ground, and who was not told yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.obligations.dossier import Dossier, Reader
from breachdesk.casework.told import Telling
from schemas.affected import Channel, Recipient
from schemas.case import CallOutcome, Task
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


MEANS = {
    None: "by e-mail",
    CallOutcome.REACHED_AND_TOLD: "by telephone",
    CallOutcome.TOLD_IN_PERSON: "in person",
    CallOutcome.LETTER_POSTED: "by post",
}


@dataclass(frozen=True, slots=True)
class Told:
    """How telling these readers stands."""

    owed: tuple[Owed, ...] = ()
    at: datetime | None = None
    """When the last of them was told; None while one is owed, or there are none."""
    how: str | None = None
    """E.g. `3 readers told: 2 by e-mail, 1 by telephone`; None while one is owed."""


def told(dossier: Dossier, wanted: Callable[[Recipient], bool]) -> Told:
    """Of the newest list's recipients that `wanted` picks. A letter of any version tells of the
    breach."""
    manifest = dossier.manifest
    return told_of(dossier, [r for r in (manifest.recipients if manifest else ()) if wanted(r)])


def told_of(dossier: Dossier, readers: Sequence[Recipient]) -> Told:
    """As `told`, of these."""
    first = dossier.first_tellings
    owed = [r for r in readers if _reader(r) not in first]
    if owed or not readers:
        return Told(tuple(owed_to(dossier, reader) for reader in owed))
    done = [first[_reader(reader)] for reader in readers]
    return Told((), max(telling.at for telling in done), _how(done))


def _reader(recipient: Recipient) -> Reader:
    return recipient.customer_id, recipient.person_id, recipient.kind


def _how(done: Sequence[Telling]) -> str:
    counts = Counter(MEANS[telling.spoken] for telling in done)
    means = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    readers = "1 reader" if len(done) == 1 else f"{len(done)} readers"
    return f"{readers} told: {means}"


def owed_to(dossier: Dossier, reader: Recipient) -> Owed:
    """That they are owed it, and how it stands."""
    return Owed(
        customer_id=reader.customer_id,
        person_id=reader.person_id,
        notice=reader.kind,
        because=_stands(dossier, reader),
    )


CALL_SAYS = {
    CallOutcome.MESSAGE_LEFT: "rung: a message was left, and they were not told",
    CallOutcome.NOBODY: "rung: nobody answered",
    CallOutcome.WRONG_NUMBER: "rung: the number was wrong",
    CallOutcome.NOT_RECORDED: "rung: nobody recorded whether they were told",
}


def _call_says(task: Task) -> str:
    if not task.attempts:
        return "to be telephoned"
    said = CALL_SAYS.get(task.attempts[-1].outcome, "not reached by telephone")
    tries = len(task.attempts)
    return said if tries == 1 else f"{said}; {tries} tries so far"


def _stands(dossier: Dossier, reader: Recipient) -> str:
    whose = _reader(reader)
    if whose in dossier.newest_calls:
        return _call_says(dossier.newest_calls[whose])
    if whose in dossier.newest_rows:
        return ROW_SAYS.get(dossier.newest_rows[whose].status, "not told")
    if reader.channel is Channel.TELEPHONE:
        return "to be telephoned once the letters are approved"
    return "no letter to them is approved"
