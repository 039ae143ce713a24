"""Somebody was told, and the list excludes them later: they learn that it was not so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from release_scene import ReleaseScene, release_scene
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
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    """Contoso and Fabrikam are possible."""
    with release_scene("sqlite", tmp_path) as made:
        made.write_all()
        yield made


def send_all(scene: ReleaseScene, result: SendResult | None = None) -> None:
    scene.approve()
    for row in scene.due():
        scene.send(row, result) if result else scene.send(row)


def exclude(scene: ReleaseScene, customer: str) -> Manifest:
    """New evidence: only the others stay."""
    scene.customers = tuple(c for c in scene.customers if c != customer)
    return scene.freeze()


def corrected(scene: ReleaseScene) -> None:
    seen = scene.store.read(lambda uow: uow.breaches.find_latest(NoticeFacts, scene.breach.id))
    scene.now.advance(minutes=1)
    scene.store.write(
        lambda uow: reader_words.write_words(
            uow, RESPONDER, scene.breach.id, CORRECTION, seen=seen.version, now=scene.now()
        )
    )


def duty(scene: ReleaseScene) -> Obligation | None:
    every = scene.store.read(
        lambda uow: obligations.list_obligations(uow, scene.breach.id, scene.now())
    )
    return next((each for each in every if each.id == "corrections"), None)


def ready(scene: ReleaseScene) -> LetterSet:
    return scene.store.read(
        lambda uow: render_letters(uow, scene.breach.id, scene.settings, renderer())
    )


def corrections_of(manifest: Manifest) -> set[tuple[str, NoticeKind]]:
    kinds = (NoticeKind.ACCOUNT_HOLDER_CORRECTION, NoticeKind.CONTROLLER_CORRECTION)
    return {(r.customer_id, r.kind) for r in manifest.recipients if r.kind in kinds}


def test_who_was_mailed_and_is_excluded_later_is_owed_a_correction(scene: ReleaseScene) -> None:
    send_all(scene)
    manifest = exclude(scene, "fabrikam")

    assert corrections_of(manifest) == {("fabrikam", NoticeKind.ACCOUNT_HOLDER_CORRECTION)}
    owed = duty(scene)
    assert owed is not None
    assert owed.running
    assert {reader.customer_id for reader in owed.owed} == {"fabrikam"}


@pytest.mark.parametrize(("result", "owed"), [(UNKNOWN, True), (BOUNCED, False), (None, True)])
def test_a_correction_is_owed_to_whoever_may_have_read_the_letter(
    scene: ReleaseScene, result: SendResult | None, owed: bool
) -> None:
    send_all(scene, result)

    assert bool(corrections_of(exclude(scene, "fabrikam"))) is owed


def test_who_was_never_told_is_owed_no_correction(scene: ReleaseScene) -> None:
    assert corrections_of(exclude(scene, "fabrikam")) == set()
    assert duty(scene) is None


def test_a_correction_waits_for_its_words_and_says_what_was_wrong(scene: ReleaseScene) -> None:
    send_all(scene)
    exclude(scene, "fabrikam")
    lacking = ready(scene).missing
    corrected(scene)
    (letter,) = (x for x in ready(scene).rendered if x.customer_id == "fabrikam")

    assert any("told wrongly" in block for block in lacking)
    assert letter.subject.startswith("Correction: ")
    assert "This letter corrects our letter number 1 about the same incident." in letter.text
    assert "This is our letter number 2 about this incident." in letter.text
    assert "your pages were not opened" in letter.text
    assert "was not involved" in " ".join(letter.text.split())


def test_a_correction_leaves_by_the_same_way_and_ends_the_duty(scene: ReleaseScene) -> None:
    send_all(scene)
    exclude(scene, "fabrikam")
    corrected(scene)
    send_all(scene)
    ended = duty(scene)

    assert ended is not None
    assert not ended.running
    assert corrections_of(exclude(scene, "nobody")) == set()


def test_who_is_found_reached_after_all_is_owed_no_correction(scene: ReleaseScene) -> None:
    send_all(scene)
    exclude(scene, "fabrikam")
    scene.possible("fabrikam")

    assert duty(scene) is None


def test_who_was_told_wrongly_twice_is_corrected_twice(scene: ReleaseScene) -> None:
    send_all(scene)
    exclude(scene, "fabrikam")
    corrected(scene)
    send_all(scene)
    scene.possible("fabrikam")
    scene.write()
    send_all(scene)
    manifest = exclude(scene, "fabrikam")

    assert corrections_of(manifest) == {("fabrikam", NoticeKind.ACCOUNT_HOLDER_CORRECTION)}


def test_closing_waits_for_the_correction(scene: ReleaseScene) -> None:
    from breachdesk.casework.closing.closing_blockers import closing_blockers

    send_all(scene)
    exclude(scene, "fabrikam")
    case_id = scene.breach.case_id
    said = scene.store.read(lambda uow: closing_blockers(uow, uow.cases.get(case_id), scene.now()))

    assert any("told wrongly" in str(each).casefold() for each in said)


def test_who_was_corrected_and_is_found_reached_after_all_is_owed_a_letter_again(
    scene: ReleaseScene,
) -> None:
    send_all(scene)
    exclude(scene, "fabrikam")
    corrected(scene)
    send_all(scene)
    scene.possible("fabrikam")
    every = scene.store.read(
        lambda uow: obligations.list_obligations(uow, scene.breach.id, scene.now())
    )
    owed = {r.customer_id for each in every if each.id == "own_promise" for r in each.owed}

    assert owed == {"fabrikam"}
    told, wrongly = scene.store.read(
        lambda uow: compute_told_of_kind(
            uow,
            scene.breach,
            uow.breaches.find_latest(ListOutline, scene.breach.id),
            NoticeKind.ACCOUNT_HOLDER,
        )
    )
    assert (told.people, told.informed_count) == (2, 1)
    assert wrongly.people == 0
