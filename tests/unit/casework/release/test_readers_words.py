"""The letters' facts, written part by part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from release_scene import ReleaseScene, release_scene

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
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    with release_scene("sqlite", tmp_path) as made:
        made.freeze()
        yield made


def common(scene: ReleaseScene, text: str, seen: int) -> NoticeFacts:
    return scene.store.write(
        lambda uow: reader_words.write_common(
            uow, RESPONDER, scene.breach.id, text, None, seen=seen, now=scene.now()
        )
    )


def words(scene: ReleaseScene, written: ExposureWords, seen: int) -> NoticeFacts:
    return scene.store.write(
        lambda uow: reader_words.write_words(
            uow, RESPONDER, scene.breach.id, written, seen=seen, now=scene.now()
        )
    )


def test_words_of_readers_wait_for_what_is_true_for_everybody(scene: ReleaseScene) -> None:
    with pytest.raises(IncompleteDocument, match="everybody"):
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
    left = scene.store.write(
        lambda uow: reader_words.remove_words(
            uow, RESPONDER, scene.breach.id, reader_words.build_key(OWN), scene.now()
        )
    )

    assert left.words == (GROUP,)


def test_words_that_somebody_changed_meanwhile_are_not_written_over(scene: ReleaseScene) -> None:
    common(scene, "Somebody signed in.", 0)
    words(scene, GROUP, 1)
    words(scene, GROUP.model_copy(update={"what_happened": "By a colleague."}), 2)

    with pytest.raises(EditConflict, match="account holders who cannot be ruled out"):
        words(scene, GROUP.model_copy(update={"what_happened": "By me."}), 2)
    with pytest.raises(EditConflict, match="true for everybody"):
        common(scene, "Something else.", 0)


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
    done = ContainmentStep(
        kind=ContainmentKind.OTHER,
        text="removed the rule",
        done_at=datetime(2026, 11, 23, tzinfo=UTC),
    ).model_copy(update=step)
    key = (DataRole.PROCESSOR, ReaderStanding.REACHED, None)
    possible = (DataRole.PROCESSOR, ReaderStanding.POSSIBLE, None)

    assert bool(list_steps([done], key, ["contoso", "fabrikam"])) is offered
    assert list_steps([done], possible, ["contoso"]) == []
