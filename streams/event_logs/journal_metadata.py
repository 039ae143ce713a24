"""Store what must outlive the day files: blind intervals, and the days that retention dropped."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval
from streams.event_logs.connections import (
    open_reader,
    open_transaction,
    open_writer,
    translate_error,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gap (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL, begin TEXT NOT NULL, finish TEXT, reason TEXT NOT NULL, lost INTEGER,
  UNIQUE (source, begin, reason)
);
CREATE TABLE IF NOT EXISTS dropped (
  journal TEXT PRIMARY KEY, last INTEGER NOT NULL, at TEXT NOT NULL, reason TEXT NOT NULL
);
"""


class JournalMetadata:
    """A small file next to the journals. Writers hold the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.db"

    def create(self) -> None:
        try:
            with closing(open_writer(self._path)) as connection:
                connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise translate_error(error, self._path) from error

    def note_gap(self, gap: BlindInterval) -> None:
        """Store the gap; one with the same source, begin and reason gets the new end and count."""
        end = gap.end.isoformat() if gap.end else None
        self._write(
            "INSERT INTO gap (source, begin, finish, reason, lost) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET finish = excluded.finish, lost = excluded.lost",
            (gap.source, gap.begin.isoformat(), end, gap.reason, gap.lost),
        )

    def list_gaps(self) -> Sequence[BlindInterval]:
        with open_reader(self._path) as connection:
            rows = connection.execute(
                "SELECT source, begin, finish, reason, lost FROM gap"
            ).fetchall()
        intervals = [
            BlindInterval(
                source=source,
                begin=datetime.fromisoformat(begin),
                end=datetime.fromisoformat(finish) if finish else None,
                reason=reason,
                lost=lost,
            )
            for source, begin, finish, reason, lost in rows
        ]
        return sorted(intervals, key=lambda gap: (gap.begin, gap.source))

    def note_dropped(self, last: RecordPosition, at: datetime, reason: str) -> None:
        self._write(
            "INSERT OR IGNORE INTO dropped VALUES (?, ?, ?, ?)",
            (last.journal, last.offset, at.isoformat(), reason),
        )

    def get_dropped(self) -> dict[str, int]:
        """Return {journal: last offset} of every journal that retention dropped."""
        with open_reader(self._path) as connection:
            return dict(connection.execute("SELECT journal, last FROM dropped").fetchall())

    def _write(self, statement: str, values: Sequence[object]) -> None:
        try:
            with closing(open_writer(self._path)) as connection, open_transaction(connection):
                connection.execute(statement, values)
        except sqlite3.Error as error:
            raise translate_error(error, self._path) from error
