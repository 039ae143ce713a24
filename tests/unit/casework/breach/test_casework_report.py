"""Reports, clocks and the register: what is filed, what stops a clock, what is kept."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from whole_report import whole_answers

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list
from breachdesk.casework.breach import confirm, register, report
from breachdesk.casework.breach.contradictions import find_telling_contradiction
from breachdesk.casework.breach.form_facts import build_filing
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.decision import decide
from breachdesk.casework.opening import cases, causes
from breachdesk.gdpr.filing import NotifiedCount
from breachdesk.gdpr.law import load_shipped_law
from breachdesk.gdpr.told_words import describe_notified
from breachdesk.jurisdictions import get_jurisdiction
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    add_alert,
    add_confirmed_breach,
    make_actor,
    make_binding,
    make_customer,
    make_store,
    make_user,
)
from notifiers.testing.channels import PROFILE, decision_with
from schemas.casework.affected import BreachEffect, Certainty, EffectCertainty, Manifest
from schemas.casework.breach import Breach
from schemas.casework.case import CaseOrigin, ContainmentKind, ContainmentScope
from schemas.casework.cause import BreachCause
from schemas.casework.decision import DecisionAnswer
from schemas.casework.list_outline import count_by_certainty
from schemas.casework.obligation import Obligation, ObligationKind
from schemas.casework.report import (
    NumberPrecision,
    RegulatorReport,
    ReportedQuantity,
    ReportFacts,
    ReportPhase,
    Submission,
)
from schemas.customer import DataCategory, DataRole, PecrStatus
from schemas.errors import BadInput, IncompleteDocument, NotAllowed
from schemas.settings import Settings
from schemas.user import Permission

RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
ANALYST = make_actor(Permission.ANALYST, user_id="asha")
AWARE = datetime(2026, 10, 23, 8, 5, tzinfo=UTC)
NO = DecisionAnswer(
    yes=False, reasons="No risk to anybody is likely; the pages hold company names only."
)
YES = DecisionAnswer(yes=True, reasons="Traffic data of a telecoms service was reached.")


class Scenario:
    """One breach whose list is frozen and decided; contoso's account was reached."""

    def __init__(self, store: SqliteStore, now: FixedNow, folder: Path) -> None:
        self.store, self.now = store, now
        self.settings = Settings(data_dir=folder, profile=PROFILE)
        alert = add_alert(store)

        def furnish(uow: Any) -> Breach:
            for customer in ("contoso", "fabrikam"):
                uow.customers.save(make_customer(customer))
            uow.customers.bind(make_binding(), now() - timedelta(days=9))
            return add_confirmed_breach(uow, now(), alert)

        self.breach = store.write(furnish)
        self.freeze()
        self.decide()

    def act(self, function: Any, actor: Any, *args: Any, **named: Any) -> Any:
        return self.store.write(lambda uow: function(uow, actor, *args, now=self.now(), **named))

    def freeze(self, *reached: str, only: str | None = None, **changes: Any) -> None:
        """`changes` to the controller exposures, of one customer or of all."""

        def work(uow: Any) -> None:
            actual = affected_list.propose(uow, self.breach.id)
            for customer in ("contoso", *reached):
                actual = affected_list.override(
                    actual, customer, DataRole.CONTROLLER, Certainty.POSSIBLE, "r", RESPONDER
                )
            actual = tuple(
                e.model_copy(update=changes)
                if e.role is DataRole.CONTROLLER and only in (None, e.customer_id)
                else e
                for e in actual
            )
            affected_list.freeze(uow, RESPONDER, self.breach.id, actual, self.now())

        self.store.write(work)

    def decide(self, **changes: Any) -> None:
        decision = decision_with(breach_id=self.breach.id, **changes)
        self.act(decide.record_decision, RESPONDER, decision)

    def write(self, jurisdiction: str = "uk_ico", **changes: Any) -> ReportFacts:
        """Every answer that must be given; who owes the rest is said too."""
        report_facts: ReportFacts = self.act(
            report.write_report,
            RESPONDER,
            ReportFacts(
                breach_id=self.breach.id, version=1, written_by="", written_at=self.now(),
                jurisdiction=jurisdiction, **whole_answers(jurisdiction, AWARE, **changes),
            ),
        )  # fmt: skip
        return report_facts

    def build(self, jurisdiction: str = "uk_ico") -> RegulatorReport:
        return self.store.read(
            lambda uow: report.build_report(
                uow, self.breach.id, jurisdiction, self.settings, self.now()
            )
        )

    def submit(self, jurisdiction: str = "uk_ico", **changes: Any) -> Submission:
        fields = {"submitted_at": self.now(), "channel": "online form", "reference": "IC-1"}
        submission: Submission = self.act(
            report.submit_report, RESPONDER, self.breach.id, jurisdiction,
            settings=self.settings, **(fields | changes),
        )  # fmt: skip
        return submission

    def clock(self, kind: ObligationKind) -> Obligation | None:
        actual = self.store.read(
            lambda uow: obligations.list_obligations(uow, self.breach.id, self.now())
        )
        return next((duty for duty in actual if duty.kind == kind), None)


@pytest.fixture
def scenario(tmp_path: Path) -> Iterator[Scenario]:
    now = FixedNow(AWARE)
    with make_store(now) as store:
        yield Scenario(store, now, tmp_path)


def answers(built: RegulatorReport) -> dict[str, str]:
    return {question.key: question.answer for question in built.questions}


def test_the_icos_clock_counts_real_hours_over_the_october_change(scenario: Scenario) -> None:
    clock = scenario.clock("ico_art33")

    assert clock is not None
    assert clock.due == datetime(2026, 10, 26, 8, 5, tzinfo=UTC)
    law = load_shipped_law().get_provision("uk_gdpr_art33_1", clock.started_at)
    assert (clock.source, clock.reviewed_on) == (law.name, law.reviewed_on)


def test_a_recorded_submission_ends_the_report(scenario: Scenario) -> None:
    scenario.write()
    scenario.decide()
    running = scenario.clock("ico_art33")
    scenario.now.advance(hours=2)
    submission = scenario.submit()
    ended = scenario.clock("ico_art33")

    assert running is not None
    assert running.running
    assert ended is not None
    assert ended.ended_at == submission.submitted_at
    assert ended.ended_by == "submission 1, reference IC-1"


def test_a_decision_not_to_report_ends_it_and_another_one_lets_it_run_again(
    scenario: Scenario,
) -> None:
    scenario.decide(uk_ico=NO, tell_people=NO)
    decided = scenario.clock("ico_art33")
    scenario.now.advance(hours=100)
    scenario.decide(uk_ico=NO, tell_people=NO)
    again = scenario.clock("ico_art33")
    scenario.decide()
    running = scenario.clock("ico_art33")

    assert decided is not None
    assert again is not None
    assert running is not None
    assert again.ended_by == decided.ended_by
    assert "decided not to report" in str(decided.ended_by)
    assert "by rowan" in str(decided.ended_by)
    assert (running.running, running.due) == (True, decided.due)


def test_the_last_second_is_in_time_and_the_next_needs_reasons(scenario: Scenario) -> None:
    scenario.write()
    scenario.now.at = AWARE + timedelta(hours=72, seconds=1)
    with pytest.raises(IncompleteDocument, match="delay_reasons"):
        scenario.submit()

    assert "delay_reasons" in scenario.build().missing
    assert scenario.submit(submitted_at=AWARE + timedelta(hours=72)).number == 1


def test_a_late_report_goes_with_its_reasons(scenario: Scenario) -> None:
    scenario.now.at = AWARE + timedelta(hours=80)
    scenario.write(delay_reasons="The logs of two systems had to be restored first.")

    assert "restored first" in answers(scenario.submit().report)["delay_reasons"]


def test_a_submitted_copy_never_changes(scenario: Scenario) -> None:
    scenario.write()
    first = scenario.submit()
    scenario.now.advance(hours=1)
    scenario.write(
        what_happened="Two strangers.", stage=ReportPhase.FOLLOW_UP, case_reference="IC-1"
    )
    second = scenario.submit()
    submissions = scenario.store.read(
        lambda uow: uow.breaches.list_versions(Submission, scenario.breach.id)
    )

    assert [s.number for s in submissions] == [1, 2]
    assert submissions[0] == first
    assert submissions[0].report_hash != second.report_hash
    assert answers(submissions[0].report)["what_happened"] == "A stranger signed in."


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"submitted_at": AWARE + timedelta(seconds=1)}, "future"),
        ({"submitted_at": AWARE - timedelta(seconds=1)}, "before awareness"),
        ({"channel": " "}, "empty"),
    ],
)
def test_a_submission_that_cannot_be_is_refused(
    scenario: Scenario, changes: dict[str, Any], problem: str
) -> None:
    scenario.write()

    with pytest.raises(BadInput, match=problem):
        scenario.submit(**changes)


def test_nothing_is_submitted_before_its_facts_are_written(scenario: Scenario) -> None:
    with pytest.raises(IncompleteDocument, match="nobody has written"):
        scenario.submit()


def test_no_name_address_or_number_of_anybody_affected_is_in_a_report(scenario: Scenario) -> None:
    scenario.write(
        what_happened="Jo Mason of Contoso Ltd (accounts@contoso.example, 01632 960001) rang.",
        people_told_words="Mr Mason is told on Monday.",
    )
    scenario.act(cases.add_note, RESPONDER, scenario.breach.case_id, "Kit Reed rang")
    text = scenario.build().model_dump_json()

    assert not any(w in text for w in ("Mason", "Reed", "Contoso", "contoso.example", "960001"))
    assert PROFILE.contact_name in text
    assert PROFILE.contact_email in text


def test_our_report_knows_controller_exposures_only(scenario: Scenario) -> None:
    scenario.write(data_kinds=("official_documents",))
    scenario.freeze(effects={DataCategory.CONTACT: {BreachEffect.SEEN: EffectCertainty.HAPPENED}})
    against = {c.key: c.words for c in scenario.build().contradictions}

    assert against == {
        "data_kinds": "The frozen list holds also: Basic personal identifiers, e.g. name, contact "
        "details."
    }


def test_the_pecr_report_replaces_the_other_and_never_both(scenario: Scenario) -> None:
    scenario.write()
    scenario.write("uk_pecr")
    with pytest.raises(NotAllowed, match="not decided as a PECR breach"):
        scenario.submit("uk_pecr")
    scenario.freeze(pecr=PecrStatus.YES)
    with pytest.raises(BadInput, match="falls under PECR"):
        scenario.decide()
    scenario.decide(uk_pecr=YES, pecr_subscribers=YES)

    assert scenario.clock("ico_art33") is None
    assert "form" in scenario.build().missing
    with pytest.raises(NotAllowed, match="replaces"):
        scenario.submit()
    assert scenario.submit("uk_pecr").number == 1
    clock = scenario.clock("ico_pecr")
    assert clock is not None
    assert clock.ended_at == scenario.now()


def test_a_mixed_breach_keeps_both_clocks_and_both_reports(scenario: Scenario) -> None:
    scenario.write()
    scenario.write("uk_pecr")
    scenario.freeze("fabrikam", only="fabrikam", pecr=PecrStatus.YES)
    scenario.decide(uk_pecr=YES, pecr_subscribers=YES)

    assert scenario.clock("ico_art33") is not None
    assert scenario.clock("ico_pecr") is not None
    assert scenario.clock(ObligationKind.PECR_SUBSCRIBERS) is not None
    scenario.submit("uk_pecr")
    clocks_left = [scenario.clock(duty) for duty in ("ico_art33", "ico_pecr")]
    assert [clock is not None and clock.running for clock in clocks_left] == [
        True,
        False,
    ]
    assert scenario.submit("uk_ico").number == 1


def test_a_count_must_agree_with_its_precision(scenario: Scenario) -> None:
    with pytest.raises(BadInput, match="number is missing"):
        scenario.write(people=ReportedQuantity(precision=NumberPrecision.EXACT))


def test_moving_awareness_moves_the_clock(scenario: Scenario) -> None:
    scenario.now.advance(hours=2)
    earlier = AWARE - timedelta(hours=1)
    scenario.act(
        confirm.move_awareness, RESPONDER, scenario.breach.id, aware_at=earlier,
        reason="The customer's call of that hour was on our answering service's tape.",
    )  # fmt: skip
    clock = scenario.clock("ico_art33")

    assert clock is not None
    assert clock.due == earlier + timedelta(hours=72)


def test_the_overview_leaves_out_stopped_clocks_and_puts_hours_first(scenario: Scenario) -> None:
    running = scenario.store.read(lambda uow: obligations.list_running(uow, scenario.now()))
    scenario.write()
    scenario.submit()
    after = scenario.store.read(lambda uow: obligations.list_running(uow, scenario.now()))

    assert running[0].kind == "ico_art33"
    assert "ico_art33" not in {clock.kind for clock in after}
    assert {c.kind for c in after} == {
        ObligationKind.OWN_PROMISE,
        ObligationKind.ART34_PEOPLE,
        ObligationKind.CONTROLLERS_ART33_2,
    }


def test_every_breach_and_near_miss_is_in_the_register(scenario: Scenario) -> None:
    case = scenario.act(
        cases.open_by_hand, ANALYST, title="Mis-sent mail", origin=CaseOrigin.OWN,
        known="A list went to the wrong address and was not opened.",
    )  # fmt: skip
    scenario.act(causes.set_cause, RESPONDER, case.id, BreachCause.MIS_SENT, None)
    scenario.act(close_case, RESPONDER, case.id, "recalled unread", True)
    scenario.act(
        cases.open_by_hand, ANALYST, title="Nothing", origin=CaseOrigin.OWN, known="A call."
    )
    scenario.write()
    scenario.submit()
    entries = scenario.store.read(lambda uow: register.list_entries(uow, scenario.now()))
    breach = next(e for e in entries if not e.near_miss)
    past = AWARE - timedelta(days=9)

    assert len(scenario.store.read(lambda uow: register.list_entries(uow, past))) == 2
    assert {e.id for e in entries} == {scenario.breach.id, case.id}
    assert [d.yes for d in breach.decisions] == [True, True, True, False]
    assert all(d.reasons for d in breach.decisions)
    assert breach.customers == {"confirmed": 0, "likely": 1, "possible": 0, "excluded": 1}
    assert [s.reference for s in breach.submissions] == ["IC-1"]
    assert (breach.aware_at, breach.pecr) == (AWARE, "no")


def test_an_export_is_whole_in_both_forms_and_no_formula(scenario: Scenario) -> None:
    scenario.write(what_happened='=HYPERLINK("x")')
    entries = scenario.store.read(lambda uow: register.list_entries(uow, scenario.now()))
    plain = json.loads(register.export_register(entries, "json"))
    rows = list(csv.DictReader(io.StringIO(register.export_register(entries, "csv"))))

    assert plain[0]["id"] == rows[0]["id"] == scenario.breach.id
    assert rows[0]["facts"].startswith("'=")
    assert "yes" in rows[0]["decisions"]
    with pytest.raises(BadInput, match="xml"):
        register.export_register(entries, "xml")


def test_the_manifest_counts_each_customer_once(scenario: Scenario) -> None:
    manifest = scenario.store.read(
        lambda uow: uow.breaches.find_latest(Manifest, scenario.breach.id)
    )
    assert manifest is not None

    assert sum(count_by_certainty(manifest).values()) == 2
    assert len(manifest.exposures) == 3


def test_a_report_loses_people_whom_no_register_knows_and_says_what_it_looked_for(
    scenario: Scenario,
) -> None:
    scenario.write(
        what_happened="The file of patient Margaret Okafor (born 12 March 1961, 14 Mill Lane, CB7 "
        "4AB, 07700 900123) was opened from 203.0.113.9. Our engineer Sam Field saw it.",
        consequences="Mrs Okafor may be rung. Xiu Zhang may be too.",
    )
    scenario.act(lambda uow, actor, now: uow.users.save(make_user("sam")), RESPONDER)
    text = answers(scenario.build())
    account = scenario.store.read(
        lambda uow: report.build_redaction_account(
            uow, scenario.breach.id, "uk_ico", scenario.settings, scenario.now()
        )
    )

    for result in ("Okafor", "1961", "Mill Lane", "CB7", "07700", "203.0.113.9", "Field"):
        assert not any(result in answer for answer in text.values()), result
    assert account.total >= 8
    assert account.look_at == ("Xiu Zhang",)
    assert PROFILE.contact_name in text["contact"]


def test_an_answer_against_the_sealed_decision_needs_a_reason(scenario: Scenario) -> None:
    scenario.write(high_risk="no")
    with pytest.raises(IncompleteDocument, match="Say why the answer is right nevertheless"):
        scenario.submit()
    scenario.write(high_risk="no", departures={"high_risk": "The bank blocked the accounts."})

    assert [c.reason for c in scenario.submit().report.contradictions] == [
        "The bank blocked the accounts."
    ]


def test_a_first_report_by_telephone_stops_the_clock_and_names_all_that_is_owed(
    scenario: Scenario,
) -> None:
    by = scenario.now() + timedelta(days=2)
    with pytest.raises(IncompleteDocument, match="say who owes every other answer") as refused:
        scenario.submit(channel="telephone", spoken_to="Sam of the helpline")
    sent = scenario.submit(
        channel="telephone", spoken_to="Sam of the helpline", rest_who="Rowan", rest_by=by
    )
    (owed,) = sent.report.owed

    assert answers(sent.report)["spoken"] == "Yes: Sam of the helpline"
    assert (owed.by, sent.report.complete) == (by, False)
    assert refused.value.missing["What happened"] == "not answered"
    assert {"what_happened", "people", "data_kinds", "people_told"} <= set(owed.questions)
    assert "aware_at" not in owed.questions


def test_reasons_for_a_delay_never_follow_later(scenario: Scenario) -> None:
    scenario.now.at = AWARE + timedelta(hours=80)
    later = scenario.now() + timedelta(days=2)
    with pytest.raises(IncompleteDocument, match="delay_reasons"):
        scenario.submit(rest_who="Rowan", rest_by=later)

    sent = scenario.submit(
        rest_who="Rowan", rest_by=later, delay_reasons="The office had burnt down."
    )
    assert answers(sent.report)["delay_reasons"] == "The office had burnt down."


def test_a_containment_step_is_in_our_report_only_where_it_concerns_our_data(
    scenario: Scenario,
) -> None:
    scenario.write()
    case = scenario.breach.case_id
    for text, concerns in (
        ("closed our panel", ContainmentScope.OUR_DATA),
        ("removed a customer's mailbox rule", ContainmentScope.CUSTOMERS_DATA),
        ("reset a password", None),
    ):
        scenario.act(
            cases.add_containment, RESPONDER, case, ContainmentKind.OTHER, text,
            done_at=scenario.now(), concerns=concerns,
        )  # fmt: skip
    built = scenario.build()

    assert answers(built)["actions"].count("- ") == 1
    assert "closed our panel" in answers(built)["actions"]
    assert "1 containment step" in built.missing["actions"]
    scenario.act(cases.set_concern, RESPONDER, case, 2, ContainmentScope.EVERYTHING)
    assert "reset a password" in answers(scenario.build())["actions"]
    assert scenario.build().missing == {}


def test_awareness_moved_so_that_a_report_is_late_asks_for_the_reasons_at_once(
    scenario: Scenario,
) -> None:
    scenario.write()
    scenario.now.advance(hours=60)
    scenario.submit()
    earlier = AWARE - timedelta(hours=20)
    text = "The customer's call of that hour was on our answering service's tape."
    with pytest.raises(IncompleteDocument, match="makes a report late"):
        scenario.act(
            confirm.move_awareness, RESPONDER, scenario.breach.id, aware_at=earlier, reason=text
        )
    scenario.act(
        confirm.move_awareness, RESPONDER, scenario.breach.id, aware_at=earlier, reason=text,
        delay_reasons="The tape was heard on Monday only.",
    )  # fmt: skip
    (entry,) = scenario.store.read(lambda uow: register.list_entries(uow, scenario.now()))

    assert [s.late for s in entry.submissions] == [True]
    assert entry.delay_reasons == ("The tape was heard on Monday only.",)
    assert answers(scenario.build())["delay_reasons"] == "The tape was heard on Monday only."


def test_facts_of_an_earlier_release_still_open(scenario: Scenario) -> None:
    stored = {
        "breach_id": "BR-0001", "version": 1, "written_by": "rowan", "written_at": AWARE,
        "stage": "final", "cyber": True, "people_categories": ["customers"],
        "record_categories": ["contact", "bills"], "likelihood": "very likely",
        "people_told": "Yes, all.", "other_bodies": "The police\nOur bank",
    }  # fmt: skip
    opened = ReportFacts.model_validate(stored)

    assert (opened.stage, opened.last, opened.cyber) == (ReportPhase.FOLLOW_UP, True, "yes")
    assert (opened.people_other, opened.data_other) == ("customers", "contact; bills")
    assert (opened.likelihood, opened.people_told) == ("very_likely", None)
    assert opened.people_told_words == "Yes, all."
    assert opened.other_bodies == ("The police", "Our bank")


def test_who_was_told_is_counted_by_person_and_by_the_letters_that_are_ours(
    scenario: Scenario,
) -> None:
    scenario.write()

    assert untrue(scenario, "about_to", NotifiedCount(people=3, by_letter=3)) is not None
    assert untrue(scenario, "told_some", NotifiedCount(people=3, by_letter=3)) is not None
    assert untrue(scenario, "told_some", NotifiedCount(people=3, by_letter=2, returned=1)) is None
    assert describe_notified(NotifiedCount(people=3, by_letter=1, by_telephone=1, returned=1)) == (
        "2 of 3 people told: 1 by a letter that their mail server took; 1 by telephone; "
        "1 whose letter came back and who has not been reached since."
    )


def untrue(scenario: Scenario, claim: str, notified: NotifiedCount) -> str | None:
    """What stands against a choice, if these people were told."""
    filing = scenario.store.read(
        lambda uow: build_filing(
            uow, scenario.breach.id, get_jurisdiction("uk_ico"), scenario.settings, scenario.now()
        )
    )
    facts = filing.written.model_copy(update={"people_told": claim})
    return find_telling_contradiction(replace(filing, facts=facts, notified=notified))
