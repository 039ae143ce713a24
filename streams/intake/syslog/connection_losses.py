"""Report connections that were closed because too many were open, or because of TLS, as blind
intervals.

Bytes in transit are lost, and their number is unknown. One interval covers all connections of a
source that were closed for one reason. While it goes on it is noted ever more rarely, so that a sender that opens connections for
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
TOO_MANY = "{count} syslog TCP connections were closed: too many were open"
_OTHERS = "syslog-tcp"
"""Represents the sources beyond the most that are reported by name."""

logger = logging.getLogger("breachdesk.syslog")


_Key = tuple[str, str]
"""A source and a reason."""


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
        self._open: dict[_Key, LossSpan] = {}
        self._noted: dict[_Key, _NotedLosses] = {}

    def add_closed(self, source: str, now: datetime, reason: str = TOO_MANY) -> None:
        """Count one more closed connection of the source. `reason` has a place for `{count}`."""
        key = source, reason
        if key not in self._open and len(self._open) >= MOST_SOURCES:
            key = _OTHERS, reason
        self._open[key] = extend_span(self._open.get(key), now, now, 1)

    def note(self, now: datetime, *, final: bool = False) -> None:
        """Write intervals that are over; they wait for the next call when the log refuses."""
        with suppress(RetryableError):
            for key, span in list(self._open.items()):
                if final or (is_over(span, now) and self._is_due(key, now)):
                    self._note(key, span, now)

    def _is_due(self, key: _Key, now: datetime) -> bool:
        noted = self._noted.get(key)
        return noted is None or now - noted.at >= noted.pause()

    def _note(self, key: _Key, span: LossSpan, now: datetime) -> None:
        source, template = key
        reason = template.format(count=span.count)
        self._log.note_gap(build_interval(source, span, reason, None))
        logger.warning("%s", reason)
        del self._open[key]
        before = self._noted.get(key)
        times = before.times + 1 if before and now - before.at < _FORGOTTEN else 0
        if before is None and len(self._noted) >= MOST_SOURCES:
            self._noted.clear()
        self._noted[key] = _NotedLosses(times, now)
