"""Model one group: its buckets, its hot buckets, its episodes; recompute only where signals
changed."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.pipeline.alert import Episode, GroupKey
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.buckets import NEVER, Bucket, BucketSummary
from streams.correlate.episodes import WindowSpec, build_episode, find_first_hot, list_runs
from streams.correlate.witnesses import MemberIdentity, select_witnesses
from streams.ports import EvictedInterval

BucketRange = tuple[int, int]


class BucketPart(NamedTuple):
    """Some signals of one bucket, and what the bucket knows of all of them."""

    rows: Sequence[DetectorSignal]
    summary: BucketSummary | None
    """None: no more than the rows say."""


BucketChanges = Mapping[int, BucketPart]
"""What changed, by bucket: taking it in alone leads to the same state."""


class SignalGroup:
    """Buckets of one group, and what was computed from them."""

    __slots__ = (
        "_episodes",
        "_handed_on",
        "_hot",
        "_stale",
        "alerted",
        "buckets",
        "key",
        "size",
        "spec",
        "stored",
        "unreconciled",
    )

    def __init__(self, key: GroupKey, spec: WindowSpec) -> None:
        self.key = key
        self.spec = spec
        self.buckets: dict[int, Bucket] = {}
        self.size = 0
        """Bytes of all buckets' rows and touches in memory."""
        self.stored = False
        """The store may hold a row of it."""
        self.alerted = False
        """It had an episode once."""
        self.unreconciled = False
        """Read from the store since its alerts were reconciled last: the rules may be others
        now."""
        self._hot: dict[int, float] = {}
        self._episodes: dict[BucketRange, Episode] = {}
        self._stale: set[int] = set()
        """Buckets that changed since the hot ones were computed."""
        self._handed_on: set[int] = set()

    def restore_bucket(self, index: int, bucket: Bucket, timespan: int) -> Iterable[int]:
        """Take a bucket as it was stored. Where the rule's timespan was another then, its signals
        go into the buckets that they belong to now; returns those, which the store does not
        hold."""
        self.unreconciled = self.stored = True
        if timespan in (self.spec.timespan, 0) and index not in self.buckets:
            self.buckets[index] = bucket
            self.size += bucket.size
            self._stale.add(index)
            return ()
        parts: dict[int, BucketPart] = {
            self.spec.get_bucket(row.time): BucketPart((), bucket.summary) for row in bucket.rows
        }
        return self.absorb(bucket.rows, parts).keys()

    def absorb(
        self, rows: Iterable[DetectorSignal], parts: BucketChanges | None = None
    ) -> BucketChanges:
        """Take in signals of any buckets, and parts that another group handed on."""
        spec = self.spec
        by_bucket = _split_by_bucket(rows, spec.timespan)
        if parts:
            for index, part in parts.items():
                by_bucket.setdefault(index, []).extend(part.rows)
        changes: dict[int, BucketPart] = {}
        witnesses = self._select_witnesses(by_bucket) if spec.gate is not None else None
        for index, of_bucket in by_bucket.items():
            bucket = self.buckets.get(index) or Bucket()
            before = bucket.size
            changed = bucket.absorb(of_bucket, spec.retention, witnesses or frozenset())
            widening = parts[index].summary if parts and index in parts else None
            widened = widening is not None and bucket.merge_summary(widening)
            if bucket.rows:
                self.size += bucket.size - before
            if (changed or widened) and bucket.rows:
                self.buckets[index] = bucket
                changes[index] = BucketPart(changed, bucket.summary if widened else None)
        if changes and witnesses is not None:
            changes |= self._drop_former(witnesses, changes)
        self._stale.update(changes)
        return changes

    def _select_witnesses(
        self, new: Mapping[int, Sequence[DetectorSignal]]
    ) -> frozenset[MemberIdentity] | None:
        """Select the signals that must stay, of these too, in the buckets that they affect. None:
        nothing is dropped there, with or without them."""
        harmless = self.spec.retention.harmless
        near = _list_near(new, 1)
        if not any(self._count_signals(index, new) > harmless for index in near):
            return None
        steps = self.spec.retention.by_value
        rows: dict[MemberIdentity, DetectorSignal] = {}
        for index in sorted(_list_near(new, 2)):
            bucket = self.buckets.get(index)
            for row in (*(bucket.rows if bucket else ()), *new.get(index, ())):
                if row.step in steps:
                    rows[row[:4]] = row
        ordered = [rows[identity] for identity in sorted(rows)]
        return select_witnesses(ordered, self.spec.retention.openings, self.spec.timespan)

    def _count_signals(self, index: int, new: Mapping[int, Sequence[DetectorSignal]]) -> int:
        bucket = self.buckets.get(index)
        return len(new.get(index, ())) + (len(bucket.rows) if bucket else 0)

    def _drop_former(
        self, witnesses: frozenset[MemberIdentity], changed: Iterable[int]
    ) -> dict[int, BucketPart]:
        """Drop, from buckets near those that changed, witnesses that no longer open a gate
        first."""
        retention = self.spec.retention
        dropped: dict[int, BucketPart] = {}
        for index in _list_near(changed, 1).difference(changed) & self.buckets.keys():
            bucket = self.buckets[index]
            before = bucket.size
            if bucket.drop_former(retention, witnesses):
                self.size += bucket.size - before
                dropped[index] = BucketPart((), None)
        return dropped

    def remove(self, event_ids: Collection[str]) -> set[int]:
        """Remove the signals of these events; the buckets that held some, emptied ones too."""
        removed: set[int] = set()
        for index, bucket in list(self.buckets.items()):
            before = bucket.size
            if not bucket.remove(event_ids):
                continue
            self.size += bucket.size - before
            removed.add(index)
            self._handed_on.discard(index)
            if not bucket.rows:
                self.size -= self.buckets.pop(index).size
                self._hot.pop(index, None)
        self._stale.update(removed)
        return removed

    def merge_summary(self, index: int, timespan: int, by: BucketSummary) -> Iterable[int]:
        """Know also what this bucket of that timespan knew; the buckets in which that is more."""
        own = self.spec.timespan
        begin, end = index * timespan, (index + 1) * timespan
        near = [i for i in self.buckets if i * own < end and (i + 1) * own > begin]
        return self.absorb((), {i: BucketPart((), by) for i in near}).keys()

    @property
    def episode_count(self) -> int:
        """How many live episodes it had when they were listed last."""
        return len(self._episodes)

    def list_episodes(self) -> tuple[Episode, ...]:
        """List all live episodes, oldest first."""
        stale = self._update_hot_buckets()
        if not self._hot and not self._episodes:
            return ()
        if stale:
            known = {
                span: known
                for span, known in self._episodes.items()
                if not any(span[0] - 1 <= index <= span[1] for index in stale)
            }
            self._episodes = {
                span: known.get(span) or self._build_episode(span)
                for span in ((run[0], run[-1]) for run in list_runs(self.spec, sorted(self._hot)))
            }
        self.alerted = self.alerted or bool(self._episodes)
        return tuple(self._episodes.values())

    def _build_episode(self, span: BucketRange) -> Episode:
        return build_episode(self.spec, self.key, self.buckets, span, self._hot[span[0]])

    def _update_hot_buckets(self) -> set[int]:
        """Find what is hot now; returns every bucket that may have become hot, or hot earlier."""
        if not self._stale:
            return set()
        stale = {index + offset for index in self._stale for offset in (0, 1)}
        for index in stale:
            bucket = self.buckets.get(index)
            if bucket is None or self._is_still_hot(index, bucket):
                continue
            before = self.buckets.get(index - 1)
            retold = bucket.retold or (before is not None and before.retold)
            heavy = bucket.heavy or (before is not None and before.heavy)
            fired = find_first_hot(
                self.spec, before.rows if before else (), bucket.rows, retold=retold, heavy=heavy
            )
            if fired is not None:
                self._hot[index] = fired
            else:
                self._hot.pop(index, None)
        for index in self._stale:
            if index in self.buckets:
                self.buckets[index].fresh_from, self.buckets[index].lost = NEVER, False
        self._stale.clear()
        return stale

    def _is_still_hot(self, index: int, bucket: Bucket) -> bool:
        """Whether no signal came before the moment at which the bucket became hot, and no signal
        that counts then was dropped: no window that ends before that moment differs."""
        fired = self._hot.get(index)
        return (
            fired is not None
            and index - 1 not in self._stale
            and bucket.fresh_from >= fired
            and (self.spec.ends or not bucket.lost)
        )

    def select_forwarded(self, changes: BucketChanges, *, whole: bool) -> BucketChanges:
        """Select what the group behind a gate forwards after this change: all signals of a window
        in which the gate opened, and later the changes in it. `whole`: all of them each time,
        because the receiving group has dropped some."""
        self._update_hot_buckets()
        opened = {index + offset for index in self._hot for offset in (-1, 0)}
        near = {index + offset for index in changes for offset in (-1, 0, 1)}
        parts: dict[int, BucketPart] = {}
        for index in sorted(opened & near & self.buckets.keys()):
            bucket = self.buckets[index]
            if whole or index not in self._handed_on:
                self._handed_on.add(index)
                parts[index] = BucketPart(list(bucket.rows), bucket.summary)
            elif index in changes:
                parts[index] = BucketPart(changes[index].rows, bucket.summary)
        return parts

    def evict(self, settled_before: float, logged: Container[int] = ()) -> list[EvictedInterval]:
        """Let go of every component that ends before `settled` seconds, save those with a bucket
        that the signal log names."""
        gone: list[EvictedInterval] = []
        for component, begin, end in self._list_components():
            if end < settled_before and not any(index in logged for index in component):
                gone.append(EvictedInterval(self.key, begin, end))
                self.drop(component)
        return gone

    def _list_components(self) -> list[tuple[list[int], float, float]]:
        """List components of buckets with signals that affect one another, with their first and
        last time."""
        parts: list[tuple[list[int], float, float]] = []
        for index in sorted(self.buckets):
            rows = self.buckets[index].rows
            begin, end = rows[0].time, rows[-1].time
            if parts and begin - parts[-1][2] <= self.spec.reach:
                parts[-1] = ([*parts[-1][0], index], parts[-1][1], end)
            else:
                parts.append(([index], begin, end))
        return parts

    def drop(self, component: Sequence[int]) -> None:
        """Forget these buckets, and the episodes that begin in them."""
        for index in component:
            self.size -= self.buckets.pop(index).size
            self._hot.pop(index, None)
        self._stale.difference_update(component)
        self._handed_on.difference_update(component)
        if self._episodes:
            gone = set(component)
            self._episodes = {
                span: known for span, known in self._episodes.items() if span[0] not in gone
            }


def _split_by_bucket(
    rows: Iterable[DetectorSignal], timespan: int
) -> dict[int, list[DetectorSignal]]:
    by_bucket: dict[int, list[DetectorSignal]] = {}
    for row in rows:
        index = int(row.time // timespan)
        of_bucket = by_bucket.get(index)
        if of_bucket is None:
            by_bucket[index] = [row]
        else:
            of_bucket.append(row)
    return by_bucket


def _list_near(indices: Iterable[int], distance: int) -> set[int]:
    """List these buckets, and those within that distance."""
    offsets = range(-distance, distance + 1)
    return {index + offset for index in indices for offset in offsets}
