"""Move position rows; a mover must have loaded exactly what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import BigInteger, Float, Update, and_, bindparam, case, func, or_, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.dialects import insert_or_ignore
from breachdesk.stores.tables.stream_tables import positions
from schemas.errors import EditConflict
from schemas.pipeline.event import RecordPosition
from streams.ports import PartitionAdvance, StoredPosition


def load_positions(
    connection: Connection, partitions: Sequence[str]
) -> Mapping[str, StoredPosition]:
    """Load the stored position of each partition; inserts missing rows."""
    names = sorted(set(partitions))
    if not names:
        return {}
    connection.execute(
        insert_or_ignore(connection, positions), [{"partition": name} for name in names]
    )
    rows = connection.execute(select(positions).where(positions.c.partition.in_(names)))
    return {
        row.partition: StoredPosition(
            position=None if row.offset is None else RecordPosition(row.journal, row.offset),
            epoch=row.epoch,
            revision=row.revision,
            counted=row.counted,
            counted_in=row.journal,
            arrived=row.arrived,
        )
        for row in rows
    }


_ADVANCE = """
WITH n AS (
  SELECT * FROM json_to_recordset(CAST(%s AS json)) AS n(
    partition text, epoch integer, revision bigint, before_journal text, before_offset bigint,
    journal text, after bigint, arrived double precision)
), locked AS (
  SELECT partition FROM positions WHERE partition IN (SELECT partition FROM n)
  ORDER BY partition FOR UPDATE
)
UPDATE positions AS p SET
  journal = n.journal,
  "offset" = n.after,
  counted = CASE WHEN p.journal = n.journal AND p.counted > n.after THEN p.counted ELSE n.after END,
  revision = p.revision + 1,
  arrived = CASE WHEN n.arrived IS NULL OR p.arrived > n.arrived THEN p.arrived ELSE n.arrived END
FROM n JOIN locked USING (partition)
WHERE p.partition = n.partition AND p.epoch = n.epoch AND p.revision = n.revision
  AND p."offset" IS NOT DISTINCT FROM n.before_offset
  AND (n.before_offset IS NULL OR p.journal = n.before_journal)
RETURNING p.partition
"""
"""A batch of raw lines moves dozens of partitions: a statement each would take a third of its
time."""


def advance_positions(connection: Connection, steps: Sequence[PartitionAdvance]) -> None:
    """Move these positions from where the caller loaded them, in the order of their names. Raises
    EditConflict when one is elsewhere."""
    ordered = sorted(steps, key=lambda step: step.partition)
    if connection.dialect.name != "postgresql":
        for step in ordered:
            _advance_position(connection, step)
    elif ordered:
        steps_json = orjson.dumps([_build_step_row(step) for step in ordered]).decode()
        moved = set(connection.exec_driver_sql(_ADVANCE, (steps_json,)).scalars())
        for step in ordered:
            if step.partition not in moved:
                raise _build_conflict(step.partition)


def _build_step_row(step: PartitionAdvance) -> dict[str, Any]:
    before = step.before.position
    return {
        "partition": step.partition,
        "epoch": step.before.epoch,
        "revision": step.before.revision,
        "before_journal": None if before is None else before.journal,
        "before_offset": None if before is None else before.offset,
        "journal": step.after.journal,
        "after": step.after.offset,
        "arrived": step.arrived,
    }


_BEFORE_OFFSET = bindparam("before_offset", type_=BigInteger)
_HERE = and_(
    positions.c.partition == bindparam("of"),
    positions.c.epoch == bindparam("before_epoch"),
    positions.c.revision == bindparam("before_revision"),
    positions.c.offset.is_not_distinct_from(_BEFORE_OFFSET),
    or_(_BEFORE_OFFSET.is_(None), positions.c.journal == bindparam("before_journal")),
)
"""The row is as its mover loaded it."""
_REACHED = bindparam("reached", type_=Float)
_LATEST_ARRIVAL = case(
    (or_(_REACHED.is_(None), positions.c.arrived > _REACHED), positions.c.arrived), else_=_REACHED
)
"""The arrival never decreases, even in a replay: what was let go stays out of reach."""
_COUNTED_FURTHER = and_(
    positions.c.journal == bindparam("after_journal"),
    positions.c.counted > bindparam("after_offset", type_=BigInteger),
)
_MOVE = (
    update(positions)
    .where(_HERE)
    .values(
        journal=bindparam("after_journal"),
        offset=bindparam("after_offset"),
        counted=case((_COUNTED_FURTHER, positions.c.counted), else_=bindparam("after_offset")),
        revision=positions.c.revision + 1,
        arrived=_LATEST_ARRIVAL,
    )
)
_HOLD = update(positions).where(_HERE).values(revision=positions.c.revision + 1)
_RECORD_ARRIVAL = update(positions).where(_HERE).values(arrived=_LATEST_ARRIVAL)


def _advance_position(connection: Connection, step: PartitionAdvance) -> None:
    journal, offset = step.after
    after = {"after_journal": journal, "after_offset": offset, "reached": step.arrived}
    _update_position(connection, _MOVE, step.partition, step.before, after)


def hold_positions(connection: Connection, owned: Mapping[str, StoredPosition]) -> None:
    """Raise the revision of each, so that whoever loaded them before is fenced. Raises EditConflict
    as `advance`."""
    for partition in sorted(owned):
        _update_position(connection, _HOLD, partition, owned[partition], {})


def record_arrival(
    connection: Connection, partition: str, before: StoredPosition, arrived: float
) -> None:
    """Record that the partition has nothing older than `arrived`. Raises EditConflict like
    `advance`."""
    _update_position(connection, _RECORD_ARRIVAL, partition, before, {"reached": arrived})


def _update_position(
    connection: Connection,
    statement: Update,
    partition: str,
    before: StoredPosition,
    after: Mapping[str, Any],
) -> None:
    place = before.position
    here = {
        "of": partition,
        "before_epoch": before.epoch,
        "before_revision": before.revision,
        "before_journal": None if place is None else place.journal,
        "before_offset": None if place is None else place.offset,
    }
    moved = connection.execute(statement, {**here, **after})
    if not moved.rowcount:
        raise _build_conflict(partition)


def _build_conflict(partition: str) -> EditConflict:
    return EditConflict(
        "the stored position is not where this batch began",
        place=f"partition {partition}",
        remedy="Drop cached state, ask for the position and read again from there.",
    )


def compute_least_arrival(connection: Connection, partitions: Sequence[str]) -> float | None:
    """Return the least arrival, or None if any partition was never processed, because it may hold
    older records."""
    query = select(func.min(positions.c.arrived), func.count(positions.c.arrived)).where(
        positions.c.partition.in_(partitions)
    )
    least, counted = connection.execute(query).one()
    return None if counted < len(set(partitions)) else float(least)
