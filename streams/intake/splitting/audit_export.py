"""Split a Microsoft 365 audit search export: CSV with the audit record as JSON in a quoted column.

A record may hold line breaks inside quotes (RFC 4180). The header is a record of its own, so that
nothing received is missing from the log. A row with a quote that never closes affects itself only:
the next line that begins like a row begins a new record."""

from __future__ import annotations

import re

from streams.intake.splitting.record_buffer import FramedRecord, RecordBuffer

_ROW_START = re.compile(rb'(?:"?[0-9A-Fa-f-]{36}"?,)?"?\d{4}-\d\d-\d\dT\d\d:\d\d')


def is_header(line: bytes) -> bool:
    """Whether it is `RecordId,CreationDate,…,AuditData,…` (present format) or
    `CreationDate,UserIds,…,AuditData` (former one)."""
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

    def feed(self, data: bytes) -> tuple[list[FramedRecord], None]:
        records: list[FramedRecord] = []
        end, newline, rest = data.partition(b"\n")
        self._line += end
        if not newline:
            return self._cut_if_long(), None
        *lines, begun = (bytes(self._line), *rest.split(b"\n"))
        self._line = bytearray(begun)
        for line in lines:
            if line or self._quoted or self._inside_line:
                records += self._add_part(line) + self._finish_line()
            else:
                self._record.skip(1)
        return records + self._cut_if_long(), None

    def _cut_if_long(self) -> list[FramedRecord]:
        if not self._limit or len(self._line) <= self._limit:
            return []
        records = self._add_part(bytes(self._line))
        self._line.clear()
        self._inside_line = True
        return records

    def _add_part(self, data: bytes) -> list[FramedRecord]:
        """Add a line, or the received part of an over-long one."""
        records: list[FramedRecord] = []
        if self._quoted and not self._inside_line:
            records = self._finish_record() if _ROW_START.match(data) else self._record.add(b"\n")
        if data.count(b'"') % 2:
            self._quoted = not self._quoted
        return records + self._record.add(data)

    def _finish_line(self) -> list[FramedRecord]:
        self._inside_line = False
        return [] if self._quoted else self._finish_record()

    def _finish_record(self) -> list[FramedRecord]:
        self._quoted = False
        ended = self._record.finish()
        self._record.skip(1)
        return ended

    def finish(self) -> list[FramedRecord]:
        records = self._add_part(bytes(self._line)) if self._line else []
        return records + self._finish_record()
