"""Cache the frames that this process wrote last, so that the next reading needs no file.

A frame enters once it is durable. The file is authoritative: what is not cached is read there, and
a new process begins with an empty cache."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from threading import Lock

from schemas.pipeline.event import RawRecord
from streams.event_logs.frames import RecordColumns, build_records

MOST_BYTES = 8 * 1024 * 1024
FRAME_BYTES = 1_500
RECORD_BYTES = 60
"""Estimated memory of a frame and of one of its records, without the raw bytes."""


class NewestFrames:
    """Written by the log's writer thread, read from any."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._size = 0
        self._journals: dict[str, _JournalFrames] = {}
        """The oldest first."""
        self._lock = Lock()

    def add(self, journal: str, first: int, columns: RecordColumns) -> None:
        """Add a durable frame that begins at that offset; the columns must not change any more."""
        with self._lock:
            frames = self._journals.get(journal)
            if frames is None:
                frames = self._journals[journal] = _JournalFrames()
            frames.firsts.append(first)
            frames.columns.append(columns)
            self._size += _estimate_size(columns)
            while self._size > self.most_bytes:
                self._forget_oldest()

    def forget(self, journal: str) -> None:
        """Drop the frames of a removed file."""
        with self._lock:
            frames = self._journals.pop(journal, None)
            if frames is not None:
                self._size -= sum(map(_estimate_size, frames.columns))

    def list_records_after(self, journal: str, offset: int, limit: int) -> list[RawRecord]:
        """List at most `limit` records that follow that offset without a gap; only the file can say
        what comes after them."""
        records: list[RawRecord] = []
        for first, columns in self._list_frames_after(journal, offset, limit):
            start = max(0, offset + 1 - first)
            stop = min(len(columns), start + limit - len(records))
            records += build_records(columns, journal, first, start, stop)
        return records

    def _list_frames_after(
        self, journal: str, offset: int, limit: int
    ) -> list[tuple[int, RecordColumns]]:
        """List the frames that hold these records."""
        with self._lock:
            frames = self._journals.get(journal)
            if frames is None:
                return []
            number = max(0, bisect_right(frames.firsts, offset + 1) - 1)
            following: list[tuple[int, RecordColumns]] = []
            next_offset, last = offset + 1, offset + limit
            for first, columns in zip(
                islice(frames.firsts, number, None),
                islice(frames.columns, number, None),
                strict=True,
            ):
                if not first <= next_offset < first + len(columns) or next_offset > last:
                    break
                following.append((first, columns))
                next_offset = first + len(columns)
        return following

    def _forget_oldest(self) -> None:
        journal, frames = next(iter(self._journals.items()))
        self._size -= _estimate_size(frames.columns.pop(0))
        del frames.firsts[0]
        if not frames.firsts:
            del self._journals[journal]


class _JournalFrames:
    """Of one journal, in order; another process may have written between two of them."""

    __slots__ = ("columns", "firsts")

    def __init__(self) -> None:
        self.firsts: list[int] = []
        self.columns: list[RecordColumns] = []


def _estimate_size(columns: RecordColumns) -> int:
    return FRAME_BYTES + columns.size + RECORD_BYTES * len(columns)
