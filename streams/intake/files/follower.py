"""Follow a log file that grows, is rotated away, or is cut short in place, like `tail -F`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import BinaryIO

from streams.intake.files.ingester import FileIngester

_CHUNK_BYTES = 512 * 1024


def follow_file(
    path: Path,
    first: BinaryIO,
    feeder: FileIngester,
    stop: Event,
    tell: Callable[[int, int, int], None],
    poll_seconds: float,
) -> int:
    """Read on until `stop`; returns the bytes read.

    Rotated: the old file is read to its end until the new one has content (its writer may lag),
    then the new one from its start. Cut short: from its start again, and a blind interval is
    noted, since lines may have been lost between two looks. At `stop` an unfinished last line is
    left in the file; it comes whole when the file is read again.
    """
    reading = _FollowedFile(path, first, feeder)
    try:
        while True:
            stopping = stop.is_set()
            reading.read_to_end()
            tell(reading.bytes_read, reading.bytes_read, feeder.records)
            if stopping:
                return reading.bytes_read
            if not reading.move_on():
                stop.wait(poll_seconds)
    finally:
        reading.close()


class _FollowedFile:
    def __init__(self, path: Path, first: BinaryIO, feeder: FileIngester) -> None:
        self._path = path
        self._feeder = feeder
        self._first = first
        self._file = first
        self.bytes_read = 0

    def read_to_end(self) -> None:
        while chunk := self._file.read(_CHUNK_BYTES):
            self._feeder.take(chunk)
            self.bytes_read += len(chunk)
        if not self._is_cut_short():
            self._feeder.note_end_reached()

    def move_on(self) -> bool:
        """Go to the new file, or back to the start of one cut short; False: nothing changed."""
        if self._is_cut_short():
            self._feeder.note_truncated()
            self._feeder.finish()
            self._file.seek(0)
            return True
        if not self._is_replaced():
            return False
        self.read_to_end()
        self._feeder.finish()
        self.close()
        self._file = self._path.open("rb")
        return True

    def _is_cut_short(self) -> bool:
        return os.fstat(self._file.fileno()).st_size < self._file.tell()

    def _is_replaced(self) -> bool:
        try:
            present = self._path.stat()
        except FileNotFoundError:
            return False
        mine = os.fstat(self._file.fileno())
        same = (present.st_dev, present.st_ino) == (mine.st_dev, mine.st_ino)
        return not same and present.st_size > 0

    def close(self) -> None:
        """Close what was opened here; the first file belongs to the caller."""
        if self._file is not self._first:
            self._file.close()
