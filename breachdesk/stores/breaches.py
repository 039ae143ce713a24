"""Breaches and their versioned documents; those that name people lie sealed under the case's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores import counters
from breachdesk.stores.keyset import Keyset, SortKey
from breachdesk.stores.many_rows import any_of
from breachdesk.stores.read_documents import ReadDocuments, outline_purpose, purpose
from breachdesk.stores.row_digests import RowDigests
from breachdesk.stores.sealed import Sealing
from breachdesk.stores.snapshot_memory import SnapshotView
from breachdesk.stores.tables import breaches, cases, documents
from schemas.affected import Manifest
from schemas.approval import SealedTexts, WitnessMail
from schemas.around_breach import BodyTold, ControllerQuestion, Receipt
from schemas.breach import Breach
from schemas.case import CaseState
from schemas.customer import Frozen
from schemas.errors import BadInput, Conflict, NotFound
from schemas.letter_facts import NoticeFacts
from schemas.list_outline import ListOutline
from schemas.obligation import Waiver, WaiverRequest, WaiverUndone
from schemas.paging import Page, PageRequest
from schemas.report import Submission

Doc = TypeVar("Doc", bound=Frozen)
SEALED: tuple[type[Frozen], ...] = (
    Manifest, NoticeFacts, WitnessMail, BodyTold, ControllerQuestion, Receipt,
    WaiverRequest, Waiver, WaiverUndone, SealedTexts,
)  # fmt: skip

BY_TIME = Keyset(
    SortKey(breaches.c.confirmed_at, descending=True), SortKey(breaches.c.id, descending=True)
)
NEWEST_FIRST = breaches.c.confirmed_at.desc(), breaches.c.id.desc()


class SqlBreachBook:
    """breachdesk.ports.BreachBook. A sealed document whose case's key was erased is left out."""

    def __init__(
        self,
        connection: Connection,
        sealing: Sealing,
        rows: RowDigests,
        memory: SnapshotView | None = None,
    ) -> None:
        """`memory`: of a read snapshot."""
        self._connection = connection
        self._sealing = sealing
        self._rows = rows
        self._documents = ReadDocuments(connection, sealing, memory)
        self._read: dict[str, Row[Any]] = {}
        """Rows that `read_ahead` read and nobody wrote over since."""

    def next_id(self) -> str:
        """`BR-0001` and on; never re-used."""
        return f"BR-{counters.advance(self._connection, 'breach'):04d}"

    def add(self, breach: Breach) -> None:
        """Raises Conflict when the id exists."""
        if self._row(breach.id) is not None:
            raise Conflict("it exists already", place=breach.id, remedy="Take the next id.")
        self._connection.execute(
            insert(breaches).values(
                id=breach.id,
                case_id=breach.case_id,
                version=breach.version,
                confirmed_at=breach.confirmed_at,
                paused=False,
                doc=breach.model_dump_json(),
            )
        )
        self._rows.touch(breaches, breach.id)

    def get(self, breach_id: str) -> Breach:
        """Raises NotFound."""
        return Breach.model_validate_json(self._existing(breach_id).doc)

    def list(self) -> Sequence[Breach]:
        """Newest first."""
        return self._all(select(breaches.c.doc).order_by(*NEWEST_FIRST))

    def page(self, request: PageRequest) -> Page[Breach]:
        """Newest first."""
        return BY_TIME.page(self._connection, select(breaches.c.doc), request, _breach)

    def of_open_cases(self) -> Sequence[Breach]:
        """Those whose case is not closed, newest first."""
        return self._all(
            select(breaches.c.doc)
            .join(cases, cases.c.id == breaches.c.case_id)
            .where(cases.c.state != CaseState.CLOSED.value)
            .order_by(*NEWEST_FIRST)
        )

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read these breaches and their documents at once; the texts of letters are left out."""
        unread = [breach_id for breach_id in breach_ids if breach_id not in self._read]
        if not unread:
            return
        query = select(breaches).where(any_of(self._connection, breaches.c.id, unread))
        self._read |= {row.id: row for row in self._connection.execute(query)}
        self._documents.read_ahead(unread)

    def newest(self, kind: type[Doc]) -> Mapping[str, Doc]:
        """By breach: its highest version, of every breach that has one."""
        return self._documents.newest(kind)

    def confirmed(self, begin: datetime, end: datetime) -> Sequence[Breach]:
        """Confirmed from `begin` until before `end`, oldest first."""
        return self._all(
            select(breaches.c.doc)
            .where(breaches.c.confirmed_at >= begin, breaches.c.confirmed_at < end)
            .order_by(breaches.c.confirmed_at, breaches.c.id)
        )

    def save(self, breach: Breach) -> Breach:
        """Write over the version it was read at; returns it with the next. Raises Conflict."""
        saved = breach.model_copy(update={"version": breach.version + 1})
        self._rows.replace(breaches, breach.id)
        self._read.pop(breach.id, None)
        written = self._connection.execute(
            update(breaches)
            .where(breaches.c.id == breach.id, breaches.c.version == breach.version)
            .values(version=saved.version, doc=saved.model_dump_json())
        )
        if not written.rowcount:
            self._existing(breach.id)
            raise Conflict(
                "somebody changed it meanwhile", place=breach.id, remedy="Reload and look again."
            )
        return saved

    def put(self, document: Frozen) -> None:
        """File a document. Raises Conflict when that version is there, BadInput when it has no
        breach or number."""
        address = _address(document)
        existing = self._connection.execute(
            select(documents.c.id).where(*(documents.c[k] == v for k, v in address.items()))
        ).scalar()
        if existing is not None:
            raise Conflict(
                "this version is filed already",
                place=f"{address['breach_id']}, {address['kind']} {address['number']}",
                remedy="Reload; the next version may be filed.",
            )
        content = self._content(document, address)
        added = self._connection.execute(insert(documents).values(**address, **content))
        self._documents.forget(address["kind"], address["breach_id"])
        self._rows.touch(documents, counters.serial(added))

    def redact(self, document: Frozen) -> None:
        """Write over a filed version. Raises NotFound when there is none."""
        address = _address(document)
        where = [documents.c[k] == v for k, v in address.items()]
        existing = self._connection.execute(select(documents.c.id).where(*where)).scalar()
        if existing is None:
            raise NotFound("no such document", place=address["breach_id"], remedy="Look again.")
        self._rows.replace(documents, existing)
        self._documents.forget(address["kind"], address["breach_id"])
        self._connection.execute(
            update(documents)
            .where(documents.c.id == existing)
            .values(**self._content(document, address))
        )

    def latest(self, kind: type[Doc], breach_id: str) -> Doc | None:
        """The highest version, or None."""
        return self._documents.latest(kind, breach_id)

    def all(self, kind: type[Doc], breach_id: str) -> Sequence[Doc]:
        """All versions, oldest first."""
        return self._documents.all(kind, breach_id)

    def pause(self, breach_id: str, paused: bool) -> None:
        """The kill switch, honoured between messages."""
        self._existing(breach_id)
        self._rows.replace(breaches, breach_id)
        self._read.pop(breach_id, None)
        self._connection.execute(
            update(breaches).where(breaches.c.id == breach_id).values(paused=paused)
        )

    def paused(self, breach_id: str) -> bool:
        return bool(self._existing(breach_id).paused)

    def _all(self, query: Select[Any]) -> Sequence[Breach]:
        return [_breach(row) for row in self._connection.execute(query)]

    def _row(self, breach_id: str) -> Row[Any] | None:
        if breach_id in self._read:
            return self._read[breach_id]
        return self._connection.execute(
            select(breaches).where(breaches.c.id == breach_id)
        ).one_or_none()

    def _existing(self, breach_id: str) -> Row[Any]:
        row = self._row(breach_id)
        if row is None:
            raise NotFound(
                f"no breach {breach_id}", remedy="`breachdesk breaches list` names them."
            )
        return row

    def _content(self, document: Frozen, address: dict[str, Any]) -> dict[str, Any]:
        text = document.model_dump_json()
        case_id = self._existing(address["breach_id"]).case_id
        if not isinstance(document, SEALED):
            return {"doc": text, "sealed": None}
        sealed = self._sealing.seal(case_id, text.encode(), purpose(address))
        content: dict[str, Any] = {"doc": None, "sealed": sealed}
        if isinstance(document, Manifest):
            outline = ListOutline.of(document).model_dump_json().encode()
            content["outline"] = self._sealing.seal(case_id, outline, outline_purpose(address))
        return content


def _breach(row: Row[Any]) -> Breach:
    return Breach.model_validate_json(row.doc)


def _address(document: Frozen) -> dict[str, Any]:
    kind = type(document).__name__
    fields = document.model_dump(include={"breach_id", "version", "number", "jurisdiction"})
    if "breach_id" not in fields:
        raise BadInput(f"a {kind} belongs to no breach", remedy="File it elsewhere.")
    key = document.jurisdiction if isinstance(document, Submission) else ""
    number = fields.get("number", fields.get("version", 0))
    return {"kind": kind, "breach_id": fields["breach_id"], "key": key, "number": number}
