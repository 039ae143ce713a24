"""Lock groups that many workers write in sorted order, then read them, then write them.

If two workers each inserted a signal and counted what they see, each could count nine of ten, and
the rule would never fire. Therefore no worker reads a group before it has locked its row; under
READ COMMITTED a worker that waited reads what the other committed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy.engine import Connection

from breachdesk.stores.batches import bucket_rows
from breachdesk.stores.batches.group_keys import compute_key_digest, sort_by_digest
from breachdesk.stores.sql.bulk_rows import execute_among, format_bytea_array, insert_or_ignore_many
from breachdesk.stores.tables.stream_tables import signal_groups
from schemas.pipeline.alert import GroupKey
from streams.ports import GroupRows, GroupUpdates, SweepResult

LockedVersions = Mapping[GroupKey, int]
"""Version by key, in the order of the keys' digests."""

_LOCKED = "SELECT key_hash, version FROM signal_groups WHERE key_hash {among} ORDER BY key_hash"
_LOCK = (
    "WITH locked AS MATERIALIZED (SELECT key_hash, version FROM signal_groups"
    "  WHERE key_hash = ANY(CAST(%s AS bytea[])) ORDER BY key_hash FOR UPDATE),"
    " made AS (INSERT INTO signal_groups (key_hash, version)"
    "  SELECT n.k, 0 FROM unnest(CAST(%s AS bytea[])) AS n(k)"
    "  WHERE NOT EXISTS (SELECT 1 FROM locked WHERE key_hash = n.k) ORDER BY n.k"
    "  ON CONFLICT DO NOTHING RETURNING key_hash, version)"
    " SELECT key_hash, version FROM locked UNION ALL SELECT key_hash, version FROM made"
)
_REMOVE_EMPTY = (
    "DELETE FROM signal_groups WHERE key_hash {among} AND NOT EXISTS"
    " (SELECT 1 FROM signal_buckets AS b WHERE b.key_hash = signal_groups.key_hash)"
)
_RENEW = "UPDATE signal_groups SET version = {} WHERE key_hash {among}"


def lock_groups(connection: Connection, keys: Iterable[GroupKey]) -> LockedVersions:
    """Lock these groups' rows, making those that are missing; sorted by digest, so that two workers
    do not wait for each other in a circle.

    Another worker may make or remove a row meanwhile. What was locked is then released before all
    is tried again: a worker that locked the late row while it holds rows of its own making could
    wait for one that holds the late row and waits for these."""
    digests = sort_by_digest(keys)
    if not digests:
        return {}
    is_postgres = connection.dialect.name == "postgresql"
    versions = (_lock_shared_rows if is_postgres else _lock_rows)(connection, list(digests))
    return {key: versions[digest] for digest, key in digests.items()}


def read_rows(
    connection: Connection, locked: LockedVersions, known: Mapping[GroupKey, int]
) -> Sequence[GroupRows]:
    """Read the locked groups after the lock; skip the groups that the caller knows."""
    fresh = [key for key, version in locked.items() if not version or known.get(key) != version]
    buckets = bucket_rows.read_buckets(connection, {compute_key_digest(key): key for key in fresh})
    return [GroupRows(key, version, buckets.get(key)) for key, version in locked.items()]


def write_groups(
    connection: Connection, locked: LockedVersions, updates: GroupUpdates
) -> Mapping[GroupKey, int]:
    """Write what changed; every locked group's version afterwards. The row of a group that holds
    nothing goes again."""
    bucket_rows.write_rows(connection, bucket_rows.prepare_rows(updates.buckets))
    renewed = _renew_versions(connection, updates.changed)
    unused = [key for key, version in locked.items() if not version and key not in renewed]
    _remove_empty(connection, unused)
    return {**locked, **renewed}


def evict_groups(
    connection: Connection, locked: LockedVersions, swept: SweepResult, low: float
) -> None:
    """Drop what was evicted; groups with nothing left go, the others are looked at later."""
    bucket_rows.delete_buckets(connection, swept.evictions)
    bucket_rows.defer_groups(connection, locked, low, swept.again)
    _renew_versions(connection, {eviction.key for eviction in swept.evictions})
    _remove_empty(connection, locked)


def _renew_versions(connection: Connection, keys: Iterable[GroupKey]) -> dict[GroupKey, int]:
    """Give rows that are locked already another version."""
    digests = sort_by_digest(keys)
    version = secrets.randbits(62) + 1
    execute_among(connection, _RENEW, list(digests), before=(version,))
    return dict.fromkeys(digests.values(), version)


def _lock_shared_rows(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Lock the rows on PostgreSQL. Existing rows come first, so that one statement usually
    suffices."""
    array = format_bytea_array(digests)
    connection.exec_driver_sql("SAVEPOINT unlocked")  # released by the commit
    while True:
        rows = connection.exec_driver_sql(_LOCK, (array, array)).all()
        if len(rows) == len(digests):
            return {bytes(digest): version for digest, version in rows}
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unlocked")


def _lock_rows(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Make and read the rows on SQLite, whose one writer holds them all."""
    new = [{"key_hash": digest, "version": 0} for digest in digests]
    insert_or_ignore_many(connection, signal_groups, new)
    rows = execute_among(connection, _LOCKED, digests)
    return {bytes(digest): version for digest, version in rows}


def _remove_empty(connection: Connection, keys: Iterable[GroupKey]) -> None:
    """Remove the locked rows of groups of which no bucket is stored."""
    execute_among(connection, _REMOVE_EMPTY, list(sort_by_digest(keys)))
