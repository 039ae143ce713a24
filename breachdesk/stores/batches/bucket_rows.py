"""Store bucket rows: the retained signals of one group and one slice of time.

These are the store's busiest statements, so they are plain SQL on the driver's own cursor: an
SQLAlchemy statement costs several times as much a row."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import accumulate

from sqlalchemy.engine import Connection

from breachdesk.stores.batches.group_keys import (
    compute_key_digest,
    format_key,
    parse_key,
    sort_by_digest,
)
from breachdesk.stores.sql.bulk_rows import execute_among
from schemas.pipeline.alert import GroupKey
from streams.ports import BucketRow, EvictedInterval

Row = tuple[bytes, int, int, str, bytes, float, int]
"""Digest, bucket, timespan, key, payload, due and size of one bucket."""
LOOK_AGAIN_SECONDS = 3_600.0
"""A group that a sweep found still reachable is left alone for so long, unless the sweep says
more."""
ROW_BYTES = 150
"""Bytes of a row without its key and payload: columns, two index entries, unused parts of pages."""

_READ = (
    "SELECT key_hash, bucket, payload, timespan, due FROM signal_buckets"
    " WHERE key_hash {among} ORDER BY key_hash, bucket"
)
_DUE = "SELECT key FROM signal_buckets WHERE due <= {} ORDER BY due LIMIT {}"
_DUE_ROWS = (
    "SELECT key_hash, bucket, payload, timespan, due, key FROM signal_buckets"
    " WHERE due <= {} ORDER BY due LIMIT {}"
)
_LATER_ROWS = (
    "SELECT key_hash, bucket, payload, timespan, due FROM signal_buckets"
    " WHERE key_hash {among} AND due >= {}"
)
_PUT_OFF = "UPDATE signal_buckets SET due = {} WHERE key_hash = {} AND due < {}"
_DROP = (
    "DELETE FROM signal_buckets WHERE key_hash = {}"
    " AND (bucket + 1) * timespan > {} AND bucket * timespan <= {}"
)
_WRITE = (
    "INSERT INTO signal_buckets (key_hash, bucket, timespan, key, payload, due, size)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key_hash, bucket) DO UPDATE SET"
    " timespan = excluded.timespan, payload = excluded.payload, due = excluded.due,"
    " size = excluded.size"
)
_WRITE_MANY = (
    "INSERT INTO signal_buckets (key_hash, bucket, timespan, key, payload, due, size)"
    " SELECT substring(%s FROM (n.place * 16 - 15)::integer FOR 16), n.bucket, n.timespan, n.key,"
    " substring(%s FROM n.start FOR n.length), n.due, n.size"
    " FROM unnest(CAST(%s AS bigint[]), CAST(%s AS integer[]),"
    " string_to_array(%s, chr(31)), CAST(%s AS integer[]), CAST(%s AS integer[]),"
    " CAST(%s AS double precision[]), CAST(%s AS integer[]))"
    " WITH ORDINALITY AS n(bucket, timespan, key, start, length, due, size, place)"
    " ORDER BY n.place ON CONFLICT (key_hash, bucket) DO UPDATE SET"
    " timespan = excluded.timespan, payload = excluded.payload, due = excluded.due,"
    " size = excluded.size"
)
_BYTES = "SELECT coalesce(sum(size), 0), count(*) FROM signal_buckets"
SEPARATOR = "\x1f"
"""Of keys: JSON escapes it inside a text."""


def read_buckets(
    connection: Connection, digests: Mapping[bytes, GroupKey]
) -> dict[GroupKey, list[BucketRow]]:
    """Read the buckets of each of these groups, oldest first; groups in the order given."""
    buckets: dict[GroupKey, list[BucketRow]] = {key: [] for key in digests.values()}
    for digest, bucket, payload, timespan, due in execute_among(connection, _READ, list(digests)):
        key = digests[bytes(digest)]
        buckets[key].append(BucketRow(key, bucket, bytes(payload), timespan, due))
    return buckets


def prepare_rows(buckets: Sequence[BucketRow]) -> list[Row]:
    """Prepare rows in the order of their digests, so that the database updates index pages one
    after another."""
    return sorted(map(_build_row, buckets), key=_get_sort_key)


def write_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Replace the stored rows of these buckets."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_WRITE, list(rows))
        return
    digests, buckets, timespans, keys, payloads, dues, sizes = zip(*rows, strict=True)
    lengths = list(map(len, payloads))
    starts = accumulate(lengths, initial=1)
    # psycopg escapes arrays element by element, in Python: numbers and keys travel as text, and
    # all bytes as two values.
    connection.exec_driver_sql(
        _WRITE_MANY,
        (
            b"".join(digests),
            b"".join(payloads),
            _format_array(buckets),
            _format_array(timespans),
            SEPARATOR.join(keys),
            _format_array(list(starts)[:-1]),
            _format_array(lengths),
            _format_array(dues),
            _format_array(sizes),
        ),
    )


def list_due_keys(connection: Connection, low: float, limit: int) -> list[GroupKey]:
    """List groups that have a bucket that is due, the longest waiting first; at most `limit`."""
    rows = connection.exec_driver_sql(_format_statement(connection, _DUE), (low, limit))
    return list(dict.fromkeys(parse_key(key) for (key,) in rows))


def read_due_buckets(
    connection: Connection, low: float, limit: int, known: Container[GroupKey] = ()
) -> dict[GroupKey, list[BucketRow]]:
    """Read the groups of `list_due_keys` with all of their buckets, oldest first, in the order of
    their digests. Of known groups only the due buckets are read. Most often every bucket of a group
    is due, and one walk along the index finds them all."""
    rows = list(connection.exec_driver_sql(_format_statement(connection, _DUE_ROWS), (low, limit)))
    keys: dict[bytes, GroupKey] = {}
    groups: dict[bytes, dict[int, BucketRow]] = {}
    for stored, bucket, payload, timespan, moment, text in rows:
        digest = bytes(stored)
        key = keys.get(digest) or keys.setdefault(digest, parse_key(text))
        row = BucketRow(key, bucket, bytes(payload), timespan, moment)
        groups.setdefault(digest, {})[bucket] = row
    walked_to = rows[-1][4] if rows else low
    unknown = sorted(digest for digest, key in keys.items() if key not in known)
    others = execute_among(connection, _LATER_ROWS, unknown, after=(walked_to,))
    for stored, bucket, payload, timespan, moment in others:
        digest = bytes(stored)
        groups[digest][bucket] = BucketRow(keys[digest], bucket, bytes(payload), timespan, moment)
    return {
        keys[digest]: [group[bucket] for bucket in sorted(group)]
        for digest, group in sorted(groups.items())
    }


def delete_buckets(connection: Connection, evictions: Sequence[EvictedInterval]) -> None:
    """Drop the buckets that the evicted spans reach over."""
    if evictions:
        spans = [(compute_key_digest(each.key), each.begin, each.end) for each in evictions]
        connection.exec_driver_sql(_format_statement(connection, _DROP), spans)


def defer_groups(
    connection: Connection, keys: Iterable[GroupKey], low: float, again: Mapping[GroupKey, float]
) -> None:
    """Look at what is left of these groups later: when `again` says, or after an hour."""
    rows = []
    for digest, key in sort_by_digest(keys).items():
        later = again.get(key, low + LOOK_AGAIN_SECONDS)
        rows.append((later, digest, later))
    if rows:
        connection.exec_driver_sql(_format_statement(connection, _PUT_OFF), rows)


def estimate_stored_bytes(connection: Connection) -> int:
    """Estimate the size of all rows. SQLite reads an index for it, not the rows."""
    size, rows = connection.exec_driver_sql(_BYTES).one()
    return int(size) + ROW_BYTES * int(rows)


def _build_row(row: BucketRow) -> Row:
    key = format_key(row.key)
    size = len(key) + len(row.payload)
    return (compute_key_digest(row.key), row.bucket, row.timespan, key, row.payload, row.due, size)


def _format_array(numbers: Iterable[float]) -> str:
    """Format numbers as the text form of a PostgreSQL array."""
    return "{" + ",".join(map(repr, numbers)) + "}"


def _get_sort_key(row: Row) -> tuple[bytes, int]:
    return row[0], row[1]


def _format_statement(connection: Connection, statement: str) -> str:
    """Format the statement with the driver's own parameter marks."""
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    return statement.replace("{}", mark)
