"""Define the tables that keep the register true: imports, held changes, proposed bindings, and
replays after a binding."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from breachdesk.stores.tables.column_types import JsonText, UtcTime
from breachdesk.stores.tables.schema import Serial, metadata

import_sources = Table(
    "import_sources",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("doc", Text, nullable=False),
)

held_changes = Table(
    "held_changes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("source", String(80), nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(20), nullable=False),
    Column("doc", Text, nullable=False),
    Index(None, "state", "id"),
    Index(None, "source", "state"),
    sqlite_autoincrement=True,
)

binding_proposals = Table(
    "binding_proposals",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("asset", String(400), nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("score", Integer, nullable=False),
    Column("evidence", JsonText, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("rivals", Integer, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("first", UtcTime, nullable=False),
    Column("last", UtcTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("found_at", UtcTime, nullable=False),
    Column("decided_at", UtcTime),
    Column("decided_by", String(80)),
    UniqueConstraint("asset", "customer_id"),
    Index(None, "state", "score", "id"),
    sqlite_autoincrement=True,
)
"""`rivals`: how many other customers the asset is proposed for."""

binding_replays = Table(
    "binding_replays",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("partition", String(300), nullable=False),
    Column("assets", JsonText, nullable=False),
    Column("known_at", UtcTime, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("journal", String(80)),
    Column("offset", BigInteger),
    Column("end_journal", String(80)),
    Column("end_offset", BigInteger),
    Column("events", BigInteger, nullable=False, server_default="0"),
    Column("ended_at", UtcTime),
    Index(None, "state", "id"),
    sqlite_autoincrement=True,
)
"""`since`: no event that the assets were named in is older. The position is the last one that was
read again; the end, the last one to be read."""
