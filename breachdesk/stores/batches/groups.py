"""Groups that many workers write: locked in sorted order, then read, then written.

Two workers that each insert a signal and count what they see would each count nine of ten, and the
rule would never fire: so nobody reads a group before its row is locked, and under READ COMMITTED
whoever waited reads what the other committed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, select, text, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.batches.group_keys import key_hash, key_of, key_parts
from breachdesk.stores.many_rows import among, insert_or_ignore_many, insert_or_replace_many
from breachdesk.stores.signals import evict
from breachdesk.stores.stream_tables import signal_buckets, signal_groups
from schemas.alert import GroupKey
from streams.ports import BucketRow, GroupRows, GroupUpdates, SweepResult

AT_ONCE = 0.0
"""`due` of a group that holds nothing yet: the next sweep removes it if nothing ever comes."""

Locked = Mapping[GroupKey, Row[Any]]
"""By key, in the order of their hashes: (key_hash, version, due)."""

_RENEW = (
    update(signal_groups)
    .where(signal_groups.c.key_hash == bindparam("k"))
    .values(version=bindparam("v"), due=bindparam("d"))
)
_RENEW_MANY = text(
    "UPDATE signal_groups SET version = n.v, due = n.d"
    " FROM json_to_recordset(CAST(:rows AS json)) AS n(k text, v bigint, d float8)"
    " WHERE key_hash = n.k"
)


def lock(connection: Connection, keys: Sequence[GroupKey]) -> Locked:
    """Lock these groups' rows, making those that are missing; sorted by hash, so that two workers
    never wait for each other in a circle."""
    by_hash = dict(sorted((key_hash(key), key) for key in keys))
    found: dict[str, Row[Any]] = {}
    while missing := [hashed for hashed in by_hash if hashed not in found]:
        # A sweep may remove a row between our insert and our lock: then once more.
        new = [{"key_hash": hashed, "version": 0, "due": AT_ONCE} for hashed in missing]
        insert_or_ignore_many(connection, signal_groups, new)
        found.update(_locked(connection, missing))
    return {key: found[hashed] for hashed, key in by_hash.items()}


def lock_due(connection: Connection, low: float, limit: int) -> Locked:
    """Lock some groups whose time to be looked at has come."""
    query = select(signal_groups.c.key_hash).where(signal_groups.c.due <= low).limit(limit)
    hashes = sorted(connection.execute(query).scalars())
    locked = _locked(connection, hashes)
    still = {hashed: row for hashed, row in locked.items() if row.due <= low}
    keys = _keys(connection, list(still))
    empty = [hashed for hashed in still if hashed not in keys]
    _remove(connection, empty)
    return {keys[hashed]: row for hashed, row in still.items() if hashed in keys}


def rows(
    connection: Connection, locked: Locked, known: Mapping[GroupKey, int]
) -> Sequence[GroupRows]:
    """The locked groups, read after the lock; nothing is read of those the caller knows."""
    fresh = [key for key, row in locked.items() if not row.version or known.get(key) != row.version]
    buckets: dict[GroupKey, list[BucketRow]] = {key: [] for key in fresh}
    for row in _buckets(connection, [locked[key].key_hash for key in fresh if locked[key].version]):
        key = key_of(row.key)
        buckets[key].append(BucketRow(key, row.bucket, bytes(row.payload), row.timespan))
    return [GroupRows(key, row.version, buckets.get(key)) for key, row in locked.items()]


def write(connection: Connection, locked: Locked, settled: GroupUpdates) -> Mapping[GroupKey, int]:
    """Write what changed; every locked group's version afterwards."""
    versions = {key: row.version for key, row in locked.items()}
    versions.update({state.key: secrets.randbits(62) + 1 for state in settled.groups})
    renewed = [
        {
            "k": locked[state.key].key_hash,
            "v": versions[state.key],
            "d": locked[state.key].due or settled.due[state.key],
        }
        for state in settled.groups
    ]
    _renew(connection, renewed)
    _write_buckets(connection, settled.buckets)
    return versions


def let_go(connection: Connection, locked: Locked, swept: SweepResult) -> None:
    """Drop what was evicted; groups with nothing left go, the others are looked at later."""
    evict(connection, swept.evictions)
    kept = [
        {"k": locked[key].key_hash, "v": secrets.randbits(62) + 1, "d": due}
        for key, due in swept.due.items()
    ]
    _renew(connection, kept)
    _remove(connection, [row.key_hash for key, row in locked.items() if key not in swept.due])


def _renew(connection: Connection, renewed: Sequence[Mapping[str, Any]]) -> None:
    """Rows that are locked already."""
    if renewed and connection.dialect.name == "postgresql":
        connection.execute(_RENEW_MANY, {"rows": orjson.dumps(list(renewed)).decode()})
    elif renewed:
        connection.execute(_RENEW, renewed)


def _locked(connection: Connection, hashes: Sequence[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    for part in among(connection, signal_groups.c.key_hash, hashes):
        query = (
            select(signal_groups).where(part).order_by(signal_groups.c.key_hash).with_for_update()
        )
        found.update({row.key_hash: row for row in connection.execute(query)})
    return found


def _keys(connection: Connection, hashes: Sequence[str]) -> dict[str, GroupKey]:
    columns = (signal_buckets.c.key_hash, signal_buckets.c.key)
    found: dict[str, GroupKey] = {}
    for part in among(connection, signal_buckets.c.key_hash, hashes):
        query = select(*columns).where(part).distinct()
        found.update({row.key_hash: key_of(row.key) for row in connection.execute(query)})
    return found


def _buckets(connection: Connection, hashes: Sequence[str]) -> Iterator[Row[Any]]:
    for part in among(connection, signal_buckets.c.key_hash, hashes):
        yield from connection.execute(
            select(signal_buckets)
            .where(part)
            .order_by(signal_buckets.c.key_hash, signal_buckets.c.bucket)
        )


def _write_buckets(connection: Connection, buckets: Sequence[BucketRow]) -> None:
    if buckets:
        rows = [_bucket_row(row) for row in buckets]
        insert_or_replace_many(connection, signal_buckets, rows, ("timespan", "key", "payload"))


def _bucket_row(row: BucketRow) -> dict[str, Any]:
    return {
        "key_hash": key_hash(row.key),
        "bucket": row.bucket,
        "timespan": row.timespan,
        "key": key_parts(row.key),
        "payload": row.payload,
    }


def _remove(connection: Connection, hashes: Sequence[str]) -> None:
    if hashes:
        gone = delete(signal_groups).where(signal_groups.c.key_hash == bindparam("k"))
        connection.execute(gone, [{"k": hashed} for hashed in hashes])
