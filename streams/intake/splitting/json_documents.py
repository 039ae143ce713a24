"""Find where elements of a JSON array, or one object over many lines, end, without parsing JSON.

The bytes are returned exactly as received. Only strings and brackets are followed, so that broken
JSON affects its own element and no other. One regular expression skips strings, and brackets that
contain no others: Python looks at a few bytes of an element only."""

from __future__ import annotations

import re

from streams.intake.splitting.record_buffer import FramedRecord, RecordBuffer
from streams.intake.splitting.text_lines import LineSplitter

_TEXT = rb'[^"\\]*+(?:\\.[^"\\]*+)*'
"""The content of a string, up to its closing quote or to a backslash at the very end."""
_STRING = rb'"' + _TEXT + rb'"'
_LEAF = rb'[\[{](?:[^"\[\]{}]++|' + _STRING + rb")*[\]}]"
_INSIDE = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb"|" + _LEAF + rb")*", re.DOTALL)
"""Up to a bracket that matters, or to a string that does not end."""
_BETWEEN = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb"|" + _LEAF + rb")*", re.DOTALL)
"""The same, and up to a comma: where the elements of an array are told apart."""
_REST_OF_STRING = re.compile(_TEXT, re.DOTALL)
_OPENING = re.compile(rb"[\[{]++")
_CLOSING = re.compile(rb"[\]}]++")
_SPACE = b" \t\r\n"
_QUOTE, _COMMA, _BACKSLASH = b'",\\'


class DocumentSplitter:
    """Reads one document from its first bracket on, then says what is left unread."""

    def __init__(self, limit: int, at: int, *, elements: bool) -> None:
        """Create a splitter. With `elements`, the document is an array and each element a
        record."""
        self._limit = limit
        self._elements = elements
        self._buffer = RecordBuffer(limit, at)
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, data: bytes) -> tuple[list[FramedRecord], bytes | None]:
        """Return the records that end in `data`, and what follows the document (None: not
        ended)."""
        records: list[FramedRecord] = []
        mark, at = 0, self._find_string_end(data, 0) if self._in_string else 0
        while (at := self._find_next_token(data, at)) < len(data):
            token = data[at]
            if token == _QUOTE:
                self._in_string = True
                at = self._find_string_end(data, at + 1)
            elif token == _COMMA:
                records += self._finish_record(data[mark:at])
                self._buffer.skip(1)
                at += 1
                mark = at
            elif opening := _OPENING.match(data, at):
                at, mark = self._open(opening, mark)
            else:
                at = self._close(data, at)
                if self._depth == 0:
                    return self._finish_document(data, mark, at, records)
        return records + self._keep(data[mark:]), None

    def _find_next_token(self, data: bytes, at: int) -> int:
        """Index of the next byte that matters; the end of `data` when there is none."""
        if self._depth == 0:
            first = _OPENING.search(data, at)
            return first.start() if first else len(data)
        skipped = (_BETWEEN if self._elements and self._depth == 1 else _INSIDE).match(data, at)
        return skipped.end() if skipped else at

    def _open(self, opening: re.Match[bytes], mark: int) -> tuple[int, int]:
        """Return where to continue, and where the record begins: after the bracket of the array."""
        if self._depth or not self._elements:
            self._depth += opening.end() - opening.start()
            return opening.end(), mark
        self._depth = 1
        at = opening.start() + 1
        self._buffer.skip(at - mark)
        return at, at

    def _close(self, data: bytes, at: int) -> int:
        closing = _CLOSING.match(data, at)
        count = min(self._depth, closing.end() - at) if closing else 0
        self._depth -= count
        return at + count

    def _finish_document(
        self, data: bytes, mark: int, at: int, records: list[FramedRecord]
    ) -> tuple[list[FramedRecord], bytes]:
        # Only the array's own bracket is framing: a brace in its place is content of the element.
        is_array_end = self._elements and data[at - 1 : at] == b"]"
        until = at - 1 if is_array_end else at
        records += self._finish_record(data[mark:until])
        self._buffer.skip(at - until)
        return records, data[at:]

    def _find_string_end(self, data: bytes, at: int) -> int:
        """Index after the closing quote; the end of `data` while the string goes on."""
        if self._escaped and at < len(data):
            self._escaped = False
            at += 1
        rest = _REST_OF_STRING.match(data, at)
        at = rest.end() if rest else at
        if at >= len(data):
            return len(data)
        if data[at] == _BACKSLASH:
            self._escaped = True
            return len(data)
        self._in_string = False
        return at + 1

    def _finish_record(self, data: bytes) -> list[FramedRecord]:
        return self._keep(data) + self._buffer.finish(_SPACE)

    def _keep(self, data: bytes) -> list[FramedRecord]:
        if not self._buffer and not self._buffer.is_cut:
            solid = data.lstrip(_SPACE)
            self._buffer.skip(len(data) - len(solid))
            data = solid
        return self._buffer.add(data) if data else []

    def finish(self) -> list[FramedRecord]:
        """Finish inside the document: keep the buffer, as lines if it has several."""
        if self._buffer.is_cut:
            return self._buffer.finish(_SPACE)
        content = self._buffer.take_back()
        lines = LineSplitter(self._limit, self._buffer.at)
        return lines.feed(content)[0] + lines.finish()
