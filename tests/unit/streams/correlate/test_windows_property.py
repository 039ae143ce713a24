"""Alerts are a function of the set of in-time records (docs/reference/streaming.md).

The oracle below says so in the plainest words: it sees the whole set at once. The windows see it
in pieces, out of order, twice, with crashes between, and must agree.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.pipeline.alert import Episode, GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.pipeline.plugin import DetectorSignal, ValueGate
from streams.correlate.episodes import WindowSpec
from streams.correlate.in_time import is_in_time
from streams.correlate.window_store import GuardedSignal, WindowStore
from streams.correlate.written_later import UnwrittenBuckets
from streams.ports import BucketRow, CommitResult, EvictedInterval, GroupRows, GroupUpdates, LogRow

DAY = 86_400
MODEL = Path(__file__).parents[4].parent / "shared" / "reference" / "streaming_model.py"


class Record(NamedTuple):
    arrived: int
    time: int
    id: str
    rule: str
    step: str
    group: str
    value: str


class Seen(NamedTuple):
    """What must agree of an episode: hot buckets, first firing, evidence, touches."""

    rule: str
    group: str
    first: int
    last: int
    fired: float
    evidence: tuple[tuple[float, str, str, str], ...]
    customers: frozenset[str]


def enough(count: int) -> Callable[[Sequence[DetectorSignal]], bool]:
    return lambda members: len(members) >= count


def different(count: int) -> Callable[[Sequence[DetectorSignal]], bool]:
    return lambda members: len({m.value for m in members}) >= count


def in_order(*steps: str) -> Callable[[Sequence[DetectorSignal]], bool]:
    def fires(members: Sequence[DetectorSignal]) -> bool:
        reached = float("-inf")
        for step in steps:
            times = [m.time for m in members if m.step == step and m.time >= reached]
            if not times:
                return False
            reached = min(times)
        return True

    return fires


def doubtful(members: Sequence[DetectorSignal]) -> float:
    """When a value first failed and then went in."""
    failed: dict[str, float] = {}
    for m in members:
        if m.step == "fail":
            failed.setdefault(m.value, m.time)
        if m.step == "ok" and failed.get(m.value, float("inf")) <= m.time:
            return m.time
    return float("inf")


def read_after_doubt(members: Sequence[DetectorSignal]) -> bool:
    since = doubtful(members)
    return any(m.step == "read" and m.time >= since for m in members)


GATE = ValueGate(frozenset({"fail", "ok"}), lambda members: doubtful(members) < float("inf"))


def spec(
    rule: str, keep: int, *, quiet: int = 60, distinct: bool = False, fires, gate=None, ends=False
) -> WindowSpec:
    return WindowSpec(
        rule=rule,
        title=rule,
        severity=Severity.LOW,
        timespan=60,
        quiet=quiet,
        keep=keep,
        distinct=distinct,
        fires=fires,
        gate=gate,
        ends=ends,
    )


def signal(record: Record) -> Signal:
    return Signal(
        key=GroupKey(record.rule, "acme", (record.group,)),
        time=float(record.time),
        event_id=record.id,
        step=record.step,
        value=record.value,
        position=RecordPosition("j", 1),
        sha256="",
        source="s",
        touches=(AssetTouch(f"c{record.id[-1]}", "a", "mail"),),
        summary={"user.name": record.value},
    )


# --- the oracle -------------------------------------------------------------------------------


def sampled(of: WindowSpec, rows: set[tuple[int, str, str, str]]) -> list[tuple]:
    """Of each bucket: all that are among the n first or n last of their step (or, by value, the
    first and last of the n first and n last values)."""
    chosen: set[tuple] = set()
    for bucket in {row[0] // 60 for row in rows}:
        for step in {row[2] for row in rows}:
            mine = sorted(r for r in rows if r[0] // 60 == bucket and r[2] == step)
            for ordered in (mine, mine[::-1]):
                if not of.distinct:
                    chosen.update(ordered[: of.keep or None])
                    continue
                values: list[str] = []
                for row in ordered:
                    if row[3] not in values and len(values) < of.keep:
                        values.append(row[3])
                        chosen.add(row)
    return sorted(chosen)


def expected(of: WindowSpec, group: str, rows: set[tuple[int, str, str, str]]) -> list[Seen]:
    result = sampled(of, rows)
    hot: dict[int, int] = {}
    for row in result:
        window = [r for r in result if row[0] - 60 <= r[0] <= row[0]]
        if of.fires([DetectorSignal(*r) for r in window]):
            hot.setdefault(row[0] // 60, row[0])
    joined: list[list[int]] = []
    for bucket in sorted(hot):
        near = joined and (bucket - joined[-1][-1] - 1) * 60 <= of.quiet
        joined[-1].append(bucket) if near else joined.append([bucket])
    pieces: list[list[int]] = []
    for run in joined:
        if (run[-1] - run[0]) * 60 <= DAY:
            pieces.append(run)
        else:
            days = sorted({b * 60 // DAY for b in run})
            pieces += [[b for b in run if b * 60 // DAY == day] for day in days]
    return [told(of, group, rows, result, p, hot[p[0]]) for p in pieces]


def told(of, group, rows, signals, piece, fired) -> Seen:
    evidence = tuple(r for r in signals if fired - 60 <= r[0] < (piece[-1] + 1) * 60)
    inside = {r for r in rows if piece[0] <= r[0] // 60 <= piece[-1]} | set(evidence)
    before = {r for r in rows if r[0] // 60 == piece[0] - 1}
    if before - set(signals):
        inside |= before
    customers = frozenset(f"c{r[1][-1]}" for r in inside)
    return Seen(of.rule, group, piece[0], piece[-1], fired, evidence, customers)


def beyond_the_gate(of: WindowSpec, rows: set[tuple[int, str, str, str]]) -> set[tuple]:
    """Without the signals of joined steps whose value never mattered: kept are those of a bucket in
    which a window of that value opens the gate, and of the one before."""
    if of.gate is None:
        return rows
    values = {row for row in rows if row[2] not in of.gate.steps}
    for value in {row[3] for row in rows - values}:
        mine = sorted(row for row in rows - values if row[3] == value)
        for row in mine:
            window = [DetectorSignal(*r) for r in mine if row[0] - 60 <= r[0] <= row[0]]
            if of.gate.opens(window):
                values |= {r for r in mine if 0 <= row[0] // 60 - r[0] // 60 <= 1}
    return values


def oracle(records: Iterable[Record], specs: dict[str, WindowSpec], horizon: float) -> list[Seen]:
    parted: dict[tuple[str, str], set[tuple[int, str, str, str]]] = {}
    for r in records:
        if -60 <= r.arrived - r.time <= horizon:
            parted.setdefault((r.rule, r.group), set()).add((r.time, r.id, r.step, r.value))
    return sorted(
        seen
        for (rule, g), rows in parted.items()
        for seen in expected(specs[rule], g, beyond_the_gate(specs[rule], rows))
    )


# --- the windows, and a sink that keeps what they say -------------------------------------------


def seen(episode: Episode) -> Seen:
    return Seen(
        episode.key.rule,
        episode.key.group[0],
        episode.first,
        episode.last,
        episode.fired.timestamp(),
        tuple((m.time, m.event_id, m.step, m.value) for m in episode.members),
        frozenset(t.customer for t in episode.touches),
    )


class Crash(Exception):
    """The machine stops."""


@dataclass
class Sink:
    """What a store keeps: positions apart, the rows of streams.ports.BatchSink, and the alerts that
    it reconciles with."""

    sole_owner: bool
    rng: random.Random
    low: float | None = None
    number: int = 0
    log_number: int = 0
    log: dict[int, bytes] = field(default_factory=dict)
    buckets: dict[GroupKey, dict[int, BucketRow]] = field(default_factory=dict)
    versions: dict[GroupKey, int] = field(default_factory=dict)
    live: dict[GroupKey, list[Seen]] = field(default_factory=dict)
    closed: list[Seen] = field(default_factory=list)
    position: int = 0
    crashes: float = 0.1

    def log_rows(self) -> list[LogRow]:
        return [LogRow(number, body) for number, body in sorted(self.log.items())]

    def commit(self, windows: WindowStore, signals: Signals, after: int) -> None:
        """Raises Crash before or after everything is written."""
        keys = windows.list_keys(signals)
        known = windows.get_versions(keys)
        updates = windows.apply(signals, [self.rows(key, known) for key in keys], self.low)
        if self.rng.random() < self.crashes:
            raise Crash
        self._write(updates)
        self.position = after
        if self.rng.random() < self.crashes:
            raise Crash
        windows.confirm_commit(
            CommitResult({k: self.versions.get(k, 0) for k in keys}, self._logged(updates))
        )

    def rows(self, key: GroupKey, known: Mapping[GroupKey, int]) -> GroupRows:
        version = self.versions.get(key, 0)
        true = key in known and (self.sole_owner or (version and known[key] == version))
        stored = self.buckets.get(key, {})
        return GroupRows(key, version, None if true else [stored[i] for i in sorted(stored)])

    def _write(self, updates: GroupUpdates) -> None:
        assert self.sole_owner or updates.log is None
        for key in updates.changed:
            self.number += 1
            self.versions[key] = self.number
        for state in updates.groups:
            self.live[state.key] = [seen(e) for e in state.episodes]
        for row in updates.buckets:
            self.buckets.setdefault(row.key, {})[row.bucket] = row
        self._write_log(updates.log, updates.log_first_needed)

    def _write_log(self, body: bytes | None, kept_from: int | None) -> None:
        if body is not None:
            self.log_number += 1
            self.log[self.log_number] = body
        if kept_from is not None:
            self.log = {n: body for n, body in self.log.items() if n >= kept_from}

    def _logged(self, updates: GroupUpdates) -> int | None:
        return None if updates.log is None else self.log_number

    def sweep(self, windows: WindowStore, low: float) -> None:
        """Raises Crash as `commit`."""
        self.low = max(low, self.low or low)
        due = [k for k, of in self.buckets.items() if min(r.due for r in of.values()) <= self.low]
        result = windows.sweep([self._swept_rows(key, windows) for key in due[:5]], self.low)
        if self.rng.random() < self.crashes:
            raise Crash
        for actual in result.evictions:
            self._close(actual)
        self._write_log(result.log, result.log_first_needed)
        for key in due[:5]:
            self.number += 1
            self.versions[key] = self.number
            for index, row in self.buckets.get(key, {}).items():
                self.buckets[key][index] = replace(row, due=max(row.due, self.low + 1))
        if self.rng.random() < self.crashes:
            raise Crash

    def _swept_rows(self, key: GroupKey, windows: WindowStore) -> GroupRows:
        whole = self.rows(key, {})
        if not self.sole_owner or key not in windows.in_memory:
            return whole
        low = self.low or 0.0
        return replace(whole, buckets=[row for row in whole.buckets or () if row.due <= low])

    def _close(self, evicted_interval: EvictedInterval) -> None:
        def reached(begin: float, timespan: int) -> bool:
            return begin + timespan > evicted_interval.begin and begin <= evicted_interval.end

        mine = self.live.get(evicted_interval.key, [])
        self.closed += [s for s in mine if reached(s.first * 60, 60)]
        self.live[evicted_interval.key] = [s for s in mine if not reached(s.first * 60, 60)]
        rows = self.buckets.get(evicted_interval.key, {})
        values_by_key = {i: r for i, r in rows.items() if not reached(i * r.timespan, r.timespan)}
        self.buckets[evicted_interval.key] = values_by_key
        if not values_by_key:
            del self.buckets[evicted_interval.key]

    def all(self) -> list[Seen]:
        return sorted([*self.closed, *(s for of in self.live.values() for s in of)])


Signals = dict[GroupKey, list[GuardedSignal]]


def accepted(batch: Sequence[Record], horizon: float) -> Signals:
    signals: Signals = {}
    for r in batch:
        if is_in_time(moment(r.time), moment(r.arrived), horizon, backfill=False):
            one = signal(r)
            signals.setdefault(one.key, []).append(GuardedSignal(one, guarded=True))
    return signals


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@dataclass
class WindowDriver:
    """Cuts records into batches, and crashes."""

    specs: dict[str, WindowSpec]
    rng: random.Random
    sole_owner: bool
    horizon: float = 300

    def windows(self, sink: Sink) -> WindowStore:
        """A new worker. Tiny bounds: groups leave memory and come back, the log is mostly full."""
        windows = WindowStore(
            self.specs,
            self.horizon,
            memory_bytes=self.rng.choice([0, 5_000, 40_000]),
            sole_owner=self.sole_owner,
            unwritten=UnwrittenBuckets(
                self.rng.choice([0, 1, 2, 4, 50]),
                self.rng.choice([5, 1_000]),
                at_once=self.rng.choice([0, 3, 500]),
                when_idle=self.rng.choice([1, 500]),
            ),
        )
        windows.restore(sink.log_rows())
        return windows

    def feed(self, records: list[Record], *, evict: bool) -> Sink:
        sink = Sink(self.sole_owner, self.rng)
        windows = self.windows(sink)
        while sink.position < len(records):
            try:
                self._step(sink, windows, records, evict=evict)
            except Crash:
                windows.clear()
                windows = self.windows(sink) if self.rng.random() < 0.5 else windows
                windows.restore(sink.log_rows())
        self._write_out(sink)
        return sink

    def _step(
        self, sink: Sink, windows: WindowStore, records: list[Record], *, evict: bool
    ) -> None:
        begin = sink.position
        end = min(len(records), begin + self.rng.choice([0, 1, 3, 40]))
        # What is let go is what was processed before: a batch may reach back to that.
        before = max((r.arrived for r in records[:begin]), default=0)
        if evict and begin and self.rng.random() < 0.4:
            sink.sweep(windows, before)
        sink.commit(windows, accepted(records[begin:end], self.horizon), end)

    def _write_out(self, sink: Sink) -> None:
        """An idle worker writes until nothing is left in the log."""
        windows = self.windows(sink)
        sink.crashes = 0.0
        while windows.unwritten:
            sink.commit(windows, {}, sink.position)
        assert sink.log == {}


def some_specs(rng: random.Random) -> dict[str, WindowSpec]:
    count, values = rng.randint(2, 6), rng.randint(2, 4)
    chosen = (
        spec("count", count, quiet=rng.choice([60, 90]), fires=enough(count), ends=True),
        spec("distinct", values, distinct=True, fires=different(values), ends=True),
        spec("gated", 0, fires=read_after_doubt, gate=GATE),
        spec("ordered", 0, fires=in_order("fail", "ok", "read")),
    )
    return {s.rule: s for s in chosen}


def some_records(rng: random.Random) -> list[Record]:
    long = rng.random() < 0.2
    records = []
    for i in range(rng.randint(30, 400)):
        time = rng.randint(0, 3 * DAY if long else 4000) // rng.choice([1, 10])
        time = time * (30 if long and rng.random() < 0.5 else 1) + 1000
        records.append(
            Record(
                arrived=time + rng.choice([0, 5, 100, 299, 299, 400]),
                time=time,
                id=f"e{i}",
                rule=rng.choice(["count", "distinct", "ordered", "gated"]),
                step=rng.choice(["fail", "ok", "read"]),
                group=rng.choice("ab"),
                value=rng.choice("uvwxyz"),
            )
        )
    return records


OWNERS = pytest.mark.parametrize("sole_owner", [True, False], ids=["sole owner", "many owners"])


@OWNERS
@pytest.mark.parametrize("seed", range(12))
def test_any_order_doubling_batching_and_crash_make_the_same_episodes(
    seed: int, sole_owner: bool
) -> None:
    rng = random.Random(seed)
    records, specs = some_records(rng), some_specs(rng)
    want = oracle(records, specs, 300)

    for _ in range(3):
        shuffled = records + rng.sample(records, len(records) // 2)
        rng.shuffle(shuffled)
        assert WindowDriver(specs, rng, sole_owner).feed(shuffled, evict=False).all() == want


@OWNERS
@pytest.mark.parametrize("seed", range(12))
def test_letting_go_of_what_nothing_can_reach_changes_no_episode(
    seed: int, sole_owner: bool
) -> None:
    rng = random.Random(1000 + seed)
    records, specs = some_records(rng), some_specs(rng)
    want = oracle(records, specs, 300)

    for _ in range(3):
        in_order_of_arrival = sorted(records + rng.sample(records, len(records) // 2))
        sink = WindowDriver(specs, rng, sole_owner).feed(in_order_of_arrival, evict=True)

        assert sink.all() == want


@OWNERS
def test_something_is_let_go_in_these_runs_at_all(sole_owner: bool) -> None:
    closed = 0
    for seed in range(1000, 1012):
        rng = random.Random(seed)
        records, specs = some_records(rng), some_specs(rng)
        closed += bool(
            WindowDriver(specs, rng, sole_owner).feed(sorted(records), evict=True).closed
        )

    assert closed > 3


def test_the_oracle_agrees_with_the_reference_model() -> None:
    if not MODEL.exists():
        pytest.skip("the reference model is not part of this repository")
    loaded = importlib.util.spec_from_file_location("streaming_model", MODEL)
    assert loaded is not None
    assert loaded.loader is not None
    model = importlib.util.module_from_spec(loaded)
    loaded.loader.exec_module(model)
    rng = random.Random(3)
    for _ in range(10):
        records, specs = some_records(rng), some_specs(rng)
        corrs = {
            rule: model.Corr(rule, rule, s.keep, 60, s.quiet, 300, steps=("fail", "ok", "read"))
            for rule, s in specs.items()
            if s.gate is None
        }
        records = [r for r in records if r.rule in corrs]
        # the model retains across steps; with one step both say the same
        same = [r if r.rule == "ordered" else r._replace(step="") for r in records]
        theirs = sorted((k[0], k[1], *ep) for _, k, ep in model.oracle(same, corrs))
        ours = sorted(
            (s.rule, s.group, s.first, s.last, s.fired, s.evidence)
            for s in oracle(same, specs, 300)
        )

        assert ours == theirs
