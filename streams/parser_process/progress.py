"""Which record, and which parser, the child has in hand: in memory that outlives its death."""

from __future__ import annotations

import struct
from mmap import mmap

_PLACES = struct.Struct("=QQ")
_ONE = struct.Struct("=Q")


class Progress:
    """Written by the child, read by its parent. 0 stands for none."""

    SIZE = _PLACES.size

    def __init__(self, shared: mmap) -> None:
        self._shared = shared

    def begin(self, record: int) -> None:
        """The record of that number in the request is in hand."""
        _PLACES.pack_into(self._shared, 0, record + 1, 0)

    def parser(self, number: int) -> None:
        """That parser sees it."""
        _ONE.pack_into(self._shared, _ONE.size, number + 1)

    def end(self) -> None:
        """Nothing is in hand."""
        _ONE.pack_into(self._shared, 0, 0)

    def in_hand(self) -> tuple[int | None, int | None]:
        """The record's number and the parser's."""
        record, parser = _PLACES.unpack_from(self._shared, 0)
        return (record - 1 if record else None), (parser - 1 if record and parser else None)
