"""Somebody was told, and the list excludes them later: they learn that it was not so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from release_scenario import ReleaseScenario, release_scenario
from waiting_letters import renderer

from breachdesk.casework import obligations
from breachdesk.casework.affected.notified_people import compute_told_of_kind
from breachdesk.casework.release import reader_words
from breachdesk.casework.release.letters import LetterSet, render_letters
from breachdesk.testing import make_actor
from schemas.casework.affected import Manifest
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, ReaderStanding
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice import SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import Obligation
from schemas.customer import DataRole
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
CORRECTION = ExposureWords(
    role=DataRole.CONTROLLER,
    standing=ReaderStanding.CORRECTED,
    what_happened="The panel's own log is whole. It shows that your pages were not opened.",
    steps=("You need not watch your bank statements for this incident any more.",),
)
UNKNOWN = SendResult(outcome=SendOutcome.UNKNOWN)
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Contoso and Fabrikam are possible."""
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.write_all()
        yield fresh


def send_all(scenario: ReleaseScenario, result: SendResult | None = None) -> None:
    scenario.approve()
    for row in scenario.due():
        scenario.send(row, result) if result else scenario.send(row)


def exclude(scenario: ReleaseScenario, customer: str) -> Manifest:
    """New evidence: only the others stay."""
    scenario.customers = tuple(c for c in scenario.customers if c != customer)
    return scenario.freeze()


def corrected(scenario: ReleaseScenario) -> None:
    seen = scenario.store.read(
        lambda uow: uow.breaches.find_latest(NoticeFacts, scenario.breach.id)
    )
    scenario.now.advance(minutes=1)
    scenario.store.write(
        lambda uow: reader_words.write_words(
            uow, RESPONDER, scenario.breach.id, CORRECTION, seen=seen.version, now=scenario.now()
        )
    )


def duty(scenario: ReleaseScenario) -> Obligation | None:
    every = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return next((each for each in every if each.id == "corrections"), None)


def ready(scenario: ReleaseScenario) -> LetterSet:
    return scenario.store.read(
        lambda uow: render_letters(uow, scenario.breach.id, scenario.settings, renderer())
    )


def corrections_of(manifest: Manifest) -> set[tuple[str, NoticeKind]]:
    kinds = (NoticeKind.ACCOUNT_HOLDER_CORRECTION, NoticeKind.CONTROLLER_CORRECTION)
    return {(r.customer_id, r.kind) for r in manifest.recipients if r.kind in kinds}


def test_who_was_mailed_and_is_excluded_later_is_owed_a_correction(
    scenario: ReleaseScenario,
) -> None:
    send_all(scenario)
    manifest = exclude(scenario, "fabrikam")

    assert corrections_of(manifest) == {("fabrikam", NoticeKind.ACCOUNT_HOLDER_CORRECTION)}
    owed = duty(scenario)
    assert owed is not None
    assert owed.running
    assert {reader.customer_id for reader in owed.owed} == {"fabrikam"}


@pytest.mark.parametrize(("result", "owed"), [(UNKNOWN, True), (BOUNCED, False), (None, True)])
def test_a_correction_is_owed_to_whoever_may_have_read_the_letter(
    scenario: ReleaseScenario, result: SendResult | None, owed: bool
) -> None:
    send_all(scenario, result)

    assert bool(corrections_of(exclude(scenario, "fabrikam"))) is owed


def test_who_was_never_told_is_owed_no_correction(scenario: ReleaseScenario) -> None:
    assert corrections_of(exclude(scenario, "fabrikam")) == set()
    assert duty(scenario) is None


def test_a_correction_waits_for_its_words_and_says_what_was_wrong(
    scenario: ReleaseScenario,
) -> None:
    send_all(scenario)
    exclude(scenario, "fabrikam")
    lacking = ready(scenario).missing
    corrected(scenario)
    (letter,) = (x for x in ready(scenario).rendered if x.customer_id == "fabrikam")

    assert any("told wrongly" in block for block in lacking)
    assert letter.subject.startswith("Correction: ")
    assert "This letter corrects our letter number 1 about the same incident." in letter.text
    assert "This is our letter number 2 about this incident." in letter.text
    assert "your pages were not opened" in letter.text
    assert "was not involved" in " ".join(letter.text.split())


def test_a_correction_leaves_by_the_same_way_and_ends_the_duty(scenario: ReleaseScenario) -> None:
    send_all(scenario)
    exclude(scenario, "fabrikam")
    corrected(scenario)
    send_all(scenario)
    ended = duty(scenario)

    assert ended is not None
    assert not ended.running
    assert corrections_of(exclude(scenario, "nobody")) == set()


def test_who_is_found_reached_after_all_is_owed_no_correction(scenario: ReleaseScenario) -> None:
    send_all(scenario)
    exclude(scenario, "fabrikam")
    scenario.possible("fabrikam")

    assert duty(scenario) is None


def test_who_was_told_wrongly_twice_is_corrected_twice(scenario: ReleaseScenario) -> None:
    send_all(scenario)
    exclude(scenario, "fabrikam")
    corrected(scenario)
    send_all(scenario)
    scenario.possible("fabrikam")
    scenario.write()
    send_all(scenario)
    manifest = exclude(scenario, "fabrikam")

    assert corrections_of(manifest) == {("fabrikam", NoticeKind.ACCOUNT_HOLDER_CORRECTION)}


def test_closing_waits_for_the_correction(scenario: ReleaseScenario) -> None:
    from breachdesk.casework.closing.closing_blockers import closing_blockers

    send_all(scenario)
    exclude(scenario, "fabrikam")
    case_id = scenario.breach.case_id
    case = scenario.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(case_id), scenario.now())
    )

    assert any("told wrongly" in str(each).casefold() for each in case)


def test_who_was_corrected_and_is_found_reached_after_all_is_owed_a_letter_again(
    scenario: ReleaseScenario,
) -> None:
    send_all(scenario)
    exclude(scenario, "fabrikam")
    corrected(scenario)
    send_all(scenario)
    scenario.possible("fabrikam")
    every = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    owed = {r.customer_id for each in every if each.id == "own_promise" for r in each.owed}

    assert owed == {"fabrikam"}
    list_outline, wrongly = scenario.store.read(
        lambda uow: compute_told_of_kind(
            uow,
            scenario.breach,
            uow.breaches.find_latest(ListOutline, scenario.breach.id),
            NoticeKind.ACCOUNT_HOLDER,
        )
    )
    assert (list_outline.people, list_outline.informed_count) == (2, 1)
    assert wrongly.people == 0
