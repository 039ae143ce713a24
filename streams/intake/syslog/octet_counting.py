"""Split syslog over TCP (RFC 6587): octet-counted and LF-ended frames, in any mixture.

A frame is counted if it begins with a number, a space and `<`, or stands directly behind a counted
one and begins with a number and a space; anything else ends at its LF. A counted frame may hold
line breaks. Trailing CR, LF and NUL are framing and not kept."""

from __future__ import annotations

import re

from streams.intake.splitting.record_buffer import FramedRecord, RecordBuffer

_COUNT = re.compile(rb"([1-9]\d{0,8}) <")
_NEXT_COUNT = re.compile(rb"([1-9]\d{0,8}) ")
"""Of a sender that counts: its message need not have a priority."""
_MAYBE_COUNT = re.compile(rb"[1-9]\d{0,8} ?")
_BETWEEN = b"\r\n\0"
_GAP = re.compile(rb"[\r\n\0]*+")


class SyslogFraming:
    """One connection's framing. Any chunking gives the same records."""

    def __init__(self, limit: int) -> None:
        self._record = RecordBuffer(limit, 0)
        self._waiting = b""
        self._remaining = 0
        """Bytes still to come of a counted frame."""
        self._in_line = False
        self._is_behind_count = False
        """No byte stands between a counted frame and the next."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes in memory of a record that is not complete."""
        return len(self._record) + len(self._waiting)

    def feed(self, data: bytes) -> list[FramedRecord]:
        """Return the records that are complete now."""
        data, self._waiting = self._waiting + data, b""
        records: list[FramedRecord] = []
        at = 0
        while at < len(data):
            if self._remaining:
                at = self._read_counted(data, at, records)
            elif self._in_line:
                at = self._read_to_line_end(data, at, records)
            else:
                at = self._start_record(data, at)
        return records

    def cut(self) -> list[FramedRecord]:
        """Give away what is held, as a piece of a record that goes on."""
        return self._record.cut()

    def finish(self) -> list[FramedRecord]:
        """Return an unfinished frame as it came, after the connection closed."""
        records = self._record.add(self._waiting) if self._waiting else []
        self._waiting, self._remaining, self._in_line = b"", 0, False
        self._is_behind_count = False
        return records + self._record.finish(_BETWEEN)

    def _start_record(self, data: bytes, at: int) -> int:
        gap = _GAP.match(data, at)
        begin = gap.end() if gap else at
        self._record.skip(begin - at)
        if begin > at:
            self._is_behind_count = False
        counted = _NEXT_COUNT if self._is_behind_count else _COUNT
        if count := counted.match(data, begin):
            self._remaining = int(count[1])
            prefix = len(count[1]) + 1
            self._record.skip(prefix)
            return begin + prefix
        if _MAYBE_COUNT.fullmatch(data, begin):
            self._waiting = data[begin:]
            return len(data)
        if begin < len(data):
            self._in_line, self._is_behind_count = True, False
        return begin

    def _read_counted(self, data: bytes, at: int, records: list[FramedRecord]) -> int:
        part = data[at : at + self._remaining]
        self._remaining -= len(part)
        records += self._record.add(part)
        if not self._remaining:
            records += self._record.finish(_BETWEEN)
            self._is_behind_count = True
        return at + len(part)

    def _read_to_line_end(self, data: bytes, at: int, records: list[FramedRecord]) -> int:
        end = data.find(b"\n", at)
        if end < 0:
            records += self._record.add(data[at:])
            return len(data)
        records += self._record.add(data[at:end])
        records += self._record.finish(_BETWEEN)
        self._record.skip(1)
        self._in_line = False
        return end + 1
