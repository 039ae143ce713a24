"""Write to the journals: find today's file, add frames, commit, checkpoint, drop days.

Runs in the log's single writer thread; the folder's lock keeps other processes out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby

from schemas.errors import NotAllowed
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval
from streams.event_logs import journal_file
from streams.event_logs.connections import (
    open_reader,
    open_transaction,
    open_writer,
    translate_error,
)
from streams.event_logs.frames import RecordColumns, merge
from streams.event_logs.journal_folder import JournalFolder, build_journal_id
from streams.event_logs.journal_metadata import JournalMetadata
from streams.event_logs.newest_frames import NewestFrames

_CHECKPOINT_BYTES = 8 * 1024 * 1024


class JournalWriter:
    """State of the writer thread: at most one open file, the newest."""

    def __init__(
        self,
        folder: JournalFolder,
        ledger: JournalMetadata,
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
        """Clear up after a crash and make the ledger. Raises RetryableError, CorruptData,
        ConfigurationError."""
        with self._folder.lock():
            self._folder.sweep()
            self._ledger.create()
            for journal in self._ledger.get_dropped():
                self._folder.remove(journal)
            self._folder.acquire_checkpoints()

    def write(self, columns: Sequence[RecordColumns]) -> list[RecordPosition]:
        """Make them durable, in order; the first position of each. Raises RetryableError or
        CorruptData."""
        with self._folder.lock():
            try:
                return self._write(columns)
            except (sqlite3.Error, OSError) as error:
                self._close_connection()
                raise translate_error(error, self._folder.path) from error

    def _write(self, columns: Sequence[RecordColumns]) -> list[RecordPosition]:
        firsts: list[RecordPosition] = []
        for day, part in groupby(columns, key=lambda each: each.day):
            firsts += self._write_to_one(self._choose_journal(day), list(part))
        return firsts

    def _write_to_one(self, journal: str, columns: Sequence[RecordColumns]) -> list[RecordPosition]:
        """Write columns of one day in one transaction; small ones are merged into frames."""
        connection = self._open_journal(journal)
        groups = _merge_into_frames(columns)
        counts = [[len(part) for part in group] for group in groups]
        frames = [merge(group) for group in groups]
        with open_transaction(connection):
            offsets = journal_file.add_frames(connection, frames)
        for first, frame in zip(offsets, frames, strict=True):
            self._newest.add(journal, first, frame)
        self._since_checkpoint += sum(frame.size for frame in frames)
        self._run_due_checkpoint(connection)
        return [
            RecordPosition(journal, offset)
            for first, sizes in zip(offsets, counts, strict=True)
            for offset in _list_starts(first, sizes)
        ]

    def _choose_journal(self, day: str) -> str:
        """Choose the newest file, or create one when the day has changed. An older file is never
        written again, because its readers have moved on."""
        journals = self._folder.list_journals()
        if journals and journals[-1][:8] >= day:
            return journals[-1]
        journal = build_journal_id(day, [*journals, *self._ledger.get_dropped()])
        journal_file.create_journal(self._folder, journal)
        return journal

    def _open_journal(self, journal: str) -> sqlite3.Connection:
        if self._connection is None or self._journal != journal:
            self._close_file()
            self._connection = open_writer(self._folder.get_path(journal))
            journal_file.check_identity(self._connection, journal)
            self._journal = journal
        return self._connection

    def _run_due_checkpoint(self, connection: sqlite3.Connection) -> None:
        if self._since_checkpoint < _CHECKPOINT_BYTES or not self._folder.acquire_checkpoints():
            return
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._since_checkpoint = 0

    def note_gap(self, gap: BlindInterval) -> None:
        with self._folder.lock():
            self._ledger.note_gap(gap)

    def drop_day(self, day: str, processed: RecordPosition | None, reason: str) -> int:
        """Remove the day's files and leave a record of it; how many there were."""
        with self._folder.lock():
            lasts = [
                self._get_last_position(name)
                for name in self._folder.list_journals()
                if name[:8] == day
            ]
            for last in lasts:
                _check_processed(last, processed)
            for last in lasts:
                self._drop(last, reason)
        return len(lasts)

    def _get_last_position(self, journal: str) -> RecordPosition:
        with open_reader(self._folder.get_path(journal)) as connection:
            return RecordPosition(journal, journal_file.get_last_offset(connection))

    def _drop(self, last: RecordPosition, reason: str) -> None:
        if last.journal == self._journal:
            self._close_connection()
        self._newest.forget(last.journal)
        self._ledger.note_dropped(last, self._now(), reason)
        try:
            self._folder.remove(last.journal)
        except OSError as error:
            raise translate_error(error, self._folder.get_path(last.journal)) from error

    def close(self) -> None:
        with self._folder.lock():
            self._close_file()

    def _close_file(self) -> None:
        """Close the file under the lock. SQLite empties the WAL when the last connection closes."""
        if self._connection is not None and self._folder.acquire_checkpoints():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._close_connection()

    def _close_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._journal, self._since_checkpoint = None, "", 0


def _merge_into_frames(columns: Sequence[RecordColumns]) -> list[list[RecordColumns]]:
    """Group neighbours that fit into one frame."""
    groups: list[list[RecordColumns]] = []
    records = size = 0
    for each in columns:
        records, size = records + len(each), size + each.size
        if not groups or RecordColumns("").is_full_for(records, size):
            groups.append([])
            records, size = len(each), each.size
        groups[-1].append(each)
    return groups


def _list_starts(first: int, sizes: Sequence[int]) -> list[int]:
    starts = []
    for size in sizes:
        starts.append(first)
        first += size
    return starts


def _check_processed(last: RecordPosition, processed: RecordPosition | None) -> None:
    if last.offset and (processed is None or processed < last):
        raise NotAllowed(
            "records of this day have not been processed yet.",
            place=f"journal {last.journal}",
            remedy="Let the pipeline drain first, then run retention again.",
        )
