"""The register in memory: two times, half-open spans, longest prefix."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breachdesk.stores.register.register_view import RegisterSnapshot
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_binding, make_store
from schemas.customer import AssetKind, Binding

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
days = st.integers(0, 30)


def at(day: int) -> datetime:
    return START + day * DAY


def bound(
    customer: str,
    begin: int | None = None,
    end: int | None = None,
    *,
    value: str = "jo@contoso.example",
    kind: AssetKind = AssetKind.MAILBOX,
    known: tuple[int, int | None] = (0, None),
    row: int = 1,
) -> Binding:
    return make_binding(
        value,
        customer,
        kind=kind,
        valid_from=None if begin is None else at(begin),
        valid_to=None if end is None else at(end),
    ).model_copy(
        update={
            "id": row,
            "known_from": at(known[0]),
            "known_to": None if known[1] is None else at(known[1]),
        }
    )


def owner(
    view: RegisterSnapshot,
    when: datetime,
    value: str = "jo@contoso.example",
    kind: AssetKind = AssetKind.MAILBOX,
    known: datetime | None = None,
) -> str | None:
    actual = view.find(kind, value, when, known)
    return actual.customer_id if actual else None


def test_spans_hold_their_first_instant_and_not_their_last() -> None:
    view = RegisterSnapshot([bound("contoso", 1, 3), bound("fabrikam", 3, 5, row=2)], 1)
    tick = timedelta(microseconds=1)

    assert owner(view, at(1) - tick) is None
    assert owner(view, at(1)) == "contoso"
    assert owner(view, at(3) - tick) == "contoso"
    assert owner(view, at(3)) == "fabrikam"
    assert owner(view, at(5)) is None


def test_values_are_compared_case_folded() -> None:
    view = RegisterSnapshot([bound("contoso")], 1)

    assert owner(view, at(0), "Jo@CONTOSO.example") == "contoso"
    assert owner(view, at(0), "jo@contoso.example", AssetKind.DOMAIN) is None


def test_a_correction_shows_only_to_those_who_look_after_it() -> None:
    view = RegisterSnapshot(
        [
            bound("contoso", known=(0, 10), row=1),
            bound("contoso", None, 2, known=(10, None), row=2),
            bound("fabrikam", 2, None, known=(10, None), row=3),
        ],
        7,
    )

    assert view.version == 7
    assert owner(view, at(4)) == "fabrikam"
    assert owner(view, at(4), known=at(5)) == "contoso"
    assert owner(view, at(4), known=at(10)) == "fabrikam"
    assert owner(view, at(1), known=at(12)) == "contoso"
    assert owner(view, at(4), known=at(0) - HOUR) is None


def test_the_longest_prefix_in_force_wins() -> None:
    rows = [
        bound("wide", value="198.51.100.0/24", kind=AssetKind.IP, row=1),
        bound("narrow", 2, 4, value="198.51.100.8/29", kind=AssetKind.IP, row=2),
        bound("single", value="198.51.100.9", kind=AssetKind.IP, row=3),
        bound("six", value="2001:db8::/32", kind=AssetKind.IP, row=4),
    ]
    view = RegisterSnapshot(rows, 1)

    def whose(address: str, day: int) -> str | None:
        return owner(view, at(day), address, AssetKind.IP)

    assert whose("198.51.100.9", 3) == "single"
    assert whose("198.51.100.10", 3) == "narrow"
    assert whose("198.51.100.10", 5) == "wide"
    assert whose("::ffff:198.51.100.10", 5) == "wide"
    assert whose("2001:db8:1::5", 0) == "six"
    assert whose("203.0.113.1", 0) is None
    assert whose("no address", 0) is None


@given(
    spans=st.lists(st.tuples(days, days, days, st.none() | days), max_size=6),
    when=days,
    known=st.none() | days,
)
def test_find_is_what_the_two_spans_say(
    spans: list[tuple[int, int, int, int | None]], when: int, known: int | None
) -> None:
    rows = [
        bound(f"customer-{number}", begin, end, known=(since, until), row=number)
        for number, (begin, end, since, until) in enumerate(spans)
    ]

    def holds(row: tuple[int, int, int, int | None]) -> bool:
        begin, end, since, until = row
        in_force = begin <= when < end
        if known is None:
            return in_force and until is None
        return in_force and since <= known and (until is None or known < until)

    expected = [f"customer-{number}" for number, row in enumerate(spans) if holds(row)]
    actual = owner(RegisterSnapshot(rows, 1), at(when), known=None if known is None else at(known))

    assert actual == (expected[-1] if expected else None)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


def test_the_stores_view_follows_what_is_bound_and_keeps_what_was_known(store: SqliteStore) -> None:
    register = store.make_asset_register()
    empty = register.get_view()
    store.write(lambda uow: uow.customers.bind(make_binding(customer_id="contoso"), at(0)))
    first = register.get_view()
    correction = make_binding(customer_id="fabrikam", valid_from=at(-3))
    store.write(lambda uow: uow.customers.bind(correction, at(9)))
    second = register.get_view()

    def whose(day: int, known: int | None = None) -> str | None:
        seen = second.find(
            AssetKind.MAILBOX,
            "jo@contoso.example",
            at(day),
            None if known is None else at(known),
        )
        return seen.customer_id if seen else None

    assert register.get_view() is second
    assert empty.find(AssetKind.MAILBOX, "jo@contoso.example", at(1)) is None
    assert first.find(AssetKind.MAILBOX, "jo@contoso.example", at(1)) is not None
    assert (whose(-4), whose(-3), whose(1)) == ("contoso", "fabrikam", "fabrikam")
    assert whose(1, known=8) == "contoso"
