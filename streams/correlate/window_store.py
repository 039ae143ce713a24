"""Windows whose state lives in the store; what is in memory is a copy of a part of it.

Where many workers own partitions, a copy counts only under the version found under the group's lock,
and what a batch changes is written in that batch. Where one worker owns all (`sole_owner`), a copy is
true while its fence holds, and what a batch changes waits in the log until its bucket is written.
Everything else is the same. Whatever fails voids every copy: `clear`, and `restore` what the log holds.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nextafter

from schemas.alert import GroupKey, Severity
from streams.correlate.copies import GroupCopies
from streams.correlate.correlation import Correlation, GroupChange, GuardedSignal
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import Group
from streams.correlate.signal_rows import (
    LoggedGroup,
    collector_paused,
    dump_bucket,
    dump_log,
    load_bucket,
    load_log,
)
from streams.correlate.written_later import LOG_SIGNALS, Place, Step, UnwrittenBuckets
from streams.ports import (
    BucketRow,
    CommitResult,
    Eviction,
    GroupRows,
    GroupState,
    GroupUpdates,
    LogRow,
    SweepResult,
)

__all__ = ["GuardedSignal", "WindowStore"]

MEMORY_BYTES = 256 * 1024 * 1024
SIGNAL_BYTES = 900
"""What a signal takes in memory that only the log holds: these may take a third of the copies' bytes."""
GONE_QUIET = 30 * 86_400
"""Signals of a rule that is gone stay for so many seconds more: it may come back."""
NAMED_SECONDS = 3_600.0
"""What the log still names is looked at again after so long, though it is due, and each time after
twice as long: a log of many days' records is not asked for each of them."""
GONE_TIMESPAN = 3_600


@dataclass(slots=True)
class _Batch:
    """What `apply` did and `keep` makes true."""

    groups: Mapping[GroupKey, Group] = field(default_factory=dict)
    written: Mapping[Place, BucketRow] = field(default_factory=dict)
    step: Step = field(default_factory=Step)
    evictions: Sequence[Eviction] = ()
    logged: Sequence[Place] = ()
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
        """`specs` by rule id; `horizon`: the greatest H of any source, seconds; `memory_bytes`: what
        copies of written groups may take."""
        self._correlation = Correlation(specs)
        self._specs = self._correlation.specs
        self._horizon = horizon
        self._sole_owner = sole_owner
        self._copies = GroupCopies(memory_bytes)
        most_signals = min(LOG_SIGNALS, memory_bytes // 3 // SIGNAL_BYTES)
        self._unwritten = unwritten or UnwrittenBuckets(most_signals=most_signals)
        self._waiting: dict[GroupKey, list[LoggedGroup]] = {}
        self._step = Step()
        self._batch = _Batch()
        self._swept_to: float | None = None
        """Watermark up to which the last sweep let go; None: nothing may be let go of just now."""

    def __len__(self) -> int:
        return len(self._copies)

    @property
    def memory_bytes(self) -> int:
        """What the copies take, roughly."""
        return self._copies.bytes

    @property
    def unwritten(self) -> int:
        """Signals that only the log holds. More than none when idle: commit an empty batch."""
        return self._unwritten.signals

    def clear(self) -> None:
        """Forget every copy and the log."""
        self._copies.clear()
        self._unwritten.clear()
        self._waiting.clear()
        self._step = Step()
        self._batch = _Batch()
        self._swept_to = None

    def hold(self) -> None:
        """Let go of nothing until the next sweep: a backfill was seen."""
        self._swept_to = None

    def restore(self, rows: Iterable[LogRow]) -> None:
        """Know what the log holds, instead of anything that was known. Each group's signals wait until
        the group is read."""
        self.clear()
        with collector_paused():
            for row in rows:
                self._restore(row)

    def _restore(self, row: LogRow) -> None:
        places: dict[Place, None] = {}
        signals = 0
        for group in load_log(row.body):
            waiting = self._waiting.setdefault(group.key, [])
            waiting.append(group)
            spec = self._spec(group.key, _timespan((), waiting))
            indices = [spec.bucket(member.time) for member in group.rows]
            if group.timespan in (None, spec.timespan):
                indices += [index for index, _ in group.widenings]
            places.update(((group.key, index), None) for index in indices)
            signals += len(group.rows)
        self._unwritten.add(row.number, signals, list(places))

    def keys_of(self, signals: Mapping[GroupKey, Sequence[GuardedSignal]]) -> Sequence[GroupKey]:
        """The groups that a batch of these signals needs: theirs, those behind their gates, and those
        whose buckets it writes and that are not in memory."""
        keys = self._correlation.keys(signals)
        self._step = self._unwritten.next_step(len(signals))
        places = self._step.places
        missing = dict.fromkeys(key for key, _ in places if key not in self._copies)
        return list(dict.fromkeys([*keys, *missing])) if missing else keys

    def known(self, keys: Sequence[GroupKey]) -> Mapping[GroupKey, int]:
        """Versions of the copies in memory."""
        return self._copies.versions(keys)

    def apply(
        self,
        signals: Mapping[GroupKey, Sequence[GuardedSignal]],
        rows: Sequence[GroupRows],
        low: float | None,
    ) -> GroupUpdates:
        """Absorb each group's signals into its newest state. `rows`: of every key that `keys_of` gave.
        Call `keep` once that is durable, and `clear` when it is not."""
        with collector_paused():
            moved: list[Place] = []
            groups = {row.key: self._newest(row, moved) for row in rows}
        settled = None if low is None else low - self._horizon
        routed = self._correlation.route(signals, settled)
        changed = list(self._correlation.absorb(routed, groups))
        states = [
            GroupState(change.group.key, change.group.episodes())
            for change in changed
            if self._raises_alerts(change.group)
        ]
        in_use = {*routed, *(key for key, _ in moved)}
        evictions = () if low is None else self._due_in_step(in_use, groups)
        gone = {eviction.key for eviction in evictions}
        written = self._to_write(changed, moved, groups, gone)
        batch = self._batch = _Batch(groups, written, self._step, evictions)
        log = self._log(changed, written, batch) if self._sole_owner else None
        return GroupUpdates(
            changed=[change.group.key for change in changed],
            groups=[state for state in states if self._must_reconcile(state, groups[state.key])],
            buckets=list(written.values()),
            evictions=evictions,
            log=log,
            log_kept_from=self._unwritten.kept_from(self._step),
        )

    def _raises_alerts(self, group: Group) -> bool:
        return group.key.rule in self._specs and not self._correlation.is_inner(group.key)

    def _must_reconcile(self, state: GroupState, group: Group) -> bool:
        """Without an episode there is nothing to reconcile, unless rules may have changed since."""
        stale, group.unreconciled = group.unreconciled, False
        return stale or bool(state.episodes)

    def _to_write(
        self,
        changed: Sequence[GroupChange],
        moved: Sequence[Place],
        groups: Mapping[GroupKey, Group],
        gone: Container[GroupKey],
    ) -> Mapping[Place, BucketRow]:
        """The buckets that this batch writes: of many owners all that changed, of a sole owner those
        that the oldest log rows hold, save of groups that it lets go of."""
        if self._sole_owner:
            places = [*moved, *(place for place in self._step.places if place[0] not in gone)]
        else:
            places = [*moved, *((c.group.key, index) for c in changed for index in c.changes)]
        rows: dict[Place, BucketRow] = {}
        for key, index in places:
            if (key, index) not in rows:
                rows[key, index] = self._row(key, index, groups.get(key))
        return rows

    def _due_in_step(
        self, in_use: Container[GroupKey], groups: Mapping[GroupKey, Group]
    ) -> Sequence[Eviction]:
        """Groups that this batch would write for the log's sake, although nothing can reach any of their
        buckets, and that no other log row names."""
        if self._swept_to is None:
            return ()
        gone: list[Eviction] = []
        for key in dict.fromkeys([key for key, _ in self._step.places]):
            if key in in_use:
                continue
            group = groups.get(key)
            spec, indices = (group.spec, group.buckets) if group else self._copies.buckets(key)
            begin, end = min(indices) * spec.timespan, (max(indices) + 1) * spec.timespan
            if end > self._swept_to - spec.reach - self._horizon:
                continue
            if not self._unwritten.named_by_others(key, indices, self._step):
                gone.append(Eviction(key, begin, nextafter(end, begin)))
        return gone

    def _row(self, key: GroupKey, index: int, group: Group | None) -> BucketRow:
        """The bucket as the store keeps it; of a group that the batch does not touch, its copy."""
        if group is None:
            spec, payload = self._copies.stored(key, index)
        else:
            spec, payload = group.spec, dump_bucket(group.buckets[index])
        due = (index + 1) * spec.timespan + spec.reach + self._horizon
        return BucketRow(key, index, payload, spec.timespan, due)

    def _log(
        self, changed: Sequence[GroupChange], written: Mapping[Place, BucketRow], batch: _Batch
    ) -> bytes | None:
        """What changed in buckets that this batch does not write."""
        logged: list[LoggedGroup] = []
        places: list[Place] = []
        for group, changes in changed:
            later = {i: part for i, part in changes.items() if (group.key, i) not in written}
            if later:
                rows = [row for part in later.values() for row in part.rows]
                wide = [(i, part.widening) for i, part in later.items() if part.widening]
                logged.append(LoggedGroup(group.key, group.spec.timespan, rows, wide))
                places += [(group.key, index) for index in later]
                batch.logged_signals += len(rows)
        batch.logged = places
        return dump_log(logged) if logged else None

    def keep(self, result: CommitResult) -> None:
        """What `apply` returned is durable."""
        batch, self._batch, self._step = self._batch, _Batch(), Step()
        gone = {eviction.key for eviction in batch.evictions}
        places = [place for place in batch.step.places if place[0] in gone]
        free = self._unwritten.written([*batch.written, *places], batch.step)
        if result.log_number is not None:
            self._unwritten.add(result.log_number, batch.logged_signals, batch.logged)
        for key in gone:
            self._copies.forget(key)
        for key, group in batch.groups.items():
            if key in gone:
                continue
            version = result.versions.get(key, 1)
            self._copies.put(group, version, batch.written, pinned=self._unwritten.holds(key))
        self._copies.release(key for key in free if not self._unwritten.holds(key))
        self._copies.shrink()

    def let_go(self, rows: Sequence[GroupRows], low: float) -> SweepResult:
        """Let go of what nothing in time can reach. Call `clear` if that does not become durable."""
        self._swept_to = low
        gone: list[Eviction] = []
        again: dict[GroupKey, float] = {}
        for row in rows:
            if row.key not in self._waiting:
                evictions = self._let_go_numbered(row, low, again)
                gone += self._let_go_loaded(row, low) if evictions is None else evictions
        return SweepResult(gone, again)

    def _let_go_numbered(
        self, row: GroupRows, low: float, again: dict[GroupKey, float]
    ) -> Sequence[Eviction] | None:
        """What goes as far as the numbers of the buckets say it, which may be a timespan later than
        their signals would: nothing is loaded. None: the stored buckets have another timespan. What
        stays adds to `again` when the first of it may go."""
        stored, key = row.buckets or (), row.key
        spec = self._spec(key, _timespan(stored, None))
        if any(bucket.timespan not in (spec.timespan, 0) for bucket in stored):
            return None
        copied = self._sole_owner and key in self._copies
        indices = {bucket.bucket for bucket in stored}
        if copied:
            indices.update(self._copies.buckets(key)[1])
        reach = spec.reach + self._horizon
        gone: list[Eviction] = []
        dead: list[int] = []
        for inside in _components(sorted(indices), spec):
            begin, end = inside[0] * spec.timespan, (inside[-1] + 1) * spec.timespan
            if end + reach <= low and not self._unwritten.names(key, inside):
                gone.append(Eviction(key, begin, nextafter(end, begin)))
                dead += inside
                continue
            overdue = low - (end + reach)
            later = end + reach if overdue < 0 else low + max(NAMED_SECONDS, overdue)
            again[key] = min(later, again.get(key, later))
        if dead and copied:
            self._copies.drop(key, dead)
        elif dead:
            self._copies.forget(key)
        return gone

    def _let_go_loaded(self, row: GroupRows, low: float) -> Sequence[Eviction]:
        copied = self._sole_owner and row.key in self._copies
        moved: list[Place] = []
        group = self._copies.group(row.key) if copied else self._read(row, moved)
        settled = low - group.spec.reach - self._horizon
        evictions = group.evict(settled, self._unwritten.named(row.key, group.buckets))
        if moved and group.buckets:
            # A stored row of the former timespan may hold both what goes and what stays.
            return ()
        if evictions and copied:
            self._copies.put(group, 1, {}, pinned=self._unwritten.holds(row.key))
        elif evictions:
            self._copies.forget(row.key)
        return evictions

    def _newest(self, row: GroupRows, moved: list[Place]) -> Group:
        """The group as it was before this batch."""
        if row.buckets is None:
            return self._copies.group(row.key)
        group = self._read(row, moved)
        for logged in self._waiting.pop(row.key, ()):
            group.absorb(logged.rows)
            for index, widening in logged.widenings:
                former = logged.timespan or group.spec.timespan
                widened = group.widen(index, former, widening)
                if former != group.spec.timespan:
                    moved += [(row.key, i) for i in widened]
            group.unreconciled = True
        return group

    def _read(self, row: GroupRows, moved: list[Place]) -> Group:
        """The group as it is stored. `moved` gets the buckets that the store holds otherwise."""
        stored = row.buckets or ()
        waiting = self._waiting.get(row.key)
        group = Group(row.key, self._spec(row.key, _timespan(stored, waiting)))
        for bucket in stored:
            loaded = load_bucket(row.key, bucket.payload)
            moved += [(row.key, i) for i in group.adopt(bucket.bucket, loaded, bucket.timespan)]
        return group

    def _spec(self, key: GroupKey, timespan: int | None) -> WindowSpec:
        """The rule's window; of a rule that is gone one that never fires and keeps what there is."""
        known = self._specs.get(key.rule)
        return known or _window_of_gone_rule(key.rule, timespan or GONE_TIMESPAN)


def _timespan(stored: Sequence[BucketRow], waiting: Sequence[LoggedGroup] | None) -> int | None:
    """What the rule's timespan was. The log's comes first: its buckets are numbered by it before
    anything is read."""
    if waiting:
        return waiting[0].timespan
    return stored[0].timespan if stored else None


def _components(indices: Sequence[int], spec: WindowSpec) -> Iterable[Sequence[int]]:
    """The buckets in parts whose signals may bear on one another."""
    if not indices:
        return
    begin = 0
    for place in range(1, len(indices)):
        if (indices[place] - indices[place - 1] - 1) * spec.timespan > spec.reach:
            yield indices[begin:place]
            begin = place
    yield indices[begin:]


def _window_of_gone_rule(rule: str, timespan: int) -> WindowSpec:
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
