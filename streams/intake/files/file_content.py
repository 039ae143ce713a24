"""Read the content of a plain or packed file from any offset; offsets are those of the unpacked
content."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Protocol

from streams.intake.splitting.inflate import decompress

GZIP_MAGIC = b"\x1f\x8b"
_PACKED_BYTES = 256 * 1024


class FileContent(Protocol):
    """An open file. Each call raises OSError when the file system refuses."""

    @property
    def packed(self) -> bool: ...

    def read(self, offset: int, size: int) -> bytes:
        """Read at most `size` bytes; fewer, or none, where the file ends."""
        ...

    def get_status(self) -> os.stat_result:
        """Return the status of the open file, also when its name is another file's by now."""
        ...

    def close(self) -> None: ...


class DamagedFile(Exception):
    """A packed file breaks off or is damaged: what came before was read."""


class PlainContent:
    """A file as it is."""

    packed = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, offset: int, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (part := os.pread(self._descriptor, size, offset)):
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return b"".join(parts)

    def find_data(self, offset: int) -> int:
        """Find the first byte from `offset` on that does not lie in a hole of the file."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except OSError:
            return offset

    def get_status(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class PackedContent:
    """A gzip file. Reading backwards unpacks it from its beginning again."""

    packed = True

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rewind()

    def _rewind(self) -> None:
        self._unpacked_until = 0
        self._rest = b""
        self._pieces = decompress(_PackedChunks(self._descriptor))

    def read(self, offset: int, size: int) -> bytes:
        """Raises DamagedFile where the file breaks off; the next call begins anew."""
        if offset < self._unpacked_until - len(self._rest):
            self._rewind()
        try:
            while self._unpacked_until < offset + size:
                piece = next(self._pieces, b"")
                if not piece:
                    break
                self._drop_before(offset)
                self._rest += piece
                self._unpacked_until += len(piece)
        except (EOFError, zlib.error) as error:
            available = self._slice(offset, size)
            self._rewind()
            if available:
                return available
            raise DamagedFile from error
        return self._slice(offset, size)

    def _drop_before(self, offset: int) -> None:
        begin = self._unpacked_until - len(self._rest)
        if offset > begin:
            self._rest = self._rest[offset - begin :]

    def _slice(self, offset: int, size: int) -> bytes:
        begin = offset - (self._unpacked_until - len(self._rest))
        return self._rest[begin : begin + size] if begin >= 0 else b""

    def get_status(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _PackedChunks:
    """Iterates over the bytes of the file, from its beginning."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._offset = 0

    def __iter__(self) -> _PackedChunks:
        return self

    def __next__(self) -> bytes:
        chunk = os.pread(self._descriptor, _PACKED_BYTES, self._offset)
        if not chunk:
            raise StopIteration
        self._offset += len(chunk)
        return chunk


def open_content(path: Path) -> PlainContent | PackedContent:
    """Open the file; its first bytes say whether it is packed. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        packed = os.pread(descriptor, 2, 0) == GZIP_MAGIC
    except OSError:
        os.close(descriptor)
        raise
    return PackedContent(descriptor) if packed else PlainContent(descriptor)
