"""Bound the total cost of slow lines: after some of them, lines like them are set aside unread.

Each slow line costs its whole budget, so a sender of one could send a thousand. The bound holds for
each source that the settings name, and for all other sources together, since a sender may invent
names. Only lines at least half as long as the shortest slow one are set aside: a pattern that is
slow on long lines does not prevent reading the short ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

ALLOWED = 10
"""Lines of one source and parser that may be ended before others are set aside."""
FORGOTTEN_AFTER = timedelta(minutes=10)
"""Of arrival, since the last of them was ended."""

LineKind = tuple[str, str]
"""A source's name (empty: all that the settings do not name) and a parser's id."""
SlowLineRecord = tuple[int, int, datetime]
"""How many were ended, the length of the shortest in bytes, and the arrival of the last."""


class SlowLines:
    """Knows no clock: the lines' arrivals are its time."""

    def __init__(self, known: Mapping[LineKind, SlowLineRecord] | None = None) -> None:
        self._known: dict[LineKind, SlowLineRecord] = dict(known or {})
        self.are_known = bool(self._known)
        """Whether any line was slow; asked for each record and parser."""

    def note(self, of: LineKind, length: int, arrived: datetime) -> bool:
        """Note that a line of that length was ended; returns True if lines like it are set aside
        from now on."""
        ended, shortest, last = self._get_current(of, arrived) or (0, length, arrived)
        self._known[of] = (ended + 1, min(shortest, length), max(last, arrived))
        self.are_known = True
        return ended + 1 == ALLOWED

    def should_set_aside(self, of: LineKind, length: int, arrived: datetime) -> bool:
        """Whether this line must not be tried."""
        if not self._known:
            return False
        ended, shortest, _ = self._get_current(of, arrived) or (0, 0, arrived)
        return ended >= ALLOWED and 2 * length >= shortest

    def get_known(self) -> Mapping[LineKind, SlowLineRecord]:
        """Return what another instance needs to continue."""
        return dict(self._known)

    def _get_current(self, of: LineKind, arrived: datetime) -> SlowLineRecord | None:
        known = self._known.get(of)
        if known is not None and arrived - known[2] > FORGOTTEN_AFTER:
            del self._known[of]
            return None
        return known
