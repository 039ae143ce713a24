"""What contradicts what: between answers, score and example case."""

from __future__ import annotations

from datetime import timedelta

import pytest

from breachdesk.gdpr.edpb import get_edpb_case, list_edpb_cases
from breachdesk.gdpr.raised import DecisionQuestion, list_raised_questions, list_scored_categories
from breachdesk.gdpr.tensions import list_remarks, list_tensions, list_unexplained
from notifiers.testing.channels import NOON, decision_with
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty, Exposure
from schemas.casework.decision import (
    NOT_ASKED,
    Decision,
    DecisionAnswer,
    LawEnforcementHold,
    NotificationBasis,
)
from schemas.customer import DataCategory, DataRole, PecrStatus
from schemas.errors import NotFound

YES = DecisionAnswer(yes=True, reasons="Because of the facts.")
NO = DecisionAnswer(yes=False, reasons="Because of the facts.")
HOLD = LawEnforcementHold(
    asked_by="Police", asked_at=NOON, basis="b", review_on=NOON + timedelta(days=7),
    stops=frozenset({NotificationBasis.ART34, NotificationBasis.OWN_PROMISE}),
)  # fmt: skip


def exposure(
    role: DataRole = DataRole.CONTROLLER, pecr: PecrStatus = PecrStatus.NO, **changes: object
) -> Exposure:
    fields = {
        "customer_id": "northgate", "role": role, "certainty": Certainty.LIKELY, "reason": "r",
        "pecr": pecr,
    }  # fmt: skip
    return Exposure.model_validate(fields | changes)


ACCOUNT, STORED, LINE = exposure(), exposure(DataRole.PROCESSOR), exposure(pecr=PecrStatus.YES)
ASKS = exposure(pecr=PecrStatus.ASK)


def decided(**changes: object) -> Decision:
    return decision_with(**changes)


def ids(decision: Decision, *exposures: Exposure) -> list[str]:
    return [tension.id for tension in list_tensions(decision, exposures or (ACCOUNT,))]


@pytest.mark.parametrize(
    ("reached", "pecr", "expected"),
    [
        ((ACCOUNT,), False, {"report_uk_ico", "tell_people", "own_promise_binds"}),
        ((STORED,), False, set()),
        ((LINE,), True, {"report_uk_pecr", "pecr_subscribers", "own_promise_binds"}),
        ((ACCOUNT, LINE), True, {"report_uk_ico", "report_uk_pecr", *DecisionQuestion}),
        ((ASKS,), False, {"report_uk_pecr", "report_uk_ico", "tell_people", "own_promise_binds"}),
        ((ASKS,), True, {"report_uk_pecr", "pecr_subscribers", "own_promise_binds"}),
        (
            (exposure(DataRole.PROCESSOR, PecrStatus.YES),),
            True,
            {"report_uk_pecr", "pecr_subscribers"},
        ),
        ((exposure(certainty=Certainty.EXCLUDED),), False, set()),
    ],
)
def test_the_list_raises_its_own_questions_and_no_others(
    reached: tuple[Exposure, ...], pecr: bool, expected: set[str]
) -> None:
    assert set(list_raised_questions(reached, yes=("uk_pecr",) if pecr else ())) == expected


def test_answers_score_and_case_that_agree_contradict_nothing() -> None:
    agreed = decided(severity_score=3.5, edpb_case=7)

    assert ids(agreed) == []
    assert ids(decided(tell_people=NO, severity_score=2.5, edpb_case=16)) == []


def test_a_high_risk_that_is_no_risk_is_a_contradiction() -> None:
    assert ids(decided(uk_ico=NO)) == ["high_risk_unreported"]
    assert ids(decided(uk_ico=NOT_ASKED, uk_pecr=YES, pecr_subscribers=YES), LINE) == []


@pytest.mark.parametrize(
    ("score", "changes", "expected"),
    [
        (3.5, {"tell_people": NO}, ["score_untold"]),
        (2.5, {}, ["score_told"]),
        (2.5, {"tell_people": NO, "own_promise_binds": NO, "uk_ico": NO}, ["score_silent"]),
        (
            4.75,
            {"tell_people": NO, "own_promise_binds": NO, "uk_ico": NO},
            ["score_untold", "score_silent"],
        ),
        (2.5, {"tell_people": NO, "uk_ico": NO}, []),
        (1.5, {"tell_people": NO, "own_promise_binds": NO, "uk_ico": NO}, []),
        (3.5, {"tell_people": NO, "art34_3_limb": "a", "art34_3_evidence": "encrypted"}, []),
        (1.0, {"tell_people": NOT_ASKED, "uk_ico": NOT_ASKED}, []),
    ],
)
def test_a_score_that_points_another_way_is_a_contradiction(
    score: float, changes: dict[str, object], expected: list[str]
) -> None:
    assert ids(decided(severity_score=score, **changes)) == expected


def test_a_hold_makes_nobody_a_silent_decision() -> None:
    result = decided(severity_score=2.5, tell_people=NO, uk_ico=NO, hold=HOLD)

    assert ids(result) == []


@pytest.mark.parametrize(
    ("score", "near"), [(1.75, True), (2.25, True), (2.5, False), (4.5, False)]
)
def test_a_score_near_a_boundary_needs_a_reason(score: float, near: bool) -> None:
    assert ("score_near_boundary" in ids(decided(severity_score=score))) is near


def test_a_score_for_customers_data_alone_contradicts_no_answer() -> None:
    nothing = dict.fromkeys(("uk_ico", "tell_people", "own_promise_binds"), NOT_ASKED)

    assert ids(decided(severity_score=5.0, **nothing), STORED) == []


@pytest.mark.parametrize("case", list_edpb_cases(), ids=lambda case: f"case-{case.number}")
def test_a_decision_as_in_the_example_needs_no_reason_and_the_opposite_does(case) -> None:
    own = {True: YES, False: NO}
    alike = decided(edpb_case=case.number, uk_ico=own[case.authority], tell_people=own[case.people])
    other = decided(
        edpb_case=case.number,
        uk_ico=own[not case.authority],
        tell_people=own[not case.people],
    )

    assert not [i for i in ids(alike) if i.startswith("edpb")]
    assert len([i for i in ids(other) if i.startswith("edpb")]) == 2


def test_the_eighteen_cases_conclude_as_the_guidelines_do() -> None:
    assert [case.number for case in list_edpb_cases()] == list(range(1, 19))
    assert {c.number for c in list_edpb_cases() if not c.authority} == {1, 6, 9, 10, 13, 15}
    assert {c.number for c in list_edpb_cases() if c.people} == {3, 4, 5, 7, 11, 12, 14, 17, 18}
    assert get_edpb_case(18).concluded == "report it, and tell the people"
    with pytest.raises(NotFound):
        get_edpb_case(19)


def test_untold_subscribers_contradict_a_score_a_case_and_told_people() -> None:
    mixed = decided(uk_pecr=YES, pecr_subscribers=NO, severity_score=3.5, edpb_case=17)

    assert ids(mixed, ACCOUNT, LINE) == ["subscribers_untold", "score_untold", "edpb_untold"]
    exempt = mixed.model_copy(update={"pecr_unintelligible": "The key never left us."})
    assert ids(exempt, ACCOUNT, LINE) == []


def test_a_reason_settles_its_own_contradiction_only() -> None:
    silent = decided(
        uk_ico=NO,
        severity_score=2.5,
        departures={"score_told": "Bank details were on the pages."},
    )

    assert [t.id for t in list_unexplained(silent, (ACCOUNT,))] == ["high_risk_unreported"]


def test_what_needs_no_reason_is_a_remark() -> None:
    text = " ".join(list_remarks(decided(tell_people=NO, hold=HOLD), (ACCOUNT,)))

    assert "our own promise does" in text
    assert "Art. 33 keeps running" in text
    assert "letters leave" not in text


def test_a_hold_that_leaves_another_ground_says_that_letters_leave() -> None:
    partly = HOLD.model_copy(update={"stops": frozenset({NotificationBasis.ART34})})

    remarks = list_remarks(decided(hold=partly), (ACCOUNT, LINE))

    assert "The hold leaves other grounds: letters leave under our own promise." in remarks


def test_the_score_is_of_the_data_in_our_own_reports() -> None:
    bank = exposure(effects={DataCategory.FINANCIAL: {BreachEffect.SEEN: EffectCertainty.POSSIBLE}})
    mail = exposure(
        DataRole.PROCESSOR,
        effects={DataCategory.MAIL: {BreachEffect.SEEN: EffectCertainty.POSSIBLE}},
    )

    assert list_scored_categories(None, (bank, mail)) == (DataCategory.FINANCIAL,)
    assert list_scored_categories(None, (mail,)) == (DataCategory.MAIL,)
    staff = (DataCategory.IDENTITY,)
    assert list_scored_categories(None, (mail,), beside=staff) == staff
    assert list_scored_categories(None, (bank,), beside=staff) == (*staff, DataCategory.FINANCIAL)
