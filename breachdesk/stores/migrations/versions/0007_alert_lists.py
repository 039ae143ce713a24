"""Lists of alerts and unattributed names are filtered, sorted and counted by indexes.

What a list is filtered and sorted by at once must stand in one table: the state of an alert moves
to the machine's table. The rank of its severity and its times are computed by the database.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SEVERITY_RANK = (
    "CASE severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2"
    " WHEN 'low' THEN 1 ELSE 0 END"
)
FILL_STATE = """
UPDATE alerts SET state = acts.state FROM alert_acts AS acts
WHERE acts.alert_pk = alerts.pk AND acts.state <> 'new'
"""
COMPUTED = (
    ("severity_rank", sa.Integer(), SEVERITY_RANK),
    ("begins", sa.BigInteger(), "first * timespan"),
    ("ends", sa.BigInteger(), "(last + 1) * timespan"),
)
MERGED = sa.text("merged_into IS NOT NULL")
LIVE = sa.text("merged_into IS NULL")
INDEXES = (
    ("state", "severity_rank", "ends"),
    ("severity_rank", "ends"),
    ("begins",),
    ("rule", "state"),
)


def upgrade() -> None:
    op.add_column(
        "alerts", sa.Column("state", sa.String(20), nullable=False, server_default="new")
    )
    op.execute(FILL_STATE)
    op.drop_column("alert_acts", "state")
    # SQLite adds no column whose values it would have to store.
    stored = True if op.get_bind().dialect.name == "postgresql" else None
    for name, kind, formula in COMPUTED:
        op.add_column("alerts", sa.Column(name, kind, sa.Computed(formula, persisted=stored)))
    for names in INDEXES:
        op.create_index(
            op.f(f"ix_alerts_{'_'.join(names)}"),
            "alerts",
            list(names),
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        )
    # An index of all of them would be taken for the live ones, and all of these sorted.
    op.drop_index(op.f("ix_alerts_merged_into"), table_name="alerts")
    op.create_index(
        op.f("ix_alerts_merged_into"),
        "alerts",
        ["merged_into"],
        sqlite_where=MERGED,
        postgresql_where=MERGED,
    )
