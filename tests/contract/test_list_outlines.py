"""A frozen list's outline: filed with it, says what it says, goes with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from former_store import former_store
from sqlalchemy import Connection, text
from store_adapters import ADAPTERS, fresh_store

from breachdesk.ports import Store, UnitOfWork
from breachdesk.testing import START, FixedNow, add_confirmed_breach
from schemas.casework.affected import (
    Certainty,
    ContactChannel,
    DataRole,
    Exposure,
    Manifest,
    Recipient,
)
from schemas.casework.breach import Breach
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import PersonKind

KEY = b"k" * 32


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


@pytest.fixture
def breach(store: Store) -> Breach:
    return store.write(lambda uow: add_confirmed_breach(uow, START, actor="sam"))


def an_exposure(
    customer: str, certainty: Certainty, role: DataRole = DataRole.CONTROLLER
) -> Exposure:
    return Exposure(customer_id=customer, role=role, certainty=certainty, reason="the log says so")


def a_list(breach_id: str, version: int = 1) -> Manifest:
    """One reached in one role, one excluded, one excluded that is told so."""
    recipient = Recipient(
        customer_id="corrected",
        person_id="jo",
        person_kind=PersonKind.ACCOUNT_HOLDER,
        kind=NoticeKind.ACCOUNT_HOLDER_CORRECTION,
        name="Jo Mason",
        email="jo@corrected.example",
        channel=ContactChannel.EMAIL,
    )
    return Manifest(
        breach_id=breach_id,
        version=version,
        frozen_by="sam",
        frozen_at=START,
        exposures=(
            an_exposure("reached", Certainty.LIKELY),
            an_exposure("reached", Certainty.EXCLUDED, DataRole.PROCESSOR),
            an_exposure("excluded", Certainty.EXCLUDED),
            an_exposure("corrected", Certainty.EXCLUDED),
        ),
        recipients=(recipient,),
        salt="s",
        hash=f"h{version}",
    )


def outline(store: Store, breach_id: str) -> ListOutline | None:
    return store.read(lambda uow: uow.breaches.find_latest(ListOutline, breach_id))


def outlines_stored(store: Store) -> int:
    def count(uow: UnitOfWork) -> int:
        query = text("SELECT count(*) FROM documents WHERE outline IS NOT NULL")
        return int(uow.breaches._connection.execute(query).scalar_one())

    return store.read(count)


def test_an_outline_names_whom_the_list_excludes_and_describes_whom_it_reaches_or_corrects() -> (
    None
):
    listed = a_list("BR-0001")
    outlined = ListOutline.from_manifest(listed)

    assert outlined.exposures == listed.exposures[:1]
    assert outlined.corrected == listed.exposures[3:]
    whose = [
        ("reached", DataRole.PROCESSOR),
        ("excluded", DataRole.CONTROLLER),
        ("corrected", DataRole.CONTROLLER),
    ]
    assert all(each in outlined.excluded for each in whose)
    assert ("reached", DataRole.CONTROLLER) not in outlined.excluded
    assert outlined.customers[Certainty.LIKELY] == 1
    assert outlined.customers[Certainty.EXCLUDED] == 2


def test_the_outline_of_the_newest_list_is_read_with_it(store: Store, breach: Breach) -> None:
    store.write(lambda uow: [uow.breaches.add_document(a_list(breach.id, n)) for n in (1, 2)])
    every = store.read(lambda uow: uow.breaches.list_versions(ListOutline, breach.id))

    assert outline(store, breach.id) == ListOutline.from_manifest(a_list(breach.id, 2))
    assert [each.version for each in every] == [1, 2]
    assert outlines_stored(store) == 2


def test_an_outline_is_read_ahead_with_the_other_documents(store: Store, breach: Breach) -> None:
    store.write(lambda uow: uow.breaches.add_document(a_list(breach.id)))

    def ahead(uow: UnitOfWork) -> tuple[ListOutline | None, Manifest | None]:
        uow.breaches.read_ahead([breach.id])
        return (
            uow.breaches.find_latest(ListOutline, breach.id),
            uow.breaches.find_latest(Manifest, breach.id),
        )

    assert store.read(ahead) == (ListOutline.from_manifest(a_list(breach.id)), a_list(breach.id))


def test_the_outline_of_a_list_that_was_written_over_says_what_the_new_list_says(
    store: Store, breach: Breach
) -> None:
    store.write(lambda uow: uow.breaches.add_document(a_list(breach.id)))
    variant = a_list(breach.id).model_copy(update={"recipients": ()})

    def redact(uow: UnitOfWork) -> ListOutline | None:
        uow.breaches.find_latest(ListOutline, breach.id)
        uow.breaches.redact(variant)
        return uow.breaches.find_latest(ListOutline, breach.id)

    assert store.write(redact) == ListOutline.from_manifest(variant) == outline(store, breach.id)


def test_the_outline_of_an_erased_case_is_gone_with_its_list(store: Store, breach: Breach) -> None:
    store.write(lambda uow: uow.breaches.add_document(a_list(breach.id)))
    assert outline(store, breach.id) is not None
    store.write(
        lambda uow: uow.audit.erase(
            breach.case_id, at=START, actor="sam", reason="its time is over"
        )
    )

    assert outline(store, breach.id) is None


def test_the_audits_check_finds_an_outline_that_does_not_say_what_its_list_says(
    store: Store, breach: Breach
) -> None:
    store.write(lambda uow: [uow.breaches.add_document(a_list(breach.id, n)) for n in (1, 2)])
    assert store.read(lambda uow: uow.audit.examine()).whole

    def swap(uow: UnitOfWork) -> None:
        uow.breaches._connection.execute(
            text("UPDATE documents SET outline = sealed WHERE kind = 'Manifest' AND number = 1")
        )

    store.write(swap)
    discrepancies = store.read(lambda uow: uow.audit.examine()).discrepancies
    assert [each.where for each in discrepancies] == [f"outline of Manifest 1 of {breach.id}"]


def fill_0008(connection: Connection) -> None:
    """A case whose list was frozen before lists had outlines, and one whose key was erased."""
    for number, key in ((1, KEY), (2, None)):
        case_id, breach_id = f"CASE-000{number}", f"BR-000{number}"
        run = connection.execute
        run(
            text(
                "INSERT INTO cases (id, version, opened_at, state, doc)"
                " VALUES (:id, 1, '2026-11-23 09:00:00', 'confirmed', '{}')"
            ),
            {"id": case_id},
        )
        run(
            text(
                "INSERT INTO breaches (id, case_id, version, confirmed_at, paused, doc)"
                " VALUES (:id, :case, 1, '2026-11-23 09:00:00', false, '{}')"
            ),
            {"id": breach_id, "case": case_id},
        )
        run(
            text("INSERT INTO case_keys (case_id, key) VALUES (:id, :key)"),
            {"id": case_id, "key": key},
        )
        nonce = os.urandom(12)
        content = json.dumps(a_list(breach_id).model_dump(mode="json")).encode()
        sealed = AESGCM(KEY).encrypt(nonce, content, f"Manifest/{breach_id}//1".encode())
        run(
            text(
                "INSERT INTO documents (kind, breach_id, key, number, sealed)"
                " VALUES ('Manifest', :breach, '', 1, :sealed)"
            ),
            {"breach": breach_id, "sealed": nonce + sealed},
        )


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_list_frozen_by_an_earlier_release_gets_its_outline_unless_it_was_erased(
    adapter: str, tmp_path: Path
) -> None:
    with former_store(adapter, tmp_path, fill_0008, schema="0008") as store:
        assert outlines_stored(store) == 1
        assert outline(store, "BR-0001") == ListOutline.from_manifest(a_list("BR-0001"))
        assert outline(store, "BR-0002") is None
