"""Detect gaps in a dispatcher's own run. A machine that was suspended, or restored from a snapshot,
continues as if no time had passed, and would send again what left since. After a gap the dispatcher
therefore enters its outbox again, which decides whether all mail is held
(docs/reference/streaming.md, Mail)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

GAP = timedelta(minutes=5)
"""Longer silence than any single message explains."""


class ClockHeartbeat:
    """Compares the clock on the wall with the machine's own, from beat to beat."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        gap: timedelta = GAP,
    ) -> None:
        self._monotonic = monotonic
        self._gap = gap
        self._last: tuple[datetime, float] | None = None
        self._missed = False

    def record_beat(self, now: datetime) -> bool:
        """Record a beat; returns True if there was no gap since the last `reset`. The first beat
        never has one."""
        here = (now, self._monotonic())
        last, self._last = self._last, here
        if last is not None and not self._is_well(last, here):
            self._missed = True
        return not self._missed

    def reset(self, now: datetime) -> None:
        """Reset after somebody has decided what the gap means."""
        self._last = (now, self._monotonic())
        self._missed = False

    def _is_well(self, last: tuple[datetime, float], here: tuple[datetime, float]) -> bool:
        """Whether there was no gap. Suspended: only the wall clock ran. Stopped: both clocks
        ran."""
        wall = here[0] - last[0]
        machine = timedelta(seconds=here[1] - last[1])
        return abs(wall) <= self._gap and machine <= self._gap
