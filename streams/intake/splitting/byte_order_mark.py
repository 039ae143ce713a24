"""Convert what Windows programs write before text: the UTF-8 mark is removed, UTF-16 becomes
UTF-8."""

from __future__ import annotations

import codecs

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ByteOrderMarkReader:
    """Bytes in, bytes without mark out; bytes without a mark are not touched at all.

    Broken UTF-16 becomes visible escapes (`backslashreplace`), never an error.
    """

    def __init__(self, *, at_begin: bool = True) -> None:
        """Create a reader. `at_begin`: the input is read from its beginning, where a mark may
        be."""
        self._pending: bytes | None = b"" if at_begin else None
        self._decoder: codecs.IncrementalDecoder | None = None

    @property
    def converts(self) -> bool:
        """Whether the bytes that come out are others than those that went in."""
        return self._decoder is not None

    @property
    def held_bytes(self) -> int:
        return len(self._pending or b"")

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        if self._pending is not None:
            data, self._pending = self._pending + data, None
            if not final and len(data) < 3 and _may_become_mark(data):
                self._pending = data
                return b""
            if data.startswith(_UTF16):
                self._decoder = codecs.getincrementaldecoder("utf-16")("backslashreplace")
            data = data.removeprefix(codecs.BOM_UTF8)
        if self._decoder is None:
            return data
        return self._decoder.decode(data, final).encode("utf-8", "backslashreplace")


def _may_become_mark(data: bytes) -> bool:
    return any(mark.startswith(data[: len(mark)]) for mark in (codecs.BOM_UTF8, *_UTF16))
