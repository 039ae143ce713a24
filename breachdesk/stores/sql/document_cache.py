"""Cache documents of breaches within one transaction, so that none is read or decrypted twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql import counters
from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.case_cipher import NONCE, CaseCipher
from breachdesk.stores.sql.snapshot_cache import MOST_BYTES, SnapshotView
from breachdesk.stores.tables.case_tables import breaches, documents
from schemas.casework.affected import Manifest
from schemas.casework.approval import SealedTexts
from schemas.casework.list_outline import ListOutline
from schemas.customer import FrozenModel

Doc = TypeVar("Doc", bound=FrozenModel)
Key = tuple[str, str]
"""Kind and breach."""
OUTLINES = ListOutline.__name__
OF_LISTS = Manifest.__name__
LARGE = frozenset({SealedTexts.__name__})
"""Kinds that hold every letter of a release: read only when they are asked for."""
MEMORABLE = 50_000
"""Bytes from which on a document, once parsed, is kept for later snapshots, and is not read before
somebody wants its contents."""


class DocumentCache:
    """A document is immutable; whoever files or redacts one calls `forget`."""

    def __init__(
        self, connection: Connection, cipher: CaseCipher, cache: SnapshotView | None = None
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._cipher = cipher
        self._rows: dict[Key, Sequence[Row[Any]]] = {}
        self._newest: dict[Key, Row[Any] | None] = {}
        self._opened_documents: dict[tuple[int, bool], FrozenModel] = {}
        """By row; True: its outline."""
        self._complete_breaches: set[str] = set()
        """Breaches of which every kind but LARGE ones was read."""
        self._written_keys: set[Key] = set()
        """What was written after that."""

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read all documents of these breaches, except LARGE ones, with one statement."""
        query = _select_documents().where(
            match_any(self._connection, documents.c.breach_id, breach_ids),
            documents.c.kind.not_in(sorted(LARGE)),
        )
        read: dict[Key, list[Row[Any]]] = defaultdict(list)
        for row in self._connection.execute(query):
            read[row.kind, row.breach_id].append(row)
        self._rows |= read
        self._complete_breaches.update(breach_ids)
        self._written_keys = {
            key for key in self._written_keys if key[1] not in self._complete_breaches
        }
        self._cipher.read_ahead({row.case_id for rows in read.values() for row in rows})

    def list_versions(self, kind: type[Doc], breach_id: str) -> Sequence[Doc]:
        """List all versions, oldest first."""
        key = _get_stored_kind(kind), breach_id
        if not self._has_read(key):
            query = _select_documents().where(
                documents.c.kind == key[0], documents.c.breach_id == breach_id
            )
            self._rows[key] = self._connection.execute(query).all()
        opened = (self._open(kind, row) for row in self._rows.get(key, ()))
        return [doc for doc in opened if doc is not None]

    def find_latest(self, kind: type[Doc], breach_id: str) -> Doc | None:
        """Return the highest version, or None."""
        key = _get_stored_kind(kind), breach_id
        if self._has_read(key):
            row = next(reversed(self._rows.get(key, ())), None)
        else:
            if key not in self._newest:
                self._newest[key] = self._connection.execute(_select_newest(*key)).one_or_none()
            row = self._newest[key]
        return None if row is None else self._open(kind, row)

    def get_newest(self, kind: type[Doc]) -> dict[str, Doc]:
        """Return the highest version of every breach that has one."""
        query = _select_documents().where(documents.c.kind == _get_stored_kind(kind))
        rows = {row.breach_id: row for row in self._connection.execute(query)}
        self._cipher.read_ahead({row.case_id for row in rows.values() if row.size is not None})
        opened = {breach_id: self._open(kind, row) for breach_id, row in rows.items()}
        return {breach_id: doc for breach_id, doc in opened.items() if doc is not None}

    def forget(self, kind: str, breach_id: str) -> None:
        """Drop cached documents of this kind after a write."""
        self._written_keys.add((kind, breach_id))
        for row in self._rows.pop((kind, breach_id), ()):
            self._close(row.id)
        newest = self._newest.pop((kind, breach_id), None)
        if newest is not None:
            self._close(newest.id)

    def _close(self, row_id: int) -> None:
        for outline in (False, True):
            self._opened_documents.pop((row_id, outline), None)

    def _has_read(self, key: Key) -> bool:
        kind, breach_id = key
        complete = (
            breach_id in self._complete_breaches
            and kind not in LARGE
            and key not in self._written_keys
        )
        return complete or key in self._rows

    def _open(self, kind: type[Doc], row: Row[Any]) -> Doc | None:
        """Decrypt a row, or return None if the case's key was erased. The key is looked up each
        time, because it may be erased between two calls."""
        if row.size is not None and not self._cipher.is_open(row.case_id):
            return None
        key = row.id, kind is ListOutline
        if key not in self._opened_documents:
            outlined = kind is ListOutline
            self._opened_documents[key] = (
                self._read_outline(row) if outlined else self._parse(kind, row)
            )
        return cast(Doc, self._opened_documents[key])

    def _read_outline(self, row: Row[Any]) -> FrozenModel:
        """Return the outline that was stored with its list; for a list without one, compute it."""
        if row.outline is None:
            return ListOutline.from_manifest(cast(Manifest, self._open(Manifest, row)))

        def parse() -> ListOutline:
            text = self._cipher.open(row.case_id, row.outline, build_outline_purpose(row._asdict()))
            return ListOutline.model_validate_json(text or b"")

        return self._get_cached(ListOutline, row, len(row.outline), parse)

    def _parse(self, kind: type[Doc], row: Row[Any]) -> FrozenModel:
        if row.size is None:
            return kind.model_validate_json(row.doc)

        def parse() -> FrozenModel:
            text = self._cipher.open(
                row.case_id, self._read_sealed(row), build_purpose(row._asdict())
            )
            return kind.model_validate_json(text or b"")

        return self._get_cached(kind, row, row.size, parse)

    def _get_cached(
        self, kind: type[FrozenModel], row: Row[Any], size: int, parse: Callable[[], FrozenModel]
    ) -> FrozenModel:
        if self._cache is None or size < MEMORABLE or kind.__name__ in LARGE:
            return parse()
        # Sealing again gives another nonce, also to the outline: the nonce identifies this content.
        key = (
            row.id,
            build_purpose(row._asdict()),
            row.size,
            row.nonce,
            (row.outline or b"")[:NONCE],
        )
        erasures = partial(counters.get_current, self._connection, counters.ERASURES)
        return self._cache.get_cached(
            kind.__name__, key, parse, revision=erasures, size=min(size, MOST_BYTES)
        )

    def _read_sealed(self, row: Row[Any]) -> bytes:
        """Read the sealed content of a large document now."""
        if row.sealed is not None:
            return bytes(row.sealed)
        query = select(documents.c.sealed).where(documents.c.id == row.id)
        return bytes(self._connection.execute(query).scalar_one())


def build_purpose(address: dict[str, Any]) -> str:
    """Build the purpose that a sealed document is bound to: its own address."""
    return f"{address['kind']}/{address['breach_id']}/{address['key']}/{address['number']}"


def build_outline_purpose(address: dict[str, Any]) -> str:
    """Build the purpose that a list's outline is bound to."""
    return f"outline/{build_purpose(address)}"


def _get_stored_kind(kind: type[FrozenModel]) -> str:
    """Return the kind of the stored row: an outline is in the row of its list."""
    return OF_LISTS if kind is ListOutline else kind.__name__


def _select_documents() -> Select[Any]:
    """Select documents with `size` of the sealed content; `sealed`, unless it is large; and
    `nonce`, of a large one without an outline, which identifies its content."""
    sealed, size = documents.c.sealed, func.length(documents.c.sealed)
    return (
        select(
            *(column for column in documents.c if column is not sealed),
            breaches.c.case_id,
            size.label("size"),
            case((size < MEMORABLE, sealed)).label("sealed"),
            case(
                (
                    and_(size >= MEMORABLE, documents.c.outline.is_(None)),
                    func.substr(sealed, 1, NONCE),
                )
            ).label("nonce"),
        )
        .join(breaches, breaches.c.id == documents.c.breach_id)
        .order_by(documents.c.breach_id, documents.c.number, documents.c.id)
    )


def _select_newest(kind: str, breach_id: str) -> Select[Any]:
    return (
        _select_documents()
        .where(documents.c.kind == kind, documents.c.breach_id == breach_id)
        .order_by(None)
        .order_by(documents.c.number.desc(), documents.c.id.desc())
        .limit(1)
    )
