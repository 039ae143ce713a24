"""What people write down around a case: suppliers, other bodies, receipts, questions,
complaints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from store_adapters import ADAPTERS, everything_stored, fresh_store

from breachdesk.casework.breach import register
from breachdesk.casework.closing.closing_blockers import closing_blockers
from breachdesk.casework.records import complaints, informed_bodies, suppliers
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import (
    START,
    FixedNow,
    add_case,
    add_confirmed_breach,
    make_actor,
    make_customer,
)
from schemas.casework.breach_records import BodyTold, OtherBody
from schemas.casework.case import Case, CaseState
from schemas.casework.case_record import Complaint, ContactRoute, SupplierNotice, SupplierQuestion
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.settings import RetentionSettings
from schemas.user import Permission

ANA = make_actor(Permission.ANALYST, user_id="ana")
RHEA = make_actor(Permission.RESPONDER, user_id="rhea")
APRIL = make_actor(Permission.APPROVER, user_id="april")
REG = make_actor(Permission.REGISTRAR, user_id="reg")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def now() -> FixedNow:
    return FixedNow()


@pytest.fixture(params=ADAPTERS)
def store(request: pytest.FixtureRequest, now: FixedNow) -> Iterator[PipelineStore]:
    with fresh_store(request.param, now) as opened:
        yield opened


@pytest.fixture
def case(store: PipelineStore) -> Case:
    return store.write(lambda uow: add_case(uow, START))


def a_notice(**changes: Any) -> SupplierNotice:
    fields = {
        "id": "", "recorded_by": "", "recorded_at": START, "supplier": "Backup Barn Ltd",
        "told_at": START - 3 * HOUR, "route": ContactRoute.TELEPHONE, "told_by": "Wilma Onyango",
        "said": "Two tapes are lost.", "reference": "INC-77", "documents": ("letter.pdf",),
    }  # fmt: skip
    return SupplierNotice.model_validate(fields | changes)


def a_question(**changes: Any) -> SupplierQuestion:
    fields = {
        "id": "", "recorded_by": "", "recorded_at": START, "supplier": "Backup Barn Ltd",
        "asked_at": START - HOUR, "question": "Were the tapes encrypted?",
    }  # fmt: skip
    return SupplierQuestion.model_validate(fields | changes)


def test_a_suppliers_call_is_kept_in_a_case_without_a_breach_and_dates_the_case(
    store: PipelineStore, case: Case
) -> None:
    store.write(lambda uow: suppliers.record_supplier_notice(uow, ANA, case.id, a_notice(), START))
    later = a_notice(supplier="Wires plc", told_at=START - HOUR)
    store.write(lambda uow: suppliers.record_supplier_notice(uow, ANA, case.id, later, START))

    supplier_notices = store.read(lambda uow: uow.records.list_of_case(SupplierNotice, case.id))
    saved = store.read(lambda uow: uow.cases.get(case.id))
    assert [n.supplier for n in supplier_notices] == ["Backup Barn Ltd", "Wires plc"]
    assert (supplier_notices[0].told_by, supplier_notices[0].reference) == (
        "Wilma Onyango",
        "INC-77",
    )
    assert (saved.third_party, saved.supplier_told_at) == ("Backup Barn Ltd", START - 3 * HOUR)
    names = store.read(lambda uow: suppliers.list_names(uow, saved))
    assert names == ("Backup Barn Ltd", "Wires plc")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"supplier": " "}, "supplier"),
        ({"supplier": "two\nlines"}, "supplier"),
        ({"said": ""}, "what they said"),
        ({"told_at": START + HOUR}, "told us at"),
    ],
)
def test_a_suppliers_call_that_cannot_be_is_refused(
    store: PipelineStore, case: Case, changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(BadInput) as refused:
        store.write(
            lambda uow: suppliers.record_supplier_notice(
                uow, ANA, case.id, a_notice(**changes), START
            )
        )

    assert refused.value.place == place


def test_a_question_is_open_until_its_answer_is_recorded_once(
    store: PipelineStore, case: Case
) -> None:
    supplier = store.write(
        lambda uow: suppliers.ask_supplier(uow, ANA, case.id, a_question(), START)
    )

    def answer(at: datetime = START) -> SupplierQuestion:
        return store.write(
            lambda uow: suppliers.record_supplier_answer(
                uow, ANA, case.id, supplier.id, answered_at=at, answered_by="Wilma Onyango",
                answer="Yes, AES.", now=START,
            )
        )  # fmt: skip

    assert supplier.ended_at is None
    with pytest.raises(BadInput, match="before what it follows"):
        answer(START - 2 * HOUR)
    assert answer().ended_at == START
    with pytest.raises(NotAllowed, match="answered"):
        answer()


def test_a_question_of_another_case_is_not_answered_here(store: PipelineStore, case: Case) -> None:
    supplier = store.write(
        lambda uow: suppliers.ask_supplier(uow, ANA, case.id, a_question(), START)
    )
    other = store.write(lambda uow: add_case(uow, START))

    with pytest.raises(NotAllowed, match="another case"):
        store.write(
            lambda uow: suppliers.record_supplier_answer(
                uow, ANA, other.id, supplier.id, answered_at=START, answered_by=None,
                answer="Yes", now=START,
            )
        )  # fmt: skip


def test_nothing_is_asked_in_a_closed_case(store: PipelineStore, case: Case) -> None:
    store.write(
        lambda uow: uow.cases.save(
            uow.cases.get(case.id).model_copy(update={"state": CaseState.CLOSED})
        )
    )
    with pytest.raises(NotAllowed, match="closed"):
        store.write(lambda uow: suppliers.ask_supplier(uow, ANA, case.id, a_question(), START))


def told(breach_id: str, **changes: Any) -> BodyTold:
    fields = {
        "breach_id": breach_id, "version": 0, "entry": 0, "recorded_by": "",
        "recorded_at": START, "body": OtherBody.POLICE, "name": "Kent Police",
        "told_at": START - HOUR, "told_by": "Rhea Marsh", "reference": "42/7",
        "note": "Statement given.",
    }  # fmt: skip
    return BodyTold.model_validate(fields | changes)


def test_a_body_is_told_then_corrected_and_the_newest_word_counts(store: PipelineStore) -> None:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    first = store.write(lambda uow: informed_bodies.record_body(uow, ANA, told(breach.id), START))
    insurer = told(breach.id, body=OtherBody.INSURER, applicable=False, note="No policy covers it.")
    store.write(lambda uow: informed_bodies.record_body(uow, ANA, insurer, START))
    mended = first.model_copy(update={"reference": "42/8"})
    store.write(lambda uow: informed_bodies.record_body(uow, ANA, mended, START))

    listed = store.read(lambda uow: informed_bodies.list_bodies(uow, breach.id))
    history = store.read(lambda uow: uow.breaches.list_versions(BodyTold, breach.id))
    open_ = store.read(lambda uow: informed_bodies.list_unanswered_bodies(uow, breach.id))
    assert [(b.body, b.reference, b.applicable) for b in listed] == [
        (OtherBody.POLICE, "42/8", True),
        (OtherBody.INSURER, None, False),
    ]
    assert listed[1].told_at is None
    assert [informed_bodies.format_body(body, "Europe/London") for body in listed] == [
        "Police (Kent Police), told on 22 November 2026, reference 42/8",
        "Insurer (Kent Police), not applicable: No policy covers it.",
    ]
    assert len(history) == 3
    assert OtherBody.NCSC in open_
    assert OtherBody.POLICE not in open_
    assert OtherBody.OTHER not in open_


@pytest.mark.parametrize(
    "changes",
    [
        {"told_at": None},
        {"told_at": START + HOUR},
        {"body": OtherBody.OTHER, "name": None},
        {"applicable": False, "note": " "},
    ],
)
def test_a_body_that_cannot_be_so_is_refused(store: PipelineStore, changes: dict[str, Any]) -> None:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    with pytest.raises(BadInput):
        store.write(
            lambda uow: informed_bodies.record_body(uow, ANA, told(breach.id, **changes), START)
        )
    wrong = told(breach.id, entry=9)
    with pytest.raises(NotFound):
        store.write(lambda uow: informed_bodies.record_body(uow, ANA, wrong, START))


def a_complaint(**changes: Any) -> Complaint:
    fields = {
        "id": "", "recorded_by": "", "recorded_at": START, "complainant": "Zygmunt Quill",
        "contact": "zyg@quill.example", "received_at": START, "route": ContactRoute.EMAIL,
        "about": "You told my landlord.",
    }  # fmt: skip
    return Complaint.model_validate(fields | changes)


def log(store: PipelineStore, now: datetime = START, **changes: Any) -> Complaint:
    return store.write(lambda uow: complaints.add_complaint(uow, ANA, a_complaint(**changes), now))


@pytest.mark.parametrize(
    ("received", "last"),
    [
        # UK days: over midnight in summer, and over the end of summer time.
        (datetime(2026, 11, 22, 9, tzinfo=UTC), datetime(2026, 12, 22, 9, tzinfo=UTC)),
        (datetime(2026, 6, 30, 22, 59, tzinfo=UTC), datetime(2026, 7, 30, 22, 59, tzinfo=UTC)),
        (datetime(2026, 6, 30, 23, 1, tzinfo=UTC), datetime(2026, 7, 30, 23, 1, tzinfo=UTC)),
        (datetime(2026, 10, 1, 12, tzinfo=UTC), datetime(2026, 10, 31, 13, tzinfo=UTC)),
    ],
)
def test_a_complaint_is_acknowledged_within_thirty_local_days(
    store: PipelineStore, received: datetime, last: datetime
) -> None:
    assert log(store, now=received, received_at=received).acknowledge_by == last


def test_before_the_law_a_complaint_has_no_day(store: PipelineStore) -> None:
    then = datetime(2026, 6, 18, 12, tzinfo=UTC)
    assert log(store, now=then, received_at=then).acknowledge_by is None


def test_a_complaint_ends_only_with_its_outcome(store: PipelineStore) -> None:
    logged = log(store)
    acknowledged = store.write(
        lambda uow: complaints.acknowledge_complaint(uow, ANA, logged.id, "By mail.", START, START)
    )
    with pytest.raises(NotAllowed, match="acknowledged"):
        store.write(
            lambda uow: complaints.acknowledge_complaint(uow, ANA, logged.id, "x", START, START)
        )
    with pytest.raises(NotAllowed, match="responder"):
        store.write(
            lambda uow: complaints.answer_complaint(uow, ANA, logged.id, "Upheld.", START, START)
        )
    answered = store.write(
        lambda uow: complaints.answer_complaint(uow, RHEA, logged.id, "Upheld.", START, START)
    )

    assert (logged.due_at, acknowledged.due_at) == (logged.acknowledge_by, None)
    assert (acknowledged.ended_at, answered.ended_at) == (None, START)
    with pytest.raises(NotAllowed, match="recorded"):
        store.write(
            lambda uow: complaints.answer_complaint(uow, RHEA, logged.id, "x", START, START)
        )


def test_an_outcome_told_at_once_also_acknowledges(store: PipelineStore) -> None:
    logged = log(store)
    answered = store.write(
        lambda uow: complaints.answer_complaint(uow, RHEA, logged.id, "Not upheld.", START, START)
    )
    assert answered.acknowledged_at == START


def test_a_complaint_of_an_unknown_customer_or_a_closed_case_is_refused(
    store: PipelineStore, case: Case
) -> None:
    with pytest.raises(NotFound):
        log(store, customer_id="nobody")
    with pytest.raises(NotFound):
        log(store, case_id="CASE-0999")
    with pytest.raises(BadInput, match="future"):
        log(store, received_at=START + HOUR)
    store.write(
        lambda uow: uow.cases.save(
            uow.cases.get(case.id).model_copy(update={"state": CaseState.CLOSED})
        )
    )
    with pytest.raises(NotAllowed, match="closed"):
        log(store, case_id=case.id)


def test_a_registrar_or_approver_records_nothing_of_this(store: PipelineStore, case: Case) -> None:
    for who in (REG, APRIL):
        with pytest.raises(NotAllowed):
            store.write(
                lambda uow, who=who: suppliers.record_supplier_notice(
                    uow, who, case.id, a_notice(), START
                )
            )
        with pytest.raises(NotAllowed):
            store.write(
                lambda uow, who=who: complaints.add_complaint(uow, who, a_complaint(), START)
            )


def erase(store: PipelineStore, complaint_id: str, now: datetime) -> None:
    settings = RetentionSettings()
    store.write(
        lambda uow: complaints.erase_complaint(
            uow, APRIL, complaint_id, "time is over", settings, now
        )
    )


def test_a_complaint_without_a_case_is_erased_by_an_approver_once_its_time_is_over(
    store: PipelineStore,
) -> None:
    logged = log(store)
    with pytest.raises(NotAllowed, match="outcome"):
        erase(store, logged.id, START)
    store.write(
        lambda uow: complaints.answer_complaint(uow, RHEA, logged.id, "Upheld.", START, START)
    )
    with pytest.raises(NotAllowed, match="kept until"):
        erase(store, logged.id, START + 300 * DAY)
    erase(store, logged.id, START + 400 * DAY)

    assert store.read(lambda uow: uow.records.count(Complaint)) == 0
    entries = store.read(lambda uow: uow.audit.list_entries(subject=logged.id))
    opened = [store.read(lambda uow, e=e: uow.audit.decrypt_personal(e)) for e in entries]
    assert {value for values in opened for value in values.values()} == {"(erased)"}
    assert store.read(lambda uow: uow.audit.examine()).discrepancies == ()


def test_with_its_case_everything_written_around_it_is_erased(store: PipelineStore) -> None:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    case_id = breach.case_id
    store.write(lambda uow: uow.customers.save(make_customer()))
    store.write(lambda uow: suppliers.record_supplier_notice(uow, ANA, case_id, a_notice(), START))
    store.write(lambda uow: suppliers.ask_supplier(uow, ANA, case_id, a_question(), START))
    store.write(lambda uow: informed_bodies.record_body(uow, ANA, told(breach.id), START))
    mine = log(store, case_id=case_id)
    stored = everything_stored(store)
    named = ("Zygmunt", "Wilma", "Rhea Marsh", "tapes")
    assert [name for name in named if name.encode() in stored] == []

    store.write(lambda uow: uow.audit.erase(case_id, at=START, actor="kim", reason="over"))

    assert store.read(lambda uow: uow.breaches.list_versions(BodyTold, breach.id)) == []
    assert not store.read(lambda uow: uow.records.list_of_case(SupplierNotice, case_id))
    with pytest.raises(NotFound):
        store.read(lambda uow: uow.records.get(Complaint, mine.id))
    with pytest.raises(NotAllowed, match="with its case"):
        erase(store, log(store, case_id=store.write(lambda u: add_case(u, START)).id).id, START)


def test_the_register_names_every_supplier(store: PipelineStore) -> None:
    breach = store.write(lambda uow: add_confirmed_breach(uow, START))
    store.write(
        lambda uow: suppliers.record_supplier_notice(uow, ANA, breach.case_id, a_notice(), START)
    )
    question = a_question(supplier="Wires plc")
    store.write(lambda uow: suppliers.ask_supplier(uow, ANA, breach.case_id, question, START))

    entry = store.read(lambda uow: register.list_entries(uow, START))[0]

    assert entry.suppliers == ("Backup Barn Ltd", "Wires plc")
    assert entry.supplier_told_at == START - 3 * HOUR


def test_an_earlier_call_of_another_supplier_is_not_put_in_the_mouth_of_the_one_named(
    store: PipelineStore, case: Case
) -> None:
    store.write(lambda uow: suppliers.record_supplier_notice(uow, ANA, case.id, a_notice(), START))
    earlier = a_notice(supplier="Wires plc", told_at=START - 9 * HOUR)
    store.write(lambda uow: suppliers.record_supplier_notice(uow, ANA, case.id, earlier, START))

    saved = store.read(lambda uow: uow.cases.get(case.id))

    assert (saved.third_party, saved.supplier_told_at) == ("Backup Barn Ltd", START - 3 * HOUR)


def test_a_case_without_a_breach_is_closed_only_once_suppliers_and_complainants_are_answered(
    store: PipelineStore, case: Case
) -> None:
    supplier = store.write(
        lambda uow: suppliers.ask_supplier(uow, ANA, case.id, a_question(), START)
    )
    logged = log(store, case_id=case.id)

    def left() -> str:
        actual = store.read(lambda uow: closing_blockers(uow, uow.cases.get(case.id), START))
        return "; ".join(map(str, actual))

    before = left()
    store.write(
        lambda uow: suppliers.record_supplier_answer(
            uow, ANA, case.id, supplier.id, answered_at=START, answered_by=None,
            answer="They will not say.", now=START,
        )
    )  # fmt: skip
    store.write(
        lambda uow: complaints.answer_complaint(uow, RHEA, logged.id, "Upheld.", START, START)
    )

    assert "Backup Barn Ltd has not answered" in before
    assert f"{logged.id} has no outcome" in before
    assert left() == ""
