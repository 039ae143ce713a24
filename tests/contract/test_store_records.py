"""What breachdesk.ports.RecordBook promises, on the real stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from store_adapters import ADAPTERS, everything_stored, fresh_store

from breachdesk.ports import UnitOfWork
from breachdesk.stores.any_store import AnyStore
from breachdesk.testing import START, FixedNow, a_case
from schemas.case_record import Complaint, Route, SupplierNotice
from schemas.errors import Conflict, NotAllowed, NotFound

DAY = timedelta(days=1)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[AnyStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def a_complaint(record_id: str, case_id: str | None = None, **changes: object) -> Complaint:
    fields = {
        "id": record_id, "case_id": case_id, "recorded_by": "sam", "recorded_at": START,
        "complainant": "Zygmunt Quill", "received_at": START, "route": Route.EMAIL,
        "about": "My address was shown to others.", "acknowledge_by": START + 30 * DAY,
    }  # fmt: skip
    return Complaint.model_validate(fields | changes)


def add(store: AnyStore, *records: Complaint | SupplierNotice) -> None:
    def work(uow: UnitOfWork) -> None:
        for record in records:
            uow.records.add(record)

    store.act(work)


def test_a_record_reads_back_as_it_was_added_and_saved(store: AnyStore) -> None:
    add(store, a_complaint("COMPLAINT-0001"))
    before = store.look(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))

    saved = store.act(
        lambda uow: uow.records.save(before.model_copy(update={"acknowledged_at": START + DAY}))
    )

    assert before == a_complaint("COMPLAINT-0001")
    assert saved.version == 2
    assert store.look(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001")) == saved


def test_a_second_save_over_the_same_version_is_a_conflict(store: AnyStore) -> None:
    add(store, a_complaint("COMPLAINT-0001"))
    read = store.look(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))
    store.act(lambda uow: uow.records.save(read))

    with pytest.raises(Conflict, match="meanwhile"):
        store.act(lambda uow: uow.records.save(read))
    with pytest.raises(Conflict, match="exists already"):
        add(store, a_complaint("COMPLAINT-0001"))


def test_ids_of_each_kind_count_by_themselves(store: AnyStore) -> None:
    def three(uow: UnitOfWork) -> list[str]:
        return [uow.records.next_id(kind) for kind in (Complaint, SupplierNotice, Complaint)]

    assert store.act(three) == ["COMPLAINT-0001", "SUPPLIERNOTICE-0001", "COMPLAINT-0002"]


def test_a_page_shows_what_is_due_first_then_without_an_hour_then_what_is_over(
    store: AnyStore,
) -> None:
    over = {"acknowledged_at": START, "answered_at": START}
    add(
        store,
        a_complaint("COMPLAINT-0001", **over),
        a_complaint("COMPLAINT-0002", acknowledged_at=START),
        a_complaint("COMPLAINT-0003", acknowledge_by=START + 9 * DAY),
        a_complaint("COMPLAINT-0004", acknowledge_by=START + 2 * DAY),
    )

    listed = store.look(lambda uow: uow.records.page(Complaint))
    second = store.look(lambda uow: uow.records.page(Complaint, begin=1, limit=2))
    counts = store.look(
        lambda uow: (uow.records.count(Complaint), uow.records.count(Complaint, running=True))
    )

    assert [record.id[-1] for record in listed] == ["4", "3", "2", "1"]
    assert [record.id[-1] for record in second] == ["3", "2"]
    assert counts == (4, 3)


def test_a_record_of_another_kind_or_case_is_not_found(store: AnyStore) -> None:
    case = store.act(lambda uow: a_case(uow, START))
    add(store, a_complaint("COMPLAINT-0001", case.id), a_complaint("COMPLAINT-0002"))

    own = store.look(lambda uow: uow.records.of_case(Complaint, case.id))
    others = store.look(lambda uow: uow.records.of_case(SupplierNotice, case.id))

    assert [record.id for record in own] == ["COMPLAINT-0001"]
    assert not others
    with pytest.raises(NotFound):
        store.look(lambda uow: uow.records.get(SupplierNotice, "COMPLAINT-0001"))


def test_nobody_is_named_in_the_stored_bytes(store: AnyStore) -> None:
    add(store, a_complaint("COMPLAINT-0001"))

    assert b"Zygmunt" not in everything_stored(store)


def test_with_its_key_a_record_goes_out_of_every_list_and_can_be_written_no_more(
    store: AnyStore,
) -> None:
    case = store.act(lambda uow: a_case(uow, START))
    add(store, a_complaint("COMPLAINT-0001", case.id), a_complaint("COMPLAINT-0002"))
    read = store.look(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))

    store.act(lambda uow: uow.audit.erase(case.id, at=START, actor="sam", reason="over"))

    left = store.look(lambda uow: uow.records.page(Complaint))
    assert [record.id for record in left] == ["COMPLAINT-0002"]
    assert store.look(lambda uow: uow.records.count(Complaint)) == 1
    assert not store.look(lambda uow: uow.records.of_case(Complaint, case.id))
    with pytest.raises(NotFound):
        store.look(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))
    with pytest.raises(NotAllowed, match="erased"):
        store.act(lambda uow: uow.records.save(read))
