"""The witness of a break-glass release: from the settings alone, an outsider, and told before letters
go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from release_scenario import ReleaseScenario, release_scenario

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
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """rowan wrote everything; no other approver can sign in."""
    with release_scenario("sqlite", tmp_path) as opened:
        for user in ("avery", "blake"):
            off = make_user(user).model_copy(update={"disabled": True})
            opened.store.write(lambda uow, off=off: uow.users.save(off))
        opened.write_all()
        yield opened


def nominate(scenario: ReleaseScenario, address: str) -> None:
    profile = scenario.settings.profile.model_copy(update={"witness_email": address})
    scenario.settings = scenario.settings.model_copy(update={"profile": profile})


def message(scenario: ReleaseScenario) -> NoticeRow:
    return [row for row in scenario.rows() if row.kind is NoticeKind.WITNESS][-1]


def letters_due(scenario: ReleaseScenario) -> list[NoticeRow]:
    return [row for row in scenario.due() if row.kind is not NoticeKind.WITNESS]


def letters_that_begin(scenario: ReleaseScenario) -> int:
    """Tried past the queue, as a dispatcher with an old list would."""
    letters = [row for row in scenario.rows() if row.kind is not NoticeKind.WITNESS]
    return sum(scenario.send(row) for row in letters)


def tell_again(scenario: ReleaseScenario, by: str = "rowan") -> NoticeRow:
    actor = scenario.as_actor(by, Permission.APPROVER)
    return scenario.store.write(
        lambda uow: witness.tell_witness_again(
            uow, actor, scenario.breach.id, scenario.settings, scenario.now()
        )
    )


def test_letters_leave_when_the_delay_is_over_since_the_message_was_handed_over(
    scenario: ReleaseScenario,
) -> None:
    scenario.break_glass()
    scenario.now.advance(minutes=50)
    before = letters_that_begin(scenario)
    scenario.send(message(scenario))
    scenario.now.advance(minutes=14)
    early = (letters_due(scenario), letters_that_begin(scenario))
    scenario.now.advance(minutes=1)

    assert (before, early) == (0, ([], 0))
    assert len(letters_due(scenario)) == letters_that_begin(scenario) == 2


@pytest.mark.parametrize("end", [BOUNCED, UNKNOWN, DEFERRED])
def test_letters_stay_while_the_message_was_not_handed_over(
    scenario: ReleaseScenario, end: SendResult
) -> None:
    scenario.break_glass()
    scenario.send(message(scenario), end)
    scenario.now.advance(hours=20)

    assert letters_due(scenario) == []
    assert letters_that_begin(scenario) == 0


@pytest.mark.parametrize("end", [BOUNCED, UNKNOWN])
def test_a_message_that_did_not_arrive_opens_a_task(
    scenario: ReleaseScenario, end: SendResult
) -> None:
    scenario.break_glass()
    scenario.send(message(scenario), end)

    assert [task for task in scenario.tasks() if task.startswith("witness-")]


def test_a_bounce_that_comes_after_the_hand_over_stops_what_has_not_left(
    scenario: ReleaseScenario,
) -> None:
    scenario.break_glass()
    row = message(scenario)
    scenario.send(row)
    analyst = scenario.as_actor("ana", Permission.ANALYST)
    scenario.now.advance(minutes=14)
    scenario.store.write(
        lambda uow: notice_facts.record_bounce(
            uow, analyst, row.id, "550 no such user", scenario.now()
        )
    )
    scenario.now.advance(hours=1)

    assert letters_that_begin(scenario) == 0


def test_another_message_to_a_corrected_address_lets_the_letters_leave(
    scenario: ReleaseScenario,
) -> None:
    scenario.break_glass()
    scenario.send(message(scenario), BOUNCED)
    nominate(scenario, "auditor@elsewhere.example")
    again = tell_again(scenario)
    begun = scenario.outbox.start_attempt(again.id, "w2", "boot-1", scenario.now())
    assert begun is not None
    scenario.outbox.finish_attempt(
        again.id, "w2", SendResult(outcome=SendOutcome.HANDED_OVER), scenario.now(), None
    )
    scenario.now.advance(minutes=15)
    (entry,) = scenario.audited("breach:witness:told_again")
    sealed = scenario.store.read(lambda uow: uow.audit.decrypt_personal(entry))

    assert begun.to_email == "auditor@elsewhere.example"
    assert sealed == {"witness": "auditor@elsewhere.example"}
    assert entry.actor == "rowan"
    assert letters_that_begin(scenario) == 2


def test_a_message_goes_where_it_was_addressed_whatever_the_settings_say_later(
    scenario: ReleaseScenario,
) -> None:
    scenario.break_glass()
    row = message(scenario)
    nominate(scenario, "friend@elsewhere.example")
    begun = scenario.outbox.start_attempt(row.id, "w1", "boot-1", scenario.now())

    assert begun is not None
    assert begun.to_email == "trustee@outside.example"


@pytest.mark.parametrize("status", [DeliveryStatus.QUEUED, DeliveryStatus.HANDED_OVER])
def test_no_second_message_while_the_first_is_under_way_or_arrived(
    scenario: ReleaseScenario, status: DeliveryStatus
) -> None:
    scenario.break_glass()
    if status is DeliveryStatus.HANDED_OVER:
        scenario.send(message(scenario))

    with pytest.raises(NotAllowed, match="under way or was handed over"):
        tell_again(scenario)


def test_nobody_is_told_again_where_nobody_released_alone(scenario: ReleaseScenario) -> None:
    with pytest.raises(NotAllowed, match="nobody released alone"):
        tell_again(scenario)


@pytest.mark.parametrize("act", ["resolve", "acknowledge"])
def test_who_released_by_break_glass_does_not_say_that_the_message_arrived(
    scenario: ReleaseScenario, act: str
) -> None:
    scenario.break_glass("rowan")
    row = message(scenario)
    scenario.send(row, UNKNOWN)

    def settle(by: str) -> None:
        who = scenario.as_actor(by, Permission.RESPONDER)
        if act == "resolve":
            scenario.store.write(
                lambda uow: notice_facts.resolve_unknown(
                    uow, who, row.id, DeliveryStatus.HANDED_OVER, "250 in the log", scenario.now()
                )
            )
        else:
            scenario.store.write(
                lambda uow: notice_facts.acknowledge_notice(uow, who, row.id, scenario.now())
            )

    with pytest.raises(NotAllowed, match="does not settle the message to the witness"):
        settle("rowan")
    scenario.now.advance(minutes=30)
    settle("colleague")
    early = letters_that_begin(scenario)
    scenario.now.advance(minutes=15)

    assert early == 0, "the delay runs from when it was known to have arrived"
    assert letters_that_begin(scenario) == 2


def test_the_witness_reads_that_the_same_person_wrote_what_is_released(
    scenario: ReleaseScenario,
) -> None:
    approval = scenario.break_glass("rowan")
    text = witness.render_witness_letter(approval, drill=False).text
    (entry,) = scenario.audited("breach:release:glass_broken")

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
    scenario: ReleaseScenario, address: str, why: str
) -> None:
    nominate(scenario, address)

    with pytest.raises(NotAllowed, match=why):
        scenario.break_glass()
    assert scenario.rows() == []


def test_break_glass_is_refused_without_a_nominated_witness(scenario: ReleaseScenario) -> None:
    nominate(scenario, " ")

    with pytest.raises(IncompleteDocument, match="no outsider is nominated"):
        scenario.break_glass()
