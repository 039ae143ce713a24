"""Read pages of a sorted list by keyset: a page begins at the sort values of a row, never at an
offset.

If an index holds the sort order, the cost of a page does not depend on the rows before it. Inserted
or deleted rows move no other row from one page to another."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Float,
    Integer,
    Select,
    String,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.engine import Connection, Row
from sqlalchemy.types import TypeEngine

from breachdesk.stores.sql.dialects import sort_by_bytes
from breachdesk.stores.tables.column_types import UtcTime
from schemas.errors import BadInput
from schemas.paging import Page, PageRequest

T = TypeVar("T")

LONGEST_CURSOR = 8_000
"""Characters of a cursor that is read at all."""


@dataclass(frozen=True)
class SortKey:
    """One column of a sort. NULLs come last in both directions. Texts are in the order of their
    bytes, as Python sorts them: an index for PostgreSQL is made `COLLATE "C"`."""

    column: ColumnElement[Any]
    descending: bool = False
    nullable: bool = False


class KeysetPager:
    """A total order of rows: the last key, or the last keys together, are unique."""

    def __init__(self, *keys: SortKey) -> None:
        self._keys = keys
        spelled = ",".join(f"{key.column}{' desc' if key.descending else ''}" for key in keys)
        self._mark = hashlib.sha256(spelled.encode()).hexdigest()[:8]
        """Tells this sort's cursors from another's."""

    def read_page(
        self,
        connection: Connection,
        query: Select[Any],
        request: PageRequest,
        read: Callable[[Row[Any]], T],
        total: int | None = None,
    ) -> Page[T]:
        """Read the requested page and convert each row with `read`; pass `total` if it is cheaper
        to compute than `count_rows`. A page that has become empty gives the nearest one with rows.
        Raises BadInput for a cursor of another sort."""
        cut = _PageReader(self._keys, connection, query, request.limit)
        if request.before is not None:
            begin, rows, end = cut.read_before(self.decode_cursor(request.before))
        elif request.after is not None:
            begin, rows, end = cut.read_after(self.decode_cursor(request.after))
        else:
            begin, rows, end = cut.read_first()
        return Page(
            [read(row) for row in rows],
            count_rows(connection, query) if total is None else total,
            next=None if end else self._encode_row_cursor(rows[-1]),
            previous=None if begin else self._encode_row_cursor(rows[0]),
        )

    def _encode_row_cursor(self, row: Row[Any]) -> str:
        return self.encode_cursor([getattr(row, _build_label(i)) for i in range(len(self._keys))])

    def encode_cursor(self, values: Sequence[Any]) -> str:
        """Encode a cursor at these values of the sort, whether or not such a row exists."""
        return base64.urlsafe_b64encode(orjson.dumps([self._mark, *values])).rstrip(b"=").decode()

    def decode_cursor(self, cursor: str) -> Sequence[Any]:
        """Decode what `encode_cursor` made. Raises BadInput for a cursor of another sort."""
        try:
            mark, *values = _decode_cursor(cursor)
            if mark != self._mark or len(values) != len(self._keys):
                raise ValueError("a cursor of another sort")
            return [_parse_value(key, value) for key, value in zip(self._keys, values, strict=True)]
        except (ValueError, TypeError, OverflowError):
            raise BadInput(
                "this address names no place in the list",
                place="page",
                remedy="Open the list again from its first page.",
            ) from None


def count_rows(connection: Connection, query: Select[Any]) -> int:
    """Count the rows of the query."""
    rows = query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    return int(connection.execute(rows).scalar_one())


_Rows = tuple[bool, Sequence[Row[Any]], bool]
"""Rows in the order of the sort: do they begin the list, and do they end it?"""


@dataclass(frozen=True)
class _PageReader:
    """Cuts pages out of the query's rows."""

    keys: Sequence[SortKey]
    connection: Connection
    query: Select[Any]
    limit: int

    def read_first(self) -> _Rows:
        rows, more = self._fetch(None, backwards=False)
        return True, rows, not more

    def read_last(self) -> _Rows:
        rows, more = self._fetch(None, backwards=True)
        return not more, rows, True

    def read_after(self, values: Sequence[Any]) -> _Rows:
        rows, more = self._fetch(values, backwards=False)
        return (False, rows, not more) if rows else self.read_last()

    def read_before(self, values: Sequence[Any]) -> _Rows:
        rows, more = self._fetch(values, backwards=True)
        # Fewer than a page before it: the page that begins the list, as if asked for by itself.
        return (False, rows, False) if more else self.read_first()

    def _fetch(
        self, values: Sequence[Any] | None, *, backwards: bool
    ) -> tuple[Sequence[Row[Any]], bool]:
        """Fetch at most `limit` rows in the order of the sort, and whether there are more."""
        result = self.connection.execute(self._select(values, backwards=backwards)).all()
        rows = result[: self.limit]
        return rows[::-1] if backwards else rows, len(result) > self.limit

    def _select(self, values: Sequence[Any] | None, *, backwards: bool) -> Select[Any]:
        """Select rows after these values with one branch for each key: rows that are equal in the
        keys before it and come later in this one. Each branch is one range of an index; an OR of
        them would scan from the first key alone."""
        columns = [self._apply_collation(key, key.column) for key in self.keys]
        named = self.query.add_columns(
            *(key.column.label(_build_label(i)) for i, key in enumerate(self.keys))
        ).order_by(None)
        order = [
            part
            for key, column in zip(self.keys, columns, strict=True)
            for part in _iterate_order(key, column, backwards=backwards)
        ]
        if values is None:
            return named.order_by(*order).limit(self.limit + 1)
        later = [
            _build_later_condition(key, column, value, backwards=backwards)
            for key, column, value in zip(self.keys, columns, values, strict=True)
        ]
        equal = [
            column.is_(None) if value is None else column == literal(value, key.column.type)
            for key, column, value in zip(self.keys, columns, values, strict=True)
        ]
        branches = [
            named.where(*equal[:i], later[i]).order_by(*order).limit(self.limit + 1).subquery()
            for i in reversed(range(len(self.keys)))
        ]
        together = union_all(*(select(branch) for branch in branches)).subquery()
        return (
            select(together)
            .order_by(
                *(
                    part
                    for i, key in enumerate(self.keys)
                    for part in _iterate_order(
                        key,
                        self._apply_collation(key, together.c[_build_label(i)]),
                        backwards=backwards,
                    )
                )
            )
            .limit(self.limit + 1)
        )

    def _apply_collation(self, key: SortKey, column: ColumnElement[Any]) -> ColumnElement[Any]:
        is_text = isinstance(key.column.type, String)
        return sort_by_bytes(self.connection, column) if is_text else column


def _build_label(i: int) -> str:
    return f"sort_{i}"


def _iterate_order(
    key: SortKey, column: ColumnElement[Any], *, backwards: bool
) -> Iterator[ColumnElement[Any]]:
    if key.nullable:
        absent = column.is_(None)
        yield absent.desc() if backwards else absent
    yield column.desc() if key.descending is not backwards else column.asc()


def _build_later_condition(
    key: SortKey, column: ColumnElement[Any], value: Any, *, backwards: bool
) -> ColumnElement[bool]:
    """Comes the row later than the value, in the direction of reading? NULL is the last value."""
    if value is None:
        return column.is_not(None) if backwards else false()
    bound = literal(value, key.column.type)
    further = column < bound if key.descending is not backwards else column > bound
    return or_(further, column.is_(None)) if key.nullable and not backwards else further


def _decode_cursor(cursor: str) -> Sequence[Any]:
    if len(cursor) > LONGEST_CURSOR or not cursor.isascii():
        raise ValueError("too long, or not of these signs")
    padded = cursor + "=" * (-len(cursor) % 4)
    values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    if not isinstance(values, list) or not values:
        raise ValueError("not a list")
    return values


def _parse_value(key: SortKey, value: Any) -> Any:
    """Convert the value to the column's type. Raises ValueError or OverflowError."""
    if value is None and key.nullable:
        return None
    for kind, types, read in READERS:
        if isinstance(key.column.type, kind):
            if type(value) in types:
                return read(value)
            break
    raise ValueError("no value of this column")


def _parse_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


def _check_text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("PostgreSQL takes no such text")
    return text


def _make_int_reader(bits: int) -> Callable[[int], int]:
    def read(number: int) -> int:
        if abs(number) >= 2 ** (bits - 1):
            raise ValueError("PostgreSQL takes no such number")
        return number

    return read


READERS: Sequence[tuple[type[TypeEngine[Any]], tuple[type, ...], Callable[[Any], Any]]] = (
    (UtcTime, (str,), _parse_time),
    (String, (str,), _check_text),
    (Boolean, (bool,), bool),
    (BigInteger, (int,), _make_int_reader(64)),
    (Integer, (int,), _make_int_reader(32)),
    (Float, (int, float), float),
)
"""Kinds of columns that a list may be sorted by, and how a value is read out of a cursor."""
