"""Somebody was told, and a later list says more of them: they are told that too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ReleaseScenario, release_scenario

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list
from breachdesk.casework.closing.closing_blockers import closing_blockers
from breachdesk.casework.obligations.new_evidence import is_graver
from breachdesk.testing import make_actor
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty, Exposure
from schemas.casework.obligation import Obligation
from schemas.customer import DataCategory, DataRole
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
SEEN = {DataCategory.CONTACT: {BreachEffect.SEEN: EffectCertainty.POSSIBLE}}


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Contoso and Fabrikam are possible, and were told."""
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.write_all()
        send_all(fresh)
        yield fresh


def send_all(scenario: ReleaseScenario) -> None:
    scenario.approve()
    for row in scenario.due():
        assert scenario.send(row)


def freeze(scenario: ReleaseScenario, certainties: Mapping[str, Certainty]) -> None:
    def work(uow: Any) -> None:
        exposures = affected_list.propose(uow, scenario.breach.id)
        for customer, certainty in certainties.items():
            exposures = affected_list.override(
                exposures, customer, DataRole.CONTROLLER, certainty, "by the panel's log", RESPONDER
            )
        affected_list.freeze(uow, RESPONDER, scenario.breach.id, exposures, scenario.now())

    scenario.now.advance(minutes=1)
    scenario.store.write(work)


def duty(scenario: ReleaseScenario) -> Obligation | None:
    every = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return next((each for each in every if each.id == "new_evidence"), None)


def test_a_list_that_says_no_more_brings_no_duty(scenario: ReleaseScenario) -> None:
    freeze(scenario, {"contoso": Certainty.POSSIBLE, "fabrikam": Certainty.POSSIBLE})

    assert duty(scenario) is None


def test_who_was_told_of_a_doubt_is_owed_the_certainty_until_it_is_told(
    scenario: ReleaseScenario,
) -> None:
    freeze(scenario, {"contoso": Certainty.POSSIBLE, "fabrikam": Certainty.CONFIRMED})
    owed = duty(scenario)
    case_id = scenario.breach.case_id
    kept_open = scenario.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(case_id), scenario.now())
    )
    scenario.write()
    send_all(scenario)
    ended = duty(scenario)

    assert owed is not None
    assert [reader.customer_id for reader in owed.owed] == ["fabrikam"]
    assert any("newest list says more" in str(each) for each in kept_open)
    assert ended is not None
    assert ended.ended_at is not None


def test_nobody_is_owed_more_who_was_told_nothing_yet(tmp_path: Path) -> None:
    with release_scenario("sqlite", tmp_path) as scenario:
        scenario.write_all()
        freeze(scenario, {"contoso": Certainty.CONFIRMED, "fabrikam": Certainty.CONFIRMED})

        assert duty(scenario) is None


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ({}, False),
        ({"certainty": Certainty.CONFIRMED}, True),
        ({"effects": SEEN | {DataCategory.FINANCIAL: {}}}, True),
        ({"effects": {DataCategory.CONTACT: {BreachEffect.SEEN: EffectCertainty.HAPPENED}}}, True),
        ({"effects": {DataCategory.CONTACT: SEEN[DataCategory.CONTACT] | {BreachEffect.LOST: EffectCertainty.POSSIBLE}}}, True),
        ({"effects": {DataCategory.CONTACT: {}}}, False),
        ({"reason": "in other words", "decided_by": "rowan"}, False),
    ],
)  # fmt: skip
def test_a_list_says_more_when_it_is_surer_or_names_further_data_or_effects(
    change: dict[str, Any], more: bool
) -> None:
    exposure = Exposure(
        customer_id="contoso", role=DataRole.CONTROLLER, certainty=Certainty.POSSIBLE,
        reason="a gap", effects=SEEN,
    )  # fmt: skip

    assert is_graver(exposure.model_copy(update=change), exposure) is more
