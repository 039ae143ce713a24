"""Store leases with fencing tokens, and values that a process keeps across restarts.

Where many machines share the store, time is the database's own: their clocks may differ by more
than a lease lasts. SQLite runs on one machine, which passes in its clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, case, func, literal, or_, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.dialects import insert_or_replace, insert_or_update_where
from breachdesk.stores.tables.column_types import UtcTime
from breachdesk.stores.tables.stream_tables import leases, marks

NOBODY = ""
"""Holder of a lease that was dropped: the row stays, so that its token never falls."""


class SqlLeaseBook:
    """breachdesk.ports.LeaseBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, name: str, holder: str, seconds: float, now: datetime) -> int | None:
        """Acquire or renew the lease. Returns the fencing token, or None while another process
        holds it."""
        expires = self._build_now(now, timedelta(seconds=seconds))
        mine = leases.c.holder == holder
        query = insert_or_update_where(
            self._connection,
            leases,
            {"name": name, "holder": holder, "token": 1, "expires": expires},
            changes={
                "holder": holder,
                "token": case((mine, leases.c.token), else_=leases.c.token + 1),
                "expires": expires,
            },
            where=or_(mine, leases.c.holder == NOBODY, leases.c.expires <= self._build_now(now)),
            returning=leases.c.token,
        )
        token: int | None = self._connection.execute(query).scalar()
        return token

    def find_holder(self, name: str, now: datetime) -> str | None:
        """Return the holder that renewed the lease in time, or None."""
        query = select(leases.c.holder).where(
            leases.c.name == name,
            leases.c.holder != NOBODY,
            leases.c.expires > self._build_now(now),
        )
        holder: str | None = self._connection.execute(query).scalar()
        return holder

    def drop(self, name: str, holder: str) -> None:
        """Let go of it, if this holder has it; the next one need not wait."""
        self._connection.execute(
            update(leases)
            .where(leases.c.name == name, leases.c.holder == holder)
            .values(holder=NOBODY)
        )

    def list_names(self, prefix: str) -> Sequence[str]:
        """List lease names with this prefix in order, including expired leases."""
        query = select(leases.c.name).where(
            leases.c.name.startswith(prefix, autoescape=True), leases.c.holder != NOBODY
        )
        return sorted(self._connection.execute(query).scalars())

    def _build_now(self, now: datetime, later: timedelta = timedelta(0)) -> ColumnElement[Any]:
        if self._connection.dialect.name == "postgresql":
            return func.clock_timestamp(type_=DateTime(timezone=True)) + later
        return literal(now + later, UtcTime)


class SqlMarkBook:
    """breachdesk.ports.MarkBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> str | None:
        """Return the value, or None if it was never set."""
        value: str | None = self._connection.execute(
            select(marks.c.value).where(marks.c.name == name)
        ).scalar()
        return value

    def set(self, name: str, value: str) -> None:
        """Set or replace the value."""
        replace = insert_or_replace(self._connection, marks, ("value",))
        self._connection.execute(replace, {"name": name, "value": value})

    def list_names(self, prefix: str) -> Sequence[str]:
        """List names with this prefix, in order."""
        query = select(marks.c.name).where(marks.c.name.startswith(prefix, autoescape=True))
        return sorted(self._connection.execute(query).scalars())
