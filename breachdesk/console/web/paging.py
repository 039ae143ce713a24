"""Parse which page of a list an address asks for, and build the addresses of adjacent pages."""

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
    """Parse `?after=` or `?before=` of the address; neither: the first page. `of` prefixes the
    names where a page holds several lists."""
    query = context.request.query_params
    after, before = query.get(f"{of}after") or None, query.get(f"{of}before") or None
    return PageRequest(limit, after=after, before=None if after else before)


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Row]):
    """A page of a list that is whole in memory."""

    rows: Sequence[Row]
    total: int
    number: int
    pages: int


def build_numbered_page(rows: Sequence[Row], number: str | int, limit: int) -> NumberedPage[Row]:
    """Build the page of that number, or the nearest one; the first where it is no number."""
    pages = max(-(-len(rows) // limit), 1)
    text = str(number)
    page = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    at = min(max(page, 1), pages)
    return NumberedPage(rows[(at - 1) * limit : at * limit], len(rows), at, pages)
