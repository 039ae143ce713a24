"""Know the files of a source: by number, by identity, and by what was read of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path

from streams.intake.files.content_mark import HEAD_BYTES, compute_digest, has_mark
from streams.intake.files.file_content import DamagedFile, FileContent, open_content
from streams.intake.files.file_position import FilePosition
from streams.intake.files.followed_file import FollowedFile

MOST_GONE = 20_000
"""Files that are no longer there and whose copies are recognised; beyond that, the longest unseen
are forgotten."""


class FileRegistry:
    """All files that are followed, and those whose copies may still appear."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._files: dict[int, FollowedFile] = {}
        self._last_number = 0

    def load(self, positions: Iterable[FilePosition]) -> None:
        self.close()
        self._files = {each.number: FollowedFile(each, self._limit) for each in positions}
        self._last_number = max(self._files, default=0)

    def add(self, path: Path, identity: tuple[int, int]) -> FollowedFile:
        self._last_number += 1
        file = FollowedFile(FilePosition(self._last_number, str(path), *identity), self._limit)
        self._files[file.number] = file
        return file

    def forget(self, file: FollowedFile) -> None:
        file.close()
        del self._files[file.number]

    def list_files(self, *, ended: bool) -> list[FollowedFile]:
        """List files that may still be there, those last written to first; with `ended` also those
        that were quiet for long."""
        files = [
            file
            for file in self._files.values()
            if not file.is_gone and (ended or not file.is_ended)
        ]
        return sorted(files, key=lambda file: (file.changed, file.number))

    def list_rotated(self) -> list[FollowedFile]:
        """List files of which it is not known into which others their path was rotated."""
        return [file for file in self._files.values() if file.rotated_from is not None]

    def list_forgettable(self) -> list[FollowedFile]:
        """List files that are gone and of which nothing was read, or that are beyond the number
        that is remembered."""
        gone = sorted(
            (file for file in self._files.values() if file.is_gone and not file.rotated_from),
            key=lambda each: (each.has_records, each.looked),
        )
        unread = sum(not file.has_records for file in gone)
        return gone[: max(unread, len(gone) - MOST_GONE)]

    def get_identities(self) -> set[tuple[int, int]]:
        """Return device and inode of each file that is not gone."""
        return {file.identity for file in self._files.values() if not file.is_gone}

    def get_present_identities(self) -> set[tuple[int, int]]:
        """Return those of files that were seen in their place: others' may be used again."""
        return {
            file.identity
            for file in self._files.values()
            if not file.is_gone and (file.is_present or file.is_detached)
        }

    def find_by_content(self, content: FileContent) -> FollowedFile | None:
        """Find the file of which this is a copy: the one of which most was read. Raises OSError."""
        try:
            head = content.read(0, HEAD_BYTES)
        except DamagedFile:
            return None
        digests: dict[int, bytes] = {}
        likely: list[FollowedFile] = []
        for file in self._files.values():
            position = file.get_present_position()
            mark = position.mark
            if not position.has_records or not 0 < mark.head_length <= len(head):
                continue
            if mark.head_length not in digests:
                digests[mark.head_length] = compute_digest(head[: mark.head_length])
            if digests[mark.head_length] == mark.head:
                likely.append(file)
        for file in sorted(likely, key=lambda each: each.end, reverse=True):
            if has_mark(content, file.get_present_position().mark, file.end):
                return file
        return None

    def find_copy(
        self, file: FollowedFile, paths: Collection[Path]
    ) -> tuple[Path, tuple[int, int]] | None:
        """Find which of these files, none of them one that is in its place, is a copy of a file."""
        known = self.get_present_identities()
        for path in paths:
            identity = self._identify(path, file)
            if identity is not None and identity not in known:
                return path, identity
        return None

    def _identify(self, path: Path, file: FollowedFile) -> tuple[int, int] | None:
        """Return device and inode of a copy of the file, of no other of which more was read."""
        try:
            with closing(open_content(path)) as content:
                if self.find_by_content(content) is file:
                    status = content.get_status()
                    return status.st_dev, status.st_ino
        except OSError:
            return None
        return None

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def identify_content(path: Path, position: FilePosition) -> tuple[int, int] | None:
    """Return device and inode of a file that holds what was read of another; else None."""
    try:
        with closing(open_content(path)) as content:
            status = content.get_status()
            if position.end and has_mark(content, position.mark, position.end):
                return status.st_dev, status.st_ino
    except OSError:
        return None
    return None
