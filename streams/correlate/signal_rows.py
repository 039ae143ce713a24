"""Encode signals for a bucket row and a row of the signal log.

Both are JSON, in columns: what signals share (keys, journals, touches, summaries) is stored once
and referred to by its number.

A log row: `{"k": keys, "t": touches, "j": journals, "m": summaries, "s": rows, "w": widenings, "g":
gone}`, a row `[key#, time, event, step, value, journal#, offset, sha256, source, touches#,
unattributed, summary#]` (of a signal with a session `…, session, is_retelling]`, of several attempts `…, session, is_retelling, attempts]`), a widening `[key#, bucket, touches#, [unattributed…], thinned]`. Gone is
`[key#, first bucket, last bucket]`: a sweep evicted what the rows before this one hold of these
buckets. A key is `[rule, organization, [group…], timespan]`. Rows of the version before this one
have no `w` and no timespan.

A bucket: `[2, touches, unattributed, thinned, journals, rows]`, a row `[time, event, step, value,
journal#, offset, sha256, source, [touch#…], unattributed, summary]` (of a signal with a session
`…, session, is_retelling]`, of several attempts `…, attempts]`). The version before this one
wrote `{"t": …, "u": …, "x": …, "s": …}` with the journal's name in each row."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from schemas.pipeline.alert import GroupKey, Signal
from schemas.pipeline.event import AssetTouch, RecordPosition
from schemas.pipeline.plugin import DetectorSignal
from streams.correlate.buckets import Bucket, BucketSummary, to_member
from streams.correlate.gates import get_alert_key
from streams.correlate.memory_sizes import estimate_row, estimate_touches

BUCKET_VERSION = 2
SHORT_ROW = 11
"""Parts of a bucket's row without a session and with one attempt."""


class LoggedGroup(NamedTuple):
    """Signals of one group in a log row, and what its buckets know beyond them."""

    key: GroupKey
    timespan: int | None
    """Of the rule when it was written; None: a row of the former version."""
    rows: list[DetectorSignal]
    widenings: list[tuple[int, BucketSummary]]
    gone: Sequence[tuple[int, int]] = ()
    """First and last bucket of what was let go of: what earlier rows hold of these is no more."""


@contextmanager
def pause_collector() -> Iterator[None]:
    """Make many objects that stay, without the collector walking over them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def dump_bucket(bucket: Bucket) -> bytes:
    """Encode the bucket compactly, without its key."""
    touches = sorted(bucket.touches) if len(bucket.touches) > 1 else list(bucket.touches)
    number = {touch: index for index, touch in enumerate(touches)}
    journals: dict[str, int] = {}
    rows = []
    for row in bucket.rows:
        signal: Signal = row.evidence
        parts: tuple[Any, ...] = (
            row.time,
            row.id,
            row.step,
            row.value,
            journals.setdefault(signal.position.journal, len(journals)),
            signal.position.offset,
            signal.sha256,
            signal.source,
            [number[touch] for touch in signal.touches],
            signal.unattributed,
            _to_plain_mapping(signal.summary),
        )
        plain = row.session is None and row.attempts == 1
        rows.append(parts if plain else parts + _list_rare_parts(row))
    return orjson.dumps(
        (
            BUCKET_VERSION,
            [(t.customer, t.asset, t.category) for t in touches],
            sorted(bucket.unattributed),
            bucket.thinned,
            list(journals),
            rows,
        ),
        default=_to_text,
    )


def load_bucket(key: GroupKey, payload: bytes) -> Bucket:
    """Load the bucket that `dump_bucket` of this version or the one before wrote."""
    document: Any = orjson.loads(payload)
    journals: Sequence[str] | None = None
    if isinstance(document, dict):
        touched, unattributed, thinned = document["t"], document["u"], document["x"]
        rows = document["s"]
    else:
        touched, unattributed, thinned, journals, rows = document[1:6]
    touches = [AssetTouch(*each) for each in touched]
    bucket = Bucket()
    bucket.touches = frozenset(touches)
    bucket.unattributed = frozenset(unattributed)
    bucket.thinned = thinned
    own = get_alert_key(key)
    bucket.rows = [_build_member(own, row, touches, journals) for row in rows]
    bucket.size = sum(map(estimate_row, bucket.rows))
    if touches:
        bucket.size += estimate_touches(bucket.touches)
    bucket.retold = any(row.is_retelling for row in bucket.rows)
    bucket.heavy = any(row.attempts > 1 for row in bucket.rows)
    return bucket


def _build_member(
    key: GroupKey, row: Sequence[Any], touches: Sequence[AssetTouch], journals: Sequence[str] | None
) -> DetectorSignal:
    time, event, step, value, journal, offset, sha256, source, touched, unattributed, summary = row[
        :SHORT_ROW
    ]
    position = RecordPosition(journal if journals is None else journals[journal], offset)
    own = tuple([touches[index] for index in touched])
    evidence = Signal(
        key,
        time,
        event,
        step,
        value,
        position,
        sha256,
        source,
        own,
        unattributed,
        summary,
        *row[SHORT_ROW:],
    )
    return to_member(evidence)


def dump_log(groups: Iterable[LoggedGroup]) -> bytes:
    """Encode one log row."""
    keys: list[Any] = []
    rows: list[Any] = []
    widenings: list[Any] = []
    shared = _SharedParts()
    gone: list[Any] = []
    for number, (key, timespan, members, widened, let_go) in enumerate(groups):
        keys.append((key.rule, key.organization, key.group, timespan))
        gone += [(number, first, last) for first, last in let_go]
        rows += [shared.build_row(number, row) for row in members]
        widenings += [
            (
                number,
                bucket,
                shared.number_touches(tuple(sorted(touches))),
                sorted(unnamed),
                thinned,
            )
            for bucket, (touches, unnamed, thinned) in widened
        ]
    document = {
        "k": keys,
        "t": shared.touch_rows,
        "j": list(shared.journals),
        "m": shared.summaries,
        "s": rows,
        "w": widenings,
        "g": gone,
    }
    return orjson.dumps(document, default=_to_text)


class _SharedParts:
    """What the rows of one log row share, by number. Objects are told apart by identity first: the
    signals of one event share theirs."""

    def __init__(self) -> None:
        self.touch_rows: list[Any] = []
        self.journals: dict[str, int] = {}
        self.summaries: list[Mapping[str, Any]] = []
        self._by_id: dict[int, int] = {}
        self._by_touches: dict[tuple[AssetTouch, ...], int] = {}
        self._alive: list[object] = []
        """An id is taken again once its object is gone."""

    def build_row(self, number: int, member: DetectorSignal) -> tuple[Any, ...]:
        """Build the row of a signal that refers to its key by that number."""
        signal: Signal = member.evidence
        journal, offset = signal.position
        parts = (
            number,
            member.time,
            member.id,
            member.step,
            member.value,
            self.journals.setdefault(journal, len(self.journals)),
            offset,
            signal.sha256,
            signal.source,
            self.number_touches(signal.touches),
            signal.unattributed,
            self._number_summary(signal.summary),
        )
        plain = member.session is None and member.attempts == 1
        return parts if plain else parts + _list_rare_parts(member)

    def number_touches(self, touches: tuple[AssetTouch, ...]) -> int:
        """Return the number of this tuple, and assign one if it is new."""
        known = self._by_id.get(id(touches))
        if known is None:
            known = self._by_touches.setdefault(touches, len(self.touch_rows))
            if known == len(self.touch_rows):
                self.touch_rows.append([(t.customer, t.asset, t.category) for t in touches])
            self._remember(touches, known)
        return known

    def _number_summary(self, summary: Mapping[str, Any]) -> int:
        known = self._by_id.get(id(summary))
        if known is None:
            known = len(self.summaries)
            self.summaries.append(_to_plain_mapping(summary))
            self._remember(summary, known)
        return known

    def _remember(self, shared: object, number: int) -> None:
        self._by_id[id(shared)] = number
        self._alive.append(shared)


def load_log(body: bytes) -> list[LoggedGroup]:
    """Load the groups of one log row."""
    document = orjson.loads(body)
    touches = [tuple(AssetTouch(*each) for each in of) for of in document["t"]]
    journals, summaries = document["j"], document["m"]
    groups = [_build_logged_group(parts) for parts in document["k"]]
    own = [get_alert_key(group.key) for group in groups]
    for (
        number,
        time,
        event,
        step,
        value,
        journal,
        offset,
        sha,
        source,
        touches_number,
        named,
        summary,
        *session,
    ) in document["s"]:
        evidence = Signal(
            own[number],
            time,
            event,
            step,
            value,
            RecordPosition(journals[journal], offset),
            sha,
            source,
            touches[touches_number],
            named,
            summaries[summary],
            *session,
        )
        groups[number].rows.append(to_member(evidence))
    for number, bucket, touches_number, unattributed, thinned in document.get("w", ()):
        widening = BucketSummary(
            frozenset(touches[touches_number]), frozenset(unattributed), thinned
        )
        groups[number].widenings.append((bucket, widening))
    let_go: dict[int, list[tuple[int, int]]] = {}
    for number, first, last in document.get("g", ()):
        let_go.setdefault(number, []).append((first, last))
    for number, spans in let_go.items():
        groups[number] = groups[number]._replace(gone=spans)
    return groups


def remove_evicted(
    logged: LoggedGroup, timespan: int, spans: Sequence[tuple[int, int]]
) -> LoggedGroup:
    """Return the rest of an earlier row after these spans of buckets, `timespan` seconds each, were
    evicted."""
    own = logged.timespan or timespan
    times = [(first * timespan, (last + 1) * timespan) for first, last in spans]
    return logged._replace(
        rows=[row for row in logged.rows if not any(a <= row.time < b for a, b in times)],
        widenings=[
            (index, widening)
            for index, widening in logged.widenings
            if not any(a <= index * own and (index + 1) * own <= b for a, b in times)
        ],
    )


def _build_logged_group(parts: Sequence[Any]) -> LoggedGroup:
    rule, organization, group = parts[:3]
    timespan = parts[3] if len(parts) > 3 else None
    return LoggedGroup(GroupKey(rule, organization, tuple(group)), timespan, [], [])


def _list_rare_parts(row: DetectorSignal) -> tuple[Any, ...]:
    """List what few signals have: a session, several attempts."""
    if row.attempts > 1:
        return row.session, row.is_retelling, row.attempts
    return () if row.session is None else (row.session, row.is_retelling)


def _to_plain_mapping(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    return summary if type(summary) is dict else dict(summary)


def _to_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
