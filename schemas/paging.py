"""Model pages of long lists: the request, and the answer.

A list in the store is filtered, counted, sorted and cut in SQL. A page begins after a row that the
caller saw (keyset paging), so that its cost does not grow with its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

PAGE_ROWS = 50
"""Rows of a page of a screen."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows of a sorted list. At most one of the cursors is given; None and None: the
    first."""

    limit: int = PAGE_ROWS
    after: str | None = None
    """Cursor of the row before the first one wanted."""
    before: str | None = None
    """Cursor of the row behind the last one wanted."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list and the cursors to continue. Cursors are opaque texts that are safe in a
    URL."""

    rows: Sequence[Row]
    total: int
    """Rows of the whole list under the same filter."""
    next: str | None = None
    """`after` of the next page; None: this is the last."""
    previous: str | None = None
    """`before` of the previous page; None: this is the first."""


def iterate_all_rows(ask: Callable[[PageRequest], Page[Row]], limit: int) -> Iterator[Row]:
    """Yield all rows of a list, page after page, for a command that prints them."""
    page = ask(PageRequest(limit))
    yield from page.rows
    while page.next is not None:
        page = ask(PageRequest(limit, after=page.next))
        yield from page.rows
