"""Hours of sources and customers, sightings of assets, and operations alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from breachdesk.stores.tables.column_types import UtcTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COUNTS = (
    "received", "parsed", "ignored", "dead_letters", "not_understood", "late", "copies",
    "unattributed", "suspect", "minutes", *(f"lateness_{number}" for number in range(8)),
)  # fmt: skip
SECONDS = (
    "least_late", "first_failure", "most_late", "last_failure", "last_event", "last_arrived",
)  # fmt: skip
OPEN = "closed_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "intake_hours",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.Float(precision=53)) for name in SECONDS),
        sa.PrimaryKeyConstraint("kind", "name", "hour", name=op.f("pk_intake_hours")),
    )
    op.create_index(op.f("ix_intake_hours_hour"), "intake_hours", ["hour"])
    op.create_table(
        "sightings",
        sa.Column("customer", sa.String(length=200), nullable=False),
        sa.Column("asset", sa.String(length=500), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer", "asset", "source", name=op.f("pk_sightings")),
    )
    op.create_index(op.f("ix_sightings_hour"), "sightings", ["hour"])
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "operations_alerts",
        sa.Column("id", serial, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("begin", UtcTime(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("end", UtcTime()),
        sa.Column("closed_at", UtcTime()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("usual", sa.Float(precision=53)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations_alerts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_operations_alerts_opened_at"), "operations_alerts", ["opened_at"])
    op.create_index(
        "uq_operations_alerts_open",
        "operations_alerts",
        ["source", "kind"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
