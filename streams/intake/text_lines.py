"""Records that are lines: LF or CRLF, blank ones skipped, the last one may lack its end."""

from __future__ import annotations

from streams.intake.framed import Framed, RecordBuffer


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
        lines = rest.split(b"\n")
        for line in lines[:-1]:
            found += self._whole(line)
        found += self._buffer.add(lines[-1])
        return found, None

    def _whole(self, line: bytes) -> list[Framed]:
        if self._limit and len(line) > self._limit:
            return self._buffer.add(line) + self._end_line()
        self._buffer.skip(len(line) + 1)
        raw = line.rstrip(b"\r")
        return [Framed(raw)] if raw and not raw.isspace() else []

    def _end_line(self) -> list[Framed]:
        ended = self._buffer.end()
        self._buffer.skip(1)
        return ended

    def finish(self) -> list[Framed]:
        return self._buffer.end()
