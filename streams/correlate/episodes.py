"""Hot buckets and episodes: a pure function of what a group retained.

A bucket is hot when at some signal t in it the window [t − T, t] (both ends inclusive, sub-second)
satisfies the condition. A run of hot buckets with gaps ≤ Q is an episode; a run longer than a day
is cut at UTC midnights. One episode is one alert.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.alert import Episode, GroupKey, Severity
from schemas.event import Touch
from schemas.plugin import Member
from streams.correlate.buckets import LOUD_CAP, Bucket, Kept

DAY = 86_400
EDGE = float("inf")


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
    fires: Callable[[Sequence[Member]], bool]
    """Monotone: adding members never un-fires it."""
    graver: Callable[[Sequence[Member]], str | None] = lambda _members: None
    explain: Callable[[Sequence[Member]], str] = lambda _members: ""

    @property
    def reach(self) -> int:
        """Seconds within which two signals can bear on one another: Q + 2T."""
        return self.quiet + 2 * self.timespan

    def bucket(self, time: float) -> int:
        return int(time // self.timespan)


def first_hot(spec: WindowSpec, rows: Sequence[Kept], bucket: int) -> float | None:
    """Time of the first signal of the bucket at which the window satisfies the condition.

    `rows`: the sorted signals of this bucket and the one before. Instead of asking at every signal,
    the end of a window that may only grow is searched by halves, which monotony permits: a hot
    group costs log, not its square.
    """
    times = [row.time for row in rows]
    members = [Member(*row[:4]) for row in rows]
    index = bisect_left(times, bucket * spec.timespan)
    while index < len(rows):
        low = bisect_left(times, times[index] - spec.timespan)
        found = _smallest_end(spec, members, times, low, index)
        if found is None or times[found] == times[index]:
            return None if found is None else times[index]
        index = found
    return None


def _smallest_end(
    spec: WindowSpec, members: Sequence[Member], times: Sequence[float], low: int, start: int
) -> int | None:
    """Smallest j ≥ start whose members[low..j], with all that share j's time, fire."""
    if not spec.fires(members[low:]):
        return None
    left, right = start, len(members) - 1
    while left < right:
        middle = (left + right) // 2
        if spec.fires(members[low : bisect_right(times, times[middle])]):
            right = middle
        else:
            left = middle + 1
    return bisect_left(times, times[left], start)


def runs(spec: WindowSpec, hot: Sequence[int]) -> list[list[int]]:
    """Sorted hot buckets → episodes as lists of their buckets."""
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


def episode(
    spec: WindowSpec,
    key: GroupKey,
    buckets: Mapping[int, Bucket],
    span: tuple[int, int],
    fired: float,
) -> Episode:
    """One run of hot buckets (first, last) as the alert that it is."""
    first, last = span
    inside = [buckets[b] for b in sorted(b for b in buckets if first - 1 <= b <= last)]
    begin = (fired - spec.timespan,)
    rows = [row for bucket in inside for row in bucket.rows[bisect_left(bucket.rows, begin) :]]
    members = [Member(*row[:4]) for row in rows]
    touches, unattributed = _reached(buckets, first, last, rows)
    return Episode(
        key=key,
        title=spec.title,
        first=first,
        last=last,
        timespan=spec.timespan,
        fired=datetime.fromtimestamp(fired, UTC),
        severity=_severity(spec, members),
        members=tuple(row.signal for row in rows),
        touches=touches,
        unattributed=unattributed,
        explanation=_explain(spec, members, thinned=any(b.thinned for b in inside)),
    )


def _reached(
    buckets: Mapping[int, Bucket], first: int, last: int, rows: Sequence[Kept]
) -> tuple[frozenset[Touch], frozenset[str]]:
    """Touches of the run's own buckets, dropped signals' too. Of the bucket before it only the
    members count, unless some of its signals were dropped: then all, so that none is missed."""
    touches = {touch for row in rows for touch in row.signal.touches}
    unattributed = {row.signal.unattributed for row in rows if row.signal.unattributed}
    for index, bucket in buckets.items():
        if first <= index <= last or (index == first - 1 and bucket.thinned):
            touches |= bucket.touches
            unattributed |= bucket.unattributed
    return frozenset(touches), frozenset(unattributed)


def _severity(spec: WindowSpec, members: Sequence[Member]) -> Severity:
    graver = spec.graver(members)
    if graver is None:
        return spec.severity
    return max(spec.severity, Severity(graver), key=lambda severity: severity.rank)


def _explain(spec: WindowSpec, members: Sequence[Member], *, thinned: bool) -> str:
    text = spec.explain(members)
    if not thinned:
        return text
    sample = spec.keep or LOUD_CAP
    return (
        f"{text} Sample only: of every {spec.timespan} seconds at most the {sample} first and"
        f" {sample} last {'values' if spec.distinct else 'signals'} of each step are shown here;"
        " the counts are at least these."
    ).strip()
