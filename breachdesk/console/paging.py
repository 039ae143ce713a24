"""Which page of a list an address asks for, and the addresses of the pages around it."""

from __future__ import annotations

from breachdesk.console.desk import Desk
from schemas.paging import PAGE_ROWS, PageRequest


def page_request(desk: Desk, limit: int = PAGE_ROWS) -> PageRequest:
    """`?after=` or `?before=` of the address; neither: the first page."""
    query = desk.request.query_params
    after, before = query.get("after") or None, query.get("before") or None
    return PageRequest(limit, after=after, before=None if after else before)
