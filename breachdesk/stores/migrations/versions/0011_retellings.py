"""Evidence names its session, and whether it is a retelling; sources count ignored lines.

Until now a retelling made no event and was counted as folded, together with lines that describe no
act: that number goes on as the ignored lines'."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evidence", sa.Column("session", sa.String(length=40)))
    op.add_column(
        "evidence",
        sa.Column("is_retelling", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute("ALTER TABLE source_counts RENAME COLUMN folded TO ignored")
