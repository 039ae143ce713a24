"""Store how far detection has let go, and until when a running backfill forbids it. Neither
decreases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, case, select, text
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.dialects import insert_or_sum
from breachdesk.stores.tables.stream_tables import watermarks

LOW = "low"
HELD_UNTIL = "held_until"
_VALUE = select(watermarks.c.value).where(watermarks.c.name == bindparam("name"))
SWEEP_LOCK = 0x42520004
"""PostgreSQL advisory lock: one process sweeps at a time."""


def find_low(connection: Connection) -> float | None:
    """Return the low watermark, before which signals were let go, or None."""
    return _find_value(connection, LOW)


def get_held_until(connection: Connection) -> float:
    """Return the arrival watermark before which no sweep may run."""
    value = _find_value(connection, HELD_UNTIL)
    return float("-inf") if value is None else value


def raise_held_until(connection: Connection, until: float | None) -> None:
    """Record that a backfill is running until then."""
    if until is not None and get_held_until(connection) < until:
        _raise_value(connection, HELD_UNTIL, until)


def raise_low(connection: Connection, value: float) -> float:
    """Raise the durable watermark to at least this value and return it."""
    _raise_value(connection, LOW, value)
    stored = _find_value(connection, LOW)
    assert stored is not None, "just written"
    return stored


def try_lock(connection: Connection) -> bool:
    """Whether this transaction may sweep. On SQLite always, because it has one writer."""
    if connection.dialect.name != "postgresql":
        return True
    query = text("SELECT pg_try_advisory_xact_lock(:lock, hashtext(current_schema()))")
    return bool(connection.execute(query, {"lock": SWEEP_LOCK}).scalar())


def _find_value(connection: Connection, name: str) -> float | None:
    value: float | None = connection.execute(_VALUE, {"name": name}).scalar()
    return value


def _raise_value(connection: Connection, name: str, value: float) -> None:
    statement = insert_or_sum(connection, watermarks, _build_maximum)
    connection.execute(statement, {"name": name, "value": value})


def _build_maximum(new: Any) -> dict[str, Any]:
    old = watermarks.c.value
    return {"value": case((old > new.value, old), else_=new.value)}
