"""The decision memo and the grounds for telling each body, of one breach with line and account
data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from breachdesk.casework.affected import affected_list
from breachdesk.casework.decision import decide
from breachdesk.casework.decision.decision_memo import build_memo, render_memo
from breachdesk.casework.decision.reporting_grounds import BodyGrounds, list_reporting_grounds
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    add_alert,
    add_confirmed_breach,
    make_actor,
    make_binding,
    make_customer,
    make_store,
)
from notifiers.testing.channels import decision_with
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision, DecisionAnswer, EffectExtent, SeverityFactors
from schemas.casework.memo import DecisionMemo
from schemas.customer import DataCategory, DataRole, PecrStatus
from schemas.errors import NotFound
from schemas.user import Permission

ROWAN = make_actor(Permission.RESPONDER, user_id="rowan")
PROMISE = "If your information may have been exposed, we tell you as soon as feasible."
YES = DecisionAnswer(yes=True, reasons="Call records of subscribers were copied.")
BANK = {DataCategory.FINANCIAL: {BreachEffect.COPIED: EffectCertainty.HAPPENED}}
FACTORS = SeverityFactors(
    data={DataCategory.FINANCIAL: 3},
    identification=1,
    confidentiality=EffectExtent.FULL,
    integrity=EffectExtent.NOTHING,
    availability=EffectExtent.NOTHING,
    malicious=True,
)
NEAR = {"score_near_boundary": "Bank details weigh more than one step of the table does."}


class Scenario:
    """Contoso's account data and fabrikam's line data were reached."""

    def __init__(self, store: SqliteStore, now: FixedNow) -> None:
        self.store, self.now = store, now
        alert = add_alert(store)

        def furnish(uow: Any) -> Breach:
            for customer in ("contoso", "fabrikam"):
                uow.customers.save(make_customer(customer))
            uow.customers.bind(make_binding(), now())
            return add_confirmed_breach(uow, now(), alert, actor="rowan")

        self.breach = store.write(furnish)

    def freeze(self, *, pecr: PecrStatus = PecrStatus.YES) -> None:
        def work(uow: Any) -> None:
            actual = affected_list.propose(uow, self.breach.id)
            for customer in ("contoso", "fabrikam"):
                actual = affected_list.override(
                    actual, customer, DataRole.CONTROLLER, Certainty.CONFIRMED, "opened", ROWAN
                )
            actual = tuple(
                e.model_copy(
                    update={
                        "effects": BANK,
                        "pecr": pecr if e.customer_id == "fabrikam" else PecrStatus.NO,
                    }
                )
                if e.role is DataRole.CONTROLLER
                else e
                for e in actual
            )
            affected_list.freeze(uow, ROWAN, self.breach.id, actual, self.now())

        self.now.advance(minutes=1)
        self.store.write(work)

    def decide(self, **changes: Any) -> Decision:
        fields = {
            "breach_id": self.breach.id, "uk_pecr": YES, "pecr_subscribers": YES,
            "severity": FACTORS, "edpb_case": 7, "departures": NEAR,
        }  # fmt: skip
        decision = decision_with(**fields | changes)
        self.now.advance(minutes=1)
        return self.store.write(
            lambda uow: decide.record_decision(uow, ROWAN, decision, self.now())
        )

    def memo(self) -> DecisionMemo:
        return self.store.read(lambda uow: build_memo(uow, self.breach.id))

    def rows(self, heading: str) -> dict[str, str]:
        values_by_key = {s.heading: s for s in self.memo().sections}
        return {row.label: row.text for row in values_by_key[heading].rows}

    def bodies(self, promise: str = PROMISE) -> dict[str, BodyGrounds]:
        reporting_grounds = self.store.read(
            lambda uow: list_reporting_grounds(uow, self.breach.id, promise)
        )
        return {body.id: body for body in reporting_grounds}


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    now = FixedNow(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    with make_store(now) as store:
        yield Scenario(store, now)


def test_a_memo_says_what_was_decided_on_which_law_and_why(scenario: Scenario) -> None:
    scenario.freeze()
    sealed = scenario.decide()
    answers = scenario.rows("What was decided")

    assert answers["PECR"].startswith("Yes. Call records of subscribers were copied. (PECR reg. 5A")
    assert "UK GDPR Art. 33(1), reviewed" in answers["Report to the ICO"]
    assert scenario.rows("Severity")["Score"].startswith("4.00, very high. ")
    assert scenario.rows("Comparison with the EDPB's cases")["There"] == (
        "Report it, and tell the people."
    )
    assert list(scenario.rows("What speaks against it, and why it stands").values()) == (
        list(NEAR.values())
    )
    assert scenario.rows("Seal")["SHA-256"] == sealed.hash


def test_a_memo_names_no_customer(scenario: Scenario) -> None:
    scenario.freeze()
    scenario.decide()
    text = render_memo(scenario.memo()).casefold()

    assert "contoso" not in text
    assert "fabrikam" not in text
    assert "affected, we are controller: 2 customers: 2 confirmed" in text


def test_a_memo_tells_what_a_later_version_changed(scenario: Scenario) -> None:
    scenario.freeze()
    scenario.decide(pecr_subscribers=DecisionAnswer(yes=False, reasons="No harm is likely to them."),
                 tell_people=DecisionAnswer(yes=False, reasons="No high risk is likely."),
                 departures=NEAR | dict.fromkeys(
                     ("score_untold", "edpb_untold"), "The bank blocked every account at once."))  # fmt: skip
    scenario.decide()
    earlier = scenario.rows("Earlier versions")

    assert "Tell subscribers under PECR: no, then yes" in next(iter(earlier.values()))


def test_a_memo_rests_on_the_list_that_was_valid_when_it_was_sealed(scenario: Scenario) -> None:
    scenario.freeze()
    scenario.decide()
    scenario.freeze()

    assert scenario.rows("What it is about")["Affected list"].startswith("version 1,")


def test_there_is_no_memo_of_no_decision(scenario: Scenario) -> None:
    with pytest.raises(NotFound, match="no decision"):
        scenario.memo()


def test_what_is_under_pecr_leaves_nothing_to_weigh_and_the_rest_keeps_its_own_body(
    scenario: Scenario,
) -> None:
    scenario.freeze()
    bodies = scenario.bodies()

    assert bodies["uk_pecr"].always
    assert bodies["uk_ico"].is_asked
    assert not bodies["uk_ico"].always
    assert bodies["subscribers"].unknown
    assert any("The list names 1 customer" in text for text in bodies["uk_ico"].speaks_for)
    assert any(PROMISE in text for text in bodies["people"].speaks_for)
    assert "The severity is not scored, or not in full." in bodies["uk_ico"].unknown


def test_a_service_that_still_asks_stays_open(scenario: Scenario) -> None:
    scenario.freeze(pecr=PecrStatus.ASK)
    pecr = scenario.bodies()["uk_pecr"]

    assert pecr.is_asked
    assert not pecr.always
    assert "does not say yet" in pecr.unknown[0]


def test_score_and_example_are_on_the_side_they_speak_for(scenario: Scenario) -> None:
    scenario.freeze()
    scenario.decide()
    result = scenario.bodies()
    scenario.decide(
        severity=FACTORS.model_copy(
            update={
                "identification": 0.25,
                "confidentiality": EffectExtent.NONE,
                "malicious": False,
            }
        ),
        edpb_case=10,
        departures=dict.fromkeys(
            ("score_told", "edpb_reported", "edpb_told", "score_near_boundary"),
            "We cannot rule out that the key was taken too.",
        ),
    )
    untold = scenario.bodies()

    assert any("4.00, very high" in text for text in result["people"].speaks_for)
    assert any("Stolen passwords" in text for text in result["uk_ico"].speaks_for)
    assert any("0.75, low" in text for text in untold["people"].speaks_against)
    assert any("A stolen device, encrypted" in text for text in untold["uk_ico"].speaks_against)
    assert [a.yes for _, a in untold["people"].answers] == [True, True]


def test_a_body_that_the_list_does_not_bring_in_is_not_asked(scenario: Scenario) -> None:
    scenario.freeze(pecr=PecrStatus.NO)
    bodies = scenario.bodies(promise="")

    assert not bodies["uk_pecr"].is_asked
    assert not bodies["subscribers"].is_asked
    assert not any("promise" in text for text in bodies["people"].speaks_for)
