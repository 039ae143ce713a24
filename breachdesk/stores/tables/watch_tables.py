"""Define the tables by which sources are watched: hours, sightings, operations alerts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text, text

from breachdesk.stores.tables.column_types import UtcTime
from breachdesk.stores.tables.schema import Serial, metadata

SUMS = (
    "received", "parsed", "ignored", "dead_letters", "not_understood", "late", "copies",
    "unattributed", "suspect",
)  # fmt: skip
LATENESS = tuple(f"lateness_{number}" for number in range(8))
"""Events by class of lateness (streams.ports.counts.LATENESS_SECONDS)."""
LEAST = ("least_late", "first_failure")
MOST = ("most_late", "last_failure", "last_event", "last_arrived")

intake_hours = Table(
    "intake_hours",
    metadata,
    Column("kind", String(10), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    *(Column(name, BigInteger, nullable=False) for name in (*SUMS, "minutes", *LATENESS)),
    *(Column(name, Float(53)) for name in (*LEAST, *MOST)),
    Index(None, "hour"),
)
"""What a source, or a customer, sent in an hour of arrival. Times are epoch seconds. `minutes`: bit n
is set when a record arrived in minute n."""

sightings = Table(
    "sightings",
    metadata,
    Column("customer", String(200), primary_key=True),
    Column("asset", String(500), primary_key=True),
    Column("source", String(200), primary_key=True),
    Column("hour", Integer, nullable=False),
    Index(None, "hour"),
)
"""The last hour of arrival in which a source told of a customer's asset."""

operations_alerts = Table(
    "operations_alerts",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("source", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("begin", UtcTime, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("end", UtcTime),
    Column("closed_at", UtcTime),
    Column("reason", Text, nullable=False),
    Column("usual", Float(53)),
    Index(None, "opened_at"),
    Index(
        "uq_operations_alerts_open",
        "source",
        "kind",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)
"""At most one of a kind is open for a source. `usual`: what was usual when it opened."""
