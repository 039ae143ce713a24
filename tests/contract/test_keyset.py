"""Lists come in pages: the same rows in the same order on both databases, whatever the page's
size."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
)
from sqlalchemy.engine import Connection, make_url
from store_adapters import ADAPTERS

from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.tables.column_types import UtcTime
from schemas.errors import BadInput
from schemas.paging import Page, PageRequest, iterate_all_rows

things = Table(
    "keyset_things",
    MetaData(),
    Column("pk", Integer, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("name", String(40), nullable=False),
    Column("at", UtcTime),
    Column("open", Boolean, nullable=False),
    Column("weight", Float, nullable=False),
    prefixes=["TEMPORARY"],
)
START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("a", "B", "b", "ä", "Z", "z", "_", "é", "aa", "A b", "A-b", "\U0001f600", "")


def rows_of(count: int) -> list[dict[str, Any]]:
    """Full of ties, NULLs and texts that locales sort otherwise than bytes."""
    return [
        {
            "pk": pk,
            "rank": pk * 7 % 4,
            "name": NAMES[pk * 5 % len(NAMES)],
            "at": None if pk % 3 == 0 else START + timedelta(minutes=pk * 11 % 5),
            "open": pk % 2 == 0,
            "weight": pk % 4 / 4,
        }
        for pk in range(count)
    ]


@pytest.fixture(params=ADAPTERS, scope="module")
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    if request.param == "postgres":
        import services

        url = make_url(services.postgres_url()).set(drivername="postgresql+psycopg")
    else:
        url = make_url("sqlite://")
    engine = create_engine(url)
    with engine.connect() as opened:
        things.create(opened)
        opened.execute(insert(things), rows_of(60))
        yield opened
        opened.rollback()
    engine.dispose()


C = things.c
SORTS = {
    "one column": (SortKey(C.pk),),
    "one column, backwards": (SortKey(C.pk, descending=True),),
    "mixed directions": (SortKey(C.rank, descending=True), SortKey(C.name), SortKey(C.pk)),
    "times that may be absent": (SortKey(C.at, nullable=True), SortKey(C.pk, descending=True)),
    "the newest first, absent ones last": (
        SortKey(C.rank),
        SortKey(C.at, descending=True, nullable=True),
        SortKey(C.pk),
    ),
    "truth and fractions": (
        SortKey(C.open, descending=True),
        SortKey(C.weight),
        SortKey(C.pk, descending=True),
    ),
}


def in_python(keys: Sequence[SortKey]) -> list[int]:
    rows = sorted(rows_of(60), key=lambda row: row["pk"])
    for key in reversed(keys):
        name = str(key.column.key)
        known = [row for row in rows if row[name] is not None]
        known.sort(
            key=lambda row: row[name].encode() if name == "name" else row[name],
            reverse=key.descending,
        )
        rows = known + [row for row in rows if row[name] is None]
    return [row["pk"] for row in rows]


def pages(connection: Connection, keys: Sequence[SortKey], limit: int) -> list[Page[int]]:
    """Forward from the first to the last."""
    values = [ask(connection, keys, PageRequest(limit))]
    while values[-1].next is not None:
        values.append(ask(connection, keys, PageRequest(limit, after=values[-1].next)))
    return values


def ask(connection: Connection, keys: Sequence[SortKey], request: PageRequest) -> Page[int]:
    query = select(C.pk, C.name)
    page = KeysetPager(*keys).read_page(connection, query, request, lambda row: int(row.pk))
    return Page(list(page.rows), page.total, page.next, page.previous)


@pytest.mark.parametrize("limit", [1, 7, 60, 61])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_forward_hold_every_row_once_in_the_order_of_the_sort(
    connection: Connection, sort: str, limit: int
) -> None:
    question = pages(connection, SORTS[sort], limit)

    assert [pk for page in question for pk in page.rows] == in_python(SORTS[sort])
    assert {page.total for page in question} == {60}
    assert question[0].previous is None
    assert all(len(page.rows) == limit for page in question[:-1])


@pytest.mark.parametrize("sort", SORTS)
def test_pages_backward_are_those_that_were_seen_forward(connection: Connection, sort: str) -> None:
    forward = pages(connection, SORTS[sort], 7)

    for earlier, later in pairwise(forward):
        back = ask(connection, SORTS[sort], PageRequest(7, before=later.previous))
        assert back == earlier


def test_a_page_before_the_first_rows_is_the_first_page_whole(connection: Connection) -> None:
    keys = SORTS["one column"]
    second = ask(connection, keys, PageRequest(3, after=ask(connection, keys, PageRequest(3)).next))

    back = ask(connection, keys, PageRequest(10, before=second.previous))

    assert back.rows == list(range(10))
    assert back.previous is None
    assert back.next is not None


def test_a_page_behind_the_last_row_is_the_last_page(connection: Connection) -> None:
    keys = SORTS["one column"]
    last = pages(connection, keys, 30)[-1]
    end = ask(connection, SORTS["one column"], PageRequest(1, after=last.previous))
    beyond = PageRequest(30, after=cursor_of(end.previous, 59))

    page = ask(connection, keys, beyond)

    assert page.rows == list(range(30, 60))
    assert page.next is None
    assert page.previous is not None


def test_an_empty_list_is_one_empty_page(connection: Connection) -> None:
    keyset = KeysetPager(SortKey(C.pk))
    full = keyset.read_page(connection, select(C.pk), PageRequest(1), lambda row: row.pk)
    nothing = select(C.pk).where(C.pk < 0)

    for request in (
        PageRequest(5),
        PageRequest(5, after=full.next),
        PageRequest(5, before=full.next),
    ):
        page = keyset.read_page(connection, nothing, request, lambda row: row.pk)
        assert page == Page([], 0)


def test_rows_that_come_and_go_shift_no_other_row(connection: Connection) -> None:
    keys = SORTS["mixed directions"]
    order = in_python(keys)
    first = ask(connection, keys, PageRequest(10))
    with connection.begin_nested() as change:
        # The cursor's own row and another one before it go; a new one comes before it.
        connection.execute(things.delete().where(C.pk.in_([order[9], order[2]])))
        new = {"pk": 1000, "rank": 3, "name": "", "at": None, "open": True, "weight": 0.0}
        connection.execute(insert(things).values(**new))
        second = ask(connection, keys, PageRequest(10, after=first.next))
        change.rollback()

    assert second.rows == order[10:20]


def test_all_rows_of_a_list_are_read_page_after_page(connection: Connection) -> None:
    keys = SORTS["mixed directions"]

    rows = list(iterate_all_rows(lambda request: ask(connection, keys, request), limit=9))

    assert rows == in_python(keys)


def cursor_of(cursor: str | None, *values: object) -> str:
    """A cursor of the same sort with other values."""
    assert cursor is not None
    mark = orjson.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
    return spelled([mark, *values])


def spelled(values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()


BAD_VALUES: dict[str, list[Any]] = {
    "one column": ["x", None, True, 2**31, 2**63, -(2**64) + 1, 1.5, [1], {}],
    "times that may be absent": ["", "yesterday", "2026-03-01", "0001-01-01T00:00:00+23:59", 3],
}


@pytest.mark.parametrize(
    ("sort", "value"), [(sort, value) for sort, values in BAD_VALUES.items() for value in values]
)
def test_a_cursor_with_values_that_no_column_holds_is_refused(
    connection: Connection, sort: str, value: Any
) -> None:
    keys = SORTS[sort]
    good = ask(connection, keys, PageRequest(1)).next
    rest = [1] * (len(keys) - 1)

    with pytest.raises(BadInput, match="names no place in the list"):
        ask(connection, keys, PageRequest(5, after=cursor_of(good, value, *rest)))


def test_a_cursor_of_another_sort_is_refused(connection: Connection) -> None:
    other = ask(connection, SORTS["one column"], PageRequest(5)).next

    with pytest.raises(BadInput, match="first page"):
        ask(connection, SORTS["one column, backwards"], PageRequest(5, before=other))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "999",
        "%%%",
        "a" * 9_000,
        "ä",
        "\x00",
        spelled([]),
        spelled({}),
        spelled(3),
        spelled(["x"]),
    ],
)
def test_what_is_no_cursor_is_refused(connection: Connection, cursor: str) -> None:
    with pytest.raises(BadInput, match="names no place in the list"):
        ask(connection, SORTS["one column"], PageRequest(5, after=cursor))


def test_a_text_that_postgresql_cannot_take_is_refused(connection: Connection) -> None:
    keys = SORTS["mixed directions"]
    good = ask(connection, keys, PageRequest(1)).next

    with pytest.raises(BadInput):
        ask(connection, keys, PageRequest(5, after=cursor_of(good, 1, "a\x00b", 1)))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
        max_size=4,
    ),
    sort=st.sampled_from(sorted(SORTS)),
)
def test_whatever_a_cursor_holds_the_list_answers_or_refuses(
    connection: Connection, values: list[object], sort: str
) -> None:
    good = ask(connection, SORTS[sort], PageRequest(1)).next

    try:
        page = ask(connection, SORTS[sort], PageRequest(5, after=cursor_of(good, *values)))
    except BadInput:
        return
    assert 0 < len(page.rows) <= 5
