"""Follow the files of many sources, each source in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic

from schemas.errors import RetryableError
from schemas.followed_files import FollowedFilesSettings
from streams.intake.files.follow_memory import FollowMemory
from streams.intake.files.source_follower import SourceFollower
from streams.intake.files.surroundings import FollowSurroundings
from streams.intake.trouble_reports import TroubleReports
from streams.ports import EventLog
from streams.ports.file_states import FileState
from streams.ports.metrics import FollowMetrics

FILE_NAME = "followed.db"
STOP_SECONDS = 10.0
WAIT_AFTER_FAULT = 60.0
WAIT_AFTER_REFUSAL = 5.0
_LOG = logging.getLogger(__name__)


class FileFollower:
    """Follows from `start` to `stop`. Implements streams.ports.file_states.FileStates."""

    def __init__(
        self,
        settings: Sequence[FollowedFilesSettings],
        log: EventLog,
        now: Callable[[], datetime],
        *,
        folder: Path,
        max_line_bytes: int,
        settles: bool,
        meter: FollowMetrics,
        say: Callable[[str], None],
    ) -> None:
        """Open the stored positions. `settles`: the event log can say after a kill which appends
        were made, so that none is made twice; else copies of a record are one event."""
        self._stop = Event()
        self._meter = meter
        self._memory = FollowMemory(folder / FILE_NAME)
        self._reports = TroubleReports(say)
        around = FollowSurroundings(
            log=log,
            memory=self._memory,
            now=now,
            max_line_bytes=max_line_bytes,
            reports=self._reports,
            stop=self._stop,
            settles=settles,
        )
        self._followers = [SourceFollower(each, around) for each in settings]
        self._threads = [
            Thread(target=self._run, args=(each,), name=f"follow-{each.settings.source}")
            for each in self._followers
        ]
        for thread in self._threads:
            thread.daemon = True

    def start(self) -> None:
        """Start a thread for each source."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Store the positions and end the threads; one that waits for a file system that does not
        answer ends with the process."""
        self._stop.set()
        latest = monotonic() + STOP_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, latest - monotonic()))
        if not any(thread.is_alive() for thread in self._threads):
            self._memory.close()

    def list_states(self) -> Sequence[FileState]:
        """List the files that are followed now, and those that cannot be read."""
        return [state for each in self._followers for state in each.states]

    def list_troubles(self) -> list[str]:
        """List what cannot be read at present."""
        return self._reports.list_current()

    def _run(self, follower: SourceFollower) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            wait = self._run_once(follower)
        try:
            follower.close()
        except RetryableError as refusal:
            _LOG.warning("positions of followed files are not stored: %s", refusal)

    def _run_once(self, follower: SourceFollower) -> float:
        source = follower.settings.source
        try:
            more = follower.run_round()
        except RetryableError as refusal:
            follower.reload()
            if not self._stop.is_set():
                self._reports.begin(source, f"{source}: {refusal}")
            return WAIT_AFTER_REFUSAL
        except Exception as fault:  # noqa: BLE001 - one source's fault must not end the others
            _LOG.error("following files failed", exc_info=fault)
            follower.reload()
            self._reports.begin(source, f"{source}: following failed ({type(fault).__name__})")
            return WAIT_AFTER_FAULT
        self._reports.end(source)
        states = follower.states
        self._meter.set_files(
            source,
            files=len(states),
            behind=sum(each.behind for each in states),
            troubles=sum(each.trouble is not None for each in states),
        )
        return 0.0 if more else follower.settings.poll_seconds
