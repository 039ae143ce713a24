"""Hold an unpacked body so that all of it can be read as bytes, whatever its size: what is large is
in a file that has no name, and is mapped into memory."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_IN_MEMORY = 256 * 1024


@contextmanager
def hold_plain_body(chunks: Iterable[bytes], folder: Path | None) -> Iterator[memoryview]:
    """Hold the bytes of all chunks. Raises OSError if the disk is full."""
    with tempfile.TemporaryFile(dir=None if folder is None else str(folder)) as file:
        head = bytearray()
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size <= _IN_MEMORY:
                head += chunk
                continue
            if head:
                file.write(head)
                head.clear()
            file.write(chunk)
        if size <= _IN_MEMORY:
            yield memoryview(bytes(head))
            return
        file.flush()
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        try:
            yield memoryview(mapped)
        finally:
            # The traceback of an error may still hold slices: then it is unmapped with them.
            with suppress(BufferError):
                mapped.close()
