"""Look at files: which have grown, which were renamed, packed, or cut short."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum, auto

from streams.intake.files.file_registry import FileRegistry
from streams.intake.files.file_search import FileSearch
from streams.intake.files.followed_file import ChangedContent, FollowedFile
from streams.intake.files.record_appender import RecordAppender
from streams.intake.files.surroundings import FollowSurroundings
from streams.intake.files.unread_files import UnreadFiles

CUT_SHORT = "the file was cut short while it was followed; lines written just before may be missing"
VANISHED = "the file vanished while it was followed; lines written just before may be missing"


class Look(Enum):
    """What a look at a file shows."""

    SAME = auto()
    GROWN = auto()
    MOVED = auto()
    """Its path leads to another file, or nowhere."""
    CUT = auto()
    """What was read of it is no longer in it."""


class FileLooks:
    """Looks at the files of one source."""

    def __init__(
        self,
        registry: FileRegistry,
        search: FileSearch,
        appender: RecordAppender,
        unread: UnreadFiles,
        around: FollowSurroundings,
    ) -> None:
        self._registry = registry
        self._search = search
        self._appender = appender
        self._unread = unread
        self._around = around
        self.has_moved = False
        """Whether a file was seen to be moved: its path may lead to a new one."""

    def look_at(self, files: Sequence[FollowedFile]) -> list[FollowedFile]:
        """Look at each file; list those that are to be read.

        Those of which something was read come first, those in their place before others: what they
        are is then known while others are searched."""
        known = [file for file in files if file.has_records]
        others = [file for file in files if not file.has_records]
        return self._look_at_all(known) + self._look_at_all(others)

    def _look_at_all(self, files: Sequence[FollowedFile]) -> list[FollowedFile]:
        to_read: list[FollowedFile] = []
        moved: list[FollowedFile] = []
        cut: list[FollowedFile] = []
        of_look = {Look.GROWN: to_read, Look.MOVED: moved, Look.CUT: cut}
        for file in files:
            if not file.has_records and not file.is_detached:
                self._note_first_lines(file)
            of_look.get(self._look_at_one(file), []).append(file)
        for file in moved:
            self._follow_move(file)
            to_read += [] if file.is_gone else [file]
        return to_read + self.begin_anew(cut)

    def is_copy(self, file: FollowedFile) -> bool:
        """Whether an open file of which nothing was read is a copy of another, or may become one;
        that one then goes on in it, unless it is in its place."""
        assert file.content is not None
        if self._search.is_being_made(file.path, file.content):
            return True
        original = self._search.find_original(file.content)
        if original is None:
            return False
        if not original.is_present:
            original.move(file.path, file.identity)
            original.is_present = True
        self._registry.forget(file)
        self._appender.save([original], [file.number])
        self.has_moved = True
        return True

    def _look_at_one(self, file: FollowedFile) -> Look:
        if file.is_detached:
            return Look.GROWN
        try:
            status = file.path.stat()
            if file.inode != status.st_ino or (file.content and file.device != status.st_dev):
                file.is_present = False
                return Look.MOVED
            grown = self._has_changed(file, status) or self._unread.is_blind(str(file.path))
            if grown:
                file.verify()
        except (FileNotFoundError, NotADirectoryError):
            file.is_present = False
            return Look.MOVED
        except ChangedContent:
            return Look.CUT
        except OSError as problem:
            self.note_unreadable(file, problem)
            return Look.SAME
        file.is_present = True
        return Look.GROWN if grown else Look.SAME

    def _has_changed(self, file: FollowedFile, status: os.stat_result) -> bool:
        if file.size_seen < 0 and _is_as_stored(file, status):
            file.size_seen, file.changed = status.st_size, status.st_mtime_ns
        if (status.st_size, status.st_mtime_ns) != (file.size_seen, file.changed):
            return True
        file.looked = self._around.now().timestamp()
        return False

    def _note_first_lines(self, file: FollowedFile) -> None:
        """Note that a file of which nothing was read may have been rotated since."""
        changed = _get_changed(file)
        if file.changed and changed not in (None, file.changed):
            file.note_rotation(file.path, file.changed)
            self._appender.save([file])

    def _follow_move(self, file: FollowedFile) -> None:
        """Follow a file whose path leads to another file, or nowhere."""
        path, changed = file.path, file.changed
        file.successor = path
        self.has_moved = True
        if self._search.locate(file):
            file.is_present = True
            if file.has_records:
                changed = _get_changed(file) or changed
        elif file.content is not None:
            file.is_detached = True
            changed = file.content.get_status().st_mtime_ns
        else:
            self._lose(file)
        file.note_rotation(path, changed)
        self._appender.save([file])

    def _lose(self, file: FollowedFile) -> None:
        self._note_loss(file, VANISHED)
        self._unread.end(str(file.path))
        file.is_gone = True
        file.close()

    def _note_loss(self, file: FollowedFile, reason: str) -> None:
        if file.is_ended or not file.end:
            return
        if not file.has_records and self._search.has_rotated(file.path, file.changed):
            return
        now = self._around.now()
        self._unread.note_loss(str(file.path), min(self.get_looked(file), now), now, reason)

    def get_looked(self, file: FollowedFile) -> datetime:
        return datetime.fromtimestamp(file.looked, UTC) if file.looked else self._around.now()

    def begin_anew(self, files: Sequence[FollowedFile]) -> list[FollowedFile]:
        """Note that the paths of these files, which were cut short or whose numbers are other
        files' by now, are to be read anew. Returns those that go on in copies of them."""
        if not files:
            return []
        self._appender.flush()
        for file in files:
            file.is_present = False
        instead: list[FollowedFile] = []
        for file in files:
            path, changed = file.path, file.changed
            copy = self._search.find_copy(file)
            if copy is None:
                self._note_loss(file, CUT_SHORT)
                file.is_gone = True
                file.close()
            else:
                file.move(*copy)
                file.is_present = True
                instead.append(file)
            file.note_rotation(path, changed)
        self._appender.save(files)
        return instead

    def note_unreadable(self, file: FollowedFile, problem: OSError) -> None:
        file.close()
        if self._unread.begin(str(file.path), problem, since=self.get_looked(file)):
            self._appender.save([file])


def _is_as_stored(file: FollowedFile, status: os.stat_result) -> bool:
    """Whether the file was not written to since its position was stored at its end."""
    stored = file.stored
    is_read = stored.is_ended or (stored.end == status.st_size and stored.end > 0)
    return is_read and stored.changed == status.st_mtime_ns


def _get_size(file: FollowedFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return 0


def _get_changed(file: FollowedFile) -> int | None:
    try:
        return file.path.stat().st_mtime_ns
    except OSError:
        return None
