"""Choose when the garbage collector visits what batches leave behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from streams.correlate.signal_rows import pause_collector

MOST_SIGNALS = 4_000
"""Signals since the last visit: what they leave is visited in some 20 ms."""


class BatchCollector:
    """Nearly all objects of a batch are gone at its end: a collection meanwhile would visit them for
    nothing. What stays is visited once, a bounded number of objects at a time. The collector's own
    count falls when older objects go, so that one visit in a flood took 120 ms."""

    def __init__(self) -> None:
        self._signals = 0

    def count(self, signals: int) -> None:
        """Count what a batch keeps."""
        self._signals += signals

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let the collector rest during a batch, and visit what is young at its end if that is
        due."""
        with pause_collector():
            yield
            if self._signals >= MOST_SIGNALS:
                self._signals = 0
                gc.collect(1)
