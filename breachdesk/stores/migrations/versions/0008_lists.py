"""Columns that lists of cases and customers are filtered and sorted by; indexes of what they read.

They repeat what the rows' documents say; rows of an earlier release are filled here.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from breachdesk.stores.tables.column_types import UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS: dict[str, list[sa.Column[Any]]] = {
    "cases": [
        sa.Column("open_tasks", sa.Integer(), nullable=True),
        sa.Column("task_done_at", UtcTime(), nullable=True),
        sa.Column("near_miss", sa.Boolean(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
    ],
    "notices": [sa.Column("writes", sa.Integer(), nullable=True)],
    "customers": [
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("reachable", sa.Boolean(), nullable=True),
        sa.Column("notice_hours", sa.Integer(), nullable=True),
    ],
}
INDEXES = {
    "cases": (
        ("state", "opened_at", "id"),
        ("opened_at", "id"),
        ("open_tasks",),
        ("task_done_at",),
        ("near_miss",),
    ),
    "breaches": (("case_id",), ("confirmed_at", "id")),
    "documents": (("breach_id",),),
    "bindings": (("customer_id",),),
    "case_records": (("scope",),),
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    _fill("cases", _of_case)
    _fill("customers", _of_customer)
    for table, indexes in INDEXES.items():
        for names in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(names)}"), table, list(names))


def _fill(name: str, columns_of: Any) -> None:
    """The columns of rows of an earlier release, from their documents."""
    connection = op.get_bind()
    table = sa.table(
        name,
        sa.column("id"),
        sa.column("doc"),
        *(sa.column(column.name, column.type) for column in COLUMNS[name]),
    )
    rows = connection.execute(sa.select(table.c.id, table.c.doc)).all()
    values = [{"row": row.id, **columns_of(row.id, json.loads(row.doc))} for row in rows]
    if values:
        names = [column.name for column in COLUMNS[name]]
        write = (
            sa.update(table)
            .where(table.c.id == sa.bindparam("row"))
            .values({each: sa.bindparam(f"to_{each}", type_=table.c[each].type) for each in names})
        )
        parameters = [{"row": v["row"], **{f"to_{each}": v[each] for each in names}} for v in values]
        connection.execute(write, parameters)


def _of_case(case_id: str, doc: dict[str, Any]) -> dict[str, Any]:
    tasks = doc.get("tasks", [])
    done_times = [datetime.fromisoformat(t["done_at"]) for t in tasks if t.get("done_at")]
    return {
        "open_tasks": len(tasks) - len(done_times),
        "task_done_at": max(done_times, default=None),
        "near_miss": bool(doc.get("near_miss")),
        "words": f"{case_id} {doc['title']}".casefold(),
    }


def _of_customer(customer_id: str, doc: dict[str, Any]) -> dict[str, Any]:
    return {
        "words": f"{doc['name']} {customer_id}".casefold(),
        "reachable": bool(doc.get("default_email") or doc.get("phone") or doc.get("people")),
        "notice_hours": doc.get("notice_hours"),
    }
