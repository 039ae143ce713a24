"""The letters' facts, written part by part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from release_scene import ReleaseScene, release_scene

from breachdesk.casework import readers_words
from breachdesk.console.facts import steps_for
from breachdesk.testing import an_actor
from schemas.case import Concern, Containment, ContainmentKind
from schemas.customer import Role
from schemas.errors import Conflict, Incomplete
from schemas.letter_facts import ExposureWords, NoticeFacts, Standing
from schemas.user import Duty

RESPONDER = an_actor(Duty.RESPONDER, user_id="rowan")
GROUP = ExposureWords(role=Role.CONTROLLER, standing=Standing.POSSIBLE, what_happened="Of all.")
OWN = GROUP.model_copy(update={"customer_id": "contoso", "what_happened": "Of Contoso."})


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    with release_scene("sqlite", tmp_path) as made:
        made.freeze()
        yield made


def common(scene: ReleaseScene, text: str, seen: int) -> NoticeFacts:
    return scene.store.act(
        lambda uow: readers_words.write_common(
            uow, RESPONDER, scene.breach.id, text, None, seen=seen, now=scene.now()
        )
    )


def words(scene: ReleaseScene, written: ExposureWords, seen: int) -> NoticeFacts:
    return scene.store.act(
        lambda uow: readers_words.write_words(
            uow, RESPONDER, scene.breach.id, written, seen=seen, now=scene.now()
        )
    )


def test_words_of_readers_wait_for_what_is_true_for_everybody(scene: ReleaseScene) -> None:
    with pytest.raises(Incomplete, match="everybody"):
        words(scene, GROUP, 0)


def test_each_part_is_written_by_itself_and_the_others_stay(scene: ReleaseScene) -> None:
    common(scene, "Somebody signed in.", 0)
    words(scene, GROUP, 1)
    words(scene, OWN, 2)
    changed = common(scene, "Somebody signed in twice.", 1)

    assert changed.version == 4
    assert set(changed.words) == {GROUP, OWN}


def test_a_customers_words_are_taken_away_and_the_groups_stay(scene: ReleaseScene) -> None:
    common(scene, "Somebody signed in.", 0)
    words(scene, GROUP, 1)
    words(scene, OWN, 2)
    left = scene.store.act(
        lambda uow: readers_words.remove_words(
            uow, RESPONDER, scene.breach.id, readers_words.key_of(OWN), scene.now()
        )
    )

    assert left.words == (GROUP,)


def test_words_that_somebody_changed_meanwhile_are_not_written_over(scene: ReleaseScene) -> None:
    common(scene, "Somebody signed in.", 0)
    words(scene, GROUP, 1)
    words(scene, GROUP.model_copy(update={"what_happened": "By a colleague."}), 2)

    with pytest.raises(Conflict, match="account holders who cannot be ruled out"):
        words(scene, GROUP.model_copy(update={"what_happened": "By me."}), 2)
    with pytest.raises(Conflict, match="true for everybody"):
        common(scene, "Something else.", 0)


@pytest.mark.parametrize(
    ("step", "offered"),
    [
        ({"concerns": Concern.EVERYTHING}, True),
        ({"concerns": Concern.CUSTOMERS_DATA}, True),
        ({"concerns": Concern.CUSTOMERS_DATA, "customers": ("contoso", "fabrikam")}, True),
        ({"concerns": Concern.CUSTOMERS_DATA, "customers": ("contoso",)}, False),
        ({"concerns": Concern.OUR_DATA}, False),
        ({"concerns": None}, False),
        ({"concerns": Concern.EVERYTHING, "done_at": None}, False),
    ],
)
def test_a_containment_step_is_offered_only_to_readers_all_of_whom_it_concerns(
    step: dict[str, Any], offered: bool
) -> None:
    done = Containment(
        kind=ContainmentKind.OTHER,
        text="removed the rule",
        done_at=datetime(2026, 11, 23, tzinfo=UTC),
    ).model_copy(update=step)
    key = (Role.PROCESSOR, Standing.REACHED, None)
    possible = (Role.PROCESSOR, Standing.POSSIBLE, None)

    assert bool(steps_for([done], key, ["contoso", "fabrikam"])) is offered
    assert steps_for([done], possible, ["contoso"]) == []
