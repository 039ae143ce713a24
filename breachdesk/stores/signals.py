"""The signal log, appended in sequence, and the buckets it is folded into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Float, and_, bindparam, delete, insert, select
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.batches.group_keys import key_hash, key_of, key_parts
from breachdesk.stores.stream_tables import signal_buckets, signal_log
from schemas.alert import GroupKey, Signal
from schemas.event import Position, Touch
from streams.ports import BucketRow, Eviction


def append(connection: Connection, partition: str, signals: Sequence[Signal]) -> None:
    """Sequential rows: a random-key index would cost four times as much at some million rows."""
    if signals:
        hashes: dict[GroupKey, str] = {}
        rows = [_log_row(partition, signal, hashes) for signal in signals]
        connection.execute(insert(signal_log), rows)


def tail(connection: Connection) -> Sequence[Signal]:
    """Signals not folded yet, in log order."""
    return [
        _signal(row) for row in connection.execute(select(signal_log).order_by(signal_log.c.id))
    ]


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
    if not rows:
        return
    addresses = [{"k": key_hash(row.key), "b": row.bucket} for row in rows]
    _drop_buckets(connection, addresses)
    connection.execute(insert(signal_buckets), [_bucket_row(row) for row in rows])
    _drop_folded(connection, partition, rows)


def evict(connection: Connection, evictions: Sequence[Eviction]) -> None:
    """Drop signals that nothing in time can reach any more, folded or not."""
    if not evictions:
        return
    spans: dict[str, list[Eviction]] = {}
    for eviction in evictions:
        spans.setdefault(key_hash(eviction.key), []).append(eviction)
    log = connection.execute(select(signal_log.c.id, signal_log.c.key_hash, signal_log.c.time))
    _drop_logged(
        connection,
        [
            row.id
            for row in log
            if any(e.begin <= row.time <= e.end for e in spans.get(row.key_hash, ()))
        ],
    )
    connection.execute(
        _DROP_SPAN,
        [{"k": k, "begin": e.begin, "end": e.end} for k, those in spans.items() for e in those],
    )


_DROP_SPAN = delete(signal_buckets).where(
    signal_buckets.c.key_hash == bindparam("k"),
    (signal_buckets.c.bucket + 1) * signal_buckets.c.timespan > bindparam("begin", type_=Float),
    signal_buckets.c.bucket * signal_buckets.c.timespan <= bindparam("end", type_=Float),
)


def _drop_logged(connection: Connection, ids: Sequence[int]) -> None:
    if ids:
        gone = [{"i": each} for each in ids]
        connection.execute(delete(signal_log).where(signal_log.c.id == bindparam("i")), gone)


def _drop_buckets(connection: Connection, addresses: list[dict[str, Any]]) -> None:

    connection.execute(
        delete(signal_buckets).where(
            and_(
                signal_buckets.c.key_hash == bindparam("k"),
                signal_buckets.c.bucket == bindparam("b"),
            )
        ),
        addresses,
    )


def _drop_folded(connection: Connection, partition: str, rows: Sequence[BucketRow]) -> None:
    """One pass over the log, which has no index but its sequence: what stands in a bucket of
    this fold goes."""
    folded = {(key_hash(row.key), row.bucket) for row in rows}
    spans = {key_hash(row.key): row.timespan for row in rows if row.timespan}
    log = connection.execute(
        select(signal_log.c.id, signal_log.c.key_hash, signal_log.c.time).where(
            signal_log.c.partition == partition
        )
    )
    _drop_logged(
        connection,
        [
            row.id
            for row in log
            if row.key_hash in spans
            and (row.key_hash, int(row.time // spans[row.key_hash])) in folded
        ],
    )


def _log_row(partition: str, signal: Signal, hashes: dict[GroupKey, str]) -> dict[str, Any]:
    hashed = hashes.get(signal.key)
    if hashed is None:
        hashed = hashes[signal.key] = key_hash(signal.key)
    return {
        "partition": partition,
        "key_hash": hashed,
        "key": key_parts(signal.key),
        "time": signal.time,
        "event_id": signal.event_id,
        "step": signal.step,
        "value": signal.value,
        "journal": signal.position.journal,
        "offset": signal.position.offset,
        "sha256": signal.sha256,
        "source": signal.source,
        "body": [
            [[t.customer, t.asset, t.category] for t in signal.touches],
            signal.unattributed,
            dict(signal.summary),
        ],
    }


def _signal(row: Row[Any]) -> Signal:
    touches, unattributed, summary = row.body
    return Signal(
        key=key_of(row.key),
        time=row.time,
        event_id=row.event_id,
        step=row.step,
        value=row.value,
        position=Position(row.journal, row.offset),
        sha256=row.sha256,
        source=row.source,
        touches=tuple(Touch(*touch) for touch in touches),
        unattributed=unattributed,
        summary=summary,
    )


def _bucket_row(row: BucketRow) -> dict[str, Any]:
    return {
        "key_hash": key_hash(row.key),
        "bucket": row.bucket,
        "timespan": row.timespan,
        "key": key_parts(row.key),
        "payload": row.payload,
    }
