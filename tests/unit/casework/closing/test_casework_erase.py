"""Erasing a case: two people, only when its time is over, and then nothing of it names anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from store_adapters import ADAPTERS, everything_stored, fresh_store, tamper
from waiting_letters import (
    APPROVER,
    NOON,
    RESPONDER,
    SENDER,
    established,
    mail_settings,
    renderer,
)
from whole_report import whole_answers

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list
from breachdesk.casework.breach import register
from breachdesk.casework.breach import report as reports
from breachdesk.casework.closing import erasure
from breachdesk.casework.closing import retention as by_age
from breachdesk.casework.closing.close_case import close_case
from breachdesk.casework.decision import decide
from breachdesk.casework.delivery import telephone_calls
from breachdesk.casework.delivery.installation import SendingInstallation
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.casework.opening import cases
from breachdesk.casework.opening.causes import build_finding
from breachdesk.casework.records import suppliers
from breachdesk.casework.release import approve, notice_facts
from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    add_alert,
    add_confirmed_breach,
    make_actor,
    make_customer,
    make_episode,
    make_signal,
    make_user,
)
from notifiers.testing.channels import DECISION, FACTS
from schemas.audit_actions import AuditAction
from schemas.casework.affected import Certainty, Manifest
from schemas.casework.case import CallOutcome, Case, CaseNote, ContainmentKind, ContainmentScope
from schemas.casework.case_record import ContactRoute, SupplierNotice
from schemas.casework.cause import BreachCause
from schemas.casework.notice import SendOutcome, SendResult
from schemas.casework.report import ReportFacts
from schemas.customer import Customer, DataRole
from schemas.errors import BadInput, NotAllowed
from schemas.pipeline.event import RecordPosition
from schemas.settings import Settings
from schemas.user import Permission

YEARS = timedelta(days=8 * 366)
SECRETS = ("Jolanta", "jolanta@zephyrine.example", "NOTED-BY-HAND", "RAW-BYTES", "BOUNCE-TEXT")
LATER = make_actor(Permission.APPROVER, user_id="kim")


@dataclass
class Scenario:
    """A closed case full of names, whose customer has long been renamed in the register."""

    store: PipelineStore
    now: FixedNow
    settings: Settings
    case_id: str
    place: SendingInstallation

    def ask(self, reason: str = "the register's time is over") -> Case:
        return self.store.write(
            lambda uow: erasure.request_erasure(
                uow, RESPONDER, self.case_id, reason, self.settings, self.now()
            )
        )

    def carry_out(self) -> Case:
        return self.store.write(
            lambda uow: erasure.erase_case(uow, LATER, self.case_id, self.settings, self.now())
        )

    def report(self) -> list[str]:
        return [str(d) for d in self.store.read(lambda uow: uow.audit.examine()).discrepancies]


def zephyrine() -> Customer:
    plain = make_customer("zephyrine", email="jolanta@zephyrine.example")
    people = tuple(p.model_copy(update={"name": "Jolanta Brzezinska"}) for p in plain.people)
    return plain.model_copy(update={"people": people})


@pytest.fixture(params=ADAPTERS)
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scenario]:
    now, settings = FixedNow(NOON), mail_settings(tmp_path)
    with fresh_store(request.param, now) as store:
        place = established(store, tmp_path, shared=False)
        result = Scenario(store, now, settings, open_the_case(store, now), place)
        for act in (work_on_it, release_it, close_it, rename_the_customer):
            act(result)
        yield result


def open_the_case(store: PipelineStore, now: FixedNow) -> str:
    result = replace(make_signal(1), summary={"user.name": "Jolanta"})
    alert = add_alert(store, make_episode([result]))

    def furnish(uow: UnitOfWork) -> str:
        uow.customers.save(zephyrine())
        for user in (
            make_user("rowan", Permission.RESPONDER),
            make_user("avery"),
            make_user("kim"),
        ):
            uow.users.save(user)
        uow.alerts.add_comment(alert.pk, CaseNote(at=now(), by="rowan", text="Jolanta rang"))
        uow.alerts.save_pinned({RecordPosition("journal-1", 1): b"RAW-BYTES of a line"})
        uow.audit.record(
            at=now(), actor="rowan", action=AuditAction.ALERT_COMMENT_ADDED, subject=alert.id,
            personal={"text": "Jolanta rang"},
        )  # fmt: skip
        return add_confirmed_breach(uow, now(), alert, actor="rowan").case_id

    return store.write(furnish)


def work_on_it(scenario: Scenario) -> None:
    now = scenario.now()

    def work(uow: UnitOfWork) -> None:
        cases.add_note(uow, RESPONDER, scenario.case_id, "NOTED-BY-HAND: Jolanta rang back", now)
        kind = ContainmentKind.RESET_CREDENTIALS
        text = "reset the password of jolanta@zephyrine.example"
        cases.add_containment(
            uow,
            RESPONDER,
            scenario.case_id,
            kind,
            text,
            now,
            done_at=now,
            concerns=ContainmentScope.EVERYTHING,
        )
        exposures = affected_list.propose(uow, "BR-0001")
        exposures = affected_list.override(
            exposures, "zephyrine", DataRole.CONTROLLER, Certainty.CONFIRMED, "by hand", RESPONDER
        )
        affected_list.freeze(uow, RESPONDER, "BR-0001", exposures, now)
        reasons = DECISION.tell_people.model_copy(update={"reasons": "Jolanta Brzezinska said so"})
        decision = {"breach_id": "BR-0001", "tell_people": reasons}
        decide.record_decision(uow, RESPONDER, DECISION.model_copy(update=decision), now)
        notice_facts.write_facts(
            uow, RESPONDER, FACTS.model_copy(update={"breach_id": "BR-0001"}), now
        )
        facts = ReportFacts(
            breach_id="BR-0001", version=1, written_by="", written_at=now, jurisdiction="uk_ico",
            **whole_answers(
                "uk_ico", now, consequences="Mail of Jolanta Brzezinska was read.",
                people_told="already_aware",
            ),
        )  # fmt: skip
        reports.write_report(uow, RESPONDER, facts, now)

    scenario.store.write(work)


def release_it(scenario: Scenario) -> None:
    now, words = scenario.now(), renderer()

    def release(uow: UnitOfWork) -> None:
        shown = approve.compute_seal(uow, "BR-0001", scenario.settings, words, SENDER)
        approve.approve(
            uow, APPROVER, "BR-0001", count=shown.count, expected_hash=shown.hash,
            settings=scenario.settings, renderer=words, sender=SENDER, now=now,
        )  # fmt: skip

    scenario.store.write(release)
    outbox = StoreOutbox(scenario.store, scenario.settings, words, scenario.place)
    for row in scenario.store.read(lambda uow: uow.notices.list()):
        assert outbox.start_attempt(row.id, f"a{row.id}", "boot-1", now) is not None
        outbox.finish_attempt(
            row.id, f"a{row.id}", SendResult(outcome=SendOutcome.HANDED_OVER), now, None
        )
    text = "BOUNCE-TEXT: jolanta@zephyrine.example unknown"
    scenario.store.write(lambda uow: notice_facts.record_bounce(uow, RESPONDER, 1, text, now))


def close_it(scenario: Scenario) -> None:
    def work(uow: UnitOfWork) -> None:
        reports.submit_report(
            uow, RESPONDER, "BR-0001", "uk_ico", submitted_at=scenario.now(), channel="form",
            settings=scenario.settings, now=scenario.now(),
        )  # fmt: skip
        for task in uow.cases.get(scenario.case_id).tasks:
            if task.done_at is None:
                telephone_calls.record_call(
                    uow, RESPONDER, scenario.case_id, task.id, CallOutcome.REACHED_AND_TOLD,
                    number="01632 960431", spoken_to="Jolanta B.", statement="Jolanta was told",
                    now=scenario.now(),
                )  # fmt: skip
        for duty in obligations.list_obligations(uow, "BR-0001", scenario.now()):
            if duty.running:
                reason = "WAIVED-BECAUSE Jolanta was given the whole of it on the telephone."
                obligations.waive_obligation(
                    uow, RESPONDER, "BR-0001", duty.id, reason, scenario.now()
                )
        finding = build_finding("rowan", BreachCause.PHISHING, None, scenario.now())
        close_case(uow, RESPONDER, scenario.case_id, "all told", False, scenario.now(), finding)

    scenario.store.write(work)


def rename_the_customer(scenario: Scenario) -> None:
    scenario.store.write(
        lambda uow: uow.customers.save(make_customer("zephyrine", email="new@z.example"))
    )


def test_nothing_that_is_stored_names_anybody_of_an_erased_case(scenario: Scenario) -> None:
    scenario.now.advance(days=YEARS.days)
    before = everything_stored(scenario.store)
    scenario.ask()
    scenario.carry_out()
    after = everything_stored(scenario.store)

    assert [s for s in SECRETS if s.encode() in before] == [*SECRETS[:4]]
    assert [s for s in SECRETS if s.encode() in after] == []
    assert scenario.report() == []
    assert scenario.store.read(lambda uow: uow.breaches.find_latest(Manifest, "BR-0001")) is None


def test_the_register_keeps_the_suppliers_of_an_erased_case_and_nobody_of_theirs(
    scenario: Scenario,
) -> None:
    notice = SupplierNotice(
        id="", recorded_by="", recorded_at=scenario.now(), supplier="Backup Barn Ltd",
        told_at=scenario.now(), route=ContactRoute.EMAIL, told_by="Wilma Onyango", said="Wilma lost it.",
    )  # fmt: skip
    scenario.store.write(
        lambda uow: suppliers.record_supplier_notice(
            uow, RESPONDER, scenario.case_id, notice, scenario.now()
        )
    )
    scenario.now.advance(days=YEARS.days)
    scenario.ask()
    scenario.carry_out()

    (entry,) = scenario.store.read(lambda uow: register.list_entries(uow, scenario.now()))
    assert entry.suppliers == ("Backup Barn Ltd",)
    assert b"Wilma" not in everything_stored(scenario.store)
    assert scenario.report() == []


def test_the_register_keeps_the_facts_of_an_erased_breach(scenario: Scenario) -> None:
    scenario.now.advance(days=YEARS.days)
    before = scenario.store.read(lambda uow: register.list_entries(uow, scenario.now()))
    scenario.ask()
    erased = scenario.carry_out()
    after = scenario.store.read(lambda uow: register.list_entries(uow, scenario.now()))

    (old,), (new,) = before, after
    assert new.customers == old.customers != {}
    assert (new.categories, new.roles, new.pecr) == (old.categories, old.roles, old.pecr)
    assert new.facts == old.facts
    assert "[name removed]" in new.effects
    assert "[address removed]" in new.remedial_action[0]
    assert erased.erased is not None
    assert (erased.erased.requested_by, erased.erased.erased_by) == ("rowan", "kim")


def test_no_clock_runs_and_no_letter_is_made_after_an_erasure(scenario: Scenario) -> None:
    scenario.now.advance(days=YEARS.days)
    scenario.ask()
    scenario.carry_out()

    remaining = scenario.store.read(
        lambda uow: obligations.list_obligations(uow, "BR-0001", scenario.now())
    )
    assert not any(duty.running for duty in remaining)
    with pytest.raises(NotAllowed, match="was erased on"):
        scenario.store.read(
            lambda uow: notice_facts.render_letters(uow, "BR-0001", scenario.settings, renderer())
        )
    with pytest.raises(NotAllowed, match="was erased on"):
        scenario.store.read(lambda uow: affected_list.propose(uow, "BR-0001"))
    with pytest.raises(NotAllowed, match="erased already"):
        scenario.ask()


def test_who_asked_does_not_carry_it_out_and_nobody_does_unasked(scenario: Scenario) -> None:
    scenario.now.advance(days=YEARS.days)
    with pytest.raises(NotAllowed, match="nobody asked"):
        scenario.carry_out()
    scenario.store.write(
        lambda uow: erasure.request_erasure(
            uow, LATER, scenario.case_id, "r", scenario.settings, scenario.now()
        )
    )

    with pytest.raises(NotAllowed, match="who asked"):
        scenario.carry_out()
    with pytest.raises(NotAllowed, match="approver"):
        scenario.store.write(
            lambda uow: erasure.erase_case(
                uow, RESPONDER, scenario.case_id, scenario.settings, scenario.now()
            )
        )


def test_a_case_is_kept_for_the_registers_time(scenario: Scenario) -> None:
    with pytest.raises(NotAllowed, match="kept until 23 November 2033"):
        scenario.ask()

    scenario.now.advance(days=7 * 365)
    with pytest.raises(NotAllowed, match="kept until"):
        scenario.ask()

    scenario.now.advance(days=3)
    assert scenario.store.read(
        lambda uow: [c.id for c in by_age.list_erasable(uow, scenario.settings, scenario.now())]
    ) == [scenario.case_id]
    scenario.ask()


def test_an_open_case_is_not_erased(scenario: Scenario) -> None:
    opened = scenario.store.write(
        lambda uow: cases.open_by_hand(
            uow,
            RESPONDER,
            title="A call",
            origin=cases.CaseOrigin.OWN,
            known="k",
            now=scenario.now(),
        )
    )
    with pytest.raises(NotAllowed, match="not closed"):
        scenario.store.write(
            lambda uow: erasure.request_erasure(
                uow, RESPONDER, opened.id, "r", scenario.settings, scenario.now()
            )
        )


@pytest.mark.parametrize("reason", ["", "x" * 201])
def test_a_reason_is_given_and_short(scenario: Scenario, reason: str) -> None:
    scenario.now.advance(days=YEARS.days)
    with pytest.raises(BadInput):
        scenario.ask(reason)


def test_delivery_failures_lose_what_was_written_of_them_after_their_days(
    scenario: Scenario,
) -> None:
    def forget() -> int:
        return scenario.store.write(
            lambda uow: by_age.forget_failures(uow, "operator:cli", 30, scenario.now())
        )

    def texts() -> list[str]:
        def work(uow: UnitOfWork) -> list[str]:
            entries = uow.audit.list_entries(subject="BR-0001")
            values = [e for e in entries if e.act == "notice:bounce:recorded"]
            return [uow.audit.decrypt_personal(e)["reason"] for e in values]

        return scenario.store.read(work)

    assert (forget(), texts()) == (0, ["BOUNCE-TEXT: jolanta@zephyrine.example unknown"])
    scenario.now.advance(days=31)
    assert scenario.store.read(lambda uow: by_age.count_failures(uow, 30, scenario.now())) == 1
    assert (forget(), texts(), forget()) == (1, ["(erased)"], 0)
    assert scenario.report() == []
    entry = scenario.store.read(lambda uow: uow.audit.list_entries())[-1]
    assert (entry.act, entry.facts["count"]) == ("audit:values:erased", 1)


def test_a_sealed_value_emptied_by_hand_is_noticed(scenario: Scenario) -> None:
    empty = "x''" if isinstance(scenario.store, SqliteStore) else "''"
    tamper(scenario.store, f"UPDATE sealed_values SET ciphertext = {empty}")

    assert any("nobody's act erased it" in line for line in scenario.report())
