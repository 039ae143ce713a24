"""Groups that many workers write: locked in sorted order, then read, then written.

Two workers that each insert a signal and count what they see would each count nine of ten, and the
rule would never fire: so nobody reads a group before its row is locked, and under READ COMMITTED
whoever waited reads what the other committed.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy.engine import Connection

from breachdesk.stores.batches import bucket_rows
from breachdesk.stores.batches.group_keys import by_digest, key_digest
from breachdesk.stores.many_rows import execute_among, insert_or_ignore_many
from breachdesk.stores.stream_tables import signal_groups
from schemas.alert import GroupKey
from streams.ports import GroupRows, GroupUpdates, SweepResult

Locked = Mapping[GroupKey, int]
"""Version by key, in the order of the keys' digests."""

_LOCK = "SELECT key_hash, version FROM signal_groups WHERE key_hash {among} ORDER BY key_hash"
_REMOVE = "DELETE FROM signal_groups WHERE key_hash {among}"
_RENEW = "UPDATE signal_groups SET version = ? WHERE key_hash = ?"
_RENEW_MANY = (
    "UPDATE signal_groups SET version = n.v"
    " FROM json_to_recordset(CAST(%s AS json)) AS n(k text, v bigint)"
    " WHERE key_hash = decode(n.k, 'hex')"
)


def lock(connection: Connection, keys: Iterable[GroupKey]) -> Locked:
    """Lock these groups' rows, making those that are missing; sorted by digest, so that two workers
    never wait for each other in a circle."""
    digests = by_digest(keys)
    versions: dict[bytes, int] = {}
    while missing := [digest for digest in digests if digest not in versions]:
        # Who holds a group may remove its row between our insert and our lock: then once more.
        new = [{"key_hash": digest, "version": 0} for digest in missing]
        insert_or_ignore_many(connection, signal_groups, new)
        versions.update(_locked(connection, missing))
    return {key: versions[digest] for digest, key in digests.items()}


def rows(
    connection: Connection, locked: Locked, known: Mapping[GroupKey, int]
) -> Sequence[GroupRows]:
    """The locked groups, read after the lock; nothing is read of those the caller knows."""
    fresh = [key for key, version in locked.items() if not version or known.get(key) != version]
    buckets = bucket_rows.read(connection, {key_digest(key): key for key in fresh})
    return [GroupRows(key, version, buckets.get(key)) for key, version in locked.items()]


def write(connection: Connection, locked: Locked, updates: GroupUpdates) -> Mapping[GroupKey, int]:
    """Write what changed; every locked group's version afterwards. The row of a group that holds
    nothing goes again."""
    bucket_rows.write(connection, bucket_rows.prepare(updates.buckets))
    renewed = _renew(connection, updates.changed)
    unused = [key for key, version in locked.items() if not version and key not in renewed]
    _remove_empty(connection, unused)
    return {**locked, **renewed}


def let_go(connection: Connection, locked: Locked, swept: SweepResult, low: float) -> None:
    """Drop what was evicted; groups with nothing left go, the others are looked at later."""
    bucket_rows.drop(connection, swept.evictions)
    bucket_rows.put_off(connection, locked, low, swept.again)
    _renew(connection, {eviction.key for eviction in swept.evictions})
    _remove_empty(connection, locked)


def _renew(connection: Connection, keys: Iterable[GroupKey]) -> dict[GroupKey, int]:
    """Give rows that are locked already another version."""
    versions = {key: secrets.randbits(62) + 1 for key in keys}
    if not versions:
        return versions
    if connection.dialect.name == "postgresql":
        named = [{"k": key_digest(key).hex(), "v": version} for key, version in versions.items()]
        connection.exec_driver_sql(_RENEW_MANY, (orjson.dumps(named).decode(),))
    else:
        pairs: list[tuple[Any, ...]] = [(v, key_digest(key)) for key, v in versions.items()]
        connection.exec_driver_sql(_RENEW, pairs)
    return versions


def _locked(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    suffix = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
    found = execute_among(connection, _LOCK + suffix, digests)
    return {bytes(digest): version for digest, version in found}


def _remove_empty(connection: Connection, keys: Iterable[GroupKey]) -> None:
    """Remove the locked rows of groups of which no bucket is stored."""
    digests = list(by_digest(keys))
    held = bucket_rows.left(connection, digests)
    execute_among(connection, _REMOVE, [digest for digest in digests if digest not in held])
