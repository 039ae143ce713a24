"""Store the outbox's rows. A row is unique by (breach, customer, person, kind, version)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, cast, func, insert, select, type_coerce, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql import counters
from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.tables.case_tables import notices
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.notice_states import check_transition, list_sources
from schemas.errors import EditConflict, NotFound
from schemas.paging import Page, PageRequest

BY_ID = KeysetPager(SortKey(notices.c.id))
IDENTITY = ("breach_id", "customer_id", "person_id", "kind", "version")


class SqlNoticeBook:
    """breachdesk.ports.NoticeBook."""

    def __init__(self, connection: Connection, row_digests: RowDigests) -> None:
        self._connection = connection
        self._row_digests = row_digests
        self._cached_rows: dict[str, Sequence[NoticeRow]] = {}
        """All rows of a breach, until one is written."""

    def enqueue(self, row: NoticeRow) -> NoticeRow:
        """Add a row (its id is ignored). Raises EditConflict when its identity exists."""
        identity = {name: getattr(row, name) for name in IDENTITY}
        there = select(notices.c.id).where(*(notices.c[k] == v for k, v in identity.items()))
        if self._connection.execute(there).scalar() is not None:
            raise EditConflict(
                "this notice is queued already",
                place=f"{row.breach_id}, {row.customer_id}, {row.kind} version {row.version}",
                remedy="A second letter needs a new version.",
            )
        added = self._connection.execute(
            insert(notices).values(**identity, status=row.status, doc="")
        )
        queued = row.model_copy(update={"id": counters.get_inserted_id(added)})
        self._cached_rows.pop(row.breach_id, None)
        self._row_digests.touch(notices, queued.id)
        self._write_row(queued, list(DeliveryStatus))
        return queued

    def get(self, row_id: int) -> NoticeRow:
        """Return the row. Raises NotFound."""
        doc = self._connection.execute(select(notices.c.doc).where(notices.c.id == row_id)).scalar()
        if doc is None:
            raise NotFound(
                f"no notice {row_id}",
                remedy="`breachdesk notices list` names them.",
            )
        return NoticeRow.model_validate_json(doc)

    def list(
        self,
        *,
        breach_id: str | None = None,
        statuses: Sequence[DeliveryStatus] = (),
        kind: NoticeKind | None = None,
    ) -> Sequence[NoticeRow]:
        """List all rows in id order."""
        if breach_id is not None and (breach_id in self._cached_rows or not (statuses or kind)):
            return [
                row
                for row in self._list_of_breach(breach_id)
                if (not statuses or row.status in statuses) and kind in (None, row.kind)
            ]
        query = select(notices.c.doc).order_by(notices.c.id)
        if breach_id is not None:
            query = query.where(notices.c.breach_id == breach_id)
        if statuses:
            query = query.where(notices.c.status.in_([status.value for status in statuses]))
        if kind is not None:
            query = query.where(notices.c.kind == kind.value)
        return [_parse_notice(row) for row in self._connection.execute(query)]

    def list_page(self, request: PageRequest) -> Page[NoticeRow]:
        """Return a page of rows in id order."""
        return BY_ID.read_page(self._connection, select(notices.c.doc), request, _parse_notice)

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read these breaches' rows with one statement, for later calls."""
        unread = [breach_id for breach_id in breach_ids if breach_id not in self._cached_rows]
        if not unread:
            return
        query = (
            select(notices.c.breach_id, notices.c.doc)
            .where(match_any(self._connection, notices.c.breach_id, unread))
            .order_by(notices.c.id)
        )
        read: dict[str, list[NoticeRow]] = {breach_id: [] for breach_id in unread}
        for row in self._connection.execute(query):
            read[row.breach_id].append(NoticeRow.model_validate_json(row.doc))
        self._cached_rows |= read

    def count_by_status(self) -> Mapping[DeliveryStatus, int]:
        """Count rows by status, including statuses without rows."""
        query = select(notices.c.status, func.count()).group_by(notices.c.status)
        totals = {row[0]: int(row[1]) for row in self._connection.execute(query)}
        return {status: totals.get(status.value, 0) for status in DeliveryStatus}

    def count_attempts(self) -> int:
        """Sum the attempts to send of all rows, from the rows themselves."""
        has_json = self._connection.dialect.name == "postgresql"
        doc = cast(notices.c.doc, JSON) if has_json else type_coerce(notices.c.doc, JSON)
        query = select(func.coalesce(func.sum(doc["attempts"].as_integer()), 0))
        return int(self._connection.execute(query).scalar_one())

    def is_audited(self, row_id: int) -> bool:
        """Whether an audit entry carries the row's present digest."""
        return self._row_digests.is_audited(notices, row_id)

    def update(self, row: NoticeRow, *, expected: Sequence[DeliveryStatus]) -> bool:
        """Write the row if its stored status is one of `expected`; False: it was not. Raises
        NotFound for an unknown row, EditConflict when it would become another notice, NotAllowed
        for a transition that `schemas.casework.notice_states` lacks."""
        stored = self.get(row.id)
        if any(getattr(stored, name) != getattr(row, name) for name in IDENTITY):
            raise EditConflict("a notice never changes whose it is", place=f"notice {row.id}")
        sources = list_sources(row.status)
        if stored.status in expected:
            check_transition(stored.status, row.status, place=f"notice {row.id}")
        return self._write_row(row, [status for status in expected if status in sources])

    def _list_of_breach(self, breach_id: str) -> Sequence[NoticeRow]:
        if breach_id not in self._cached_rows:
            self.read_ahead([breach_id])
        return self._cached_rows[breach_id]

    def _write_row(self, row: NoticeRow, expected: Sequence[DeliveryStatus]) -> bool:
        where = (notices.c.id == row.id, notices.c.status.in_([s.value for s in expected]))
        if self._connection.execute(select(notices.c.id).where(*where)).scalar() is None:
            return False
        self._row_digests.replace(notices, row.id)
        self._cached_rows.pop(row.breach_id, None)
        result = self._connection.execute(
            update(notices)
            .where(*where)
            .values(
                status=row.status.value,
                doc=row.model_dump_json(),
                writes=func.coalesce(notices.c.writes, 0) + 1,
            )
        )
        return bool(result.rowcount)


def _parse_notice(row: Row[Any]) -> NoticeRow:
    return NoticeRow.model_validate_json(row.doc)
