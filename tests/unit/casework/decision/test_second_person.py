"""Who had a hand in a release does not approve it, however the hand is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from release_scene import ASSETS, CONTOSO, FABRIKAM, ReleaseScene, release_scene

from breachdesk.casework.affected.contact_changes import find_former_numbers, list_suspect_changes
from breachdesk.testing import make_user
from schemas.audit_actions import AuditAction
from schemas.casework.approval import ApprovalKind
from schemas.casework.notice import DeliveryStatus, SendOutcome, SendResult
from schemas.errors import EditConflict, NotAllowed
from schemas.user import Permission

REFUSED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    with release_scene("sqlite", tmp_path) as opened:
        opened.write_all()
        yield opened


def test_who_had_no_hand_in_it_approves(scene: ReleaseScene) -> None:
    assert scene.writers().keys() == {"rowan"}
    assert scene.approve("avery").approved_by == "avery"


def test_a_text_filed_again_unchanged_takes_nobody_out(scene: ReleaseScene) -> None:
    scene.write("avery")
    scene.write("blake")

    with pytest.raises(NotAllowed, match="who wrote the letters does not approve"):
        scene.approve("avery")


def test_a_decision_filed_again_takes_nobody_out(scene: ReleaseScene) -> None:
    scene.decide("avery")
    scene.decide("rowan")

    with pytest.raises(NotAllowed, match="wrote the decision"):
        scene.approve("avery")


def test_a_list_frozen_again_takes_nobody_out(scene: ReleaseScene) -> None:
    scene.freeze("avery")
    scene.freeze("rowan")
    scene.decide("rowan")

    with pytest.raises(NotAllowed, match="froze the affected list"):
        scene.approve("avery")


def test_who_decided_on_a_customer_in_a_list_that_another_froze_does_not_approve(
    scene: ReleaseScene,
) -> None:
    scene.freeze("rowan", decided_by="avery")
    scene.decide("rowan")

    with pytest.raises(NotAllowed, match="changed who is affected"):
        scene.approve("avery")


def test_after_a_release_by_two_the_readers_of_before_may_write_and_the_writers_approve(
    scene: ReleaseScene,
) -> None:
    scene.approve("avery")
    for row in scene.due():
        scene.send(row)
    scene.now.advance(days=1)
    scene.write_all("blake")
    scene.breach = scene.store.read(lambda uow: uow.breaches.get(scene.breach.id))

    assert "avery" not in scene.writers()
    assert scene.writers()["rowan"] == ("confirmed the breach",)


def test_an_approval_under_which_nothing_left_ends_nothing(scene: ReleaseScene) -> None:
    scene.write("blake")
    scene.approve("avery")
    for row in scene.due():
        scene.send(row, REFUSED)
    scene.write("rowan")

    assert "wrote the letters" in scene.writers()["blake"]


def test_letters_that_one_person_released_alone_were_read_by_nobody(
    scene: ReleaseScene,
) -> None:
    for user in ("avery", "blake"):
        scene.store.write(
            lambda uow, user=user: uow.users.save(
                make_user(user).model_copy(update={"disabled": True})
            )
        )
    scene.break_glass("rowan")
    for row in scene.due():
        scene.send(row)
    scene.now.advance(hours=1)
    sent = [scene.send(row) for row in scene.due()]
    scene.write("blake")

    assert sent == [True, True]
    assert "wrote the letters" in scene.writers()["rowan"]


def test_who_changed_an_address_of_a_recipient_does_not_approve(scene: ReleaseScene) -> None:
    scene.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
    scene.freeze()
    scene.decide()

    with pytest.raises(NotAllowed, match="changed the contact of contoso does not approve"):
        scene.approve("avery")
    assert scene.approve("blake")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("accounts@contoso", "me@contoso"),
        ("Jo Mason", "Mo Jason"),
        ("01632 960001", "01632 960009"),
        ("en-GB", "cy-GB"),
        ("Contoso Ltd", "Kontoso Ltd"),
    ],
)
def test_every_field_of_a_contact_counts_also_when_it_was_changed_back(
    scene: ReleaseScene, old: str, new: str
) -> None:
    scene.imports(CONTOSO.replace(old, new), by="avery")
    scene.imports(CONTOSO, by="blake")
    scene.freeze()
    scene.decide()

    for user in ("avery", "blake"):
        with pytest.raises(NotAllowed, match="changed the contact"):
            scene.approve(user)


def test_importing_what_stands_there_already_makes_nobody_a_writer(scene: ReleaseScene) -> None:
    scene.imports(CONTOSO + FABRIKAM, by="avery")

    assert scene.approve("avery")


def test_who_changed_a_contact_of_somebody_who_is_not_told_may_approve(
    scene: ReleaseScene,
) -> None:
    scene.imports("tailspin,Tailspin Ltd,x@tailspin.example,,Al Post,en-GB\n", by="avery")
    scene.freeze()
    scene.decide()

    assert scene.approve("avery")


@pytest.mark.parametrize("who", ["contoso", "provider"])
def test_who_changed_whose_an_asset_is_does_not_approve(scene: ReleaseScene, who: str) -> None:
    """Whoever takes an asset away from a customer takes them off the list."""
    scene.imports(f"{who},mailbox,jo@contoso.example,hosted mailbox\n", by="avery", header=ASSETS)
    scene.freeze()
    scene.decide()

    with pytest.raises(NotAllowed, match="whose assets are whose"):
        scene.approve("avery")


def test_a_contact_changed_days_before_the_incident_counts(tmp_path: Path) -> None:
    with release_scene("sqlite", tmp_path) as early:
        early.now.advance(days=-29)
        early.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
        early.now.advance(days=29)
        early.write_all()

        with pytest.raises(NotAllowed, match="changed the contact of contoso"):
            early.approve("avery")


def test_a_contact_changed_long_before_the_incident_does_not_count(tmp_path: Path) -> None:
    with release_scene("sqlite", tmp_path) as early:
        early.now.advance(days=-31)
        early.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
        early.now.advance(days=31)
        early.write_all()

        assert early.approve("avery")


def test_a_clock_that_was_set_back_hides_no_change(scene: ReleaseScene) -> None:
    scene.open_in_the_audit()
    scene.now.advance(days=-300)
    scene.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
    scene.now.advance(days=300)
    scene.freeze()
    scene.decide()

    with pytest.raises(NotAllowed, match="changed the contact of contoso"):
        scene.approve("avery")
    assert [task for task in scene.tasks() if task.startswith("contacts-")]


def test_an_import_of_the_version_that_named_no_customers_counts_for_all_of_them(
    scene: ReleaseScene,
) -> None:
    scene.store.write(
        lambda uow: uow.audit.record(
            at=scene.now(),
            actor="avery",
            action=AuditAction.REGISTER_CUSTOMERS_IMPORTED,
            subject="customers",
            facts={"rows": 2, "added": 0, "changed": 1, "unchanged": 1, "refused": 0},
        )
    )

    with pytest.raises(NotAllowed, match="imported customers before each change was written"):
        scene.approve("avery")


def test_who_recorded_a_report_that_the_letters_mention_does_not_approve(
    scene: ReleaseScene,
) -> None:
    scene.submit("avery")

    with pytest.raises(NotAllowed, match="recorded a report"):
        scene.approve("avery")


def test_a_contact_changed_after_the_freeze_stops_approval_until_it_is_frozen_again(
    scene: ReleaseScene,
) -> None:
    shown = scene.seal()
    scene.imports(CONTOSO.replace("accounts@", "new@"), by="reg")

    with pytest.raises(NotAllowed, match="another contact than the frozen list for contoso"):
        scene.approve("avery", shown)
    scene.freeze()
    scene.decide()
    assert scene.approve("avery")


def test_a_contact_changed_after_approval_holds_its_own_letter_and_a_person_telephones(
    scene: ReleaseScene,
) -> None:
    scene.approve("avery")
    scene.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
    sent = {row.customer_id: scene.send(row) for row in scene.due()}

    assert sent == {"contoso": False, "fabrikam": True}
    held = next(row for row in scene.rows() if row.customer_id == "contoso")
    assert (held.status, "another name or address" in held.status_reason) == (
        DeliveryStatus.SKIPPED,
        True,
    )
    assert [task for task in scene.tasks() if task.startswith("call-") and "contoso" in task]


def test_a_changed_contact_becomes_a_task_with_the_number_held_before(
    scene: ReleaseScene,
) -> None:
    changed = CONTOSO.replace("accounts@", "new@").replace("960001", "960666")
    scene.imports(changed, by="mallory")
    scene.freeze()
    (task,) = [t for t in scene.tasks().values() if t.id.startswith("contacts-")]

    assert "by mallory" in task.script
    assert "default_email: accounts@contoso.example → new@contoso.example" in task.script
    assert "Number before: 01632 960001" in task.script
    assert "fabrikam" not in task.script
    assert "@" not in task.id + task.title + task.reason


@pytest.mark.parametrize("first", ["address", "number"])
def test_a_contact_changed_in_two_steps_is_told_with_the_number_held_before_both(
    scene: ReleaseScene, first: str
) -> None:
    steps = {"address": ("accounts@", "new@"), "number": ("960001", "960666")}
    between = CONTOSO.replace(*steps.pop(first))
    scene.imports(between, by="mallory")
    scene.imports(between.replace(*steps.popitem()[1]), by="mallory")
    scene.freeze()
    (task,) = [t for t in scene.tasks().values() if t.id.startswith("contacts-")]

    assert task.script.count("Number before: 01632 960001") == 2
    assert "Number before: 01632 960666" not in task.script


def test_a_customer_added_during_the_incident_and_changed_has_no_number_to_ring(
    scene: ReleaseScene,
) -> None:
    scene.imports("evil,Evil Ltd,a@evil.example,01632 960666,Eve,en-GB\n", by="mallory")
    scene.imports("evil,Evil Ltd,b@evil.example,01632 960666,Eve,en-GB\n", by="mallory")
    changes = scene.store.read(
        lambda uow: list_suspect_changes(uow, scene.breach, ["evil"], scene.settings.notices)
    )

    assert len(changes) == 2
    assert scene.store.read(lambda uow: find_former_numbers(uow, changes)) == {"evil": ""}


def test_the_same_seal_is_not_approved_twice(scene: ReleaseScene) -> None:
    first = scene.approve("avery")

    for user in ("avery", "blake"):
        with pytest.raises(EditConflict, match=r"approval 1, given by avery .* stands"):
            scene.approve(user)
    assert first.version == 1
    assert len(scene.audited("breach:release:approved")) == 1


def test_a_new_approval_is_possible_once_something_changed(scene: ReleaseScene) -> None:
    scene.approve("avery")
    scene.write(contained=True)

    assert scene.approve("avery").version == 2


def test_letters_that_expired_may_be_approved_again(scene: ReleaseScene) -> None:
    scene.approve("avery")
    scene.now.advance(hours=73)
    assert scene.due() == []

    assert scene.approve("avery").version == 2
    assert {row.status for row in scene.rows()} == {DeliveryStatus.QUEUED}


def test_a_second_person_joins_one_who_broke_the_glass_and_not_the_other_way_round(
    scene: ReleaseScene,
) -> None:
    for user in ("avery", "blake"):
        off = make_user(user).model_copy(update={"disabled": True})
        scene.store.write(lambda uow, off=off: uow.users.save(off))
    scene.break_glass("rowan")
    with pytest.raises(EditConflict, match="given by rowan"):
        scene.break_glass("rowan")
    scene.store.write(lambda uow: uow.users.save(make_user("avery")))

    assert scene.approve("avery").kind is ApprovalKind.SECOND_PERSON
    with pytest.raises((EditConflict, NotAllowed)):
        scene.break_glass("rowan")
    assert [row.customer_id for row in scene.due() if row.customer_id != "provider"] == [
        "contoso",
        "fabrikam",
    ]


@pytest.mark.parametrize(
    ("change", "counts"),
    [({"disabled": True}, False), ({"demo": True}, False), ({}, True)],
)
def test_only_approvers_who_can_sign_in_keep_the_glass_whole(
    scene: ReleaseScene, change: dict[str, bool], counts: bool
) -> None:
    def only(uow) -> None:
        uow.users.save(make_user("blake", Permission.RESPONDER))
        uow.users.save(make_user("avery", Permission.APPROVER).model_copy(update=change))

    scene.store.write(only)
    if counts:
        with pytest.raises(NotAllowed, match="avery may approve"):
            scene.break_glass("rowan")
    else:
        assert scene.break_glass("rowan")


def test_where_every_other_approver_had_a_hand_in_it_the_glass_may_be_broken(
    scene: ReleaseScene,
) -> None:
    for user in ("avery", "blake"):
        scene.write(user)

    assert scene.break_glass("rowan").kind is ApprovalKind.BREAK_GLASS
