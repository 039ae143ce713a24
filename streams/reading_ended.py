"""A record whose reading was ended from outside the parser."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import Unparseable


class Reason(StrEnum):
    """Why."""

    SLOW = "slow"
    MEMORY = "memory"
    ASLEEP = "asleep"
    DIED = "died"


class ReadingEnded(Unparseable):
    """The record becomes a dead letter; the others go on."""

    def __init__(self, problem: str, reason: Reason, *, place: str = "", remedy: str = "") -> None:
        super().__init__(problem, place=place, remedy=remedy)
        self.reason = reason
