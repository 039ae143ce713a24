"""Report connections that were closed because too many were open as blind intervals.

Bytes in transit are lost, and their number is unknown. One interval covers all connections of a
source. While it goes on it is noted ever more rarely, so that a sender that opens connections for
days does not fill the disk with reports."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.errors import RetryableError
from streams.intake.blind_intervals import (
    LONGEST,
    MOST_SOURCES,
    LossSpan,
    build_interval,
    extend_span,
    is_over,
)
from streams.ports import EventLog

_LONGEST_PAUSE = timedelta(hours=1)
_FORGOTTEN = timedelta(hours=6)
_OTHERS = "syslog-tcp"
"""Represents the sources beyond the most that are reported by name."""

logger = logging.getLogger("breachdesk.syslog")


@dataclass(slots=True)
class _NotedLosses:
    times: int
    at: datetime

    def pause(self) -> timedelta:
        return min(_LONGEST_PAUSE, LONGEST * (1 << min(self.times, 12)))


class ConnectionLosses:
    """Used by the listener's thread alone."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._open: dict[str, LossSpan] = {}
        self._noted: dict[str, _NotedLosses] = {}

    def add_closed(self, source: str, now: datetime) -> None:
        """Count one more closed connection of the source."""
        if source not in self._open and len(self._open) >= MOST_SOURCES:
            source = _OTHERS
        self._open[source] = extend_span(self._open.get(source), now, now, 1)

    def note(self, now: datetime, *, final: bool = False) -> None:
        """Write intervals that are over; they wait for the next call when the log refuses."""
        with suppress(RetryableError):
            for source, span in list(self._open.items()):
                if final or (is_over(span, now) and self._is_due(source, now)):
                    self._note(source, span, now)

    def _is_due(self, source: str, now: datetime) -> bool:
        noted = self._noted.get(source)
        return noted is None or now - noted.at >= noted.pause()

    def _note(self, source: str, span: LossSpan, now: datetime) -> None:
        reason = f"{span.count} syslog TCP connections were closed: too many were open"
        self._log.note_gap(build_interval(source, span, reason, None))
        logger.warning("%d syslog TCP connections closed: too many were open", span.count)
        del self._open[source]
        before = self._noted.get(source)
        times = before.times + 1 if before and now - before.at < _FORGOTTEN else 0
        if before is None and len(self._noted) >= MOST_SOURCES:
            self._noted.clear()
        self._noted[source] = _NotedLosses(times, now)
