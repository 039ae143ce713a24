"""Read a delivery from a folder: all of its files together."""

from __future__ import annotations

import os
from pathlib import Path

from breachdesk.casework.imports.deliveries import DeliveredPart
from schemas.errors import BadInput, RetryableError

SUFFIXES = frozenset({".csv", ".json", ".txt"})
MOST_FILES = 500


def read_folder(folder: Path, most_bytes: int) -> tuple[DeliveredPart, ...]:
    """Read every sheet and JSON file of the folder, or the one file that the path names. Hidden
    files and others are left alone.

    Raises BadInput where there is none, or too much; RetryableError where a file cannot be read or
    is being written."""
    parts: list[DeliveredPart] = []
    left = most_bytes
    for path in _list_files(folder):
        content = _read_settled(path, left)
        left -= len(content)
        parts.append(DeliveredPart(path.name, content))
    if not parts:
        raise BadInput(
            "the folder holds no file to import",
            place=folder.name,
            remedy=f"Put files there that end in {', '.join(sorted(SUFFIXES))}.",
        )
    return tuple(parts)


def _list_files(folder: Path) -> list[Path]:
    try:
        if folder.is_file():
            return [folder]
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise RetryableError(
            f"the folder cannot be read ({error.strerror})",
            place=folder.name,
            remedy="Check the path and who may read it.",
        ) from None
    files = [
        path
        for path in paths
        if not path.name.startswith(".") and path.suffix.casefold() in SUFFIXES
    ]
    if len(files) > MOST_FILES:
        raise BadInput(
            f"more than {MOST_FILES} files", place=folder.name, remedy="Remove old ones."
        )
    return [path for path in files if path.is_file()]


def _read_settled(path: Path, most_bytes: int) -> bytes:
    """Read a file that nobody changes meanwhile."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            content = file.read(most_bytes + 1)
            after = path.stat()
    except OSError as error:
        raise RetryableError(
            f"the file cannot be read ({error.strerror})",
            place=path.name,
            remedy="Check who may read it.",
        ) from None
    if len(content) > most_bytes:
        raise BadInput(
            "the delivery is too large", place=path.name, remedy="Raise most_mib, or split it."
        )
    identity = (before.st_ino, before.st_size, before.st_mtime_ns)
    if identity != (after.st_ino, after.st_size, after.st_mtime_ns) or len(content) < after.st_size:
        raise RetryableError(
            "the file is being written", place=path.name, remedy="It is read the next time."
        )
    return content
