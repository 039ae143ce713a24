"""Which page of a list an address asks for, and the addresses of the pages around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from breachdesk.console.web.request_context import RequestContext
from schemas.paging import PAGE_ROWS, PageRequest

Row = TypeVar("Row")


def parse_page_request(
    context: RequestContext, limit: int = PAGE_ROWS, of: str = ""
) -> PageRequest:
    """`?after=` or `?before=` of the address; neither: the first page. `of` begins the names where
    a page holds several lists."""
    query = context.request.query_params
    after, before = query.get(f"{of}after") or None, query.get(f"{of}before") or None
    return PageRequest(limit, after=after, before=None if after else before)


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Row]):
    """A page of a list that is in memory whole."""

    rows: Sequence[Row]
    total: int
    number: int
    pages: int


def build_numbered_page(rows: Sequence[Row], number: str | int, limit: int) -> NumberedPage[Row]:
    """The page of that number; the nearest one where there is none, the first where it is none."""
    pages = max(-(-len(rows) // limit), 1)
    text = str(number)
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    at = min(max(wanted, 1), pages)
    return NumberedPage(rows[(at - 1) * limit : at * limit], len(rows), at, pages)
