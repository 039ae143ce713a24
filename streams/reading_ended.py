"""Define the outcome of a record when its reading was ended from outside the parser."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import UnparseableRecord


class EndReason(StrEnum):
    """Why."""

    SLOW = "slow"
    MEMORY = "memory"
    ASLEEP = "asleep"
    DIED = "died"


class ReadingEnded(UnparseableRecord):
    """The record becomes a dead letter; the others go on."""

    def __init__(
        self, problem: str, reason: EndReason, *, place: str = "", remedy: str = ""
    ) -> None:
        super().__init__(problem, place=place, remedy=remedy)
        self.reason = reason
