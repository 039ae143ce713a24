"""Whoever knows already what a new version of the facts says to others is not told again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release_scene import ReleaseScene, release_scene
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
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    """Contoso and Fabrikam are possible, and were told."""
    with release_scene("sqlite", tmp_path) as made:
        made.write_all()
        send_all(made)
        yield made


def send_all(scene: ReleaseScene, result: SendResult | None = None) -> None:
    scene.approve()
    for row in scene.due():
        scene.send(row, result) if result else scene.send(row)


def newest(scene: ReleaseScene) -> NoticeFacts:
    facts = scene.store.read(lambda uow: uow.breaches.find_latest(NoticeFacts, scene.breach.id))
    assert facts is not None
    return facts


def words(scene: ReleaseScene, customer: str | None, text: str, **changes: Any) -> None:
    group = next(
        w
        for w in newest(scene).words
        if w.customer_id is None
        and w.role is DataRole.CONTROLLER
        and w.standing is ReaderStanding.POSSIBLE
    )
    said: ExposureWords = group.model_copy(
        update={"customer_id": customer, "what_happened": text, **changes}
    )
    scene.now.advance(minutes=1)
    scene.store.write(
        lambda uow: reader_words.write_words(
            uow, RESPONDER, scene.breach.id, said, seen=newest(scene).version, now=scene.now()
        )
    )


def told_now(scene: ReleaseScene) -> set[str]:
    ready = scene.store.read(
        lambda uow: render_letters(uow, scene.breach.id, scene.settings, renderer())
    )
    return {text.customer_id for text, _ in ready.texts}


def test_words_for_one_customer_tell_nobody_else_again(scene: ReleaseScene) -> None:
    words(scene, "contoso", "Your own page was opened.")

    assert told_now(scene) == {"contoso"}


def test_words_of_a_group_tell_its_readers_but_not_who_has_words_of_its_own(
    scene: ReleaseScene,
) -> None:
    words(scene, "contoso", "Your own page was opened.")
    send_all(scene)
    words(scene, None, "Some pages were opened.")

    assert told_now(scene) == {"fabrikam"}


def test_what_is_true_for_everybody_tells_everybody_again(scene: ReleaseScene) -> None:
    seen = newest(scene).version
    scene.now.advance(minutes=1)
    scene.store.write(
        lambda uow: reader_words.write_common(
            uow, RESPONDER, scene.breach.id, "We know more now.", None, seen=seen, now=scene.now()
        )
    )

    assert told_now(scene) == {"contoso", "fabrikam"}


def test_whose_exposure_has_changed_is_told_though_only_others_words_changed(
    scene: ReleaseScene,
) -> None:
    def sure(uow: Any) -> None:
        exposures = affected_list.propose(uow, scene.breach.id)
        for customer, certainty in (
            ("contoso", Certainty.POSSIBLE), ("fabrikam", Certainty.CONFIRMED)
        ):  # fmt: skip
            exposures = affected_list.override(
                exposures, customer, DataRole.CONTROLLER, certainty, "by the panel's log", RESPONDER
            )
        affected_list.freeze(uow, RESPONDER, scene.breach.id, exposures, scene.now())

    scene.now.advance(minutes=1)
    scene.store.write(sure)
    words(scene, "contoso", "Your own page was opened.")

    assert told_now(scene) == {"contoso", "fabrikam"}


def test_whose_letter_came_back_is_told_though_only_others_words_changed(tmp_path: Path) -> None:
    bounced = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
    with release_scene("sqlite", tmp_path) as scene:
        scene.write_all()
        send_all(scene, bounced)
        words(scene, "contoso", "Your own page was opened.")

        assert told_now(scene) == {"contoso", "fabrikam"}


def test_a_change_that_was_never_sent_still_reaches_its_reader_later(scene: ReleaseScene) -> None:
    words(scene, "fabrikam", "Fabrikam's page was opened.")
    words(scene, "contoso", "Your own page was opened.")

    assert told_now(scene) == {"contoso", "fabrikam"}


def test_a_correction_tells_nobody_else_again_and_is_sent_once(scene: ReleaseScene) -> None:
    scene.customers = ("contoso",)
    scene.freeze()
    correction = {"standing": ReaderStanding.CORRECTED, "steps": ("Do nothing more.",)}
    words(scene, None, "The log is whole; your pages were not opened.", **correction)
    first = told_now(scene)
    send_all(scene)
    words(scene, "contoso", "Your own page was opened.")

    assert first == {"fabrikam"}
    assert told_now(scene) == {"contoso"}
