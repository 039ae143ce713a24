"""Compute columns that repeat part of a row's document, so that lists can be filtered and sorted by
them.

The document is authoritative. The audit's digests cover it and not these columns, so that a release
may add one; a check of the store against its chain also compares them with their documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.bulk_rows import SLICE
from breachdesk.stores.tables.case_tables import cases, customers
from schemas.casework.case import Case
from schemas.customer import Customer

Columns = dict[str, Any]


def build_case_columns(case: Case) -> Columns:
    """Compute the columns of the table of cases."""
    done_times = [task.done_at for task in case.tasks if task.done_at is not None]
    return {
        "open_tasks": len(case.tasks) - len(done_times),
        "task_done_at": max(done_times, default=None),
        "near_miss": case.near_miss,
        "words": fold_text(f"{case.id} {case.title}"),
    }


def build_customer_columns(customer: Customer) -> Columns:
    """Compute the columns of the table of customers."""
    return {
        "words": fold_text(f"{customer.name} {customer.id}"),
        "reachable": bool(customer.default_email or customer.phone or customer.people),
        "notice_hours": customer.notice_hours,
    }


def fold_text(text: str) -> str:
    """Fold a text for comparison in searches."""
    return text.casefold()


READ: Mapping[Table, Callable[[str], Columns]] = {
    cases: lambda doc: build_case_columns(Case.model_validate_json(doc)),
    customers: lambda doc: build_customer_columns(Customer.model_validate_json(doc)),
}


def find_wrong_rows(connection: Connection, table: Table) -> frozenset[Any]:
    """Return the keys of rows with columns that differ from their documents."""
    if table not in READ:
        return frozenset()
    keys = connection.execute(select(table.c.id)).scalars().all()
    wrong: set[Any] = set()
    for begin in range(0, len(keys), SLICE):
        some = keys[begin : begin + SLICE]
        try:
            wrong |= _find_wrong_among(connection, table, some)
        except (TypeError, ValueError):  # SQLite takes any value in any column.
            wrong |= {key for key in some if _is_wrong(connection, table, key)}
    return frozenset(wrong)


def _find_wrong_among(connection: Connection, table: Table, keys: Sequence[Any]) -> set[Any]:
    listed = [column for column in table.columns if column.info.get("listed")]
    query = select(table.c.id, table.c.doc, *listed).where(table.c.id.in_(keys))
    wrong = set()
    for row in connection.execute(query).mappings():
        columns = READ[table](row["doc"])
        if any(row[name] != value for name, value in columns.items()):
            wrong.add(row["id"])
    return wrong


def _is_wrong(connection: Connection, table: Table, key: Any) -> bool:
    try:
        return bool(_find_wrong_among(connection, table, [key]))
    except (TypeError, ValueError):
        return True
