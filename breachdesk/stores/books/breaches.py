"""Store breaches and their versioned documents; documents that name people are sealed under the
case's key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql import counters
from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.case_cipher import CaseCipher
from breachdesk.stores.sql.document_cache import DocumentCache, build_outline_purpose, build_purpose
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.sql.snapshot_cache import SnapshotView
from breachdesk.stores.tables.case_tables import breaches, cases, documents
from schemas.casework.affected import Manifest
from schemas.casework.approval import SealedTexts, WitnessMail
from schemas.casework.breach import Breach
from schemas.casework.breach_records import BodyTold, ControllerQuestion, Receipt
from schemas.casework.case import CaseState
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.list_outline import ListOutline
from schemas.casework.obligation import Waiver, WaiverRequest, WaiverUndone
from schemas.casework.report import Submission
from schemas.customer import FrozenModel
from schemas.errors import BadInput, EditConflict, NotFound
from schemas.paging import Page, PageRequest

Doc = TypeVar("Doc", bound=FrozenModel)
SEALED: tuple[type[FrozenModel], ...] = (
    Manifest, NoticeFacts, WitnessMail, BodyTold, ControllerQuestion, Receipt,
    WaiverRequest, Waiver, WaiverUndone, SealedTexts,
)  # fmt: skip

BY_TIME = KeysetPager(
    SortKey(breaches.c.confirmed_at, descending=True), SortKey(breaches.c.id, descending=True)
)
NEWEST_FIRST = breaches.c.confirmed_at.desc(), breaches.c.id.desc()


class SqlBreachBook:
    """Implements breachdesk.ports.BreachBook. A sealed document is left out once its case's key was
    erased."""

    def __init__(
        self,
        connection: Connection,
        cipher: CaseCipher,
        row_digests: RowDigests,
        cache: SnapshotView | None = None,
    ) -> None:
        """Open the book; `memory` belongs to a read snapshot."""
        self._connection = connection
        self._cipher = cipher
        self._row_digests = row_digests
        self._documents = DocumentCache(connection, cipher, cache)
        self._cached_rows: dict[str, Row[Any]] = {}
        """Rows that `read_ahead` read and nobody wrote over since."""

    def allocate_id(self) -> str:
        """Allocate the next id (`BR-0001`, …); ids are never re-used."""
        return f"BR-{counters.advance(self._connection, 'breach'):04d}"

    def add(self, breach: Breach) -> None:
        """Insert the breach. Raises EditConflict if the id exists."""
        if self._find_row(breach.id) is not None:
            raise EditConflict("it exists already", place=breach.id, remedy="Take the next id.")
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
        self._row_digests.touch(breaches, breach.id)

    def get(self, breach_id: str) -> Breach:
        """Return the breach. Raises NotFound."""
        return Breach.model_validate_json(self._get_row(breach_id).doc)

    def list(self) -> Sequence[Breach]:
        """List all breaches, newest first."""
        return self._list_breaches(select(breaches.c.doc).order_by(*NEWEST_FIRST))

    def list_page(self, request: PageRequest) -> Page[Breach]:
        """Return a page of breaches, newest first."""
        return BY_TIME.read_page(self._connection, select(breaches.c.doc), request, _parse_breach)

    def list_of_open_cases(self) -> Sequence[Breach]:
        """List breaches of cases that are not closed, newest first."""
        return self._list_breaches(
            select(breaches.c.doc)
            .join(cases, cases.c.id == breaches.c.case_id)
            .where(cases.c.state != CaseState.CLOSED.value)
            .order_by(*NEWEST_FIRST)
        )

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read these breaches and their documents at once; the texts of letters are left out."""
        unread = [breach_id for breach_id in breach_ids if breach_id not in self._cached_rows]
        if not unread:
            return
        query = select(breaches).where(match_any(self._connection, breaches.c.id, unread))
        self._cached_rows |= {row.id: row for row in self._connection.execute(query)}
        self._documents.read_ahead(unread)

    def get_newest(self, kind: type[Doc]) -> Mapping[str, Doc]:
        """Return the highest version of every breach that has such a document."""
        return self._documents.get_newest(kind)

    def list_confirmed(self, begin: datetime, end: datetime) -> Sequence[Breach]:
        """List breaches confirmed from `begin` until before `end`, oldest first."""
        return self._list_breaches(
            select(breaches.c.doc)
            .where(breaches.c.confirmed_at >= begin, breaches.c.confirmed_at < end)
            .order_by(breaches.c.confirmed_at, breaches.c.id)
        )

    def save(self, breach: Breach) -> Breach:
        """Write over the version it was read at; returns it with the next. Raises EditConflict."""
        saved = breach.model_copy(update={"version": breach.version + 1})
        self._row_digests.replace(breaches, breach.id)
        self._cached_rows.pop(breach.id, None)
        result = self._connection.execute(
            update(breaches)
            .where(breaches.c.id == breach.id, breaches.c.version == breach.version)
            .values(version=saved.version, doc=saved.model_dump_json())
        )
        if not result.rowcount:
            self._get_row(breach.id)
            raise EditConflict(
                "somebody changed it meanwhile", place=breach.id, remedy="Reload and look again."
            )
        return saved

    def add_document(self, document: FrozenModel) -> None:
        """Store a document. Raises EditConflict if that version exists, BadInput if it has no
        breach or number."""
        address = _build_address(document)
        existing = self._connection.execute(
            select(documents.c.id).where(*(documents.c[k] == v for k, v in address.items()))
        ).scalar()
        if existing is not None:
            raise EditConflict(
                "this version is filed already",
                place=f"{address['breach_id']}, {address['kind']} {address['number']}",
                remedy="Reload; the next version may be filed.",
            )
        content = self._build_content(document, address)
        added = self._connection.execute(insert(documents).values(**address, **content))
        self._documents.forget(address["kind"], address["breach_id"])
        self._row_digests.touch(documents, counters.get_inserted_id(added))

    def redact(self, document: FrozenModel) -> None:
        """Write over a filed version. Raises NotFound when there is none."""
        address = _build_address(document)
        where = [documents.c[k] == v for k, v in address.items()]
        existing = self._connection.execute(select(documents.c.id).where(*where)).scalar()
        if existing is None:
            raise NotFound("no such document", place=address["breach_id"], remedy="Look again.")
        self._row_digests.replace(documents, existing)
        self._documents.forget(address["kind"], address["breach_id"])
        self._connection.execute(
            update(documents)
            .where(documents.c.id == existing)
            .values(**self._build_content(document, address))
        )

    def find_latest(self, kind: type[Doc], breach_id: str) -> Doc | None:
        """Return the highest version, or None."""
        return self._documents.find_latest(kind, breach_id)

    def list_versions(self, kind: type[Doc], breach_id: str) -> Sequence[Doc]:
        """List all versions, oldest first."""
        return self._documents.list_versions(kind, breach_id)

    def pause(self, breach_id: str, paused: bool) -> None:
        """Set or clear the kill switch, which takes effect between messages."""
        self._get_row(breach_id)
        self._row_digests.replace(breaches, breach_id)
        self._cached_rows.pop(breach_id, None)
        self._connection.execute(
            update(breaches).where(breaches.c.id == breach_id).values(paused=paused)
        )

    def is_paused(self, breach_id: str) -> bool:
        return bool(self._get_row(breach_id).paused)

    def _list_breaches(self, query: Select[Any]) -> Sequence[Breach]:
        return [_parse_breach(row) for row in self._connection.execute(query)]

    def _find_row(self, breach_id: str) -> Row[Any] | None:
        if breach_id in self._cached_rows:
            return self._cached_rows[breach_id]
        return self._connection.execute(
            select(breaches).where(breaches.c.id == breach_id)
        ).one_or_none()

    def _get_row(self, breach_id: str) -> Row[Any]:
        row = self._find_row(breach_id)
        if row is None:
            raise NotFound(
                f"no breach {breach_id}", remedy="`breachdesk breaches list` names them."
            )
        return row

    def _build_content(self, document: FrozenModel, address: dict[str, Any]) -> dict[str, Any]:
        text = document.model_dump_json()
        case_id = self._get_row(address["breach_id"]).case_id
        if not isinstance(document, SEALED):
            return {"doc": text, "sealed": None}
        sealed = self._cipher.seal(case_id, text.encode(), build_purpose(address))
        content: dict[str, Any] = {"doc": None, "sealed": sealed}
        if isinstance(document, Manifest):
            outline = ListOutline.from_manifest(document).model_dump_json().encode()
            content["outline"] = self._cipher.seal(case_id, outline, build_outline_purpose(address))
        return content


def _parse_breach(row: Row[Any]) -> Breach:
    return Breach.model_validate_json(row.doc)


def _build_address(document: FrozenModel) -> dict[str, Any]:
    kind = type(document).__name__
    fields = document.model_dump(include={"breach_id", "version", "number", "jurisdiction"})
    if "breach_id" not in fields:
        raise BadInput(f"a {kind} belongs to no breach", remedy="File it elsewhere.")
    key = document.jurisdiction if isinstance(document, Submission) else ""
    number = fields.get("number", fields.get("version", 0))
    return {"kind": kind, "breach_id": fields["breach_id"], "key": key, "number": number}
