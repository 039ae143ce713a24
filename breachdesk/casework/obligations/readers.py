"""Compute which readers are to be notified on which ground, and which were not yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.casework.affected.notification_status import ReaderTelling
from breachdesk.casework.obligations.dossier import BreachDossier, Reader
from schemas.casework.affected import ContactChannel, Recipient
from schemas.casework.case import CallOutcome, CaseTask
from schemas.casework.notice import DeliveryStatus
from schemas.casework.obligation import PendingReader

ROW_SAYS = {
    DeliveryStatus.QUEUED: "the letter has not left yet",
    DeliveryStatus.SENDING: "the letter has not left yet",
    DeliveryStatus.DEFERRED: "their mail server put the letter off",
    DeliveryStatus.BOUNCED: "the letter came back",
    DeliveryStatus.UNKNOWN: "nobody knows whether the letter arrived",
    DeliveryStatus.EXPIRED: "the letter expired before it left",
    DeliveryStatus.SKIPPED: "the letter was not sent",
}


MEANS = {
    None: "by e-mail",
    CallOutcome.REACHED_AND_TOLD: "by telephone",
    CallOutcome.TOLD_IN_PERSON: "in person",
    CallOutcome.LETTER_POSTED: "by post",
}


@dataclass(frozen=True, slots=True)
class TellingProgress:
    """How many of these readers were notified, and which were not."""

    owed: tuple[PendingReader, ...] = ()
    at: datetime | None = None
    """When the last of them was told; None while one is owed, or there are none."""
    how: str | None = None
    """E.g. `3 readers told: 2 by e-mail, 1 by telephone`; None while one is owed."""


def compute_progress(
    dossier: BreachDossier, is_selected: Callable[[Recipient], bool]
) -> TellingProgress:
    """Compute the progress of the newest list's recipients that `is_selected` selects. A letter of any
    version notifies of the breach."""
    manifest = dossier.manifest
    return compute_progress_of(
        dossier, [r for r in (manifest.recipients if manifest else ()) if is_selected(r)]
    )


def compute_progress_of(dossier: BreachDossier, readers: Sequence[Recipient]) -> TellingProgress:
    """Compute the progress of these readers, as `compute_progress` does."""
    first = dossier.first_tellings
    owed = [r for r in readers if _get_reader(r) not in first]
    if owed or not readers:
        return TellingProgress(tuple(build_owed(dossier, reader) for reader in owed))
    first_tellings = [first[_get_reader(reader)] for reader in readers]
    return TellingProgress(
        (), max(telling.at for telling in first_tellings), _describe_means(first_tellings)
    )


def _get_reader(recipient: Recipient) -> Reader:
    return recipient.customer_id, recipient.person_id, recipient.kind


def _describe_means(tellings: Sequence[ReaderTelling]) -> str:
    counts = Counter(MEANS[telling.spoken] for telling in tellings)
    means = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    readers = "1 reader" if len(tellings) == 1 else f"{len(tellings)} readers"
    return f"{readers} told: {means}"


def build_owed(dossier: BreachDossier, reader: Recipient) -> PendingReader:
    """Build the pending reader with the status of the letter or call."""
    return PendingReader(
        customer_id=reader.customer_id,
        person_id=reader.person_id,
        notice=reader.kind,
        because=_describe_status(dossier, reader),
    )


CALL_SAYS = {
    CallOutcome.MESSAGE_LEFT: "rung: a message was left, and they were not told",
    CallOutcome.NOBODY: "rung: nobody answered",
    CallOutcome.WRONG_NUMBER: "rung: the number was wrong",
    CallOutcome.NOT_RECORDED: "rung: nobody recorded whether they were told",
}


def _describe_call(task: CaseTask) -> str:
    if not task.attempts:
        return "to be telephoned"
    outcome = CALL_SAYS.get(task.attempts[-1].outcome, "not reached by telephone")
    tries = len(task.attempts)
    return outcome if tries == 1 else f"{outcome}; {tries} tries so far"


def _describe_status(dossier: BreachDossier, reader: Recipient) -> str:
    whose = _get_reader(reader)
    if whose in dossier.newest_calls:
        return _describe_call(dossier.newest_calls[whose])
    if whose in dossier.newest_rows:
        return ROW_SAYS.get(dossier.newest_rows[whose].status, "not told")
    if reader.channel is ContactChannel.TELEPHONE:
        return "to be telephoned once the letters are approved"
    return "no letter to them is approved"
