"""Write ownership of assets as rows: many bindings at once have the effect of one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql.bulk_rows import insert_many, match_any
from breachdesk.stores.sql.time_spans import has_overlap, subtract_span
from breachdesk.stores.tables.case_tables import bindings
from schemas.customer import AssetKind, Binding, DataCategory, DataRole, PecrStatus

KNOWN = frozenset({"id", "known_from", "known_to"})
"""What a row says of our knowledge, not of the asset."""


@dataclass
class _BindingRow:
    """A binding that is known: stored already, or still to be written."""

    binding: Binding
    stored: bool
    known_to: datetime | None = None


def bind_all(connection: Connection, some: Sequence[Binding], known_at: datetime) -> Sequence[bool]:
    """Add bindings known from `known_at` on, one after another: did each change anything?
    Overlapping rows of the asset are closed in transaction time; their parts outside the new span
    are written again."""
    current = _list_current(connection, some)
    added: list[_BindingRow] = []
    closed: list[int] = []
    changed = []
    for binding in some:
        rows = current[binding.kind, binding.value]
        overlapping = [row for row in rows if has_overlap(row.binding, binding)]
        if any(_is_same(row.binding, binding) for row in overlapping):
            changed.append(False)
            continue
        fresh = []
        for row in overlapping:
            row.known_to = known_at
            rows.remove(row)
            if row.stored:
                closed.append(row.binding.id)
            fresh += [
                _BindingRow(part, stored=False) for part in subtract_span(row.binding, binding)
            ]
        fresh.append(_BindingRow(binding, stored=False))
        rows += fresh
        added += fresh
        changed.append(True)
    _write_rows(connection, added, closed, known_at)
    return changed


def build_binding(row: Row[Any]) -> Binding:
    """Convert the row to the public model."""
    return Binding(
        id=row.id,
        kind=AssetKind(row.kind),
        value=row.value,
        customer_id=row.customer_id,
        service=row.service,
        role=DataRole(row.role),
        categories=tuple(DataCategory(category) for category in row.categories),
        pecr=PecrStatus(row.pecr),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        known_from=row.known_from,
        known_to=row.known_to,
    )


def _list_current(
    connection: Connection, some: Sequence[Binding]
) -> dict[tuple[AssetKind, str], list[_BindingRow]]:
    """Return the current rows of these assets, in id order."""
    query = (
        select(bindings)
        .where(
            match_any(connection, bindings.c.value, {binding.value for binding in some}),
            bindings.c.kind.in_(sorted({binding.kind.value for binding in some})),
            bindings.c.known_to.is_(None),
        )
        .order_by(bindings.c.id)
    )
    current: dict[tuple[AssetKind, str], list[_BindingRow]] = defaultdict(list)
    for row in connection.execute(query):
        binding = build_binding(row)
        current[binding.kind, binding.value].append(_BindingRow(binding, stored=True))
    return current


def _write_rows(
    connection: Connection, added: Sequence[_BindingRow], closed: Sequence[int], known_at: datetime
) -> None:
    if closed:
        close = (
            update(bindings).where(bindings.c.id == bindparam("closed")).values(known_to=known_at)
        )
        connection.execute(close, [{"closed": number} for number in closed])
    if added:
        insert_many(connection, bindings, [_build_columns(row, known_at) for row in added])


def _build_columns(row: _BindingRow, known_at: datetime) -> dict[str, Any]:
    columns = row.binding.model_dump(exclude=set(KNOWN))
    columns["categories"] = [category.value for category in row.binding.categories]
    plain = {
        name: getattr(columns[name], "value", columns[name]) for name in ("kind", "role", "pecr")
    }
    return {**columns, **plain, "known_from": known_at, "known_to": row.known_to}


def _is_same(old: Binding, new: Binding) -> bool:
    return old.model_dump(exclude=set(KNOWN)) == new.model_dump(exclude=set(KNOWN))
