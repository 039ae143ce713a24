"""Live alerts are a function of the set of signals, and no human act is ever lost.

A tiny pipeline (count and distinct-value rules over event time) drives the real store with
shuffled, doubled and re-cut signals, crashes, stale owners, folding, eviction and human acts in
between. Two judges look on: an oracle that knows only the set, and a model of who leads whom."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, add_case
from schemas.casework.case import CaseNote, TaskKind
from schemas.errors import EditConflict, RetryableError
from schemas.pipeline.alert import AlertState, AlertView, Episode, GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from streams.ports import (
    BucketRow,
    EvictedInterval,
    GroupRows,
    GroupState,
    GroupUpdates,
    PartitionAdvance,
    RecordBatch,
    SweepResult,
)

DAY = 86_400
MIDNIGHT = 20_000 * DAY
RANK = {AlertState.CASE: 2, AlertState.NEW: 1, AlertState.DISMISSED: 0}


@dataclass(frozen=True)
class Rule:
    name: str
    n: int
    distinct: bool = False
    T: int = 60
    Q: int = 60
    H: int = 10**9

    @property
    def reach(self) -> int:
        return self.Q + 2 * self.T


def hot_buckets(rule: Rule, signals: Sequence[Signal]) -> dict[int, float]:
    """{bucket: time of its first signal whose window satisfies the rule}."""
    fields: dict[int, float] = {}
    for signal in signals:
        window = [s for s in signals if signal.time - rule.T <= s.time <= signal.time]
        size = len({s.value for s in window} if rule.distinct else window)
        if size >= rule.n:
            fields.setdefault(int(signal.time // rule.T), signal.time)
    return fields


def runs(rule: Rule, hot: Sequence[int]) -> Iterator[list[int]]:
    """Hot buckets with gaps up to Q; longer than a day is cut at midnights."""
    run: list[int] = []
    for bucket in [*sorted(hot), None]:
        if run and (bucket is None or (bucket - run[-1] - 1) * rule.T > rule.Q):
            if (run[-1] - run[0]) * rule.T <= DAY:
                yield run
            else:
                for day in sorted({b * rule.T // DAY for b in run}):
                    yield [b for b in run if b * rule.T // DAY == day]
            run = []
        if bucket is not None:
            run.append(bucket)


def episodes(rule: Rule, key: GroupKey, signals: set[Signal]) -> tuple[Episode, ...]:
    """A pure function of the set."""
    ordered = sorted(signals, key=lambda s: (s.time, s.event_id))
    hot = hot_buckets(rule, ordered)
    return tuple(episode(rule, key, ordered, run, hot[run[0]]) for run in runs(rule, list(hot)))


def episode(
    rule: Rule, key: GroupKey, ordered: Sequence[Signal], run: list[int], fired: float
) -> Episode:
    end = (run[-1] + 1) * rule.T
    members = tuple(s for s in ordered if fired - rule.T <= s.time < end)
    return Episode(
        key=key,
        title=rule.name,
        first=run[0],
        last=run[-1],
        timespan=rule.T,
        fired=datetime.fromtimestamp(fired, UTC),
        severity=Severity.HIGH if len(members) > 4 * rule.n else Severity.MEDIUM,
        members=members,
        touches=frozenset(touch for member in members for touch in member.touches),
    )


def a_signal(rule: Rule, group: str, number: int, time: int, value: str) -> Signal:
    return Signal(
        key=GroupKey(rule.name, "contoso", (group,)),
        time=float(time),
        event_id=f"e{number}",
        step="",
        value=value,
        position=RecordPosition("j", number),
        sha256=f"{number:064x}",
        source="m365",
        touches=(AssetTouch("contoso", f"mailbox:{value}@contoso.example", "mail"),),
        summary={},
    )


@dataclass
class Modelled:
    """What the model knows of one alert."""

    pk: int
    key: GroupKey
    anchor: int
    episode: Episode
    state: AlertState = AlertState.NEW
    into: int | None = None
    closed: bool = False


@dataclass
class Model:
    """Who leads, who merges, what reopens: in memory, in the words of the reference."""

    alerts: dict[int, Modelled] = field(default_factory=dict)
    joined: set[frozenset[int]] = field(default_factory=set)
    cased: set[int] = field(default_factory=set)

    def reconcile(self, key: GroupKey, episodes_now: Sequence[Episode]) -> None:
        mine = [a for a in self.alerts.values() if a.key == key and not a.closed]
        mine.sort(key=lambda a: (a.into is not None, -RANK[a.state], a.pk))
        led: dict[int, Modelled] = {}
        grew: set[int] = set()
        for alert in mine:
            hit = next(i for i, e in enumerate(episodes_now) if e.first <= alert.anchor <= e.last)
            leader = led.setdefault(hit, alert)
            if leader is not alert and alert.into != leader.pk:
                grew.add(leader.pk)
                if {alert.pk, leader.pk} <= self.cased:
                    self.joined.add(frozenset((alert.pk, leader.pk)))
            alert.into = None if leader is alert else leader.pk
        for i, each in enumerate(episodes_now):
            if i not in led:
                pk = len(self.alerts) + 1
                self.alerts[pk] = Modelled(pk, key, each.first, each)
                continue
            alert = led[i]
            if alert.state is AlertState.DISMISSED and (
                alert.pk in grew or material(alert.episode, each)
            ):
                alert.state = AlertState.NEW
            alert.episode = each

    def close(self, rule: Rule, evicted_interval: EvictedInterval) -> None:
        for alert in self.alerts.values():
            if alert.key == evicted_interval.key and (
                evicted_interval.begin // rule.T <= alert.anchor <= evicted_interval.end // rule.T
            ):
                alert.closed = True


def material(old: Episode, new: Episode) -> bool:
    values = {m.value for m in new.members} - {m.value for m in old.members}
    return bool(values or new.touches - old.touches or new.severity != old.severity)


class StoreRun:
    """One run of a set of signals through the store."""

    def __init__(
        self, store: PipelineStore, rules: dict[str, Rule], rng: random.Random, *, sole_owner: bool
    ) -> None:
        self.store, self.rules, self.rng = store, rules, rng
        self.sink = store.make_batch_sink(sole_owner=sole_owner)
        self.model = Model()
        self.acts: list[tuple[int, str, AlertState]] = []
        self.notes: list[tuple[int, str]] = []
        self.reload()

    def reload(self) -> None:
        """As after a crash: nothing but what the store holds."""
        self.stored = self.sink.load_positions(["p"])["p"]
        self.log = list(self.sink.list_log_rows("p"))
        self.logged: dict[GroupKey, set[Signal]] = {}
        for row in self.log:
            for rule, group, parts in json.loads(row.body):
                key = GroupKey(rule, "contoso", (group,))
                self.logged.setdefault(key, set()).update(signals_of(key, [parts]))

    def feed(self, records: Sequence[tuple[float, Signal]], *, evict: bool) -> None:
        if self.rng.random() < 0.15:  # killed before the commit
            with pytest.raises(RetryableError):
                self.commit(records, problem=RetryableError("killed"))
            self.reload()
        for state in self.commit(records):
            self.model.reconcile(state.key, state.episodes)
        if self.rng.random() < 0.2:  # killed after the commit, or a stale owner
            with pytest.raises(EditConflict):
                self.commit(records)
        self.reload()
        if evict and self.rng.random() < 0.4:
            self.sweep()

    def commit(
        self, records: Sequence[tuple[float, Signal]], problem: Exception | None = None
    ) -> Sequence[GroupState]:
        """The groups that the batch changed."""
        signals = [s for arrived, s in records if arrived - s.time <= self.rules[s.key.rule].H]
        write_out = not self.sink.sole_owner or self.rng.random() < 0.3
        keys = {signal.key for signal in signals} | (set(self.logged) if write_out else set())
        states: list[GroupState] = []

        def apply_signals(rows: Sequence[GroupRows], low: float | None) -> GroupUpdates:
            if problem is not None:
                raise problem
            values = [signal for signal in signals if self.reachable(signal, low)]
            values_by_key = {row.key: self.held(row) for row in rows}
            for signal in values:
                values_by_key[signal.key].add(pure(signal))
            changed = sorted({signal.key for signal in values})
            states[:] = [
                GroupState(key, episodes(self.rules[key.rule], key, values_by_key[key]))
                for key in changed
            ]
            if write_out:
                buckets = [
                    row for key in values_by_key for row in self.buckets(key, values_by_key[key])
                ]
                kept_from = self.log[-1].number + 1 if self.log else None
                return GroupUpdates(changed, states, buckets, log_first_needed=kept_from)
            return GroupUpdates(changed, states, log=logged(values) if values else None)

        before = self.stored
        offset = 0 if before.position is None else before.position.offset
        after = RecordPosition("j", offset + len(records))
        step = PartitionAdvance("p", before, after, max(arrived for arrived, _ in records))
        self.sink.commit(RecordBatch([step], sorted(keys)), {}, apply_signals, START)
        return states

    def reachable(self, signal: Signal, low: float | None) -> bool:
        rule = self.rules[signal.key.rule]
        return low is None or signal.time + rule.reach + rule.H >= low

    def held(self, row: GroupRows) -> set[Signal]:
        stored = {signal for bucket in row.buckets or () for signal in unpacked(bucket)}
        return stored | self.logged.get(row.key, set())

    def buckets(self, key: GroupKey, signals: set[Signal]) -> Iterator[BucketRow]:
        rule = self.rules[key.rule]
        for bucket in {int(signal.time // rule.T) for signal in signals}:
            yield packed(key, bucket, rule, signals)

    def sweep(self) -> None:
        evicted_intervals: list[EvictedInterval] = []

        def let_go(rows: Sequence[GroupRows], low: float) -> SweepResult:
            # A sole owner lets go of nothing that the log still names.
            evicted_intervals[:] = [
                e for row in rows if row.key not in self.logged for e in self.gone(row, low)
            ]
            return SweepResult(list(evicted_intervals))

        while self.sink.sweep(["p"], {"p": self.stored}, let_go, START):
            for eviction in evicted_intervals:
                self.model.close(self.rules[eviction.key.rule], eviction)
            self.reload()

    def gone(self, row: GroupRows, low: float) -> Iterator[EvictedInterval]:
        rule = self.rules[row.key.rule]
        times = sorted(signal.time for signal in self.held(row))
        begin = 0
        for i in range(1, len(times) + 1):
            if i < len(times) and times[i] - times[i - 1] <= rule.reach:
                continue
            if times[i - 1] + rule.reach + rule.H < low:
                yield EvictedInterval(row.key, times[begin], times[i - 1])
            begin = i

    def act(self) -> None:
        """A person dismisses or opens a case, on what they see."""
        live = [a for a in self.views() if a.merged_into is None]
        if not live:
            return
        alert = self.rng.choice(live)
        self.notes.append((alert.pk, note := f"note {len(self.notes)}"))
        state = self.rng.choice([AlertState.CASE, AlertState.DISMISSED])
        self.store.write(lambda uow: self._act(uow, alert, state, note))
        self.acts.append((alert.pk, alert.id, state))
        self.model.alerts[alert.pk].state = state
        if state is AlertState.CASE:
            self.model.cased.add(alert.pk)

    def _act(self, uow: Any, alert: AlertView, state: AlertState, note: str) -> None:
        uow.alerts.add_comment(alert.pk, CaseNote(at=START, by="sam", text=note))
        if state is AlertState.DISMISSED:
            uow.alerts.update(alert.pk, alert.version, state=state, dismissed_reason="known")
        elif alert.case_id is None:
            add_case(uow, START, alert)
        else:
            uow.alerts.update(alert.pk, alert.version, state=state)

    def views(self) -> Sequence[AlertView]:
        return self.store.read(lambda uow: uow.alerts.list(merged=True))


def pure(signal: Signal) -> Signal:
    """Hashable: the summary is no part of the identity."""
    return Hashable(**{name: getattr(signal, name) for name in Signal.__slots__})


class Hashable(Signal):
    """A signal that a set can hold."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash((self.key, self.event_id))


def packed(key: GroupKey, bucket: int, rule: Rule, signals: set[Signal]) -> BucketRow:
    inside = [parts_of(s) for s in signals if s.time // rule.T == bucket]
    due = (bucket + 1) * rule.T + rule.reach + rule.H
    return BucketRow(key, bucket, json.dumps(sorted(inside)).encode(), rule.T, float(due))


def unpacked(row: BucketRow) -> Iterator[Signal]:
    return signals_of(row.key, json.loads(row.payload))


def logged(signals: Sequence[Signal]) -> bytes:
    return json.dumps([(s.key.rule, s.key.group[0], parts_of(s)) for s in signals]).encode()


def parts_of(signal: Signal) -> tuple[float, str, str]:
    return signal.time, signal.event_id, signal.value


def signals_of(key: GroupKey, rows: Sequence[Any]) -> Iterator[Signal]:
    rule = Rule(key.rule, 0)
    for time, event_id, value in rows:
        yield pure(a_signal(rule, key.group[0], int(event_id[1:]), int(time), value))


def a_set(rng: random.Random, *, long: bool) -> tuple[dict[str, Rule], list[tuple[float, Signal]]]:
    """`format_long`: groups that never fall quiet, over two midnights."""
    horizon = rng.choice([10**9, 10**9, 300])
    quiet = 14_400 if long else rng.choice([60, 180])
    rules = {
        "count": Rule("count", 2 if long else rng.randint(2, 4), Q=quiet, H=horizon),
        "distinct": Rule("distinct", rng.randint(2, 3), distinct=True, Q=quiet, H=horizon),
    }
    records = []
    for i in range(rng.randint(100, 240)):
        time = rng.randrange(0, 2 * DAY, 3600) if long else rng.randint(0, 5000)
        rule = rules[rng.choice(list(rules))]
        value = rng.choice("uvwxyz")
        signal = a_signal(rule, rng.choice("aaab"), i, MIDNIGHT - 900 + time, value)
        records.append((signal.time + rng.choice([0, 5, 100, 299, 400]), signal))
    return rules, records


def oracle(rules: dict[str, Rule], records: Sequence[tuple[float, Signal]]) -> list[Any]:
    groups: dict[GroupKey, set[Signal]] = {}
    for arrived, signal in records:
        if arrived - signal.time <= rules[signal.key.rule].H:
            groups.setdefault(signal.key, set()).add(pure(signal))
    values = [e for key, result in groups.items() for e in episodes(rules[key.rule], key, result)]
    return sorted(
        (e.id, e.key, e.first, e.last, e.severity, sorted(m.event_id for m in e.members),
         e.fingerprint)
        for e in values
    )  # fmt: skip


def standing(store: PipelineStore, rules: dict[str, Rule]) -> list[Any]:
    def read(uow):
        for alert in uow.alerts.list():
            key = GroupKey(alert.rule, alert.organization, alert.group)
            span = rules[alert.rule].T
            events = sorted(item.event_id for item in uow.alerts.list_evidence(alert.pk))
            first, last = alert.first.timestamp() // span, alert.last.timestamp() // span - 1
            yield (alert.id, key, first, last, alert.severity, events, alert.fingerprint)

    return store.read(lambda uow: sorted(read(uow)))


def run_store(
    store: PipelineStore,
    rng: random.Random,
    rules: dict[str, Rule],
    records: Any,
    *,
    sole_owner: bool,
) -> StoreRun:
    store_run = StoreRun(store, rules, rng, sole_owner=sole_owner)
    evict = any(rule.H < 10**9 for rule in rules.values())
    records = records + rng.sample(records, len(records) // 2)
    if evict:  # a log is in the order of arrival
        records.sort(key=lambda record: record[0])
    else:
        rng.shuffle(records)
    while records:
        n = rng.randint(1, 16)
        store_run.feed(records[:n], evict=evict)
        records = records[n:]
        if rng.random() < 0.6:
            store_run.act()
    return store_run


def check_acts(store_run: StoreRun) -> None:
    """Every act's alert, and the id it was done under, lead to a live alert that covers it."""
    stored = {view.pk: view for view in store_run.views()}
    for pk, old_id, _ in store_run.acts:
        leader = store_run.store.read(lambda uow, pk=pk: uow.alerts.get(pk))
        assert leader.merged_into is None
        assert leader.first <= datetime.fromtimestamp(store_run.model.alerts[pk].anchor * 60, UTC)
        assert store_run.store.read(lambda uow, old=old_id: uow.alerts.get(old)).merged_into is None
    for pk, text in store_run.notes:
        notes = store_run.store.read(lambda uow, pk=pk: uow.alerts.list_comments(pk))
        assert text in [note.text for note in notes]
    assert {pk: (a.into, a.state, a.closed) for pk, a in store_run.model.alerts.items()} == {
        pk: (view.merged_into, view.state, view.closed) for pk, view in stored.items()
    }


def check_tasks(store_run: StoreRun) -> None:
    """Cases whose alerts became one activity say so, once, and stay two cases."""
    stored = {view.pk: view for view in store_run.views()}
    pairs = {frozenset(str(stored[pk].case_id) for pk in pair) for pair in store_run.model.joined}
    tasked = set()
    for case in store_run.store.read(lambda uow: uow.cases.list()):
        assert len({task.id for task in case.tasks}) == len(case.tasks)
        for task in case.tasks:
            assert task.kind is TaskKind.CASES_JOINED
            tasked.add(frozenset((case.id, task.id.removeprefix("cases-joined-"))))
    assert tasked == {pair for pair in pairs if len(pair) == 2}


def rounds(adapter: str, seed: int, *, long: bool) -> None:
    rng = random.Random(seed)
    rules, records = a_set(rng, long=long)
    want = oracle(rules, records)
    for sole_owner in (True, False):
        with fresh_store(adapter, FixedNow()) as store:
            store_run = run_store(store, rng, rules, list(records), sole_owner=sole_owner)

            assert standing(store, rules) == want
            check_acts(store_run)
            check_tasks(store_run)
            assert store.read(lambda uow: uow.audit.verify()) >= len(want)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("seed", range(3))
def test_any_order_crash_and_human_act_ends_in_the_alerts_of_the_set(
    adapter: str, seed: int
) -> None:
    rounds(adapter, seed, long=False)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("seed", range(2))
def test_groups_that_never_fall_quiet_end_in_the_alerts_of_the_set_too(
    adapter: str, seed: int
) -> None:
    rounds(adapter, seed, long=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_thirty_more_random_sets_end_in_the_alerts_of_the_set(seed: int) -> None:
    rounds("sqlite", seed, long=seed % 3 == 0)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(130, 160))
def test_thirty_others_do_so_on_postgresql(seed: int) -> None:
    rounds("postgres", seed, long=seed % 3 == 0)


@pytest.mark.soak
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("seed", range(200, 300))
def test_a_hundred_more_do_so_on_both(adapter: str, seed: int) -> None:
    rounds(adapter, seed, long=seed % 3 == 0)
