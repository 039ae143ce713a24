"""Define the tables of casework: cases, breaches, notices, customers, audit, accounts.

The migrations build exactly these tables and those of stream_tables (tests/integration)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from breachdesk.stores.tables.column_types import JsonText, UtcTime
from breachdesk.stores.tables.schema import Serial, metadata

LISTED = {"listed": True}
"""Marks a column that says nothing that its row's document does not say (stores.sql.listed_columns), or
counts the row's writes: the audit's digests leave it out."""

counters = Table(
    "counters",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

cases = Table(
    "cases",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("doc", Text, nullable=False),
    Column("open_tasks", Integer, info=LISTED),
    Column("task_done_at", UtcTime, info=LISTED),
    Column("near_miss", Boolean, info=LISTED),
    Column("words", Text, info=LISTED),
    Index(None, "state", "opened_at", "id"),
    Index(None, "opened_at", "id"),
    Index(None, "open_tasks"),
    Index(None, "task_done_at"),
    Index(None, "near_miss"),
)

breaches = Table(
    "breaches",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("case_id", ForeignKey("cases.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("confirmed_at", UtcTime, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("doc", Text, nullable=False),
    Index(None, "case_id"),
    Index(None, "confirmed_at", "id"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("kind", String(40), nullable=False),
    Column("breach_id", ForeignKey("breaches.id"), nullable=False),
    Column("key", String(80), nullable=False),
    Column("number", Integer, nullable=False),
    Column("doc", Text),
    Column("sealed", LargeBinary),
    Column("outline", LargeBinary, info=LISTED),
    UniqueConstraint("kind", "breach_id", "key", "number"),
    Index(None, "breach_id"),
)
"""`outline`: of a frozen list, its ListOutline, sealed as the list is."""

notices = Table(
    "notices",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("breach_id", ForeignKey("breaches.id"), nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("person_id", String(200), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("doc", Text, nullable=False),
    Column("writes", Integer, info=LISTED),
    UniqueConstraint("breach_id", "customer_id", "person_id", "kind", "version"),
    Index(None, "status"),
    sqlite_autoincrement=True,
)

customers = Table(
    "customers",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("doc", Text, nullable=False),
    Column("words", Text, info=LISTED),
    Column("reachable", Boolean, info=LISTED),
    Column("notice_hours", Integer, info=LISTED),
)
"""`words`: name and id, folded, as the list is sorted and searched."""

bindings = Table(
    "bindings",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("value", String(400), nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("service", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("categories", JsonText, nullable=False),
    Column("pecr", String(10), nullable=False),
    Column("valid_from", UtcTime),
    Column("valid_to", UtcTime),
    Column("known_from", UtcTime),
    Column("known_to", UtcTime),
    Index(None, "kind", "value"),
    Index(None, "customer_id"),
    sqlite_autoincrement=True,
)

case_keys = Table(
    "case_keys",
    metadata,
    Column("case_id", String(40), primary_key=True),
    Column("key", LargeBinary),
    Column("erased_at", UtcTime),
)

sealed_values = Table(
    "sealed_values",
    metadata,
    Column("token", String(40), primary_key=True),
    Column("case_id", ForeignKey("case_keys.case_id"), nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
)

case_records = Table(
    "case_records",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("scope", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("due_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "kind", "scope"),
    Index(None, "scope"),
)
"""`scope`: whose key seals it: a case, or the record itself where it belongs to none."""

audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(200), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("doc", Text, nullable=False),
    Index(None, "subject"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("chain", String(20), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

row_salts = Table(
    "row_salts",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
)
"""Of each watched row's digest in the chain (stores.sql.row_digests). Written under the head's lock."""

users = Table(
    "users",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("doc", Text, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(128), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("csrf", Text, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("network", String(80), nullable=False),
    Index(None, "user_id"),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("secret", Text),
    Column("pending", Text),
    Column("last_step", BigInteger, nullable=False),
    Column("confirmed_at", UtcTime),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("code_hash", String(64), primary_key=True),
)

sign_in_marks = Table(
    "sign_in_marks",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("mark", String(64), primary_key=True),
    Column("used_at", UtcTime, nullable=False),
    Index(None, "mark"),
)

tries = Table(
    "tries",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("failed", Boolean, nullable=False),
    Index(None, "key"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)
