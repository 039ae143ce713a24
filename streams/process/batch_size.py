"""Choose the size of the next batch: all waiting records, limited by the time that a batch may
take."""

from __future__ import annotations

LEAST = 500
"""Below this the transaction, not the records, is what takes the time."""
HEADROOM = 0.8
"""Part of the time that a batch aims at: the next one may hold dearer records."""
GROWTH = 2


class BatchSize:
    """Shrinks at once when a batch took too long, and grows by steps while full ones are quick."""

    def __init__(self, most: int, seconds: float) -> None:
        """Create the limits. `most`: records of any batch; `seconds`: the target duration of
        one."""
        self._most = most
        self._least = min(LEAST, most)
        self._seconds = seconds
        self.records = most
        """What the next batch takes at most."""

    def record_batch(self, records: int, seconds: float) -> None:
        """Learn from a finished batch. One that was not full says nothing about larger ones."""
        aim = self._seconds * HEADROOM
        if seconds > self._seconds:
            self._set(int(min(records, self.records) * aim / seconds))
        elif records >= self.records:
            fitting = int(min(records * aim / max(seconds, 1e-9), self.records * GROWTH))
            self._set(max(self.records, fitting))

    def _set(self, records: int) -> None:
        self.records = min(max(records, self._least), self._most)
