"""Compute hot buckets and episodes: a pure function of what a group retained.

A bucket is hot when at some signal t in it the window [t − T, t] (both ends inclusive, sub-second)
satisfies the condition. A run of hot buckets with gaps ≤ Q is an episode; a run longer than a day
is cut at UTC midnights. One episode is one alert."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from schemas.pipeline.alert import Episode, GroupKey, Severity, Signal
from schemas.pipeline.event import AssetTouch
from schemas.pipeline.plugin import DetectorSignal, ValueGate
from streams.correlate.acts import select_fullest
from streams.correlate.buckets import Bucket
from streams.correlate.retention import MOST_VALUES, RetentionPolicy
from streams.correlate.witnesses import SLOTS

DAY = 86_400


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """One correlation: what is kept, when it fires, how it is told."""

    rule: str
    title: str
    severity: Severity
    timespan: int
    """T, seconds."""
    quiet: int
    """Q, seconds."""
    keep: int
    distinct: bool
    fires: Callable[[Sequence[DetectorSignal]], bool]
    """Monotone: adding members never un-fires it."""
    graver: Callable[[Sequence[DetectorSignal]], str | None] = lambda _members: None
    explain: Callable[[Sequence[DetectorSignal]], str] = lambda _members: ""
    gate: ValueGate | None = None
    counted: Callable[[str], str] | None = None
    least: int = 1
    """No fewer members than this fire, unless some tell of several attempts."""
    ends: bool = False
    """The verdict needs no more than the first and last `keep` signals (or values) of a bucket:
    what is dropped between them changes no verdict."""
    sees_retellings: bool = False
    """The conditions count acts themselves (Detector.sees_retellings)."""
    retention: RetentionPolicy = field(init=False)
    reach: int = field(init=False)
    """Seconds within which two signals can bear on one another: Q + 2T."""

    def __post_init__(self) -> None:
        retention = RetentionPolicy(self.keep, self.timespan, self.distinct, self.counted)
        if self.gate is not None:
            retention = replace(
                retention, by_value=self.gate.steps, openings=self.gate.all_openings
            )
        object.__setattr__(self, "retention", retention)
        object.__setattr__(self, "reach", self.quiet + 2 * self.timespan)

    def get_bucket(self, time: float) -> int:
        return int(time // self.timespan)

    def choose_condition(self, *, retold: bool) -> Callable[[Sequence[DetectorSignal]], bool]:
        """Return the condition for members with retellings among them, or without."""
        if not retold or self.sees_retellings:
            return self.fires
        fires = self.fires
        return lambda members: fires(select_fullest(members))


def _get_time(member: DetectorSignal) -> float:
    return member.time


def find_first_hot(
    spec: WindowSpec,
    before: Sequence[DetectorSignal],
    rows: Sequence[DetectorSignal],
    *,
    retold: bool = False,
    heavy: bool = False,
) -> float | None:
    """Time of the first signal of the bucket at which the window satisfies the condition.

    `before`, `rows`: the sorted signals of the bucket before and of this one; `retold`: there may
    be retellings among them, `heavy`: rows of several attempts. Instead of asking at every signal, the end of a window that may only
    grow is searched by halves, which monotony permits: a hot group costs log, not its square.
    """
    index = len(before)
    members = [*before, *rows] if before else rows
    if len(members) < spec.least and not heavy:
        return None
    fires = spec.choose_condition(retold=retold)
    while index < len(members):
        time = members[index].time
        low = bisect_left(members, (time - spec.timespan,), 0, index)
        end = _find_smallest_end(fires, members, low, index)
        if end is None or members[end].time == time:
            return None if end is None else time
        index = end
    return None


def _find_smallest_end(
    fires: Callable[[Sequence[DetectorSignal]], bool],
    members: Sequence[DetectorSignal],
    low: int,
    start: int,
) -> int | None:
    """Find the smallest j ≥ start for which members[low..j], with all members at j's time, fire."""
    if not fires(members[low:]):
        return None
    first, last = start, len(members) - 1
    while first < last:
        middle = (first + last) // 2
        if fires(members[low : bisect_right(members, members[middle].time, key=_get_time)]):
            last = middle
        else:
            first = middle + 1
    return bisect_left(members, (members[first].time,), start)


def list_runs(spec: WindowSpec, hot: Sequence[int]) -> list[list[int]]:
    """Split sorted hot buckets into episodes, each a list of its buckets."""
    joined: list[list[int]] = []
    for bucket in hot:
        if joined and (bucket - joined[-1][-1] - 1) * spec.timespan <= spec.quiet:
            joined[-1].append(bucket)
        else:
            joined.append([bucket])
    return [part for run in joined for part in _cut(spec.timespan, run)]


def _cut(timespan: int, run: list[int]) -> list[list[int]]:
    if (run[-1] - run[0]) * timespan <= DAY:
        return [run]
    days: dict[int, list[int]] = {}
    for bucket in run:
        days.setdefault(bucket * timespan // DAY, []).append(bucket)
    return list(days.values())


def build_episode(
    spec: WindowSpec,
    key: GroupKey,
    buckets: Mapping[int, Bucket],
    span: tuple[int, int],
    fired: float,
) -> Episode:
    """Build the episode of one run of hot buckets (first, last)."""
    first, last = span
    inside = [buckets[b] for b in sorted(b for b in buckets if first - 1 <= b <= last)]
    begin = (fired - spec.timespan,)
    members = [row for bucket in inside for row in bucket.rows[bisect_left(bucket.rows, begin) :]]
    touches, unattributed = _collect_reached(buckets, first, last, members)
    acts = select_fullest(members) if any(bucket.retold for bucket in inside) else members
    return Episode(
        key=key,
        title=spec.title,
        first=first,
        last=last,
        timespan=spec.timespan,
        fired=datetime.fromtimestamp(fired, UTC),
        severity=_compute_severity(spec, members if spec.sees_retellings else acts),
        members=tuple([row.evidence for row in acts]),
        touches=touches,
        unattributed=unattributed,
        explanation=_explain(spec, acts, thinned=any(b.thinned for b in inside)),
    )


def _collect_reached(
    buckets: Mapping[int, Bucket], first: int, last: int, rows: Sequence[DetectorSignal]
) -> tuple[frozenset[AssetTouch], frozenset[str]]:
    """Touches of the run's own buckets, dropped signals' too. Of the bucket before it only the
    members count, unless some of its signals were dropped: then all, so that none is missed."""
    signals: list[Signal] = [row.evidence for row in rows]
    touches = {touch for signal in signals for touch in signal.touches}
    unattributed = {signal.unattributed for signal in signals if signal.unattributed}
    for index, bucket in buckets.items():
        if first <= index <= last or (index == first - 1 and bucket.thinned):
            touches |= bucket.touches
            unattributed |= bucket.unattributed
    return frozenset(touches), frozenset(unattributed)


def _compute_severity(spec: WindowSpec, members: Sequence[DetectorSignal]) -> Severity:
    graver = spec.graver(members)
    if graver is None:
        return spec.severity
    return max(spec.severity, Severity(graver), key=lambda severity: severity.rank)


def _explain(spec: WindowSpec, members: Sequence[DetectorSignal], *, thinned: bool) -> str:
    text = spec.explain(members)
    if not thinned:
        return text
    return f"{text} {_describe_sample(spec)}".strip()


def _describe_sample(spec: WindowSpec) -> str:
    """Describe what is shown of more events than are kept, and what is not known of the others."""
    bound = spec.retention.bound
    what = "values" if spec.distinct else "signals"
    sentence = (
        f"Sample only: of every {spec.timespan} seconds at most the {bound} first and {bound} last"
        f" {what} of each step are shown here; the counts are at least these."
    )
    if spec.keep:
        return sentence
    if spec.gate is not None:
        return f"{sentence} Values share this number; the {MOST_VALUES} first and {MOST_VALUES} last have one."
    return (
        f"{sentence} Between them the order of events is known to {spec.timespan / SLOTS:g} seconds, so that"
        " an attack quicker than that may hide among so many events."
    )
