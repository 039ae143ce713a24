"""Estimate what signals take in memory, counted as though none of it were shared.

The signals of one event share its summary, and those of one batch their names. Once they have been
read from the store they share nothing, so that only the full size bounds memory in every case."""

from __future__ import annotations

from collections.abc import Collection
from sys import getsizeof

from schemas.pipeline.alert import Signal
from schemas.pipeline.event import AssetTouch
from schemas.pipeline.plugin import DetectorSignal

_ROW_BYTES = 496
"""Of a signal's objects of fixed size: itself, its row, time, position and hash; an absent session
counts by itself."""
_TOUCH_BYTES = 250
"""Of a touch with its three texts."""


def estimate_row(row: DetectorSignal) -> int:
    """Estimate the bytes of one signal."""
    signal: Signal = row.evidence
    summary = signal.summary
    values = summary.values()
    own = (row.id, row.value, row.session, signal.source, signal.touches, summary, *values)
    size = _ROW_BYTES + sum(map(getsizeof, own))
    if list in map(type, values):
        size += sum(sum(map(getsizeof, value)) for value in values if type(value) is list)
    return size


def estimate_touches(touches: Collection[AssetTouch]) -> int:
    """Estimate the bytes of a bucket's touches."""
    return getsizeof(touches) + _TOUCH_BYTES * len(touches)
