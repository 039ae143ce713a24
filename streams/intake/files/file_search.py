"""Find new files, and files that were renamed, copied or packed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from stat import S_ISREG

from schemas.followed_files import FollowedFilesSettings
from streams.intake.files.content_mark import HEAD_BYTES, TAIL_BYTES
from streams.intake.files.file_content import FileContent, open_content
from streams.intake.files.file_registry import FileRegistry, identify_content
from streams.intake.files.followed_file import FollowedFile
from streams.intake.files.path_patterns import PatternFiles, list_bases, list_rotated

_DAY_SECONDS = 86_400.0
_PACKED = ".gz"

_SEARCHES = 5
"""How often files are searched that are renamed meanwhile."""

ListedFile = tuple[Path, os.stat_result]
_Place = tuple[Path, tuple[int, int]]


class FileSearch:
    """Searches for the files of one source. OSErrors of single files are collected, not raised."""

    def __init__(self, settings: FollowedFilesSettings, registry: FileRegistry) -> None:
        self._settings = settings
        self._registry = registry
        self._patterns = [PatternFiles(pattern) for pattern in settings.paths]
        self.problems: dict[str, OSError] = {}
        """What could not be looked at in the last scan, by path."""
        self.is_undecided = False
        """Whether the last call left files out of which it is not known yet what they are."""

    def list_files(self) -> list[ListedFile]:
        """List the files that the settings name, each once, those last written to first."""
        self.problems = {}
        listed: dict[tuple[int, int], ListedFile] = {}
        for pattern in self._patterns:
            for path in pattern.list_paths():
                if self._is_excluded(path):
                    continue
                status = self._get_status(path)
                if status is None:
                    continue
                if not S_ISREG(status.st_mode) and pattern.is_name:
                    self.problems[str(path)] = OSError(errno.EINVAL, "it is not a file")
                elif S_ISREG(status.st_mode):
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
        self.is_undecided = False
        known = self._registry.get_identities()
        followed = known | {(status.st_dev, status.st_ino) for _, status in listed}
        skip_before = now - (self._settings.skip_older_days or 0.0) * _DAY_SECONDS
        adopted: list[FollowedFile] = []
        for path, status in listed:
            identity = (status.st_dev, status.st_ino)
            is_old = self._settings.skip_older_days is not None and status.st_mtime < skip_before
            if identity not in known:
                file = self._adopt(path, status, followed, is_old=is_old)
                adopted += [file] if file else []
        return adopted

    def _adopt(
        self,
        path: Path,
        status: os.stat_result,
        followed: Collection[tuple[int, int]],
        *,
        is_old: bool,
    ) -> FollowedFile | None:
        identity = _get_identity(status)
        try:
            with closing(open_content(path)) as content:
                is_other = _get_identity(content.get_status()) != identity
                if is_other or _is_being_made(path, content, followed):
                    self.is_undecided = True
                    return None
                original = self._registry.find_by_content(content)
        except OSError as problem:
            self.problems[str(path)] = problem
            return None
        if original is None or (not content.packed and _is_longer(status.st_size, original)):
            return None if is_old else self._registry.add(path, identity)
        if original.is_present:
            return None
        original.move(path, identity)
        return original

    def locate(self, file: FollowedFile) -> bool:
        """Find the file under another name, or a copy of it that goes on where it was read to."""

        def find(beside: Sequence[Path]) -> tuple[Path, tuple[int, int]] | None:
            for path in beside:
                status = _get_status_or_none(path)
                if status is not None and file.inode == status.st_ino and self._holds(path, file):
                    return path, _get_identity(status)
            if file.content is not None or not file.has_records:
                return None
            return self._registry.find_copy(file, [file.path, *_order_copies(beside)])

        place = _search_beside(file.path, find)
        if place is None:
            return False
        path, identity = place
        if identity[1] == file.inode:
            file.path, file.device = path, identity[0]
        else:
            file.move(path, identity)
        return True

    def _holds(self, path: Path, file: FollowedFile) -> bool:
        """Whether a file with this file's number is this file: numbers are used again."""
        if file.content is not None:
            return True
        if not file.has_records:
            return self._is_unknown(path)
        return identify_content(path, file.compute_position()) is not None

    def _is_unknown(self, path: Path) -> bool:
        """Whether the file is no copy of another."""
        try:
            with closing(open_content(path)) as content:
                return not self.is_being_made(path, content) and not self.find_original(content)
        except OSError:
            return False

    def is_being_made(self, path: Path, content: FileContent) -> bool:
        """Whether the file is a copy that may still grow, of a followed file that is there."""
        return _is_being_made(path, content, self._registry.get_identities())

    def find_original(self, content: FileContent) -> FollowedFile | None:
        """Find the file of which this is a copy: a file of which nothing was read has only its
        number, and a copy of another may have got it."""
        original = self._registry.find_by_content(content)
        size = content.get_status().st_size
        if original is None or (not content.packed and _is_longer(size, original)):
            return None
        return original

    def find_copy(self, file: FollowedFile) -> tuple[Path, tuple[int, int]] | None:
        """Find the copy that was made of a file before it was cut short."""
        if not file.has_records:
            return None
        return _search_beside(
            file.path, lambda beside: self._registry.find_copy(file, _order_copies(beside))
        )

    def has_rotated(self, path: Path, after: int) -> bool:
        """Whether files are there into which `path` was rotated since `after` (nanoseconds)."""
        try:
            beside = list_rotated(path)
        except OSError:
            return False
        statuses = [_get_status_or_none(each) for each in beside]
        return any(status is not None and status.st_mtime_ns >= after for status in statuses)

    def adopt_between(self, path: Path, after: int) -> list[FollowedFile]:
        """Add files into which `path` was rotated since `after` (nanoseconds), and that nobody
        saw; also the one that is there now."""
        try:
            beside = list_rotated(path)
            listed = [
                (each, status)
                for each in (*beside, path)
                if (status := _get_status_or_none(each)) is not None
                and S_ISREG(status.st_mode)
                and (each == path or status.st_mtime_ns >= after)
            ]
            adopted = self.adopt_new(sorted(listed, key=lambda each: each[1].st_mtime_ns), 0.0)
            self.is_undecided |= list_rotated(path) != beside
        except OSError:
            return []
        return adopted


def _search_beside(path: Path, find: Callable[[Sequence[Path]], _Place | None]) -> _Place | None:
    """Search the files beside `path` until one is found, or none was renamed meanwhile."""
    for _ in range(_SEARCHES):
        try:
            beside = list_rotated(path)
            place = find(list(beside))
            if place is not None or list_rotated(path) == beside:
                return place
        except OSError:
            return None
    return None


def _get_identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


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


def _is_being_made(path: Path, content: FileContent, followed: Collection[tuple[int, int]]) -> bool:
    if content.packed or path.suffix == _PACKED:
        return _is_being_packed(path)
    return any(_is_beginning(content, base, followed) for base in list_bases(path))


def _is_beginning(content: FileContent, base: Path, followed: Collection[tuple[int, int]]) -> bool:
    """Whether a file begins as `base` does, another one that is followed and holds all of it."""
    try:
        with closing(open_content(base)) as whole:
            size, status = content.get_status().st_size, whole.get_status()
            identity = _get_identity(status)
            if whole.packed or size > status.st_size or identity not in followed:
                return False
            if identity == _get_identity(content.get_status()):
                return False
            tail = max(0, size - TAIL_BYTES)
            return all(
                content.read(offset, length) == whole.read(offset, length)
                for offset, length in ((0, min(size, HEAD_BYTES)), (tail, size - tail))
            )
    except OSError:
        return False


def _is_longer(size: int, original: FollowedFile) -> bool:
    """Whether a file that begins like another, which is still there, is no copy of it."""
    status = _get_status_or_none(original.path)
    return (
        original.is_present
        and status is not None
        and size > status.st_size
        and identify_content(original.path, original.compute_position()) is not None
    )
