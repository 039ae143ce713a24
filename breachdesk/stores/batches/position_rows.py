"""Position rows: who moves one must have loaded exactly what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.each_dialect import insert_or_ignore
from breachdesk.stores.stream_tables import positions
from schemas.errors import Conflict
from schemas.event import Position
from streams.ports import Advance, StoredPosition


def stored_positions(
    connection: Connection, partitions: Sequence[str]
) -> Mapping[str, StoredPosition]:
    """What is stored of each; makes the rows that are missing."""
    wanted = sorted(set(partitions))
    if not wanted:
        return {}
    connection.execute(
        insert_or_ignore(connection, positions), [{"partition": name} for name in wanted]
    )
    rows = connection.execute(select(positions).where(positions.c.partition.in_(wanted)))
    return {
        row.partition: StoredPosition(
            position=None if row.offset is None else Position(row.journal, row.offset),
            epoch=row.epoch,
            revision=row.revision,
            counted=row.counted,
            counted_in=row.journal,
            arrived=row.arrived,
        )
        for row in rows
    }


def advance(connection: Connection, step: Advance) -> None:
    """Move one position from where the caller loaded it. Raises Conflict when it is elsewhere."""
    journal, offset = step.after
    here_before = and_(positions.c.journal == journal, positions.c.counted > offset)
    after: dict[str, Any] = {
        "journal": journal,
        "offset": offset,
        "counted": case((here_before, positions.c.counted), else_=offset),
        "revision": positions.c.revision + 1,
    }
    if step.arrived is not None:
        after["arrived"] = _higher(step.arrived)
    _update(connection, step.partition, step.before, after)


def hold(connection: Connection, owned: Mapping[str, StoredPosition]) -> None:
    """Raise the revision of each, so that whoever loaded them before is fenced. Raises Conflict as
    `advance`."""
    for partition in sorted(owned):
        after = {"revision": positions.c.revision + 1}
        _update(connection, partition, owned[partition], after)


def touch(connection: Connection, partition: str, before: StoredPosition, arrived: float) -> None:
    """The partition has nothing older than this moment. Raises Conflict as `advance`."""
    _update(connection, partition, before, {"arrived": _higher(arrived)})


def _update(
    connection: Connection, partition: str, before: StoredPosition, after: Mapping[str, Any]
) -> None:
    place = before.position
    here = and_(
        positions.c.partition == partition,
        positions.c.epoch == before.epoch,
        positions.c.revision == before.revision,
        positions.c.offset.is_(None) if place is None else positions.c.offset == place.offset,
    )
    if place is not None:
        here = and_(here, positions.c.journal == place.journal)
    moved = connection.execute(update(positions).where(here).values(**after))
    if not moved.rowcount:
        raise Conflict(
            "the stored position is not where this batch began",
            place=f"partition {partition}",
            remedy="Drop cached state, ask for the position and read again from there.",
        )


def _higher(value: float) -> ColumnElement[float]:
    """Arrival never goes back, also in a replay: what was let go stays out of reach."""
    return case((positions.c.arrived > value, positions.c.arrived), else_=value)


def least_arrival(connection: Connection, partitions: Sequence[str]) -> float | None:
    """None while any partition was never processed: what it holds may be older than all."""
    query = select(func.min(positions.c.arrived), func.count(positions.c.arrived)).where(
        positions.c.partition.in_(partitions)
    )
    least, counted = connection.execute(query).one()
    return None if counted < len(set(partitions)) else float(least)
