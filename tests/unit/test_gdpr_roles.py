from __future__ import annotations

import pytest

from breachdesk.casework.sealing import digest, has_hash
from breachdesk.gdpr.ico_sentence import ico_sentence_of
from breachdesk.gdpr.names import NameIndex
from breachdesk.gdpr.redaction import ADDRESS, NUMBER, PERSON, Redaction
from breachdesk.gdpr.roles import (
    Track,
    bases,
    letter_kind,
    pecr,
    regulator_tracks,
    tracks,
)
from breachdesk.testing import a_customer
from notifiers.testing import DECISION, NOON
from schemas.affected import Certainty, Exposure, NoticeKind
from schemas.customer import Pecr, Role
from schemas.decision import Answer, Basis, Decision, LawEnforcementHold
from schemas.letter import IcoSentence
from schemas.obligation import ObligationKind

CONTROLLER, PROCESSOR = Role.CONTROLLER, Role.PROCESSOR


def exposure(
    role: Role, service: Pecr = Pecr.NO, certainty: Certainty = Certainty.CONFIRMED
) -> Exposure:
    return Exposure(customer_id="contoso", role=role, certainty=certainty, reason="r", pecr=service)


@pytest.mark.parametrize(
    ("role", "service", "told"),
    [
        (CONTROLLER, Pecr.NO, {Track.ICO, Track.ACCOUNT_HOLDERS}),
        (CONTROLLER, Pecr.ASK, {Track.ICO, Track.ACCOUNT_HOLDERS}),
        (CONTROLLER, Pecr.YES, {Track.PECR, Track.ACCOUNT_HOLDERS}),
        (PROCESSOR, Pecr.NO, {Track.CONTROLLERS}),
        (PROCESSOR, Pecr.YES, {Track.CONTROLLERS, Track.PECR}),
    ],
)
def test_each_exposure_has_its_own_duties(role: Role, service: Pecr, told: set[Track]) -> None:
    assert tracks(exposure(role, service)) == told


def test_an_excluded_customer_brings_no_duty() -> None:
    assert tracks(exposure(CONTROLLER, certainty=Certainty.EXCLUDED)) == frozenset()


YES, NO = Answer(yes=True, reasons="r"), Answer(yes=False, reasons="r")


def decided(**changes: object) -> Decision:
    return DECISION.model_copy(update=changes)


@pytest.mark.parametrize(
    ("reached", "changes", "grounds"),
    [
        (exposure(CONTROLLER), {}, {Basis.ART34, Basis.OWN_PROMISE}),
        (exposure(CONTROLLER), {"tell_people": NO}, {Basis.OWN_PROMISE}),
        (exposure(CONTROLLER), {"tell_people": NO, "own_promise_binds": NO}, set()),
        (exposure(PROCESSOR), {"tell_people": NO, "own_promise_binds": NO}, {Basis.ART33_2}),
        (
            exposure(CONTROLLER, Pecr.YES),
            {"pecr": YES, "pecr_subscribers": YES},
            {Basis.PECR_5A3, Basis.OWN_PROMISE},
        ),
        (
            exposure(CONTROLLER, Pecr.ASK),
            {"pecr": YES, "pecr_subscribers": YES, "own_promise_binds": NO},
            {Basis.PECR_5A3},
        ),
        (exposure(CONTROLLER, Pecr.YES), {"pecr": YES, "own_promise_binds": NO}, set()),
        (exposure(CONTROLLER, certainty=Certainty.EXCLUDED), {}, set()),
    ],
)
def test_the_grounds_for_telling_are_those_of_the_exposure_and_the_decision(
    reached: Exposure, changes: dict[str, object], grounds: set[Basis]
) -> None:
    assert bases(decided(**changes), reached) == grounds


@pytest.mark.parametrize("stopped", [Basis.ART34, Basis.OWN_PROMISE])
def test_a_hold_takes_away_the_ground_it_names(stopped: Basis) -> None:
    hold = LawEnforcementHold(
        asked_by="Police", asked_at=NOON, basis="b", review_on=NOON, stops=frozenset({stopped})
    )

    left = {Basis.ART34, Basis.OWN_PROMISE} - {stopped}
    assert bases(decided(hold=hold), exposure(CONTROLLER)) == left


def test_a_hold_that_names_a_controller_s_letter_does_not_stop_it() -> None:
    hold = LawEnforcementHold(
        asked_by="Police", asked_at=NOON, basis="b", review_on=NOON, stops=frozenset(Basis)
    )

    assert bases(decided(hold=hold), exposure(PROCESSOR)) == {Basis.ART33_2}


def test_a_hold_is_stored_in_the_same_order_in_every_process() -> None:
    hold = LawEnforcementHold(
        asked_by="Police", asked_at=NOON, basis="b", review_on=NOON, stops=frozenset(Basis)
    )

    assert hold.model_dump(mode="json")["stops"] == sorted(Basis)


def test_a_mixed_breach_brings_both_reports_and_each_exposure_stands_in_one() -> None:
    account, line = exposure(CONTROLLER), exposure(CONTROLLER, Pecr.YES)
    stored, out = exposure(PROCESSOR), exposure(CONTROLLER, certainty=Certainty.EXCLUDED)

    found = regulator_tracks(decided(pecr=YES), [account, line, stored, out])

    assert [(t.duty, t.exposures) for t in found] == [
        (ObligationKind.ICO_ART33, (account,)),
        (ObligationKind.ICO_PECR, (line,)),
    ]


def test_a_pecr_report_is_owed_whatever_was_decided_of_the_other() -> None:
    reached = [exposure(CONTROLLER), exposure(CONTROLLER, Pecr.YES)]

    found = regulator_tracks(decided(pecr=YES, report_to_ico=NO), reached)

    assert [track.owed for track in found] == [False, True]
    assert [track.owed for track in regulator_tracks(None, reached)] == [None, True]


ACCOUNT, LINE = exposure(CONTROLLER), exposure(CONTROLLER, Pecr.YES)


@pytest.mark.parametrize(
    ("changes", "reached", "filed", "said"),
    [
        ({}, ACCOUNT, (), IcoSentence.WILL_TELL),
        ({}, ACCOUNT, ("uk_ico",), IcoSentence.TOLD),
        ({"report_to_ico": NO}, ACCOUNT, (), IcoSentence.NOT_TOLD),
        ({"report_to_ico": NO, "pecr": YES}, LINE, (), IcoSentence.WILL_TELL),
        ({"report_to_ico": NO, "pecr": YES}, LINE, ("uk_pecr",), IcoSentence.TOLD),
        ({"pecr": YES}, LINE, ("uk_ico",), IcoSentence.WILL_TELL),
        ({"pecr": YES}, ACCOUNT, ("uk_pecr",), IcoSentence.WILL_TELL),
        ({"report_to_ico": NO, "pecr": YES}, ACCOUNT, (), IcoSentence.WILL_TELL_OF_OTHERS),
        ({"report_to_ico": NO, "pecr": YES}, ACCOUNT, ("uk_pecr",), IcoSentence.TOLD_OF_OTHERS),
        ({}, exposure(PROCESSOR), ("uk_ico",), None),
    ],
)
def test_what_a_letter_says_of_the_ico_follows_the_whole_decision(
    changes: dict[str, object],
    reached: Exposure,
    filed: tuple[str, ...],
    said: IcoSentence | None,
) -> None:
    assert ico_sentence_of(decided(**changes), reached, filed) is said


def test_each_role_has_its_own_letter() -> None:
    assert letter_kind(exposure(CONTROLLER)) is NoticeKind.ACCOUNT_HOLDER
    assert letter_kind(exposure(PROCESSOR)) is NoticeKind.CONTROLLER_PACK


def test_one_service_that_asks_makes_the_whole_breach_ask() -> None:
    asks = exposure(PROCESSOR, Pecr.ASK)

    assert pecr([exposure(CONTROLLER), asks]) is Pecr.ASK
    assert pecr([exposure(CONTROLLER, Pecr.YES), asks]) is Pecr.YES
    assert pecr([exposure(CONTROLLER)]) is Pecr.NO


def test_names_are_found_as_whole_words_in_any_case_the_longest_first() -> None:
    index = NameIndex(["Hill", "Hill & Sons", "Mason"])
    found = [f.name for f in index.find("HILL and sons; Hill & Sons Ltd; masonry; mason")]

    assert found == ["Hill", "Hill & Sons", "Mason"]


@pytest.mark.parametrize(
    ("said", "left"),
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
    said: str, left: str
) -> None:
    assert Redaction([a_customer()]).strip(said) == left


def test_what_names_nobody_stays_as_it_was() -> None:
    redaction = Redaction([a_customer()], keep=("privacy@provider.example",))
    text = "118 files on 22 November 2026, IC-123456789012; write to privacy@provider.example"

    assert redaction.strip(text) == text
    assert not redaction.finds(text)


def test_a_decision_sealed_before_a_field_existed_still_has_its_hash() -> None:
    sealed = DECISION.model_dump(mode="json", exclude={"hash"})
    for newer in ("pecr_subscribers", "departures", "edpb_case"):
        del sealed[newer]
    for answer in ("report_to_ico", "tell_people", "own_promise_binds", "pecr"):
        del sealed[answer]["asked"]
    then = digest(sealed)
    opened = Decision.model_validate(sealed | {"hash": then})

    assert has_hash(opened, then)
    assert not has_hash(opened.model_copy(update={"risk": "another"}), then)
