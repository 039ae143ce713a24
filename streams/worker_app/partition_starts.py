"""Decide where reading of a partition begins, or refuse to read."""

from __future__ import annotations

from typing import NamedTuple

from schemas.errors import CorruptData
from streams.ports import StoredPosition

REMEDY = (
    "What was not processed is lost: record a blind interval, then breachdesk replay"
    " --from-beginning."
)


class PartitionStart(NamedTuple):
    """A partition as the broker has it now."""

    partition: str
    journal: str
    """Identifies this creation of the topic: a re-created one has another."""
    begin: int
    """First offset held."""
    end: int
    """Offset that the next record gets."""

    def find_next_offset(self, stored: StoredPosition) -> int:
        """Return the offset to read next. Raises CorruptData if the store's position does not fit:
        records lost to retention or truncation, or a re-created topic, are never skipped
        silently."""
        place = stored.position
        if place is None:
            return self.begin
        if place.journal != self.journal:
            raise CorruptData(
                "the stored position belongs to an earlier creation of this topic",
                place=self.partition,
                remedy=f"The topic was deleted and re-created. {REMEDY}",
            )
        following = place.offset + 1
        if following < self.begin:
            raise CorruptData(
                f"the topic begins at {self.begin}, but {following} is the next to be processed",
                place=self.partition,
                remedy=f"Retention dropped records before they were processed. {REMEDY}",
            )
        if following > self.end:
            raise CorruptData(
                f"the topic ends at {self.end}, but {following} is the next to be processed",
                place=self.partition,
                remedy=f"The broker lost records that it had acknowledged. {REMEDY}",
            )
        return following
