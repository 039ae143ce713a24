"""Whose a name may be: proposed with evidence, bound by a person alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from breachdesk.casework.imports.binding_proposals import (
    accept_proposal,
    decline_proposal,
    refresh_proposals,
)
from breachdesk.stores.batches.counts import add_unattributed
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import START, FixedNow, make_actor, make_customer, make_store
from schemas.binding_proposal import BindingProposal, EvidenceKind
from schemas.errors import EditConflict, NotAllowed
from schemas.paging import PageRequest
from schemas.user import Permission
from streams.ports import UnattributedCount


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    with make_store(FixedNow()) as opened:
        yield opened


def add_customer(store: SqliteStore, customer_id: str, name: str, email: str) -> None:
    customer = make_customer(customer_id).model_copy(
        update={"name": name, "default_email": email, "people": ()}
    )
    store.write(lambda uow: uow.customers.save(customer))


def see(store: SqliteStore, *keys: str) -> None:
    counts = [UnattributedCount(key, 3, START, START, "linux.sshd") for key in keys]
    store._writer.run(lambda connection: add_unattributed(connection, counts))


def propose(store: SqliteStore) -> list[BindingProposal]:
    store.write(lambda uow: refresh_proposals(uow, START))
    return list(store.read(lambda uow: uow.proposals.list_page(PageRequest(100))).rows)


def test_a_mail_domain_is_proposed_for_whoever_has_addresses_in_it(store: SqliteStore) -> None:
    add_customer(store, "C001", "Orchard Lettings", "office@orchard.example")
    add_customer(store, "C002", "Mill Lane Dental", "jo@milllane.example")
    see(store, "domain:mail.orchard.example")
    (proposal,) = propose(store)
    kinds = {each.kind for each in proposal.evidence}

    assert (proposal.customer_id, proposal.rivals) == ("C001", 0)
    assert kinds == {EvidenceKind.MAIL_DOMAIN, EvidenceKind.NAME}
    assert proposal.score == 95


@pytest.mark.parametrize(
    ("key", "customer_id", "kind"),
    [
        ("host:orchard-srv1", "C001", EvidenceKind.NAME),
        ("host:orchardlettings-dc", "C001", EvidenceKind.NAME),
        ("host:srv-c002-1.corp.local", "C002", EvidenceKind.CUSTOMER_ID),
        ("domain:hartwell.onmicrosoft.com", "C003", EvidenceKind.NAME),
    ],
)
def test_a_machine_is_proposed_by_the_name_or_id_in_its_name(
    store: SqliteStore, key: str, customer_id: str, kind: EvidenceKind
) -> None:
    add_customer(store, "C001", "Orchard Lettings Ltd", "office@orchard.example")
    add_customer(store, "C002", "Mill Lane Dental", "jo@milllane.example")
    add_customer(store, "C003", "Hartwell Solicitors LLP", "h@hartwell-law.example")
    see(store, key)
    (proposal,) = propose(store)

    assert proposal.customer_id == customer_id
    assert kind in {each.kind for each in proposal.evidence}


@pytest.mark.parametrize(
    "key", ["domain:gmail.com", "host:server1", "host:dental-1", "ip:192.0.2.7", "tenant:1234"]
)
def test_what_many_share_or_nobody_has_is_not_proposed(store: SqliteStore, key: str) -> None:
    add_customer(store, "C001", "Jo Dental", "jo.dental@gmail.com")
    add_customer(store, "1234", "Server Rooms", "s@rooms.example")
    see(store, key)

    assert [each.customer_id for each in propose(store)] == []


def test_two_candidates_are_both_shown(store: SqliteStore) -> None:
    add_customer(store, "C001", "Orchard Lettings", "office@orchard.example")
    add_customer(store, "C002", "Orchard Dental", "jo@orchard-dental.example")
    see(store, "host:orchard-srv1")
    proposals = propose(store)

    assert {each.customer_id for each in proposals} == {"C001", "C002"}
    assert {each.rivals for each in proposals} == {1}


def test_nothing_is_bound_until_a_person_accepts(store: SqliteStore) -> None:
    add_customer(store, "C001", "Orchard Lettings", "office@orchard.example")
    add_customer(store, "C002", "Orchard Dental", "jo@orchard-dental.example")
    see(store, "host:orchard-srv1")
    proposals = propose(store)
    before = store.read(lambda uow: uow.customers.list_bindings())
    chosen = next(each for each in proposals if each.customer_id == "C002")
    store.write(
        lambda uow: accept_proposal(uow, make_actor(), chosen.id, "managed server", None, START)
    )
    (binding,) = store.read(lambda uow: uow.customers.list_bindings())

    assert before == []
    assert (binding.asset, binding.customer_id) == ("host:orchard-srv1", "C002")
    assert binding.service == "managed server"
    assert propose(store) == []
    with pytest.raises(EditConflict):
        store.write(lambda uow: accept_proposal(uow, make_actor(), chosen.id, "", None, START))


def test_a_declined_proposal_comes_back_only_with_other_evidence(store: SqliteStore) -> None:
    add_customer(store, "C001", "Orchard Lettings", "office@orchard.example")
    see(store, "host:orchard-srv1.old.example")
    (proposal,) = propose(store)
    store.write(lambda uow: decline_proposal(uow, make_actor(), proposal.id, START))
    again = propose(store)
    add_customer(store, "C001", "Orchard Lettings", "office@old.example")
    (stronger,) = propose(store)

    assert again == []
    assert stronger.score > proposal.score


def test_only_a_registrar_decides(store: SqliteStore) -> None:
    add_customer(store, "C001", "Orchard Lettings", "office@orchard.example")
    see(store, "domain:orchard.example")
    (proposal,) = propose(store)
    analyst = make_actor(Permission.ANALYST)

    with pytest.raises(NotAllowed):
        store.write(lambda uow: accept_proposal(uow, analyst, proposal.id, "", None, START))
    with pytest.raises(NotAllowed):
        store.write(lambda uow: decline_proposal(uow, analyst, proposal.id, START))
