"""Report lost datagrams as blind intervals.

The kernel counts for the whole socket, so every source heard on it may have lost something: each
gets the interval, and the count if it is the only one. An interval is noted after a second without
a further loss, or after ten."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from threading import Lock

from schemas.errors import RetryableError
from streams.intake.blind_intervals import (
    MOST_SOURCES,
    LossSpan,
    build_interval,
    extend_span,
    is_over,
)
from streams.ports import EventLog

_COUNTER = 2**32
_UNHEARD = "syslog-udp"
"""Represents all of them while none has been heard yet, and for those beyond the most that are
told of by name: the sender of a datagram is what its sender says."""


class DatagramLosses:
    """`heard` and `refused` may be called by the receiving thread, the rest by one other."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._lock = Lock()
        self._heard: set[str] = set()
        self._counter = 0
        self._looked: datetime | None = None
        self._kernel: LossSpan | None = None
        self._refused: dict[str, LossSpan] = {}

    def add_sender(self, source: str) -> None:
        """Add a source of the socket, which losses then concern."""
        self._heard.add(source if len(self._heard) < MOST_SOURCES else _UNHEARD)

    def update_kernel_count(self, counter: int, now: datetime) -> None:
        """Process a new value of the kernel's drop counter."""
        lost = (counter - self._counter) % _COUNTER
        if lost:
            self._counter = counter
            self._kernel = extend_span(self._kernel, self._looked or now, now, lost)
        self._looked = now

    def add_refused(self, source: str, count: int, now: datetime) -> None:
        """Count datagrams that the event log did not accept in time."""
        with self._lock:
            if source not in self._refused and len(self._refused) >= MOST_SOURCES:
                source = _UNHEARD
            self._refused[source] = extend_span(self._refused.get(source), now, now, count)

    def note(self, now: datetime, *, final: bool = False) -> None:
        """Write intervals that are over; they wait for the next call when the log refuses."""
        with suppress(RetryableError):
            self._note_kernel(now, final=final)
            self._note_refused(now, final=final)

    def _note_kernel(self, now: datetime, *, final: bool) -> None:
        loss = self._kernel
        if loss is None or not (final or is_over(loss, now)):
            return
        sources = sorted(self._heard) or [_UNHEARD]
        shared = "" if len(sources) == 1 else f", shared by {len(sources)} UDP sources"
        reason = f"the kernel dropped {loss.count} datagrams{shared}: its buffer was full"
        for source in sources:
            lost = loss.count if len(sources) == 1 else None
            self._log.note_gap(build_interval(source, loss, reason, lost))
        self._kernel = None

    def _note_refused(self, now: datetime, *, final: bool) -> None:
        reason = "the event log refused records for too long"
        for source, loss in list(self._refused.items()):
            if final or is_over(loss, now):
                self._log.note_gap(build_interval(source, loss, reason, loss.count))
                with self._lock:
                    del self._refused[source]
