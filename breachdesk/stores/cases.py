"""Cases: a document, its key columns, and a version that is compared on write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores import counters
from breachdesk.stores.row_digests import RowDigests
from breachdesk.stores.tables import cases
from schemas.case import Case
from schemas.errors import Conflict, NotFound


class SqlCaseBook:
    """breachdesk.ports.CaseBook."""

    def __init__(self, connection: Connection, rows: RowDigests) -> None:
        self._connection = connection
        self._rows = rows

    def next_id(self) -> str:
        """`CASE-0001` and on; never re-used."""
        return f"CASE-{counters.advance(self._connection, 'case'):04d}"

    def add(self, case: Case) -> None:
        """Raises Conflict when the id exists."""
        if self._doc(case.id) is not None:
            raise Conflict("it exists already", place=case.id, remedy="Take the next id.")
        self._connection.execute(
            insert(cases).values(id=case.id, opened_at=case.opened_at, **_changing(case))
        )
        self._rows.touch(cases, case.id)

    def get(self, case_id: str) -> Case:
        """Raises NotFound."""
        doc = self._doc(case_id)
        if doc is None:
            raise NotFound(f"no case {case_id}", remedy="`breachdesk cases list` names them.")
        return Case.model_validate_json(doc)

    def list(self) -> Sequence[Case]:
        """Newest first."""
        docs = self._connection.execute(
            select(cases.c.doc).order_by(cases.c.opened_at.desc(), cases.c.id.desc())
        ).scalars()
        return [Case.model_validate_json(doc) for doc in docs]

    def opened(self, begin: datetime, end: datetime) -> Sequence[Case]:
        """Opened from `begin` until before `end`, oldest first."""
        docs = self._connection.execute(
            select(cases.c.doc)
            .where(cases.c.opened_at >= begin, cases.c.opened_at < end)
            .order_by(cases.c.opened_at, cases.c.id)
        ).scalars()
        return [Case.model_validate_json(doc) for doc in docs]

    def save(self, case: Case) -> Case:
        """Write over the version it was read at; returns it with the next. Raises Conflict."""
        saved = case.model_copy(update={"version": case.version + 1})
        self._rows.replace(cases, case.id)
        written = self._connection.execute(
            update(cases)
            .where(cases.c.id == case.id, cases.c.version == case.version)
            .values(**_changing(saved))
        )
        if not written.rowcount:
            self.get(case.id)
            raise Conflict(
                "somebody changed it meanwhile", place=case.id, remedy="Reload and look again."
            )
        return saved

    def _doc(self, case_id: str) -> str | None:
        return self._connection.execute(select(cases.c.doc).where(cases.c.id == case_id)).scalar()


def _changing(case: Case) -> dict[str, object]:
    return {"version": case.version, "state": case.state.value, "doc": case.model_dump_json()}
