"""Store the signal log of a sole owner: one row a batch, deleted once its buckets are written."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Connection

from breachdesk.stores.sql import counters
from breachdesk.stores.tables.stream_tables import signal_log
from streams.ports import LogRow


def list_rows(connection: Connection, partition: str) -> Sequence[LogRow]:
    """List the partition's log rows, oldest first."""
    query = (
        select(signal_log.c.id, signal_log.c.body)
        .where(signal_log.c.partition == partition)
        .order_by(signal_log.c.id)
    )
    return [LogRow(row.id, bytes(row.body)) for row in connection.execute(query)]


def append_row(connection: Connection, partition: str, body: bytes | None) -> int | None:
    """Append a row and return its number; returns None without a body."""
    if body is None:
        return None
    row = {"partition": partition, "body": body}
    return counters.get_inserted_id(connection.execute(insert(signal_log), row))


def delete_rows(connection: Connection, first_needed: int | None) -> None:
    """Drop the rows with a lower number, of whatever partition: a sole owner numbers all of its
    partitions' signals together."""
    if first_needed is not None:
        connection.execute(delete(signal_log).where(signal_log.c.id < first_needed))


def compute_stored_bytes(connection: Connection) -> int:
    """Compute the total size of all bodies."""
    size = connection.execute(select(func.sum(func.length(signal_log.c.body)))).scalar()
    return int(size or 0)
