"""The one that writes: finds today's file, adds frames, commits, checkpoints, drops days.

Runs in the log's single writer thread; other processes are kept out by the folder's lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby

from schemas.errors import NotAllowed
from schemas.event import Position
from schemas.source import BlindInterval
from streams.event_logs import journal_file
from streams.event_logs.connections import open_writer, reading, told, transaction
from streams.event_logs.frames import Columns, merge
from streams.event_logs.journal_folder import JournalFolder, new_id
from streams.event_logs.ledger import Ledger
from streams.event_logs.newest_frames import NewestFrames

_CHECKPOINT_BYTES = 8 * 1024 * 1024


class JournalWriter:
    """State of the writer thread: at most one open file, the newest."""

    def __init__(
        self,
        folder: JournalFolder,
        ledger: Ledger,
        now: Callable[[], datetime],
        newest: NewestFrames,
    ) -> None:
        self._folder = folder
        self._newest = newest
        self._ledger = ledger
        self._now = now
        self._journal = ""
        self._connection: sqlite3.Connection | None = None
        self._since_checkpoint = 0

    def prepare(self) -> None:
        """Clear up after a crash and make the ledger. Raises Retryable, Corrupt, Misconfigured."""
        with self._folder.locked():
            self._folder.sweep()
            self._ledger.create()
            for journal in self._ledger.dropped():
                self._folder.remove(journal)
            self._folder.owns_checkpoints()

    def write(self, columns: Sequence[Columns]) -> list[Position]:
        """Make them durable, in order; the first position of each. Raises Retryable or Corrupt."""
        with self._folder.locked():
            try:
                return self._write(columns)
            except (sqlite3.Error, OSError) as error:
                self._let_go()
                raise told(error, self._folder.path) from error

    def _write(self, columns: Sequence[Columns]) -> list[Position]:
        firsts: list[Position] = []
        for day, part in groupby(columns, key=lambda each: each.day):
            firsts += self._write_to_one(self._journal_for(day), list(part))
        return firsts

    def _write_to_one(self, journal: str, columns: Sequence[Columns]) -> list[Position]:
        """Columns of one day: small ones are merged into frames, one transaction for all."""
        connection = self._opened(journal)
        groups = _packed(columns)
        counts = [[len(part) for part in group] for group in groups]
        frames = [merge(group) for group in groups]
        with transaction(connection):
            offsets = journal_file.add_frames(connection, frames)
        for first, frame in zip(offsets, frames, strict=True):
            self._newest.add(journal, first, frame)
        self._since_checkpoint += sum(frame.size for frame in frames)
        self._checkpoint_if_due(connection)
        return [
            Position(journal, offset)
            for first, sizes in zip(offsets, counts, strict=True)
            for offset in _starts(first, sizes)
        ]

    def _journal_for(self, day: str) -> str:
        """The newest file, or a new one when the day has moved on. Never an older one: its readers
        have gone past it."""
        journals = self._folder.journals()
        if journals and journals[-1][:8] >= day:
            return journals[-1]
        journal = new_id(day, [*journals, *self._ledger.dropped()])
        journal_file.make(self._folder, journal)
        return journal

    def _opened(self, journal: str) -> sqlite3.Connection:
        if self._connection is None or self._journal != journal:
            self._close_file()
            self._connection = open_writer(self._folder.file(journal))
            journal_file.check_identity(self._connection, journal)
            self._journal = journal
        return self._connection

    def _checkpoint_if_due(self, connection: sqlite3.Connection) -> None:
        if self._since_checkpoint < _CHECKPOINT_BYTES or not self._folder.owns_checkpoints():
            return
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._since_checkpoint = 0

    def note_gap(self, gap: BlindInterval) -> None:
        with self._folder.locked():
            self._ledger.note_gap(gap)

    def drop_day(self, day: str, processed: Position | None, reason: str) -> int:
        """Remove the day's files and leave a record of it; how many there were."""
        with self._folder.locked():
            lasts = [self._last(name) for name in self._folder.journals() if name[:8] == day]
            for last in lasts:
                _check_processed(last, processed)
            for last in lasts:
                self._drop(last, reason)
        return len(lasts)

    def _last(self, journal: str) -> Position:
        with reading(self._folder.file(journal)) as connection:
            return Position(journal, journal_file.last_offset(connection))

    def _drop(self, last: Position, reason: str) -> None:
        if last.journal == self._journal:
            self._let_go()
        self._newest.forget(last.journal)
        self._ledger.note_dropped(last, self._now(), reason)
        try:
            self._folder.remove(last.journal)
        except OSError as error:
            raise told(error, self._folder.file(last.journal)) from error

    def close(self) -> None:
        with self._folder.locked():
            self._close_file()

    def _close_file(self) -> None:
        """Under the lock. SQLite empties the WAL when the last connection closes."""
        if self._connection is not None and self._folder.owns_checkpoints():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._journal, self._since_checkpoint = None, "", 0


def _packed(columns: Sequence[Columns]) -> list[list[Columns]]:
    """Neighbours that fit into one frame, together."""
    groups: list[list[Columns]] = []
    records = size = 0
    for each in columns:
        records, size = records + len(each), size + each.size
        if not groups or Columns("").full_for(records, size):
            groups.append([])
            records, size = len(each), each.size
        groups[-1].append(each)
    return groups


def _starts(first: int, sizes: Sequence[int]) -> list[int]:
    starts = []
    for size in sizes:
        starts.append(first)
        first += size
    return starts


def _check_processed(last: Position, processed: Position | None) -> None:
    if last.offset and (processed is None or processed < last):
        raise NotAllowed(
            "records of this day have not been processed yet.",
            place=f"journal {last.journal}",
            remedy="Let the pipeline drain first, then run retention again.",
        )
