"""Report what cannot be read, and note for how long nothing was seen of it."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Callable, Collection
from datetime import datetime

from schemas.pipeline.source import BlindInterval
from streams.intake.trouble_reports import TroubleReports
from streams.ports import EventLog

UNREADABLE = "a followed file could not be read"


class UnreadFiles:
    """Files and folders of one source that cannot be read at present."""

    def __init__(
        self, source: str, log: EventLog, now: Callable[[], datetime], reports: TroubleReports
    ) -> None:
        self._source = source
        self._log = log
        self._now = now
        self._reports = reports
        self._texts: dict[str, str] = {}
        self._intervals: dict[str, BlindInterval] = {}
        self._former: list[BlindInterval] = []

    def load(self) -> None:
        """Load the intervals that a former process left open."""
        self._intervals.clear()
        self._former = [
            gap
            for gap in self._log.list_gaps()
            if gap.source == self._source and gap.reason == UNREADABLE and gap.end is None
        ]

    def end_former(self) -> None:
        """End what a former process left open; what still cannot be read has a new interval."""
        for gap in self._former:
            self._end_interval(gap)
        self._former = []

    def begin(self, path: str, problem: OSError, since: datetime | None = None) -> bool:
        """Report the problem. With `since`, nothing is seen of the path from then on: returns
        whether that is new."""
        self.report(path, f"cannot be read ({problem.strerror or type(problem).__name__})")
        if since is None or path in self._intervals or problem.errno == errno.ENOENT:
            return False
        self._intervals[path] = self._note_interval(path, since, None, UNREADABLE)
        return True

    def report(self, path: str, text: str) -> None:
        """Report what is wrong with the path, unless it is reported already."""
        self._texts[path] = text
        self._reports.begin(path, f"{self._source}: {path} {text}")

    def end(self, path: str) -> None:
        """End the trouble, if the path had one."""
        if self._texts.pop(path, None) is not None:
            self._reports.end(path)
        interval = self._intervals.pop(path, None)
        if interval is not None:
            self._end_interval(interval)

    def end_others(self, paths: Collection[str]) -> None:
        """End the troubles of all paths but these."""
        for path in self._texts.keys() - set(paths):
            self.end(path)

    def list_paths(self) -> list[str]:
        """List what cannot be read, by path."""
        return sorted(self._texts)

    def is_blind(self, path: str) -> bool:
        """Whether nothing is seen of the path."""
        return path in self._intervals

    def get_text(self, path: str) -> str | None:
        """Return what prevents reading the path, or None."""
        return self._texts.get(path)

    def note_loss(self, path: str, since: datetime, until: datetime, reason: str) -> None:
        """Note that lines may be lost that were written in this time."""
        self._note_interval(path, since, until, reason)

    def _note_interval(
        self, path: str, begin: datetime, end: datetime | None, reason: str
    ) -> BlindInterval:
        """Note a blind interval; its begin differs by file, since an interval is known by its
        source and begin."""
        begin = begin.replace(microsecond=zlib.crc32(path.encode()) % 1_000_000)
        interval = BlindInterval(
            source=self._source,
            begin=begin,
            end=None if end is None else max(begin, end),
            reason=reason,
        )
        self._log.note_gap(interval)
        return interval

    def _end_interval(self, interval: BlindInterval) -> None:
        end = max(interval.begin, self._now())
        self._log.note_gap(interval.model_copy(update={"end": end}))
