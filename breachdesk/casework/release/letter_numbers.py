"""Number each letter as its reader counts, and find which of our letters it replaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from breachdesk.casework.affected.notification_status import ReaderTelling
from breachdesk.gdpr.roles import CORRECTED_BY
from schemas.casework.affected import Recipient
from schemas.casework.notice import NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.notice_states import IN_DOUBT, NOTIFIED


@dataclass(frozen=True, slots=True)
class LetterNumber:
    """Number of a letter. One that did not leave has no number: nobody read it."""

    number: int = 1
    supersedes: int | None = None
    may_supersede: int | None = None
    """Later than `supersedes`; it may or may not have reached the reader."""
    spoken_before: bool = False
    """The last that reached this reader was no mail of ours: a call, say."""


def compute_number(
    rows: Iterable[NoticeRow], tellings: Iterable[ReaderTelling], recipient: Recipient, version: int
) -> LetterNumber:
    """Compute the number from the letters and corrections that the same reader had from us before
    this version of the facts."""
    chain = [r for r in rows if _is_earlier(r, recipient, version)]
    reached = max((_get_number(r) for r in chain if r.status in NOTIFIED), default=0)
    doubtful = max((_get_number(r) for r in chain if r.status in IN_DOUBT), default=0)
    before = [t for t in tellings if _is_earlier(t, recipient, version)]
    return LetterNumber(
        number=max(reached, doubtful) + 1,
        supersedes=reached or None,
        may_supersede=doubtful if doubtful > reached else None,
        spoken_before=bool(before) and before[-1].spoken is not None,
    )


def _is_earlier(notice: NoticeRow | ReaderTelling, recipient: Recipient, version: int) -> bool:
    """Whether the notice is earlier; a correction follows the letter that it corrects also in the
    same version of the facts."""
    whose = (recipient.customer_id, recipient.person_id, _get_letter_kind(recipient.kind))
    if (notice.customer_id, notice.person_id, _get_letter_kind(notice.kind)) != whose:
        return False
    follows = recipient.kind in CORRECTED_BY and notice.kind not in CORRECTED_BY
    return notice.version < version or (follows and notice.version == version)


def _get_letter_kind(kind: NoticeKind) -> NoticeKind:
    return CORRECTED_BY.get(kind, kind)


def get_approved_number(row: NoticeRow) -> LetterNumber:
    """Return the number that the row's approval fixed."""
    return LetterNumber(_get_number(row), row.supersedes, row.may_supersede, row.spoken_before)


def _get_number(row: NoticeRow) -> int:
    return row.version if row.number is None else row.number
