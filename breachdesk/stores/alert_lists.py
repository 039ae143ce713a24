"""Lists of live alerts: pages, counts, firings of rules. Each is read along an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from breachdesk.stores.alert_views import alert_view, alerts_with_acts
from breachdesk.stores.keyset import Keyset, SortKey
from breachdesk.stores.stream_tables import alerts
from schemas.alert import AlertState, AlertView, Firings
from schemas.paging import Page, PageRequest, every_page

GRAVEST = Keyset(
    SortKey(alerts.c.severity_rank, descending=True),
    SortKey(alerts.c.ends, descending=True),
    SortKey(alerts.c.id),
    SortKey(alerts.c.pk),
)
EARLIEST = Keyset(
    SortKey(alerts.c.begins),
    SortKey(alerts.c.rule),
    SortKey(alerts.c.organization),
    SortKey(alerts.c.key_hash),
    SortKey(alerts.c.pk),
)
EVERY = 1_000


def page(
    connection: Connection, request: PageRequest, states: Sequence[AlertState]
) -> Page[AlertView]:
    """Gravest first, then newest, then by id."""
    query = _in_states(_live(alerts_with_acts()), states)
    return GRAVEST.page(connection, query, request, alert_view, count(connection, states))


def by_time(connection: Connection, request: PageRequest) -> Page[AlertView]:
    """By the first bucket, then by what is the same in every store."""
    query = _live(alerts_with_acts())
    return EARLIEST.page(connection, query, request, alert_view, count(connection, ()))


def every(
    connection: Connection, states: Sequence[AlertState], *, merged: bool
) -> Sequence[AlertView]:
    """All of them, as `page` sorts them."""
    query = alerts_with_acts()
    query = _in_states(query if merged else _live(query), states)
    return list(
        every_page(lambda request: GRAVEST.page(connection, query, request, alert_view, 0), EVERY)
    )


def count(connection: Connection, states: Sequence[AlertState]) -> int:
    """How many there are: read from the index alone."""
    query = _in_states(_live(select(func.count()).select_from(alerts)), states)
    return int(connection.execute(query).scalar_one())


def firings(connection: Connection) -> Mapping[str, Firings]:
    """By rule: read from the index alone."""
    by_state = select(alerts.c.rule, alerts.c.state, func.count())
    query = _live(by_state).group_by(alerts.c.rule, alerts.c.state)
    found: dict[str, Firings] = {}
    for rule, state, count in connection.execute(query):
        before = found.get(rule, Firings(0, 0))
        gone = count if state == AlertState.DISMISSED.value else 0
        found[rule] = Firings(before.alerts + count, before.dismissed + gone)
    return found


def _live(query: Select[Any]) -> Select[Any]:
    return query.where(alerts.c.merged_into.is_(None))


def _in_states(query: Select[Any], states: Sequence[AlertState]) -> Select[Any]:
    if len(states) == 1:
        return query.where(alerts.c.state == states[0].value)
    if states:
        return query.where(alerts.c.state.in_([state.value for state in states]))
    return query
