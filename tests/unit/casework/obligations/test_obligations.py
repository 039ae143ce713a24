"""What a breach obliges us to, what ends each duty, and what closing waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from release_scene import ReleaseScene, release_scene

from breachdesk.casework import obligations
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.closing.closing_blockers import closing_blockers
from breachdesk.casework.decision import decide
from breachdesk.casework.obligations.kinds import get_rule, list_rules
from breachdesk.casework.obligations.registry import MAKERS
from breachdesk.casework.opening import reopening
from breachdesk.casework.opening.causes import build_finding
from breachdesk.casework.release import notice_facts
from breachdesk.testing import make_actor
from notifiers.testing.channels import DECISION, FACTS
from schemas.casework.case import Case, CaseState
from schemas.casework.cause import BreachCause
from schemas.casework.decision import DecisionAnswer, LawEnforcementHold
from schemas.casework.notice import SendOutcome, SendResult
from schemas.casework.obligation import Obligation, ObligationKind, Waiver, WaiverRequest
from schemas.errors import BadInput, NotAllowed, NotFound
from schemas.user import Permission

T = TypeVar("T")
RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
APPROVER = make_actor(Permission.APPROVER, user_id="avery")
WHY = "Jo Mason asked on the telephone not to be written to about it again."
NO = DecisionAnswer(
    yes=False, reasons="The text of our own policy makes no promise that reaches this far."
)
UPDATE = FACTS.next_update
DOCS = Path(__file__).resolve().parents[4] / "docs" / "reference" / "obligations.md"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    """Contoso and Fabrikam are possible, we are controller, nobody is told."""
    with release_scene("sqlite", tmp_path) as made:
        made.write_all()
        yield made


def duties(scene: ReleaseScene) -> dict[str, Obligation]:
    found = scene.store.read(
        lambda uow: obligations.list_obligations(uow, scene.breach.id, scene.now())
    )
    return {duty.id: duty for duty in found}


def running(scene: ReleaseScene) -> set[str]:
    return {name for name, duty in duties(scene).items() if duty.running}


def untold(scene: ReleaseScene, name: str) -> set[str]:
    return {reader.customer_id for reader in duties(scene)[name].owed}


def left(scene: ReleaseScene) -> str:
    case_id = scene.breach.case_id
    found = scene.store.read(lambda uow: closing_blockers(uow, uow.cases.get(case_id), scene.now()))
    return "; ".join(str(obstacle) for obstacle in found)


def close(scene: ReleaseScene) -> None:
    cause = build_finding("rowan", BreachCause.PHISHING, None, scene.now())
    scene.store.write(
        lambda uow: close_case(
            uow, RESPONDER, scene.breach.case_id, "over", False, scene.now(), cause
        )
    )


def decided(scene: ReleaseScene, **changes: Any) -> None:
    decision = DECISION.model_copy(update={"breach_id": scene.breach.id, **changes})
    scene.now.advance(minutes=1)
    scene.store.write(lambda uow: decide.record_decision(uow, RESPONDER, decision, scene.now()))


def act(scene: ReleaseScene, work: Callable[..., T], *args: Any, **said: Any) -> T:
    return scene.store.write(lambda uow: work(uow, *args, now=scene.now(), **said))


def send_all(scene: ReleaseScene) -> None:
    scene.approve()
    for row in scene.due():
        assert scene.send(row)


def test_a_case_is_not_closed_while_nobody_was_told_though_nothing_was_ever_approved(
    scene: ReleaseScene,
) -> None:
    scene.submit("rowan")

    with pytest.raises(NotAllowed, match=r"tell the people affected.*Contoso Ltd, Fabrikam Ltd"):
        close(scene)
    assert untold(scene, "art34_people") == {"contoso", "fabrikam"}
    assert "no letter to them is approved" in {o.because for o in duties(scene)["own_promise"].owed}


def test_letters_skipped_after_a_change_of_facts_tell_nobody(scene: ReleaseScene) -> None:
    scene.submit("rowan")
    scene.approve()
    scene.write(measures=("On 22 November 2026 we changed the lock.",))
    for row in scene.due():
        assert not scene.send(row)

    assert untold(scene, "own_promise") == {"contoso", "fabrikam"}
    assert "art34_people" in running(scene)


@pytest.mark.parametrize(
    "outcome", [SendOutcome.BOUNCED, SendOutcome.UNKNOWN, SendOutcome.DEFERRED]
)
def test_a_letter_that_did_not_surely_arrive_tells_nobody(
    scene: ReleaseScene, outcome: SendOutcome
) -> None:
    scene.approve()
    first, second = scene.due()
    scene.send(first, SendResult(outcome=outcome))
    scene.send(second)

    assert untold(scene, "own_promise") == {first.customer_id}


def test_a_customer_who_comes_later_is_owed_it_and_the_duty_runs_again(
    scene: ReleaseScene,
) -> None:
    send_all(scene)
    ended = duties(scene)["art34_people"]
    scene.imports("tailspin,Tailspin Ltd,hi@tailspin.example,01632 960003,Al Fox,en-GB\n", by="kim")
    scene.possible("tailspin")

    assert ended.ended_by == "2 readers told: 2 by e-mail"
    assert untold(scene, "art34_people") == {"tailspin"}


def test_a_promised_update_is_owed_until_a_later_letter_reaches_everybody_who_was_promised_it(
    scene: ReleaseScene,
) -> None:
    before = set(duties(scene))
    send_all(scene)
    scene.write(next_update=None)
    written = duties(scene)["next_update:v1"]
    scene.approve()
    first, second = scene.due()
    scene.send(first)
    half = duties(scene)["next_update:v1"]
    scene.send(second)
    whole = duties(scene)["next_update:v1"]

    assert "next_update:v1" not in before
    assert (written.running, written.due) == (True, UPDATE)
    assert {reader.customer_id for reader in half.owed} == {second.customer_id}
    assert whole.ended_at == scene.now()


def test_closing_is_refused_while_an_update_is_promised(scene: ReleaseScene) -> None:
    send_all(scene)
    scene.submit("rowan")

    with pytest.raises(NotAllowed, match="next update"):
        close(scene)
    act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "next_update:v1", WHY)
    close(scene)


def hold(scene: ReleaseScene, days: int = 2) -> LawEnforcementHold:
    return LawEnforcementHold(
        asked_by="DC Reed", asked_at=scene.breach.aware_at, basis="Crime number 1/26",
        review_on=scene.now() + timedelta(days=days),
    )  # fmt: skip


def test_a_hold_has_a_clock_that_only_another_decision_ends(scene: ReleaseScene) -> None:
    first, later = hold(scene), hold(scene, days=19)
    decided(scene, hold=first, own_promise_binds=NO)
    held = running(scene)
    decided(scene, hold=first, own_promise_binds=NO, risk="The same hold, other words.")
    scene.now.advance(days=6)
    overdue = duties(scene)["hold_review:v2"]
    decided(scene, hold=later, own_promise_binds=NO)
    prolonged = duties(scene)
    decided(scene, own_promise_binds=NO)

    assert "hold_review:v2" in held
    assert "art34_people" not in held
    assert (overdue.running, overdue.due) == (True, first.review_on)
    assert "prolonged" in str(prolonged["hold_review:v2"].ended_by)
    assert prolonged["hold_review:v4"].due == later.review_on
    assert "hold lifted, decision 5" in str(duties(scene)["hold_review:v4"].ended_by)
    assert "art34_people" in running(scene)


def test_a_hold_cannot_be_waived(scene: ReleaseScene) -> None:
    decided(scene, hold=hold(scene))

    with pytest.raises(NotAllowed, match="cannot be waived"):
        act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "hold_review:v2", WHY)


def test_a_waiver_needs_a_reason_of_substance_and_the_right_duty(scene: ReleaseScene) -> None:
    for reason, problem in ((" ", "empty"), ("not needed", "too short")):
        with pytest.raises(BadInput, match=problem):
            act(
                scene,
                obligations.waive_obligation,
                RESPONDER,
                scene.breach.id,
                "own_promise",
                reason,
            )
    with pytest.raises(NotAllowed, match="responder"):
        act(scene, obligations.waive_obligation, APPROVER, scene.breach.id, "own_promise", WHY)
    with pytest.raises(NotFound, match="no such duty"):
        act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "own", WHY)
    act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "own_promise", WHY)
    with pytest.raises(NotAllowed, match="does not run"):
        act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "own_promise", WHY)


def test_a_statutory_duty_is_waived_by_two_people(scene: ReleaseScene) -> None:
    both = make_actor(Permission.RESPONDER, Permission.APPROVER, user_id="rowan")
    asked = act(scene, obligations.waive_obligation, both, scene.breach.id, "ico_art33", WHY)
    waits = duties(scene)["ico_art33"]
    with pytest.raises(NotAllowed, match="who asked"):
        act(scene, obligations.confirm_waiver, both, scene.breach.id, "ico_art33", WHY)
    with pytest.raises(NotAllowed, match="nobody asked"):
        act(scene, obligations.confirm_waiver, APPROVER, scene.breach.id, "art34_people", WHY)
    waived = act(scene, obligations.confirm_waiver, APPROVER, scene.breach.id, "ico_art33", WHY)

    assert isinstance(asked, WaiverRequest)
    assert (waits.running, waits.requested) == (True, asked)
    assert isinstance(waived, Waiver)
    assert (waived.asked_by, waived.waived_by) == ("rowan", "avery")
    assert "ico_art33" not in running(scene)
    assert len(scene.audited("breach:waiver:filed")) == 1


def test_a_waiver_covers_only_the_readers_it_was_said_of(scene: ReleaseScene) -> None:
    (one,) = [r for r in duties(scene)["own_promise"].owed if r.customer_id == "contoso"]
    act(
        scene,
        obligations.waive_obligation,
        RESPONDER,
        scene.breach.id,
        "own_promise",
        WHY,
        covers=[one.key],
    )
    half = untold(scene, "own_promise")
    act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "own_promise", WHY)
    whole = running(scene)
    scene.imports("tailspin,Tailspin Ltd,hi@tailspin.example,01632 960003,Al Fox,en-GB\n", by="kim")
    scene.possible("tailspin")

    assert half == {"fabrikam"}
    assert "own_promise" not in whole
    assert untold(scene, "own_promise") == {"tailspin"}


def test_a_waiver_is_undone_and_the_duty_runs_from_when_it_began(scene: ReleaseScene) -> None:
    before = duties(scene)["own_promise"]
    act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "own_promise", WHY)
    scene.now.advance(hours=1)
    act(scene, obligations.undo_waiver, APPROVER, scene.breach.id, "own_promise", "It was wrong.")
    again = duties(scene)["own_promise"]
    with pytest.raises(NotFound, match="not waived"):
        act(scene, obligations.undo_waiver, APPROVER, scene.breach.id, "own_promise", "Again.")

    assert (again.running, again.started_at) == (True, before.started_at)
    assert len(scene.audited("breach:waiver:undone")) == 1


@pytest.mark.parametrize(
    "kind",
    ["ico_art33", "ico_pecr", "art34_people", "art34_group", "pecr_subscribers",
     "controllers_art33_2", "corrections", "facts_owed", "complaint_receipt", "complaint_outcome"],
)  # fmt: skip
def test_what_the_law_itself_asks_is_waived_by_two_people_only(kind: str) -> None:
    assert get_rule(kind).second_person


def test_every_kind_has_a_rule_and_its_row_in_the_reference() -> None:
    text, rules = DOCS.read_text(encoding="utf-8"), list_rules()
    rows = [
        f"| `{kind}` | {rule.starts} | {rule.due} | {rule.ends_by} | "
        f"{('by two people' if rule.second_person else 'by one person') if rule.waivable else 'no'}"
        f" | {rule.page} |"
        for kind, rule in rules.items()
    ]

    assert set(rules) == {"ico_art33", "ico_pecr", *ObligationKind}
    assert [row for row in rows if row not in text] == []
    assert text.count("\n| `") == len(rules)
    assert len(MAKERS) == len(set(MAKERS))


def closed(scene: ReleaseScene) -> None:
    """Everybody is told, the report is filed, the promised update is waived."""
    send_all(scene)
    scene.submit("rowan")
    act(scene, obligations.waive_obligation, RESPONDER, scene.breach.id, "next_update:v1", WHY)
    close(scene)


def case_of(scene: ReleaseScene) -> Case:
    return scene.store.read(lambda uow: uow.cases.get(scene.breach.case_id))


def test_a_letter_that_comes_back_after_closing_opens_the_case_again(scene: ReleaseScene) -> None:
    closed(scene)
    before = scene.store.read(lambda uow: obligations.list_running(uow, scene.now()))
    row = next(r for r in scene.rows() if r.customer_id == "contoso")
    act(scene, notice_facts.record_bounce, RESPONDER, row.id, "550 no such mailbox")
    after = scene.store.read(lambda uow: obligations.list_running(uow, scene.now()))

    assert before == ()
    assert case_of(scene).state is CaseState.CONFIRMED
    assert {duty.id for duty in after} == {"own_promise", "art34_people"}
    assert any("over" in note.text for note in case_of(scene).notes)
    assert [e.actor for e in scene.audited("case:state:reopened")] == ["system:casework"]


def test_a_person_opens_a_closed_case_again_with_a_reason(scene: ReleaseScene) -> None:
    with pytest.raises(NotAllowed, match="not closed"):
        act(scene, reopening.reopen_case, RESPONDER, scene.breach.case_id, "A new fact.")
    closed(scene)
    with pytest.raises(NotAllowed, match="responder"):
        act(scene, reopening.reopen_case, APPROVER, scene.breach.case_id, "A new fact.")
    act(scene, reopening.reopen_case, RESPONDER, scene.breach.case_id, "A new fact.")

    assert case_of(scene).state is CaseState.CONFIRMED
    assert (case_of(scene).closed_at, case_of(scene).close_reason) == (None, "")
