"""`tail -F`: a log file that grows, is rotated away, or is cut short in place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import BinaryIO

from streams.intake.feeding import Feeder

_CHUNK_BYTES = 512 * 1024


def follow_file(
    path: Path,
    first: BinaryIO,
    feeder: Feeder,
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
    reading = _Reading(path, first, feeder)
    try:
        while True:
            stopping = stop.is_set()
            reading.to_the_end()
            tell(reading.done, reading.done, feeder.records)
            if stopping:
                return reading.done
            if not reading.moved_on():
                stop.wait(poll_seconds)
    finally:
        reading.close()


class _Reading:
    def __init__(self, path: Path, first: BinaryIO, feeder: Feeder) -> None:
        self._path = path
        self._feeder = feeder
        self._first = first
        self._file = first
        self.done = 0

    def to_the_end(self) -> None:
        while chunk := self._file.read(_CHUNK_BYTES):
            self._feeder.take(chunk)
            self.done += len(chunk)
        if not self._is_cut_short():
            self._feeder.looked()

    def moved_on(self) -> bool:
        """Go to the new file, or back to the start of one cut short; False: nothing changed."""
        if self._is_cut_short():
            self._feeder.note_truncated()
            self._feeder.finish()
            self._file.seek(0)
            return True
        if not self._is_replaced():
            return False
        self.to_the_end()
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
        """The first file belongs to the caller."""
        if self._file is not self._first:
            self._file.close()
