"""Implement the embedded event log: one SQLite file a day, one writer thread, readers with their
own connections.

Semantics: streams.ports.EventLog; reasons: docs/reference/streaming.md. Positions are
(journal id, offset): ids sort by day and are never made twice, offsets rise by one and are never
given twice. A file is named after the arrival day (UTC) of its first record; records that arrived
earlier but were written later follow in the newest file, because readers only go forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

from schemas.errors import CorruptData
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import BlindInterval, IncomingRecord
from streams.event_logs import journal_file
from streams.event_logs.connections import open_reader
from streams.event_logs.frames import list_positions, to_columns
from streams.event_logs.group_commit import GroupCommit
from streams.event_logs.journal_folder import JournalFolder
from streams.event_logs.journal_metadata import JournalMetadata
from streams.event_logs.journal_writer import JournalWriter
from streams.event_logs.newest_frames import NewestFrames
from streams.ports import EventLog

READ_BYTES = 32 * 1024 * 1024
"""A thousand of the longest lines, 4 GiB, do not fit into memory: a batch ends earlier."""


class SqliteEventLog(EventLog):
    """Implements streams.ports.EventLog on a folder."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        """Makes the folder if need be. Raises ConfigurationError when it cannot be used."""
        self._folder = JournalFolder(folder)
        self._ledger = JournalMetadata(folder)
        self._newest = NewestFrames()
        self._writer = JournalWriter(self._folder, self._ledger, now, self._newest)
        self._commits = GroupCommit(self._writer.write)
        self._closed = False
        try:
            self._commits.run(self._writer.prepare)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Wait for what is being written, then let go of everything."""
        if self._closed:
            return
        self._closed = True
        self._commits.run(self._writer.close)
        self._commits.close()
        self._folder.close()

    def append(self, incoming: Sequence[IncomingRecord]) -> Sequence[RecordPosition]:
        if not incoming:
            return []
        columns = to_columns(incoming)
        sizes = [len(each) for each in columns]
        firsts = self._commits.append(columns)
        return [
            position
            for first, size in zip(firsts, sizes, strict=True)
            for position in list_positions(first, size)
        ]

    def read(self, after: RecordPosition | None, limit: int) -> Sequence[RawRecord]:
        records = self._list_newest_records(after, limit)
        if len(records) >= limit:
            return records
        most_bytes = READ_BYTES - sum(len(record.raw) for record in records)
        for start in self._iterate_starts(after, records):
            rows = self._read_one(start, limit - len(records), most_bytes)
            most_bytes -= sum(len(record.raw) for record in rows)
            records += rows
            if len(records) >= limit or most_bytes <= 0:
                break
        return records

    def _list_newest_records(self, after: RecordPosition | None, limit: int) -> list[RawRecord]:
        """List what memory holds of the file in hand."""
        if after is None or not self._folder.has_journal(after.journal):
            return []
        return self._newest.list_records_after(after.journal, after.offset, limit)

    def _iterate_starts(
        self, after: RecordPosition | None, records: Sequence[RawRecord]
    ) -> Iterator[RecordPosition]:
        """Yield where to continue, one file after the other; `records` holds those read so far.

        The folder is listed only if memory and the file of `after` do not suffice. A later file is
        begun only when nothing is added to the former any more: what was added before the listing
        is read before the later ones are."""
        if after is not None and self._folder.has_journal(after.journal):
            if not records:
                yield after
            journals = self._folder.list_journals()
            yield records[-1].position if records else after
        else:
            journals = self._folder.list_journals()
            if after is not None:
                self._check_dropped(after)
        for journal in journals:
            if after is None or journal > after.journal:
                yield RecordPosition(journal, 0)

    def _read_one(self, after: RecordPosition, limit: int, most_bytes: int) -> list[RawRecord]:
        """Read from memory what this process wrote last, the rest from the file."""
        newest: list[RawRecord] = []
        if most_bytes > self._newest.most_bytes:
            newest = self._newest.list_records_after(after.journal, after.offset, limit)
        if not newest:
            return self._read_file(after, limit, most_bytes)
        if len(newest) < limit:
            most_bytes -= sum(len(record.raw) for record in newest)
            newest += self._read_file(newest[-1].position, limit - len(newest), most_bytes)
        return newest

    def _read_file(self, after: RecordPosition, limit: int, most_bytes: int) -> list[RawRecord]:
        with open_reader(self._folder.get_path(after.journal)) as connection:
            journal_file.check_identity(connection, after.journal)
            last = journal_file.get_last_offset(connection)
            if after.offset > last:
                raise _build_lost_tail(after, last)
            if after.offset == last:
                return []
            return list(journal_file.iterate_records_after(connection, after, limit, most_bytes))

    def get(self, position: RecordPosition) -> RawRecord | None:
        if not self._folder.has_journal(position.journal):
            self._check_dropped(position)
            return None
        before = RecordPosition(position.journal, position.offset - 1)
        return next(iter(self._read_one(before, 1, READ_BYTES)), None)

    def _check_dropped(self, position: RecordPosition) -> None:
        if position.journal in self._ledger.get_dropped():
            return
        raise CorruptData(
            "a stored position lies in a journal that is gone, and retention did not drop it.",
            place=f"journal {position.journal}",
            remedy="Restore that file from a backup into the journal's folder, then start again.",
        )

    def find_end(self) -> RecordPosition | None:
        for journal in reversed(self._folder.list_journals()):
            with open_reader(self._folder.get_path(journal)) as connection:
                last = journal_file.get_last_offset(connection)
            if last:
                return RecordPosition(journal, last)
        return None

    def find_before(self, arrived: datetime) -> RecordPosition | None:
        """Find a position before everything that arrived on that day (UTC) or later. None: the
        beginning."""
        for journal in self._folder.list_journals():
            if journal[:8] >= f"{arrived:%Y%m%d}":
                return RecordPosition(journal, 0)
        return None

    def note_gap(self, gap: BlindInterval) -> None:
        self._commits.run(lambda: self._writer.note_gap(gap))

    def list_gaps(self) -> Sequence[BlindInterval]:
        return self._ledger.list_gaps()

    def list_days(self) -> Sequence[date]:
        """List the days (UTC) that have a file, oldest first."""
        return sorted({date.fromisoformat(name[:8]) for name in self._folder.list_journals()})

    def list_journals(self, day: date) -> Sequence[str]:
        """List the ids of that day's files."""
        return [name for name in self._folder.list_journals() if name.startswith(f"{day:%Y%m%d}")]

    def drop_day(
        self, day: date, *, processed: RecordPosition | None, reason: str = "retention"
    ) -> int:
        """Remove a day's file for good and record that; how many files that was.

        `processed` is the store's position. Raises NotAllowed when the day lies beyond it.
        """
        return self._commits.run(lambda: self._writer.drop_day(f"{day:%Y%m%d}", processed, reason))


def _build_lost_tail(after: RecordPosition, last: int) -> CorruptData:
    return CorruptData(
        f"the store has processed offset {after.offset}, but the journal ends at {last}: "
        "its tail is lost, and going on would skip new records silently.",
        place=f"journal {after.journal}",
        remedy="Restore that file from a backup, or restore store and journal of the same time.",
    )
