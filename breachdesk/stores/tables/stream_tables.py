"""Define the tables of the pipeline: positions, groups, alerts, evidence, counts, exports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
    text,
)

from breachdesk.stores.tables.column_types import JsonText, UtcTime
from breachdesk.stores.tables.schema import Serial, metadata

positions = Table(
    "positions",
    metadata,
    Column("partition", String(300), primary_key=True),
    Column("journal", String(80)),
    Column("offset", BigInteger),
    Column("arrived", Float(53)),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column("counted", BigInteger),
)
"""Embedded: one row. Distributed: one a topic partition; no offset until something is processed.
Epoch, journal, offset and revision are the fence."""

watermarks = Table(
    "watermarks",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Float(53), nullable=False),
)
"""`low`: what was let go; `held_until`: a backfill may be running. Never go back."""

signal_groups = Table(
    "signal_groups",
    metadata,
    Column("key_hash", LargeBinary(16), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""Many owners lock a group's row before they read its buckets. A sole owner writes none."""

exports = Table(
    "exports",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("topic", String(80), nullable=False),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""The transactional outbox towards Kafka; a row goes once Kafka has it."""

leases = Table(
    "leases",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
"""What a process remembers across restarts, e.g. which database server mail was last sent from."""

signal_log = Table(
    "signal_log",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("partition", String(300), nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""A sole owner's signals that no bucket row holds: one row a batch."""

signal_buckets = Table(
    "signal_buckets",
    metadata,
    Column("key_hash", LargeBinary(16), primary_key=True),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("timespan", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("due", Float(53), nullable=False),
    Column("size", Integer, nullable=False),
    Index(None, "due", "size"),
)
"""`due`: the low watermark from which a sweep looks at the group. `size`: bytes of key and payload;
it is in the index so that the sum of all is read without the rows."""

SEVERITY_RANK = (
    "CASE severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2"
    " WHEN 'low' THEN 1 ELSE 0 END"
)
"""schemas.pipeline.alert.Severity.rank."""
LIVE: dict[str, Any] = {
    "sqlite_where": text("merged_into IS NULL"),
    "postgresql_where": text("merged_into IS NULL"),
}
MERGED: dict[str, Any] = {
    "sqlite_where": text("merged_into IS NOT NULL"),
    "postgresql_where": text("merged_into IS NOT NULL"),
}
"""An index of them all would be taken for the live ones, and all of these sorted."""

alerts = Table(
    "alerts",
    metadata,
    Column("pk", Serial, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False),
    Column("key_hash", String(32), nullable=False),
    Column("rule", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("group", JsonText, nullable=False),
    Column("title", Text, nullable=False),
    Column("anchor", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("timespan", Integer, nullable=False),
    Column("fired", UtcTime, nullable=False),
    Column("severity", String(20), nullable=False),
    Column("touches", JsonText, nullable=False),
    Column("unattributed", JsonText, nullable=False),
    Column("entities", JsonText, nullable=False),
    Column("explanation", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("evidence", Integer, nullable=False),
    Column("evidence_hash", String(64), nullable=False),
    Column("detected_at", UtcTime, nullable=False),
    Column("revised_at", UtcTime, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("merged_into", Serial, ForeignKey("alerts.pk")),
    Column("closed", Boolean, nullable=False),
    Column("state", String(20), nullable=False, server_default="new"),
    Column("severity_rank", Integer, Computed(SEVERITY_RANK, persisted=True)),
    Column("begins", BigInteger, Computed("first * timespan", persisted=True)),
    Column("ends", BigInteger, Computed("(last + 1) * timespan", persisted=True)),
    Index(
        None,
        "key_hash",
        sqlite_where=text("closed = 0"),
        postgresql_where=text("NOT closed"),
    ),
    Index(
        "ix_alerts_closed_key_hash",
        "key_hash",
        sqlite_where=text("closed = 1"),
        postgresql_where=text("closed"),
    ),
    Index(None, "merged_into", **MERGED),
    Index(None, "state", "severity_rank", "ends", **LIVE),
    Index(None, "severity_rank", "ends", **LIVE),
    Index(None, "begins", **LIVE),
    Index(None, "rule", "state", **LIVE),
    sqlite_autoincrement=True,
)
"""`state` is people's, and is here because lists are filtered by it and sorted by severity and
time at once. The last three columns are computed by the database, and only sorted by."""

alert_acts = Table(
    "alert_acts",
    metadata,
    Column("alert_pk", ForeignKey("alerts.pk"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("assignee", Text),
    Column("dismissed_reason", Text),
    Column("case_id", String(40)),
    Index(None, "case_id"),
)

alert_ids = Table(
    "alert_ids",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("alert_pk", ForeignKey("alerts.pk"), nullable=False),
)

alert_notes = Table(
    "alert_notes",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("alert_pk", ForeignKey("alerts.pk"), nullable=False),
    Column("doc", JsonText, nullable=False),
    Index(None, "alert_pk"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("alert_pk", ForeignKey("alerts.pk"), primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("time", UtcTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("journal", String(80), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("summary", JsonText, nullable=False),
    Column("touches", JsonText, nullable=False),
    Column("session", String(40)),
    Column("is_retelling", Boolean, nullable=False, server_default=false()),
)

pinned_records = Table(
    "pinned_records",
    metadata,
    Column("journal", String(80), primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
)

source_counts = Table(
    "source_counts",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("parser", Text, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("parsed", BigInteger, nullable=False),
    Column("ignored", BigInteger, nullable=False),
    Column("dead_letters", BigInteger, nullable=False),
    Column("not_understood", BigInteger, nullable=False),
    Column("late", BigInteger, nullable=False),
    Column("first_event", UtcTime),
    Column("last_event", UtcTime),
    Column("last_arrived", UtcTime),
)

blind_intervals = Table(
    "blind_intervals",
    metadata,
    Column("source", String(200), primary_key=True),
    Column("begin", UtcTime, primary_key=True),
    Column("end", UtcTime),
    Column("reason", Text, nullable=False),
    Column("lost", BigInteger),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("journal", String(80), primary_key=True),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("arrived", UtcTime, nullable=False),
    Column("parser", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("replayed", Boolean, nullable=False),
)

unattributed = Table(
    "unattributed",
    metadata,
    Column("key", String(400), primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("first", UtcTime, nullable=False),
    Column("last", UtcTime, nullable=False),
    Column("datasets", JsonText, nullable=False),
)
