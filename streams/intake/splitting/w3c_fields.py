"""Put the `#Fields:` of an IIS log before each line that cannot be read without them.

IIS writes the selected fields in one order. Most selections are read by the form of the values
(streams.parsers.iis_access), and their lines stay as they are. With another selection, or fields added
by hand, a line says what it means only together with the header that is in force in its file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from streams.intake.splitting.record_buffer import FramedRecord

_SOFTWARE = b"#Software: Microsoft Internet Information Services"
_FIELDS = b"#Fields:"
_READ_BY_FORM = re.compile(
    rb"#Fields: date time (?:s-sitename )?(?:s-computername )?(?:s-ip )?cs-method cs-uri-stem"
    rb" cs-uri-query s-port cs-username c-ip (?:cs-version )?cs\(User-Agent\) (?:cs\(Cookie\) )?"
    rb"(?:cs\(Referer\) )?(?:cs-host )?sc-status sc-substatus sc-win32-status (?:sc-bytes cs-bytes )?"
    rb"time-taken(?: X-Forwarded-For)?\s*"
)
_NEEDED = (b" cs-method", b" cs-uri-stem", b" sc-status")
"""Of a request; FTP's commands have one order."""
_LONGEST = 4096
_CHUNK_BYTES = 1024 * 1024


class W3cFields:
    """The header in force, from record to record."""

    def __init__(self, header: bytes = b"") -> None:
        self.header = header
        self._is_needed = False
        self._note(header)

    def _note(self, header: bytes) -> None:
        self.header = header
        self._is_needed = (
            len(header) <= _LONGEST
            and all(name in header for name in _NEEDED)
            and b" x-session" not in header
            and _READ_BY_FORM.fullmatch(header) is None
        )

    def put(self, records: Sequence[FramedRecord]) -> list[FramedRecord]:
        """Put the header before each record that needs it. Pieces of long ones stay."""
        return [self._put(record) for record in records]

    def _put(self, record: FramedRecord) -> FramedRecord:
        if record.raw.startswith(b"#"):
            if record.raw.startswith(_FIELDS):
                self._note(record.raw)
            return record
        if not self._is_needed or record.piece:
            return record
        return FramedRecord(self.header + b"\n" + record.raw)


def begins_log(first: bytes) -> bool:
    """Whether the first record of a content is the head of an IIS log."""
    return first.startswith(_SOFTWARE) or (
        first.startswith(_FIELDS) and all(name in first for name in _NEEDED)
    )


def find_header(read: Callable[[int, int], bytes], until: int) -> bytes | None:
    """Find the header in force at this offset of a file; empty: there is none yet; None: it is no
    IIS log. `read` returns bytes by offset and number."""
    if until == 0 or not begins_log(read(0, _LONGEST).partition(b"\n")[0]):
        return None
    header = b""
    for begin in range(0, until, _CHUNK_BYTES):
        # One that begins at the end of a chunk is whole here, and found again in the next chunk.
        content = read(begin, min(_CHUNK_BYTES + _LONGEST, until - begin))
        whole = content[: content.rfind(b"\n") + 1]
        at = whole.rfind(b"\n" + _FIELDS) + 1
        if at or whole.startswith(_FIELDS):
            header = whole[at:].partition(b"\n")[0].rstrip(b"\r")
    return header
