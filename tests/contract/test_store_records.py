"""What breachdesk.ports.RecordBook promises, on the real stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from store_adapters import ADAPTERS, everything_stored, fresh_store

from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import START, FixedNow, add_case
from schemas.casework.case_record import Complaint, ContactRoute, SupplierNotice
from schemas.errors import EditConflict, NotAllowed, NotFound

DAY = timedelta(days=1)


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest) -> Iterator[PipelineStore]:
    with fresh_store(request.param, FixedNow()) as opened:
        yield opened


def a_complaint(record_id: str, case_id: str | None = None, **changes: object) -> Complaint:
    fields = {
        "id": record_id, "case_id": case_id, "recorded_by": "sam", "recorded_at": START,
        "complainant": "Zygmunt Quill", "received_at": START, "route": ContactRoute.EMAIL,
        "about": "My address was shown to others.", "acknowledge_by": START + 30 * DAY,
    }  # fmt: skip
    return Complaint.model_validate(fields | changes)


def add(store: PipelineStore, *records: Complaint | SupplierNotice) -> None:
    def work(uow: UnitOfWork) -> None:
        for record in records:
            uow.records.add(record)

    store.write(work)


def test_a_record_reads_back_as_it_was_added_and_saved(store: PipelineStore) -> None:
    add(store, a_complaint("COMPLAINT-0001"))
    before = store.read(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))

    saved = store.write(
        lambda uow: uow.records.save(before.model_copy(update={"acknowledged_at": START + DAY}))
    )

    assert before == a_complaint("COMPLAINT-0001")
    assert saved.version == 2
    assert store.read(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001")) == saved


def test_a_second_save_over_the_same_version_is_a_conflict(store: PipelineStore) -> None:
    add(store, a_complaint("COMPLAINT-0001"))
    read = store.read(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))
    store.write(lambda uow: uow.records.save(read))

    with pytest.raises(EditConflict, match="meanwhile"):
        store.write(lambda uow: uow.records.save(read))
    with pytest.raises(EditConflict, match="exists already"):
        add(store, a_complaint("COMPLAINT-0001"))


def test_ids_of_each_kind_count_by_themselves(store: PipelineStore) -> None:
    def three(uow: UnitOfWork) -> list[str]:
        return [uow.records.allocate_id(kind) for kind in (Complaint, SupplierNotice, Complaint)]

    assert store.write(three) == ["COMPLAINT-0001", "SUPPLIERNOTICE-0001", "COMPLAINT-0002"]


def test_a_page_shows_what_is_due_first_then_without_an_hour_then_what_is_over(
    store: PipelineStore,
) -> None:
    over = {"acknowledged_at": START, "answered_at": START}
    add(
        store,
        a_complaint("COMPLAINT-0001", **over),
        a_complaint("COMPLAINT-0002", acknowledged_at=START),
        a_complaint("COMPLAINT-0003", acknowledge_by=START + 9 * DAY),
        a_complaint("COMPLAINT-0004", acknowledge_by=START + 2 * DAY),
    )

    listed = store.read(lambda uow: uow.records.list_page(Complaint))
    second = store.read(lambda uow: uow.records.list_page(Complaint, begin=1, limit=2))
    counts = store.read(
        lambda uow: (uow.records.count(Complaint), uow.records.count(Complaint, running=True))
    )

    assert [record.id[-1] for record in listed] == ["4", "3", "2", "1"]
    assert [record.id[-1] for record in second] == ["3", "2"]
    assert counts == (4, 3)


def test_a_record_of_another_kind_or_case_is_not_found(store: PipelineStore) -> None:
    case = store.write(lambda uow: add_case(uow, START))
    add(store, a_complaint("COMPLAINT-0001", case.id), a_complaint("COMPLAINT-0002"))

    own = store.read(lambda uow: uow.records.list_of_case(Complaint, case.id))
    others = store.read(lambda uow: uow.records.list_of_case(SupplierNotice, case.id))

    assert [record.id for record in own] == ["COMPLAINT-0001"]
    assert not others
    with pytest.raises(NotFound):
        store.read(lambda uow: uow.records.get(SupplierNotice, "COMPLAINT-0001"))


def test_nobody_is_named_in_the_stored_bytes(store: PipelineStore) -> None:
    add(store, a_complaint("COMPLAINT-0001"))

    assert b"Zygmunt" not in everything_stored(store)


def test_with_its_key_a_record_goes_out_of_every_list_and_can_be_written_no_more(
    store: PipelineStore,
) -> None:
    case = store.write(lambda uow: add_case(uow, START))
    add(store, a_complaint("COMPLAINT-0001", case.id), a_complaint("COMPLAINT-0002"))
    read = store.read(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))

    store.write(lambda uow: uow.audit.erase(case.id, at=START, actor="sam", reason="over"))

    complaints = store.read(lambda uow: uow.records.list_page(Complaint))
    assert [record.id for record in complaints] == ["COMPLAINT-0002"]
    assert store.read(lambda uow: uow.records.count(Complaint)) == 1
    assert not store.read(lambda uow: uow.records.list_of_case(Complaint, case.id))
    with pytest.raises(NotFound):
        store.read(lambda uow: uow.records.get(Complaint, "COMPLAINT-0001"))
    with pytest.raises(NotAllowed, match="erased"):
        store.write(lambda uow: uow.records.save(read))
