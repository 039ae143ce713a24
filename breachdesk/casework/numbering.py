"""Which number a letter bears, as its reader counts, and which of our letters it replaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from breachdesk.casework.told import Telling
from breachdesk.gdpr.roles import CORRECTED_BY
from schemas.affected import NoticeKind, Recipient
from schemas.notice import NoticeRow
from schemas.notice_states import IN_DOUBT, NOTIFIED


@dataclass(frozen=True, slots=True)
class Numbering:
    """A letter that did not leave has no number: nobody read it."""

    number: int = 1
    supersedes: int | None = None
    may_supersede: int | None = None
    """Later than `supersedes`; it may or may not have reached the reader."""
    spoken_before: bool = False
    """The last that reached this reader was no mail of ours: a call, say."""


def numbering_of(
    rows: Iterable[NoticeRow], tellings: Iterable[Telling], recipient: Recipient, version: int
) -> Numbering:
    """By what the same reader had from us before this version of the facts: letters, and the
    corrections of these, are counted together."""
    chain = [r for r in rows if _is_earlier(r, recipient, version)]
    reached = max((_number(r) for r in chain if r.status in NOTIFIED), default=0)
    doubtful = max((_number(r) for r in chain if r.status in IN_DOUBT), default=0)
    before = [t for t in tellings if _is_earlier(t, recipient, version)]
    return Numbering(
        number=max(reached, doubtful) + 1,
        supersedes=reached or None,
        may_supersede=doubtful if doubtful > reached else None,
        spoken_before=bool(before) and before[-1].spoken is not None,
    )


def _is_earlier(told: NoticeRow | Telling, recipient: Recipient, version: int) -> bool:
    """A correction follows the letter that it corrects also in the same version of the facts."""
    whose = (recipient.customer_id, recipient.person_id, _letter(recipient.kind))
    if (told.customer_id, told.person_id, _letter(told.kind)) != whose:
        return False
    follows = recipient.kind in CORRECTED_BY and told.kind not in CORRECTED_BY
    return told.version < version or (follows and told.version == version)


def _letter(kind: NoticeKind) -> NoticeKind:
    return CORRECTED_BY.get(kind, kind)


def numbering_on(row: NoticeRow) -> Numbering:
    """As the row's approval fixed it."""
    return Numbering(_number(row), row.supersedes, row.may_supersede, row.spoken_before)


def _number(row: NoticeRow) -> int:
    return row.version if row.number is None else row.number
