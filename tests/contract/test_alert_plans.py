"""Lists of a hundred thousand alerts are read along indexes: no statement looks at every alert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from store_adapters import ADAPTERS, as_owner, fresh_store

from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import FixedNow
from schemas.paging import PageRequest
from schemas.pipeline.alert import AlertState

ALERTS = 100_000
COLUMNS = """
INSERT INTO alerts (id, key_hash, rule, organization, "group", title, anchor, first, last, timespan,
  fired, severity, touches, unattributed, entities, explanation, fingerprint, evidence,
  evidence_hash, detected_at, revised_at, revision, closed, state)
SELECT 'AL-' || n, 'kh' || n, 'rule-' || n % 20, 'contoso', '["g"]', 'T', n * 60, n, n, 60,
  '2026-11-22 09:00:00+00:00', CASE n % 5 WHEN 0 THEN 'critical' WHEN 1 THEN 'high'
  WHEN 2 THEN 'medium' WHEN 3 THEN 'low' ELSE 'informational' END, '[]', '[]', '[]', 'why', 'f', 1,
  'h', '2026-11-22 09:00:00+00:00', '2026-11-22 09:00:00+00:00', 1, {true},
  CASE WHEN n % 300 = 0 THEN 'new' WHEN n % 25 = 0 THEN 'case' ELSE 'dismissed' END
FROM {numbers}
"""
NUMBERS = {
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT {0})"
    " SELECT n FROM c)",
    "postgresql": "generate_series(1, {0}) AS c(n)",
}
ACTS = "INSERT INTO alert_acts (alert_pk, version) SELECT pk, 1 FROM alerts"


@pytest.fixture(params=ADAPTERS, scope="module")
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        opened.write(fill)
        if not isinstance(opened, SqliteStore):
            with as_owner() as connection:
                connection.commit()
                connection.autocommit = True
                connection.execute("VACUUM (ANALYZE) alerts, alert_acts")
        yield opened


def fill(uow: Any) -> None:
    connection = uow._connection
    numbers = NUMBERS[connection.dialect.name].format(ALERTS)
    closed = "1" if connection.dialect.name == "sqlite" else "true"
    connection.execute(text(COLUMNS.format(numbers=numbers, true=closed)))
    connection.execute(text(ACTS))


@contextmanager
def noted() -> Iterator[list[tuple[str, Any]]]:
    """Statements about alerts that run meanwhile, with their parameters."""
    ran: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        if "FROM alerts" in statement:
            ran.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plans(store: PipelineStore, work: Callable[[UnitOfWork], object]) -> list[str]:
    """How the database reads what the work asks."""
    with noted() as ran:
        store.read(work)
    assert ran

    def explain(uow: Any) -> list[str]:
        connection = uow._connection
        word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        return [
            "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{word} {sql}", values))
            for sql, values in ran
        ]

    return store.read(explain)


def cursor_of(store: PipelineStore, states: tuple[AlertState, ...]) -> str:
    page = store.read(lambda uow: uow.alerts.list_page(PageRequest(50), states=states))
    assert page.next is not None
    return page.next


STATES = [(AlertState.NEW,), (AlertState.CASE,), (AlertState.DISMISSED,), ()]


@pytest.mark.slow
@pytest.mark.parametrize("states", STATES)
def test_a_page_of_alerts_is_one_range_of_an_index(
    store: PipelineStore, states: tuple[AlertState, ...]
) -> None:
    after = cursor_of(store, states)

    for request in (PageRequest(50), PageRequest(50, after=after), PageRequest(50, before=after)):
        for plan in plans(store, lambda uow, r=request: uow.alerts.list_page(r, states=states)):
            assert_indexed(plan)


@pytest.mark.slow
def test_counts_firings_and_the_order_of_time_are_read_off_indexes(store: PipelineStore) -> None:
    for work in (
        lambda uow: uow.alerts.count((AlertState.NEW,)),
        lambda uow: uow.alerts.get_firings(),
        lambda uow: uow.alerts.list_page_by_time(PageRequest(50)),
        lambda uow: uow.alerts.get_many([5, 77]),
        lambda uow: uow.alerts.get(9),
    ):
        for plan in plans(store, work):
            assert_indexed(plan)


def assert_indexed(plan: str) -> None:
    assert "Seq Scan on alerts" not in plan, plan
    bare = [line for line in plan.splitlines() if line.startswith("SCAN alerts")]
    assert [line for line in bare if "INDEX" not in line] == [], plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan or "RIGHT PART" in plan, plan
