"""A person says whose it is: from ever, from a day, and on the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from breachdesk.casework.imports.attribution import bind_asset
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    START,
    FixedNow,
    commit_batch,
    make_actor,
    make_customer,
    make_store,
)
from schemas.customer import PROVIDER, AssetKind, Binding, DataCategory, DataRole, PecrStatus
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.user import Actor
from streams.ports import UnattributedCount

DAY = timedelta(days=1)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        opened.write(lambda uow: uow.customers.save(make_customer()))
        yield opened


def say(
    store: SqliteStore,
    key: str,
    customer: str = "contoso",
    service: str = "",
    since: datetime | None = None,
    actor: Actor | None = None,
) -> Binding:
    return store.write(
        lambda uow: bind_asset(uow, actor or make_actor(), key, customer, service, since, START)
    )


def test_what_is_bound_takes_role_and_categories_from_its_service(store: SqliteStore) -> None:
    bound = say(store, "domain:Contoso.example", service="Hosted Mailbox")

    assert (bound.kind, bound.value) == (AssetKind.DOMAIN, "contoso.example")
    assert (bound.service, bound.role) == ("hosted mailbox", DataRole.PROCESSOR)
    assert bound.categories == (DataCategory.MAIL,)
    assert store.read(lambda uow: len(uow.customers.list_bindings())) == 1


def test_a_machine_is_bound_only_with_a_service_that_a_person_names(store: SqliteStore) -> None:
    with pytest.raises(BadInput) as raised:
        say(store, "host:orchard-srv1")

    assert raised.value.place == "service"
    assert "managed server, workstation or managed firewall" in raised.value.remedy
    assert store.read(lambda uow: uow.customers.list_bindings()) == []


@pytest.mark.parametrize(
    ("key", "service", "pecr"),
    [
        ("tenant:0f-1", "Microsoft 365 tenant", PecrStatus.NO),
        ("site:www.contoso.example", "hosted website", PecrStatus.NO),
        ("ip:198.51.100.7", "broadband line", PecrStatus.ASK),
    ],
)
def test_without_a_service_the_usual_one_is_taken(
    store: SqliteStore, key: str, service: str, pecr: PecrStatus
) -> None:
    bound = say(store, key)

    assert (bound.service, bound.pecr) == (service, pecr)


def test_the_provider_may_own_things_too(store: SqliteStore) -> None:
    assert say(store, "host:mail-gw", PROVIDER).service == "our own system"


def test_a_binding_holds_from_its_day_and_is_known_from_now(store: SqliteStore) -> None:
    say(store, "host:box", service="managed server", since=START - DAY)
    view = store.make_asset_register().get_view()

    assert view.find(AssetKind.HOST, "box", START) is not None
    assert view.find(AssetKind.HOST, "box", START - 2 * DAY) is None
    assert view.find(AssetKind.HOST, "box", START, START - DAY) is None


def test_an_own_service_of_the_register_can_be_named_again(store: SqliteStore) -> None:
    own = Binding(
        kind=AssetKind.HOST,
        value="pbx",
        customer_id="contoso",
        service="door entry",
        role=DataRole.PROCESSOR,
        categories=(DataCategory.IDENTITY,),
    )
    store.write(lambda uow: uow.customers.bind(own, START))
    bound = say(store, "host:pbx-2", service="Door entry")

    assert (bound.service, bound.categories) == ("door entry", (DataCategory.IDENTITY,))


@pytest.mark.parametrize(
    ("key", "customer", "service", "error"),
    [
        ("contoso.example", "contoso", "", BadInput),
        ("colour:blue", "contoso", "", BadInput),
        ("ip:192.168.1.0/24", "contoso", "", BadInput),
        ("domain:", "contoso", "", BadInput),
        ("domain:contoso.example", "nobody", "", NotFound),
        ("domain:contoso.example", "contoso", "teapot", BadInput),
    ],
)
def test_what_cannot_be_bound_changes_nothing(
    store: SqliteStore, key: str, customer: str, service: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        say(store, key, customer, service)

    assert getattr(raised.value, "remedy", "")
    assert store.read(lambda uow: uow.customers.list_bindings()) == []


def test_an_account_without_a_duty_may_not_bind(store: SqliteStore) -> None:
    with pytest.raises(NotAllowed):
        say(store, "host:box", actor=Actor(id="guest", permissions=frozenset()))


def test_the_audit_names_the_customer_and_no_mailbox(store: SqliteStore) -> None:
    say(store, "mailbox:jo.mason@contoso.example")
    entries = store.read(lambda uow: uow.audit.list_entries(subject="contoso"))
    document = entries[-1].model_dump_json()

    assert entries[-1].act == "register:asset:bound"
    assert "hosted mailbox" in document
    assert "jo.mason" not in document


def test_what_was_bound_is_asked_no_more(store: SqliteStore) -> None:
    keys = ("domain:contoso.example", "domain:fabrikam.example")
    counts = [UnattributedCount(key, 4112, START, START, "m365.audit") for key in keys]
    commit_batch(store, unattributed=counts)
    values = [one.key for one in store.read(lambda uow: uow.customers.list_unattributed())]
    say(store, keys[0])
    unattributed = store.read(lambda uow: uow.customers.list_unattributed())

    assert values == list(keys)
    assert [(one.key, one.events) for one in unattributed] == [(keys[1], 4112)]
