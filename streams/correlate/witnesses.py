"""Select signals that open a gate, which are kept whatever else is dropped.

A timespan has SLOTS parts. For each part and each condition of a gate, the signals of one value are
kept that begin in this part and open the gate before those of any other value do. So the group that
alerts knows, to one part, from when to when an open gate counts, however many values there are.

Each choice is the least of its kind. It does not depend on the order in which signals come:
choosing again among what was kept and anything that was dropped gives the same."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from schemas.pipeline.plugin import DetectorSignal

SLOTS = 60
"""Parts of a timespan."""

MemberIdentity = tuple[float, str, str, str]
OpeningTest = Callable[[Sequence[DetectorSignal]], bool]


@dataclass(slots=True)
class _GateWitness:
    """Signals of one value that open the gate."""

    rows: list[DetectorSignal]
    """From the last to the first."""

    @property
    def last(self) -> DetectorSignal:
        return self.rows[0]


def select_witnesses(
    rows: Iterable[DetectorSignal], openings: Sequence[OpeningTest], timespan: int
) -> frozenset[MemberIdentity]:
    """Select, of the sorted signals of any values, those that open a gate first, for each part that
    they begin in and each condition."""
    values: dict[str, list[DetectorSignal]] = {}
    for row in rows:
        values.setdefault(row.value, []).append(row)
    chosen: set[MemberIdentity] = set()
    for opening in openings:
        first: dict[int, _GateWitness] = {}
        for of_value in values.values():
            _open_first(of_value, opening, timespan, first)
        chosen.update(row[:4] for witness in first.values() for row in witness.rows)
    return frozenset(chosen)


def _open_first(
    rows: list[DetectorSignal], opening: OpeningTest, timespan: int, first: dict[int, _GateWitness]
) -> None:
    """Enter one value in each part in which it opens the gate before those that are entered."""
    closed_until = begin = 0
    while begin < len(rows):
        slot = int(rows[begin].time * SLOTS // timespan)
        until = _find_index(rows, slot * timespan / SLOTS + timespan)
        known = first.get(slot)
        if known is not None:
            until = min(until, bisect_left(rows, known.last[:4]))
        if until > closed_until:
            end = _find_end(rows, begin, until, opening)
            if end is not None:
                first[slot] = _GateWitness(_select_least(rows, begin, end, opening))
            else:
                closed_until = until
        begin = _find_index(rows, (slot + 1) * timespan / SLOTS, begin + 1)


def _find_index(rows: list[DetectorSignal], time: float, low: int = 0) -> int:
    return bisect_left(rows, (time,), low)


def _find_end(
    rows: list[DetectorSignal], begin: int, until: int, opening: OpeningTest
) -> int | None:
    """Find the least end < until of rows that open the gate, by doubling and then halving, because
    most open soon."""
    if begin >= until:
        return None
    size = 1
    while not opening(rows[begin : min(begin + size, until)]):
        if begin + size >= until:
            return None
        size *= 2
    low, high = begin + size // 2 + 1, min(begin + size, until)
    while low < high:
        middle = (low + high) // 2
        if opening(rows[begin:middle]):
            high = middle
        else:
            low = middle + 1
    return low


def _select_least(
    rows: list[DetectorSignal], begin: int, end: int, opening: OpeningTest
) -> list[DetectorSignal]:
    """Select the earliest of these rows that open the gate, from the last to the first, and the
    first row of all, which decides the part in which they begin."""
    chosen = [rows[end - 1]]
    end -= 1
    while not opening(chosen[::-1]) and end > begin:
        low, high = begin, end
        while low < high:
            middle = (low + high) // 2
            if opening([*rows[begin:middle], *chosen[::-1]]):
                high = middle
            else:
                low = middle + 1
        chosen.append(rows[low - 1])
        end = low - 1
    if chosen[-1] is not rows[begin]:
        chosen.append(rows[begin])
    return chosen
