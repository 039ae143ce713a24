"""Follow the files of one source: look at them, read what was added, and store how far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.followed_files import FollowedFilesSettings
from streams.intake.files.file_content import DamagedFile
from streams.intake.files.file_looks import FileLooks
from streams.intake.files.file_registry import FileRegistry
from streams.intake.files.file_search import FileSearch, ListedFile
from streams.intake.files.followed_file import ChangedContent, FollowedFile
from streams.intake.files.record_appender import RecordAppender
from streams.intake.files.surroundings import FollowSurroundings
from streams.intake.files.unread_files import UnreadFiles
from streams.ports.file_states import FileState

SAVE_SECONDS = 60.0
"""How often the time of the last look is stored."""
CATCH_UP_SECONDS = 3_600.0
"""Content of a source at which nobody looked for so long, or of a new file that is so old, counts
as a backfill."""
DAMAGED_SECONDS = 60.0
"""A packed file that breaks off may still be being written; it is given up after so long."""
ROTATED_SECONDS = 300.0
"""The last line of a rotated file is taken as whole when the file has been quiet for so long."""
SUCCEEDED_SECONDS = 3.0
"""The same where its writer writes to the next file already."""
MOST_OPEN = 200
READS_IN_TURN = 4
"""Parts of one file that are read before the next file has its turn."""

DAMAGED = "breaks off or is damaged; what follows in it was not read"
DAMAGED_DAYS = timedelta(days=1)
"""Before its last change: so long may the lines reach back that a damaged file does not give."""


class SourceFollower:
    """Rounds of one source. Used by one thread at a time."""

    def __init__(self, settings: FollowedFilesSettings, around: FollowSurroundings) -> None:
        self.settings = settings
        self._around = around
        self._registry = FileRegistry(around.max_line_bytes)
        self._search = FileSearch(settings, self._registry)
        self._appender = RecordAppender(
            settings.source,
            around.log,
            around.memory,
            around.now,
            around.stop,
            settles=around.settles,
        )
        self._unread = UnreadFiles(settings.source, around.log, around.now, around.reports)
        self._looks = FileLooks(self._registry, self._search, self._appender, self._unread, around)
        self._is_loaded = False
        self._next_scan = 0.0
        self._next_save = 0.0
        self._listed: set[tuple[int, int]] = set()
        self._scanned = False
        """Whether new files were looked for since the positions were loaded."""
        self._was_away = True
        """Whether nobody looked at the source for long before the positions were loaded."""
        self.states: Sequence[FileState] = ()
        self.bytes_read = 0

    @property
    def records(self) -> int:
        return self._appender.records

    def run_round(self) -> bool:
        """Look at all files and read what was added; returns whether there may be more at once.

        Raises RetryableError when positions or records cannot be stored; the next round begins with
        what is stored."""
        if not self._is_loaded:
            self._load()
        begun = self._around.clock()
        scans = begun >= self._next_scan
        # The list is older than the look at the known files: a copy in it of a file that is still
        # whole then holds nothing that this file does not hold.
        listed = self._search.list_files() if scans else []
        more = self._read_files(self._looks.look_at(self._registry.list_files(ended=scans)))
        more |= self._read_files(self._adopt_rotated())
        if scans:
            self._next_scan = begun + self.settings.scan_seconds
            more |= self._read_files(self._adopt(listed))
        self._end_quiet_files()
        self._appender.flush()
        if self._looks.has_moved:
            self._looks.has_moved, self._next_scan = False, 0.0
        self._store_looks(begun, scans=scans)
        return more

    def reload(self) -> None:
        """Begin the next round with what is stored, after one that failed."""
        self._is_loaded = False

    def close(self) -> None:
        """Store the present positions and close all files. Raises RetryableError."""
        try:
            if self._is_loaded:
                self._appender.save(self._registry.list_files(ended=False))
        finally:
            self._registry.close()

    def _load(self) -> None:
        self._appender.settle()
        self._unread.load()
        self._registry.load(self._around.memory.list_positions(self.settings.source))
        self._next_scan = 0.0
        self._scanned = False
        self._is_loaded = True
        now = self._around.now().timestamp()
        files = self._registry.list_files(ended=True)
        last = max((file.looked for file in files), default=0.0)
        self._was_away = now - last > CATCH_UP_SECONDS
        for file in files:
            if now - file.looked > CATCH_UP_SECONDS:
                file.catches_up_until = _get_size(file)

    def _adopt(self, listed: Sequence[ListedFile]) -> list[FollowedFile]:
        """Adopt new files of a scan, and report what could not be looked at."""
        self._listed = {(status.st_dev, status.st_ino) for _, status in listed}
        adopted = self._search.adopt_new(listed, self._around.now().timestamp())
        problems = self._search.problems
        for path, problem in problems.items():
            self._unread.begin(path, problem, since=self._around.now())
        known = {str(file.path) for file in self._registry.list_files(ended=True)}
        adopted_paths = {str(file.path) for file in adopted}
        self._unread.end_others(problems.keys() | (known - adopted_paths))
        self._unread.end_former()
        self._register(adopted)
        self._scanned = True
        return adopted

    def _register(
        self, adopted: Sequence[FollowedFile], others: Sequence[FollowedFile] = ()
    ) -> None:
        """Store files that are new, together with others that changed."""
        now = self._around.now().timestamp()
        for file in adopted:
            size = _get_size(file)
            if self._around.backfills and (
                (self._was_away and not self._scanned)
                or now - file.changed / 1e9 > CATCH_UP_SECONDS
            ):
                file.catches_up_until = size
            file.looked = now
        if adopted or others:
            self._appender.save([*adopted, *others])

    def _adopt_rotated(self) -> list[FollowedFile]:
        """Adopt files into which others were rotated and that nobody saw, once it is known of all
        files what they are."""
        adopted: list[FollowedFile] = []
        searched: list[FollowedFile] = []
        # What is noted of a rotation must go in the same write as the files that it was noted for.
        self._appender.flush()
        for file in self._registry.list_rotated():
            path = Path(file.rotated_from or "")
            # Asked before the search: what comes after it was not searched.
            over = path.exists() or file.is_ended or file.is_gone
            adopted += self._search.adopt_between(path, file.rotated_since)
            if over and not self._search.is_undecided:
                file.rotated_from = None
                searched.append(file)
        self._register(adopted, searched)
        return adopted

    def _read_files(self, files: Sequence[FollowedFile]) -> bool:
        """Read each file on; returns whether one has more."""
        more = False
        for number, file in enumerate(files):
            if self._around.stop.is_set() and more:
                break
            more |= self._read_file(file)
            if number >= MOST_OPEN and not file.is_detached:
                file.close()
        return more

    def _read_file(self, file: FollowedFile) -> bool:
        try:
            return self._read_parts(file)
        except ChangedContent:
            self._read_files(self._looks.begin_anew([file]))
            return True
        except DamagedFile:
            self._note_damage(file)
        except FileNotFoundError:
            return True
        except OSError as problem:
            self._looks.note_unreadable(file, problem)
        return False

    def _read_parts(self, file: FollowedFile) -> bool:
        file.open()
        if not file.has_records and not file.is_detached and self._looks.is_copy(file):
            return False
        status = file.get_status()
        if file.content is not None and file.content.packed and file.size_seen >= 0:
            file.reopen()
        more = True
        for _ in range(READS_IN_TURN):
            before = file.end
            records, more = file.read()
            self.bytes_read += file.end - before
            if file.end != before:
                file.is_ended = False
                file.quiet_since = self._around.clock()
            if records:
                self._appender.add(file, records, backfill=before < file.catches_up_until)
            if not more:
                break
        self._unread.end(str(file.path))
        file.is_damaged = False
        file.changed = status.st_mtime_ns
        file.looked = self._around.now().timestamp()
        if not more:
            file.size_seen = status.st_size
        return more

    def _note_damage(self, file: FollowedFile) -> None:
        """Note a packed file that breaks off; it may still be being written."""
        status = file.get_status()
        file.is_damaged = True
        file.size_seen, file.changed = status.st_size, status.st_mtime_ns

    def _end_quiet_files(self) -> None:
        """Take the last lines of files as whole that are written to no more."""
        for file in self._registry.list_files(ended=False):
            if self._is_over(file):
                if file.is_damaged:
                    self._give_up_rest(file)
                self._appender.add(file, file.finish(), backfill=file.end < file.catches_up_until)
                file.close()
                file.is_gone = file.is_detached
                self._appender.save([file])

    def _is_over(self, file: FollowedFile) -> bool:
        clock = self._around.clock()
        file.quiet_since = file.quiet_since or clock
        quiet = clock - file.quiet_since
        if file.is_damaged:
            return quiet > DAMAGED_SECONDS
        if file.size_seen < 0 or self._unread.is_blind(str(file.path)):
            return False
        if file.identity not in self._listed and quiet > _get_rotated_seconds(file):
            return True
        age = self._around.now().timestamp() - file.changed / 1e9
        return age > self.settings.last_line_hours * 3600

    def _give_up_rest(self, file: FollowedFile) -> None:
        self._unread.report(str(file.path), DAMAGED)
        until = datetime.fromtimestamp(file.changed / 1e9, UTC)
        self._unread.note_loss(
            str(file.path), until - DAMAGED_DAYS, until, f"a packed file {DAMAGED}"
        )

    def _store_looks(self, clock: float, *, scans: bool) -> None:
        if scans:
            self.states = self._build_states()
            self._close_idle_files()
        if clock >= self._next_save:
            self._next_save = clock + SAVE_SECONDS
            forgettable = self._registry.list_forgettable()
            for file in forgettable:
                self._registry.forget(file)
            self._appender.save(
                self._registry.list_files(ended=False), [file.number for file in forgettable]
            )

    def _close_idle_files(self) -> None:
        idle = [
            file
            for file in self._registry.list_files(ended=True)
            if file.content is not None and not file.is_detached
        ]
        for file in sorted(idle, key=lambda each: each.quiet_since)[
            : max(0, len(idle) - MOST_OPEN)
        ]:
            file.close()

    def _build_states(self) -> list[FileState]:
        files = self._registry.list_files(ended=False)
        troubles = set(self._unread.list_paths()) - {str(file.path) for file in files}
        return [
            *(
                FileState(
                    source=self.settings.source,
                    path=str(file.path),
                    looked=self._looks.get_looked(file),
                    position=file.end,
                    behind=max(0, _get_size(file) - file.end) if file.size_seen < 0 else 0,
                    trouble=self._unread.get_text(str(file.path)),
                )
                for file in files
            ),
            *(
                FileState(self.settings.source, path, None, 0, 0, self._unread.get_text(path))
                for path in sorted(troubles)
            ),
        ]


def _get_rotated_seconds(file: FollowedFile) -> float:
    try:
        written = file.successor is not None and file.successor.stat().st_size > 0
    except OSError:
        written = False
    return SUCCEEDED_SECONDS if written else ROTATED_SECONDS


def _get_size(file: FollowedFile) -> int:
    try:
        status = file.get_status()
    except OSError:
        return 0
    file.changed = status.st_mtime_ns
    return status.st_size
