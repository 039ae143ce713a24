"""Read and write the frames of one day's file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

from schemas.errors import CorruptData
from schemas.pipeline.event import RawRecord, RecordPosition
from streams.event_logs.connections import open_transaction, open_writer
from streams.event_logs.frames import RecordColumns, decode, encode
from streams.event_logs.journal_folder import JournalFolder

_SCHEMA = (
    "CREATE TABLE journal (id TEXT PRIMARY KEY)",
    "CREATE TABLE frame (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, body BLOB NOT NULL)",
)


def create_journal(folder: JournalFolder, journal: str) -> None:
    """Build an empty file and give it its name at once, whole. Only under the lock."""
    with (
        closing(open_writer(folder.get_unfinished_path(journal))) as connection,
        open_transaction(connection),
    ):
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("INSERT INTO journal VALUES (?)", (journal,))
    folder.publish(journal)


def get_last_offset(connection: sqlite3.Connection) -> int:
    """Return the offset of the newest record, 0 if there is none. Frames are only appended, so an
    offset is never given twice."""
    row = connection.execute(
        "SELECT first + count - 1 FROM frame ORDER BY first DESC LIMIT 1"
    ).fetchone()
    return int(row[0]) if row else 0


def add_frames(connection: sqlite3.Connection, frames: Sequence[RecordColumns]) -> list[int]:
    """Insert frames inside the caller's transaction; the first offset of each."""
    firsts = []
    following = get_last_offset(connection) + 1
    for frame in frames:
        connection.execute(
            "INSERT INTO frame VALUES (?, ?, ?)", (following, len(frame), encode(frame))
        )
        firsts.append(following)
        following += len(frame)
    return firsts


def check_identity(connection: sqlite3.Connection, journal: str) -> None:
    """Raises CorruptData when the file was made under another name."""
    row = connection.execute("SELECT id FROM journal").fetchone()
    if row is None or row[0] != journal:
        raise CorruptData(
            "the file holds another journal than its name says.",
            place=f"journal {journal}",
            remedy="Put the file back under the name it was made with.",
        )


def iterate_records_after(
    connection: sqlite3.Connection, after: RecordPosition, limit: int, most_bytes: int
) -> Iterator[RawRecord]:
    """Yield at most `limit` records after that offset of this file, and no further one once their
    raw bytes reach `most_bytes`."""
    rows = connection.execute(
        "SELECT first, count, body FROM frame WHERE first >="
        " coalesce((SELECT max(first) FROM frame WHERE first <= ?), 0) ORDER BY first",
        (after.offset + 1,),
    )
    for first, count, body in rows:
        start = max(0, after.offset + 1 - first)
        for record in decode(body, after.journal, first, start, min(count, start + limit)):
            yield record
            most_bytes -= len(record.raw)
            if most_bytes <= 0:
                return
        limit -= count - start
        if limit <= 0:
            return
