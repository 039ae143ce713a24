"""Which rows a transaction wrote, and the salted digests of them that its audit entries carry.

Whoever changes a watched row past the program leaves it different from the newest digest in the
chain. The salt lies in a table of its own and is renewed with every write: once a row is written
over, nobody can check a guess at its earlier contents against the chain.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Table, func, select
from sqlalchemy.engine import Connection

from breachdesk.stores.each_dialect import insert_or_replace
from breachdesk.stores.many_rows import SLICE, insert_or_replace_many
from breachdesk.stores.stream_tables import marks
from breachdesk.stores.tables import (
    breaches,
    case_keys,
    cases,
    customers,
    documents,
    notices,
    row_salts,
    users,
)
from schemas.audit import GONE, canonical

WATCHED: tuple[Table, ...] = (users, cases, breaches, documents, notices, customers, case_keys)
RECORDING = "rows-recorded"
"""Mark: every watched row's digest is in the chain, also of those that an older program wrote."""
SALT = 16


class RowDigests:
    """The watched rows that one transaction wrote."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._touched: dict[Table, dict[Any, None]] = {}

    @property
    def touched(self) -> bool:
        """Is there a row whose digest no entry carries yet?"""
        return bool(self._touched)

    def touch(self, table: Table, key: Any) -> None:
        """Note that this row was written: the transaction's audit entry carries its digest."""
        self._touched.setdefault(table, {})[key] = None

    def take(self) -> tuple[dict[str, str], dict[str, str]]:
        """Digests of the rows that an older program wrote, only the first time, and of those
        written since the last call. Call it with the chain's head locked: the digests in the chain
        then stand in the order of the commits."""
        if not self._touched:
            return {}, {}
        older = {} if self._recording() else self._begin_recording()
        written = {
            name: value
            for table, keys in self._touched.items()
            for name, value in self._renewed(table, list(keys)).items()
        }
        self._touched.clear()
        return older, written

    def _recording(self) -> bool:
        return is_recording(self._connection)

    def _begin_recording(self) -> dict[str, str]:
        older: dict[str, str] = {}
        for table in WATCHED:
            keys = self._connection.execute(select(_key(table))).scalars().all()
            new = self._touched.get(table, {})
            older |= self._renewed(table, [key for key in keys if key not in new])
        statement = insert_or_replace(self._connection, marks, ["value"])
        self._connection.execute(statement, {"name": RECORDING, "value": "yes"})
        return older

    def _renewed(self, table: Table, keys: Sequence[Any]) -> dict[str, str]:
        """Digests under new salts; `gone` for a row that is not there."""
        rows = dict.fromkeys(keys) | {row[0]: row[1] for row in self._rows(table, keys)}
        named = {_name(table, key, row): row for key, row in rows.items()}
        salts = {name: os.urandom(SALT) for name in named}
        if salts:
            values = [{"name": name, "salt": salt} for name, salt in sorted(salts.items())]
            insert_or_replace_many(self._connection, row_salts, values, ["salt"])
        return {
            name: GONE if row is None else digest(salts[name], row) for name, row in named.items()
        }

    def _rows(self, table: Table, keys: Sequence[Any]) -> Iterator[tuple[Any, RowMapping]]:
        for begin in range(0, len(keys), SLICE):
            some = select(table).where(_key(table).in_(keys[begin : begin + SLICE]))
            for row in self._connection.execute(some).mappings():
                yield row[_key(table).name], row


def is_recording(connection: Connection) -> bool:
    """Has the chain carried the digest of every watched row since some entry?"""
    mark = select(marks.c.value).where(marks.c.name == RECORDING)
    return connection.execute(mark).scalar() is not None


def count_watched(connection: Connection) -> int:
    """How many watched rows the store holds."""
    counts = (select(func.count()).select_from(table) for table in WATCHED)
    return sum(int(connection.execute(count).scalar_one()) for count in counts)


def present(connection: Connection) -> Iterator[tuple[str, str]]:
    """(name, digest as the row stands now) of every watched row; `no salt` where its salt is
    missing."""
    salts: Mapping[str, bytes] = {
        row.name: bytes(row.salt) for row in connection.execute(select(row_salts))
    }
    for table in WATCHED:
        for row in connection.execute(select(table)).yield_per(1000).mappings():
            name = _name(table, row[_key(table).name], row)
            salt = salts.get(name)
            yield name, "no salt" if salt is None else digest(salt, row)


def digest(salt: bytes, row: RowMapping) -> str:
    """Hex SHA-256 of the salt and every column."""
    columns = {name: _plain(value) for name, value in row.items()}
    return hashlib.sha256(salt + canonical(columns)).hexdigest()


def _key(table: Table) -> Any:
    (column,) = table.primary_key.columns
    return column


def _name(table: Table, key: Any, row: RowMapping | None) -> str:
    if table is documents and row is not None:
        key = f"{row['kind']}/{row['breach_id']}/{row['key']}/{row['number']}"
    return f"{table.name}/{key}"


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else value
