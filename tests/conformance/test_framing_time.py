"""Cutting bytes into records costs no more than their number, in any pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostile_lines import cost, is_steep

from streams.intake.splitting.record_splitter import RecordSplitter
from streams.intake.syslog.octet_counting import SyslogFraming

LIMIT = 4 * 1024 * 1024
LENGTHS = (2**11, 2**13, 2**15)
HEADER = b"RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits\n"
UNITS: dict[str, tuple[bytes, bytes]] = {
    "arrays": (b"", b'[{"a":1}]\n'),
    "arrays without line ends": (b"", b'[{"a":1}]'),
    "empty arrays": (b"", b"[]"),
    "objects over lines": (b"", b"{\n}\n"),
    "elements": (b"[", b'{"a":1},'),
    "opening brackets": (b"", b"["),
    "escapes": (b'[{"a":"', b"\\"),
    "quotes": (b'[{"a":', b'"'),
    "line ends": (b"", b"\n"),
    "blanks": (b"", b" "),
    "one line": (b"", b"a"),
    "short lines": (b"", b"a\n"),
    "a row that never ends": (HEADER, b"a"),
    "rows whose quotes never close": (HEADER, b'a,"\n'),
    "headers": (HEADER, HEADER),
    "counted frames": (b"", b"3 <a>"),
    "frames of one byte": (b"", b"1 <"),
    "a frame longer than what comes": (b"", b"999999999 <"),
}
PIECES = (7, 1024)


def split(data: bytes, piece: int) -> None:
    splitter = RecordSplitter(LIMIT)
    for at in range(0, len(data), piece):
        splitter.feed(data[at : at + piece])
    splitter.finish()


def frame(data: bytes, piece: int) -> None:
    framing = SyslogFraming(LIMIT)
    for at in range(0, len(data), piece):
        framing.feed(data[at : at + piece])
    framing.finish()


@pytest.mark.parametrize("reader", [split, frame])
@pytest.mark.parametrize(("beginning", "unit"), UNITS.values(), ids=UNITS)
def test_hostile_bytes_are_cut_at_a_cost_that_grows_like_their_number(
    reader: Callable[[bytes, int], None], beginning: bytes, unit: bytes
) -> None:
    for piece in PIECES:

        def read(text: str, piece: int = piece) -> None:
            reader(text.encode("latin-1"), piece)

        def seconds(times: int, read: Callable[[str], None] = read) -> list[float]:
            lines = (beginning + unit * (length // len(unit)) for length in LENGTHS)
            return [cost(read, line.decode("latin-1"), times) for line in lines]

        assert not is_steep(seconds(1)) or not is_steep(seconds(7)), piece
