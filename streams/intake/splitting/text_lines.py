"""Split lines: LF or CRLF, blank ones skipped, the last one may lack its end."""

from __future__ import annotations

import re

from streams.intake.splitting.record_buffer import FramedRecord, RecordBuffer

_SOLID_LINE = re.compile(rb"^[^\S\n]*+[^\n]++", re.MULTILINE)
"""A line that is not blank. Runs of blank lines are passed over without an object for each."""


class LineSplitter:
    """Never ends by itself: whatever follows is lines."""

    def __init__(self, limit: int, at: int) -> None:
        self._limit = limit
        self._buffer = RecordBuffer(limit, at)

    @property
    def present(self) -> RecordBuffer:
        """The line that has not ended."""
        return self._buffer

    def feed(self, data: bytes) -> tuple[list[FramedRecord], None]:
        head, newline, rest = data.partition(b"\n")
        records = self._buffer.add(head)
        if not newline:
            return records, None
        records += self._finish_line()
        whole = rest.rfind(b"\n") + 1
        records += self._split_whole(rest[:whole]) + self._buffer.add(rest[whole:])
        return records, None

    def _split_whole(self, lines: bytes) -> list[FramedRecord]:
        """Split lines that all have their end."""
        if self._limit and len(lines) > self._limit:
            return self._split_one_by_one(lines)
        self._buffer.skip(len(lines))
        return [FramedRecord(line.rstrip(b"\r")) for line in _SOLID_LINE.findall(lines)]

    def _split_one_by_one(self, lines: bytes) -> list[FramedRecord]:
        """Split lines of which one may be too long."""
        records: list[FramedRecord] = []
        for line in lines.split(b"\n")[:-1]:
            records += self._buffer.add(line) + self._finish_line()
        return records

    def _finish_line(self) -> list[FramedRecord]:
        ended = self._buffer.finish()
        self._buffer.skip(1)
        return ended

    def finish(self) -> list[FramedRecord]:
        return self._buffer.finish()
