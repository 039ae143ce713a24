"""Unpack gzip in bounded memory; yield what could be read before raising an error."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_PIECE_BYTES = 512 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def decompress(chunks: Iterable[bytes], piece_bytes: int = _PIECE_BYTES) -> Iterator[bytes]:
    """Yield the content of one or several gzip members, in pieces of at most `piece_bytes`.

    Raises zlib.error for damage and EOFError if the last member is incomplete."""
    members = _GzipMembers(piece_bytes)
    for chunk in chunks:
        yield from members.feed(chunk)
    yield from members.finish()


class _GzipMembers:
    def __init__(self, piece_bytes: int) -> None:
        self._piece_bytes = piece_bytes
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and (self._begun or data.strip(b"\0")):  # files may be padded with zeroes
            self._begun = True
            if piece := self._member.decompress(data, self._piece_bytes):
                yield piece
            data = self._member.unconsumed_tail
            if self._member.eof:
                data = self._member.unused_data
                self._member = zlib.decompressobj(_GZIP)
                self._begun = False

    def finish(self) -> Iterator[bytes]:
        if not self._begun:
            return
        if piece := self._member.flush():
            yield piece
        if not self._member.eof:
            raise EOFError
