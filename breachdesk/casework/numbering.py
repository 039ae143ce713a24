"""Which number a letter bears, as its reader counts, and which of our letters it replaces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.affected import Recipient
from schemas.notice import NoticeRow, Status

REACHED = (Status.HANDED_OVER, Status.DELIVERED)
IN_DOUBT = (Status.UNKNOWN, Status.SENDING)


@dataclass(frozen=True, slots=True)
class Numbering:
    """A letter that did not leave has no number: nobody read it."""

    number: int = 1
    supersedes: int | None = None
    may_supersede: int | None = None
    """Later than `supersedes`; it may or may not have reached the reader."""


def numbering_of(rows: Iterable[NoticeRow], recipient: Recipient, version: int) -> Numbering:
    """By the rows of the same reader and kind of letter before this version of the facts."""
    whose = (recipient.customer_id, recipient.person_id, recipient.kind)
    earlier = [
        r for r in rows if (r.customer_id, r.person_id, r.kind) == whose and r.version < version
    ]
    reached = max((_number(r) for r in earlier if r.status in REACHED), default=0)
    doubtful = max((_number(r) for r in earlier if r.status in IN_DOUBT), default=0)
    return Numbering(
        number=max(reached, doubtful) + 1,
        supersedes=reached or None,
        may_supersede=doubtful if doubtful > reached else None,
    )


def numbering_on(row: NoticeRow) -> Numbering:
    """As the row's approval fixed it."""
    return Numbering(_number(row), row.supersedes, row.may_supersede)


def _number(row: NoticeRow) -> int:
    return row.version if row.number is None else row.number
