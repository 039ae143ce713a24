"""Which signals of one bucket are kept, however many come.

Whatever is kept is the first or the last few of some part of the signals. Such a choice does not
depend on the order in which they come: choosing again among what was kept and anything that was
dropped gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from schemas.plugin import Member

LOUD_CAP = 1_000
"""What `keep` 0 (keep all) means: as many first and last signals per bucket and step. Reaching it
is said in the alert's explanation (Episode: `Sample only`)."""
SLOTS = 60
"""Parts of a timespan. Beyond the loud cap the order of signals is known to such a part."""
SLOT_ENDS = 5
"""First and last signals of a part that are kept beyond the loud cap."""
MOST_VALUES = 64
"""First and last values of a step that is kept by value. Only values whose gate opened come here."""

Identity = tuple[float, str, str, str]


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of a bucket, per step."""

    keep: int
    """First and last signals; 0: the loud cap, and the ends of each slot beyond it."""
    timespan: int
    distinct: bool = False
    """Count values, not signals: the first and the last signal of each."""
    counted: Callable[[str], str] | None = None
    """The part of a value that counts as distinct; None: all of it."""
    by_value: frozenset[str] = frozenset()
    """Steps whose signals are kept per value."""

    bound: int = field(init=False)
    """First signals (or values) per step, and as many last ones."""
    harmless: int = field(init=False)
    """Nothing is dropped of so few signals."""

    def __post_init__(self) -> None:
        bound = self.keep or LOUD_CAP
        fewest = min(bound, MOST_VALUES) if self.by_value else bound
        object.__setattr__(self, "bound", bound)
        object.__setattr__(self, "harmless", 2 if self.distinct else 2 * fewest)

    def retain(self, rows: Sequence[Member]) -> Sequence[Member]:
        """The retained ones of sorted rows of one bucket, sorted; `rows` itself if it is all and stays
        so whatever order they come in."""
        if len(rows) <= self.harmless:
            return rows
        steps: dict[str, list[Member]] = {}
        for row in rows:
            steps.setdefault(row.step, []).append(row)
        chosen: list[Member] = []
        for step, of_step in steps.items():
            chosen += self._of_step(step, of_step)
        if len(chosen) == len(rows) and not any(self._crowded(*step) for step in steps.items()):
            return rows
        return chosen if len(steps) == 1 else sorted(chosen, key=_identity)

    def _crowded(self, step: str, rows: Sequence[Member]) -> bool:
        """Whether which values are kept depends on more than their number. In another order some of
        these rows may have been dropped for a while."""
        return step in self.by_value and len({row.value for row in rows}) > MOST_VALUES

    def _of_step(self, step: str, rows: list[Member]) -> Sequence[Member]:
        if self.distinct:
            return self._ends_of_values(rows)
        if step not in self.by_value:
            return self._ends(rows)
        values: dict[str, list[Member]] = {}
        for row in _rows_of_values(rows):
            values.setdefault(row.value, []).append(row)
        return sorted((row for each in values.values() for row in self._ends(each)), key=_identity)

    def _ends(self, rows: list[Member]) -> list[Member]:
        bound, count = self.bound, len(rows)
        if count <= 2 * bound:
            return rows
        if self.keep:
            return rows[:bound] + rows[-bound:]
        chosen = rows[:bound]
        begin = 0
        while begin < count:
            end = self._slot_end(rows, begin)
            near = [*range(begin, min(begin + SLOT_ENDS, end)), *range(end - SLOT_ENDS, end)]
            chosen += [
                rows[i] for i in sorted(set(near)) if begin <= i and bound <= i < count - bound
            ]
            begin = end
        return chosen + rows[-bound:]

    def _slot_end(self, rows: list[Member], begin: int) -> int:
        """Index behind the last row of the slot that the row at `begin` lies in."""
        slot = rows[begin].time * SLOTS // self.timespan
        low, high = begin + 1, len(rows)
        while low < high:
            middle = (low + high) // 2
            if rows[middle].time * SLOTS // self.timespan > slot:
                high = middle
            else:
                low = middle + 1
        return low

    def _ends_of_values(self, rows: list[Member]) -> list[Member]:
        counted = self.counted
        chosen: dict[Identity, Member] = {}
        for ordered in (rows, rows[::-1]):
            seen: dict[str, Member] = {}
            for row in ordered:
                seen.setdefault(row.value if counted is None else counted(row.value), row)
                if len(seen) == self.bound:
                    break
            chosen.update((_identity(row), row) for row in seen.values())
        return sorted(chosen.values(), key=_identity)


def _identity(row: Member) -> Identity:
    return row[:4]


def _rows_of_values(rows: list[Member]) -> list[Member]:
    """Those of the values that begin first or end last."""
    chosen: set[str] = set()
    for ordered in (rows, rows[::-1]):
        seen: dict[str, None] = {}
        for row in ordered:
            seen.setdefault(row.value)
            if len(seen) == MOST_VALUES:
                break
        chosen.update(seen)
    return [row for row in rows if row.value in chosen]
