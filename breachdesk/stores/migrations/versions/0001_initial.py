"""The first schema, with the audit table that can only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from breachdesk.stores.tables.column_types import JsonText, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE_GUARD = """
CREATE TRIGGER audit_no_{act} BEFORE {ACT} ON audit
BEGIN SELECT RAISE(ABORT, 'the audit chain is never rewritten'); END
"""
POSTGRES_FUNCTION = """
CREATE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the audit chain is never rewritten'; END $$
"""
POSTGRES_GUARD = """
CREATE TRIGGER audit_no_{act} BEFORE {ACT} ON audit
FOR EACH {LEVEL} EXECUTE FUNCTION audit_guard()
"""


def upgrade() -> None:
    _from_alerts()
    _from_audit_head()
    _from_cases()
    _from_signal_buckets()
    _from_unattributed()
    _evidence()
    _from_breaches()
    _from_documents()
    _guard_audit()


def _guard_audit() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for act in ("update", "delete"):
            op.execute(SQLITE_GUARD.format(act=act, ACT=act.upper()))
        return
    op.execute(POSTGRES_FUNCTION)
    for act, level in (("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT")):
        op.execute(POSTGRES_GUARD.format(act=act, ACT=act.upper(), LEVEL=level))


def _from_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("pk", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("key_hash", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("group", JsonText(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("anchor", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("timespan", sa.Integer(), nullable=False),
        sa.Column("fired", UtcTime(), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("touches", JsonText(), nullable=False),
        sa.Column("unattributed", JsonText(), nullable=False),
        sa.Column("entities", JsonText(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("evidence", sa.Integer(), nullable=False),
        sa.Column("evidence_hash", sa.String(length=64), nullable=False),
        sa.Column("detected_at", UtcTime(), nullable=False),
        sa.Column("revised_at", UtcTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("merged_into", SERIAL, nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["alerts.pk"], name=op.f("fk_alerts_merged_into")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_alerts")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_alerts_key_hash_closed"), "alerts", ["key_hash", "closed"], unique=False
    )
    op.create_index(op.f("ix_alerts_merged_into"), "alerts", ["merged_into"], unique=False)
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"], unique=False)


def _from_audit_head() -> None:
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "bindings",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("categories", JsonText(), nullable=False),
        sa.Column("pecr", sa.String(length=10), nullable=False),
        sa.Column("valid_from", UtcTime(), nullable=True),
        sa.Column("valid_to", UtcTime(), nullable=True),
        sa.Column("known_from", UtcTime(), nullable=True),
        sa.Column("known_to", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bindings")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_bindings_kind_value"), "bindings", ["kind", "value"], unique=False)
    op.create_table(
        "blind_intervals",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("begin", UtcTime(), nullable=False),
        sa.Column("end", UtcTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("lost", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("source", "begin", name=op.f("pk_blind_intervals")),
    )
    op.create_table(
        "case_keys",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("erased_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_keys")),
    )


def _from_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "customers",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("journal", sa.String(length=80), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("arrived", UtcTime(), nullable=False),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("replayed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("journal", "offset", name=op.f("pk_dead_letters")),
    )
    op.create_table(
        "positions",
        sa.Column("partition", sa.String(length=80), nullable=False),
        sa.Column("journal", sa.String(length=80), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("low_watermark", sa.Float(precision=53), nullable=True),
        sa.Column("arrived", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_positions")),
    )


def _from_signal_buckets() -> None:
    op.create_table(
        "signal_buckets",
        sa.Column("key_hash", sa.String(length=32), nullable=False),
        sa.Column("bucket", sa.BigInteger(), nullable=False),
        sa.Column("timespan", sa.Integer(), nullable=False),
        sa.Column("key", JsonText(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", "bucket", name=op.f("pk_signal_buckets")),
    )
    op.create_table(
        "signal_log",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("partition", sa.String(length=80), nullable=False),
        sa.Column("key_hash", sa.String(length=32), nullable=False),
        sa.Column("key", JsonText(), nullable=False),
        sa.Column("time", sa.Float(precision=53), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("journal", sa.String(length=80), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("body", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_log")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "source_counts",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("parser", sa.Text(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("parsed", sa.BigInteger(), nullable=False),
        sa.Column("folded", sa.BigInteger(), nullable=False),
        sa.Column("dead_letters", sa.BigInteger(), nullable=False),
        sa.Column("not_understood", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.BigInteger(), nullable=False),
        sa.Column("first_event", UtcTime(), nullable=True),
        sa.Column("last_event", UtcTime(), nullable=True),
        sa.Column("last_arrived", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_source_counts")),
    )


def _from_unattributed() -> None:
    op.create_table(
        "unattributed",
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("first", UtcTime(), nullable=False),
        sa.Column("last", UtcTime(), nullable=False),
        sa.Column("datasets", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_unattributed")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_table(
        "alert_acts",
        sa.Column("alert_pk", SERIAL, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("dismissed_reason", sa.Text(), nullable=True),
        sa.Column("case_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["alert_pk"], ["alerts.pk"], name=op.f("fk_alert_acts_alert_pk")),
        sa.PrimaryKeyConstraint("alert_pk", name=op.f("pk_alert_acts")),
    )
    op.create_index(op.f("ix_alert_acts_case_id"), "alert_acts", ["case_id"], unique=False)
    op.create_table(
        "alert_ids",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("alert_pk", SERIAL, nullable=False),
        sa.ForeignKeyConstraint(["alert_pk"], ["alerts.pk"], name=op.f("fk_alert_ids_alert_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_ids")),
    )
    op.create_table(
        "alert_notes",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("alert_pk", SERIAL, nullable=False),
        sa.Column("doc", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["alert_pk"], ["alerts.pk"], name=op.f("fk_alert_notes_alert_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notes")),
    )
    op.create_index(op.f("ix_alert_notes_alert_pk"), "alert_notes", ["alert_pk"], unique=False)


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("alert_pk", SERIAL, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("time", UtcTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("journal", sa.String(length=80), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("summary", JsonText(), nullable=False),
        sa.Column("touches", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["alert_pk"], ["alerts.pk"], name=op.f("fk_evidence_alert_pk")),
        sa.PrimaryKeyConstraint("alert_pk", "event_id", "step", "value", name=op.f("pk_evidence")),
    )
    op.create_table(
        "pinned_records",
        sa.Column("journal", sa.String(length=80), nullable=False),
        sa.Column("offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("journal", "offset", name=op.f("pk_pinned_records")),
    )


def _from_breaches() -> None:
    op.create_table(
        "breaches",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", UtcTime(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_breaches_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaches")),
    )
    op.create_table(
        "sealed_values",
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case_keys.case_id"], name=op.f("fk_sealed_values_case_id")
        ),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_sealed_values")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=128), nullable=False),
        sa.Column("user_id", sa.String(length=80), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("expires", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )


def _from_documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("breach_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["breach_id"], ["breaches.id"], name=op.f("fk_documents_breach_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint(
            "kind",
            "breach_id",
            "key",
            "number",
            name=op.f("uq_documents_kind_breach_id_key_number"),
        ),
    )
    op.create_table(
        "notices",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("breach_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["breach_id"], ["breaches.id"], name=op.f("fk_notices_breach_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint(
            "breach_id",
            "customer_id",
            "person_id",
            "kind",
            "version",
            name=op.f("uq_notices_breach_id_customer_id_person_id_kind_version"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notices_status"), "notices", ["status"], unique=False)
