"""List live alerts: pages, counts, firings of rules. Each query reads along an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.engine import Connection

from breachdesk.stores.books.alert_views import build_alert_view, select_alerts_with_acts
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.tables.stream_tables import alerts
from schemas.paging import Page, PageRequest, iterate_all_rows
from schemas.pipeline.alert import AlertState, AlertView, RuleFirings

GRAVEST = KeysetPager(
    SortKey(alerts.c.severity_rank, descending=True),
    SortKey(alerts.c.ends, descending=True),
    SortKey(alerts.c.id),
    SortKey(alerts.c.pk),
)
EARLIEST = KeysetPager(
    SortKey(alerts.c.begins),
    SortKey(alerts.c.rule),
    SortKey(alerts.c.organization),
    SortKey(alerts.c.key_hash),
    SortKey(alerts.c.pk),
)
PAGE_ROWS = 1_000


def list_page(
    connection: Connection, request: PageRequest, states: Sequence[AlertState]
) -> Page[AlertView]:
    """Return alerts by severity (highest first), then newest, then by id."""
    query = _filter_states(_select_live(select_alerts_with_acts()), states)
    return GRAVEST.read_page(
        connection, query, request, build_alert_view, count_alerts(connection, states)
    )


def list_page_by_time(connection: Connection, request: PageRequest) -> Page[AlertView]:
    """Return alerts by their first bucket, then by columns that are equal in every store."""
    query = _select_live(select_alerts_with_acts())
    return EARLIEST.read_page(
        connection, query, request, build_alert_view, count_alerts(connection, ())
    )


def list_all(
    connection: Connection, states: Sequence[AlertState], *, merged: bool
) -> Sequence[AlertView]:
    """List all alerts in the order of `list_page`."""
    query = select_alerts_with_acts()
    query = _filter_states(query if merged else _select_live(query), states)
    return list(
        iterate_all_rows(
            lambda request: GRAVEST.read_page(connection, query, request, build_alert_view, 0),
            PAGE_ROWS,
        )
    )


def count_alerts(connection: Connection, states: Sequence[AlertState]) -> int:
    """Count alerts from the index alone."""
    query = _filter_states(_select_live(select(func.count()).select_from(alerts)), states)
    return int(connection.execute(query).scalar_one())


def get_firings(connection: Connection) -> Mapping[str, RuleFirings]:
    """Return the firings of each rule, from the index alone."""
    by_state = select(alerts.c.rule, alerts.c.state, func.count())
    query = _select_live(by_state).group_by(alerts.c.rule, alerts.c.state)
    firings_by_rule: dict[str, RuleFirings] = {}
    for rule, state, count in connection.execute(query):
        before = firings_by_rule.get(rule, RuleFirings(0, 0))
        gone = count if state == AlertState.DISMISSED.value else 0
        firings_by_rule[rule] = RuleFirings(before.alerts + count, before.dismissed + gone)
    return firings_by_rule


def _select_live(query: Select[Any]) -> Select[Any]:
    return query.where(alerts.c.merged_into.is_(None))


def _filter_states(query: Select[Any], states: Sequence[AlertState]) -> Select[Any]:
    if len(states) == 1:
        return query.where(alerts.c.state == states[0].value)
    if states:
        return query.where(alerts.c.state.in_([state.value for state in states]))
    return query
