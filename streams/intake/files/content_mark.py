"""Recognise a file by what was read of it, whatever its name and number are by now: after it was
renamed, copied or packed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from streams.intake.files.file_content import DamagedFile, FileContent

HEAD_BYTES = 1024
TAIL_BYTES = 256


@dataclass(frozen=True, slots=True)
class ContentMark:
    """Digests of the first bytes and of the last bytes that were read."""

    head_length: int = 0
    head: bytes = b""
    tail_length: int = 0
    tail: bytes = b""


NOTHING_READ = ContentMark()


def build_mark(head: bytes, tail: bytes) -> ContentMark:
    """Build the mark of these first and last bytes."""
    return ContentMark(len(head), compute_digest(head), len(tail), compute_digest(tail))


def has_mark(content: FileContent, mark: ContentMark, end: int) -> bool:
    """Whether the content is that of which `end` bytes were read. Raises OSError."""
    try:
        head = content.read(0, mark.head_length)
        if compute_digest(head) != mark.head:
            return False
        return compute_digest(content.read(end - mark.tail_length, mark.tail_length)) == mark.tail
    except DamagedFile:
        return False


def compute_digest(content: bytes) -> bytes:
    """Compute a digest that shows nothing of the content."""
    return hashlib.blake2b(content, digest_size=16).digest()
