"""Choose the size of the next batch: all waiting records, limited by the time that a batch may
take."""

from __future__ import annotations

from collections import deque

LEAST = 250
"""Below this the transaction, not the records, is what takes the time."""
FIRST = 500
"""Nothing is known of the first batch."""
HEADROOM = 0.75
"""Part of the time that a batch aims at: the next one may hold dearer records."""
GROWTH = 1.5
PATIENCE = 8
"""Factor by which a batch may exceed its target duration by the clock, on a busy machine or with
records that are slow to read: small batches would cost such a machine even more."""
SHARED_STORE_PATIENCE = 4
"""Factor by which waiting for a store of many owners may exceed it: most of that is for the disk
and for other processes, and passes no sooner when a batch holds fewer records."""
REMEMBERED = 16
"""Full batches of about the present size that are compared. The second slowest meets the aim: a
limit is kept by the dear batches and not by the average one, and a single stall says little."""


class BatchSize:
    """Shrinks at once when a batch took too long, and grows by steps while full ones are quick."""

    def __init__(self, most: int, seconds: float, *, shared_store: bool = False) -> None:
        """Create the limits. `most`: records of any batch; `seconds`: the longest duration of
        one."""
        self._store_patience = SHARED_STORE_PATIENCE if shared_store else 1
        self._most = most
        self._least = min(LEAST, most)
        self._seconds = seconds
        self._full: deque[tuple[int, float]] = deque(maxlen=REMEMBERED)
        """Records and seconds of the last full batches."""
        self.records = min(FIRST, most)
        """What the next batch takes at most."""

    def record_times(self, records: int, computed: float, in_store: float, elapsed: float) -> None:
        """Learn from a finished batch: seconds of processor time, of waiting for the store, and by
        the clock."""
        waited = in_store / self._store_patience
        self.record_batch(records, max(computed + waited, elapsed / PATIENCE))

    def record_batch(self, records: int, seconds: float) -> None:
        """Learn from a finished batch. One that was not full says nothing about larger ones."""
        aim = self._seconds * HEADROOM
        full = records >= self.records
        if full:
            self._full.append((records, seconds))
        if seconds > self._seconds:
            self._set(int(min(records, self.records) * aim / seconds))
        elif full:
            fitting = aim / max(self._estimate_cost(), 1e-9)
            self._set(int(min(fitting, self.records * GROWTH)))

    def _estimate_cost(self) -> float:
        """Estimate the seconds of one record in a slow batch of about the present size. The last
        one may be the first of dearer ones."""
        costs = [seconds / count for count, seconds in self._full if 2 * count >= self.records]
        return max(sorted(costs)[-2:][0], costs[-1])

    def _set(self, records: int) -> None:
        self.records = min(max(records, self._least), self._most)
