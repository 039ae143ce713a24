"""Records that are lines: LF or CRLF, blank ones skipped, the last one may lack its end."""

from __future__ import annotations

import re

from streams.intake.framed import Framed, RecordBuffer

_SOLID_LINE = re.compile(rb"^[^\S\n]*+[^\n]++", re.MULTILINE)
"""A line that is not blank. Runs of blank lines are passed over without an object for each."""


class LineSplitter:
    """Never ends by itself: whatever follows is lines."""

    def __init__(self, limit: int, at: int) -> None:
        self._limit = limit
        self._buffer = RecordBuffer(limit, at)

    def feed(self, data: bytes) -> tuple[list[Framed], None]:
        head, newline, rest = data.partition(b"\n")
        found = self._buffer.add(head)
        if not newline:
            return found, None
        found += self._end_line()
        whole = rest.rfind(b"\n") + 1
        found += self._whole(rest[:whole]) + self._buffer.add(rest[whole:])
        return found, None

    def _whole(self, lines: bytes) -> list[Framed]:
        """Lines that all have their end."""
        if self._limit and len(lines) > self._limit:
            return self._one_by_one(lines)
        self._buffer.skip(len(lines))
        return [Framed(line.rstrip(b"\r")) for line in _SOLID_LINE.findall(lines)]

    def _one_by_one(self, lines: bytes) -> list[Framed]:
        """One of them may be too long."""
        found: list[Framed] = []
        for line in lines.split(b"\n")[:-1]:
            found += self._buffer.add(line) + self._end_line()
        return found

    def _end_line(self) -> list[Framed]:
        ended = self._buffer.end()
        self._buffer.skip(1)
        return ended

    def finish(self) -> list[Framed]:
        return self._buffer.end()
