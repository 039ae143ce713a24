"""JSON without parsing it: where elements of an array, or one object over many lines, end.

The bytes are handed on exactly as received. Only strings and brackets are followed, so that broken
JSON costs its own element and no other.
"""

from __future__ import annotations

import re

from streams.intake.framed import Framed, RecordBuffer
from streams.intake.text_lines import LineSplitter

_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'["\\]')
_SPACE = b" \t\r\n"


class DocumentSplitter:
    """Reads one document from its first bracket on, then says what is left unread."""

    def __init__(self, limit: int, at: int, *, elements: bool) -> None:
        """`elements`: the document is an array, and each element is a record."""
        self._limit = limit
        self._elements = elements
        self._buffer = RecordBuffer(limit, at)
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, data: bytes) -> tuple[list[Framed], bytes | None]:
        """The records that end in `data`, and what follows the document (None: not ended)."""
        found: list[Framed] = []
        mark = at = 0
        while (token := self._next_token(data, at)) is not None:
            at = token + 1
            if self._opens_array(data[token:at]):
                self._buffer.skip(at - mark)
                mark = at
            elif self._ends_record(data[token:at]):
                until = token if self._elements else at
                found += self._keep(data[mark:until]) + self._buffer.end(_SPACE)
                self._buffer.skip(at - until)
                mark = at
                if self._depth == 0:
                    return found, data[at:]
        return found + self._keep(data[mark:]), None

    def _next_token(self, data: bytes, at: int) -> int | None:
        """Index of the next bracket or comma outside of strings."""
        while at < len(data):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            match = (_INSIDE if self._in_string else _OUTSIDE).search(data, at)
            if match is None:
                return None
            at = match.end()
            if match[0] == b"\\":
                self._escaped = True
            elif match[0] == b'"':
                self._in_string = not self._in_string
            else:
                return match.start()
        return None

    def _opens_array(self, token: bytes) -> bool:
        """Count opening brackets; true for the one that the elements stand in."""
        if token not in b"[{":
            return False
        self._depth += 1
        return self._elements and self._depth == 1

    def _ends_record(self, token: bytes) -> bool:
        if token in b"[{":
            return False
        if token == b",":
            return self._elements and self._depth == 1
        self._depth -= 1
        return self._depth == 0

    def _keep(self, data: bytes) -> list[Framed]:
        if not self._buffer and not self._buffer.is_cut:
            solid = data.lstrip(_SPACE)
            self._buffer.skip(len(data) - len(solid))
            data = solid
        return self._buffer.add(data) if data else []

    def finish(self) -> list[Framed]:
        """The input ended inside: what is held is kept, as lines if it has several."""
        if self._buffer.is_cut:
            return self._buffer.end(_SPACE)
        held = self._buffer.give_back()
        lines = LineSplitter(self._limit, self._buffer.at)
        return lines.feed(held)[0] + lines.finish()
