"""Telephone tasks: what came of each try, and who counts as told by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ReleaseScenario, release_scenario

from breachdesk.casework import obligations
from breachdesk.casework.affected.notification_status import list_tellings
from breachdesk.casework.delivery import telephone_calls
from breachdesk.casework.opening import cases
from breachdesk.casework.release.approval_validity import find_call_invalid_reason
from breachdesk.testing import make_actor
from schemas.casework.case import CallOutcome, Case, CaseState, CaseTask
from schemas.casework.notice import SendOutcome, SendResult
from schemas.errors import BadInput, NotAllowed
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED)
WHY = "Jo Mason asked on the telephone not to be written to about it again."
SPOKEN: dict[str, Any] = {
    "number": "01632 960001", "spoken_to": "Jo Mason", "statement": "She changes her password today.",
}  # fmt: skip


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Fabrikam's letter was handed over; Contoso's came back, and Contoso is to be telephoned."""
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.write_all()
        fresh.approve()
        for row in fresh.due():
            if row.customer_id == "contoso":
                fresh.send(row, BOUNCED)
            else:
                fresh.send(row)
        yield fresh


def call(scenario: ReleaseScenario, version: int = 1) -> CaseTask:
    return next(
        t for n, t in scenario.tasks().items() if n.endswith(f"-v{version}") and t.person_id
    )


def record(
    scenario: ReleaseScenario, outcome: CallOutcome, task: CaseTask | None = None, **fields: Any
) -> Case:
    return scenario.store.write(
        lambda uow: telephone_calls.record_call(
            uow, RESPONDER, scenario.breach.case_id, (task or call(scenario)).id, outcome,
            now=scenario.now(), **fields,
        )
    )  # fmt: skip


def promise(scenario: ReleaseScenario) -> Any:
    actual = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return next(duty for duty in actual if duty.id == "own_promise")


@pytest.mark.parametrize(
    ("outcome", "because"),
    [
        (CallOutcome.NOBODY, "nobody answered"),
        (CallOutcome.MESSAGE_LEFT, "a message was left"),
        (CallOutcome.WRONG_NUMBER, "number was wrong"),
    ],
)
def test_a_call_that_reached_nobody_tells_nobody_and_stays_open(
    scenario: ReleaseScenario, outcome: CallOutcome, because: str
) -> None:
    again = scenario.now() + timedelta(hours=2)
    record(scenario, outcome, number="01632 960001", next_at=again)
    duty, task = promise(scenario), call(scenario)
    tasks = scenario.store.read(lambda uow: uow.cases.get(scenario.breach.case_id).tasks)

    assert (task.done_at, task.next_at) == (None, again)
    assert duty.running
    assert because in duty.owed[0].because
    assert list_tellings(scenario.breach.id, (), tasks) == ()


def test_only_who_was_reached_and_told_counts_with_number_name_and_time(
    scenario: ReleaseScenario,
) -> None:
    at = scenario.now().replace(second=0) + timedelta(minutes=2)
    scenario.now.advance(minutes=5)
    record(scenario, CallOutcome.NOBODY, number="01632 960001")
    record(scenario, CallOutcome.REACHED_AND_TOLD, at=at, wants_it_in_writing=True, **SPOKEN)
    task, duty = call(scenario), promise(scenario)

    assert task.done_at == scenario.now()
    assert [a.outcome.value for a in task.attempts] == ["nobody", "reached_and_told"]
    assert (task.told and task.told.at, task.told and task.told.number) == (at, "01632 960001")
    assert "ask for it in writing" in task.outcome
    assert duty.ended_by == "2 readers told: 1 by e-mail, 1 by telephone"
    assert "Mason" not in repr(task)
    assert not any("Mason" in e.model_dump_json() for e in scenario.audited("case:call:recorded"))


@pytest.mark.parametrize(
    ("outcome", "fields", "problem"),
    [
        (CallOutcome.REACHED_AND_TOLD, {**SPOKEN, "number": " "}, "number: it is empty"),
        (CallOutcome.REACHED_AND_TOLD, {**SPOKEN, "spoken_to": ""}, "spoken to: it is empty"),
        (CallOutcome.REACHED_AND_TOLD, {**SPOKEN, "statement": ""}, "what was said: it is empty"),
        (CallOutcome.TOLD_IN_PERSON, {"statement": "At our counter."}, "spoken to: it is empty"),
        (CallOutcome.LETTER_POSTED, {}, "proof: it is empty"),
        (CallOutcome.NOBODY, {}, "number: it is empty"),
    ],
)
def test_an_outcome_without_what_proves_it_is_refused(
    scenario: ReleaseScenario, outcome: CallOutcome, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        record(scenario, outcome, **fields)
    assert call(scenario).attempts == ()


def test_the_time_of_a_call_lies_between_the_task_and_now(scenario: ReleaseScenario) -> None:
    for off, problem in (
        (timedelta(minutes=1), "future"),
        (timedelta(hours=-1), "before the task"),
    ):
        with pytest.raises(BadInput, match=problem):
            record(scenario, CallOutcome.REACHED_AND_TOLD, at=scenario.now() + off, **SPOKEN)
    with pytest.raises(BadInput, match="past"):
        record(scenario, CallOutcome.NOBODY, number="01632 960001", next_at=scenario.now())


@pytest.mark.parametrize(
    ("outcome", "fields", "means"),
    [
        (
            CallOutcome.TOLD_IN_PERSON,
            {"spoken_to": "Jo", "statement": "At our counter."},
            "in person",
        ),
        (CallOutcome.LETTER_POSTED, {"proof": "Receipt 77, in the file."}, "by post"),
    ],
)
def test_who_is_told_by_other_means_is_told_by_these(
    scenario: ReleaseScenario, outcome: CallOutcome, fields: dict[str, Any], means: str
) -> None:
    record(scenario, outcome, **fields)

    assert means in str(promise(scenario).ended_by)
    assert call(scenario).done_at == scenario.now()


def test_a_telephone_task_is_not_closed_by_a_text(scenario: ReleaseScenario) -> None:
    with pytest.raises(NotAllowed, match="what came of the call"):
        scenario.store.write(
            lambda uow: cases.complete_task(
                uow, RESPONDER, scenario.breach.case_id, call(scenario).id,
                "Rang twice, nobody answered, no message left", scenario.now(),
            )
        )  # fmt: skip


def test_a_call_is_not_needed_only_once_nothing_is_owed_to_its_reader(
    scenario: ReleaseScenario,
) -> None:
    with pytest.raises(NotAllowed, match="still to be told"):
        record(scenario, CallOutcome.NOT_NEEDED, statement="She knows.")
    for duty in ("own_promise", "art34_people"):
        scenario.store.write(
            lambda uow, d=duty: obligations.waive_obligation(
                uow, RESPONDER, scenario.breach.id, d, WHY, scenario.now()
            )
        )
    scenario.store.write(
        lambda uow: obligations.confirm_waiver(
            uow, scenario.as_actor("avery", Permission.APPROVER), scenario.breach.id, "art34_people", WHY,
            scenario.now(),
        )
    )  # fmt: skip
    record(scenario, CallOutcome.NOT_NEEDED, statement="Waived, as decided.")

    assert call(scenario).done_at == scenario.now()
    assert call(scenario).told is None


def test_a_later_version_of_the_letter_takes_the_place_of_a_call_that_reached_nobody(
    scenario: ReleaseScenario,
) -> None:
    scenario.write()
    scenario.approve()
    for row in scenario.due():
        scenario.send(row, BOUNCED)
    old, new = call(scenario), call(scenario, 2)

    assert old.done_at is not None
    assert old.told is None
    assert new.done_at is None
    assert "contoso" in {reader.customer_id for reader in promise(scenario).owed}


def test_the_title_names_the_customer_and_the_task_the_number(scenario: ReleaseScenario) -> None:
    task = call(scenario)

    assert task.title == "Telephone Contoso Ltd, account holder"
    assert task.number == "01632 960001"


def test_a_call_that_an_earlier_release_closed_by_a_text_is_open_again_and_tells_nobody() -> None:
    task = {
        "id": "call-BR-0001-account_holder-contoso-p1-v1", "kind": "telephone", "title": "t",
        "customer_id": "contoso", "person_id": "p1", "opened_at": "2026-11-22T09:00:00Z",
        "reason": "bounced", "done_at": "2026-11-22T10:00:00Z", "done_by": "rowan",
        "outcome": "Rang twice, nobody answered",
    }  # fmt: skip
    case = {
        "id": "CASE-0001", "title": "t", "state": "confirmed", "origin": "own",
        "opened_by": "rowan", "opened_at": "2026-11-22T09:00:00Z", "tasks": [task],
    }  # fmt: skip
    opened = Case.model_validate(case)
    closed = Case.model_validate({**case, "state": "closed"})
    again = Case.model_validate_json(opened.model_dump_json())

    assert (opened.tasks[0].done_at, opened.tasks[0].told) == (None, None)
    assert opened.tasks[0].attempts[0].said == "Rang twice, nobody answered"
    assert again == opened
    assert (closed.state, closed.tasks[0].done_by) == (CaseState.CLOSED, "rowan")


def no_call(scenario: ReleaseScenario, task: CaseTask) -> str | None:
    return scenario.store.read(
        lambda uow: find_call_invalid_reason(uow, uow.cases.get(scenario.breach.case_id), task)
    )


def test_the_words_of_a_call_are_valid_as_long_as_their_letter_would(
    scenario: ReleaseScenario,
) -> None:
    first = call(scenario)
    assert no_call(scenario, first) is None

    scenario.write()
    assert no_call(scenario, first) == "the letters' facts changed after approval"

    scenario.approve()
    assert no_call(scenario, first) == "a later approval took its place"


def test_who_is_no_longer_on_the_list_is_not_called_with_the_earlier_words(
    scenario: ReleaseScenario,
) -> None:
    scenario.customers = ("fabrikam",)
    scenario.freeze()

    assert no_call(scenario, call(scenario)) == "this reader is no longer on the affected list"
