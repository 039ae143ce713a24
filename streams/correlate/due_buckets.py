"""Track when no signal can reach the unwritten buckets of the log any more, so that a sweep reads
those alone."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from schemas.pipeline.alert import GroupKey

SLOT_SECONDS = 60


class DueBuckets:
    """Buckets by the low watermark from which they are due, rounded up to a minute. Each is handed
    out once. What is discarded leaves no more than its minute. Not thread-safe."""

    def __init__(self) -> None:
        self._slots: dict[int, dict[tuple[GroupKey, int], None]] = {}
        self._order: list[int] = []
        """A heap of the slots' numbers."""

    def clear(self) -> None:
        """Forget all buckets."""
        self._slots.clear()
        self._order.clear()

    def add(self, key: GroupKey, index: int, due: float) -> None:
        """Add a bucket and the time from which it is due."""
        slot = _get_slot(due)
        places = self._slots.get(slot)
        if places is None:
            places = self._slots[slot] = {}
            heappush(self._order, slot)
        places[key, index] = None

    def discard(self, key: GroupKey, index: int, due: float) -> None:
        """Remove a bucket that was added with this time, if it is there."""
        places = self._slots.get(_get_slot(due))
        if places:
            places.pop((key, index), None)
            if not places:
                places.clear()  # or it keeps the room of all that it ever held

    def take(self, low: float, limit: int) -> Iterator[tuple[GroupKey, int]]:
        """Remove and yield due buckets, the longest waiting first; at most `limit`."""
        while limit > 0 and self._order and self._order[0] * SLOT_SECONDS <= low:
            places = self._slots[self._order[0]]
            while places and limit > 0:
                limit -= 1
                place, _ = places.popitem()
                yield place
            if not places:
                del self._slots[heappop(self._order)]


def _get_slot(due: float) -> int:
    return int(-(-due // SLOT_SECONDS))
