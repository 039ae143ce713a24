"""One case with every duty there is: what keeps it open at each step, and that it closes only at
the end; the same with waivers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from release_scenario import ASSETS, ReleaseScenario, release_scenario
from whole_report import whole_answers

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list, group_records
from breachdesk.casework.breach import report
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.decision import decide
from breachdesk.casework.delivery import telephone_calls
from breachdesk.casework.opening import cases
from breachdesk.casework.opening.causes import build_finding
from breachdesk.casework.records import complaints, suppliers
from breachdesk.casework.release import controller_questions, receipts
from breachdesk.testing import make_actor
from notifiers.testing.channels import DECISION, PROFILE
from schemas.casework.affected import Certainty
from schemas.casework.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupNotification,
    GroupReach,
    NotificationMeans,
)
from schemas.casework.breach_records import ControllerQuestion
from schemas.casework.case import CallOutcome
from schemas.casework.case_record import Complaint, ContactRoute, SupplierQuestion
from schemas.casework.cause import BreachCause
from schemas.casework.decision import DecisionAnswer, LawEnforcementHold, NotificationBasis
from schemas.casework.notice import SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import Obligation, ObligationKind
from schemas.casework.report import NotYetKnown, ReportedQuantity, ReportFacts, ReportPhase
from schemas.customer import DataCategory, DataRole, PecrStatus
from schemas.errors import NotAllowed
from schemas.user import Permission

T = TypeVar("T")
RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
ANALYST = make_actor(Permission.ANALYST, user_id="ana")
APPROVER = make_actor(Permission.APPROVER, user_id="avery")
YES = DecisionAnswer(yes=True, reasons="Bank details and line records may be in strange hands.")
WHY = "The owner decided it after advice; the reasons stand in the minutes of 24 September."
HEADER = "customer id,name,default email,phone,account holder,locale,breach notice hours\n"
ROWS = (
    "contoso,Contoso Ltd,accounts@contoso.example,01632 960001,Jo Mason,en-GB,24\n"
    "fabrikam,Fabrikam Ltd,accounts@fabrikam.example,01632 960002,Kit Reed,en-GB,\n"
    "tailspin,Tailspin Ltd,hi@tailspin.example,01632 960003,Al Fox,en-GB,\n"
)


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """We are controller for Contoso and Tailspin, whose line falls under PECR, and processor for
    Fabrikam. Nothing is frozen yet."""
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.imports(ROWS, by="operator:cli", header=HEADER)
        fresh.imports(
            "fabrikam,site,shop.fabrikam.example,hosted website\n", by="operator:cli", header=ASSETS
        )
        date_the_breach(fresh)
        yield fresh


def date_the_breach(scenario: ReleaseScenario) -> None:
    """A subscriber's letter says when it happened."""
    begun = scenario.breach.aware_at - timedelta(hours=2)
    times = {"occurred_from": begun, "occurred_to": begun + timedelta(minutes=30)}
    scenario.breach = scenario.store.write(
        lambda uow: uow.breaches.save(scenario.breach.model_copy(update=times))
    )


def act(scenario: ReleaseScenario, work: Callable[..., T], *args: Any, **fields: Any) -> T:
    scenario.now.advance(minutes=1)
    return scenario.store.write(lambda uow: work(uow, *args, now=scenario.now(), **fields))


def running(scenario: ReleaseScenario) -> dict[str, Obligation]:
    actual = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return {duty.id: duty for duty in actual if duty.running}


def kinds(scenario: ReleaseScenario) -> set[str]:
    return {str(duty.kind) for duty in running(scenario).values()}


def must_stay_open(scenario: ReleaseScenario, *because: str) -> None:
    """Exactly these keep it open, and closing says so."""
    assert kinds(scenario) == set(because)
    with pytest.raises(NotAllowed):
        close(scenario)


def close(scenario: ReleaseScenario) -> None:
    cause = build_finding("rowan", BreachCause.PHISHING, None, scenario.now())
    act(scenario, _close, scenario.breach.case_id, cause)


def _close(uow: Any, case_id: str, cause: Any, now: Any) -> None:
    close_case(uow, RESPONDER, case_id, "over", False, now, cause)


def freeze(scenario: ReleaseScenario) -> None:
    fields = {
        "contoso": DataRole.CONTROLLER,
        "tailspin": DataRole.CONTROLLER,
        "fabrikam": DataRole.PROCESSOR,
    }

    def work(uow: Any, now: Any) -> None:
        exposures = affected_list.propose(uow, scenario.breach.id)
        for customer, role in fields.items():
            exposures = affected_list.override(
                exposures, customer, role, Certainty.POSSIBLE, "by hand", RESPONDER
            )
        lines = tuple(
            e.model_copy(update={"pecr": PecrStatus.YES})
            if (e.customer_id, e.role) == ("tailspin", DataRole.CONTROLLER)
            else e
            for e in exposures
        )
        affected_list.freeze(uow, RESPONDER, scenario.breach.id, lines, now)

    act(scenario, work)
    do_checks(scenario)


def do_checks(scenario: ReleaseScenario) -> None:
    for task in scenario.tasks().values():
        if task.done_at is None and not task.person_id:
            act(scenario, _check, scenario.breach.case_id, task.id)


def _check(uow: Any, case_id: str, task_id: str, now: Any) -> None:
    cases.complete_task(uow, RESPONDER, case_id, task_id, "Compared with the contract.", now)


def decided(scenario: ReleaseScenario, **changes: Any) -> None:
    fields = {
        "breach_id": scenario.breach.id,
        "report": {"uk_ico": YES, "uk_pecr": YES},
        "pecr_subscribers": YES,
        **changes,
    }
    act(scenario, decide.record_decision, RESPONDER, DECISION.model_copy(update=fields))


def hold(scenario: ReleaseScenario) -> LawEnforcementHold:
    return LawEnforcementHold(
        asked_by="DC Reed", asked_at=scenario.breach.aware_at, basis="Crime number 1/26",
        review_on=scenario.now() + timedelta(days=2), stops=frozenset({NotificationBasis.ART34}),
    )  # fmt: skip


def submitted(
    scenario: ReleaseScenario, form: str, *unknown: NotYetKnown, later: bool = False
) -> None:
    # the group is in the report under Art. 33, and is not all told
    people = "told_some" if form == "uk_ico" else "told_all"
    result = {"people_told": people, "case_reference": "IC-1"} if later else {}
    facts = ReportFacts(
        breach_id=scenario.breach.id, version=1, written_by="", written_at=scenario.now(),
        jurisdiction=form, stage=ReportPhase.FOLLOW_UP if later else ReportPhase.INITIAL,
        not_yet_known=unknown, **whole_answers(form, scenario.breach.aware_at, **result),
    )  # fmt: skip
    act(scenario, report.write_report, RESPONDER, facts)
    act(
        scenario, report.submit_report, RESPONDER, scenario.breach.id, form, submitted_at=scenario.now(),
        channel="web form", settings=scenario.settings,
    )  # fmt: skip


def send_all(scenario: ReleaseScenario, *bounced: str) -> None:
    scenario.now.advance(minutes=1)
    scenario.approve()
    for row in scenario.due():
        ended = SendOutcome.BOUNCED if row.customer_id in bounced else SendOutcome.HANDED_OVER
        assert scenario.send(row, SendResult(outcome=ended))


def told_by_telephone(scenario: ReleaseScenario) -> None:
    for task in scenario.tasks().values():
        if task.done_at is None and task.person_id:
            act(
                scenario, telephone_calls.record_call, RESPONDER, scenario.breach.case_id, task.id,
                CallOutcome.REACHED_AND_TOLD, number="01632 960001", spoken_to="Jo",
                statement="Understood.",
            )  # fmt: skip


def around(scenario: ReleaseScenario) -> dict[str, str]:
    """A complaint, a question of the controller, one to a supplier, and people who are no
    customers; their ids."""
    at, case_id = scenario.now(), scenario.breach.case_id
    complaint = Complaint(
        id="", recorded_by="", recorded_at=at, case_id=case_id, complainant="Jo Mason",
        route=ContactRoute.TELEPHONE, received_at=at, about="Why so late?",
    )  # fmt: skip
    question = ControllerQuestion(
        breach_id=scenario.breach.id, version=1, entry=0, recorded_by="", recorded_at=at,
        customer_id="fabrikam", asked_by="Kit Reed", asked_at=at, route=ContactRoute.TELEPHONE,
        question="Was our site copied?",
    )  # fmt: skip
    supplier = SupplierQuestion(
        id="", recorded_by="", recorded_at=at, case_id=case_id, supplier="Backup Barn Ltd",
        asked_at=at, question="Were the tapes encrypted?",
    )  # fmt: skip
    staff = AffectedGroup(
        id="", recorded_by="", recorded_at=at, case_id=case_id, kind=GroupKind.STAFF,
        certainty=Certainty.LIKELY, reason="Their files lay on the same server.",
        people=ReportedQuantity(), data_categories=(DataCategory.IDENTITY,), effects={},
        reach=GroupReach.BY_NAME,
    )  # fmt: skip
    return {
        "complaint": act(scenario, complaints.add_complaint, RESPONDER, complaint).id,
        "question": str(
            act(scenario, controller_questions.record_question, ANALYST, question).entry
        ),
        "supplier": act(scenario, suppliers.ask_supplier, ANALYST, case_id, supplier).id,
        "staff": act(scenario, group_records.add_group, RESPONDER, case_id, staff).id,
    }


K = ObligationKind
AROUND = (K.COMPLAINT_RECEIPT, K.COMPLAINT_OUTCOME, K.CONTROLLER_QUESTION, K.SUPPLIER_ANSWER)


def test_a_case_closes_only_once_every_duty_has_ended_by_its_own_act(
    scenario: ReleaseScenario,
) -> None:
    case_id = scenario.breach.case_id
    must_stay_open(scenario, "ico_art33", K.OWN_PROMISE, K.ART34_PEOPLE, K.CONTROLLERS_ART33_2)

    freeze(scenario)
    ids = around(scenario)
    undecided = (K.OWN_PROMISE, K.ART34_PEOPLE, K.CONTROLLERS_ART33_2, K.CONTRACT_HOURS)
    must_stay_open(scenario, "ico_art33", "ico_pecr", K.ART34_GROUP, *undecided, *AROUND)

    decided(scenario, hold=hold(scenario))
    rest = (K.OWN_PROMISE, K.PECR_SUBSCRIBERS, K.CONTROLLERS_ART33_2, K.CONTRACT_HOURS)
    must_stay_open(scenario, "ico_art33", "ico_pecr", K.HOLD_REVIEW, *rest, *AROUND)

    decided(scenario)
    must_stay_open(scenario, "ico_art33", "ico_pecr", K.ART34_PEOPLE, K.ART34_GROUP, *rest, *AROUND)

    item = NotYetKnown(what="How many records", who="Rowan", by=scenario.now() + timedelta(days=3))
    submitted(scenario, "uk_ico", item)
    submitted(scenario, "uk_pecr", item)
    owed = (K.ART34_PEOPLE, K.ART34_GROUP, *rest, *AROUND, K.FACTS_OWED)
    must_stay_open(scenario, *owed)

    scenario.write()
    send_all(scenario, "contoso")
    result = (K.NEXT_UPDATE, K.CONTROLLER_RECEIPT, K.FACTS_OWED, K.ART34_GROUP, *AROUND)
    must_stay_open(scenario, K.ART34_PEOPLE, K.OWN_PROMISE, K.CONTRACT_HOURS, *result)
    told_by_telephone(scenario)
    must_stay_open(scenario, *result)

    submitted(scenario, "uk_ico", later=True)
    submitted(scenario, "uk_pecr", later=True)
    answered(scenario, ids)
    telling = GroupNotification(
        told_at=scenario.now(), recorded_by="", recorded_at=scenario.now(), means=NotificationMeans.POST,
        people=4, text="Your payroll file was reached.", proof="Receipt 9.", everybody=True,
    )  # fmt: skip
    act(scenario, group_records.record_group_telling, RESPONDER, case_id, ids["staff"], telling)
    pack = next(r for r in scenario.rows() if r.kind is NoticeKind.CONTROLLER_PACK)
    act(scenario, receipt, pack.id)
    must_stay_open(scenario, K.NEXT_UPDATE)

    scenario.write(next_update=None)
    send_all(scenario)
    told_by_telephone(scenario)
    for row in scenario.rows():
        if row.kind is NoticeKind.CONTROLLER_PACK and row.id != pack.id:
            act(scenario, receipt, row.id)

    assert running(scenario) == {}
    close(scenario)


def receipt(uow: Any, row_id: int, now: Any) -> None:
    receipts.record_receipt(
        uow, ANALYST, row_id, now, confirmed_by="Kit Reed", route=ContactRoute.TELEPHONE
    )


def answered(scenario: ReleaseScenario, ids: dict[str, str]) -> None:
    case_id, at = scenario.breach.case_id, scenario.now()
    act(scenario, complaints.acknowledge_complaint, RESPONDER, ids["complaint"], "By letter.", at)
    act(
        scenario,
        complaints.answer_complaint,
        RESPONDER,
        ids["complaint"],
        "An apology.",
        scenario.now(),
    )
    act(
        scenario, controller_questions.record_answer, RESPONDER, scenario.breach.id,
        int(ids["question"]), answer="It cannot be ruled out.", route=ContactRoute.TELEPHONE,
        answered_at=scenario.now(), profile=PROFILE,
    )  # fmt: skip
    act(
        scenario, suppliers.record_supplier_answer, ANALYST, case_id, ids["supplier"],
        answered_at=scenario.now(), answered_by="Wilma", answer="Yes, and the key is ours.",
    )  # fmt: skip


def test_the_same_case_closes_with_waivers_and_not_before_the_last_of_them(
    scenario: ReleaseScenario,
) -> None:
    freeze(scenario)
    around(scenario)
    decided(scenario)
    item = NotYetKnown(what="How many records", who="Rowan", by=scenario.now() + timedelta(days=3))
    submitted(scenario, "uk_ico", item)
    scenario.write()
    send_all(scenario, "contoso")
    decided(scenario, hold=hold(scenario))
    every = running(scenario)
    assert len({duty.kind for duty in every.values()}) > 8

    for duty_id, duty in every.items():
        with pytest.raises(NotAllowed):
            close(scenario)
        if duty.kind != K.HOLD_REVIEW:
            waive(scenario, duty_id)
    must_stay_open(scenario, K.HOLD_REVIEW)
    decided(scenario)
    waive(scenario, *running(scenario))
    for task in scenario.tasks().values():
        if task.done_at is None:
            act(
                scenario, telephone_calls.record_call, RESPONDER, scenario.breach.case_id, task.id,
                CallOutcome.NOT_NEEDED, statement="Waived, as the owner decided.",
            )  # fmt: skip

    assert running(scenario) == {}
    close(scenario)


def waive(scenario: ReleaseScenario, *ids: str) -> None:
    for duty_id in ids:
        act(scenario, obligations.waive_obligation, RESPONDER, scenario.breach.id, duty_id, WHY)
        if duty_id in running(scenario):
            act(scenario, obligations.confirm_waiver, APPROVER, scenario.breach.id, duty_id, WHY)
