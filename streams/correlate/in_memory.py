"""Correlate without a store, for `breachdesk detect` and the examples of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.pipeline.alert import Episode, GroupKey, Signal
from streams.correlate.correlation import GuardedSignal, SignalCorrelator
from streams.correlate.episodes import WindowSpec
from streams.correlate.groups import SignalGroup


class InMemoryWindows:
    """All groups, all signals in time, nothing let go. Not for a stream without an end."""

    def __init__(self, specs: Mapping[str, WindowSpec]) -> None:
        """Create the windows; `specs` are by rule id, and signals of other rules are left out."""
        self._correlation = SignalCorrelator(specs)
        self._groups: dict[GroupKey, SignalGroup] = {}

    def absorb(self, signals: Iterable[Signal]) -> list[GroupKey]:
        """Take in signals in any order; the groups that changed, those behind gates too."""
        correlation, groups = self._correlation, self._groups
        by_key: dict[GroupKey, list[GuardedSignal]] = {}
        for signal in signals:
            if signal.key.rule in correlation.specs:
                by_key.setdefault(signal.key, []).append(GuardedSignal(signal, guarded=False))
        for key in correlation.list_keys(by_key):
            if key not in groups:
                groups[key] = SignalGroup(key, correlation.specs[key.rule])
        changed = correlation.absorb(correlation.route(by_key), groups)
        return [change.group.key for change in changed]

    def list_episodes(self) -> list[Episode]:
        """List every live episode of every group."""
        alerting = (g for key, g in self._groups.items() if not self._correlation.is_inner(key))
        return [episode for group in alerting for episode in group.list_episodes()]
