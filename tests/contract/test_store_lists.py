"""What the books of cases, breaches, notices and customers promise of lists, on the real stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import command
from sqlalchemy import text
from store_adapters import ADAPTERS, fresh_store

from breachdesk.ports import UnitOfWork
from breachdesk.stores.migrations.schema_migration import build_config
from breachdesk.stores.open_store import open_sqlite
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.sqlite import sqlite_database
from breachdesk.stores.sqlite.sqlite_database import create_file
from breachdesk.testing import START, FixedNow, add_confirmed_breach, make_binding, make_customer
from notifiers.testing.channels import DECISION, build_notice_row
from schemas.casework.case import Case, CaseOrigin, CaseState, CaseTask, TaskKind
from schemas.casework.decision import Decision
from schemas.casework.notice import DeliveryStatus
from schemas.paging import Page, PageRequest, iterate_all_rows

Row = TypeVar("Row")


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def a_case(number: int, *, tasks: int = 0, done_tasks: int = 0, **changes: object) -> Case:
    every = tuple(
        CaseTask(
            id=f"t{n}", kind=TaskKind.CHECK, title="look", reason="so", opened_at=START,
            done_at=START + timedelta(hours=number) if n < done_tasks else None,
        )
        for n in range(tasks)
    )  # fmt: skip
    fields = {
        "id": f"CASE-{number:04d}", "title": f"Mail number {number}", "origin": CaseOrigin.OWN,
        "opened_by": "sam", "opened_at": START + timedelta(hours=number), "tasks": every,
    }  # fmt: skip
    return Case.model_validate(fields | changes)


def add(store: PipelineStore, *cases: Case) -> None:
    def work(uow: UnitOfWork) -> None:
        for case in cases:
            uow.cases.add(case)

    store.write(work)


def pages(
    store: PipelineStore, ask: Callable[[UnitOfWork, PageRequest], Page[Row]], limit: int = 3
) -> Sequence[Row]:
    return list(iterate_all_rows(lambda request: store.read(lambda uow: ask(uow, request)), limit))


def test_cases_come_page_after_page_newest_first_by_state_and_by_words(
    store: PipelineStore,
) -> None:
    closed = {"state": CaseState.CLOSED, "closed_at": START}
    add(store, *(a_case(n, **(closed if n % 2 else {})) for n in range(1, 11)))

    every = pages(store, lambda uow, request: uow.cases.list_page(request))
    shut = pages(
        store, lambda uow, request: uow.cases.list_page(request, states=(CaseState.CLOSED,))
    )
    cases = pages(store, lambda uow, request: uow.cases.list_page(request, words="NUMBER 10"))
    assert [case.id for case in every] == [f"CASE-{n:04d}" for n in range(10, 0, -1)]
    assert [case.id for case in shut] == [f"CASE-{n:04d}" for n in (9, 7, 5, 3, 1)]
    assert [case.id for case in cases] == ["CASE-0010"]
    counts = store.read(lambda uow: uow.cases.count_all())
    assert (counts.open, counts.closed, counts.open_tasks) == (5, 5, 0)


def test_tasks_are_counted_where_a_case_is_open_and_listed_where_they_wait(
    store: PipelineStore,
) -> None:
    add(store, a_case(1, tasks=3, done_tasks=1), a_case(2), a_case(3, tasks=2, done_tasks=2))
    add(store, a_case(4, tasks=1, state=CaseState.CLOSED, closed_at=START))

    assert store.read(lambda uow: uow.cases.count_all()).open_tasks == 2
    waiting = store.read(lambda uow: uow.cases.list_with_open_tasks())
    cases = store.read(lambda uow: uow.cases.list_by_newest_completed_task(5))
    assert [case.id for case in waiting] == ["CASE-0004", "CASE-0001"]
    assert [case.id for case in cases] == ["CASE-0003", "CASE-0001"]


def test_what_was_read_ahead_is_read_again_once_it_is_written(store: PipelineStore) -> None:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))

    def work(uow: UnitOfWork) -> tuple[object, ...]:
        uow.cases.read_ahead([breach.case_id])
        uow.breaches.read_ahead([breach.id])
        uow.notices.read_ahead([breach.id])
        before = (
            uow.breaches.list_versions(Decision, breach.id),
            uow.notices.list(breach_id=breach.id),
        )
        uow.breaches.add_document(DECISION.model_copy(update={"breach_id": breach.id}))
        row = build_notice_row(1, breach_id=breach.id, status=DeliveryStatus.QUEUED)
        queued = uow.notices.enqueue(row)
        uow.notices.update(
            queued.model_copy(update={"status": DeliveryStatus.DEFERRED}),
            expected=[DeliveryStatus.QUEUED],
        )
        uow.cases.save(uow.cases.get(breach.case_id).model_copy(update={"title": "Another"}))
        uow.breaches.pause(breach.id, True)
        return (
            *before,
            [d.breach_id for d in uow.breaches.list_versions(Decision, breach.id)],
            [r.status for r in uow.notices.list(breach_id=breach.id)],
            uow.cases.get(breach.case_id).title,
            uow.breaches.is_paused(breach.id),
        )

    assert store.write(work) == ([], [], [breach.id], [DeliveryStatus.DEFERRED], "Another", True)


def test_a_stamp_changes_with_every_write_that_a_case_depends_on_and_with_no_other(
    store: PipelineStore,
) -> None:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    other = store.write(lambda uow: add_confirmed_breach(uow, START))
    row = build_notice_row(1, breach_id=breach.id, status=DeliveryStatus.QUEUED)

    def stamp(of: str) -> str:
        return store.read(lambda uow: uow.cases.compute_stamps([of]))[of]

    def update(uow: UnitOfWork) -> None:
        (stored,) = uow.notices.list(breach_id=breach.id)
        uow.notices.update(stored, expected=[DeliveryStatus.QUEUED])

    acts: list[Callable[[UnitOfWork], object]] = [
        lambda uow: uow.breaches.add_document(DECISION.model_copy(update={"breach_id": breach.id})),
        lambda uow: uow.breaches.pause(breach.id, True),
        lambda uow: uow.notices.enqueue(row),
        update,
        lambda uow: uow.cases.save(uow.cases.get(breach.case_id)),
        lambda uow: uow.breaches.save(uow.breaches.get(breach.id)),
    ]
    others = stamp(other.case_id)
    seen = [stamp(breach.case_id)]
    for act in acts:
        store.write(act)
        seen.append(stamp(breach.case_id))
    assert len(set(seen)) == len(acts) + 1
    assert stamp(other.case_id) == others


def test_customers_come_by_name_and_are_found_by_name_and_id(store: PipelineStore) -> None:
    names = ["Zeta", "alpha", "Élan", "beta %_", "Gamma"]
    some = [
        make_customer(f"c{n}").model_copy(update={"name": name}) for n, name in enumerate(names)
    ]
    store.write(lambda uow: uow.customers.save_all(some))

    by_name = pages(store, lambda uow, request: uow.customers.list_page(request), limit=2)
    by_id = pages(store, lambda uow, request: uow.customers.list_page(request, by_id=True), limit=2)
    customers = pages(store, lambda uow, request: uow.customers.list_page(request, words="A %_"))
    assert [c.name for c in by_name] == ["alpha", "beta %_", "Gamma", "Zeta", "Élan"]
    assert [c.id for c in by_id] == ["c0", "c1", "c2", "c3", "c4"]
    assert [c.id for c in customers] == ["c3"]
    assert store.read(lambda uow: uow.customers.get_names(["c0", "nobody"])) == {"c0": "Zeta"}
    second = store.read(lambda uow: uow.customers.list_page(PageRequest(2, after=after(uow))))
    back = store.read(lambda uow: uow.customers.list_page(PageRequest(2, before=second.previous)))
    assert [c.name for c in back.rows] == ["alpha", "beta %_"]


def after(uow: UnitOfWork) -> str | None:
    return uow.customers.list_page(PageRequest(2)).next


def test_bindings_come_in_pages_and_by_customer_and_asset(store: PipelineStore) -> None:
    some = [make_binding(f"box{n}@x.example", f"c{n % 2}") for n in range(7)]
    store.write(lambda uow: uow.customers.bind_all(some, START))

    every = pages(store, lambda uow, request: uow.customers.list_bindings_page(request))
    bindings = pages(
        store, lambda uow, request: uow.customers.list_bindings_page(request, words="BOX3")
    )
    theirs = store.read(lambda uow: uow.customers.list_bindings_of(["c1"]))
    these = store.read(
        lambda uow: uow.customers.list_bindings_among(["mailbox:box2@x.example", "x"])
    )
    assert [b.value for b in every] == [f"box{n}@x.example" for n in range(7)]
    assert [b.value for b in bindings] == ["box3@x.example"]
    assert [b.value for b in theirs] == ["box1@x.example", "box3@x.example", "box5@x.example"]
    assert [b.value for b in these] == ["box2@x.example"]
    assert store.read(lambda uow: uow.customers.count_assets(["c0", "c1", "c2"])) == {
        "c0": 4,
        "c1": 3,
    }


def test_a_store_of_the_release_before_lists_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    create_file(path)
    engine = sqlite_database.make_writer_engine(path)
    case = a_case(1, tasks=2, done_tasks=1, near_miss=True, state=CaseState.CLOSED, closed_at=START)
    customer = make_customer("contoso").model_copy(update={"notice_hours": 24})
    with engine.connect() as connection:
        command.upgrade(build_config(connection), "0006")
        insert = "INSERT INTO cases (id, version, opened_at, state, doc) VALUES (:i, 1, :o, :s, :d)"
        values = {
            "i": case.id, "o": "2026-11-22 10:00:00.000000", "s": "closed",
            "d": case.model_dump_json(),
        }  # fmt: skip
        connection.execute(text(insert), values)
        connection.execute(
            text("INSERT INTO customers (id, doc) VALUES (:i, :d)"),
            {"i": customer.id, "d": customer.model_dump_json()},
        )
        connection.commit()
    engine.dispose()

    with open_sqlite(path, now=FixedNow()) as store:
        assert store.read(lambda uow: uow.cases.list_near_misses()) == [case]
        assert store.read(lambda uow: uow.cases.list_with_open_tasks()) == [case]
        assert store.read(lambda uow: uow.customers.list_page(PageRequest())).rows == [customer]
        assert store.read(lambda uow: uow.customers.list_with_notice_hours()) == [customer]
