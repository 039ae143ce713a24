"""Sources, blind intervals, dead letters, strangers' names and the audit come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.engine import Connection
from store_adapters import ADAPTERS, fresh_store

from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.tables.stream_tables import dead_letters, source_counts, unattributed
from breachdesk.testing import START, FixedNow, make_binding, make_customer
from schemas.audit_actions import AuditAction
from schemas.customer import AssetKind
from schemas.errors import BadInput
from schemas.paging import Page, PageRequest, iterate_all_rows
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval

COUNTS = ("received", "parsed", "ignored", "dead_letters", "not_understood", "late")


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def write(store: PipelineStore, table: Any, rows: list[dict[str, Any]]) -> None:
    """As the pipeline's batches would."""

    def work(uow: Any) -> None:
        connection: Connection = uow._connection
        connection.execute(insert(table), rows)

    store.write(work)


def walked(
    store: PipelineStore, ask: Callable[[UnitOfWork, PageRequest], Page[Any]], limit: int
) -> tuple[list[Any], set[int]]:
    """All rows, and the totals that the pages said."""
    totals = set()

    def one(uow: UnitOfWork, request: PageRequest) -> Page[Any]:
        page = ask(uow, request)
        totals.add(page.total)
        return page

    rows = store.read(lambda uow: list(iterate_all_rows(lambda request: one(uow, request), limit)))
    return rows, totals


def some_sources(store: PipelineStore) -> None:
    """Five that were heard, one of which is not understood; one that is only known to be blind."""
    rows = [
        {
            "name": name,
            "parser": "",
            "last_arrived": START + timedelta(hours=number),
            **dict.fromkeys(COUNTS, 0),
            "not_understood": 3 if name == "vpn" else 0,
        }
        for number, name in enumerate(("mail", "vpn", "Backup", "edge", "web"))
    ]
    write(store, source_counts, rows)

    def work(uow: UnitOfWork) -> None:
        for number, name in enumerate(("router", "web", "web", "mail")):
            begin = START + timedelta(hours=number)
            end = None if name == "router" else begin + timedelta(minutes=30)
            uow.sources.add_gap(BlindInterval(source=name, begin=begin, end=end, reason="off"))

    store.write(work)


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_sources_are_paged_by_name_with_those_that_were_only_blind(
    store: PipelineStore, limit: int
) -> None:
    some_sources(store)

    sources, totals = walked(store, lambda uow, request: uow.sources.list_page(request), limit)

    assert [s.name for s in sources] == ["Backup", "edge", "mail", "router", "vpn", "web"]
    assert {s.name: len(s.gaps) for s in sources if s.gaps} == {"mail": 1, "router": 1, "web": 2}
    assert totals == {6}
    assert store.read(lambda uow: uow.sources.list()) == sources
    assert store.read(lambda uow: uow.sources.list_by_names(["web", "none"])) == [sources[-1]]


def test_troubled_sources_and_when_each_was_heard_are_told_by_name(store: PipelineStore) -> None:
    some_sources(store)
    heard = store.read(lambda uow: uow.sources.get_last_arrivals())

    assert store.read(lambda uow: list(uow.sources.list_troubled())) == ["vpn"]
    assert heard["router"] is None
    assert heard["web"] == START + timedelta(hours=4)
    assert len(heard) == 6


def test_blind_intervals_are_paged_newest_first(store: PipelineStore) -> None:
    some_sources(store)

    gaps, totals = walked(store, lambda uow, request: uow.sources.list_gaps_page(request), 3)

    assert [gap.source for gap in gaps] == ["mail", "web", "web", "router"]
    assert totals == {4}


def test_blind_intervals_of_a_time_are_those_that_overlap_it(store: PipelineStore) -> None:
    some_sources(store)
    begin = START + timedelta(hours=1, minutes=30)
    gaps = store.read(
        lambda uow: uow.sources.list_gaps_within(begin, begin + timedelta(minutes=20))
    )
    later = store.read(lambda uow: uow.sources.list_gaps_within(START + timedelta(days=9), FAR))

    assert [gap.source for gap in gaps] == ["router", "web"]
    assert [gap.source for gap in later] == ["router"]


FAR = START + timedelta(days=10)


def test_dead_letters_that_wait_are_paged_newest_first(store: PipelineStore) -> None:
    rows = [
        {
            "journal": "2026-11-22",
            "offset": number,
            "source": "m365",
            "arrived": START + timedelta(minutes=number // 3),
            "parser": "",
            "reason": "no parser understands this line",
            "sha256": "0" * 64,
            "replayed": number == 4,
        }
        for number in range(11)
    ]
    write(store, dead_letters, rows)

    letters, totals = walked(
        store, lambda uow, request: uow.sources.list_dead_letters_page(request), 4
    )

    assert [letter.position.offset for letter in letters] == [10, 9, 8, 7, 6, 5, 3, 2, 1, 0]
    assert totals == {10}
    assert store.read(lambda uow: uow.sources.list_dead_letters(limit=3)) == letters[:3]


def some_strangers(store: PipelineStore) -> None:
    """Seven names, of which a domain, a network and one asset cover three."""
    keys = (
        "mailbox:jo@owned.example",
        "ip:192.0.2.7",
        "host:web02",
        "mailbox:ann@stranger.example",
        "domain:stranger.example",
        "ip:198.51.100.9",
        "host:web03",
    )
    rows = [
        {"key": key, "events": 10 - n // 2, "first": START, "last": START, "datasets": []}
        for n, key in enumerate(keys)
    ]
    write(store, unattributed, rows)

    def work(uow: UnitOfWork) -> None:
        uow.customers.save(make_customer())
        for kind, value in (
            (AssetKind.DOMAIN, "owned.example"),
            (AssetKind.IP, "192.0.2.0/24"),
            (AssetKind.HOST, "web02"),
        ):
            uow.customers.bind(make_binding(value, kind=kind), START)

    store.write(work)


@pytest.mark.parametrize("limit", [1, 3, 50])
def test_names_that_belong_to_nobody_are_paged_most_events_first(
    store: PipelineStore, limit: int
) -> None:
    some_strangers(store)

    names, totals = walked(
        store, lambda uow, request: uow.customers.list_unattributed_page(request), limit
    )

    assert [name.key for name in names] == [
        "mailbox:ann@stranger.example",
        "domain:stranger.example",
        "ip:198.51.100.9",
        "host:web03",
    ]
    assert totals == {4}
    assert store.read(lambda uow: uow.customers.list_unattributed()) == names
    assert store.read(lambda uow: uow.customers.count_unattributed()) == 4


def test_the_count_of_names_follows_the_register_from_one_snapshot_to_the_next(
    store: PipelineStore,
) -> None:
    some_strangers(store)

    def count() -> int:
        return store.read(lambda uow: uow.customers.count_unattributed())

    assert [count(), count()] == [4, 4]
    store.write(lambda uow: uow.customers.bind(make_binding("web03", kind=AssetKind.HOST), START))
    assert [count(), count()] == [3, 3]
    assert store.write(lambda uow: uow.customers.count_unattributed()) == 3


def test_a_page_of_names_leads_back_and_its_address_names_nobody(store: PipelineStore) -> None:
    some_strangers(store)

    def ask(request: PageRequest) -> Page[Any]:
        return store.read(lambda uow: uow.customers.list_unattributed_page(request))

    first = ask(PageRequest(1))
    second = ask(PageRequest(1, after=first.next))

    assert ask(PageRequest(1, before=second.previous)) == first
    assert "ann" not in str(first.next)
    assert ask(PageRequest(1, after="0" * 24)) == first
    with pytest.raises(BadInput):
        ask(PageRequest(1, after="mailbox:ann@stranger.example"))


def test_a_name_is_gone_from_the_list_once_it_is_bound_and_the_page_after_it_goes_on(
    store: PipelineStore,
) -> None:
    some_strangers(store)
    first = store.read(lambda uow: uow.customers.list_unattributed_page(PageRequest(2)))
    bound = make_binding("198.51.100.9", kind=AssetKind.IP)
    store.write(lambda uow: uow.customers.bind(bound, START))

    rest = store.read(
        lambda uow: uow.customers.list_unattributed_page(PageRequest(2, after=first.next))
    )

    assert [name.key for name in rest.rows] == ["host:web03"]
    assert rest.total == 3


def test_audit_entries_are_paged_newest_first_and_counted_by_the_head(store: PipelineStore) -> None:
    for number in range(7):
        store.write(
            lambda uow, n=number: uow.audit.record(
                at=START, actor="a", action=AuditAction.CASE_NOTE_ADDED, subject=str(n)
            )
        )

    entries, totals = walked(store, lambda uow, request: uow.audit.list_page(request), 3)

    assert [entry.subject for entry in entries] == [str(n) for n in range(6, -1, -1)]
    assert totals == {7}


def test_letters_come_some_at_a_time_in_the_order_of_the_log(store: PipelineStore) -> None:
    rows = [
        {
            "journal": journal, "offset": offset, "source": "fw", "arrived": START,
            "parser": "leef", "reason": "no", "sha256": "0" * 64,
            "replayed": (journal, offset) == ("b", 1),
        }
        for journal in ("b", "a", "B")
        for offset in (2, 1)
    ]  # fmt: skip
    write(store, dead_letters, rows)

    def after(position: RecordPosition | None) -> list[RecordPosition]:
        some = store.read(lambda uow: uow.sources.list_dead_letters_after(position, limit=3))
        return [letter.position for letter in some]

    first = after(None)
    assert first == [RecordPosition("B", 1), RecordPosition("B", 2), RecordPosition("a", 1)]
    assert after(first[-1]) == [RecordPosition("a", 2), RecordPosition("b", 2)]
    assert after(RecordPosition("b", 2)) == []


def test_of_noted_intervals_those_are_unknown_that_the_store_has_not_or_has_otherwise(
    store: PipelineStore,
) -> None:
    known, changed, other, fresh = (
        BlindInterval(source=name, begin=START, reason="off")
        for name in ("known", "changed", "other", "fresh")
    )
    for gap in (known, changed, other):
        store.write(lambda uow, g=gap: uow.sources.add_gap(g))
    ended = changed.model_copy(update={"end": START + timedelta(hours=1)})

    assert store.read(lambda uow: uow.sources.filter_unknown_gaps([known, ended, fresh])) == [
        ended,
        fresh,
    ]
