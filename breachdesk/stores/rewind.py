"""A replay by hand: positions set back under a new epoch, with its audit entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.stream_tables import positions
from breachdesk.stores.unit_of_work import SqlUnitOfWork
from schemas.errors import NotFound


def rewind(
    connection: Connection, names: Sequence[str], offset: int | None, actor: str, now: datetime
) -> list[str]:
    """Have `offset` read next of these partitions (none named: of all); None: what the log still
    holds. With an offset, partitions of which nothing is processed are left alone. Owners are fenced by the epoch and read on from there; alerts, counts and notices are
    idempotent. Raises NotFound for a partition that was never processed."""
    columns = (positions.c.partition, positions.c.journal)
    rows = connection.execute(select(*columns).order_by(positions.c.partition))
    # An offset means nothing before it is known of which making of the topic.
    known = [row.partition for row in rows if row.journal is not None or not offset]
    for name in names:
        if name not in known:
            raise NotFound(
                "no such partition was ever processed, or it begins anew already",
                place=name,
                remedy=f"Known are: {', '.join(known) or 'none'}.",
            )
    moved = sorted(names or known)
    for name in moved:
        _set_back(connection, name, offset)
    books = SqlUnitOfWork(connection)
    books.audit.record(
        at=now,
        actor=actor,
        act="sources:partitions:replayed",
        subject="positions",
        facts={"partitions": moved, "next": offset},
    )
    books.finish()
    return moved


def _set_back(connection: Connection, name: str, offset: int | None) -> None:
    """What was processed stays counted; only where reading goes on is another place."""
    after: dict[str, object] = {"epoch": positions.c.epoch + 1}
    if offset:
        after["offset"] = offset - 1
    else:
        after |= {"journal": None, "offset": None}
    connection.execute(update(positions).where(positions.c.partition == name).values(**after))
