"""Append records of many files together with the positions of these files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event

from schemas.errors import RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import IncomingRecord
from streams.intake.append_retry import append_with_retry
from streams.intake.files.follow_memory import AnnouncedAppend, FollowMemory
from streams.intake.files.followed_file import FollowedFile
from streams.intake.splitting.record_buffer import FramedRecord
from streams.ports import EventLog

TRANSPORT = "file"
MOST_RECORDS = 5_000
MOST_BYTES = 4 * 1024 * 1024
_READ_AT_ONCE = 1_000
_MICROSECOND = timedelta(microseconds=1)


class RecordAppender:
    """Of one source; used by one thread at a time."""

    def __init__(
        self,
        source: str,
        log: EventLog,
        memory: FollowMemory,
        now: Callable[[], datetime],
        stop: Event,
        *,
        settles: bool,
    ) -> None:
        """Create an appender. `settles`: the event log can say after a kill which appends were
        made; else they are made again."""
        self._source = source
        self._log = log
        self._memory = memory
        self._now = now
        self._stop = stop
        self._settles = settles
        self._last: RecordPosition | None = None
        self._arrived: datetime | None = None
        self._records: list[tuple[FramedRecord, bool]] = []
        self._bytes = 0
        self._files: dict[int, FollowedFile] = {}
        self.records = 0

    def settle(self) -> None:
        """Settle what a former process, or a failed round, announced; drop what was gathered."""
        self._records.clear()
        self._files.clear()
        self._bytes = 0
        self._memory.settle(self._source, self._was_made)
        self._last = self._log.find_end() if self._settles else None

    def _was_made(self, append: AnnouncedAppend) -> bool:
        if not self._settles:
            return False
        after = append.after
        while records := self._log.read(after, _READ_AT_ONCE):
            if any(
                record.arrived == append.arrived
                and record.source == self._source
                and record.transport == TRANSPORT
                for record in records
            ):
                return True
            after = records[-1].position
        return False

    def add(self, file: FollowedFile, records: Sequence[FramedRecord], *, backfill: bool) -> None:
        """Gather records, and append when there are many. Raises RetryableError at a stop."""
        self._files[file.number] = file
        for record in records:
            self._records.append((record, backfill))
            self._bytes += len(record.raw)
        if len(self._records) >= MOST_RECORDS or self._bytes >= MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Append what was gathered; it is durable on return. Raises RetryableError at a stop."""
        if not self._records:
            return
        positions = [file.compute_position() for file in self._files.values()]
        arrived = self._choose_arrival()
        self._memory.announce(self._source, AnnouncedAppend(self._last, arrived), positions)
        incoming = [
            IncomingRecord(
                self._source,
                framed.raw,
                arrived,
                TRANSPORT,
                backfill=backfill,
                piece=framed.piece,
            )
            for framed, backfill in self._records
        ]
        last = self._append(incoming)
        self._last = last if self._settles else None
        self.records += len(incoming)
        self._records.clear()
        self._files.clear()
        self._bytes = 0

    def _append(self, incoming: Sequence[IncomingRecord]) -> RecordPosition:
        stored = append_with_retry(self._log, incoming, self._stop)
        if stored is None:
            raise RetryableError(
                "records of followed files could not be stored before the stop",
                place=f"source {self._source}",
                remedy="They are read again at the next start.",
            )
        return stored[-1]

    def _choose_arrival(self) -> datetime:
        """Choose a time that no other append of this process has."""
        arrived = self._now()
        if self._arrived is not None and arrived <= self._arrived:
            arrived = self._arrived + _MICROSECOND
        self._arrived = arrived
        return arrived

    def save(self, files: Sequence[FollowedFile], forgotten: Sequence[int] = ()) -> None:
        """Store positions of files of which all records are appended."""
        self.flush()
        self._memory.save(self._source, [file.compute_position() for file in files], forgotten)
