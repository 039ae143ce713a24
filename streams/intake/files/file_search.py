"""Find new files, and files that were renamed, copied or packed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISREG

from schemas.followed_files import FollowedFilesSettings
from streams.intake.files.file_content import open_content
from streams.intake.files.file_registry import FileRegistry, identify_content
from streams.intake.files.followed_file import FollowedFile
from streams.intake.files.path_patterns import PatternFiles, list_rotated

_DAY_SECONDS = 86_400.0
_PACKED = ".gz"

ListedFile = tuple[Path, os.stat_result]


class FileSearch:
    """Searches for the files of one source. OSErrors of single files are collected, not raised."""

    def __init__(self, settings: FollowedFilesSettings, registry: FileRegistry) -> None:
        self._settings = settings
        self._registry = registry
        self._patterns = [PatternFiles(pattern) for pattern in settings.paths]
        self.problems: dict[str, OSError] = {}
        """What could not be looked at in the last scan, by path."""

    def list_files(self) -> list[ListedFile]:
        """List the files that the settings name, each once, those last written to first."""
        self.problems = {}
        listed: dict[tuple[int, int], ListedFile] = {}
        for pattern in self._patterns:
            for path in pattern.list_paths():
                if self._is_excluded(path):
                    continue
                status = self._get_status(path)
                if status is not None and S_ISREG(status.st_mode):
                    real = Path(os.path.realpath(path))
                    listed.setdefault((status.st_dev, status.st_ino), (real, status))
            self.problems |= pattern.problems
        return sorted(listed.values(), key=lambda each: (each[1].st_mtime_ns, str(each[0])))

    def _is_excluded(self, path: Path) -> bool:
        return any(
            fnmatchcase(str(path), each) or fnmatchcase(path.name, each)
            for each in self._settings.exclude
        )

    def _get_status(self, path: Path) -> os.stat_result | None:
        try:
            return path.stat()
        except FileNotFoundError:
            return None
        except OSError as problem:
            self.problems[str(path)] = problem
            return None

    def adopt_new(self, listed: Sequence[ListedFile], now: float) -> list[FollowedFile]:
        """Add files that are not known; a copy of a known file goes on where that one ended."""
        known = self._registry.get_identities()
        skip_before = now - (self._settings.skip_older_days or 0.0) * _DAY_SECONDS
        adopted: list[FollowedFile] = []
        for path, status in listed:
            identity = (status.st_dev, status.st_ino)
            is_old = self._settings.skip_older_days is not None and status.st_mtime < skip_before
            if identity not in known and not _is_being_packed(path):
                file = self._adopt(path, status, is_old=is_old)
                adopted += [file] if file else []
        return adopted

    def _adopt(self, path: Path, status: os.stat_result, *, is_old: bool) -> FollowedFile | None:
        identity = (status.st_dev, status.st_ino)
        try:
            content = open_content(path)
        except OSError as problem:
            self.problems[str(path)] = problem
            return None
        try:
            original = self._registry.find_by_content(content)
        except OSError as problem:
            self.problems[str(path)] = problem
            return None
        finally:
            content.close()
        if original is None or (not content.packed and _is_longer(status.st_size, original)):
            return None if is_old else self._registry.add(path, identity)
        if original.is_present:
            return None
        original.move(path, identity)
        return original

    def locate(self, file: FollowedFile) -> bool:
        """Find the file under another name, or a copy of it that goes on where it was read to."""
        try:
            beside = list_rotated(file.path)
        except OSError:
            return False
        for path in beside:
            status = _get_status_or_none(path)
            if status is not None and file.inode == status.st_ino and self._holds(path, file):
                file.path, file.device = path, status.st_dev
                return True
        if file.content is not None:
            return False
        copy = self._registry.find_copy(
            file.compute_position(), [file.path, *_order_copies(beside)]
        )
        if copy is None:
            return False
        file.move(*copy)
        return True

    def _holds(self, path: Path, file: FollowedFile) -> bool:
        """Whether a file with this file's number is this file: numbers are used again."""
        if file.content is not None:
            return True
        if file.end == 0:
            return not self.is_copy(path)
        return identify_content(path, file.compute_position()) is not None

    def is_copy(self, path: Path) -> bool:
        """Whether the file holds what was read of another: a file of which nothing was read has
        only its number, and a copy of another may have got it."""
        try:
            content = open_content(path)
        except OSError:
            return False
        try:
            original = self._registry.find_by_content(content)
            size = content.get_status().st_size
        except OSError:
            return False
        finally:
            content.close()
        return original is not None and (content.packed or not _is_longer(size, original))

    def find_copy(self, file: FollowedFile) -> FollowedFile | None:
        """Find and add the copy that was made of a file before it was cut short."""
        try:
            beside = list_rotated(file.path)
        except OSError:
            return None
        position = file.compute_position()
        copy = self._registry.find_copy(position, _order_copies(beside))
        if copy is None:
            return None
        added = self._registry.add(*copy, like=position)
        added.is_present = True
        return added

    def adopt_between(self, path: Path, after: int) -> list[FollowedFile]:
        """Add files into which `path` was rotated since `after` (nanoseconds), and that nobody
        saw; also the one that is there now."""
        try:
            beside = list_rotated(path)
        except OSError:
            return []
        listed = [
            (each, status)
            for each in (*beside, path)
            if (status := _get_status_or_none(each)) is not None
            and S_ISREG(status.st_mode)
            and (each == path or status.st_mtime_ns >= after)
        ]
        return self.adopt_new(sorted(listed, key=lambda each: each[1].st_mtime_ns), 0.0)


def _get_status_or_none(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _order_copies(paths: Sequence[Path]) -> list[Path]:
    """Order plain files first: to look into a packed one costs its whole length."""
    return sorted(paths, key=lambda path: path.suffix == _PACKED)


def _is_being_packed(path: Path) -> bool:
    """Whether the file is the packed copy of a file that is still there."""
    return path.suffix == _PACKED and path.with_suffix("").exists()


def _is_longer(size: int, original: FollowedFile) -> bool:
    """Whether a file that begins like another, which is still there, is no copy of it."""
    status = _get_status_or_none(original.path)
    return (
        original.is_present
        and status is not None
        and size > status.st_size
        and identify_content(original.path, original.compute_position()) is not None
    )
