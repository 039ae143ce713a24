"""Microsoft 365 audit search export: CSV with the audit record as JSON in a quoted column.

A record may hold line breaks inside quotes (RFC 4180). The header is a record of its own, so that
nothing received is missing from the log. A row whose quote never closes costs itself only: the
next line that begins like a row begins a new record.
"""

from __future__ import annotations

import re

from streams.intake.framed import Framed, RecordBuffer

_ROW_START = re.compile(rb'(?:"?[0-9A-Fa-f-]{36}"?,)?"?\d{4}-\d\d-\d\dT\d\d:\d\d')


def is_header(line: bytes) -> bool:
    """`RecordId,CreationDate,…,AuditData,…` (now) or `CreationDate,UserIds,…,AuditData` (then)."""
    names = {name.strip().strip(b'"') for name in line.split(b",")}
    return {b"AuditData", b"CreationDate"} <= names


class ExportSplitter:
    """Never ends by itself."""

    def __init__(self, limit: int, at: int) -> None:
        self._limit = limit
        self._record = RecordBuffer(limit, at)
        self._line = bytearray()
        """What has come of a line that has not ended."""
        self._quoted = False
        self._inside_line = False

    def feed(self, data: bytes) -> tuple[list[Framed], None]:
        found: list[Framed] = []
        end, newline, rest = data.partition(b"\n")
        self._line += end
        if not newline:
            return self._cut_if_long(), None
        *lines, begun = (bytes(self._line), *rest.split(b"\n"))
        self._line = bytearray(begun)
        for line in lines:
            if line or self._quoted or self._inside_line:
                found += self._part(line) + self._end_line()
            else:
                self._record.skip(1)
        return found + self._cut_if_long(), None

    def _cut_if_long(self) -> list[Framed]:
        if not self._limit or len(self._line) <= self._limit:
            return []
        found = self._part(bytes(self._line))
        self._line.clear()
        self._inside_line = True
        return found

    def _part(self, data: bytes) -> list[Framed]:
        """A line, or so much of an over-long one as has come."""
        found: list[Framed] = []
        if self._quoted and not self._inside_line:
            found = self._end_record() if _ROW_START.match(data) else self._record.add(b"\n")
        if data.count(b'"') % 2:
            self._quoted = not self._quoted
        return found + self._record.add(data)

    def _end_line(self) -> list[Framed]:
        self._inside_line = False
        return [] if self._quoted else self._end_record()

    def _end_record(self) -> list[Framed]:
        self._quoted = False
        ended = self._record.end()
        self._record.skip(1)
        return ended

    def finish(self) -> list[Framed]:
        found = self._part(bytes(self._line)) if self._line else []
        return found + self._end_record()
