"""What a breach obliges us to, what ends each duty, and what closing waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from release_scenario import ReleaseScenario, release_scenario

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
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Contoso and Fabrikam are possible, we are controller, nobody is told."""
    with release_scenario("sqlite", tmp_path) as fresh:
        fresh.write_all()
        yield fresh


def duties(scenario: ReleaseScenario) -> dict[str, Obligation]:
    actual = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return {duty.id: duty for duty in actual}


def running(scenario: ReleaseScenario) -> set[str]:
    return {name for name, duty in duties(scenario).items() if duty.running}


def untold(scenario: ReleaseScenario, name: str) -> set[str]:
    return {reader.customer_id for reader in duties(scenario)[name].owed}


def left(scenario: ReleaseScenario) -> str:
    case_id = scenario.breach.case_id
    case = scenario.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(case_id), scenario.now())
    )
    return "; ".join(str(obstacle) for obstacle in case)


def close(scenario: ReleaseScenario) -> None:
    cause = build_finding("rowan", BreachCause.PHISHING, None, scenario.now())
    scenario.store.write(
        lambda uow: close_case(
            uow, RESPONDER, scenario.breach.case_id, "over", False, scenario.now(), cause
        )
    )


def decided(scenario: ReleaseScenario, **changes: Any) -> None:
    decision = DECISION.model_copy(update={"breach_id": scenario.breach.id, **changes})
    scenario.now.advance(minutes=1)
    scenario.store.write(
        lambda uow: decide.record_decision(uow, RESPONDER, decision, scenario.now())
    )


def act(scenario: ReleaseScenario, work: Callable[..., T], *args: Any, **fields: Any) -> T:
    return scenario.store.write(lambda uow: work(uow, *args, now=scenario.now(), **fields))


def send_all(scenario: ReleaseScenario) -> None:
    scenario.approve()
    for row in scenario.due():
        assert scenario.send(row)


def test_a_case_is_not_closed_while_nobody_was_told_though_nothing_was_ever_approved(
    scenario: ReleaseScenario,
) -> None:
    scenario.submit("rowan")

    with pytest.raises(NotAllowed, match=r"tell the people affected.*Contoso Ltd, Fabrikam Ltd"):
        close(scenario)
    assert untold(scenario, "art34_people") == {"contoso", "fabrikam"}
    assert "no letter to them is approved" in {
        o.because for o in duties(scenario)["own_promise"].owed
    }


def test_letters_skipped_after_a_change_of_facts_tell_nobody(scenario: ReleaseScenario) -> None:
    scenario.submit("rowan")
    scenario.approve()
    scenario.write(measures=("On 22 November 2026 we changed the lock.",))
    for row in scenario.due():
        assert not scenario.send(row)

    assert untold(scenario, "own_promise") == {"contoso", "fabrikam"}
    assert "art34_people" in running(scenario)


@pytest.mark.parametrize(
    "outcome", [SendOutcome.BOUNCED, SendOutcome.UNKNOWN, SendOutcome.DEFERRED]
)
def test_a_letter_that_did_not_surely_arrive_tells_nobody(
    scenario: ReleaseScenario, outcome: SendOutcome
) -> None:
    scenario.approve()
    first, second = scenario.due()
    scenario.send(first, SendResult(outcome=outcome))
    scenario.send(second)

    assert untold(scenario, "own_promise") == {first.customer_id}


def test_a_customer_who_comes_later_is_owed_it_and_the_duty_runs_again(
    scenario: ReleaseScenario,
) -> None:
    send_all(scenario)
    ended = duties(scenario)["art34_people"]
    scenario.imports(
        "tailspin,Tailspin Ltd,hi@tailspin.example,01632 960003,Al Fox,en-GB\n", by="kim"
    )
    scenario.possible("tailspin")

    assert ended.ended_by == "2 readers told: 2 by e-mail"
    assert untold(scenario, "art34_people") == {"tailspin"}


def test_a_promised_update_is_owed_until_a_later_letter_reaches_everybody_who_was_promised_it(
    scenario: ReleaseScenario,
) -> None:
    before = set(duties(scenario))
    send_all(scenario)
    scenario.write(next_update=None)
    written = duties(scenario)["next_update:v1"]
    scenario.approve()
    first, second = scenario.due()
    scenario.send(first)
    half = duties(scenario)["next_update:v1"]
    scenario.send(second)
    whole = duties(scenario)["next_update:v1"]

    assert "next_update:v1" not in before
    assert (written.running, written.due) == (True, UPDATE)
    assert {reader.customer_id for reader in half.owed} == {second.customer_id}
    assert whole.ended_at == scenario.now()


def test_closing_is_refused_while_an_update_is_promised(scenario: ReleaseScenario) -> None:
    send_all(scenario)
    scenario.submit("rowan")

    with pytest.raises(NotAllowed, match="next update"):
        close(scenario)
    act(
        scenario, obligations.waive_obligation, RESPONDER, scenario.breach.id, "next_update:v1", WHY
    )
    close(scenario)


def hold(scenario: ReleaseScenario, days: int = 2) -> LawEnforcementHold:
    return LawEnforcementHold(
        asked_by="DC Reed", asked_at=scenario.breach.aware_at, basis="Crime number 1/26",
        review_on=scenario.now() + timedelta(days=days),
    )  # fmt: skip


def test_a_hold_has_a_clock_that_only_another_decision_ends(scenario: ReleaseScenario) -> None:
    first, later = hold(scenario), hold(scenario, days=19)
    decided(scenario, hold=first, own_promise_binds=NO)
    result = running(scenario)
    decided(scenario, hold=first, own_promise_binds=NO, risk="The same hold, other words.")
    scenario.now.advance(days=6)
    overdue = duties(scenario)["hold_review:v2"]
    decided(scenario, hold=later, own_promise_binds=NO)
    prolonged = duties(scenario)
    decided(scenario, own_promise_binds=NO)

    assert "hold_review:v2" in result
    assert "art34_people" not in result
    assert (overdue.running, overdue.due) == (True, first.review_on)
    assert "prolonged" in str(prolonged["hold_review:v2"].ended_by)
    assert prolonged["hold_review:v4"].due == later.review_on
    assert "hold lifted, decision 5" in str(duties(scenario)["hold_review:v4"].ended_by)
    assert "art34_people" in running(scenario)


def test_a_hold_cannot_be_waived(scenario: ReleaseScenario) -> None:
    decided(scenario, hold=hold(scenario))

    with pytest.raises(NotAllowed, match="cannot be waived"):
        act(
            scenario,
            obligations.waive_obligation,
            RESPONDER,
            scenario.breach.id,
            "hold_review:v2",
            WHY,
        )


def test_a_waiver_needs_a_reason_of_substance_and_the_right_duty(scenario: ReleaseScenario) -> None:
    for reason, problem in ((" ", "empty"), ("not needed", "too short")):
        with pytest.raises(BadInput, match=problem):
            act(
                scenario,
                obligations.waive_obligation,
                RESPONDER,
                scenario.breach.id,
                "own_promise",
                reason,
            )
    with pytest.raises(NotAllowed, match="responder"):
        act(
            scenario, obligations.waive_obligation, APPROVER, scenario.breach.id, "own_promise", WHY
        )
    with pytest.raises(NotFound, match="no such duty"):
        act(scenario, obligations.waive_obligation, RESPONDER, scenario.breach.id, "own", WHY)
    act(scenario, obligations.waive_obligation, RESPONDER, scenario.breach.id, "own_promise", WHY)
    with pytest.raises(NotAllowed, match="does not run"):
        act(
            scenario,
            obligations.waive_obligation,
            RESPONDER,
            scenario.breach.id,
            "own_promise",
            WHY,
        )


def test_a_statutory_duty_is_waived_by_two_people(scenario: ReleaseScenario) -> None:
    both = make_actor(Permission.RESPONDER, Permission.APPROVER, user_id="rowan")
    question = act(
        scenario, obligations.waive_obligation, both, scenario.breach.id, "ico_art33", WHY
    )
    waits = duties(scenario)["ico_art33"]
    with pytest.raises(NotAllowed, match="who asked"):
        act(scenario, obligations.confirm_waiver, both, scenario.breach.id, "ico_art33", WHY)
    with pytest.raises(NotAllowed, match="nobody asked"):
        act(scenario, obligations.confirm_waiver, APPROVER, scenario.breach.id, "art34_people", WHY)
    waived = act(
        scenario, obligations.confirm_waiver, APPROVER, scenario.breach.id, "ico_art33", WHY
    )

    assert isinstance(question, WaiverRequest)
    assert (waits.running, waits.requested) == (True, question)
    assert isinstance(waived, Waiver)
    assert (waived.asked_by, waived.waived_by) == ("rowan", "avery")
    assert "ico_art33" not in running(scenario)
    assert len(scenario.audited("breach:waiver:filed")) == 1


def test_a_waiver_covers_only_the_readers_it_was_said_of(scenario: ReleaseScenario) -> None:
    (one,) = [r for r in duties(scenario)["own_promise"].owed if r.customer_id == "contoso"]
    act(
        scenario,
        obligations.waive_obligation,
        RESPONDER,
        scenario.breach.id,
        "own_promise",
        WHY,
        covers=[one.key],
    )
    half = untold(scenario, "own_promise")
    act(scenario, obligations.waive_obligation, RESPONDER, scenario.breach.id, "own_promise", WHY)
    whole = running(scenario)
    scenario.imports(
        "tailspin,Tailspin Ltd,hi@tailspin.example,01632 960003,Al Fox,en-GB\n", by="kim"
    )
    scenario.possible("tailspin")

    assert half == {"fabrikam"}
    assert "own_promise" not in whole
    assert untold(scenario, "own_promise") == {"tailspin"}


def test_a_waiver_is_undone_and_the_duty_runs_from_when_it_began(scenario: ReleaseScenario) -> None:
    before = duties(scenario)["own_promise"]
    act(scenario, obligations.waive_obligation, RESPONDER, scenario.breach.id, "own_promise", WHY)
    scenario.now.advance(hours=1)
    act(
        scenario,
        obligations.undo_waiver,
        APPROVER,
        scenario.breach.id,
        "own_promise",
        "It was wrong.",
    )
    again = duties(scenario)["own_promise"]
    with pytest.raises(NotFound, match="not waived"):
        act(
            scenario, obligations.undo_waiver, APPROVER, scenario.breach.id, "own_promise", "Again."
        )

    assert (again.running, again.started_at) == (True, before.started_at)
    assert len(scenario.audited("breach:waiver:undone")) == 1


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


def closed(scenario: ReleaseScenario) -> None:
    """Everybody is told, the report is filed, the promised update is waived."""
    send_all(scenario)
    scenario.submit("rowan")
    act(
        scenario, obligations.waive_obligation, RESPONDER, scenario.breach.id, "next_update:v1", WHY
    )
    close(scenario)


def case_of(scenario: ReleaseScenario) -> Case:
    return scenario.store.read(lambda uow: uow.cases.get(scenario.breach.case_id))


def test_a_letter_that_comes_back_after_closing_opens_the_case_again(
    scenario: ReleaseScenario,
) -> None:
    closed(scenario)
    before = scenario.store.read(lambda uow: obligations.list_running(uow, scenario.now()))
    row = next(r for r in scenario.rows() if r.customer_id == "contoso")
    act(scenario, notice_facts.record_bounce, RESPONDER, row.id, "550 no such mailbox")
    after = scenario.store.read(lambda uow: obligations.list_running(uow, scenario.now()))

    assert before == ()
    assert case_of(scenario).state is CaseState.CONFIRMED
    assert {duty.id for duty in after} == {"own_promise", "art34_people"}
    assert any("over" in note.text for note in case_of(scenario).notes)
    assert [e.actor for e in scenario.audited("case:state:reopened")] == ["system:casework"]


def test_a_person_opens_a_closed_case_again_with_a_reason(scenario: ReleaseScenario) -> None:
    with pytest.raises(NotAllowed, match="not closed"):
        act(scenario, reopening.reopen_case, RESPONDER, scenario.breach.case_id, "A new fact.")
    closed(scenario)
    with pytest.raises(NotAllowed, match="responder"):
        act(scenario, reopening.reopen_case, APPROVER, scenario.breach.case_id, "A new fact.")
    act(scenario, reopening.reopen_case, RESPONDER, scenario.breach.case_id, "A new fact.")

    assert case_of(scenario).state is CaseState.CONFIRMED
    assert (case_of(scenario).closed_at, case_of(scenario).close_reason) == (None, "")
