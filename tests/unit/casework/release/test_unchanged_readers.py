"""Whoever knows already what a new version of the facts says to others is not told again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ReleaseScenario, release_scenario
from waiting_letters import renderer

from breachdesk.casework.affected import affected_list
from breachdesk.casework.release import reader_words
from breachdesk.casework.release.letters import render_letters
from breachdesk.testing import make_actor
from schemas.casework.affected import Certainty
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, ReaderStanding
from schemas.casework.notice import SendOutcome, SendResult
from schemas.customer import DataRole
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Contoso and Fabrikam are possible, and were told."""
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.write_all()
        send_all(fresh)
        yield fresh


def send_all(scenario: ReleaseScenario, result: SendResult | None = None) -> None:
    scenario.approve()
    for row in scenario.due():
        scenario.send(row, result) if result else scenario.send(row)


def newest(scenario: ReleaseScenario) -> NoticeFacts:
    facts = scenario.store.read(
        lambda uow: uow.breaches.find_latest(NoticeFacts, scenario.breach.id)
    )
    assert facts is not None
    return facts


def words(scenario: ReleaseScenario, customer: str | None, text: str, **changes: Any) -> None:
    group = next(
        w
        for w in newest(scenario).words
        if w.customer_id is None
        and w.role is DataRole.CONTROLLER
        and w.standing is ReaderStanding.POSSIBLE
    )
    exposure_words: ExposureWords = group.model_copy(
        update={"customer_id": customer, "what_happened": text, **changes}
    )
    scenario.now.advance(minutes=1)
    scenario.store.write(
        lambda uow: reader_words.write_words(
            uow,
            RESPONDER,
            scenario.breach.id,
            exposure_words,
            seen=newest(scenario).version,
            now=scenario.now(),
        )
    )


def told_now(scenario: ReleaseScenario) -> set[str]:
    ready = scenario.store.read(
        lambda uow: render_letters(uow, scenario.breach.id, scenario.settings, renderer())
    )
    return {text.customer_id for text, _ in ready.texts}


def test_words_for_one_customer_tell_nobody_else_again(scenario: ReleaseScenario) -> None:
    words(scenario, "contoso", "Your own page was opened.")

    assert told_now(scenario) == {"contoso"}


def test_words_of_a_group_tell_its_readers_but_not_who_has_words_of_its_own(
    scenario: ReleaseScenario,
) -> None:
    words(scenario, "contoso", "Your own page was opened.")
    send_all(scenario)
    words(scenario, None, "Some pages were opened.")

    assert told_now(scenario) == {"fabrikam"}


def test_what_is_true_for_everybody_tells_everybody_again(scenario: ReleaseScenario) -> None:
    seen = newest(scenario).version
    scenario.now.advance(minutes=1)
    scenario.store.write(
        lambda uow: reader_words.write_common(
            uow,
            RESPONDER,
            scenario.breach.id,
            "We know more now.",
            None,
            seen=seen,
            now=scenario.now(),
        )
    )

    assert told_now(scenario) == {"contoso", "fabrikam"}


def test_whose_exposure_has_changed_is_told_though_only_others_words_changed(
    scenario: ReleaseScenario,
) -> None:
    def sure(uow: Any) -> None:
        exposures = affected_list.propose(uow, scenario.breach.id)
        for customer, certainty in (
            ("contoso", Certainty.POSSIBLE), ("fabrikam", Certainty.CONFIRMED)
        ):  # fmt: skip
            exposures = affected_list.override(
                exposures, customer, DataRole.CONTROLLER, certainty, "by the panel's log", RESPONDER
            )
        affected_list.freeze(uow, RESPONDER, scenario.breach.id, exposures, scenario.now())

    scenario.now.advance(minutes=1)
    scenario.store.write(sure)
    words(scenario, "contoso", "Your own page was opened.")

    assert told_now(scenario) == {"contoso", "fabrikam"}


def test_whose_letter_came_back_is_told_though_only_others_words_changed(tmp_path: Path) -> None:
    bounced = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
    with release_scenario("sqlite", tmp_path) as scenario:
        scenario.write_all()
        send_all(scenario, bounced)
        words(scenario, "contoso", "Your own page was opened.")

        assert told_now(scenario) == {"contoso", "fabrikam"}


def test_a_change_that_was_never_sent_still_reaches_its_reader_later(
    scenario: ReleaseScenario,
) -> None:
    words(scenario, "fabrikam", "Fabrikam's page was opened.")
    words(scenario, "contoso", "Your own page was opened.")

    assert told_now(scenario) == {"contoso", "fabrikam"}


def test_a_correction_tells_nobody_else_again_and_is_sent_once(scenario: ReleaseScenario) -> None:
    scenario.customers = ("contoso",)
    scenario.freeze()
    correction = {"standing": ReaderStanding.CORRECTED, "steps": ("Do nothing more.",)}
    words(scenario, None, "The log is whole; your pages were not opened.", **correction)
    first = told_now(scenario)
    send_all(scenario)
    words(scenario, "contoso", "Your own page was opened.")

    assert first == {"fabrikam"}
    assert told_now(scenario) == {"contoso"}
