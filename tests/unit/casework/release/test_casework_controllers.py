"""Controllers after the pack: receipts, reminders, questions; and the hours of contracts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ASSETS, ReleaseScenario, release_scenario
from store_adapters import everything_stored
from waiting_letters import renderer

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list
from breachdesk.casework.closing.closing_blockers import closing_blockers
from breachdesk.casework.imports import contracts
from breachdesk.casework.records import complaints, suppliers
from breachdesk.casework.release import controller_questions as questions
from breachdesk.casework.release import receipts
from breachdesk.casework.release.letters import render_letters
from breachdesk.testing import make_actor
from schemas.casework.affected import Certainty
from schemas.casework.breach_records import ControllerQuestion, Receipt
from schemas.casework.case_record import Complaint, ContactRoute, SupplierQuestion
from schemas.casework.notice import NoticeRow, SendOutcome, SendResult
from schemas.casework.obligation import Obligation
from schemas.customer import DataRole
from schemas.errors import BadInput, NotAllowed
from schemas.user import Permission

RHEA = make_actor(Permission.RESPONDER, user_id="rowan")
APRIL = make_actor(Permission.APPROVER, user_id="avery")
REG = make_actor(Permission.REGISTRAR, user_id="reg")
HOUR = timedelta(hours=1)
MAIL = "contoso,domain,contoso.example,hosted mail domain\nfabrikam,domain,fabrikam.example,hosted mail domain\n"


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Contoso and Fabrikam store their mail with us; both are possible."""
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.imports(MAIL, by="operator:cli", header=ASSETS)
        freeze(fresh)
        fresh.decide()
        fresh.write()
        yield fresh


def freeze(scenario: ReleaseScenario) -> None:
    def work(uow: Any) -> None:
        exposures = affected_list.propose(uow, scenario.breach.id)
        for customer in ("contoso", "fabrikam"):
            exposures = affected_list.override(
                exposures, customer, DataRole.PROCESSOR, Certainty.POSSIBLE, "by hand", RHEA
            )
        affected_list.freeze(uow, RHEA, scenario.breach.id, exposures, scenario.now())

    scenario.now.advance(minutes=1)
    scenario.store.write(work)


def duties(scenario: ReleaseScenario) -> dict[str, Obligation]:
    actual = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return {duty.id: duty for duty in actual}


def of_kind(scenario: ReleaseScenario, kind: str) -> list[Obligation]:
    return [duty for duty in duties(scenario).values() if duty.kind == kind]


def clause(scenario: ReleaseScenario, customer: str, hours: int | None, text: str | None) -> None:
    scenario.store.write(
        lambda uow: contracts.set_contract(
            uow, REG, customer, notice_hours=hours, notice_clause=text,
            processes_for_others=False, now=scenario.now(),
        )
    )  # fmt: skip


def row_of(scenario: ReleaseScenario, customer: str) -> NoticeRow:
    return next(row for row in scenario.rows() if row.customer_id == customer)


def send(
    scenario: ReleaseScenario, customer: str, result: SendOutcome = SendOutcome.HANDED_OVER
) -> None:
    row = next(row for row in scenario.due() if row.customer_id == customer)
    assert scenario.send(row, SendResult(outcome=result, reply="250 2.0.0"))


def test_a_clause_runs_from_awareness_for_its_customer_alone_and_ends_when_it_was_told(
    scenario: ReleaseScenario,
) -> None:
    clause(scenario, "contoso", 24, "DPA, clause 9.2")
    running = of_kind(scenario, "contract_hours")
    scenario.approve()
    send(scenario, "fabrikam")
    others = of_kind(scenario, "contract_hours")
    send(scenario, "contoso")
    ended = of_kind(scenario, "contract_hours")

    assert [duty.customer_id for duty in running] == ["contoso"]
    assert running[0].due == scenario.breach.aware_at + 24 * HOUR
    assert "DPA, clause 9.2" in running[0].source
    assert [reader.customer_id for reader in running[0].owed] == ["contoso"]
    assert others[0].ended_at is None
    assert ended[0].ended_at == scenario.now()


def test_a_clause_is_not_met_by_a_letter_whose_end_is_not_known(scenario: ReleaseScenario) -> None:
    clause(scenario, "contoso", 48, "9.2")
    scenario.approve()
    send(scenario, "contoso", SendOutcome.UNKNOWN)

    assert of_kind(scenario, "contract_hours")[0].running
    case = scenario.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(scenario.breach.case_id), scenario.now())
    )
    assert "48 hours" in "; ".join(map(str, case))


def test_a_clause_may_be_waived_with_a_reason_by_one_person(scenario: ReleaseScenario) -> None:
    clause(scenario, "contoso", 24, "9.2")
    why = "The clause covers only their hosted servers, and none of these is affected."
    scenario.store.write(
        lambda uow: obligations.waive_obligation(
            uow, RHEA, scenario.breach.id, "contract_hours:contoso", why, scenario.now()
        )
    )

    assert not duties(scenario)["contract_hours:contoso"].running


def test_a_receipt_is_owed_from_the_handing_over_until_it_is_recorded(
    scenario: ReleaseScenario,
) -> None:
    scenario.approve()
    assert of_kind(scenario, "controller_receipt") == []
    send(scenario, "contoso")
    handed = scenario.now()
    owed = of_kind(scenario, "controller_receipt")
    scenario.now.advance(hours=30)
    row = row_of(scenario, "contoso")
    scenario.store.write(
        lambda uow: receipts.record_receipt(
            uow, RHEA, row.id, scenario.now(), confirmed_by="Jolanta Brzezinska",
            route=ContactRoute.TELEPHONE, confirmed_at=handed + 29 * HOUR,
        )
    )  # fmt: skip
    ended = of_kind(scenario, "controller_receipt")

    assert [(d.customer_id, d.due, d.running) for d in owed] == [
        ("contoso", handed + 24 * HOUR, True)
    ]
    assert ended[0].ended_at == handed + 29 * HOUR
    versions = scenario.store.read(
        lambda uow: uow.breaches.list_versions(Receipt, scenario.breach.id)
    )
    assert (versions[0].confirmed_by, versions[0].route) == (
        "Jolanta Brzezinska",
        ContactRoute.TELEPHONE,
    )
    assert b"Jolanta" not in everything_stored(scenario.store)
    with pytest.raises(NotAllowed):
        scenario.store.write(lambda uow: receipts.record_receipt(uow, RHEA, row.id, scenario.now()))


def test_the_term_for_receipts_can_be_set_for_a_breach(scenario: ReleaseScenario) -> None:
    scenario.approve()
    send(scenario, "contoso")
    scenario.store.write(
        lambda uow: receipts.set_receipt_term(uow, RHEA, scenario.breach.id, 6, scenario.now())
    )

    assert of_kind(scenario, "controller_receipt")[0].due == scenario.now() + 6 * HOUR
    with pytest.raises(BadInput):
        scenario.store.write(
            lambda uow: receipts.set_receipt_term(uow, RHEA, scenario.breach.id, 0, scenario.now())
        )


def test_a_receipt_before_the_letter_left_is_refused(scenario: ReleaseScenario) -> None:
    scenario.approve()
    send(scenario, "contoso")
    row = row_of(scenario, "contoso")
    early = scenario.now() - HOUR
    with pytest.raises(BadInput, match="before"):
        scenario.store.write(
            lambda uow: receipts.record_receipt(
                uow, RHEA, row.id, scenario.now(), confirmed_by="x", confirmed_at=early
            )
        )


def test_a_letter_that_came_back_owes_no_receipt(scenario: ReleaseScenario) -> None:
    scenario.approve()
    send(scenario, "contoso", SendOutcome.BOUNCED)

    assert of_kind(scenario, "controller_receipt") == []


def test_the_reminder_quotes_the_readers_own_reference_and_names_no_other(
    scenario: ReleaseScenario,
) -> None:
    scenario.approve()
    send(scenario, "contoso")
    text = receipts.format_reminder(scenario.breach, row_of(scenario, "contoso"), "Fenland IT")

    assert scenario.breach.id in text
    assert "Fabrikam" not in text
    assert "Fenland IT" in text


def a_question(scenario: ReleaseScenario, customer: str = "contoso") -> ControllerQuestion:
    return ControllerQuestion(
        breach_id=scenario.breach.id, version=0, entry=0, recorded_by="", recorded_at=scenario.now(),
        customer_id=customer, asked_by="Jolanta Brzezinska", asked_at=scenario.now(),
        route=ContactRoute.EMAIL, question="Which mailboxes were opened?",
    )  # fmt: skip


def ask(scenario: ReleaseScenario, customer: str = "contoso") -> ControllerQuestion:
    question = a_question(scenario, customer)
    return scenario.store.write(
        lambda uow: questions.record_question(uow, RHEA, question, scenario.now())
    )


def answer(scenario: ReleaseScenario, entry: int, words: str) -> ControllerQuestion:
    return scenario.store.write(
        lambda uow: questions.record_answer(
            uow, RHEA, scenario.breach.id, entry, answer=words, route=ContactRoute.TELEPHONE,
            answered_at=scenario.now(), profile=scenario.settings.profile, now=scenario.now(),
        )
    )  # fmt: skip


def test_a_question_is_owed_an_answer_which_is_kept_with_its_words(
    scenario: ReleaseScenario,
) -> None:
    question, other = ask(scenario), ask(scenario, "fabrikam")
    scenario.now.advance(hours=1)
    answer(scenario, question.entry, "Only jo@contoso.example.")

    states = {d.customer_id: d.running for d in of_kind(scenario, "controller_question")}
    actual = scenario.store.read(lambda uow: questions.list_questions(uow, scenario.breach.id))
    assert states == {"contoso": False, "fabrikam": True}
    assert [(q.entry, q.answer) for q in actual] == [
        (question.entry, "Only jo@contoso.example."),
        (other.entry, None),
    ]
    assert b"Jolanta" not in everything_stored(scenario.store)
    with pytest.raises(NotAllowed, match="answered"):
        answer(scenario, question.entry, "Once more.")


@pytest.mark.parametrize(
    "words",
    [
        "Fabrikam Ltd was attacked first.",
        "So was accounts@fabrikam.example.",
        "The same files lay on fabrikam.example.",
        "Kit Reed rang us about it too.",
        "Our engineer Sam Field saw it.",
    ],
)
def test_an_answer_with_what_is_not_theirs_is_refused_and_nothing_is_kept(
    scenario: ReleaseScenario, words: str
) -> None:
    question = ask(scenario)
    with pytest.raises(BadInput) as refused:
        answer(scenario, question.entry, words)

    actual = scenario.store.read(lambda uow: questions.list_questions(uow, scenario.breach.id))
    assert refused.value.place == "answer"
    assert "Kit" not in str(refused.value)
    assert actual[0].answer is None
    assert not scenario.audited("breach:controller:answered")


def test_an_answer_may_name_the_reader_its_systems_and_who_asked(scenario: ReleaseScenario) -> None:
    question = ask(scenario)
    words = "Contoso Ltd, jo@contoso.example: Jolanta Brzezinska asked, Jo Mason knows."

    assert answer(scenario, question.entry, words).answer == words


def test_who_is_no_controller_on_the_list_cannot_have_asked(scenario: ReleaseScenario) -> None:
    with pytest.raises(BadInput, match="no controller"):
        ask(scenario, "tailspin")


def test_what_suppliers_and_complainants_are_owed_keeps_the_case_open(
    scenario: ReleaseScenario,
) -> None:
    question = SupplierQuestion(
        id="", recorded_by="", recorded_at=scenario.now(), supplier="Wires plc",
        asked_at=scenario.now(), question="Since when?",
    )  # fmt: skip
    complaint = Complaint(
        id="", recorded_by="", recorded_at=scenario.now(), complainant="Zygmunt Quill",
        case_id=scenario.breach.case_id, received_at=scenario.now(), route=ContactRoute.LETTER, about="x",
    )  # fmt: skip
    scenario.store.write(
        lambda uow: suppliers.ask_supplier(
            uow, RHEA, scenario.breach.case_id, question, scenario.now()
        )
    )
    logged = scenario.store.write(
        lambda uow: complaints.add_complaint(uow, RHEA, complaint, scenario.now())
    )
    before = duties(scenario)
    scenario.store.write(
        lambda uow: complaints.answer_complaint(
            uow, RHEA, logged.id, "Upheld.", scenario.now(), scenario.now()
        )
    )
    after = duties(scenario)

    receipt, outcome = f"complaint_receipt:{logged.id}", f"complaint_outcome:{logged.id}"
    assert before["supplier_answer:SUPPLIERQUESTION-0001"].running
    assert before[receipt].due == logged.acknowledge_by
    assert before[receipt].source == "DPA 2018 s.164A"
    assert before[outcome].running
    assert not after[receipt].running
    assert not after[outcome].running
    case = scenario.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(scenario.breach.case_id), scenario.now())
    )
    assert "Wires plc" in "; ".join(map(str, case))


def test_a_complaints_duty_is_waived_by_two_people_only(scenario: ReleaseScenario) -> None:
    complaint = Complaint(
        id="", recorded_by="", recorded_at=scenario.now(), complainant="Zygmunt Quill",
        case_id=scenario.breach.case_id, received_at=scenario.now(), route=ContactRoute.LETTER, about="x",
    )  # fmt: skip
    logged = scenario.store.write(
        lambda uow: complaints.add_complaint(uow, RHEA, complaint, scenario.now())
    )
    name = f"complaint_outcome:{logged.id}"
    why = "They withdrew the complaint in writing on the day after they made it."
    scenario.store.write(
        lambda uow: obligations.waive_obligation(
            uow, RHEA, scenario.breach.id, name, why, scenario.now()
        )
    )

    assert duties(scenario)[name].running
    assert duties(scenario)[name].requested is not None


def test_with_the_cases_key_receipts_and_questions_are_erased(scenario: ReleaseScenario) -> None:
    scenario.approve()
    send(scenario, "contoso")
    row = row_of(scenario, "contoso")
    scenario.store.write(
        lambda uow: receipts.record_receipt(uow, RHEA, row.id, scenario.now(), confirmed_by="Jo")
    )
    ask(scenario)
    case_id = scenario.breach.case_id
    scenario.store.write(
        lambda uow: uow.audit.erase(case_id, at=scenario.now(), actor="kim", reason="over")
    )

    assert (
        scenario.store.read(lambda uow: uow.breaches.list_versions(Receipt, scenario.breach.id))
        == []
    )
    assert scenario.store.read(lambda uow: uow.breaches.get_newest(ControllerQuestion)) == {}


def pack_of(scenario: ReleaseScenario, customer: str) -> str:
    letters = scenario.store.read(
        lambda uow: render_letters(uow, scenario.breach.id, scenario.settings, renderer())
    )
    return next(letter.text for letter in letters.rendered if letter.customer_id == customer)


def test_only_who_processes_for_others_is_told_to_tell_its_own_controllers(
    scenario: ReleaseScenario,
) -> None:
    before = pack_of(scenario, "contoso")
    scenario.store.write(
        lambda uow: contracts.set_contract(
            uow, REG, "contoso", notice_hours=None, notice_clause=None,
            processes_for_others=True, now=scenario.now(),
        )
    )  # fmt: skip

    text = "tell each of them without undue delay"
    assert text not in before
    assert text in " ".join(pack_of(scenario, "contoso").split())
    assert text not in " ".join(pack_of(scenario, "fabrikam").split())
