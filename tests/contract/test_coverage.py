"""Customers and services are watched by the sources that told of their assets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.casework.watching import coverage
from breachdesk.casework.watching.coverage import WatchState
from breachdesk.casework.watching.figures import read_figures
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, make_binding, make_customer
from breachdesk.watch_port import CoverageGap
from schemas.customer import AssetKind
from schemas.errors import BadInput
from schemas.paging import PageRequest
from schemas.pipeline.event import RecordPosition
from streams.ports import (
    GroupUpdates,
    HourCount,
    PartitionAdvance,
    RecordBatch,
    SourceSighting,
    SubjectKind,
)

HOUR = int(START.timestamp() // 3600)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def commit(
    store: PipelineStore,
    sightings: Sequence[SourceSighting] = (),
    hours: Sequence[HourCount] = (),
) -> None:
    sink = store.make_batch_sink()
    step = PartitionAdvance(
        "journal", sink.load_positions(["journal"])["journal"], RecordPosition("day", 1)
    )
    batch = RecordBatch([step], sightings=sightings, hours=hours)
    sink.commit(batch, {}, lambda _rows, _low: GroupUpdates(), START)


def some_tenants(store: PipelineStore) -> None:
    """Three customers with tenants, of which one is audited, one was long ago; one has nothing."""
    with_tenant = ("acme", "beta", "gamma")

    def work(uow: object) -> None:
        for name in (*with_tenant, "delta"):
            uow.customers.save(make_customer(name))  # type: ignore[attr-defined]
        for name in with_tenant:
            uow.customers.bind(  # type: ignore[attr-defined]
                make_binding(f"{name}-tenant", customer_id=name, kind=AssetKind.TENANT), START
            )

    store.write(work)
    commit(
        store,
        [
            SourceSighting("acme", "tenant:acme-tenant", "m365", HOUR - 1),
            SourceSighting("beta", "tenant:beta-tenant", "m365", HOUR - 8 * 24),
            SourceSighting("delta", "", "nginx", HOUR),
        ],
    )


def test_totals_say_how_many_of_the_tenants_are_audited(store: PipelineStore) -> None:
    some_tenants(store)

    totals = store.read(lambda uow: coverage.read_totals(uow, START))

    assert [kind.sentence for kind in totals.kinds] == ["1 of 3 tenants audited"]
    assert totals.sentence == "2 customers are watched by nothing"
    assert totals.customers == 4


@pytest.mark.parametrize(
    ("gap", "customers"),
    [
        (None, ["acme", "beta", "delta", "gamma"]),
        (CoverageGap.NOTHING, ["beta", "gamma"]),
        (CoverageGap.SOME, ["beta", "gamma"]),
    ],
)
def test_customers_are_filtered_by_gap_and_paged(
    store: PipelineStore, gap: CoverageGap | None, customers: list[str]
) -> None:
    some_tenants(store)
    seen: list[str] = []
    request = PageRequest(1)
    while True:
        result = store.read(lambda uow, r=request: coverage.read_page(uow, r, START, gap))
        assert result.page.total == len(customers)
        seen += result.page.rows
        if result.page.next is None:
            break
        request = PageRequest(1, after=result.page.next)

    assert seen == customers
    with pytest.raises(BadInput):
        store.read(lambda uow: coverage.read_page(uow, PageRequest(1, after="x"), START))


def test_a_row_says_what_watches_the_service(store: PipelineStore) -> None:
    some_tenants(store)

    rows = store.read(lambda uow: coverage.read_page(uow, PageRequest(9), START)).rows
    by_customer = {row.customer: row for row in rows}

    acme = by_customer["acme"]
    assert (acme.assets, acme.watched, acme.state) == (1, 1, WatchState.WATCHED)
    assert [source.name for source in acme.sources] == ["m365"]
    assert by_customer["beta"].state is WatchState.UNWATCHED
    assert by_customer["beta"].last_seen is not None
    assert by_customer["gamma"].last_seen is None
    assert by_customer["delta"].state is WatchState.PARTLY
    assert coverage.export_csv(rows).count("\r\n") == 5


def test_figures_compare_the_present_rate_with_the_usual(store: PipelineStore) -> None:
    def build(hour: int, received: int) -> HourCount:
        return HourCount(
            SubjectKind.SOURCE,
            "fw",
            hour,
            received=received,
            parsed=received - 6,
            not_understood=6,
            lateness=(received, 0, 0, 0, 0, 0, 0, 0),
            last_arrived=hour * 3600.0,
        )

    commit(store, hours=[build(HOUR - 168, 600), build(HOUR - 1, 120), build(HOUR, 60)])
    figures = store.read(lambda uow: read_figures(uow, SubjectKind.SOURCE, ["fw", "none"], START))

    share = 1 - (START.timestamp() % 3600) / 3600
    assert figures["fw"].records_per_minute == pytest.approx((60 + share * 120) / 60)
    assert figures["fw"].usual_records_per_minute == 10
    assert (figures["fw"].received, figures["fw"].failures) == (180, 12)
    assert figures["fw"].median_lateness == 5
    assert figures["none"].received == 0
