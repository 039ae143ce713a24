"""Manage the journal's folder: its files, and the two locks every process honours.

Any process holds `write.lock` around every write and every checkpoint. One process holds
`owner.lock` for life: only that one checkpoints. SQLite before 3.51.3 can damage a WAL when one
connection writes while another checkpoints; these locks prevent it."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from schemas import private_files
from schemas.errors import ConfigurationError

_NAME = re.compile(r"(\d{8}-\d{3}-[0-9a-f]{8})\.db")
_UNFINISHED = ".unfinished-"


class JournalFolder:
    """Names and locks; no SQL."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError when the folder can be neither made nor written."""
        self.path = path
        try:
            private_files.make_folder(path)
            self._write_lock = os.open(path / "write.lock", os.O_RDWR | os.O_CREAT, 0o600)
            self._owner_lock = os.open(path / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"the journal's folder cannot be used ({error.strerror}).",
                place=str(path),
                remedy="Name a data folder this user may write.",
            ) from error
        self._owner = False

    def close(self) -> None:
        os.close(self._write_lock)
        os.close(self._owner_lock)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock out writes and checkpoints of every other process and thread."""
        fcntl.flock(self._write_lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._write_lock, fcntl.LOCK_UN)

    def acquire_checkpoints(self) -> bool:
        """Whether this process checkpoints. Once the owner has ended, the next process that asks
        becomes the owner."""
        if not self._owner:
            try:
                fcntl.flock(self._owner_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._owner = True
        return True

    def list_journals(self) -> Sequence[str]:
        """List the ids of existing files, oldest first."""
        # A Path for each of ten years' names costs three times as much.
        matches = map(_NAME.fullmatch, os.listdir(self.path))  # noqa: PTH208
        return sorted(match[1] for match in matches if match)

    def has_journal(self, journal: str) -> bool:
        """Whether the journal's file exists."""
        return _NAME.fullmatch(f"{journal}.db") is not None and self.get_path(journal).exists()

    def get_path(self, journal: str) -> Path:
        return self.path / f"{journal}.db"

    def get_unfinished_path(self, journal: str) -> Path:
        """Return where a file is built before it gets its name."""
        return self.path / f"{_UNFINISHED}{journal}.db"

    def publish(self, journal: str) -> None:
        """Give a finished file its name, durably."""
        self.get_unfinished_path(journal).replace(self.get_path(journal))
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, journal: str) -> None:
        """Delete a journal's file and SQLite's -wal and -shm files of it."""
        for ending in ("-wal", "-shm", ""):
            Path(f"{self.get_path(journal)}{ending}").unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a crash left half made. Only under the lock."""
        for path in self.path.glob(f"{_UNFINISHED}*"):
            path.unlink(missing_ok=True)


def build_journal_id(day: str, former: Sequence[str]) -> str:
    """Build an id for a new file: it sorts after every former one of its day, and is never made
    twice.

    `20261122-001-ab12cd34`: day, number within the day, eight random digits."""
    number = 1 + max((int(name[9:12]) for name in former if name[:8] == day), default=0)
    return f"{day}-{number:03d}-{secrets.token_hex(4)}"
