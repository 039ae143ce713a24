"""Create files and folders that only their owner may read, whatever the process's umask.

Files with personal data or secrets are created here. The command line sets a umask as well, for
files that libraries create; this module also works without the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

FILE_MODE = 0o600
FOLDER_MODE = 0o700
UMASK = 0o077


def make_folder(path: Path) -> None:
    """Make it and its parents; what exists keeps its mode (`breachdesk preflight` names it)."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def create_file(path: Path) -> None:
    """Make an empty file, or leave the one that is there."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))


def open_to_write(path: Path) -> BinaryIO:
    """Open an empty file; an existing one loses its rights for group and others."""
    return _open_private(path, os.O_TRUNC, "wb")


def open_to_append(path: Path) -> BinaryIO:
    """Open at the end; an existing file loses its rights for group and others."""
    return _open_private(path, os.O_APPEND, "ab")


def write_bytes(path: Path, content: bytes) -> None:
    """Write the whole content of a file."""
    with open_to_write(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Write the whole content of a file, as UTF-8."""
    write_bytes(path, text.encode())


def _open_private(path: Path, how: int, mode: str) -> BinaryIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, FILE_MODE)
    os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, mode)  # type: ignore[return-value]  # "wb" and "ab" are binary


def list_readable_by_others(folder: Path) -> list[Path]:
    """List the folder and what is below it, as far as group or others have any right to it."""
    every = [folder, *sorted(folder.rglob("*"))]
    return [path for path in every if not path.is_symlink() and path.stat().st_mode & UMASK]
