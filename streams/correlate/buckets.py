"""Summarise the signals of one group and one bucket in bounded memory, however many there were.

A bucket is a timespan-wide slice of event time. It keeps the signals that its Retention chooses and
the union of touches over ALL signals, dropped ones too. Absorbing is associative and idempotent, so
that any order, duplication or cutting into batches leaves the same bucket."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.pipeline.alert import Signal
from schemas.pipeline.event import AssetTouch
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.memory_sizes import estimate_row, estimate_touches
from streams.correlate.retention import RetentionPolicy
from streams.correlate.witnesses import MemberIdentity

NEVER = float("inf")


class BucketSummary(NamedTuple):
    """What a bucket knows of all its signals, dropped ones too."""

    touches: frozenset[AssetTouch]
    unattributed: frozenset[str]
    thinned: bool

    def merge(self, other: BucketSummary) -> BucketSummary:
        """Merge both summaries."""
        return BucketSummary(
            self.touches | other.touches,
            self.unattributed | other.unattributed,
            self.thinned or other.thinned,
        )


@lru_cache(maxsize=4_096)
def _freeze(touches: tuple[AssetTouch, ...]) -> frozenset[AssetTouch]:
    """Return the set of these touches, one shared by all buckets: most have the same few."""
    return frozenset(touches)


def to_member(signal: Signal) -> DetectorSignal:
    """Convert the signal to the form that conditions see."""
    return DetectorSignal(
        signal.time,
        signal.event_id,
        signal.step,
        signal.value,
        signal,
        signal.session,
        signal.is_retelling,
        signal.attempts,
    )


class Bucket:
    """Retained state of one bucket: sorted rows, touches of all, and whether some were dropped.

    There are hundreds of thousands of them: frozensets, which share their empty one, not sets.
    """

    __slots__ = (
        "fresh_from",
        "heavy",
        "lost",
        "retold",
        "rows",
        "size",
        "thinned",
        "touches",
        "unattributed",
    )

    def __init__(self) -> None:
        self.rows: list[DetectorSignal] = []
        self.touches: frozenset[AssetTouch] = frozenset()
        self.unattributed: frozenset[str] = frozenset()
        self.thinned = False
        self.retold = False
        """There may be retellings among the rows."""
        self.heavy = False
        """There may be rows of several attempts among them."""
        self.fresh_from = -NEVER
        """Earliest time of what changed since episodes were last computed; NEVER: nothing did."""
        self.lost = False
        """A row was dropped for another since then."""
        self.size = 0
        """Bytes of its rows and touches in memory."""

    def absorb(
        self,
        new: Sequence[DetectorSignal],
        retention: RetentionPolicy,
        witnesses: frozenset[MemberIdentity] = frozenset(),
    ) -> Sequence[DetectorSignal]:
        """Take in signals; returns those that changed something, which the signal log must hold.

        Absorbing the returned ones alone leads to the same state: a restart needs no others.
        """
        if len(new) == 1 and not self.rows:
            self._touch(new[0].evidence)
            self.rows.append(new[0])
            self.size += estimate_row(new[0])
            self.retold = new[0].is_retelling
            self.heavy = new[0].attempts > 1
            return new
        fresh, telling, inserted = self._take_in(new)
        if not fresh:
            return []
        if inserted == NEVER:
            self.fresh_from = min(self.fresh_from, fresh[0].time)
            return fresh
        return self._apply_retention(fresh, telling, retention, witnesses)

    def _take_in(
        self, new: Sequence[DetectorSignal]
    ) -> tuple[list[DetectorSignal], set[MemberIdentity], float]:
        """Insert the signals; returns those that changed something, the identities of those that
        widened the touches, and the earliest time of those inserted."""
        fresh: list[DetectorSignal] = []
        telling: set[MemberIdentity] = set()
        inserted = NEVER
        touches = None
        for row in new:
            signal: Signal = row.evidence
            # Most signals touch what the one before them did.
            is_same = signal.touches is touches and not signal.unattributed
            touches = signal.touches
            widened = not is_same and self._touch(signal)
            if self._insert(row):
                inserted = min(inserted, row.time)
            elif not widened:
                continue
            fresh.append(row)
            if widened:
                telling.add(row[:4])
        return fresh, telling, inserted

    def _insert(self, row: DetectorSignal) -> bool:
        """Insert the row; returns whether it was missing."""
        rows, identity = self.rows, row[:4]
        if not rows or rows[-1][:4] < identity:
            rows.append(row)
        else:
            index = bisect_left(rows, identity)
            if rows[index][:4] == identity:
                return False
            rows.insert(index, row)
        self.size += estimate_row(row)
        if row.is_retelling:
            self.retold = True
        if row.attempts > 1:
            self.heavy = True
        return True

    def _apply_retention(
        self,
        fresh: list[DetectorSignal],
        telling: set[MemberIdentity],
        retention: RetentionPolicy,
        witnesses: frozenset[MemberIdentity],
    ) -> list[DetectorSignal]:
        if self.retold:
            fresh = self._drop_repeated(fresh, telling, retention)
        changed = fresh
        retained = retention.retain(self.rows, witnesses, retold=self.retold)
        thinned = self.thinned or self._is_thinned(retained, retention)
        if retained is not self.rows:
            self._drop_others(retained)
            alive = [row for row in fresh if self._has_member(row)]
            # Where no fresh row is alive, the rows are those that were there before.
            self.lost = self.lost or bool(alive)
            if self.thinned:
                changed = [row for row in fresh if row[:4] in telling or self._has_member(row)]
        self.thinned = thinned
        if changed:
            self.fresh_from = min(self.fresh_from, *[row.time for row in changed])
        return changed

    def _is_thinned(self, retained: Sequence[DetectorSignal], retention: RetentionPolicy) -> bool:
        if self.retold and retention.keep:
            return retention.is_sample(self.rows, retained)
        return retained is not self.rows

    def _drop_repeated(
        self,
        fresh: list[DetectorSignal],
        telling: set[MemberIdentity],
        retention: RetentionPolicy,
    ) -> list[DetectorSignal]:
        """Drop retellings that no window needs; returns the fresh rows without those."""
        needed = retention.drop_repeated(self.rows)
        if len(needed) == len(self.rows):
            return fresh
        self._drop_others(needed)
        self.lost = True
        return [row for row in fresh if row[:4] in telling or self._has_member(row)]

    def drop_former(self, retention: RetentionPolicy, witnesses: frozenset[MemberIdentity]) -> bool:
        """Drop what was kept for witnesses that others precede by now; whether there was any."""
        retained = retention.retain(self.rows, witnesses, retold=self.retold)
        if len(retained) == len(self.rows):
            return False
        self._drop_others(retained)
        self.lost = self.thinned = True
        return True

    def _drop_others(self, retained: Sequence[DetectorSignal]) -> None:
        """Drop the rows that are not among these of them."""
        staying = set(map(id, retained))
        self.size -= sum(estimate_row(row) for row in self.rows if id(row) not in staying)
        self.rows = list(retained)

    def _has_member(self, row: DetectorSignal) -> bool:
        index = bisect_left(self.rows, row[:4])
        return index < len(self.rows) and self.rows[index][:4] == row[:4]

    def _touch(self, signal: Signal) -> bool:
        named = signal.unattributed
        if self.touches.issuperset(signal.touches) and (not named or named in self.unattributed):
            return False
        self._widen_touches(signal.touches)
        if named:
            self.unattributed = self.unattributed.union((named,))
        return True

    def _widen_touches(self, touches: Collection[AssetTouch]) -> None:
        if not touches:
            return
        before = estimate_touches(self.touches) if self.touches else 0
        self.touches = self.touches.union(touches) if self.touches else _freeze(tuple(touches))
        self.size += estimate_touches(self.touches) - before

    def remove(self, event_ids: Collection[str]) -> bool:
        """Remove the signals of these events, and what only they are known to touch; whether there
        was any. What a thinned bucket knows of signals that it dropped stays, save names without an
        owner that no other signal bears."""
        rows = [row for row in self.rows if row.id not in event_ids]
        if len(rows) == len(self.rows):
            return False
        names = {row.evidence.unattributed for row in self.rows if row.id in event_ids}
        self._drop_others(rows)
        left = {row.evidence.unattributed for row in rows} - {""}
        self.unattributed = self.unattributed - names | left if self.thinned else frozenset(left)
        if not self.thinned:
            before = estimate_touches(self.touches) if self.touches else 0
            self.touches = frozenset(touch for row in rows for touch in row.evidence.touches)
            self.size += (estimate_touches(self.touches) if self.touches else 0) - before
        self.fresh_from = -NEVER
        return True

    @property
    def summary(self) -> BucketSummary:
        """What `merge_summary` makes another bucket know."""
        return BucketSummary(self.touches, self.unattributed, self.thinned)

    def merge_summary(self, by: BucketSummary) -> bool:
        """Know also what another bucket of the same signals knows; whether that is more."""
        if (
            self.touches >= by.touches
            and self.unattributed >= by.unattributed
            and self.thinned >= by.thinned
        ):
            return False
        self._widen_touches(by.touches)
        self.unattributed = self.unattributed.union(by.unattributed)
        self.thinned = self.thinned or by.thinned
        if self.rows:
            self.fresh_from = min(self.fresh_from, self.rows[0].time)
        return True
