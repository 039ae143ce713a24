"""Track which rows a transaction writes, and compute the salted digests of them for its audit
entries.

A watched row that is changed outside the program differs from the newest digest in the chain. An
entry also carries the digest of each row that its transaction overwrote, as it was before: the
change stays detectable after the program writes the row again. The salt is in a table of its own
and is renewed with every write: once a row is overwritten, nobody can check a guess at its earlier
contents against the chain."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, RowMapping, Table, func, select
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.bulk_rows import SLICE, insert_or_replace_many, match_any
from breachdesk.stores.sql.dialects import insert_or_replace
from breachdesk.stores.sql.listed_columns import find_wrong_rows
from breachdesk.stores.tables.case_tables import (
    audit,
    breaches,
    case_keys,
    case_records,
    cases,
    customers,
    documents,
    notices,
    row_salts,
    users,
)
from breachdesk.stores.tables.stream_tables import marks
from schemas.audit import GONE, encode_canonical

WATCHED: tuple[Table, ...] = (
    users, cases, breaches, documents, notices, customers, case_keys, case_records,
)  # fmt: skip
RECORDING = "rows-recorded"
"""Mark: every watched row's digest is in the chain, also of those that an older program wrote."""
SALT = 16
NO_SALT = "no salt"
UNREADABLE = "unreadable"
WRONGLY_LISTED = "listed otherwise than its document says"


class RowDigests:
    """The watched rows that one transaction wrote."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._touched: dict[Table, dict[Any, None]] = {}
        self._replaced: dict[str, str] = {}

    @property
    def has_unrecorded(self) -> bool:
        """Whether there is a row with a digest that no entry carries yet."""
        return bool(self._touched)

    def touch(self, table: Table, key: Any) -> None:
        """Note that this new row was written: the transaction's audit entry carries its digest."""
        self._touched.setdefault(table, {})[key] = None

    def replace(self, table: Table, key: Any) -> None:
        """Note, before it is done, that this row is written over or made. The transaction's entry
        also carries the digest of what it replaces."""
        self.replace_all(table, [key])

    def replace_all(self, table: Table, keys: Sequence[Any]) -> None:
        touched = self._touched.get(table, {})
        untouched = [key for key in keys if key not in touched]
        rows = {
            _format_name(table, key, row): row
            for key, row in _read_rows(self._connection, table, untouched)
        }
        salts = self._read_salts(list(rows))
        for name, row in rows.items():
            self._replaced[name] = compute_digest(salts[name], row) if name in salts else NO_SALT
        for key in untouched:
            self.touch(table, key)

    def is_audited(self, table: Table, key: Any) -> bool:
        """Whether an entry carries the row's present digest; True while no entry carries any. Each
        write has its own salt, so that no earlier digest matches."""
        if not self._is_recording():
            return True
        for _, row in _read_rows(self._connection, table, [key]):
            name = _format_name(table, key, row)
            carried = f"{json.dumps(name)}:{json.dumps(self._compute_digest(name, row))}"
            entry = select(audit.c.seq).where(audit.c.doc.contains(carried, autoescape=True))
            newest_first = entry.order_by(audit.c.seq.desc()).limit(1)
            return self._connection.execute(newest_first).scalar() is not None
        return False

    def _compute_digest(self, name: str, row: RowMapping) -> str:
        salts = self._read_salts([name])
        return compute_digest(salts[name], row) if name in salts else NO_SALT

    def _read_salts(self, names: Sequence[str]) -> Mapping[str, bytes]:
        query = select(row_salts.c.name, row_salts.c.salt).where(
            match_any(self._connection, row_salts.c.name, names)
        )
        return {row.name: row.salt for row in self._connection.execute(query)} if names else {}

    def take(self) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        """Return digests of the rows that an older program wrote (the first time only); of those
        written since the last call; and of what they replaced, where the chain has it. Call it with
        the chain's head locked, so that digests are in commit order."""
        if not self._touched:
            return {}, {}, {}
        replaced, self._replaced = self._replaced, {}
        older = {}
        if not self._is_recording():
            older, replaced = self._start_recording(), {}
        digests = {
            name: value
            for table, keys in self._touched.items()
            for name, value in self._renew_digests(table, list(keys)).items()
        }
        self._touched.clear()
        return older, digests, replaced

    def _is_recording(self) -> bool:
        return is_recording(self._connection)

    def _start_recording(self) -> dict[str, str]:
        older: dict[str, str] = {}
        for table in WATCHED:
            keys = self._connection.execute(select(_get_key_column(table))).scalars().all()
            new = self._touched.get(table, {})
            older |= self._renew_digests(table, [key for key in keys if key not in new])
        statement = insert_or_replace(self._connection, marks, ["value"])
        self._connection.execute(statement, {"name": RECORDING, "value": "yes"})
        return older

    def _renew_digests(self, table: Table, keys: Sequence[Any]) -> dict[str, str]:
        """Compute digests under new salts; `gone` for a row that does not exist."""
        rows = dict.fromkeys(keys) | {
            row[0]: row[1] for row in _read_rows(self._connection, table, keys)
        }
        named = {_format_name(table, key, row): row for key, row in rows.items()}
        salts = {name: os.urandom(SALT) for name in named}
        if salts:
            values = [{"name": name, "salt": salt} for name, salt in sorted(salts.items())]
            insert_or_replace_many(self._connection, row_salts, values, ["salt"])
        return {
            name: GONE if row is None else compute_digest(salts[name], row)
            for name, row in named.items()
        }


def is_recording(connection: Connection) -> bool:
    """Whether the chain carries the digest of every watched row since some entry."""
    mark = select(marks.c.value).where(marks.c.name == RECORDING)
    return connection.execute(mark).scalar() is not None


def count_watched(connection: Connection) -> int:
    """Count the watched rows of the store."""
    counts = (select(func.count()).select_from(table) for table in WATCHED)
    return sum(int(connection.execute(count).scalar_one()) for count in counts)


def iterate_digests(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield (name, present digest) of every watched row; `no salt` if its salt is missing,
    `unreadable` if a value has another type than its column."""
    salts: Mapping[str, bytes] = {
        row.name: bytes(row.salt)
        for row in connection.execute(select(row_salts))
        if not isinstance(row.salt, str)
    }
    for table in WATCHED:
        wrong = find_wrong_rows(connection, table)
        for key, row in _iterate_table(connection, table):
            name = _format_name(table, key, row)
            salt = salts.get(name)
            if row is None:
                yield name, UNREADABLE
            elif key in wrong:
                yield name, WRONGLY_LISTED
            else:
                yield name, NO_SALT if salt is None else compute_digest(salt, row)


def _iterate_table(connection: Connection, table: Table) -> Iterator[tuple[Any, RowMapping | None]]:
    """Yield every row with its key; None in place of a row with a value of another type than its
    column, which SQLite accepts."""
    key = _get_key_column(table)
    keys = connection.execute(select(key)).scalars().all()
    for begin in range(0, len(keys), SLICE):
        some = keys[begin : begin + SLICE]
        try:
            rows = list(_read_rows(connection, table, some))
        except (TypeError, ValueError):
            yield from ((each, _read_row(connection, table, each)) for each in some)
        else:
            yield from rows


def _read_row(connection: Connection, table: Table, key: Any) -> RowMapping | None:
    try:
        return next((row for _, row in _read_rows(connection, table, [key])), None)
    except (TypeError, ValueError):
        return None


def _read_rows(
    connection: Connection, table: Table, keys: Sequence[Any]
) -> Iterator[tuple[Any, RowMapping]]:
    for begin in range(0, len(keys), SLICE):
        some = select(*_list_digested_columns(table)).where(
            _get_key_column(table).in_(keys[begin : begin + SLICE])
        )
        for row in connection.execute(some).mappings():
            yield row[_get_key_column(table).name], row


def compute_digest(salt: bytes, row: RowMapping) -> str:
    """Compute the hexadecimal SHA-256 of the salt and every column."""
    columns = {name: _convert_value(value) for name, value in row.items()}
    return hashlib.sha256(salt + encode_canonical(columns)).hexdigest()


def _list_digested_columns(table: Table) -> list[Column[Any]]:
    """List the columns that digests cover: without those that repeat the document, which are newer
    than the first digests."""
    return [column for column in table.columns if not column.info.get("listed")]


def _get_key_column(table: Table) -> Any:
    (column,) = table.primary_key.columns
    return column


def _format_name(table: Table, key: Any, row: RowMapping | None) -> str:
    if table is documents and row is not None:
        key = f"{row['kind']}/{row['breach_id']}/{row['key']}/{row['number']}"
    return f"{table.name}/{key}"


def _convert_value(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return value.isoformat() if isinstance(value, datetime) else value
