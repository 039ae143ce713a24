"""Choose which signals of one bucket are kept, however many come.

The kept signals are the first or the last few of some part of the signals. Such a choice does not
depend on the order in which they come: choosing again among what was kept and anything that was
dropped gives the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.acts import drop_inner_retellings, iterate_acts, select_first_acts
from streams.correlate.witnesses import SLOTS, MemberIdentity, OpeningTest

LOUD_CAP = 1_000
"""What `keep` 0 (keep all) means: as many first and last signals per bucket and step. Reaching it
is said in the alert's explanation (Episode: `Sample only`)."""
SLOT_ENDS = 5
"""First and last signals of a part of the timespan that are kept beyond the loud cap."""
MOST_VALUES = 64
"""First and last values of a step that is kept by value, besides those that open a gate first
(witnesses). Values share the loud cap: the more there are, the fewer signals of each are kept."""


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
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
    openings: tuple[OpeningTest, ...] = ()
    """The conditions of the gate that joins these steps."""

    bound: int = field(init=False)
    """First signals (or values) per step, and as many last ones."""
    harmless: int = field(init=False)
    """Nothing is dropped of so few signals."""

    def __post_init__(self) -> None:
        bound = self.keep or LOUD_CAP
        fewest = bound // MOST_VALUES if self.by_value else bound
        object.__setattr__(self, "bound", bound)
        object.__setattr__(self, "harmless", 2 if self.distinct else 2 * fewest)

    def drop_repeated(self, rows: list[DetectorSignal]) -> list[DetectorSignal]:
        """Drop the retellings of sorted rows that change no verdict. A window holds the end of one
        bucket and the beginning of the next, so that a condition which asks for no order needs
        only the ends of each session. Where an order counts (`keep` 0), all stay."""
        return drop_inner_retellings(rows) if self.keep else rows

    def retain(
        self,
        rows: Sequence[DetectorSignal],
        witnesses: frozenset[MemberIdentity] = frozenset(),
        *,
        retold: bool = False,
    ) -> Sequence[DetectorSignal]:
        """Return the retained rows of sorted rows of one bucket, sorted; `rows` itself if all are
        kept in any order of arrival. `witnesses` names rows that stay; `retold`: there may be
        retellings."""
        if len(rows) <= self.harmless and not retold:
            return rows
        steps: dict[str, list[DetectorSignal]] = {}
        for row in rows:
            steps.setdefault(row.step, []).append(row)
        chosen: list[DetectorSignal] = []
        for step, of_step in steps.items():
            chosen += self._retain_step(step, of_step, witnesses, retold=retold)
        if len(chosen) == len(rows) and not any(self._is_crowded(*step) for step in steps.items()):
            return rows
        return chosen if len(steps) == 1 else sorted(chosen, key=_get_identity)

    def is_sample(self, rows: Sequence[DetectorSignal], retained: Sequence[DetectorSignal]) -> bool:
        """Whether what `retain` kept of these rows, with retellings among them, is to be called a
        sample: a full line was dropped, or both ends of a step are full and apart. Whether a
        dropped retelling is an act that no kept row tells of may change again."""
        identities = {row[:4] for row in retained}
        if any(not row.is_retelling and row[:4] not in identities for row in rows):
            return True
        steps: dict[str, list[DetectorSignal]] = {}
        for row in retained:
            steps.setdefault(row.step, []).append(row)
        return any(map(self._are_ends_apart, steps.values()))

    def _are_ends_apart(self, rows: list[DetectorSignal]) -> bool:
        first, last = (
            [*islice(self._iterate_counted(ordered), self.bound)] for ordered in (rows, rows[::-1])
        )
        is_full = len(first) == len(last) == self.bound
        return is_full and first[-1][:4] < last[-1][:4]

    def _iterate_counted(self, rows: Sequence[DetectorSignal]) -> Iterable[DetectorSignal]:
        """Iterate over the rows that raise the number of acts, or of values."""
        if not self.distinct:
            return iterate_acts(rows)
        values: dict[str, DetectorSignal] = {}
        for row in rows:
            values.setdefault(self._get_counted(row), row)
        return values.values()

    def _get_counted(self, row: DetectorSignal) -> str:
        return row.value if self.counted is None else self.counted(row.value)

    def _is_crowded(self, step: str, rows: Sequence[DetectorSignal]) -> bool:
        """Whether which values are kept depends on more than their number. In another order some of
        these rows may have been dropped for a while."""
        return step in self.by_value and len({row.value for row in rows}) > MOST_VALUES

    def _retain_step(
        self,
        step: str,
        rows: list[DetectorSignal],
        witnesses: frozenset[MemberIdentity],
        *,
        retold: bool,
    ) -> Sequence[DetectorSignal]:
        if self.distinct:
            return self._select_value_ends(rows)
        if step in self.by_value:
            return self._select_ends_by_value(rows, witnesses)
        if retold and self.keep:
            return self._select_ends_by_acts(rows)
        return self._select_ends(rows)

    def _select_ends_by_value(
        self, rows: list[DetectorSignal], witnesses: frozenset[MemberIdentity]
    ) -> Sequence[DetectorSignal]:
        """Select the ends of each of the values that begin first or end last, and all witnesses."""
        values: dict[str, list[DetectorSignal]] = {}
        for row in rows:
            values.setdefault(row.value, []).append(row)
        latest = dict.fromkeys(row.value for row in rows[::-1])
        shown = {*islice(values, MOST_VALUES), *islice(latest, MOST_VALUES)}
        each = self.bound // min(len(values), MOST_VALUES)
        chosen: list[DetectorSignal] = []
        for value, of_value in values.items():
            bound = each if value in shown else 0
            last = max(bound, len(of_value) - bound)
            inside = [row for row in of_value[bound:last] if row[:4] in witnesses]
            chosen += of_value[:bound] + inside + of_value[last:]
        return chosen if len(values) == 1 else sorted(chosen, key=_get_identity)

    def _select_ends(self, rows: list[DetectorSignal]) -> list[DetectorSignal]:
        bound, count = self.bound, len(rows)
        if count <= 2 * bound:
            return rows
        if self.keep:
            return rows[:bound] + rows[-bound:]
        chosen = rows[:bound]
        begin = 0
        while begin < count:
            end = self._find_slot_end(rows, begin)
            near = [*range(begin, min(begin + SLOT_ENDS, end)), *range(end - SLOT_ENDS, end)]
            chosen += [
                rows[i] for i in sorted(set(near)) if begin <= i and bound <= i < count - bound
            ]
            begin = end
        return chosen + rows[-bound:]

    def _select_ends_by_acts(self, rows: list[DetectorSignal]) -> list[DetectorSignal]:
        """Select the first and last acts, with what tells of them more fully."""
        ends = (*select_first_acts(rows, self.bound), *select_first_acts(rows[::-1], self.bound))
        return sorted({_get_identity(row): row for row in ends}.values(), key=_get_identity)

    def _find_slot_end(self, rows: list[DetectorSignal], begin: int) -> int:
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

    def _select_value_ends(self, rows: list[DetectorSignal]) -> list[DetectorSignal]:
        """Select the first and last row of each of the first and last values, and, where that is a
        retelling, the first and last full row before the last of these values."""
        chosen: dict[MemberIdentity, DetectorSignal] = {}
        for ordered in (rows, rows[::-1]):
            seen: dict[str, bool] = {}
            """Whether a full row was among those of the value."""
            for row in ordered:
                value = self._get_counted(row)
                is_full = seen.get(value)
                if is_full is None or (not is_full and not row.is_retelling):
                    chosen[_get_identity(row)] = row
                    seen[value] = not row.is_retelling
                if len(seen) == self.bound:
                    break
        return sorted(chosen.values(), key=_get_identity)


def _get_identity(row: DetectorSignal) -> MemberIdentity:
    return row[:4]
