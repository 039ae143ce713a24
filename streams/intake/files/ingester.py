"""Convert chunks of one input to records in the event log, with the facts of their arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.pipeline.source import IncomingRecord
from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.record_splitter import RecordSplitter
from streams.ports import EventLog


class FileIngester:
    """One file's way into the log. `take` returns when its records are durable."""

    def __init__(
        self,
        log: EventLog,
        *,
        source: str,
        now: Callable[[], datetime],
        backfill: bool,
        limit: int,
    ) -> None:
        self._log = log
        self._source = source
        self._now = now
        self._backfill = backfill
        self._limit = limit
        self._splitter = RecordSplitter(limit)
        self.records = 0

    def take(self, chunk: bytes) -> None:
        """Append the records that are complete with this chunk."""
        self._append(self._splitter.feed(chunk))

    def finish(self) -> None:
        """Finish the input: its last line counts as complete; another input may follow."""
        self._append(self._splitter.finish())
        self._splitter = RecordSplitter(self._limit)

    def _append(self, framed: Sequence[FramedRecord]) -> None:
        if not framed:
            return
        arrived = self._now()
        self._log.append(
            [
                IncomingRecord(
                    self._source, raw, arrived, "file", backfill=self._backfill, piece=piece
                )
                for raw, piece in framed
            ]
        )
        self.records += len(framed)
