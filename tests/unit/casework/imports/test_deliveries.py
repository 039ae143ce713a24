"""Registers of other systems: each vendor's records are read, and what is not clear is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breachdesk.casework.imports.column_presets import VENDORS
from breachdesk.casework.imports.deliveries import DeliveredPart, read_delivery
from breachdesk.casework.imports.delivery_import import (
    DeliveryOutcome,
    accept_change,
    decline_change,
    import_delivery,
)
from breachdesk.casework.imports.service_presets import SERVICES
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_actor, make_store
from schemas.customer import Customer
from schemas.customer_source import CustomerSourceSettings
from schemas.errors import BadInput, EditConflict, NotAllowed
from schemas.paging import PageRequest
from schemas.register_import import HeldChange, HoldReason, ImportSourceState
from schemas.user import Permission

HALO_CLIENT = {"id": 12, "name": "Orchard Lettings", "inactive": False, "colour": "#2bd3c6"}
HALO_USER = {
    "id": 38,
    "client_id": 12,
    "name": "Priya Orchard",
    "emailaddress": "p@orchard.example",
}
HALO_SITE = {"id": 1, "client_id": 12, "maincontact_id": 38}
CW_COMPANY = {
    "id": 5,
    "identifier": "Orchard",
    "name": "Orchard Lettings",
    "phoneNumber": "01632960001",
    "defaultContact": {"id": 9, "name": "Priya"},
    "invoiceToEmailAddress": "bills@orchard.example",
    "deletedFlag": False,
}
CW_MAILS = [
    {"communicationType": "Phone", "value": "01632960002", "defaultFlag": True},
    {"communicationType": "Email", "value": "p@orchard.example", "defaultFlag": True},
    {"communicationType": "Email", "value": "home@priya.example", "defaultFlag": False},
]
CW_CONTACT = {
    "id": 9,
    "firstName": "Priya",
    "lastName": "Orchard",
    "company": {"id": 5, "identifier": "Orchard"},
    "inactiveFlag": False,
    "communicationItems": CW_MAILS,
}
AUTOTASK_CONTACT = {
    "id": 3,
    "companyID": 29683,
    "firstName": "Priya",
    "lastName": "Orchard",
    "emailAddress": "p@orchard.example",
    "emailAddress2": "other@orchard.example",
    "primaryContact": True,
    "isActive": 1,
}
XERO_CONTACT = {
    "ContactID": "11111111-2222-3333-4444-555555555555",
    "AccountNumber": "ORC-1",
    "Name": "Orchard Lettings",
    "EmailAddress": "bills@orchard.example",
    "ContactStatus": "ACTIVE",
    "IsCustomer": True,
    "IsSupplier": False,
}
WHMCS_CLIENT = {
    "id": 7,
    "firstname": "Priya",
    "lastname": "Orchard",
    "companyname": "Orchard Lettings",
    "email": "p@orchard.example",
    "status": "Active",
}


def items(*records: Mapping[str, Any], following: str | None = None) -> dict[str, Any]:
    return {"items": list(records), "pageDetails": {"nextPageUrl": following}}


DELIVERIES: Mapping[str, tuple[object, ...]] = {
    "autotask": (
        items({"id": 29683, "companyName": "Orchard Lettings", "phone": "01632960001"}),
        items(AUTOTASK_CONTACT),
    ),
    "connectwise": ([CW_COMPANY], [CW_CONTACT]),
    "halopsa": (
        {"record_count": 1, "clients": [HALO_CLIENT]},
        {"record_count": 1, "users": [HALO_USER]},
        {"record_count": 1, "sites": [HALO_SITE]},
    ),
    "whmcs": ({"totalresults": 1, "clients": {"client": [WHMCS_CLIENT]}},),
    "xero": ({"Contacts": [XERO_CONTACT]},),
}


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


def build_parts(*documents: object) -> list[DeliveredPart]:
    return [
        DeliveredPart(f"part{number}.json", json.dumps(document).encode())
        for number, document in enumerate(documents)
    ]


def run(
    store: SqliteStore, *documents: object, email: str = "primary", **options: Any
) -> DeliveryOutcome:
    source = CustomerSourceSettings.model_validate(
        {"name": "psa", "folder": "in", "email": email, **options}
    )
    delivery = read_delivery(build_parts(*documents))
    state = ImportSourceState(name="psa")
    return store.write(
        lambda uow: import_delivery(uow, make_actor(), source, delivery, state, START)
    )


def customers(store: SqliteStore) -> dict[str, Customer]:
    return {each.id: each for each in store.read(lambda uow: uow.customers.list())}


def waiting(store: SqliteStore) -> list[HeldChange]:
    return list(store.read(lambda uow: uow.imports.list_held_page(PageRequest(100))).rows)


def test_every_vendor_has_a_delivery_here() -> None:
    assert DELIVERIES.keys() == VENDORS.keys()


@pytest.mark.parametrize("vendor", [v for v in DELIVERIES if v != "xero"])
def test_the_primary_contacts_address_becomes_the_default_address(
    store: SqliteStore, vendor: str
) -> None:
    outcome = run(store, *DELIVERIES[vendor])
    (customer,) = customers(store).values()

    assert outcome.plan.problems == ()
    assert waiting(store) == []
    assert (customer.name, customer.default_email) == ("Orchard Lettings", "p@orchard.example")


@pytest.mark.parametrize("vendor", DELIVERIES)
def test_the_same_delivery_again_changes_nothing(store: SqliteStore, vendor: str) -> None:
    run(store, *DELIVERIES[vendor], email="billing" if vendor == "xero" else "primary")
    version = store.read(lambda uow: uow.customers.get_version())
    entries = len(store.read(lambda uow: uow.audit.list_entries()))
    again = run(store, *DELIVERIES[vendor], email="billing" if vendor == "xero" else "primary")

    assert (again.plan.changes, again.plan.unchanged) == ((), 1)
    assert store.read(lambda uow: uow.customers.get_version()) == version
    assert len(store.read(lambda uow: uow.audit.list_entries())) == entries


def test_a_billing_address_waits_unless_it_was_asked_for(store: SqliteStore) -> None:
    run(store, *DELIVERIES["xero"])
    (change,) = waiting(store)
    added = customers(store)
    outcome = run(store, *DELIVERIES["xero"], email="billing")

    assert change.reasons == (HoldReason.BILLING_ONLY,)
    assert added == {}
    assert waiting(store) == []
    assert [change.customer_id for change in outcome.plan.safe] == ["ORC-1"]


def test_a_billing_address_never_takes_the_place_of_the_primary_contacts(
    store: SqliteStore,
) -> None:
    client = {**HALO_CLIENT, "accountsemailaddress": "bills@orchard.example"}
    run(store, {"clients": [client]}, *DELIVERIES["halopsa"][1:])

    assert customers(store)["12"].default_email == "p@orchard.example"


@pytest.mark.parametrize(
    ("contacts", "problem"),
    [
        (
            [AUTOTASK_CONTACT, {**AUTOTASK_CONTACT, "id": 4, "emailAddress": "q@orchard.example"}],
            "two primary contacts",
        ),
        ([{**AUTOTASK_CONTACT, "isActive": 0}], "marked inactive"),
        ([{**AUTOTASK_CONTACT, "emailAddress": "a@b.example; c@d.example"}], "not one mail"),
    ],
)
def test_an_unclear_address_is_refused(
    store: SqliteStore, contacts: list[dict[str, Any]], problem: str
) -> None:
    company = {"id": 29683, "companyName": "Orchard Lettings", "phone": "01632960001"}
    outcome = run(store, items(company), items(*contacts))

    assert customers(store) == {}
    assert outcome.plan.refused == 1
    assert problem in outcome.plan.problems[0].problem
    assert "example" not in str(outcome.plan.problems)


def test_several_addresses_without_a_default_are_refused(store: SqliteStore) -> None:
    mails = [{**each, "defaultFlag": False} for each in CW_MAILS]
    outcome = run(store, [CW_COMPANY], [{**CW_CONTACT, "communicationItems": mails}])

    assert customers(store) == {}
    assert "not one mail address" in outcome.plan.problems[0].problem


def test_every_row_of_an_id_that_comes_twice_is_refused(store: SqliteStore) -> None:
    twin = {**WHMCS_CLIENT, "email": "q@orchard.example"}
    outcome = run(store, {"clients": {"client": [WHMCS_CLIENT, twin]}})

    assert customers(store) == {}
    assert outcome.plan.refused == 2


def test_former_customers_are_not_added_and_suppliers_are_none(store: SqliteStore) -> None:
    closed = {**WHMCS_CLIENT, "status": "Closed"}
    supplier = {**XERO_CONTACT, "IsCustomer": False, "IsSupplier": True}
    outcome = run(store, {"clients": {"client": [closed]}})
    run(store, {"Contacts": [supplier]}, email="billing")

    assert customers(store) == {}
    assert (outcome.plan.former, outcome.plan.refused) == (1, 0)


def test_columns_that_were_read_and_ignored_are_named(store: SqliteStore) -> None:
    plan = run(store, *DELIVERIES["halopsa"]).plan

    assert {"name", "client_id", "maincontact_id"} <= set(plan.used)
    assert plan.ignored == ("colour",)


def build_clients(*rows: tuple[int, str]) -> dict[str, Any]:
    return {
        "clients": {
            "client": [
                {**WHMCS_CLIENT, "id": number, "companyname": f"C{number}", "email": address}
                for number, address in rows
            ]
        }
    }


def test_a_changed_address_waits_and_is_applied_when_accepted(store: SqliteStore) -> None:
    run(store, build_clients((1, "a@one.example"), (2, "b@two.example")))
    outcome = run(store, build_clients((1, "new@one.example"), (2, "b@two.example")))
    before = customers(store)["1"].default_email
    (change,) = waiting(store)
    store.write(lambda uow: accept_change(uow, make_actor(), change.id, START))

    assert (outcome.plan.safe, change.reasons) == ([], (HoldReason.ADDRESS_CHANGED,))
    assert before == "a@one.example"
    assert customers(store)["1"].default_email == "new@one.example"
    assert store.read(lambda uow: uow.imports.get_held(change.id)).after is None


def test_an_address_that_moves_between_customers_waits(store: SqliteStore) -> None:
    run(store, build_clients((1, "a@one.example"), (2, "b@two.example")))
    run(store, build_clients((1, "b@two.example"), (2, "a@one.example")))

    assert {change.customer_id for change in waiting(store)} == {"1", "2"}
    assert all(HoldReason.ADDRESS_OF_ANOTHER in change.reasons for change in waiting(store))


def test_two_new_customers_with_one_address_wait(store: SqliteStore) -> None:
    run(store, build_clients((1, "books@keeper.example"), (2, "books@keeper.example")))

    assert customers(store) == {}
    assert [change.reasons for change in waiting(store)] == [(HoldReason.ADDRESS_OF_ANOTHER,)] * 2


def test_a_customer_that_is_gone_stays_and_gets_an_end_when_accepted(store: SqliteStore) -> None:
    run(store, build_clients((1, "a@one.example"), (2, "b@two.example")))
    run(store, build_clients((1, "a@one.example")))
    (change,) = waiting(store)
    before = customers(store)["2"].contract_end
    store.write(lambda uow: accept_change(uow, make_actor(), change.id, START))

    assert change.reasons == (HoldReason.MISSING,)
    assert before is None
    assert customers(store)["2"].contract_end == START


def test_many_changes_at_once_all_wait(store: SqliteStore) -> None:
    rows = [(number, f"a@c{number}.example") for number in range(1, 11)]
    run(store, build_clients(*rows))
    names = build_clients(*rows)
    for client in names["clients"]["client"]:
        client["companyname"] += " Ltd"
    outcome = run(store, names, most_percent=50.0)

    assert outcome.plan.safe == []
    assert {change.reasons for change in waiting(store)} == {(HoldReason.MANY_CHANGES,)}
    assert customers(store)["1"].name == "C1"


def test_a_declined_change_does_not_come_back_and_another_does(store: SqliteStore) -> None:
    run(store, build_clients((1, "a@one.example")))
    run(store, build_clients((1, "new@one.example")))
    (change,) = waiting(store)
    store.write(lambda uow: decline_change(uow, make_actor(), change.id, START))
    run(store, build_clients((1, "new@one.example")))
    same = waiting(store)
    run(store, build_clients((1, "newer@one.example")))

    assert same == []
    assert len(waiting(store)) == 1


def test_what_no_longer_differs_no_longer_waits(store: SqliteStore) -> None:
    run(store, build_clients((1, "a@one.example")))
    run(store, build_clients((1, "new@one.example")))
    run(store, build_clients((1, "a@one.example")))

    assert waiting(store) == []


def test_a_change_is_decided_once_and_only_for_the_customer_as_found(store: SqliteStore) -> None:
    run(store, build_clients((1, "a@one.example")))
    run(store, build_clients((1, "new@one.example")))
    (change,) = waiting(store)
    moved = customers(store)["1"].model_copy(update={"phone": "01632960001"})
    store.write(lambda uow: uow.customers.save(moved))

    with pytest.raises(EditConflict, match="changed since"):
        store.write(lambda uow: accept_change(uow, make_actor(), change.id, START))
    store.write(lambda uow: decline_change(uow, make_actor(), change.id, START))
    with pytest.raises(EditConflict, match="meanwhile"):
        store.write(lambda uow: decline_change(uow, make_actor(), change.id, START))


def test_only_a_registrar_decides(store: SqliteStore) -> None:
    run(store, build_clients((1, "a@one.example")))
    run(store, build_clients((1, "new@one.example")))
    (change,) = waiting(store)

    with pytest.raises(NotAllowed):
        store.write(
            lambda uow: accept_change(uow, make_actor(Permission.APPROVER), change.id, START)
        )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b'{"clients": {"client": [{"id": 1, "email": "a@on',
        b'{"clients": {"client": []}}',
        b'{"result": "error", "message": "Authentication Failed"}',
        b"[]",
        b"[1, 2]",
        b"<html>Sign in</html>",
        json.dumps({"totalresults": 2, "clients": {"client": [WHMCS_CLIENT]}}).encode(),
        json.dumps(items({"id": 1, "companyName": "A"}, following="https://x.example")).encode(),
        json.dumps(items(AUTOTASK_CONTACT)).encode(),
    ],
)
def test_a_damaged_or_incomplete_delivery_is_refused_whole(content: bytes) -> None:
    with pytest.raises(BadInput) as wrong:
        read_delivery([DeliveredPart("answer", content)])

    assert "one.example" not in str(wrong.value)


def test_a_sheet_that_is_cut_off_within_a_row_is_refused() -> None:
    sheet = b"id,first name,last name,company name,email\n1,A,B,C,a@one.example\n2,D,E"
    with pytest.raises(BadInput, match="cut off"):
        read_delivery([DeliveredPart("clients.csv", sheet)])


def test_pages_together_are_one_delivery(store: SqliteStore) -> None:
    pages = [
        {"totalresults": 2, **build_clients((1, "a@one.example"))},
        {"totalresults": 2, **build_clients((2, "b@two.example"))},
    ]
    run(store, *pages)

    assert customers(store).keys() == {"1", "2"}


def test_machines_are_bound_by_what_they_are_and_never_taken_from_another(
    store: SqliteStore,
) -> None:
    clients = [HALO_CLIENT, {**HALO_CLIENT, "id": 13, "name": "Mill Lane"}]
    sites = [HALO_SITE, {**HALO_SITE, "id": 2, "client_id": 13, "maincontact_id": 39}]
    users = [HALO_USER, {**HALO_USER, "id": 39, "client_id": 13, "emailaddress": "j@mill.example"}]
    machines = [
        {"client_id": 12, "key_field": "ORCH-SRV1", "assettype_name": "Server"},
        {"client_id": 13, "key_field": "MILL-7", "assettype_name": "Reception PC"},
        {"client_id": 13, "key_field": "MILL-8", "assettype_name": "Scanner"},
        {"client_id": 13, "key_field": "SRV", "assettype_name": "Server"},
        {"client_id": 12, "key_field": "SRV", "assettype_name": "Server"},
    ]
    documents = ({"clients": clients}, {"users": users}, {"sites": sites}, {"assets": machines})
    services = {"Reception PC": "workstation"}
    outcome = run(store, *documents, services=services)
    again = run(store, *documents, services=services)
    machines[0]["client_id"] = 13
    moved = run(store, *documents, services=services)
    bound = {b.asset: (b.customer_id, b.service) for b in outcome.assets.bound}

    assert bound == {
        "host:orch-srv1": ("12", "managed server"),
        "host:mill-7": ("13", "workstation"),
    }
    assert sorted(p.problem.split(" ")[1] for p in outcome.assets.problems) == ["a", "named"]
    assert (again.assets.bound, again.assets.unchanged) == ((), 2)
    assert "bound to another customer" in str(moved.assets.problems)


def test_services_that_vendors_name_exist() -> None:
    named = {
        service.casefold() for vendor in VENDORS.values() for service in vendor.services.values()
    }

    assert named <= SERVICES.keys()


KEYS = sorted(
    {
        path.split("[")[0]
        for v in VENDORS.values()
        for s in v.shapes
        for p in s.columns.values()
        for path in p
        if "." not in path.split("[")[0]
    }
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=True),
    st.sampled_from(
        ["", "1", "Orchard", "a@orchard.example", "Closed", "x" * 300, "\u202e", "\x00"]
    ),
    st.just({"id": 1, "identifier": "Orchard", "name": "Inactive"}),
    st.just([{"communicationType": "Email", "value": ["a"], "defaultFlag": True}, 5]),
)
RECORD = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8)
RECORDS = st.lists(st.one_of(RECORD, RECORD.map(lambda r: {**HALO_CLIENT, **r})), max_size=4)


def wrap(envelope: str, records: list[Any], total: Any) -> object:
    document: object = records
    for key in reversed(envelope.split(".") if envelope else []):
        document = {key: document, "record_count": total, "totalresults": total}
    return document


ENVELOPES = sorted({shape.envelope for vendor in VENDORS.values() for shape in vendor.shapes})
DOCUMENT = st.builds(wrap, st.sampled_from(ENVELOPES), RECORDS, VALUES)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(DOCUMENT, min_size=1, max_size=3))
def test_any_records_give_a_plan_or_bad_input_and_a_second_import_changes_nothing(
    store: SqliteStore, documents: list[object]
) -> None:
    try:
        run(store, *documents)
    except BadInput:
        return
    version = store.read(lambda uow: uow.customers.get_version())
    run(store, *documents)

    assert store.read(lambda uow: uow.customers.get_version()) == version
