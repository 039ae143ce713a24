"""Cache a few large values that were computed from read snapshots, for later snapshots."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")
EACH_KIND = 4
"""Values of one kind of any size: a list of 4,000 exposures takes some 20 MB."""
MOST_BYTES = 6_000_000
"""More values of one kind are cached while all of them together are read from less than this."""
LONGEST_SECONDS = 600.0
"""What nobody asks for again goes after that."""


class SnapshotCache:
    """One per store. Thread-safe; a value that two threads miss at once is computed by both."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create an empty cache; `clock` gives monotonic seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[str, OrderedDict[Hashable, tuple[float, int, Any]]] = {}
        """When each value was saved, the bytes that it was read from, and the value."""
        self._erasures = 0
        self._revision = 0
        """Erasures that the store counted, as the newest snapshot saw it."""

    def make_view(self) -> SnapshotView:
        """Return a view for one read snapshot. Call it before the snapshot begins."""
        with self._lock:
            self._drop_old()
            return SnapshotView(self, self._erasures)

    def clear(self) -> None:
        """Clear the cache after an erasure. What an older snapshot is still computing is not cached
        either."""
        with self._lock:
            self._erasures += 1
            self._kinds.clear()

    def update_revision(self, revision: int) -> None:
        """Clear the cache if the snapshot counts more erasures, by another process."""
        with self._lock:
            if revision > self._revision:
                self._revision = revision
                self._kinds.clear()

    def find(self, kind: str, key: Hashable) -> tuple[Any] | None:
        """Return the value in a tuple, or None if it is not cached."""
        with self._lock:
            values = self._kinds.get(kind, OrderedDict())
            if key not in values:
                return None
            values.move_to_end(key)
            return (values[key][2],)

    def save(
        self,
        kind: str,
        key: Hashable,
        value: object,
        *,
        erasures: int,
        revision: int,
        size: int = MOST_BYTES,
    ) -> None:
        """Save the value, unless something was erased since the snapshot began, by any process."""
        with self._lock:
            if (erasures, revision) != (self._erasures, self._revision):
                return
            values = self._kinds.setdefault(kind, OrderedDict())
            values[key] = self._clock(), size, value
            values.move_to_end(key)
            total = sum(each[1] for each in values.values())
            while len(values) > EACH_KIND and total > MOST_BYTES:
                total -= values.popitem(last=False)[1][1]

    def _drop_old(self) -> None:
        oldest = self._clock() - LONGEST_SECONDS
        for values in self._kinds.values():
            for key in [key for key, (at, *_) in values.items() if at < oldest]:
                del values[key]


class SnapshotView:
    """The memory as one read snapshot may use it."""

    def __init__(self, cache: SnapshotCache, erasures: int) -> None:
        self._cache = cache
        self._erasures = erasures
        self._revision: int | None = None

    def get_cached(
        self,
        kind: str,
        key: Hashable,
        make: Callable[[], T],
        *,
        revision: Callable[[], int],
        size: int = MOST_BYTES,
    ) -> T:
        """Return a cached or computed value, as for `UnitOfWork.get_cached`. `revision` returns the
        number of erasures in the snapshot and is called once. `size`: the bytes that the value is
        read from, if these are few."""
        if self._revision is None:
            self._revision = revision()
            self._cache.update_revision(self._revision)
        known = self._cache.find(kind, key)
        if known is not None:
            return cast(T, known[0])
        value = make()
        self._cache.save(
            kind, key, value, erasures=self._erasures, revision=self._revision, size=size
        )
        return value
