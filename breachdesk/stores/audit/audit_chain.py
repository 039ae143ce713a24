"""Check how one audit entry follows another, in the store and in a bundle."""

from __future__ import annotations

from pydantic import ValidationError

from schemas.audit import GENESIS, AuditEntry
from schemas.errors import CorruptData

REMEDY = "Keep this copy as it is, restore a backup next to it, and compare the two."


class AuditChain:
    """Follows entries one by one from the first."""

    def __init__(self) -> None:
        self.seq = 0
        self.hash = GENESIS

    def follow(self, entry: AuditEntry) -> None:
        """Take the next entry. Raises CorruptData when it is not the next, or was altered."""
        expected = self.seq + 1
        if entry.seq != expected:
            raise _build_corrupt_error(f"entry {expected} is missing or out of order", expected)
        if entry.previous != self.hash:
            raise _build_corrupt_error("it does not follow the entry before it", expected)
        if entry.compute_hash() != entry.hash:
            raise _build_corrupt_error("its content was altered", expected)
        self.seq, self.hash = entry.seq, entry.hash

    def follow_text(self, text: bytes) -> AuditEntry:
        """Take the next entry as it was written: not a byte may differ, even where the meaning
        would be the same. Raises CorruptData."""
        expected = self.seq + 1
        try:
            entry = AuditEntry.model_validate_json(text)
        except ValidationError:
            raise _build_corrupt_error("it cannot be read", expected) from None
        self.follow(entry)
        if entry.model_dump_json().encode() != text:
            raise _build_corrupt_error("its text was altered", expected)
        return entry

    def check_end(self, seq: int, link: str) -> None:
        """Raises CorruptData when entries are missing at the end."""
        if (self.seq, self.hash) != (seq, link):
            raise _build_corrupt_error(
                f"the chain should end at entry {seq}", min(self.seq, seq) + 1
            )


def parse_entry(text: str | bytes) -> AuditEntry:
    """Parse one stored entry without checking its links. Raises CorruptData."""
    try:
        return AuditEntry.model_validate_json(text)
    except ValidationError:
        raise CorruptData("it cannot be read", place="an audit entry", remedy=REMEDY) from None


def _build_corrupt_error(problem: str, seq: int) -> CorruptData:
    return CorruptData(problem, place=f"audit entry {seq}", remedy=REMEDY)
