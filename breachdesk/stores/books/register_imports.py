"""Store sources of customers and changes of the register that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql.dialects import insert_or_replace
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.tables.register_tables import held_changes, import_sources
from schemas.errors import EditConflict, NotFound
from schemas.paging import Page, PageRequest
from schemas.register_import import HeldChange, HeldState, ImportSourceState

BY_ID = KeysetPager(SortKey(held_changes.c.id))
GREATEST_ID = 2**63 - 1
"""Of a row in any database."""
WAITING = held_changes.c.state == HeldState.WAITING.value


class SqlImportBook:
    """breachdesk.ports.ImportBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_source(self, name: str) -> ImportSourceState:
        """Return what is known of the source."""
        query = select(import_sources.c.doc).where(import_sources.c.name == name)
        doc = self._connection.execute(query).scalar()
        if doc is None:
            return ImportSourceState(name=name)
        return ImportSourceState.model_validate_json(doc)

    def list_sources(self) -> Sequence[ImportSourceState]:
        """List all sources that were ever read, by name."""
        query = select(import_sources.c.doc)
        docs = self._connection.execute(query).scalars()
        states = [ImportSourceState.model_validate_json(doc) for doc in docs]
        return sorted(states, key=lambda state: state.name)

    def save_source(self, state: ImportSourceState) -> None:
        """Add or replace the state of a source."""
        replace = insert_or_replace(self._connection, import_sources, ("doc",))
        self._connection.execute(replace, {"name": state.name, "doc": state.model_dump_json()})

    def get_held(self, held_id: int) -> HeldChange:
        """Return the change. Raises NotFound."""
        query = select(held_changes).where(held_changes.c.id == held_id)
        known = abs(held_id) <= GREATEST_ID
        row = self._connection.execute(query).one_or_none() if known else None
        if row is None:
            raise NotFound(f"no held change {held_id}", remedy="Open the list again.")
        return _parse_change(row)

    def list_held_page(self, request: PageRequest) -> Page[HeldChange]:
        """Return a page of the changes that wait, oldest first."""
        query = select(held_changes.c.id, held_changes.c.doc).where(WAITING)
        return BY_ID.read_page(self._connection, query, request, _parse_change)

    def count_held(self) -> int:
        query = select(func.count()).select_from(held_changes).where(WAITING)
        return int(self._connection.execute(query).scalar_one())

    def replace_waiting(self, source: str, changes: Sequence[HeldChange]) -> int:
        """Let exactly these changes of the source wait, without those that were declined."""
        of_source = held_changes.c.source == source
        query = select(held_changes.c.digest, held_changes.c.state).where(of_source)
        states = {row.digest: row.state for row in self._connection.execute(query)}
        fresh_ones = {change.digest: change for change in changes}
        waiting = {digest for digest, state in states.items() if state == HeldState.WAITING}
        declined = {digest for digest, state in states.items() if state == HeldState.DECLINED}
        for digest in sorted(waiting - fresh_ones.keys()):
            gone = delete(held_changes).where(of_source, WAITING, held_changes.c.digest == digest)
            self._connection.execute(gone)
        rows = [
            {
                "source": source,
                "customer_id": change.customer_id,
                "digest": digest,
                "state": HeldState.WAITING.value,
                "doc": change.model_dump_json(exclude={"id"}),
            }
            for digest, change in fresh_ones.items()
            if digest not in waiting | declined
        ]
        if rows:
            self._connection.execute(insert(held_changes), rows)
        return len(rows) + len(waiting & fresh_ones.keys())

    def decide_held(self, held_id: int, state: HeldState, by: str, at: datetime) -> None:
        """Record the decision and drop the customer's values."""
        change = self.get_held(held_id)
        decided = change.model_copy(
            update={
                "state": state,
                "decided_at": at,
                "decided_by": by,
                "before": None,
                "after": None,
            }
        )
        moved = self._connection.execute(
            update(held_changes)
            .where(held_changes.c.id == held_id, WAITING)
            .values(state=state.value, doc=decided.model_dump_json(exclude={"id"}))
        )
        if not moved.rowcount:
            raise EditConflict(
                "somebody decided this meanwhile",
                place=f"held change {held_id}",
                remedy="Open the list again.",
            )


def _parse_change(row: Row[Any]) -> HeldChange:
    return HeldChange.model_validate_json(row.doc).model_copy(update={"id": row.id})
