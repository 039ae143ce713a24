"""When nothing can reach the buckets that the log holds any more: a sweep looks at those alone."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from schemas.pipeline.alert import GroupKey

SLOT_SECONDS = 60


class DueBuckets:
    """Buckets by the low watermark from which they are due, rounded up to a minute. Each is handed out
    once. Not thread-safe."""

    def __init__(self) -> None:
        self._slots: dict[int, list[tuple[GroupKey, int]]] = {}
        self._order: list[int] = []
        """A heap of the slots' numbers."""

    def clear(self) -> None:
        """Forget all."""
        self._slots.clear()
        self._order.clear()

    def add(self, key: GroupKey, index: int, due: float) -> None:
        """Say from when on this bucket is due."""
        slot = int(-(-due // SLOT_SECONDS))
        places = self._slots.get(slot)
        if places is None:
            self._slots[slot] = [(key, index)]
            heappush(self._order, slot)
        else:
            places.append((key, index))

    def take(self, low: float, limit: int) -> Iterator[tuple[GroupKey, int]]:
        """Those that are due, those that waited longest first; at most so many."""
        while limit > 0 and self._order and self._order[0] * SLOT_SECONDS <= low:
            places = self._slots[self._order[0]]
            while places and limit > 0:
                limit -= 1
                yield places.pop()
            if not places:
                del self._slots[heappop(self._order)]
