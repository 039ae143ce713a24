"""An index that finds a group's closed alerts: what comes again in a backfill is added to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_alerts_closed_key_hash",
        "alerts",
        ["key_hash"],
        sqlite_where=sa.text("closed = 1"),
        postgresql_where=sa.text("closed"),
    )
