"""Define the append-only log of raw records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import BlindInterval, IncomingRecord


class EventLog(Protocol):
    """The append-only log of raw records (embedded: the journal; distributed: a topic).

    `append` returns only after the records are durable; until it returns, nothing was received.
    It may be called from any thread; calls are committed in groups. Appending the same bytes twice
    makes two records: idempotence is the event id's business, not the log's.
    """

    def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        """Make the records durable, in this order. Raises RetryableError when the disk refuses."""
        ...

    def read(self, after: RecordPosition | None, limit: int) -> Sequence[RawRecord]:
        """Return at most `limit` records after that position, oldest first; empty when drained.
        Fewer than `limit` does not mean drained: a batch of long records ends earlier.

        Raises CorruptData if `after` lies beyond the end or in a journal that is gone without a
        retention record: a re-used number would be skipped silently."""
        ...

    def get(self, position: RecordPosition) -> RawRecord | None:
        """Return one record, or None if retention has dropped its day."""
        ...

    def find_end(self) -> RecordPosition | None:
        """Return the position of the newest durable record, or None if empty."""
        ...

    def note_gap(self, gap: BlindInterval) -> None:
        """Record that a source was blind; durable like a record."""
        ...

    def list_gaps(self) -> Sequence[BlindInterval]:
        """List all recorded blind intervals, oldest first."""
        ...
