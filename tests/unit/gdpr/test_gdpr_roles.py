from __future__ import annotations

import pytest

from breachdesk.casework.digests import compute_digest, has_hash
from breachdesk.gdpr.personal_data.names import NameIndex
from breachdesk.gdpr.personal_data.redaction import ADDRESS, NUMBER, PERSON, NameRedaction
from breachdesk.gdpr.regulator_sentences import list_regulator_sentences
from breachdesk.gdpr.regulators import list_scopes
from breachdesk.gdpr.roles import (
    compute_bases,
    compute_pecr,
    list_letter_kinds,
)
from breachdesk.testing import make_customer
from notifiers.testing.channels import DECISION, NOON, decision_with
from schemas.casework.affected import Certainty, Exposure
from schemas.casework.decision import (
    Decision,
    DecisionAnswer,
    LawEnforcementHold,
    NotificationBasis,
)
from schemas.casework.letter import SentenceKind
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import DataRole, PecrStatus

CONTROLLER, PROCESSOR = DataRole.CONTROLLER, DataRole.PROCESSOR


def exposure(
    role: DataRole, service: PecrStatus = PecrStatus.NO, certainty: Certainty = Certainty.CONFIRMED
) -> Exposure:
    return Exposure(customer_id="contoso", role=role, certainty=certainty, reason="r", pecr=service)


@pytest.mark.parametrize(
    ("role", "service", "regulators"),
    [
        (CONTROLLER, PecrStatus.NO, ["uk_ico"]),
        (CONTROLLER, PecrStatus.ASK, ["uk_ico"]),
        (CONTROLLER, PecrStatus.YES, ["uk_pecr"]),
        (PROCESSOR, PecrStatus.NO, []),
        (PROCESSOR, PecrStatus.YES, ["uk_pecr"]),
    ],
)
def test_each_exposure_counts_in_the_report_of_its_own_rule(
    role: DataRole, service: PecrStatus, regulators: list[str]
) -> None:
    scopes = list_scopes(None, [exposure(role, service)])

    assert [scope.jurisdiction.id for scope in scopes] == regulators


def test_an_excluded_customer_counts_in_no_report() -> None:
    assert list_scopes(None, [exposure(CONTROLLER, certainty=Certainty.EXCLUDED)]) == ()


YES, NO = DecisionAnswer(yes=True, reasons="r"), DecisionAnswer(yes=False, reasons="r")


def decided(**changes: object) -> Decision:
    return decision_with(**changes)


@pytest.mark.parametrize(
    ("reached", "changes", "grounds"),
    [
        (exposure(CONTROLLER), {}, {NotificationBasis.ART34, NotificationBasis.OWN_PROMISE}),
        (exposure(CONTROLLER), {"tell_people": NO}, {NotificationBasis.OWN_PROMISE}),
        (exposure(CONTROLLER), {"tell_people": NO, "own_promise_binds": NO}, set()),
        (
            exposure(PROCESSOR),
            {"tell_people": NO, "own_promise_binds": NO},
            {NotificationBasis.ART33_2},
        ),
        (
            exposure(CONTROLLER, PecrStatus.YES),
            {"uk_pecr": YES, "pecr_subscribers": YES},
            {NotificationBasis.PECR_5A3, NotificationBasis.OWN_PROMISE},
        ),
        (
            exposure(CONTROLLER, PecrStatus.ASK),
            {"uk_pecr": YES, "pecr_subscribers": YES, "own_promise_binds": NO},
            {NotificationBasis.PECR_5A3},
        ),
        (exposure(CONTROLLER, PecrStatus.YES), {"uk_pecr": YES, "own_promise_binds": NO}, set()),
        (exposure(CONTROLLER, certainty=Certainty.EXCLUDED), {}, set()),
    ],
)
def test_the_grounds_for_telling_are_those_of_the_exposure_and_the_decision(
    reached: Exposure, changes: dict[str, object], grounds: set[NotificationBasis]
) -> None:
    assert compute_bases(decided(**changes), reached) == grounds


@pytest.mark.parametrize("stopped", [NotificationBasis.ART34, NotificationBasis.OWN_PROMISE])
def test_a_hold_takes_away_the_ground_it_names(stopped: NotificationBasis) -> None:
    hold = LawEnforcementHold(
        asked_by="Police", asked_at=NOON, basis="b", review_on=NOON, stops=frozenset({stopped})
    )

    remaining = {NotificationBasis.ART34, NotificationBasis.OWN_PROMISE} - {stopped}
    assert compute_bases(decided(hold=hold), exposure(CONTROLLER)) == remaining


def test_a_hold_that_names_a_controller_s_letter_does_not_stop_it() -> None:
    hold = LawEnforcementHold(
        asked_by="Police",
        asked_at=NOON,
        basis="b",
        review_on=NOON,
        stops=frozenset(NotificationBasis),
    )

    assert compute_bases(decided(hold=hold), exposure(PROCESSOR)) == {NotificationBasis.ART33_2}


def test_a_hold_is_stored_in_the_same_order_in_every_process() -> None:
    hold = LawEnforcementHold(
        asked_by="Police",
        asked_at=NOON,
        basis="b",
        review_on=NOON,
        stops=frozenset(NotificationBasis),
    )

    assert hold.model_dump(mode="json")["stops"] == sorted(NotificationBasis)


def test_a_mixed_breach_brings_both_reports_and_each_exposure_is_in_one() -> None:
    account, line = exposure(CONTROLLER), exposure(CONTROLLER, PecrStatus.YES)
    stored, out = exposure(PROCESSOR), exposure(CONTROLLER, certainty=Certainty.EXCLUDED)

    scopes = list_scopes(decided(uk_pecr=YES), [account, line, stored, out])

    assert [(scope.jurisdiction.clock, scope.exposures) for scope in scopes] == [
        ("ico_art33", (account,)),
        ("ico_pecr", (line,)),
    ]


def test_a_pecr_report_is_owed_whatever_was_decided_of_the_other() -> None:
    reached = [exposure(CONTROLLER), exposure(CONTROLLER, PecrStatus.YES)]

    scopes = list_scopes(decided(uk_pecr=YES, uk_ico=NO), reached)

    assert [scope.owed for scope in scopes] == [False, True]
    assert [scope.owed for scope in list_scopes(None, reached)] == [None, True]


ACCOUNT, LINE = exposure(CONTROLLER), exposure(CONTROLLER, PecrStatus.YES)


@pytest.mark.parametrize(
    ("changes", "reached", "filed", "expected"),
    [
        ({}, ACCOUNT, (), SentenceKind.WILL_TELL),
        ({}, ACCOUNT, ("uk_ico",), SentenceKind.TOLD),
        ({"uk_ico": NO}, ACCOUNT, (), SentenceKind.NOT_TOLD),
        ({"uk_ico": NO, "uk_pecr": YES}, LINE, (), SentenceKind.WILL_TELL),
        ({"uk_ico": NO, "uk_pecr": YES}, LINE, ("uk_pecr",), SentenceKind.TOLD),
        ({"uk_pecr": YES}, LINE, ("uk_ico",), SentenceKind.WILL_TELL),
        ({"uk_pecr": YES}, ACCOUNT, ("uk_pecr",), SentenceKind.WILL_TELL),
        ({"uk_ico": NO, "uk_pecr": YES}, ACCOUNT, (), SentenceKind.WILL_TELL_OF_OTHERS),
        ({"uk_ico": NO, "uk_pecr": YES}, ACCOUNT, ("uk_pecr",), SentenceKind.TOLD_OF_OTHERS),
        ({}, exposure(PROCESSOR), ("uk_ico",), None),
    ],
)
def test_what_a_letter_says_of_the_ico_follows_the_whole_decision(
    changes: dict[str, object],
    reached: Exposure,
    filed: tuple[str, ...],
    expected: SentenceKind | None,
) -> None:
    sentences = list_regulator_sentences(decided(**changes), reached, filed)

    assert [(s.authority, s.kind) for s in sentences] == ([("ico", expected)] if expected else [])


def test_each_role_has_its_own_letter() -> None:
    assert list_letter_kinds(exposure(CONTROLLER)) == (NoticeKind.ACCOUNT_HOLDER,)
    assert list_letter_kinds(exposure(PROCESSOR)) == (NoticeKind.CONTROLLER_PACK,)


def test_one_service_that_asks_makes_the_whole_breach_ask() -> None:
    asks = exposure(PROCESSOR, PecrStatus.ASK)

    assert compute_pecr([exposure(CONTROLLER), asks]) is PecrStatus.ASK
    assert compute_pecr([exposure(CONTROLLER, PecrStatus.YES), asks]) is PecrStatus.YES
    assert compute_pecr([exposure(CONTROLLER)]) is PecrStatus.NO


def test_names_are_found_as_whole_words_in_any_case_the_longest_first() -> None:
    index = NameIndex(["Hill", "Hill & Sons", "Mason"])
    names = [f.name for f in index.find("HILL and sons; Hill & Sons Ltd; masonry; mason")]

    assert names == ["Hill", "Hill & Sons", "Mason"]


@pytest.mark.parametrize(
    ("original", "expected"),
    [
        ("Jo Mason rang", f"{PERSON} rang"),
        ("Ms Mason rang", f"{PERSON} rang"),
        ("write to Kit.Reed@contoso.example now", f"write to {ADDRESS} now"),
        ("ring +44 1632 960001", f"ring {NUMBER}"),
        ("ring 01632 960001", f"ring {NUMBER}"),
        ("Contoso Ltd was hit", f"{PERSON} was hit"),
    ],
)
def test_a_report_loses_names_addresses_and_numbers_of_people_affected(
    original: str, expected: str
) -> None:
    assert NameRedaction([make_customer()]).redact(original) == expected


def test_what_names_nobody_stays_as_it_was() -> None:
    redaction = NameRedaction([make_customer()], keep=("privacy@provider.example",))
    text = "118 files on 22 November 2026, IC-123456789012; write to privacy@provider.example"

    assert redaction.redact(text) == text
    assert not redaction.has_findings(text)


def test_a_decision_sealed_before_a_field_existed_still_has_its_hash() -> None:
    sealed = DECISION.model_dump(mode="json", exclude={"hash"})
    for newer in ("pecr_subscribers", "departures", "edpb_case"):
        del sealed[newer]
    sealed |= {"report_to_ico": sealed["report"]["uk_ico"], "pecr": sealed.pop("report")["uk_pecr"]}
    for answer in ("report_to_ico", "tell_people", "own_promise_binds", "pecr"):
        del sealed[answer]["asked"]
    then = compute_digest(sealed)
    opened = Decision.model_validate(sealed | {"hash": then})

    assert has_hash(opened, then)
    assert not has_hash(opened.model_copy(update={"risk": "another"}), then)
