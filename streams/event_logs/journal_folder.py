"""The journal's folder: which files there are, and the two locks every process honours.

`write.lock` is held around every write and every checkpoint, by whichever process. `owner.lock`
is held for life by one process: only that one checkpoints. SQLite before 3.51.3 can damage a WAL
when one connection writes while another checkpoints; these locks make that impossible.
"""

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
        """Raises Misconfigured when the folder can be neither made nor written."""
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
        """Nobody else, in any process, writes or checkpoints meanwhile."""
        fcntl.flock(self._write_lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._write_lock, fcntl.LOCK_UN)

    def acquire_checkpoints(self) -> bool:
        """Is this the one that checkpoints? Ownership falls to the next who asks."""
        if not self._owner:
            try:
                fcntl.flock(self._owner_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._owner = True
        return True

    def list_journals(self) -> Sequence[str]:
        """Ids of the files that exist, oldest first."""
        # A Path for each of ten years' names costs three times as much.
        matches = map(_NAME.fullmatch, os.listdir(self.path))  # noqa: PTH208
        return sorted(match[1] for match in matches if match)

    def has_journal(self, journal: str) -> bool:
        """Does its file exist?"""
        return _NAME.fullmatch(f"{journal}.db") is not None and self.get_path(journal).exists()

    def get_path(self, journal: str) -> Path:
        return self.path / f"{journal}.db"

    def get_unfinished_path(self, journal: str) -> Path:
        """Where a file is built before it gets its name."""
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
        """Delete a journal's file and what SQLite keeps beside it."""
        for ending in ("-wal", "-shm", ""):
            Path(f"{self.get_path(journal)}{ending}").unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a crash left half made. Only under the lock."""
        for path in self.path.glob(f"{_UNFINISHED}*"):
            path.unlink(missing_ok=True)


def build_journal_id(day: str, former: Sequence[str]) -> str:
    """An id for a file made now: sorts after every former one of its day, and is never made twice.

    `20261122-001-ab12cd34`: day, number within the day, eight random digits.
    """
    number = 1 + max((int(name[9:12]) for name in former if name[:8] == day), default=0)
    return f"{day}-{number:03d}-{secrets.token_hex(4)}"
