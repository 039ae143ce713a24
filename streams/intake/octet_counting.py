"""Syslog over TCP (RFC 6587): octet-counted and LF-ended frames, mixed as senders mix them.

A frame is counted when it begins with a number, a space and `<`; anything else runs to its LF.
A counted frame may hold line breaks. Trailing CR, LF and NUL are framing and not kept.
"""

from __future__ import annotations

import re

from streams.intake.framed import Framed, RecordBuffer

_COUNT = re.compile(rb"([1-9]\d{0,8}) <")
_MAYBE_COUNT = re.compile(rb"[1-9]\d{0,8} ?")
_BETWEEN = b"\r\n\0"


class SyslogFraming:
    """One connection's framing. Any chunking gives the same records."""

    def __init__(self, limit: int) -> None:
        self._record = RecordBuffer(limit, 0)
        self._waiting = b""
        self._left = 0
        """Bytes still to come of a counted frame."""
        self._in_line = False

    def feed(self, data: bytes) -> list[Framed]:
        """The records that are complete now."""
        data, self._waiting = self._waiting + data, b""
        found: list[Framed] = []
        while data:
            if self._left:
                data = self._counted(data, found)
            elif self._in_line:
                data = self._to_line_end(data, found)
            else:
                data = self._begin(data)
        return found

    def finish(self) -> list[Framed]:
        """The connection closed: an unfinished frame is kept as it came."""
        found = self._record.add(self._waiting) if self._waiting else []
        self._waiting, self._left, self._in_line = b"", 0, False
        return found + self._record.end(_BETWEEN)

    def _begin(self, data: bytes) -> bytes:
        frame = data.lstrip(_BETWEEN)
        self._record.skip(len(data) - len(frame))
        if count := _COUNT.match(frame):
            self._left = int(count[1])
            prefix = len(count[1]) + 1
            self._record.skip(prefix)
            return frame[prefix:]
        if _MAYBE_COUNT.fullmatch(frame):
            self._waiting = frame
            return b""
        self._in_line = bool(frame)
        return frame

    def _counted(self, data: bytes, found: list[Framed]) -> bytes:
        part = data[: self._left]
        self._left -= len(part)
        found += self._record.add(part)
        if not self._left:
            found += self._record.end(_BETWEEN)
        return data[len(part) :]

    def _to_line_end(self, data: bytes, found: list[Framed]) -> bytes:
        line, newline, rest = data.partition(b"\n")
        found += self._record.add(line)
        if newline:
            found += self._record.end(_BETWEEN)
            self._record.skip(1)
            self._in_line = False
        return rest
