"""Track when no signal can reach the buckets of the log any more, so that a sweep reads those
alone."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from schemas.pipeline.alert import GroupKey

SLOT_SECONDS = 60


class DueBuckets:
    """Buckets by the low watermark from which they are due, rounded up to a minute. Each is handed
    out once. Not thread-safe."""

    def __init__(self) -> None:
        self._slots: dict[int, list[tuple[GroupKey, int]]] = {}
        self._order: list[int] = []
        """A heap of the slots' numbers."""

    def clear(self) -> None:
        """Forget all buckets."""
        self._slots.clear()
        self._order.clear()

    def add(self, key: GroupKey, index: int, due: float) -> None:
        """Add a bucket and the time from which it is due."""
        slot = int(-(-due // SLOT_SECONDS))
        places = self._slots.get(slot)
        if places is None:
            self._slots[slot] = [(key, index)]
            heappush(self._order, slot)
        else:
            places.append((key, index))

    def take(self, low: float, limit: int) -> Iterator[tuple[GroupKey, int]]:
        """Remove and yield due buckets, the longest waiting first; at most `limit`."""
        while limit > 0 and self._order and self._order[0] * SLOT_SECONDS <= low:
            places = self._slots[self._order[0]]
            while places and limit > 0:
                limit -= 1
                yield places.pop()
            if not places:
                del self._slots[heappop(self._order)]
