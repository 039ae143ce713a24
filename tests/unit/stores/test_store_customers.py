"""Bindings in two times: when an asset was whose, and when we knew it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from store_adapters import ADAPTERS, fresh_store

from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, make_binding, make_customer
from schemas.customer import AssetKind, Binding
from schemas.errors import NotFound

DAY = timedelta(days=1)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def bind(
    store: PipelineStore, customer: str, begin: int | None, end: int | None, known: int = 0
) -> None:
    binding = make_binding(
        "jo@contoso.example",
        customer,
        valid_from=None if begin is None else START + begin * DAY,
        valid_to=None if end is None else START + end * DAY,
    )
    store.write(lambda uow: uow.customers.bind(binding, START + known * DAY))


def owner(bindings: list[Binding], at: datetime, known_at: datetime) -> str | None:
    """By the two spans alone; more than one owner is a fault."""
    customer_ids = {
        b.customer_id
        for b in bindings
        if (b.valid_from is None or b.valid_from <= at)
        and (b.valid_to is None or at < b.valid_to)
        and (b.known_from is None or b.known_from <= known_at)
        and (b.known_to is None or known_at < b.known_to)
    }
    assert len(customer_ids) <= 1
    return customer_ids.pop() if customer_ids else None


def test_a_correction_leaves_what_was_known_before_as_it_was(store: PipelineStore) -> None:
    bind(store, "contoso", None, None, known=0)
    bind(store, "fabrikam", 2, 4, known=10)
    everything = list(store.read(lambda uow: uow.customers.list_bindings(current=False)))

    in_between = START + 3 * DAY
    assert owner(everything, in_between, START + 5 * DAY) == "contoso"
    assert owner(everything, in_between, START + 10 * DAY) == "fabrikam"
    assert owner(everything, START + 4 * DAY, START + 10 * DAY) == "contoso"
    assert len(store.read(lambda uow: uow.customers.list_bindings())) == 3


def test_spans_that_only_touch_do_not_cut_each_other(store: PipelineStore) -> None:
    bind(store, "contoso", 0, 2)
    bind(store, "fabrikam", 2, None, known=1)

    current = store.read(lambda uow: uow.customers.list_bindings())
    assert [(b.customer_id, b.valid_to) for b in current] == [
        ("contoso", START + 2 * DAY),
        ("fabrikam", None),
    ]


def test_binding_the_same_again_changes_nothing(store: PipelineStore) -> None:
    bind(store, "contoso", 0, 2)
    version = store.read(lambda uow: uow.customers.get_version())
    bind(store, "contoso", 0, 2, known=5)

    assert store.read(lambda uow: uow.customers.get_version()) == version
    assert len(store.read(lambda uow: uow.customers.list_bindings(current=False))) == 1


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_corrections_answers_as_the_last_word_known_then(
    store: PipelineStore, seed: int
) -> None:
    rng = random.Random(seed)
    values: list[tuple[int, int, int, str]] = []
    for known in range(12):
        begin = rng.randint(0, 8)
        end = begin + rng.randint(1, 5)
        customer = rng.choice(["contoso", "fabrikam", "tailspin"])
        values.append((known, begin, end, customer))
        bind(store, customer, begin, end, known=known)
    everything = list(store.read(lambda uow: uow.customers.list_bindings(current=False)))

    for day in range(14):
        for known_at in range(12):
            words = [c for k, b, e, c in values if k <= known_at and b <= day < e]
            expected = words[-1] if words else None
            actual = owner(everything, START + day * DAY, START + known_at * DAY)
            assert actual == expected, (day, known_at)


def test_the_register_gives_the_same_view_until_something_changes(store: PipelineStore) -> None:
    register = store.make_asset_register()
    before = register.get_view()
    again = register.get_view()
    bind(store, "contoso", 0, 2)
    after = register.get_view()

    assert again is before
    assert after.version > before.version
    assert before.find(AssetKind.MAILBOX, "jo@contoso.example", START) is None
    actual = after.find(AssetKind.MAILBOX, "jo@contoso.example", START)
    assert actual is not None
    assert actual.customer_id == "contoso"


def test_saving_a_customer_replaces_its_people_and_raises_the_version(store: PipelineStore) -> None:
    customer = make_customer()
    store.write(lambda uow: uow.customers.save(customer))
    fewer = customer.model_copy(update={"people": customer.people[:1]})
    store.write(lambda uow: uow.customers.save(fewer))
    version = store.read(lambda uow: uow.customers.get_version())
    store.write(lambda uow: uow.customers.save(fewer))

    assert store.read(lambda uow: uow.customers.get("contoso")) == fewer
    assert store.read(lambda uow: uow.customers.get_version()) == version == 2
    with pytest.raises(NotFound, match="no customer nobody"):
        store.read(lambda uow: uow.customers.get("nobody"))
