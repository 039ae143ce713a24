"""A list or a group that came after the decision: what nobody answered yet is owed, and nothing
says that somebody answered it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release_scenario import ASSETS, ReleaseScenario, release_scenario

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list, group_records
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.closing.closing_blockers import closing_blockers
from breachdesk.casework.decision import decide
from breachdesk.casework.opening.causes import build_finding
from breachdesk.testing import make_actor
from notifiers.testing.channels import decision_with
from schemas.casework.affected import Certainty
from schemas.casework.affected_group import AffectedGroup, GroupKind, GroupReach
from schemas.casework.case import Case, CaseOrigin
from schemas.casework.cause import BreachCause
from schemas.casework.decision import NOT_ASKED, DecisionAnswer
from schemas.casework.obligation import Obligation
from schemas.casework.report import ReportedQuantity
from schemas.customer import DataCategory, DataRole
from schemas.errors import IncompleteDocument, NotAllowed
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
UNASKED = dict.fromkeys(
    ("uk_pecr", "pecr_subscribers", "uk_ico", "tell_people", "own_promise_binds"), NOT_ASKED
)
Reached = tuple[str, DataRole]


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[ReleaseScenario]:
    """Nothing is frozen or decided."""
    with release_scenario("sqlite", tmp_path) as fresh:
        site = "fabrikam,site,shop.fabrikam.example,hosted website\n"
        fresh.imports(site, by="operator:cli", header=ASSETS)
        yield fresh


def freeze(scenario: ReleaseScenario, *reached: Reached) -> None:
    def work(uow: Any) -> None:
        exposures = affected_list.propose(uow, scenario.breach.id)
        for customer, role in reached:
            exposures = affected_list.override(
                exposures, customer, role, Certainty.LIKELY, "by hand", RESPONDER
            )
        affected_list.freeze(uow, RESPONDER, scenario.breach.id, exposures, scenario.now())

    scenario.now.advance(minutes=1)
    scenario.store.write(work)


def decided(scenario: ReleaseScenario, **changes: Any) -> None:
    text = decision_with(breach_id=scenario.breach.id, **changes)
    scenario.now.advance(minutes=1)
    scenario.store.write(lambda uow: decide.record_decision(uow, RESPONDER, text, scenario.now()))


def duties(scenario: ReleaseScenario) -> dict[str, Obligation]:
    every = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return {duty.id: duty for duty in every}


def staff(scenario: ReleaseScenario, case_id: str = "") -> None:
    case_id = case_id or scenario.breach.case_id
    group = AffectedGroup(
        id="", recorded_by="", recorded_at=scenario.now(), case_id=case_id,
        kind=GroupKind.STAFF, certainty=Certainty.LIKELY, reason="Their files lay there.",
        people=ReportedQuantity(), data_categories=(DataCategory.IDENTITY,), effects={},
        reach=GroupReach.BY_NAME,
    )  # fmt: skip
    scenario.store.write(
        lambda uow: group_records.add_group(uow, RESPONDER, case_id, group, scenario.now())
    )


def close(scenario: ReleaseScenario) -> None:
    cause = build_finding("rowan", BreachCause.PHISHING, None, scenario.now())
    case_id = scenario.breach.case_id
    scenario.store.write(
        lambda uow: close_case(uow, RESPONDER, case_id, "over", False, scenario.now(), cause)
    )


def test_what_a_later_list_asks_is_owed_though_an_older_decision_was_never_asked_it(
    scenario: ReleaseScenario,
) -> None:
    freeze(scenario, ("fabrikam", DataRole.PROCESSOR))
    decided(scenario, **UNASKED)
    freeze(scenario, ("fabrikam", DataRole.PROCESSOR), ("contoso", DataRole.CONTROLLER))
    owed = duties(scenario)

    assert owed["ico_art33"].running
    assert {r.customer_id for r in owed["own_promise"].owed} == {"contoso"}
    assert owed["art34_people"].running
    with pytest.raises(NotAllowed, match="decision 1 leaves something open: Report to the ICO"):
        close(scenario)


def test_where_nothing_of_ours_was_reached_nobody_is_said_to_have_decided_not_to_report(
    scenario: ReleaseScenario,
) -> None:
    freeze(scenario, ("fabrikam", DataRole.PROCESSOR))
    decided(scenario, **UNASKED)
    ended = duties(scenario)["ico_art33"]

    assert not ended.running
    assert ended.ended_by is not None
    assert "decided not to report" not in ended.ended_by


def test_people_who_are_no_customers_raise_the_questions_of_the_ico_and_of_article_34(
    scenario: ReleaseScenario,
) -> None:
    freeze(scenario, ("fabrikam", DataRole.PROCESSOR))
    staff(scenario)

    with pytest.raises(IncompleteDocument) as refused:
        decided(scenario, **UNASKED)

    assert {"Report to the ICO", "Tell people under Art. 34"} <= set(refused.value.missing)
    assert "Our own promise binds" not in refused.value.missing


def test_a_group_that_is_found_after_the_decision_is_owed_what_nobody_decided(
    scenario: ReleaseScenario,
) -> None:
    freeze(scenario, ("fabrikam", DataRole.PROCESSOR))
    decided(scenario, **UNASKED)
    staff(scenario)
    owed = duties(scenario)

    assert owed["ico_art33"].running
    assert any(key.startswith("art34_group:") and duty.running for key, duty in owed.items())
    case = scenario.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(scenario.breach.case_id), scenario.now())
    )
    assert any("Tell people under Art. 34 is not answered" in each.text for each in case)


def test_a_no_is_said_again_once_a_later_list_reaches_more(scenario: ReleaseScenario) -> None:
    stored = ("fabrikam", DataRole.PROCESSOR)
    no = DecisionAnswer(
        yes=False, reasons="Only contact data of one customer, and it was encrypted."
    )
    freeze(scenario, stored, ("contoso", DataRole.CONTROLLER))
    decided(scenario, uk_ico=no, tell_people=no)
    freeze(scenario, stored, ("contoso", DataRole.CONTROLLER))
    same = open_points(scenario)
    freeze(scenario, stored, ("contoso", DataRole.CONTROLLER), ("fabrikam", DataRole.CONTROLLER))
    more = open_points(scenario)
    decided(scenario, uk_ico=no, tell_people=no)

    assert not [text for text in same if "says no" in text]
    assert [text for text in more if "a later list reaches 1 customer more" in text]
    assert not [text for text in open_points(scenario) if "says no" in text]


def test_a_no_is_said_again_once_people_are_recorded_who_are_no_customers(
    scenario: ReleaseScenario,
) -> None:
    no = DecisionAnswer(
        yes=False, reasons="Only contact data of one customer, and it was encrypted."
    )
    freeze(scenario, ("contoso", DataRole.CONTROLLER))
    decided(scenario, uk_ico=no, tell_people=no)
    scenario.now.advance(minutes=1)
    staff(scenario)
    grown = open_points(scenario)
    decided(scenario, uk_ico=no, tell_people=no)

    assert any("people were recorded as affected later: Staff" in text for text in grown)
    assert not [text for text in open_points(scenario) if "says no" in text]


def test_people_who_are_no_customers_keep_a_case_open_that_is_no_breach_yet(
    scenario: ReleaseScenario,
) -> None:
    case = Case(id="CASE-9", title="A list of applicants", origin=CaseOrigin.OWN, opened_by="rowan",
                opened_at=scenario.now())  # fmt: skip
    scenario.store.write(lambda uow: uow.cases.add(case))
    staff(scenario, case.id)
    cause = build_finding("rowan", BreachCause.PHISHING, None, scenario.now())

    with pytest.raises(NotAllowed, match="Staff are recorded as affected"):
        scenario.store.write(
            lambda uow: close_case(uow, RESPONDER, case.id, "over", True, scenario.now(), cause)
        )


def test_closing_names_customers_as_the_register_does(scenario: ReleaseScenario) -> None:
    freeze(scenario, ("contoso", DataRole.CONTROLLER))
    decided(scenario)

    with pytest.raises(NotAllowed, match="not told: Contoso Ltd"):
        close(scenario)


def open_points(scenario: ReleaseScenario) -> list[str]:
    case = scenario.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(scenario.breach.case_id), scenario.now())
    )
    return [each.text for each in case]
