"""Telephone tasks: what came of each try, and who counts as told by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from release_scene import ReleaseScene, release_scene

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
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    """Fabrikam's letter was handed over; Contoso's came back, and Contoso is to be telephoned."""
    with release_scene("sqlite", tmp_path) as made:
        made.write_all()
        made.approve()
        for row in made.due():
            if row.customer_id == "contoso":
                made.send(row, BOUNCED)
            else:
                made.send(row)
        yield made


def call(scene: ReleaseScene, version: int = 1) -> CaseTask:
    return next(t for n, t in scene.tasks().items() if n.endswith(f"-v{version}") and t.person_id)


def record(
    scene: ReleaseScene, outcome: CallOutcome, task: CaseTask | None = None, **said: Any
) -> Case:
    return scene.store.write(
        lambda uow: telephone_calls.record_call(
            uow, RESPONDER, scene.breach.case_id, (task or call(scene)).id, outcome,
            now=scene.now(), **said,
        )
    )  # fmt: skip


def promise(scene: ReleaseScene) -> Any:
    found = scene.store.read(
        lambda uow: obligations.list_obligations(uow, scene.breach.id, scene.now())
    )
    return next(duty for duty in found if duty.id == "own_promise")


@pytest.mark.parametrize(
    ("outcome", "because"),
    [
        (CallOutcome.NOBODY, "nobody answered"),
        (CallOutcome.MESSAGE_LEFT, "a message was left"),
        (CallOutcome.WRONG_NUMBER, "number was wrong"),
    ],
)
def test_a_call_that_reached_nobody_tells_nobody_and_stays_open(
    scene: ReleaseScene, outcome: CallOutcome, because: str
) -> None:
    again = scene.now() + timedelta(hours=2)
    record(scene, outcome, number="01632 960001", next_at=again)
    duty, task = promise(scene), call(scene)
    tasks = scene.store.read(lambda uow: uow.cases.get(scene.breach.case_id).tasks)

    assert (task.done_at, task.next_at) == (None, again)
    assert duty.running
    assert because in duty.owed[0].because
    assert list_tellings(scene.breach.id, (), tasks) == ()


def test_only_who_was_reached_and_told_counts_with_number_name_and_time(
    scene: ReleaseScene,
) -> None:
    at = scene.now().replace(second=0) + timedelta(minutes=2)
    scene.now.advance(minutes=5)
    record(scene, CallOutcome.NOBODY, number="01632 960001")
    record(scene, CallOutcome.REACHED_AND_TOLD, at=at, wants_it_in_writing=True, **SPOKEN)
    task, duty = call(scene), promise(scene)

    assert task.done_at == scene.now()
    assert [a.outcome.value for a in task.attempts] == ["nobody", "reached_and_told"]
    assert (task.told and task.told.at, task.told and task.told.number) == (at, "01632 960001")
    assert "ask for it in writing" in task.outcome
    assert duty.ended_by == "2 readers told: 1 by e-mail, 1 by telephone"
    assert "Mason" not in repr(task)
    assert not any("Mason" in e.model_dump_json() for e in scene.audited("case:call:recorded"))


@pytest.mark.parametrize(
    ("outcome", "said", "problem"),
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
    scene: ReleaseScene, outcome: CallOutcome, said: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        record(scene, outcome, **said)
    assert call(scene).attempts == ()


def test_the_time_of_a_call_lies_between_the_task_and_now(scene: ReleaseScene) -> None:
    for off, problem in (
        (timedelta(minutes=1), "future"),
        (timedelta(hours=-1), "before the task"),
    ):
        with pytest.raises(BadInput, match=problem):
            record(scene, CallOutcome.REACHED_AND_TOLD, at=scene.now() + off, **SPOKEN)
    with pytest.raises(BadInput, match="past"):
        record(scene, CallOutcome.NOBODY, number="01632 960001", next_at=scene.now())


@pytest.mark.parametrize(
    ("outcome", "said", "means"),
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
    scene: ReleaseScene, outcome: CallOutcome, said: dict[str, Any], means: str
) -> None:
    record(scene, outcome, **said)

    assert means in str(promise(scene).ended_by)
    assert call(scene).done_at == scene.now()


def test_a_telephone_task_is_not_closed_by_a_text(scene: ReleaseScene) -> None:
    with pytest.raises(NotAllowed, match="what came of the call"):
        scene.store.write(
            lambda uow: cases.complete_task(
                uow, RESPONDER, scene.breach.case_id, call(scene).id,
                "Rang twice, nobody answered, no message left", scene.now(),
            )
        )  # fmt: skip


def test_a_call_is_not_needed_only_once_nothing_is_owed_to_its_reader(
    scene: ReleaseScene,
) -> None:
    with pytest.raises(NotAllowed, match="still to be told"):
        record(scene, CallOutcome.NOT_NEEDED, statement="She knows.")
    for duty in ("own_promise", "art34_people"):
        scene.store.write(
            lambda uow, d=duty: obligations.waive_obligation(
                uow, RESPONDER, scene.breach.id, d, WHY, scene.now()
            )
        )
    scene.store.write(
        lambda uow: obligations.confirm_waiver(
            uow, scene.as_actor("avery", Permission.APPROVER), scene.breach.id, "art34_people", WHY,
            scene.now(),
        )
    )  # fmt: skip
    record(scene, CallOutcome.NOT_NEEDED, statement="Waived, as decided.")

    assert call(scene).done_at == scene.now()
    assert call(scene).told is None


def test_a_later_version_of_the_letter_takes_the_place_of_a_call_that_reached_nobody(
    scene: ReleaseScene,
) -> None:
    scene.write()
    scene.approve()
    for row in scene.due():
        scene.send(row, BOUNCED)
    old, new = call(scene), call(scene, 2)

    assert old.done_at is not None
    assert old.told is None
    assert new.done_at is None
    assert "contoso" in {reader.customer_id for reader in promise(scene).owed}


def test_the_title_names_the_customer_and_the_task_the_number(scene: ReleaseScene) -> None:
    task = call(scene)

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


def no_call(scene: ReleaseScene, task: CaseTask) -> str | None:
    return scene.store.read(
        lambda uow: find_call_invalid_reason(uow, uow.cases.get(scene.breach.case_id), task)
    )


def test_the_words_of_a_call_stand_as_long_as_their_letter_would(scene: ReleaseScene) -> None:
    first = call(scene)
    assert no_call(scene, first) is None

    scene.write()
    assert no_call(scene, first) == "the letters' facts changed after approval"

    scene.approve()
    assert no_call(scene, first) == "a later approval took its place"


def test_who_is_no_longer_on_the_list_is_not_called_with_the_earlier_words(
    scene: ReleaseScene,
) -> None:
    scene.customers = ("fabrikam",)
    scene.freeze()

    assert no_call(scene, call(scene)) == "this reader is no longer on the affected list"
