"""The signal log, appended in sequence, and the buckets it is folded into: of the former engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from breachdesk.stores.batches import bucket_rows
from breachdesk.stores.batches.group_keys import key_of
from breachdesk.stores.stream_tables import signal_buckets, signal_log
from schemas.alert import GroupKey, Signal
from schemas.event import Position, Touch
from streams.ports import BucketRow, Eviction


def append(connection: Connection, partition: str, signals: Sequence[Signal]) -> None:
    """Sequential rows: a random-key index would cost four times as much at some million rows."""
    if signals:
        rows = [{"partition": partition, "body": _body(signal)} for signal in signals]
        connection.execute(insert(signal_log), rows)


def tail(connection: Connection) -> Sequence[Signal]:
    """Signals not folded yet, in log order."""
    return [signal for _, signal in _logged(connection)]


def buckets(connection: Connection) -> Sequence[BucketRow]:
    """Every folded bucket."""
    rows = connection.execute(
        select(signal_buckets).order_by(signal_buckets.c.key_hash, signal_buckets.c.bucket)
    )
    return [
        BucketRow(key_of(row.key), row.bucket, bytes(row.payload), row.timespan) for row in rows
    ]


def fold(connection: Connection, partition: str, rows: Sequence[BucketRow]) -> None:
    """Replace the buckets and drop what they now hold from the log."""
    del partition
    bucket_rows.write(connection, bucket_rows.prepare(rows))
    folded = {(row.key, row.bucket) for row in rows}
    spans = {row.key: row.timespan for row in rows if row.timespan}
    gone = {
        number
        for number, signal in _logged(connection)
        if signal.key in spans and (signal.key, int(signal.time // spans[signal.key])) in folded
    }
    _drop_logged(connection, gone)


def evict(connection: Connection, evictions: Sequence[Eviction]) -> None:
    """Drop signals that nothing in time can reach any more, folded or not."""
    if not evictions:
        return
    spans: dict[GroupKey, list[Eviction]] = {}
    for eviction in evictions:
        spans.setdefault(eviction.key, []).append(eviction)
    gone = {
        number
        for number, signal in _logged(connection)
        if any(e.begin <= signal.time <= e.end for e in spans.get(signal.key, ()))
    }
    _drop_logged(connection, gone)
    bucket_rows.drop(connection, evictions)


def _drop_logged(connection: Connection, numbers: set[int]) -> None:
    if numbers:
        gone = [{"i": number} for number in numbers]
        connection.execute(delete(signal_log).where(signal_log.c.id == bindparam("i")), gone)


def _body(signal: Signal) -> bytes:
    """One signal in the layout of a batch's log row."""
    row = (
        0, signal.time, signal.event_id, signal.step, signal.value, 0, signal.position.offset,
        signal.sha256, signal.source, 0, signal.unattributed, 0,
    )  # fmt: skip
    key = signal.key
    return orjson.dumps(
        {
            "k": [(key.rule, key.organization, key.group)],
            "t": [[(t.customer, t.asset, t.category) for t in signal.touches]],
            "j": [signal.position.journal],
            "m": [dict(signal.summary)],
            "s": [row],
        },
        default=str,
    )


def _logged(connection: Connection) -> Iterator[tuple[int, Signal]]:
    for row in connection.execute(select(signal_log).order_by(signal_log.c.id)).all():
        body = orjson.loads(row.body)
        for parts in body["s"]:
            yield row.id, _signal(body, parts)


def _signal(body: dict[str, Any], parts: Sequence[Any]) -> Signal:
    k, time, event_id, step, value, j, offset, sha256, source, t, unattributed, m = parts
    rule, organization, group = body["k"][k]
    return Signal(
        key=GroupKey(rule, organization, tuple(group)),
        time=time,
        event_id=event_id,
        step=step,
        value=value,
        position=Position(body["j"][j], offset),
        sha256=sha256,
        source=source,
        touches=tuple(Touch(*touch) for touch in body["t"][t]),
        unattributed=unattributed,
        summary=body["m"][m],
    )
