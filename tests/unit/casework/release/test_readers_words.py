"""The letters' facts, written part by part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ReleaseScenario, release_scenario

from breachdesk.casework.release import reader_words
from breachdesk.console.screens.cases.facts import list_steps
from breachdesk.testing import make_actor
from schemas.casework.case import ContainmentKind, ContainmentScope, ContainmentStep
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, ReaderStanding
from schemas.customer import DataRole
from schemas.errors import EditConflict, IncompleteDocument
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
GROUP = ExposureWords(
    role=DataRole.CONTROLLER, standing=ReaderStanding.POSSIBLE, what_happened="Of all."
)
OWN = GROUP.model_copy(update={"customer_id": "contoso", "what_happened": "Of Contoso."})


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.freeze()
        yield fresh


def common(scenario: ReleaseScenario, text: str, seen: int) -> NoticeFacts:
    return scenario.store.write(
        lambda uow: reader_words.write_common(
            uow, RESPONDER, scenario.breach.id, text, None, seen=seen, now=scenario.now()
        )
    )


def words(scenario: ReleaseScenario, written: ExposureWords, seen: int) -> NoticeFacts:
    return scenario.store.write(
        lambda uow: reader_words.write_words(
            uow, RESPONDER, scenario.breach.id, written, seen=seen, now=scenario.now()
        )
    )


def test_words_of_readers_wait_for_what_is_true_for_everybody(scenario: ReleaseScenario) -> None:
    with pytest.raises(IncompleteDocument, match="everybody"):
        words(scenario, GROUP, 0)


def test_each_part_is_written_by_itself_and_the_others_stay(scenario: ReleaseScenario) -> None:
    common(scenario, "Somebody signed in.", 0)
    words(scenario, GROUP, 1)
    words(scenario, OWN, 2)
    changed = common(scenario, "Somebody signed in twice.", 1)

    assert changed.version == 4
    assert set(changed.words) == {GROUP, OWN}


def test_a_customers_words_are_taken_away_and_the_groups_stay(scenario: ReleaseScenario) -> None:
    common(scenario, "Somebody signed in.", 0)
    words(scenario, GROUP, 1)
    words(scenario, OWN, 2)
    remaining = scenario.store.write(
        lambda uow: reader_words.remove_words(
            uow, RESPONDER, scenario.breach.id, reader_words.build_key(OWN), scenario.now()
        )
    )

    assert remaining.words == (GROUP,)


def test_words_that_somebody_changed_meanwhile_are_not_written_over(
    scenario: ReleaseScenario,
) -> None:
    common(scenario, "Somebody signed in.", 0)
    words(scenario, GROUP, 1)
    words(scenario, GROUP.model_copy(update={"what_happened": "By a colleague."}), 2)

    with pytest.raises(EditConflict, match="account holders who cannot be ruled out"):
        words(scenario, GROUP.model_copy(update={"what_happened": "By me."}), 2)
    with pytest.raises(EditConflict, match="true for everybody"):
        common(scenario, "Something else.", 0)


@pytest.mark.parametrize(
    ("step", "offered"),
    [
        ({"concerns": ContainmentScope.EVERYTHING}, True),
        ({"concerns": ContainmentScope.CUSTOMERS_DATA}, True),
        ({"concerns": ContainmentScope.CUSTOMERS_DATA, "customers": ("contoso", "fabrikam")}, True),
        ({"concerns": ContainmentScope.CUSTOMERS_DATA, "customers": ("contoso",)}, False),
        ({"concerns": ContainmentScope.OUR_DATA}, False),
        ({"concerns": None}, False),
        ({"concerns": ContainmentScope.EVERYTHING, "done_at": None}, False),
    ],
)
def test_a_containment_step_is_offered_only_to_readers_all_of_whom_it_concerns(
    step: dict[str, Any], offered: bool
) -> None:
    variant = ContainmentStep(
        kind=ContainmentKind.OTHER,
        text="removed the rule",
        done_at=datetime(2026, 11, 23, tzinfo=UTC),
    ).model_copy(update=step)
    key = (DataRole.PROCESSOR, ReaderStanding.REACHED, None)
    possible = (DataRole.PROCESSOR, ReaderStanding.POSSIBLE, None)

    assert bool(list_steps([variant], key, ["contoso", "fabrikam"])) is offered
    assert list_steps([variant], possible, ["contoso"]) == []
