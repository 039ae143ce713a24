"""Keep windows in the store; memory holds copies of a part of them.

Where many workers own partitions, a copy counts only under the version read under the group's lock,
and a batch writes what it changes. Where one worker owns all (`sole_owner`), a copy is valid while
its fence holds, and changes wait in the log until their bucket is written. Everything else is the
same. Any failure voids every copy: `clear`, and `restore` what the log holds."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nextafter

from schemas.pipeline.alert import GroupKey, Severity
from streams.correlate.copies import GroupCopies
from streams.correlate.correlation import GroupChange, GuardedSignal, SignalCorrelator
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup
from streams.correlate.let_go import WindowSweeper
from streams.correlate.signal_rows import (
    LoggedGroup,
    dump_bucket,
    dump_log,
    load_log,
    pause_collector,
    remove_evicted,
)
from streams.correlate.stored_groups import load_group
from streams.correlate.written_later import LOG_SIGNALS, BucketPlace, UnwrittenBuckets, WriteStep
from streams.ports import (
    BucketRow,
    CommitResult,
    EvictedInterval,
    GroupRows,
    GroupState,
    GroupUpdates,
    LogRow,
    SweepResult,
)

__all__ = ["GuardedSignal", "WindowStore"]

MEMORY_BYTES = 256 * 1024 * 1024
SIGNAL_BYTES = 900
"""What it takes in memory to know that only the log holds a signal's bucket: up to a quarter of all
bytes."""
GONE_QUIET = 30 * 86_400
"""Seconds for which signals of a removed rule are kept: it may come back."""
GONE_TIMESPAN = 3_600


@dataclass(slots=True)
class _AppliedBatch:
    """What `apply` did and `keep` makes true."""

    groups: Mapping[GroupKey, SignalGroup] = field(default_factory=dict)
    bucket_rows: Mapping[BucketPlace, BucketRow] = field(default_factory=dict)
    step: WriteStep = field(default_factory=WriteStep)
    logged: Sequence[BucketPlace] = ()
    logged_signals: int = 0


class WindowStore:
    """Applies signals to groups. Not thread-safe; one a worker."""

    def __init__(
        self,
        specs: Mapping[str, WindowSpec],
        horizon: float,
        *,
        memory_bytes: int = MEMORY_BYTES,
        sole_owner: bool = False,
        unwritten: UnwrittenBuckets | None = None,
    ) -> None:
        """Create the windows. `specs` by rule id; `horizon`: the greatest H of any source, seconds;
        `memory_bytes`: the limit for copies of groups and for what is known of the log."""
        self._correlation = SignalCorrelator(specs)
        self._specs = self._correlation.specs
        self._horizon = horizon
        self._sole_owner = sole_owner
        most_signals = min(LOG_SIGNALS, memory_bytes // 4 // SIGNAL_BYTES)
        self._unwritten = unwritten or UnwrittenBuckets(most_signals=most_signals)
        log_bytes = most_signals * SIGNAL_BYTES if sole_owner else 0
        self._copies = GroupCopies(memory_bytes - log_bytes)
        self._waiting: dict[GroupKey, list[LoggedGroup]] = {}
        self._step = WriteStep()
        self._batch = _AppliedBatch()
        self._sweeper = WindowSweeper(
            self._get_spec,
            horizon,
            self._copies,
            self._unwritten,
            self._waiting.keys(),
            sole_owner=sole_owner,
        )

    def __len__(self) -> int:
        return len(self._copies)

    @property
    def in_memory(self) -> Container[GroupKey]:
        """Groups that have a copy."""
        return self._copies

    @property
    def memory_bytes(self) -> int:
        """What the copies and what is known of the log take, about."""
        return self._copies.bytes + SIGNAL_BYTES * self._unwritten.signals

    @property
    def unwritten(self) -> int:
        """Signals that only the log holds. More than none when idle: commit an empty batch."""
        return self._unwritten.signals

    def clear(self) -> None:
        """Forget every copy and the log."""
        self._copies.clear()
        self._unwritten.clear()
        self._waiting.clear()
        self._step = WriteStep()
        self._batch = _AppliedBatch()
        self._sweeper.clear()

    def restore(self, rows: Iterable[LogRow]) -> None:
        """Know what the log holds, instead of anything that was known. Each group's signals wait
        until the group is read."""
        self.clear()
        with pause_collector():
            for row in rows:
                self._restore(row)

    def _restore(self, row: LogRow) -> None:
        places: dict[BucketPlace, None] = {}
        signals = 0
        for group in load_log(row.body):
            if group.gone:
                self._restore_without(group)
                continue
            self._waiting.setdefault(group.key, []).append(group)
            places.update(
                ((group.key, index), None) for index in self._list_indices(group.key, [group])
            )
            signals += len(group.rows)
        fresh = self._unwritten.add(row.number, signals, list(places))
        self._sweeper.add_logged(
            fresh, lambda key: self._get_spec(key, _find_timespan((), self._waiting[key]))
        )

    def _restore_without(self, let_go: LoggedGroup) -> None:
        """Restore without the buckets of earlier rows that a sweep evicted."""
        key, before = let_go.key, self._waiting.get(let_go.key, [])
        timespan = let_go.timespan or GONE_TIMESPAN
        remaining = [remove_evicted(logged, timespan, let_go.gone) for logged in before]
        remaining = [logged for logged in remaining if logged.rows or logged.widenings]
        self._unwritten.evict(
            key, self._list_indices(key, before) - self._list_indices(key, remaining)
        )
        if remaining:
            self._waiting[key] = remaining
        else:
            self._waiting.pop(key, None)

    def _list_indices(self, key: GroupKey, logged: Sequence[LoggedGroup]) -> set[int]:
        """List the buckets that these name, by the rule's present timespan."""
        spec = self._get_spec(key, _find_timespan((), self._waiting.get(key)))
        indices = {spec.get_bucket(member.time) for each in logged for member in each.rows}
        for each in logged:
            if each.timespan in (None, spec.timespan):
                indices.update(index for index, _ in each.widenings)
        return indices

    def list_keys(
        self,
        signals: Mapping[GroupKey, Sequence[GuardedSignal]],
        removed: Mapping[GroupKey, Sequence[GuardedSignal]] | None = None,
    ) -> Sequence[GroupKey]:
        """List the groups that a batch of these signals needs: their own, those behind their gates,
        those of signals that it removes, and, of those that are not in memory, groups with buckets
        that it writes or that are due."""
        keys = self._correlation.list_keys(signals)
        if removed:
            keys = list(dict.fromkeys([*keys, *self._correlation.list_keys(removed)]))
        self._step = self._unwritten.select_step(len(signals))
        places = self._step.places
        missing = dict.fromkeys(key for key, _ in places if key not in self._copies)
        missing.update(
            dict.fromkeys(
                key for key in self._sweeper.list_groups_to_read() if key in self._waiting
            )
        )
        return list(dict.fromkeys([*keys, *missing])) if missing else keys

    def get_versions(self, keys: Sequence[GroupKey]) -> Mapping[GroupKey, int]:
        """Return the versions of the copies in memory."""
        return self._copies.get_versions(keys)

    def apply(
        self,
        signals: Mapping[GroupKey, Sequence[GuardedSignal]],
        rows: Sequence[GroupRows],
        low: float | None,
        removed: Mapping[GroupKey, Sequence[GuardedSignal]] | None = None,
    ) -> GroupUpdates:
        """Absorb each group's signals into its newest state, after `removed` have left theirs.
        `rows`: of every key that `list_keys` gave. Nothing of `removed` may be in the log alone.
        Call `keep` once that is durable, and `clear` when it is not."""
        with pause_collector():
            moved: list[BucketPlace] = []
            groups = {row.key: self._get_newest(row, moved) for row in rows}
        settled_before = None if low is None else low - self._horizon
        routed = self._correlation.route(signals, settled_before)
        lessened = self._correlation.remove(removed or {}, groups)
        changed = list(self._correlation.absorb(routed, groups))
        states = [
            GroupState(change.group.key, change.group.list_episodes())
            for change in changed
            if self._can_alert(change.group)
        ]
        emptied = _list_emptied(lessened, groups, moved)
        bucket_rows = self._select_bucket_rows(changed, moved, groups)
        batch = self._batch = _AppliedBatch(groups, bucket_rows, self._step)
        log = self._dump_unwritten(changed, bucket_rows, batch) if self._sole_owner else None
        return GroupUpdates(
            changed=list(dict.fromkeys([*(c.group.key for c in changed), *lessened])),
            groups=[state for state in states if self._must_reconcile(state, groups[state.key])],
            buckets=list(bucket_rows.values()),
            emptied=emptied,
            log=log,
            log_first_needed=self._unwritten.find_first_needed(self._step),
        )

    def _can_alert(self, group: SignalGroup) -> bool:
        return group.key.rule in self._specs and not self._correlation.is_inner(group.key)

    def _must_reconcile(self, state: GroupState, group: SignalGroup) -> bool:
        """Whether the group must be reconciled: it has an episode, or rules may have changed
        since."""
        stale, group.unreconciled = group.unreconciled, False
        return stale or bool(state.episodes)

    def _select_bucket_rows(
        self,
        changed: Sequence[GroupChange],
        moved: Sequence[BucketPlace],
        groups: Mapping[GroupKey, SignalGroup],
    ) -> Mapping[BucketPlace, BucketRow]:
        """Select the buckets that this batch writes: with many owners all that changed, with a sole
        owner those in the oldest log rows."""
        if self._sole_owner:
            places = [*moved, *self._step.places]
        else:
            places = [*moved, *((c.group.key, index) for c in changed for index in c.changes)]
        rows: dict[BucketPlace, BucketRow] = {}
        for key, index in places:
            if (key, index) not in rows:
                rows[key, index] = self._build_row(key, index, groups.get(key))
        return rows

    def _build_row(self, key: GroupKey, index: int, group: SignalGroup | None) -> BucketRow:
        """Build the row of the bucket; for a group that the batch does not touch, from its copy."""
        if group is None:
            spec, payload = self._copies.get_payload(key, index)
        else:
            spec, payload = group.spec, dump_bucket(group.buckets[index])
        due = (index + 1) * spec.timespan + spec.reach + self._horizon
        return BucketRow(key, index, payload, spec.timespan, due)

    def _dump_unwritten(
        self,
        changed: Sequence[GroupChange],
        bucket_rows: Mapping[BucketPlace, BucketRow],
        batch: _AppliedBatch,
    ) -> bytes | None:
        """Encode what changed in buckets that this batch does not write."""
        logged: list[LoggedGroup] = []
        places: list[BucketPlace] = []
        for group, changes in changed:
            later = changes
            if bucket_rows:
                later = {i: c for i, c in changes.items() if (group.key, i) not in bucket_rows}
            if later:
                rows = [row for part in later.values() for row in part.rows]
                wide = [(i, part.summary) for i, part in later.items() if part.summary]
                logged.append(LoggedGroup(group.key, group.spec.timespan, rows, wide))
                places += [(group.key, index) for index in later]
                batch.logged_signals += len(rows)
        batch.logged = places
        return dump_log(logged) if logged else None

    def confirm_commit(self, result: CommitResult) -> None:
        """Confirm that the result of `apply` is durable."""
        batch, self._batch, self._step = self._batch, _AppliedBatch(), WriteStep()
        free = self._unwritten.mark_written(batch.bucket_rows, batch.step)
        if self._sole_owner:
            self._sweeper.discard_written(batch.bucket_rows.values())
        if result.log_number is not None:
            fresh = self._unwritten.add(result.log_number, batch.logged_signals, batch.logged)
            self._sweeper.add_logged(fresh, lambda key: batch.groups[key].spec)
        for key, group in batch.groups.items():
            version = result.versions.get(key, 1)
            self._copies.put(
                group, version, batch.bucket_rows, pinned=self._unwritten.has_unwritten(key)
            )
        for key, _ in batch.bucket_rows:
            self._copies.note_stored(key)
        self._copies.release(key for key in free if not self._unwritten.has_unwritten(key))
        self._copies.shrink()

    def sweep(self, rows: Sequence[GroupRows], low: float) -> SweepResult:
        """Let go of what nothing in time can reach. Call `clear` if that does not become
        durable."""
        return self._sweeper.sweep(rows, low)

    def _get_newest(self, row: GroupRows, moved: list[BucketPlace]) -> SignalGroup:
        """Return the group as it was before this batch."""
        if row.buckets is None:
            return self._copies.get_group(row.key)
        group = self._read(row, moved)
        for logged in self._waiting.pop(row.key, ()):
            group.absorb(logged.rows)
            for index, widening in logged.widenings:
                former = logged.timespan or group.spec.timespan
                widened = group.merge_summary(index, former, widening)
                if former != group.spec.timespan:
                    moved += [(row.key, i) for i in widened]
            group.unreconciled = True
        return group

    def _read(self, row: GroupRows, moved: list[BucketPlace]) -> SignalGroup:
        """Read the group as stored. Adds to `moved` the buckets that the store holds
        differently."""
        timespan = _find_timespan(row.buckets or (), self._waiting.get(row.key))
        return load_group(row, self._get_spec(row.key, timespan), moved)

    def _get_spec(self, key: GroupKey, timespan: int | None) -> WindowSpec:
        """Return the rule's window; for a rule that is gone, one that never fires and keeps its
        signals."""
        known = self._specs.get(key.rule)
        return known or _build_gone_rule_spec(key.rule, timespan or GONE_TIMESPAN)


def _list_emptied(
    lessened: Mapping[GroupKey, set[int]],
    groups: Mapping[GroupKey, SignalGroup],
    moved: list[BucketPlace],
) -> list[EvictedInterval]:
    """List the buckets that hold nothing any more. Adds those that hold less to `moved`: the store
    holds them differently."""
    emptied: list[EvictedInterval] = []
    for key, indices in lessened.items():
        group = groups[key]
        moved += [(key, index) for index in sorted(indices) if index in group.buckets]
        span = group.spec.timespan
        emptied += [
            EvictedInterval(key, i * span, nextafter((i + 1) * span, i * span), alerts=False)
            for i in sorted(indices)
            if i not in group.buckets
        ]
    return emptied


def _find_timespan(
    stored: Sequence[BucketRow], waiting: Sequence[LoggedGroup] | None
) -> int | None:
    """Find the rule's former timespan. The log's comes first, because its buckets are numbered by
    it before anything is read."""
    if waiting:
        return waiting[0].timespan
    return stored[0].timespan if stored else None


def _build_gone_rule_spec(rule: str, timespan: int) -> WindowSpec:
    return WindowSpec(
        rule=rule,
        title=rule,
        severity=Severity.INFORMATIONAL,
        timespan=timespan,
        quiet=GONE_QUIET,
        keep=0,
        distinct=False,
        fires=lambda _members: False,
    )
