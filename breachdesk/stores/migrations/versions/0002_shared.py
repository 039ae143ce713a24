"""What many workers and dispatchers share: fences with epochs, group locks, exports, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from breachdesk.stores.tables.column_types import JsonText, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EVIDENCE_PARTITIONS = 16
FIRST_HEAD = """
INSERT INTO audit_head (chain, seq, hash)
SELECT 'main', 0, '{genesis}' WHERE NOT EXISTS (SELECT 1 FROM audit_head WHERE chain = 'main')
"""
GENESIS = "0" * 64
"""schemas.audit.GENESIS as it was when this schema was released."""


def upgrade() -> None:
    _positions()
    _groups()
    _outward()
    # A row to lock from the first entry on: two first writers must not both make it.
    op.execute(FIRST_HEAD.format(genesis=GENESIS))
    if op.get_bind().dialect.name == "postgresql":
        _partition_evidence()


def _positions() -> None:
    with op.batch_alter_table("positions") as table:
        table.alter_column(
            "partition", existing_type=sa.String(80), type_=sa.String(300), existing_nullable=False
        )
        table.alter_column("journal", existing_type=sa.String(80), nullable=True)
        table.alter_column("offset", existing_type=sa.BigInteger(), nullable=True)
        table.add_column(sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("counted", sa.BigInteger(), nullable=True))


def _groups() -> None:
    op.create_table(
        "watermarks",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_watermarks")),
    )
    op.create_table(
        "signal_groups",
        sa.Column("key_hash", sa.String(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_signal_groups")),
    )
    op.create_index(op.f("ix_signal_groups_due"), "signal_groups", ["due"])


def _outward() -> None:
    op.create_table(
        "exports",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("holder", sa.String(length=120), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )


def _partition_evidence() -> None:
    """Evidence grows without end and is read by alert: hash partitions keep each index small."""
    op.execute("ALTER TABLE evidence RENAME TO evidence_whole")
    op.execute("ALTER TABLE evidence_whole RENAME CONSTRAINT pk_evidence TO pk_evidence_whole")
    op.create_table(
        "evidence",
        sa.Column("alert_pk", sa.BigInteger(), nullable=False),
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
        postgresql_partition_by="HASH (alert_pk)",
    )
    for number in range(EVIDENCE_PARTITIONS):
        op.execute(
            f"CREATE TABLE evidence_{number:02} PARTITION OF evidence"
            f" FOR VALUES WITH (MODULUS {EVIDENCE_PARTITIONS}, REMAINDER {number})"
        )
    op.execute("INSERT INTO evidence SELECT * FROM evidence_whole")
    op.execute("DROP TABLE evidence_whole")
