"""The dispatcher's own pulse. A machine that was suspended, or restored from a snapshot, wakes up
believing that it is still then; mail that left meanwhile would leave twice. So after a gap nothing
is sent until a person has looked (docs/reference/streaming.md, 4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

GAP = timedelta(minutes=5)
"""Longer silence than any single message explains."""


class Heartbeat:
    """Beats are compared with the clock on the wall and with the machine's own.

    `file`, when given, keeps the last beat over restarts: a process that starts long after it is
    told so by `gap_at_start`. Deleting the file is a person's way to say "go on".
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        file: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        gap: timedelta = GAP,
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._gap = gap
        self._file = file
        self._last: tuple[datetime, float] | None = None

    def gap_at_start(self) -> bool:
        """Does the file tell of a last beat longer ago than the gap, or in the future?"""
        if self._file is None or not self._file.exists():
            return False
        try:
            last = datetime.fromisoformat(self._file.read_text("ascii").strip())
        except ValueError:
            return True
        return abs(self._now() - last) > self._gap

    def beat(self) -> bool:
        """True: all is well since the last beat. The first beat is always well."""
        here = (self._now(), self._monotonic())
        last, self._last = self._last, here
        is_well = last is None or self._is_well(last, here)
        if is_well:
            self._note(here[0])
        return is_well

    def begin_anew(self) -> None:
        """Forget the last beat: a person has looked, or asked for this round."""
        self._last = None
        self._note(self._now())

    def was_waved_on(self) -> bool:
        """Has a person deleted the file?"""
        return self._file is not None and not self._file.exists()

    def _is_well(self, last: tuple[datetime, float], here: tuple[datetime, float]) -> bool:
        """Suspended: the wall clock ran, the machine's stood still. Stopped: both ran on."""
        wall = here[0] - last[0]
        machine = timedelta(seconds=here[1] - last[1])
        return timedelta(0) - self._gap <= wall <= self._gap and machine <= self._gap

    def _note(self, moment: datetime) -> None:
        if self._file is not None:
            draft = self._file.with_suffix(".new")
            draft.write_text(moment.isoformat(), "ascii")
            draft.replace(self._file)
