"""Buffer a record of a byte stream, and cut records that are too long.

A record of up to `limit` bytes stays whole. A longer one is cut into consecutive pieces of `limit`
bytes (the last one shorter). Every piece becomes a record of its own that carries, in `piece`, its
number, its bytes and where the record began; the last one also the whole length. Pieces never reach
a parser: the worker stores each as a dead letter. So memory stays bounded and no byte is lost."""

from __future__ import annotations

from typing import NamedTuple

DEFAULT_LIMIT = 4 * 1024 * 1024


class FramedRecord(NamedTuple):
    """One record as received."""

    raw: bytes
    piece: str = ""
    """Not empty: a piece of an over-long record."""

    @property
    def ends_record(self) -> bool:
        """False for a piece that others follow."""
        return not self.piece.startswith("piece")


class RecordBuffer:
    """Gathers one record; gives pieces away as soon as it grows beyond the limit (0: none)."""

    def __init__(self, limit: int, at: int) -> None:
        """Create a buffer; `at` is the offset in the input of the first byte that will be added."""
        self._limit = limit
        self._at = at
        self._content = bytearray()
        self._start = at
        self._pieces = 0
        self._given_bytes = 0
        """Bytes of the record that were given away in pieces."""

    def __len__(self) -> int:
        return len(self._content)

    @property
    def is_cut(self) -> bool:
        return self._pieces > 0

    @property
    def pieces(self) -> int:
        """Pieces of the present record that were given away."""
        return self._pieces

    @property
    def record_bytes(self) -> int:
        """Bytes of the present record so far, also those given away."""
        return self._given_bytes + len(self._content)

    def skip(self, count: int) -> None:
        """Skip bytes of the input that belong to no record."""
        self._at += count

    def add(self, data: bytes) -> list[FramedRecord]:
        """Add a part of the record; returns the pieces that are full now."""
        if not self._content and not self._pieces:
            self._start = self._at
        self._content += data
        self._at += len(data)
        cut: list[FramedRecord] = []
        while self._limit and len(self._content) > self._limit:
            cut.append(self._take_piece(self._limit))
        return cut

    def cut(self) -> list[FramedRecord]:
        """Give away what is held as one piece, though the limit is not reached."""
        return [self._take_piece(len(self._content))] if self._content else []

    def _take_piece(self, length: int) -> FramedRecord:
        raw = bytes(self._content[:length])
        del self._content[:length]
        return FramedRecord(raw, self._note(length, "piece"))

    def finish(self, trailing: bytes = b"\r") -> list[FramedRecord]:
        """Finish the record; `trailing` bytes at its end are framing. A blank record is dropped."""
        content = bytes(self._content)
        raw = content.rstrip(trailing)
        note = self._note(len(content), "last piece") if self._pieces else ""
        self._content.clear()
        self._pieces = self._given_bytes = 0
        return [FramedRecord(raw, note)] if raw.strip() else []

    def take_back(self) -> bytes:
        """Take back the buffered bytes, unframed."""
        content = bytes(self._content)
        self._content.clear()
        self._at -= len(content)
        return content

    @property
    def at(self) -> int:
        """Offset in the input of the next byte."""
        return self._at

    def _note(self, length: int, word: str) -> str:
        first = self._given_bytes
        self._given_bytes += length
        self._pieces += 1
        whole = f" of {first + length}" if word != "piece" else ""
        return (
            f"{word} {self._pieces}, bytes {first} to {first + length - 1}{whole},"
            f" of a record that begins at byte {self._start} of the input"
        )
