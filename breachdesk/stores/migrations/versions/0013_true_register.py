"""Sources of the register, held changes, proposed bindings, and replays after a binding."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from breachdesk.stores.tables.column_types import JsonText, UtcTime
from breachdesk.stores.tables.schema import Serial

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_import_tables()
    _create_proposals()
    _create_replays()


def _create_import_tables() -> None:
    op.create_table(
        "import_sources",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_import_sources"),
    )
    op.create_table(
        "held_changes",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_held_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_held_changes_state_id", "held_changes", ["state", "id"])
    op.create_index("ix_held_changes_source_state", "held_changes", ["source", "state"])


def _create_proposals() -> None:
    op.create_table(
        "binding_proposals",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("asset", sa.String(400), nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("evidence", JsonText(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("rivals", sa.Integer(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("first", UtcTime(), nullable=False),
        sa.Column("last", UtcTime(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("found_at", UtcTime(), nullable=False),
        sa.Column("decided_at", UtcTime()),
        sa.Column("decided_by", sa.String(80)),
        sa.PrimaryKeyConstraint("id", name="pk_binding_proposals"),
        sa.UniqueConstraint("asset", "customer_id", name="uq_binding_proposals_asset_customer_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_binding_proposals_state_score_id", "binding_proposals", ["state", "score", "id"]
    )


def _create_replays() -> None:
    op.create_table(
        "binding_replays",
        sa.Column("id", Serial, autoincrement=True, nullable=False),
        sa.Column("partition", sa.String(300), nullable=False),
        sa.Column("assets", JsonText(), nullable=False),
        sa.Column("known_at", UtcTime(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("journal", sa.String(80)),
        sa.Column("offset", sa.BigInteger()),
        sa.Column("end_journal", sa.String(80)),
        sa.Column("end_offset", sa.BigInteger()),
        sa.Column("events", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("ended_at", UtcTime()),
        sa.PrimaryKeyConstraint("id", name="pk_binding_replays"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_binding_replays_state_id", "binding_replays", ["state", "id"])
