"""Who had a hand in a release does not approve it, however the hand is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from release_scenario import ASSETS, CONTOSO, FABRIKAM, ReleaseScenario, release_scenario

from breachdesk.casework.affected.contact_changes import find_former_numbers, list_suspect_changes
from breachdesk.testing import make_user
from schemas.audit_actions import AuditAction
from schemas.casework.approval import ApprovalKind
from schemas.casework.notice import DeliveryStatus, SendOutcome, SendResult
from schemas.errors import EditConflict, NotAllowed
from schemas.user import Permission

REFUSED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    with release_scenario("sqlite", tmp_path) as opened:
        opened.write_all()
        yield opened


def test_who_had_no_hand_in_it_approves(scenario: ReleaseScenario) -> None:
    assert scenario.writers().keys() == {"rowan"}
    assert scenario.approve("avery").approved_by == "avery"


def test_a_text_filed_again_unchanged_takes_nobody_out(scenario: ReleaseScenario) -> None:
    scenario.write("avery")
    scenario.write("blake")

    with pytest.raises(NotAllowed, match="who wrote the letters does not approve"):
        scenario.approve("avery")


def test_a_decision_filed_again_takes_nobody_out(scenario: ReleaseScenario) -> None:
    scenario.decide("avery")
    scenario.decide("rowan")

    with pytest.raises(NotAllowed, match="wrote the decision"):
        scenario.approve("avery")


def test_a_list_frozen_again_takes_nobody_out(scenario: ReleaseScenario) -> None:
    scenario.freeze("avery")
    scenario.freeze("rowan")
    scenario.decide("rowan")

    with pytest.raises(NotAllowed, match="froze the affected list"):
        scenario.approve("avery")


def test_who_decided_on_a_customer_in_a_list_that_another_froze_does_not_approve(
    scenario: ReleaseScenario,
) -> None:
    scenario.freeze("rowan", decided_by="avery")
    scenario.decide("rowan")

    with pytest.raises(NotAllowed, match="changed who is affected"):
        scenario.approve("avery")


def test_after_a_release_by_two_the_readers_of_before_may_write_and_the_writers_approve(
    scenario: ReleaseScenario,
) -> None:
    scenario.approve("avery")
    for row in scenario.due():
        scenario.send(row)
    scenario.now.advance(days=1)
    scenario.write_all("blake")
    scenario.breach = scenario.store.read(lambda uow: uow.breaches.get(scenario.breach.id))

    assert "avery" not in scenario.writers()
    assert scenario.writers()["rowan"] == ("confirmed the breach",)


def test_an_approval_under_which_nothing_left_ends_nothing(scenario: ReleaseScenario) -> None:
    scenario.write("blake")
    scenario.approve("avery")
    for row in scenario.due():
        scenario.send(row, REFUSED)
    scenario.write("rowan")

    assert "wrote the letters" in scenario.writers()["blake"]


def test_letters_that_one_person_released_alone_were_read_by_nobody(
    scenario: ReleaseScenario,
) -> None:
    for user in ("avery", "blake"):
        scenario.store.write(
            lambda uow, user=user: uow.users.save(
                make_user(user).model_copy(update={"disabled": True})
            )
        )
    scenario.break_glass("rowan")
    for row in scenario.due():
        scenario.send(row)
    scenario.now.advance(hours=1)
    sent = [scenario.send(row) for row in scenario.due()]
    scenario.write("blake")

    assert sent == [True, True]
    assert "wrote the letters" in scenario.writers()["rowan"]


def test_who_changed_an_address_of_a_recipient_does_not_approve(scenario: ReleaseScenario) -> None:
    scenario.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
    scenario.freeze()
    scenario.decide()

    with pytest.raises(NotAllowed, match="changed the contact of contoso does not approve"):
        scenario.approve("avery")
    assert scenario.approve("blake")


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
    scenario: ReleaseScenario, old: str, new: str
) -> None:
    scenario.imports(CONTOSO.replace(old, new), by="avery")
    scenario.imports(CONTOSO, by="blake")
    scenario.freeze()
    scenario.decide()

    for user in ("avery", "blake"):
        with pytest.raises(NotAllowed, match="changed the contact"):
            scenario.approve(user)


def test_importing_what_is_there_already_makes_nobody_a_writer(
    scenario: ReleaseScenario,
) -> None:
    scenario.imports(CONTOSO + FABRIKAM, by="avery")

    assert scenario.approve("avery")


def test_who_changed_a_contact_of_somebody_who_is_not_told_may_approve(
    scenario: ReleaseScenario,
) -> None:
    scenario.imports("tailspin,Tailspin Ltd,x@tailspin.example,,Al Post,en-GB\n", by="avery")
    scenario.freeze()
    scenario.decide()

    assert scenario.approve("avery")


@pytest.mark.parametrize("who", ["contoso", "provider"])
def test_who_changed_whose_an_asset_is_does_not_approve(
    scenario: ReleaseScenario, who: str
) -> None:
    """Whoever takes an asset away from a customer takes them off the list."""
    scenario.imports(
        f"{who},mailbox,jo@contoso.example,hosted mailbox\n", by="avery", header=ASSETS
    )
    scenario.freeze()
    scenario.decide()

    with pytest.raises(NotAllowed, match="whose assets are whose"):
        scenario.approve("avery")


def test_a_contact_changed_days_before_the_incident_counts(tmp_path: Path) -> None:
    with release_scenario("sqlite", tmp_path) as early:
        early.now.advance(days=-29)
        early.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
        early.now.advance(days=29)
        early.write_all()

        with pytest.raises(NotAllowed, match="changed the contact of contoso"):
            early.approve("avery")


def test_a_contact_changed_long_before_the_incident_does_not_count(tmp_path: Path) -> None:
    with release_scenario("sqlite", tmp_path) as early:
        early.now.advance(days=-31)
        early.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
        early.now.advance(days=31)
        early.write_all()

        assert early.approve("avery")


def test_a_clock_that_was_set_back_hides_no_change(scenario: ReleaseScenario) -> None:
    scenario.open_in_the_audit()
    scenario.now.advance(days=-300)
    scenario.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
    scenario.now.advance(days=300)
    scenario.freeze()
    scenario.decide()

    with pytest.raises(NotAllowed, match="changed the contact of contoso"):
        scenario.approve("avery")
    assert [task for task in scenario.tasks() if task.startswith("contacts-")]


def test_an_import_of_the_version_that_named_no_customers_counts_for_all_of_them(
    scenario: ReleaseScenario,
) -> None:
    scenario.store.write(
        lambda uow: uow.audit.record(
            at=scenario.now(),
            actor="avery",
            action=AuditAction.REGISTER_CUSTOMERS_IMPORTED,
            subject="customers",
            facts={"rows": 2, "added": 0, "changed": 1, "unchanged": 1, "refused": 0},
        )
    )

    with pytest.raises(NotAllowed, match="imported customers before each change was written"):
        scenario.approve("avery")


def test_who_recorded_a_report_that_the_letters_mention_does_not_approve(
    scenario: ReleaseScenario,
) -> None:
    scenario.submit("avery")

    with pytest.raises(NotAllowed, match="recorded a report"):
        scenario.approve("avery")


def test_a_contact_changed_after_the_freeze_stops_approval_until_it_is_frozen_again(
    scenario: ReleaseScenario,
) -> None:
    shown = scenario.seal()
    scenario.imports(CONTOSO.replace("accounts@", "new@"), by="reg")

    with pytest.raises(NotAllowed, match="another contact than the frozen list for contoso"):
        scenario.approve("avery", shown)
    scenario.freeze()
    scenario.decide()
    assert scenario.approve("avery")


def test_a_contact_changed_after_approval_holds_its_own_letter_and_a_person_telephones(
    scenario: ReleaseScenario,
) -> None:
    scenario.approve("avery")
    scenario.imports(CONTOSO.replace("accounts@", "new@"), by="avery")
    sent = {row.customer_id: scenario.send(row) for row in scenario.due()}

    assert sent == {"contoso": False, "fabrikam": True}
    first_match = next(row for row in scenario.rows() if row.customer_id == "contoso")
    assert (first_match.status, "another name or address" in first_match.status_reason) == (
        DeliveryStatus.SKIPPED,
        True,
    )
    assert [task for task in scenario.tasks() if task.startswith("call-") and "contoso" in task]


def test_a_changed_contact_becomes_a_task_with_the_number_held_before(
    scenario: ReleaseScenario,
) -> None:
    changed = CONTOSO.replace("accounts@", "new@").replace("960001", "960666")
    scenario.imports(changed, by="mallory")
    scenario.freeze()
    (task,) = [t for t in scenario.tasks().values() if t.id.startswith("contacts-")]

    assert "by mallory" in task.script
    assert "default_email: accounts@contoso.example → new@contoso.example" in task.script
    assert "Number before: 01632 960001" in task.script
    assert "fabrikam" not in task.script
    assert "@" not in task.id + task.title + task.reason


@pytest.mark.parametrize("first", ["address", "number"])
def test_a_contact_changed_in_two_steps_is_told_with_the_number_held_before_both(
    scenario: ReleaseScenario, first: str
) -> None:
    steps = {"address": ("accounts@", "new@"), "number": ("960001", "960666")}
    between = CONTOSO.replace(*steps.pop(first))
    scenario.imports(between, by="mallory")
    scenario.imports(between.replace(*steps.popitem()[1]), by="mallory")
    scenario.freeze()
    (task,) = [t for t in scenario.tasks().values() if t.id.startswith("contacts-")]

    assert task.script.count("Number before: 01632 960001") == 2
    assert "Number before: 01632 960666" not in task.script


def test_a_customer_added_during_the_incident_and_changed_has_no_number_to_ring(
    scenario: ReleaseScenario,
) -> None:
    scenario.imports("evil,Evil Ltd,a@evil.example,01632 960666,Eve,en-GB\n", by="mallory")
    scenario.imports("evil,Evil Ltd,b@evil.example,01632 960666,Eve,en-GB\n", by="mallory")
    changes = scenario.store.read(
        lambda uow: list_suspect_changes(uow, scenario.breach, ["evil"], scenario.settings.notices)
    )

    assert len(changes) == 2
    assert scenario.store.read(lambda uow: find_former_numbers(uow, changes)) == {"evil": ""}


def test_the_same_seal_is_not_approved_twice(scenario: ReleaseScenario) -> None:
    first = scenario.approve("avery")

    for user in ("avery", "blake"):
        with pytest.raises(EditConflict, match=r"approval 1, given by avery .* is valid"):
            scenario.approve(user)
    assert first.version == 1
    assert len(scenario.audited("breach:release:approved")) == 1


def test_a_new_approval_is_possible_once_something_changed(scenario: ReleaseScenario) -> None:
    scenario.approve("avery")
    scenario.write(contained=True)

    assert scenario.approve("avery").version == 2


def test_letters_that_expired_may_be_approved_again(scenario: ReleaseScenario) -> None:
    scenario.approve("avery")
    scenario.now.advance(hours=73)
    assert scenario.due() == []

    assert scenario.approve("avery").version == 2
    assert {row.status for row in scenario.rows()} == {DeliveryStatus.QUEUED}


def test_a_second_person_joins_a_break_glass_release_and_not_the_other_way_round(
    scenario: ReleaseScenario,
) -> None:
    for user in ("avery", "blake"):
        off = make_user(user).model_copy(update={"disabled": True})
        scenario.store.write(lambda uow, off=off: uow.users.save(off))
    scenario.break_glass("rowan")
    with pytest.raises(EditConflict, match="given by rowan"):
        scenario.break_glass("rowan")
    scenario.store.write(lambda uow: uow.users.save(make_user("avery")))

    assert scenario.approve("avery").kind is ApprovalKind.SECOND_PERSON
    with pytest.raises((EditConflict, NotAllowed)):
        scenario.break_glass("rowan")
    assert [row.customer_id for row in scenario.due() if row.customer_id != "provider"] == [
        "contoso",
        "fabrikam",
    ]


@pytest.mark.parametrize(
    ("change", "counts"),
    [({"disabled": True}, False), ({"demo": True}, False), ({}, True)],
)
def test_break_glass_is_refused_only_for_approvers_who_can_sign_in(
    scenario: ReleaseScenario, change: dict[str, bool], counts: bool
) -> None:
    def only(uow) -> None:
        uow.users.save(make_user("blake", Permission.RESPONDER))
        uow.users.save(make_user("avery", Permission.APPROVER).model_copy(update=change))

    scenario.store.write(only)
    if counts:
        with pytest.raises(NotAllowed, match="avery may approve"):
            scenario.break_glass("rowan")
    else:
        assert scenario.break_glass("rowan")


def test_break_glass_is_allowed_where_every_other_approver_had_a_hand_in_the_release(
    scenario: ReleaseScenario,
) -> None:
    for user in ("avery", "blake"):
        scenario.write(user)

    assert scenario.break_glass("rowan").kind is ApprovalKind.BREAK_GLASS
