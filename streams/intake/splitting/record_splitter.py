"""Split bytes into records, whatever the format. Any chunking of the same bytes gives the same
records.

Lines, LF or CRLF (plain text, NDJSON): one record each, without blank ones.

A JSON array of objects: each element, exactly the bytes received.

One JSON object over many lines (its first line is `{`): one record.

The Microsoft 365 audit search CSV export: one CSV record each, the header being the first.

ModSecurity's native audit log: one record for each transaction
(streams.intake.splitting.audit_sections).

IIS's W3C log: lines, with the header in force before each that needs it
(streams.intake.splitting.w3c_fields).

A record that is a document of several acts (`{"Records": […]}`) becomes one record for each
(streams.intake.splitting.several_acts).

A record longer than the limit comes in pieces (see streams.intake.splitting.record_buffer)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from streams.intake.splitting.audit_export import ExportSplitter, is_header
from streams.intake.splitting.audit_sections import AuditSectionSplitter, has_sections
from streams.intake.splitting.byte_order_mark import ByteOrderMarkReader
from streams.intake.splitting.json_documents import DocumentSplitter
from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.several_acts import split_acts
from streams.intake.splitting.text_lines import LineSplitter
from streams.intake.splitting.w3c_fields import W3cFields, begins_log

_SNIFF_BYTES = 4096
"""The most bytes on which the format is decided."""
_SLICE_BYTES = 32 * 1024
"""So much is read at a time: what follows a document is copied, and a long rest would be costly."""

_ARRAY = re.compile(rb'\s*\[\s*(?:\]\s*\Z|\{\s*["}])')
_MAYBE_ARRAY = re.compile(rb"\s*(?:\[\s*(?:\]\s*|\{\s*)?)?")
_OBJECT = re.compile(rb"\s*\{[ \t\r]*\n")


def split_records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a whole document, of any length."""
    splitter = RecordSplitter(limit=0)
    for framed in splitter.feed(data) + splitter.finish():
        yield framed.raw


class _ShapeSplitter(Protocol):
    def feed(self, data: bytes) -> tuple[list[FramedRecord], bytes | None]:
        """Return records that are complete, and the bytes after the document's end, if it ended."""
        ...

    def finish(self) -> list[FramedRecord]: ...


@dataclass(frozen=True, slots=True)
class RestartPoint:
    """Where another splitter may begin in the same input, and give the same records from there."""

    back: int | None
    """Bytes before the end of what was fed; None: at the beginning of the input only."""
    skip: int
    """Records from there on that were given already."""
    is_lines: bool
    """Whether the content there is known to be lines."""


class RecordSplitter:
    """The same, piece by piece, in constant memory (one record, and at most `limit` bytes)."""

    def __init__(
        self, limit: int, at: int = 0, *, lines: bool = False, fields: bytes | None = None
    ) -> None:
        """Create a splitter. `limit`: longest whole record in bytes; 0: no limit. `at`: where in
        the input it begins. `lines`: the content is known to be lines. `fields`: the header of an
        IIS log that is in force there, empty: none yet; None: it is no such log, or at its beginning."""
        self._limit = limit
        self._marks = ByteOrderMarkReader(at_begin=at == 0)
        self._shape: _ShapeSplitter | None = LineSplitter(limit, at) if lines else None
        self._unshaped = b""
        self._at = at
        self._records = 0
        self._fields = None if fields is None else W3cFields(fields)
        self._document = (at, 0)
        """Where the present document began, and how many records were given before it."""

    @property
    def restart_point(self) -> RestartPoint:
        if self._marks.converts:
            return RestartPoint(None, self._records, is_lines=False)
        waiting = self._marks.held_bytes + len(self._unshaped)
        if self._shape is None:
            return RestartPoint(waiting, 0, is_lines=False)
        if isinstance(self._shape, LineSplitter):
            line = self._shape.present
            return RestartPoint(waiting + line.record_bytes, line.pieces, is_lines=True)
        begin, records = self._document
        return RestartPoint(waiting + self._at - begin, self._records - records, is_lines=False)

    def feed(self, data: bytes) -> list[FramedRecord]:
        """Return the records that are complete now."""
        if len(data) <= _SLICE_BYTES:
            return self._count(self._feed(self._marks.feed(data), final=False))
        records: list[FramedRecord] = []
        for begin in range(0, len(data), _SLICE_BYTES):
            records += self.feed(data[begin : begin + _SLICE_BYTES])
        return records

    def finish(self) -> list[FramedRecord]:
        """Return the buffered rest at the end of the input."""
        records = self._feed(self._marks.feed(b"", final=True), final=True)
        if self._shape:
            records += split_acts(self._shape.finish())
        return self._count(records)

    @property
    def fields(self) -> bytes | None:
        """The header of an IIS log that is in force; None: it is no such log."""
        return None if self._fields is None else self._fields.header

    def _count(self, records: list[FramedRecord]) -> list[FramedRecord]:
        if self._records == 0 and records and self._fields is None and begins_log(records[0].raw):
            self._fields = W3cFields()
        if self._fields is not None:
            records = self._fields.put(records)
        self._records += len(records)
        return records

    def _feed(self, data: bytes, *, final: bool) -> list[FramedRecord]:
        all_records: list[FramedRecord] = []
        rest: bytes | None = data
        while rest is not None:
            if self._shape is None:
                rest = self._choose_shape(rest, final=final)
                self._document = (self._at, self._records + len(all_records))
            if self._shape is None or rest is None:
                break
            self._at += len(rest)
            records, rest = self._shape.feed(rest)
            all_records += split_acts(records)
            if rest is not None:
                self._at -= len(rest)
                self._shape = None
        return all_records

    def _choose_shape(self, data: bytes, *, final: bool) -> bytes | None:
        """Decide once enough has come; then all that was held back is to be fed."""
        self._unshaped += data
        self._shape = self._detect_shape(self._unshaped[:_SNIFF_BYTES], final=final)
        if self._shape is None:
            return None
        head, self._unshaped = self._unshaped, b""
        return head

    def _detect_shape(self, head: bytes, *, final: bool) -> _ShapeSplitter | None:
        enough = final or len(head) == _SNIFF_BYTES
        if not head or (not enough and _MAYBE_ARRAY.fullmatch(head)):
            return None
        if _ARRAY.match(head):
            return DocumentSplitter(self._limit, self._at, elements=True)
        if not enough and b"\n" not in head.lstrip():
            return None
        if _OBJECT.match(head):
            return DocumentSplitter(self._limit, self._at, elements=False)
        return self._choose_line_shape(head)

    def _choose_line_shape(self, head: bytes) -> _ShapeSplitter:
        if is_header(head.lstrip().partition(b"\n")[0]):
            return ExportSplitter(self._limit, self._at)
        if has_sections(head):
            return AuditSectionSplitter(self._limit, self._at)
        return LineSplitter(self._limit, self._at)
