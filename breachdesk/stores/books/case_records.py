"""Store records around cases: sealed, with plain columns by which lists are sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql import counters
from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.case_cipher import CaseCipher
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.tables.case_tables import case_keys, case_records
from schemas.casework.case_record import CaseRecord
from schemas.errors import EditConflict, NotFound

Kind = TypeVar("Kind", bound=CaseRecord)


class SqlRecordBook:
    """Implements breachdesk.ports.RecordBook. A record is left out once its key was erased."""

    def __init__(self, connection: Connection, cipher: CaseCipher, row_digests: RowDigests) -> None:
        self._connection = connection
        self._cipher = cipher
        self._row_digests = row_digests
        self._cached_rows: dict[str, Sequence[Row[Any]]] = {}
        """All records of a case, as `read_ahead` read them, until one is written."""

    def allocate_id(self, kind: type[CaseRecord]) -> str:
        """Allocate the next id (`COMPLAINT-0001`, …); ids are never re-used."""
        name = kind.__name__.upper()
        return f"{name}-{counters.advance(self._connection, f'record:{name}'):04d}"

    def add(self, record: CaseRecord) -> None:
        """Insert the record. Raises EditConflict if the id exists."""
        if self._find_row(record.id) is not None:
            raise EditConflict("it exists already", place=record.id, remedy="Take the next id.")
        self._connection.execute(
            insert(case_records).values(
                id=record.id,
                kind=type(record).__name__,
                scope=record.scope,
                **self._build_columns(record),
            )
        )
        self._cached_rows.pop(record.scope, None)
        self._row_digests.touch(case_records, record.id)

    def get(self, kind: type[Kind], record_id: str) -> Kind:
        """Return the record. Raises NotFound, also if its key was erased."""
        row = self._find_row(record_id)
        record = (
            self._open_record(kind, row) if row is not None and row.kind == kind.__name__ else None
        )
        if record is None:
            raise NotFound("no such record", place=record_id, remedy="See the list.")
        return record

    def save(self, record: Kind) -> Kind:
        """Write over the version it was read at; returns it with the next. Raises EditConflict."""
        saved = record.model_copy(update={"version": record.version + 1})
        self._row_digests.replace(case_records, record.id)
        self._cached_rows.pop(record.scope, None)
        result = self._connection.execute(
            update(case_records)
            .where(case_records.c.id == record.id, case_records.c.version == record.version)
            .values(**self._build_columns(saved))
        )
        if not result.rowcount:
            self.get(type(record), record.id)
            raise EditConflict(
                "somebody changed it meanwhile", place=record.id, remedy="Reload and look again."
            )
        return saved

    def list_of_case(self, kind: type[Kind], case_id: str) -> Sequence[Kind]:
        """List the case's records by their beginning."""
        if case_id in self._cached_rows:
            rows = [row for row in self._cached_rows[case_id] if row.kind == kind.__name__]
            opened = (self._open_record(kind, row) for row in rows)
            return [record for record in opened if record is not None]
        query = (
            select(case_records)
            .where(*_match_readable(kind), case_records.c.scope == case_id)
            .order_by(case_records.c.begun_at, case_records.c.id)
        )
        return self._list_records(kind, query)

    def read_ahead(self, case_ids: Sequence[str]) -> None:
        """Read the records of these cases at once: `of_case` then asks the store nothing."""
        unread = [case_id for case_id in case_ids if case_id not in self._cached_rows]
        if not unread:
            return
        query = (
            select(case_records)
            .where(match_any(self._connection, case_records.c.scope, unread))
            .order_by(case_records.c.begun_at, case_records.c.id)
        )
        read: dict[str, list[Row[Any]]] = {case_id: [] for case_id in unread}
        for row in self._connection.execute(query):
            read[row.scope].append(row)
        self._cached_rows |= read
        self._cipher.read_ahead([case_id for case_id, rows in read.items() if rows])

    def list_page(
        self, kind: type[Kind], *, begin: int = 0, limit: int | None = None
    ) -> Sequence[Kind]:
        """List records of all cases and of none: running ones by their deadline, then those without
        a deadline, then finished ones, newest first."""
        columns = case_records.c
        query = (
            select(case_records)
            .where(*_match_readable(kind))
            .order_by(
                columns.ended_at.is_not(None),
                columns.due_at.is_(None),
                columns.due_at,
                columns.begun_at.desc(),
                columns.id,
            )
            .offset(begin)
            .limit(limit)
        )
        return self._list_records(kind, query)

    def count(self, kind: type[CaseRecord], *, running: bool = False) -> int:
        """Count records; `running` restricts the count to those that still require something."""
        query = select(func.count()).select_from(case_records).where(*_match_readable(kind))
        if running:
            query = query.where(case_records.c.ended_at.is_(None))
        return int(self._connection.execute(query).scalar_one())

    def _list_records(self, kind: type[Kind], query: Select[Any]) -> list[Kind]:
        opened = (self._open_record(kind, row) for row in self._connection.execute(query).all())
        return [record for record in opened if record is not None]

    def _find_row(self, record_id: str) -> Row[Any] | None:
        return self._connection.execute(
            select(case_records).where(case_records.c.id == record_id)
        ).one_or_none()

    def _open_record(self, kind: type[Kind], row: Row[Any]) -> Kind | None:
        text = self._cipher.open(
            row.scope, row.sealed, _build_purpose(row.kind, row.id, row.version)
        )
        return None if text is None else kind.model_validate_json(text)

    def _build_columns(self, record: CaseRecord) -> dict[str, Any]:
        purpose = _build_purpose(type(record).__name__, record.id, record.version)
        text = record.model_dump_json().encode()
        return {
            "version": record.version,
            "begun_at": record.begun_at,
            "due_at": record.due_at,
            "ended_at": record.ended_at,
            "sealed": self._cipher.seal(record.scope, text, purpose),
        }


def _match_readable(kind: type[CaseRecord]) -> tuple[ColumnElement[bool], ...]:
    keys = select(case_keys.c.case_id).where(case_keys.c.key.is_not(None))
    return case_records.c.kind == kind.__name__, case_records.c.scope.in_(keys)


def _build_purpose(kind: str, record_id: str, version: int) -> str:
    """Build the purpose that a sealed record is bound to."""
    return f"{kind}/{record_id}/{version}"
