"""A list or a group that came after the decision: what nobody answered yet is owed, and nothing
says that somebody answered it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from release_scene import ASSETS, ReleaseScene, release_scene

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
def scene(tmp_path: Path) -> Iterator[ReleaseScene]:
    """Nothing is frozen or decided."""
    with release_scene("sqlite", tmp_path) as made:
        site = "fabrikam,site,shop.fabrikam.example,hosted website\n"
        made.imports(site, by="operator:cli", header=ASSETS)
        yield made


def freeze(scene: ReleaseScene, *wanted: Reached) -> None:
    def work(uow: Any) -> None:
        exposures = affected_list.propose(uow, scene.breach.id)
        for customer, role in wanted:
            exposures = affected_list.override(
                exposures, customer, role, Certainty.LIKELY, "by hand", RESPONDER
            )
        affected_list.freeze(uow, RESPONDER, scene.breach.id, exposures, scene.now())

    scene.now.advance(minutes=1)
    scene.store.write(work)


def decided(scene: ReleaseScene, **changes: Any) -> None:
    said = decision_with(breach_id=scene.breach.id, **changes)
    scene.now.advance(minutes=1)
    scene.store.write(lambda uow: decide.record_decision(uow, RESPONDER, said, scene.now()))


def duties(scene: ReleaseScene) -> dict[str, Obligation]:
    every = scene.store.read(
        lambda uow: obligations.list_obligations(uow, scene.breach.id, scene.now())
    )
    return {duty.id: duty for duty in every}


def staff(scene: ReleaseScene, case_id: str = "") -> None:
    case_id = case_id or scene.breach.case_id
    group = AffectedGroup(
        id="", recorded_by="", recorded_at=scene.now(), case_id=case_id,
        kind=GroupKind.STAFF, certainty=Certainty.LIKELY, reason="Their files lay there.",
        people=ReportedQuantity(), data_categories=(DataCategory.IDENTITY,), effects={},
        reach=GroupReach.BY_NAME,
    )  # fmt: skip
    scene.store.write(
        lambda uow: group_records.add_group(uow, RESPONDER, case_id, group, scene.now())
    )


def close(scene: ReleaseScene) -> None:
    cause = build_finding("rowan", BreachCause.PHISHING, None, scene.now())
    case_id = scene.breach.case_id
    scene.store.write(
        lambda uow: close_case(uow, RESPONDER, case_id, "over", False, scene.now(), cause)
    )


def test_what_a_later_list_asks_is_owed_though_an_older_decision_was_never_asked_it(
    scene: ReleaseScene,
) -> None:
    freeze(scene, ("fabrikam", DataRole.PROCESSOR))
    decided(scene, **UNASKED)
    freeze(scene, ("fabrikam", DataRole.PROCESSOR), ("contoso", DataRole.CONTROLLER))
    owed = duties(scene)

    assert owed["ico_art33"].running
    assert {r.customer_id for r in owed["own_promise"].owed} == {"contoso"}
    assert owed["art34_people"].running
    with pytest.raises(NotAllowed, match="decision 1 leaves something open: Report to the ICO"):
        close(scene)


def test_where_nothing_of_ours_was_reached_nobody_is_said_to_have_decided_not_to_report(
    scene: ReleaseScene,
) -> None:
    freeze(scene, ("fabrikam", DataRole.PROCESSOR))
    decided(scene, **UNASKED)
    ended = duties(scene)["ico_art33"]

    assert not ended.running
    assert ended.ended_by is not None
    assert "decided not to report" not in ended.ended_by


def test_people_who_are_no_customers_raise_the_questions_of_the_ico_and_of_article_34(
    scene: ReleaseScene,
) -> None:
    freeze(scene, ("fabrikam", DataRole.PROCESSOR))
    staff(scene)

    with pytest.raises(IncompleteDocument) as refused:
        decided(scene, **UNASKED)

    assert {"Report to the ICO", "Tell people under Art. 34"} <= set(refused.value.missing)
    assert "Our own promise binds" not in refused.value.missing


def test_a_group_that_is_found_after_the_decision_is_owed_what_nobody_decided(
    scene: ReleaseScene,
) -> None:
    freeze(scene, ("fabrikam", DataRole.PROCESSOR))
    decided(scene, **UNASKED)
    staff(scene)
    owed = duties(scene)

    assert owed["ico_art33"].running
    assert any(key.startswith("art34_group:") and duty.running for key, duty in owed.items())
    said = scene.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(scene.breach.case_id), scene.now())
    )
    assert any("Tell people under Art. 34 is not answered" in each.text for each in said)


def test_a_no_is_said_again_once_a_later_list_reaches_more(scene: ReleaseScene) -> None:
    stored = ("fabrikam", DataRole.PROCESSOR)
    no = DecisionAnswer(
        yes=False, reasons="Only contact data of one customer, and it was encrypted."
    )
    freeze(scene, stored, ("contoso", DataRole.CONTROLLER))
    decided(scene, uk_ico=no, tell_people=no)
    freeze(scene, stored, ("contoso", DataRole.CONTROLLER))
    same = open_points(scene)
    freeze(scene, stored, ("contoso", DataRole.CONTROLLER), ("fabrikam", DataRole.CONTROLLER))
    more = open_points(scene)
    decided(scene, uk_ico=no, tell_people=no)

    assert not [text for text in same if "says no" in text]
    assert [text for text in more if "a later list reaches 1 customer more" in text]
    assert not [text for text in open_points(scene) if "says no" in text]


def test_a_no_is_said_again_once_people_are_recorded_who_are_no_customers(
    scene: ReleaseScene,
) -> None:
    no = DecisionAnswer(
        yes=False, reasons="Only contact data of one customer, and it was encrypted."
    )
    freeze(scene, ("contoso", DataRole.CONTROLLER))
    decided(scene, uk_ico=no, tell_people=no)
    scene.now.advance(minutes=1)
    staff(scene)
    grown = open_points(scene)
    decided(scene, uk_ico=no, tell_people=no)

    assert any("people were recorded as affected later: Staff" in text for text in grown)
    assert not [text for text in open_points(scene) if "says no" in text]


def test_people_who_are_no_customers_keep_a_case_open_that_is_no_breach_yet(
    scene: ReleaseScene,
) -> None:
    case = Case(id="CASE-9", title="A list of applicants", origin=CaseOrigin.OWN, opened_by="rowan",
                opened_at=scene.now())  # fmt: skip
    scene.store.write(lambda uow: uow.cases.add(case))
    staff(scene, case.id)
    cause = build_finding("rowan", BreachCause.PHISHING, None, scene.now())

    with pytest.raises(NotAllowed, match="Staff are recorded as affected"):
        scene.store.write(
            lambda uow: close_case(uow, RESPONDER, case.id, "over", True, scene.now(), cause)
        )


def test_closing_names_customers_as_the_register_does(scene: ReleaseScene) -> None:
    freeze(scene, ("contoso", DataRole.CONTROLLER))
    decided(scene)

    with pytest.raises(NotAllowed, match="not told: Contoso Ltd"):
        close(scene)


def open_points(scene: ReleaseScene) -> list[str]:
    found = scene.store.read(
        lambda uow: closing_blockers(uow, uow.cases.get(scene.breach.case_id), scene.now())
    )
    return [each.text for each in found]
