"""The witness of a broken glass: from the settings alone, an outsider, and told before letters
go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from release_scene import ReleaseScene, release_scene

from breachdesk.casework.release import notice_facts, witness
from breachdesk.testing import make_user
from schemas.casework.notice import DeliveryStatus, NoticeRow, SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.errors import IncompleteDocument, NotAllowed
from schemas.user import Permission

BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
UNKNOWN = SendResult(outcome=SendOutcome.UNKNOWN)
DEFERRED = SendResult(outcome=SendOutcome.DEFERRED, reply="451 4.7.1")
DELAY = timedelta(minutes=15)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    """rowan wrote everything; no other approver can sign in."""
    with release_scene("sqlite", tmp_path) as opened:
        for user in ("avery", "blake"):
            off = make_user(user).model_copy(update={"disabled": True})
            opened.store.write(lambda uow, off=off: uow.users.save(off))
        opened.write_all()
        yield opened


def nominate(scene: ReleaseScene, address: str) -> None:
    profile = scene.settings.profile.model_copy(update={"witness_email": address})
    scene.settings = scene.settings.model_copy(update={"profile": profile})


def message(scene: ReleaseScene) -> NoticeRow:
    return [row for row in scene.rows() if row.kind is NoticeKind.WITNESS][-1]


def letters_due(scene: ReleaseScene) -> list[NoticeRow]:
    return [row for row in scene.due() if row.kind is not NoticeKind.WITNESS]


def letters_that_begin(scene: ReleaseScene) -> int:
    """Tried past the queue, as a dispatcher with an old list would."""
    letters = [row for row in scene.rows() if row.kind is not NoticeKind.WITNESS]
    return sum(scene.send(row) for row in letters)


def tell_again(scene: ReleaseScene, by: str = "rowan") -> NoticeRow:
    actor = scene.as_actor(by, Permission.APPROVER)
    return scene.store.write(
        lambda uow: witness.tell_witness_again(
            uow, actor, scene.breach.id, scene.settings, scene.now()
        )
    )


def test_letters_leave_when_the_delay_is_over_since_the_message_was_handed_over(
    scene: ReleaseScene,
) -> None:
    scene.break_glass()
    scene.now.advance(minutes=50)
    before = letters_that_begin(scene)
    scene.send(message(scene))
    scene.now.advance(minutes=14)
    early = (letters_due(scene), letters_that_begin(scene))
    scene.now.advance(minutes=1)

    assert (before, early) == (0, ([], 0))
    assert len(letters_due(scene)) == letters_that_begin(scene) == 2


@pytest.mark.parametrize("end", [BOUNCED, UNKNOWN, DEFERRED])
def test_letters_stay_while_the_message_was_not_handed_over(
    scene: ReleaseScene, end: SendResult
) -> None:
    scene.break_glass()
    scene.send(message(scene), end)
    scene.now.advance(hours=20)

    assert letters_due(scene) == []
    assert letters_that_begin(scene) == 0


@pytest.mark.parametrize("end", [BOUNCED, UNKNOWN])
def test_a_message_that_did_not_arrive_opens_a_task(scene: ReleaseScene, end: SendResult) -> None:
    scene.break_glass()
    scene.send(message(scene), end)

    assert [task for task in scene.tasks() if task.startswith("witness-")]


def test_a_bounce_that_comes_after_the_hand_over_stops_what_has_not_left(
    scene: ReleaseScene,
) -> None:
    scene.break_glass()
    row = message(scene)
    scene.send(row)
    analyst = scene.as_actor("ana", Permission.ANALYST)
    scene.now.advance(minutes=14)
    scene.store.write(
        lambda uow: notice_facts.record_bounce(
            uow, analyst, row.id, "550 no such user", scene.now()
        )
    )
    scene.now.advance(hours=1)

    assert letters_that_begin(scene) == 0


def test_another_message_to_a_corrected_address_lets_the_letters_leave(
    scene: ReleaseScene,
) -> None:
    scene.break_glass()
    scene.send(message(scene), BOUNCED)
    nominate(scene, "auditor@elsewhere.example")
    again = tell_again(scene)
    begun = scene.outbox.start_attempt(again.id, "w2", "boot-1", scene.now())
    assert begun is not None
    scene.outbox.finish_attempt(
        again.id, "w2", SendResult(outcome=SendOutcome.HANDED_OVER), scene.now(), None
    )
    scene.now.advance(minutes=15)
    (entry,) = scene.audited("breach:witness:told_again")
    sealed = scene.store.read(lambda uow: uow.audit.decrypt_personal(entry))

    assert begun.to_email == "auditor@elsewhere.example"
    assert sealed == {"witness": "auditor@elsewhere.example"}
    assert entry.actor == "rowan"
    assert letters_that_begin(scene) == 2


def test_a_message_goes_where_it_was_addressed_whatever_the_settings_say_later(
    scene: ReleaseScene,
) -> None:
    scene.break_glass()
    row = message(scene)
    nominate(scene, "friend@elsewhere.example")
    begun = scene.outbox.start_attempt(row.id, "w1", "boot-1", scene.now())

    assert begun is not None
    assert begun.to_email == "trustee@outside.example"


@pytest.mark.parametrize("status", [DeliveryStatus.QUEUED, DeliveryStatus.HANDED_OVER])
def test_no_second_message_while_the_first_is_under_way_or_arrived(
    scene: ReleaseScene, status: DeliveryStatus
) -> None:
    scene.break_glass()
    if status is DeliveryStatus.HANDED_OVER:
        scene.send(message(scene))

    with pytest.raises(NotAllowed, match="under way or was handed over"):
        tell_again(scene)


def test_nobody_is_told_again_where_nobody_released_alone(scene: ReleaseScene) -> None:
    with pytest.raises(NotAllowed, match="nobody released alone"):
        tell_again(scene)


@pytest.mark.parametrize("act", ["resolve", "acknowledge"])
def test_who_broke_the_glass_does_not_say_that_the_message_arrived(
    scene: ReleaseScene, act: str
) -> None:
    scene.break_glass("rowan")
    row = message(scene)
    scene.send(row, UNKNOWN)

    def settle(by: str) -> None:
        who = scene.as_actor(by, Permission.RESPONDER)
        if act == "resolve":
            scene.store.write(
                lambda uow: notice_facts.resolve_unknown(
                    uow, who, row.id, DeliveryStatus.HANDED_OVER, "250 in the log", scene.now()
                )
            )
        else:
            scene.store.write(
                lambda uow: notice_facts.acknowledge_notice(uow, who, row.id, scene.now())
            )

    with pytest.raises(NotAllowed, match="does not settle the message to the witness"):
        settle("rowan")
    scene.now.advance(minutes=30)
    settle("colleague")
    early = letters_that_begin(scene)
    scene.now.advance(minutes=15)

    assert early == 0, "the delay runs from when it was known to have arrived"
    assert letters_that_begin(scene) == 2


def test_the_witness_reads_that_the_same_person_wrote_what_is_released(
    scene: ReleaseScene,
) -> None:
    approval = scene.break_glass("rowan")
    text = witness.render_witness_letter(approval, drill=False).text
    (entry,) = scene.audited("breach:release:glass_broken")

    assert "The same person also confirmed the breach, wrote the letters" in text
    assert "wrote the letters" in entry.facts["own_work"]
    assert not any(name in text for name in ("Contoso", "Fabrikam"))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("rowan@penhallow.example", "our own domain"),
        ("anybody@mail.penhallow.example", "our own domain"),
        ("ROWAN+private@outside.example", "somebody who has an account"),
        ("sam.field@outside.example", "somebody who has an account"),
        ("one@outside.example, two@outside.example", "not one mail address"),
        ("trustee", "not one mail address"),
        ("accounts@contoso.example", "one of those who are told"),
    ],
)
def test_a_witness_who_is_no_outsider_is_refused(
    scene: ReleaseScene, address: str, why: str
) -> None:
    nominate(scene, address)

    with pytest.raises(NotAllowed, match=why):
        scene.break_glass()
    assert scene.rows() == []


def test_without_a_nominated_witness_the_glass_stays_whole(scene: ReleaseScene) -> None:
    nominate(scene, " ")

    with pytest.raises(IncompleteDocument, match="no outsider is nominated"):
        scene.break_glass()
