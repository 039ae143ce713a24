"""Store how far each file was read, durably together with the records: an append is announced
before it is made, and counts once its records are in the event log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schemas.pipeline.event import RecordPosition
from streams.intake.files.content_mark import ContentMark
from streams.intake.files.file_position import FilePosition
from streams.intake.position_database import PositionDatabase

_COLUMNS = (
    *("source", "number", "path", "device", "inode", "begin", "skip", "is_lines", "end"),
    *("head_length", "head", "tail_length", "tail", "is_ended", "is_gone", "looked", "changed"),
    *("rotated_from", "rotated_since"),
)
_TABLE = """
CREATE TABLE IF NOT EXISTS {name} (
    source TEXT, number INTEGER, path TEXT, device TEXT, inode TEXT, begin INTEGER, skip INTEGER,
    is_lines INTEGER, end INTEGER, head_length INTEGER, head BLOB, tail_length INTEGER, tail BLOB,
    is_ended INTEGER, is_gone INTEGER, looked REAL, changed INTEGER,
    rotated_from TEXT, rotated_since INTEGER,
    PRIMARY KEY (source, number)
);
"""
_SCHEMA = (
    _TABLE.format(name="position")
    + _TABLE.format(name="announced_position")
    + """
CREATE TABLE IF NOT EXISTS announced (
    source TEXT PRIMARY KEY, after_journal TEXT, after_offset INTEGER, arrived TEXT
);
"""
)
_NAMES = ", ".join(_COLUMNS)
_MARKS = ", ".join("?" * len(_COLUMNS))


@dataclass(frozen=True, slots=True)
class AnnouncedAppend:
    """An append of which it is not stored whether it was made."""

    after: RecordPosition | None
    """A position in the event log before which its records cannot be."""
    arrived: datetime
    """The arrival of all its records, which no other append of the source has."""


class FollowMemory:
    """The positions of all followed files, in one file. Calls may come from any thread; each raises
    RetryableError when the disk refuses."""

    def __init__(self, path: Path | None) -> None:
        """Open the file; None: positions are kept in memory alone."""
        self._database = PositionDatabase(path, _SCHEMA, "the positions of followed files")

    def close(self) -> None:
        self._database.close()

    def list_positions(self, source: str) -> Sequence[FilePosition]:
        """List the positions of the source's files. Settle an announced append first."""
        rows = self._database.select(
            f"SELECT {_NAMES} FROM position WHERE source = ? ORDER BY number",  # noqa: S608 - constant names
            (source,),
        )
        return [_build_position(row) for row in rows]

    def announce(
        self, source: str, append: AnnouncedAppend, positions: Sequence[FilePosition]
    ) -> None:
        """Store what the files' positions will be once the append is made. The append announced
        before it is made by now."""
        after = append.after
        with self._database.transaction() as connection:
            _apply(connection, source)
            connection.execute(
                "INSERT INTO announced VALUES (?, ?, ?, ?)",
                (
                    source,
                    after.journal if after else None,
                    after.offset if after else None,
                    append.arrived.isoformat(),
                ),
            )
            _put_positions(connection, "announced_position", source, positions)

    def save(
        self, source: str, positions: Sequence[FilePosition], forgotten: Sequence[int] = ()
    ) -> None:
        """Store positions that no append goes with. The append announced before is made by now."""
        with self._database.transaction() as connection:
            _apply(connection, source)
            _put_positions(connection, "position", source, positions)
            connection.executemany(
                "DELETE FROM position WHERE source = ? AND number = ?",
                [(source, number) for number in forgotten],
            )

    def settle(self, source: str, was_made: Callable[[AnnouncedAppend], bool]) -> None:
        """Decide after a restart whether the announced append was made."""
        rows = self._database.select(
            "SELECT after_journal, after_offset, arrived FROM announced WHERE source = ?", (source,)
        )
        if not rows:
            return
        journal, offset, arrived = rows[0]
        after = None if journal is None else RecordPosition(journal, offset)
        exists = was_made(AnnouncedAppend(after, datetime.fromisoformat(arrived).astimezone(UTC)))
        with self._database.transaction() as connection:
            if exists:
                _apply(connection, source)
            else:
                _drop_announced(connection, source)


def _apply(connection: sqlite3.Connection, source: str) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO position SELECT {_NAMES} FROM announced_position"  # noqa: S608 - constant names
        " WHERE source = ?",
        (source,),
    )
    _drop_announced(connection, source)


def _drop_announced(connection: sqlite3.Connection, source: str) -> None:
    connection.execute("DELETE FROM announced_position WHERE source = ?", (source,))
    connection.execute("DELETE FROM announced WHERE source = ?", (source,))


def _put_positions(
    connection: sqlite3.Connection, table: str, source: str, positions: Sequence[FilePosition]
) -> None:
    connection.executemany(
        f"INSERT OR REPLACE INTO {table} ({_NAMES}) VALUES ({_MARKS})",  # noqa: S608 - constant names
        [_build_row(source, position) for position in positions],
    )


def _build_row(source: str, position: FilePosition) -> tuple[object, ...]:
    values = {each.name: getattr(position, each.name) for each in fields(FilePosition)}
    mark: ContentMark = values.pop("mark")
    values |= {each.name: getattr(mark, each.name) for each in fields(ContentMark)}
    # A device or inode may be larger than an integer of SQLite.
    values |= {"source": source, "device": str(position.device), "inode": str(position.inode)}
    return tuple(values[name] for name in _COLUMNS)


def _build_position(row: Sequence[Any]) -> FilePosition:
    values = dict(zip(_COLUMNS, row, strict=True))
    mark = ContentMark(*(values.pop(each.name) for each in fields(ContentMark)))
    del values["source"]
    flags = {name: bool(values[name]) for name in ("is_lines", "is_ended", "is_gone")}
    numbers = {name: int(values[name]) for name in ("device", "inode")}
    return FilePosition(mark=mark, **values | flags | numbers)
