"""Documents of breaches as one transaction reads them: nothing is asked for or opened twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import Select, select
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.many_rows import any_of
from breachdesk.stores.sealed import NONCE, Sealing
from breachdesk.stores.snapshot_memory import SnapshotView
from breachdesk.stores.tables import breaches, documents
from schemas.approval import SealedTexts
from schemas.customer import Frozen

Doc = TypeVar("Doc", bound=Frozen)
Key = tuple[str, str]
"""Kind and breach."""
LARGE = frozenset({SealedTexts.__name__})
"""Kinds that hold every letter of a release: read only when they are asked for."""
MEMORABLE = 50_000
"""Bytes from which on a document, once parsed, is kept for later snapshots."""


class ReadDocuments:
    """A document is immutable; whoever files or redacts one calls `forget`."""

    def __init__(
        self, connection: Connection, sealing: Sealing, memory: SnapshotView | None = None
    ) -> None:
        self._connection = connection
        self._memory = memory
        self._sealing = sealing
        self._rows: dict[Key, Sequence[Row[Any]]] = {}
        self._newest: dict[Key, Row[Any] | None] = {}
        self._opened: dict[int, Frozen] = {}
        self._complete: set[str] = set()
        """Breaches of which every kind but LARGE ones was read."""
        self._written: set[Key] = set()
        """What was written after that."""

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """All documents of these breaches, but LARGE ones, in one statement."""
        query = _documents().where(
            any_of(self._connection, documents.c.breach_id, breach_ids),
            documents.c.kind.not_in(sorted(LARGE)),
        )
        read: dict[Key, list[Row[Any]]] = defaultdict(list)
        for row in self._connection.execute(query):
            read[row.kind, row.breach_id].append(row)
        self._rows |= read
        self._complete.update(breach_ids)
        self._written = {key for key in self._written if key[1] not in self._complete}
        self._sealing.read_ahead({row.case_id for rows in read.values() for row in rows})

    def all(self, kind: type[Doc], breach_id: str) -> Sequence[Doc]:
        """All versions, oldest first."""
        key = kind.__name__, breach_id
        if not self._has_read(key):
            query = _documents().where(
                documents.c.kind == kind.__name__, documents.c.breach_id == breach_id
            )
            self._rows[key] = self._connection.execute(query).all()
        opened = (self._open(kind, row) for row in self._rows.get(key, ()))
        return [doc for doc in opened if doc is not None]

    def latest(self, kind: type[Doc], breach_id: str) -> Doc | None:
        """The highest version, or None."""
        key = kind.__name__, breach_id
        if self._has_read(key):
            row = next(reversed(self._rows.get(key, ())), None)
        else:
            if key not in self._newest:
                self._newest[key] = self._connection.execute(_newest(*key)).one_or_none()
            row = self._newest[key]
        return None if row is None else self._open(kind, row)

    def newest(self, kind: type[Doc]) -> dict[str, Doc]:
        """The highest version of every breach that has one."""
        query = _documents().where(documents.c.kind == kind.__name__)
        rows = {row.breach_id: row for row in self._connection.execute(query)}
        self._sealing.read_ahead({row.case_id for row in rows.values() if row.sealed is not None})
        opened = {breach_id: self._open(kind, row) for breach_id, row in rows.items()}
        return {breach_id: doc for breach_id, doc in opened.items() if doc is not None}

    def forget(self, kind: str, breach_id: str) -> None:
        """Something of this kind was written."""
        self._written.add((kind, breach_id))
        for row in self._rows.pop((kind, breach_id), ()):
            self._opened.pop(row.id, None)
        newest = self._newest.pop((kind, breach_id), None)
        if newest is not None:
            self._opened.pop(newest.id, None)

    def _has_read(self, key: Key) -> bool:
        kind, breach_id = key
        complete = breach_id in self._complete and kind not in LARGE and key not in self._written
        return complete or key in self._rows

    def _open(self, kind: type[Doc], row: Row[Any]) -> Doc | None:
        """None: the case's key was erased. The key is looked for each time: it may be erased
        between two questions."""
        if row.sealed is not None and not self._sealing.is_open(row.case_id):
            return None
        if row.id not in self._opened:
            self._opened[row.id] = self._parse(kind, row)
        return cast(Doc, self._opened[row.id])

    def _parse(self, kind: type[Doc], row: Row[Any]) -> Frozen:
        if row.sealed is None:
            return kind.model_validate_json(row.doc)

        def parse() -> Frozen:
            text = self._sealing.open(row.case_id, row.sealed, purpose(row._asdict()))
            return kind.model_validate_json(text or b"")

        if self._memory is None or len(row.sealed) < MEMORABLE or kind.__name__ in LARGE:
            return parse()
        # What is sealed anew gets another nonce: it names this very content.
        key = row.id, purpose(row._asdict()), row.sealed[:NONCE], len(row.sealed)
        return self._memory.remembered(kind.__name__, key, parse)


def purpose(address: dict[str, Any]) -> str:
    """What a sealed document is bound to: its own address."""
    return f"{address['kind']}/{address['breach_id']}/{address['key']}/{address['number']}"


def _documents() -> Select[Any]:
    return (
        select(documents, breaches.c.case_id)
        .join(breaches, breaches.c.id == documents.c.breach_id)
        .order_by(documents.c.breach_id, documents.c.number, documents.c.id)
    )


def _newest(kind: str, breach_id: str) -> Select[Any]:
    return (
        _documents()
        .where(documents.c.kind == kind, documents.c.breach_id == breach_id)
        .order_by(None)
        .order_by(documents.c.number.desc(), documents.c.id.desc())
        .limit(1)
    )
