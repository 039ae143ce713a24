"""Convert what Windows programs write before text: the UTF-8 mark is removed, UTF-16 becomes
UTF-8."""

from __future__ import annotations

import codecs

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ByteOrderMarkReader:
    """Bytes in, bytes without mark out; bytes without a mark are not touched at all.

    Broken UTF-16 becomes visible escapes (`backslashreplace`), never an error.
    """

    def __init__(self) -> None:
        self._pending: bytes | None = b""
        self._decoder: codecs.IncrementalDecoder | None = None

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
