"""What is kept of the signals of one group and one bucket, however many there were.

A bucket is a timespan-wide slice of event time. Kept are, per step, the n first and the n last
signals (or the first and last signal of the n first and last distinct values) and the union of
touches over ALL signals, dropped ones too. Absorbing is associative and idempotent, so that any
order, duplication or cutting into batches leaves the same bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from schemas.alert import GroupKey, Signal
from schemas.event import Position, Touch

LOUD_CAP = 1_000
"""What `keep` 0 (keep all) means: as many first and last signals per bucket and step. Reaching it
is said in the alert's explanation (Episode: `Sample only`)."""


Identity = tuple[float, str, str, str]


class Kept(NamedTuple):
    """A retained signal. Sorts by time, event id, step, value: together its identity."""

    time: float
    id: str
    step: str
    value: str
    signal: Signal


def kept(signal: Signal) -> Kept:
    return Kept(signal.time, signal.event_id, signal.step, signal.value, signal)


def retain(rows: Sequence[Kept], keep: int, *, distinct: bool) -> list[Kept]:
    """The retained ones of sorted rows of one bucket, sorted."""
    bound = keep or LOUD_CAP
    if len(rows) <= (2 if distinct else 2 * bound):
        return list(rows)
    steps: dict[str, list[Kept]] = {}
    for row in rows:
        steps.setdefault(row.step, []).append(row)
    chosen: list[Kept] = []
    for of_step in steps.values():
        chosen += _ends_of_values(of_step, bound) if distinct else _ends(of_step, bound)
    return sorted(chosen)


def _ends(rows: list[Kept], bound: int) -> list[Kept]:
    return rows if len(rows) <= 2 * bound else rows[:bound] + rows[-bound:]


def _ends_of_values(rows: list[Kept], bound: int) -> list[Kept]:
    chosen: dict[Identity, Kept] = {}
    for ordered in (rows, rows[::-1]):
        seen: dict[str, Kept] = {}
        for row in ordered:
            seen.setdefault(row.value, row)
            if len(seen) == bound:
                break
        chosen.update((row[:4], row) for row in seen.values())
    return list(chosen.values())


class Bucket:
    """Retained state of one bucket: sorted rows, touches of all, and whether some were dropped.

    There are hundreds of thousands of them: frozensets, which share their empty one, not sets.
    """

    __slots__ = ("rows", "stale", "thinned", "touches", "unattributed", "unfolded")

    def __init__(self) -> None:
        self.rows: list[Kept] = []
        self.touches: frozenset[Touch] = frozenset()
        self.unattributed: frozenset[str] = frozenset()
        self.thinned = False
        self.stale = True
        """Changed since episodes were last computed."""
        self.unfolded = False
        """Changed since it was last written out."""

    def absorb(self, new: Iterable[Kept], keep: int, *, distinct: bool) -> list[Signal]:
        """Take in signals; returns those that changed something, which the signal log must hold.

        Absorbing the returned ones alone leads to the same state: a restart needs no others.
        """
        union = {row[:4]: row for row in self.rows}
        before = set(union)
        fresh: list[Kept] = []
        telling: set[Identity] = set()
        for row in new:
            widened = self._touch(row.signal)
            if row[:4] in union and not widened:
                continue
            fresh.append(row)
            union.setdefault(row[:4], row)
            if widened:
                telling.add(row[:4])
        if not fresh:
            return []
        self.rows = retain(sorted(union.values()), keep, distinct=distinct)
        if len(self.rows) < len(union) and not self.thinned:
            self.thinned = True
            return [row.signal for row in fresh]
        telling |= {row[:4] for row in self.rows} - before
        return [row.signal for row in fresh if row[:4] in telling]

    def _touch(self, signal: Signal) -> bool:
        named = signal.unattributed
        if self.touches.issuperset(signal.touches) and (not named or named in self.unattributed):
            return False
        self.touches = self.touches.union(signal.touches)
        if named:
            self.unattributed = self.unattributed.union((named,))
        return True

    def dump(self) -> bytes:
        """Compact JSON; the key is not repeated in it."""
        touches = sorted(self.touches)
        number = {touch: index for index, touch in enumerate(touches)}
        return orjson.dumps(
            {
                "t": [(t.customer, t.asset, t.category) for t in touches],
                "u": sorted(self.unattributed),
                "x": self.thinned,
                "s": [_dump_signal(row.signal, number) for row in self.rows],
            },
            default=_plain,
        )

    @classmethod
    def load(cls, key: GroupKey, payload: bytes) -> Bucket:
        """The bucket that `dump` wrote."""
        document = orjson.loads(payload)
        bucket = cls()
        touches = [Touch(*parts) for parts in document["t"]]
        bucket.touches = frozenset(touches)
        bucket.unattributed = frozenset(document["u"])
        bucket.thinned = document["x"]
        bucket.rows = [kept(_load_signal(key, row, touches)) for row in document["s"]]
        return bucket


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _dump_signal(signal: Signal, number: dict[Touch, int]) -> tuple[Any, ...]:
    return (
        signal.time,
        signal.event_id,
        signal.step,
        signal.value,
        signal.position.journal,
        signal.position.offset,
        signal.sha256,
        signal.source,
        [number[touch] for touch in signal.touches],
        signal.unattributed,
        dict(signal.summary),
    )


def _load_signal(key: GroupKey, row: Sequence[Any], touches: Sequence[Touch]) -> Signal:
    time, event_id, step, value, journal, offset, sha256, source, touched, unattributed, told = row
    return Signal(
        key=key,
        time=time,
        event_id=event_id,
        step=step,
        value=value,
        position=Position(journal, offset),
        sha256=sha256,
        source=source,
        touches=tuple(touches[index] for index in touched),
        unattributed=unattributed,
        summary=told,
    )
