"""Rewind positions for a manual replay under a new epoch, with an audit entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.books.unit_of_work import SqlUnitOfWork
from breachdesk.stores.tables.stream_tables import positions
from schemas.audit_actions import AuditAction
from schemas.errors import NotAllowed, NotFound


def rewind_positions(
    connection: Connection, names: Sequence[str], offset: int | None, actor: str, now: datetime
) -> list[str]:
    """Have `offset` read next of these partitions (none named: of all); None: what the log still
    holds. With an offset, partitions of which nothing beyond it is processed are left alone. Owners
    are fenced by the epoch and read on from there; alerts, counts and notices are idempotent.
    Raises NotFound for a named partition that was never processed, NotAllowed for one that would be
    moved forward."""
    next_offsets = _list_next_offsets(connection, offset)
    for name in names:
        _check_behind(name, offset, next_offsets)
    # Forward, records would be passed over.
    moved = [
        name for name in sorted(names or next_offsets) if not offset or offset <= next_offsets[name]
    ]
    for name in moved:
        _set_back(connection, name, offset)
    books = SqlUnitOfWork(connection)
    books.audit.record(
        at=now,
        actor=actor,
        action=AuditAction.SOURCES_PARTITIONS_REPLAYED,
        subject="positions",
        facts={"partitions": moved, "next": offset},
    )
    books.finish(now)
    return moved


def _list_next_offsets(connection: Connection, offset: int | None) -> dict[str, int]:
    """Return {partition: the next offset}. A partition without a known offset is left out, because
    an offset belongs to one creation of the topic."""
    columns = (positions.c.partition, positions.c.offset)
    rows = connection.execute(select(*columns).order_by(positions.c.partition)).all()
    known = [row for row in rows if row.offset is not None or not offset]
    return {row.partition: 0 if row.offset is None else row.offset + 1 for row in known}


def _check_behind(name: str, offset: int | None, next_offsets: dict[str, int]) -> None:
    if name not in next_offsets:
        raise NotFound(
            "no such partition was ever processed, or it already begins again",
            place=name,
            remedy=f"Known are: {', '.join(next_offsets) or 'none'}.",
        )
    if offset and offset > next_offsets[name]:
        raise NotAllowed(
            f"{offset} is ahead of what was processed: the records between would be passed over",
            place=name,
            remedy=f"It reads {next_offsets[name]} next; name that or less.",
        )


def _set_back(connection: Connection, name: str, offset: int | None) -> None:
    """Move the position back; counts of processed records stay."""
    after: dict[str, object] = {"epoch": positions.c.epoch + 1}
    if offset:
        after["offset"] = offset - 1
    else:
        after["offset"] = None
    connection.execute(update(positions).where(positions.c.partition == name).values(**after))
