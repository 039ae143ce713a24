"""Store cases: a document, its key columns, and a version that is compared on write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy import case as when
from sqlalchemy.engine import Connection, Row

from breachdesk.case_ports import CaseCounts
from breachdesk.stores.books import case_stamps
from breachdesk.stores.sql import counters
from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.sql.listed_columns import build_case_columns, fold_text
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.tables.case_tables import cases
from schemas.casework.case import Case, CaseState
from schemas.errors import EditConflict, NotFound
from schemas.paging import Page, PageRequest

BY_TIME = KeysetPager(
    SortKey(cases.c.opened_at, descending=True), SortKey(cases.c.id, descending=True)
)
NEWEST_FIRST = cases.c.opened_at.desc(), cases.c.id.desc()


class SqlCaseBook:
    """breachdesk.ports.CaseBook."""

    def __init__(
        self, connection: Connection, row_digests: RowDigests, *, is_snapshot: bool = False
    ) -> None:
        """Bind the book. `is_snapshot`: nothing that it reads changes meanwhile."""
        self._connection = connection
        self._row_digests = row_digests
        self._is_snapshot = is_snapshot
        self._cached_docs: dict[str, str] = {}
        """Documents that were read ahead, or in a snapshot, and that nobody wrote over since."""

    def allocate_id(self) -> str:
        """Allocate the next id (`CASE-0001`, …); ids are never re-used."""
        return f"CASE-{counters.advance(self._connection, 'case'):04d}"

    def add(self, case: Case) -> None:
        """Insert the case. Raises EditConflict if the id exists."""
        if self._find_doc(case.id) is not None:
            raise EditConflict("it exists already", place=case.id, remedy="Take the next id.")
        self._connection.execute(
            insert(cases).values(id=case.id, opened_at=case.opened_at, **_build_columns(case))
        )
        self._row_digests.touch(cases, case.id)

    def get(self, case_id: str) -> Case:
        """Return the case. Raises NotFound."""
        doc = self._find_doc(case_id)
        if doc is None:
            raise NotFound(f"no case {case_id}", remedy="`breachdesk cases list` names them.")
        return Case.model_validate_json(doc)

    def list(self) -> Sequence[Case]:
        """List all cases, newest first."""
        return self._list_cases(select(cases.c.doc).order_by(*NEWEST_FIRST))

    def list_page(
        self, request: PageRequest, *, states: Sequence[CaseState] = (), words: str | None = None
    ) -> Page[Case]:
        """Return a page of cases, newest first; `words` must occur in the title or the id."""
        query = select(cases.c.doc)
        if states:
            query = query.where(cases.c.state.in_([state.value for state in states]))
        if words is not None:
            query = query.where(cases.c.words.contains(fold_text(words), autoescape=True))
        return BY_TIME.read_page(self._connection, query, request, _parse_case)

    def count_all(self) -> CaseCounts:
        """Count all cases by state."""
        is_open = cases.c.state != CaseState.CLOSED.value
        query = select(
            func.count(),
            func.coalesce(func.sum(when((is_open, 1), else_=0)), 0),
            func.coalesce(func.sum(when((is_open, cases.c.open_tasks), else_=0)), 0),
        )
        every, open_, tasks = self._connection.execute(query).one()
        return CaseCounts(int(open_), int(every) - int(open_), int(tasks))

    def list_with_open_tasks(self) -> Sequence[Case]:
        """List cases with open tasks, newest first."""
        query = select(cases.c.doc).where(cases.c.open_tasks > 0)
        return self._list_cases(query.order_by(*NEWEST_FIRST))

    def list_by_newest_completed_task(self, limit: int) -> Sequence[Case]:
        """List cases by their last completed task, newest first."""
        query = select(cases.c.doc).where(cases.c.task_done_at.is_not(None))
        newest = query.order_by(cases.c.task_done_at.desc(), cases.c.id.desc())
        return self._list_cases(newest.limit(limit))

    def list_near_misses(self) -> Sequence[Case]:
        """List near misses, newest first."""
        query = select(cases.c.doc).where(cases.c.near_miss.is_(True))
        return self._list_cases(query.order_by(*NEWEST_FIRST))

    def read_ahead(self, case_ids: Sequence[str]) -> None:
        """Read these cases with one statement, for later calls of `get`."""
        if not case_ids:
            return
        query = select(cases.c.id, cases.c.doc).where(
            match_any(self._connection, cases.c.id, case_ids)
        )
        self._cached_docs |= {row.id: row.doc for row in self._connection.execute(query)}

    def compute_stamps(self, case_ids: Sequence[str]) -> Mapping[str, str]:
        """Return a stamp of each case, which changes with every write that its status depends
        on."""
        return case_stamps.compute_stamps(self._connection, case_ids)

    def list_opened(self, begin: datetime, end: datetime) -> Sequence[Case]:
        """List cases opened from `begin` until before `end`, oldest first."""
        return self._list_cases(
            select(cases.c.doc)
            .where(cases.c.opened_at >= begin, cases.c.opened_at < end)
            .order_by(cases.c.opened_at, cases.c.id)
        )

    def save(self, case: Case) -> Case:
        """Write over the version it was read at; returns it with the next. Raises EditConflict."""
        saved = case.model_copy(update={"version": case.version + 1})
        self._row_digests.replace(cases, case.id)
        self._cached_docs.pop(case.id, None)
        result = self._connection.execute(
            update(cases)
            .where(cases.c.id == case.id, cases.c.version == case.version)
            .values(**_build_columns(saved))
        )
        if not result.rowcount:
            self.get(case.id)
            raise EditConflict(
                "somebody changed it meanwhile", place=case.id, remedy="Reload and look again."
            )
        return saved

    def _list_cases(self, query: Select[Any]) -> Sequence[Case]:
        return [_parse_case(row) for row in self._connection.execute(query)]

    def _find_doc(self, case_id: str) -> str | None:
        if case_id in self._cached_docs:
            return self._cached_docs[case_id]
        query = select(cases.c.doc).where(cases.c.id == case_id)
        doc: str | None = self._connection.execute(query).scalar()
        if doc is not None and self._is_snapshot:
            self._cached_docs[case_id] = doc
        return doc


def _parse_case(row: Row[Any]) -> Case:
    return Case.model_validate_json(row.doc)


def _build_columns(case: Case) -> dict[str, object]:
    document: dict[str, object] = {
        "version": case.version,
        "state": case.state.value,
        "doc": case.model_dump_json(),
    }
    return document | build_case_columns(case)
