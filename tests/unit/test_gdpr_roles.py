from __future__ import annotations

import pytest

from breachdesk.gdpr.names import NameIndex
from breachdesk.gdpr.redaction import ADDRESS, NUMBER, PERSON, Redaction
from breachdesk.gdpr.roles import Track, in_ico_numbers, letter_kind, pecr, tracks
from breachdesk.testing import a_customer
from schemas.affected import Certainty, Exposure, NoticeKind
from schemas.customer import Pecr, Role

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


def test_our_ico_numbers_count_controller_exposures_only() -> None:
    ours, theirs = exposure(CONTROLLER), exposure(PROCESSOR)
    out = exposure(CONTROLLER, certainty=Certainty.EXCLUDED)

    assert in_ico_numbers([ours, theirs, out]) == (ours,)


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
