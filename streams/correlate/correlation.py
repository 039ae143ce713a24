"""Route signals to groups: which groups a batch's signals affect, and what they change there."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.pipeline.alert import GroupKey, Signal
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.buckets import NEVER, BucketSummary, to_member
from streams.correlate.episodes import WindowSpec
from streams.correlate.gates import (
    add_inner_specs,
    build_inner_key,
    build_inner_rule,
    get_alert_key,
)
from streams.correlate.groups import BucketChanges, BucketPart, SignalGroup

RoutedSignals = Mapping[GroupKey, Sequence[DetectorSignal]]


class GuardedSignal(NamedTuple):
    """A signal, and whether a replay guard applies (not to late events, not to backfills)."""

    signal: Signal
    guarded: bool


class GroupChange(NamedTuple):
    """What a batch changed in one group."""

    group: SignalGroup
    changes: BucketChanges


class SignalCorrelator:
    """The rules' windows, gates included. Stateless."""

    def __init__(self, specs: Mapping[str, WindowSpec]) -> None:
        """Create the correlation; `specs` are by rule id."""
        self.specs: Mapping[str, WindowSpec] = add_inner_specs(specs)
        self._gates = {rule: spec.gate for rule, spec in specs.items() if spec.gate is not None}
        self._inner = {build_inner_rule(rule) for rule in self._gates}

    def is_inner(self, key: GroupKey) -> bool:
        """Whether it is a group behind a gate, which raises no alert."""
        return key.rule in self._inner

    def list_keys(self, signals: Mapping[GroupKey, Sequence[GuardedSignal]]) -> Sequence[GroupKey]:
        """List the groups that these signals affect. A gated group is among them even if all of its
        signals stay behind the gate, because it may open."""
        if not self._gates:
            return list(signals)
        keys = dict.fromkeys(signals)
        for key, of_group in signals.items():
            gate = self._gates.get(key.rule)
            if gate is not None:
                for signal, _ in of_group:
                    if signal.step in gate.steps:
                        keys[build_inner_key(key, signal.value)] = None
        return list(keys)

    def route(
        self,
        signals: Mapping[GroupKey, Sequence[GuardedSignal]],
        settled_before: float | None = None,
    ) -> RoutedSignals:
        """Return the signals by the group that keeps them, without replays. `settled_before` (epoch
        seconds): every in-time record that a window of this moment does not reach was processed
        before."""
        routed: dict[GroupKey, list[DetectorSignal]] = {}
        for key, of_group in signals.items():
            oldest = (
                -NEVER if settled_before is None else settled_before - self.specs[key.rule].reach
            )
            gate = self._gates.get(key.rule)
            if gate is None:
                routed[key] = [
                    to_member(signal)
                    for signal, guarded in of_group
                    if not guarded or signal.time >= oldest
                ]
                continue
            accepted = [s for s, guarded in of_group if not guarded or s.time >= oldest]
            own = routed.setdefault(key, [])
            for signal in accepted:
                if signal.step in gate.steps:
                    inner = build_inner_key(key, signal.value)
                    routed.setdefault(inner, []).append(to_member(signal))
                else:
                    own.append(to_member(signal))
        return routed

    def absorb(
        self, routed: RoutedSignals, groups: Mapping[GroupKey, SignalGroup]
    ) -> Iterator[GroupChange]:
        """Take each group's signals in; yields the groups that changed, those behind gates
        first."""
        handed: dict[GroupKey, list[BucketChanges]] = {}
        if self._gates:
            inner = list(self._absorb_inner(routed, groups))
            thinned = self._find_thinned(
                {get_alert_key(change.group.key) for change in inner}, groups
            )
            for change in inner:
                outer = get_alert_key(change.group.key)
                parts = change.group.select_forwarded(change.changes, whole=outer in thinned)
                handed.setdefault(outer, []).append(parts)
            yield from inner
        for key, members in routed.items():
            if key.rule in self._inner:
                continue
            group = groups[key]
            # All at once: the choice of what a bucket keeps is repeated each time.
            changes = group.absorb(members, _merge_changes(handed.get(key, ())))
            if changes:
                yield GroupChange(group, changes)

    def remove(
        self,
        removed: Mapping[GroupKey, Sequence[GuardedSignal]],
        groups: Mapping[GroupKey, SignalGroup],
    ) -> Mapping[GroupKey, set[int]]:
        """Remove these signals' events from their groups, behind gates too; the buckets that held
        some, by group."""
        changed: dict[GroupKey, set[int]] = {}
        for key, of_group in removed.items():
            event_ids = {signal.event_id for signal, _ in of_group}
            for each in self.list_keys({key: of_group}):
                indices = groups[each].remove(event_ids)
                if indices:
                    changed.setdefault(each, set()).update(indices)
        return changed

    def _absorb_inner(
        self, routed: RoutedSignals, groups: Mapping[GroupKey, SignalGroup]
    ) -> Iterator[GroupChange]:
        before: dict[GroupKey, RoutedSignals] = {}
        for key, members in routed.items():
            if key.rule not in self._inner:
                continue
            outer = get_alert_key(key)
            if outer not in before:
                before[outer] = self._collect_gated_members(groups[outer])
            group = groups[key]
            earlier = () if group.buckets else before[outer].get(key, ())
            changes = group.absorb([*earlier, *members])
            if changes:
                yield GroupChange(group, changes)

    def _find_thinned(
        self, keys: Iterable[GroupKey], groups: Mapping[GroupKey, SignalGroup]
    ) -> Container[GroupKey]:
        """Find the alerts' groups that have dropped signals: when a new signal makes earlier ones
        relevant, those enter again with it, as if they had never left."""
        return {
            key for key in keys if any(bucket.thinned for bucket in groups[key].buckets.values())
        }

    def _collect_gated_members(self, outer: SignalGroup) -> RoutedSignals:
        """Collect what the alert's group holds of signals that belong behind the gate, by inner
        group: a new inner group begins with them, since they may have been stored before there was
        a gate."""
        gate = self._gates[outer.key.rule]
        rows: dict[GroupKey, list[DetectorSignal]] = {}
        for bucket in outer.buckets.values():
            for row in bucket.rows:
                if row.step in gate.steps:
                    rows.setdefault(build_inner_key(outer.key, row.value), []).append(row)
        return rows


def _merge_changes(parts: Iterable[BucketChanges]) -> BucketChanges:
    """Merge the changes that several groups behind gates forward to one."""
    rows: dict[int, list[DetectorSignal]] = {}
    widenings: dict[int, BucketSummary] = {}
    for index, part in (item for each in parts for item in each.items()):
        rows.setdefault(index, []).extend(part.rows)
        if part.summary is not None:
            known = widenings.get(index)
            widenings[index] = part.summary if known is None else known.merge(part.summary)
    return {index: BucketPart(of, widenings.get(index)) for index, of in rows.items()}
