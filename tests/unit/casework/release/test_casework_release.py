"""From frozen list to the outbox: decision, letters, approval, break-glass, attempts and their ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from waiting_letters import place

from breachdesk.casework import obligations
from breachdesk.casework.affected import affected_list
from breachdesk.casework.decision import decide
from breachdesk.casework.delivery import telephone_calls
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.casework.opening import triage
from breachdesk.casework.release import approve, notice_facts
from breachdesk.casework.release.letter_headers import build_heads
from breachdesk.casework.release.letters import LetterSet
from breachdesk.gdpr.raised import list_scored_categories
from breachdesk.gdpr.tensions import list_remarks
from breachdesk.stores.sqlite.store import SqliteStore
from breachdesk.testing import (
    FixedNow,
    add_alert,
    add_confirmed_breach,
    make_actor,
    make_binding,
    make_customer,
    make_episode,
    make_signal,
    make_store,
    make_user,
)
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import FACTS, PROFILE, build_facts, decision_with
from schemas.casework.affected import Certainty, Manifest
from schemas.casework.approval import Approval, ApprovalKind
from schemas.casework.breach import Breach
from schemas.casework.case import CallOutcome
from schemas.casework.decision import (
    NOT_ASKED,
    Decision,
    DecisionAnswer,
    EffectExtent,
    LawEnforcementHold,
    NotificationBasis,
    SeverityFactors,
)
from schemas.casework.letter_facts import NoticeFacts
from schemas.casework.notice import DeliveryStatus, NoticeRow, SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.obligation import ObligationKind
from schemas.customer import AssetKind, DataCategory, DataRole, PecrStatus
from schemas.errors import (
    BadInput,
    ConfigurationError,
    EditConflict,
    IncompleteDocument,
    NotAllowed,
)
from schemas.pipeline.event import AssetTouch
from schemas.settings import NoticePolicy, SenderSettings, Settings
from schemas.user import Permission

ROOT = Path(__file__).resolve().parents[4]
RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
APPROVER = make_actor(Permission.APPROVER, user_id="avery")
LONE = make_actor(user_id="rowan")
SENDER = SenderSettings(
    channel="maildir", from_name="Penhallow IT", from_email="notices@penhallow.example"
)
OK = SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")
HANDED = {DeliveryStatus.HANDED_OVER}
STOLEN = SeverityFactors(
    data=dict.fromkeys(DataCategory, 3),
    identification=1,
    confidentiality=EffectExtent.FULL,
    integrity=EffectExtent.NOTHING,
    availability=EffectExtent.NOTHING,
    malicious=True,
)


@dataclass
class Scenario:
    """contoso: mailbox opened; its account and fabrikam's were picked by hand: three letters,
    one of them by telephone."""

    store: SqliteStore
    now: FixedNow
    breach: Breach
    settings: Settings
    renderer: JinjaRenderer

    @property
    def outbox(self) -> StoreOutbox:
        return StoreOutbox(self.store, self.settings, self.renderer, place(self.store))

    def act(self, function: Any, actor: Any, *args: Any, **named: Any) -> Any:
        return self.store.write(lambda uow: function(uow, actor, *args, now=self.now(), **named))

    def seal(self, sender: SenderSettings = SENDER) -> approve.ReleaseSeal:
        return self.store.read(
            lambda uow: approve.compute_seal(
                uow, self.breach.id, self.settings, self.renderer, sender
            )
        )

    def release(
        self, actor: Any = APPROVER, act: Any = approve.approve, **changes: Any
    ) -> Approval:
        shown = self.seal()
        fields = {
            "count": shown.count, "expected_hash": shown.hash, "settings": self.settings,
            "renderer": self.renderer, "sender": SENDER,
        }  # fmt: skip
        approval: Approval = self.act(act, actor, self.breach.id, **(fields | changes))
        return approval

    def rows(self) -> list[NoticeRow]:
        return list(self.store.read(lambda uow: uow.notices.list(breach_id=self.breach.id)))

    def calls(self) -> list[str]:
        tasks = self.store.read(lambda uow: uow.cases.get(self.breach.case_id)).tasks
        return [task.id for task in tasks if task.kind == "telephone"]

    def write(self, **changes: Any) -> NoticeFacts:
        facts = build_facts(breach_id=self.breach.id, **changes)
        actual: NoticeFacts = self.act(notice_facts.write_facts, RESPONDER, facts)
        return actual

    def decide(self, **changes: Any) -> Decision:
        decision = decision_with(breach_id=self.breach.id, **changes)
        actual: Decision = self.act(decide.record_decision, RESPONDER, decision)
        return actual

    def freeze(self, **changes: Any) -> None:
        def work(uow: Any) -> None:
            exposures = affected_list.propose(uow, self.breach.id)
            for customer in ("contoso", "fabrikam"):
                exposures = affected_list.override(
                    exposures, customer, DataRole.CONTROLLER, Certainty.POSSIBLE, "r", RESPONDER
                )
            exposures = tuple(
                e.model_copy(update=changes) if e.role is DataRole.CONTROLLER else e
                for e in exposures
            )
            affected_list.freeze(uow, RESPONDER, self.breach.id, exposures, self.now())

        self.store.write(work)

    def disable(self, user_id: str) -> None:
        user = make_user(user_id, Permission.APPROVER).model_copy(update={"disabled": True})
        self.store.write(lambda uow: uow.users.save(user))

    def send(self, row: NoticeRow, result: SendResult = OK, attempt: str = "a1") -> bool:
        begun = self.outbox.start_attempt(row.id, attempt, "boot-1", self.now())
        if begun is not None:
            self.outbox.finish_attempt(row.id, attempt, result, self.now(), None)
        return begun is not None


@pytest.fixture(scope="module")
def renderer() -> JinjaRenderer:
    """Compiles its templates once."""
    return JinjaRenderer(ROOT / "templates")


@pytest.fixture
def scenario(tmp_path: Path, renderer: JinjaRenderer) -> Iterator[Scenario]:
    now = FixedNow(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    settings = Settings(data_dir=tmp_path, profile=PROFILE, senders=(SENDER,))
    with make_store(now) as store:
        opened = make_signal(
            1, touches=(AssetTouch("contoso", "mailbox:privacy@contoso.example", "mail"),)
        )
        result = replace(opened, summary={"event.outcome": "success", "event.action": "sign-in"})
        alert = add_alert(store, make_episode([result]))

        def furnish(uow: Any) -> Breach:
            for customer in ("contoso", "fabrikam", "tailspin"):
                uow.customers.save(make_customer(customer))
            uow.customers.bind(make_binding("privacy@contoso.example"), now() - timedelta(days=9))
            for user in (
                make_user("rowan", Permission.RESPONDER),
                make_user("avery", Permission.APPROVER),
            ):
                uow.users.save(user)
            return add_confirmed_breach(uow, now(), alert, actor="rowan")

        place(store)
        filled = Scenario(store, now, store.write(furnish), settings, renderer)
        filled.freeze()
        filled.decide()
        filled.write()
        yield filled


def test_each_letter_is_its_recipients_own_and_the_attacked_mailbox_is_telephoned(
    scenario: Scenario,
) -> None:
    letters = scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, scenario.renderer
        )
    )

    assert [(r.customer_id, r.kind) for r in letters.recipients] == [
        ("contoso", NoticeKind.ACCOUNT_HOLDER),
        ("fabrikam", NoticeKind.ACCOUNT_HOLDER),
    ]
    assert [r.kind for r in letters.telephone] == [NoticeKind.CONTROLLER_PACK]
    assert (letters.missing, letters.blocking) == ({}, ())
    assert "Fabrikam" not in letters.rendered[0].text
    assert letters.rendered[0].text != letters.rendered[1].text


def test_facts_that_name_another_customer_stop_approval(scenario: Scenario) -> None:
    scenario.write(what_happened="Someone signed in at Tailspin Ltd and at your place.")

    with pytest.raises(IncompleteDocument, match="the name of another customer"):
        scenario.seal()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("The intruder, 203.0.113.9, was shut out.", "an IP address"),
        ("No evidence of access elsewhere.", "no evidence of access"),
        ("Compensation will follow.", "an offer of compensation"),
        ("Tailspin Ltd too.", "the name of another customer"),
        ("Tailspin was attacked first.", "a short name of another customer"),
        ("Write to accounts@tailspin.example.", "an e-mail address of another customer"),
        ("Our engineer Sam Field was there.", "the name of a member of staff"),
    ],
)
def test_where_everybody_is_telephoned_the_script_is_refused_for_what_stops_a_letter(
    scenario: Scenario, words: str, problem: str
) -> None:
    """Only the processor's exposure is told, and its mailbox is the attacked one."""
    scenario.freeze(certainty=Certainty.EXCLUDED)
    scenario.write(measures=(words,))

    with pytest.raises(IncompleteDocument) as refused:
        scenario.seal()
    assert "script, " in str(refused.value)
    assert problem in str(refused.value)


def test_letters_say_what_they_were_read_for(scenario: Scenario) -> None:
    letters = scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, scenario.renderer
        )
    )

    assert letters.account.read == ("2 mails", "3 telephone scripts")
    assert (letters.account.other_customers, letters.account.staff) == (2, 2)
    assert len(letters.calls) == 1


def test_a_missing_mandatory_block_stops_approval(scenario: Scenario) -> None:
    scenario.write(consequences=())

    with pytest.raises(IncompleteDocument, match="consequences"):
        scenario.seal()


def test_a_blank_profile_field_stops_approval_and_is_named_once(scenario: Scenario) -> None:
    blank = PROFILE.model_copy(update={"contact_phone": " ", "contact_email": ""})
    scenario.settings = scenario.settings.model_copy(update={"profile": blank})

    with pytest.raises(IncompleteDocument) as refused:
        scenario.seal()
    assert refused.value.missing == {
        "profile.contact_email": "the profile lacks the mail address of that person",
        "profile.contact_phone": "the profile lacks the telephone number of that person",
    }


def test_a_second_person_releases_and_calls_open_in_the_same_act(scenario: Scenario) -> None:
    approval = scenario.release()

    assert approval.kind is ApprovalKind.SECOND_PERSON
    assert [row.status for row in scenario.rows()] == [DeliveryStatus.QUEUED] * 2
    assert {row.approval_hash for row in scenario.rows()} == {approval.hash}
    assert len(scenario.calls()) == 1
    assert all(row.message_id.endswith("@penhallow.example>") for row in scenario.rows())


def test_who_wrote_or_decided_does_not_approve(scenario: Scenario) -> None:
    with pytest.raises(NotAllowed, match="does not approve"):
        scenario.release(LONE)
    with pytest.raises(NotAllowed, match="needs the permission"):
        scenario.release(RESPONDER)

    assert scenario.rows() == []


def test_the_confirmer_does_not_approve_even_if_others_wrote(scenario: Scenario) -> None:
    scenario.breach = scenario.store.write(
        lambda uow: uow.breaches.save(scenario.breach.model_copy(update={"confirmed_by": "avery"}))
    )
    with pytest.raises(NotAllowed, match="who confirmed the breach"):
        scenario.release()


def test_the_typed_count_must_be_the_number_of_people_who_are_told(scenario: Scenario) -> None:
    with pytest.raises(BadInput, match="you typed 2, and 3"):
        scenario.release(count=2)

    assert scenario.rows() == []


@pytest.mark.parametrize("what", ["facts", "decision", "list", "sender"])
def test_any_change_since_the_seal_was_shown_stops_approval(scenario: Scenario, what: str) -> None:
    shown = scenario.seal()
    sender = SENDER
    scenario.now.advance(minutes=1)
    if what == "facts":
        scenario.write(what_happened=FACTS.what_happened + ".")
    elif what == "decision":
        scenario.decide()
    elif what == "list":
        scenario.freeze()
    else:
        sender = SENDER.model_copy(update={"from_name": "Penhallow 1T"})

    with pytest.raises(EditConflict, match="changed since you looked"):
        scenario.release(expected_hash=shown.hash, sender=sender)


def test_the_senders_secret_may_be_renewed_without_a_new_approval(scenario: Scenario) -> None:
    renewed = SENDER.model_copy(update={"secret": "another"})

    assert scenario.seal(renewed).hash == scenario.seal().hash


@pytest.mark.parametrize("what", ["facts", "decision", "list", "sender", "profile"])
def test_a_change_after_approval_voids_it_and_nothing_leaves(scenario: Scenario, what: str) -> None:
    scenario.release()
    scenario.now.advance(minutes=1)
    if what == "facts":
        scenario.write()
    elif what == "decision":
        scenario.decide()
    elif what == "list":
        scenario.freeze()
    elif what == "sender":
        changed = SENDER.model_copy(update={"host": "relay.example"})
        scenario.settings = scenario.settings.model_copy(update={"senders": (changed,)})
    else:
        other = PROFILE.model_copy(update={"contact_hours": "never"})
        scenario.settings = scenario.settings.model_copy(update={"profile": other})
    row = scenario.rows()[0]

    assert not scenario.send(row)
    assert scenario.rows()[0].status is DeliveryStatus.SKIPPED
    assert scenario.rows()[0].status_reason


def test_what_was_skipped_leaves_once_it_is_approved_again(scenario: Scenario) -> None:
    scenario.release()
    first, second = scenario.rows()
    assert scenario.send(first)
    scenario.now.advance(minutes=1)
    scenario.freeze()
    assert not scenario.send(second)
    scenario.release()
    rows = scenario.rows()

    assert [row.status for row in rows] == [DeliveryStatus.HANDED_OVER, DeliveryStatus.QUEUED]
    assert scenario.send(rows[1], attempt="a2")
    assert len(scenario.rows()) == 2


def test_a_submission_after_approval_does_not_change_the_words(scenario: Scenario) -> None:
    approval = scenario.release()
    assert not approval.report_recorded
    scenario.now.advance(hours=1)

    assert scenario.send(scenario.rows()[0])


def test_our_own_sender_in_the_evidence_is_refused(scenario: Scenario) -> None:
    attacked = SENDER.model_copy(update={"from_email": "privacy@contoso.example"})
    tenant = SENDER.model_copy(update={"assets": ((AssetKind.MAILBOX, "Privacy@contoso.example"),)})
    for sender in (attacked, tenant):
        with pytest.raises(NotAllowed, match="in the evidence"):
            scenario.seal(sender)


def test_evidence_that_comes_after_approval_holds_its_addresses_back(scenario: Scenario) -> None:
    scenario.release()
    later = make_signal(
        7, time=scenario.now() - timedelta(days=3),
        touches=(AssetTouch("fabrikam", "mailbox:accounts@fabrikam.example", "mail"),),
    )  # fmt: skip
    alert = add_alert(
        scenario.store, make_episode([replace(later, key=later.key._replace(rule="x"))])
    )
    scenario.act(triage.link_alert, RESPONDER, scenario.breach.case_id, alert.pk)
    row = next(r for r in scenario.rows() if r.customer_id == "fabrikam")

    assert not scenario.send(row)
    assert any("fabrikam" in call for call in scenario.calls())


def test_a_drill_never_leaves_through_a_real_server(scenario: Scenario) -> None:
    scenario.store.write(
        lambda uow: uow.breaches.save(scenario.breach.model_copy(update={"drill": True}))
    )
    real = SENDER.model_copy(update={"channel": "smtp", "host": "smtp.example"})

    with pytest.raises(NotAllowed, match="drill"):
        scenario.seal(real)


def test_a_row_begins_once_and_its_end_is_written_once(scenario: Scenario) -> None:
    scenario.release()
    row, outbox = scenario.rows()[0], scenario.outbox
    begun = outbox.start_attempt(row.id, "a1", "boot-1", scenario.now())
    assert begun is not None
    again = outbox.start_attempt(row.id, "a2", "boot-1", scenario.now())
    outbox.finish_attempt(row.id, "a2", OK, scenario.now(), None)
    stranger = scenario.rows()[0].status
    outbox.finish_attempt(row.id, "a1", OK, scenario.now(), None)
    outbox.finish_attempt(
        row.id, "a1", SendResult(outcome=SendOutcome.BOUNCED), scenario.now(), None
    )

    assert again is None
    assert stranger is DeliveryStatus.SENDING
    assert scenario.rows()[0].status is DeliveryStatus.HANDED_OVER
    assert begun.letter.text.count("BR-") > 0
    assert row.rendered_hash[:12] in begun.message_id
    assert begun.to_email == "accounts@contoso.example"


def test_a_dead_process_leaves_unknown_and_no_blind_resend(scenario: Scenario) -> None:
    scenario.release()
    row = scenario.rows()[0]
    scenario.outbox.start_attempt(row.id, "a1", "boot-1", scenario.now())
    assert scenario.outbox.recover("boot-1", scenario.now()) == 0
    assert scenario.outbox.recover("boot-2", scenario.now()) == 1
    scenario.now.advance(hours=1)

    assert scenario.rows()[0].status is DeliveryStatus.UNKNOWN
    assert row.id not in [due.id for due in scenario.outbox.list_due(scenario.now(), 9)]
    assert scenario.outbox.start_attempt(row.id, "a2", "boot-2", scenario.now()) is None
    scenario.outbox.finish_attempt(row.id, "a1", OK, scenario.now(), None)
    assert scenario.rows()[0].status is DeliveryStatus.HANDED_OVER


def test_by_policy_an_unknown_end_is_tried_again_after_15_minutes(scenario: Scenario) -> None:
    policy = NoticePolicy(unknown_resend=True)
    scenario.settings = scenario.settings.model_copy(update={"notices": policy})
    scenario.release()
    row = scenario.rows()[0]
    scenario.send(row, SendResult(outcome=SendOutcome.UNKNOWN))
    scenario.now.advance(minutes=14)
    early = [due.id for due in scenario.outbox.list_due(scenario.now(), 9)]
    scenario.now.advance(minutes=1)

    assert row.id not in early
    assert row.id in [due.id for due in scenario.outbox.list_due(scenario.now(), 9)]
    assert scenario.send(scenario.rows()[0], attempt="a2")
    assert scenario.rows()[0].message_id == row.message_id


def test_a_person_settles_an_unknown_end_and_resends_only_later(scenario: Scenario) -> None:
    scenario.release()
    row = scenario.rows()[0]
    scenario.send(row, SendResult(outcome=SendOutcome.UNKNOWN))
    with pytest.raises(NotAllowed, match="15 minutes"):
        scenario.act(
            notice_facts.resolve_unknown, RESPONDER, row.id, DeliveryStatus.QUEUED, "not in the log"
        )
    with pytest.raises(BadInput, match="settles nothing"):
        scenario.act(notice_facts.resolve_unknown, RESPONDER, row.id, DeliveryStatus.SKIPPED, "log")
    scenario.now.advance(minutes=15)
    scenario.act(
        notice_facts.resolve_unknown, RESPONDER, row.id, DeliveryStatus.QUEUED, "not in the log"
    )

    assert scenario.send(scenario.rows()[0], attempt="a2")
    with pytest.raises(NotAllowed, match="handed_over"):
        scenario.act(notice_facts.resolve_unknown, RESPONDER, row.id, DeliveryStatus.BOUNCED, "log")


def test_deferred_waits_and_after_four_hours_somebody_telephones(scenario: Scenario) -> None:
    scenario.release()
    row = scenario.rows()[0]
    later = scenario.now() + timedelta(minutes=5)
    deferred = SendResult(outcome=SendOutcome.DEFERRED, reply="451 4.7.1")
    scenario.outbox.start_attempt(row.id, "a1", "boot-1", scenario.now())
    scenario.outbox.finish_attempt(row.id, "a1", deferred, scenario.now(), later)
    waiting = [due.id for due in scenario.outbox.list_due(scenario.now(), 9)]
    telephone_calls = len(scenario.calls())
    scenario.now.advance(hours=4)
    scenario.send(scenario.rows()[0], deferred, attempt="a2")

    assert row.id not in waiting
    assert (telephone_calls, len(scenario.calls())) == (1, 2)


def test_a_bounce_opens_one_call_with_a_script(scenario: Scenario) -> None:
    scenario.release()
    one, two = scenario.rows()
    scenario.send(one, SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1"))
    scenario.send(two)
    scenario.act(notice_facts.record_bounce, RESPONDER, two.id, "550 no such user")
    tasks = scenario.store.read(lambda uow: uow.cases.get(scenario.breach.case_id)).tasks

    assert len(tasks) == 3
    assert all(task.script and task.reason for task in tasks)
    assert [row.status for row in scenario.rows()] == [DeliveryStatus.BOUNCED] * 2
    with pytest.raises(NotAllowed):
        scenario.act(notice_facts.record_bounce, RESPONDER, two.id, "again")


def test_the_kill_switch_is_honoured_between_messages(scenario: Scenario) -> None:
    scenario.release()
    scenario.act(notice_facts.pause_notices, APPROVER, scenario.breach.id, True)
    row = scenario.rows()[0]

    assert scenario.outbox.list_due(scenario.now(), 9) == []
    assert not scenario.send(row)
    scenario.act(notice_facts.pause_notices, APPROVER, scenario.breach.id, False)
    assert scenario.send(scenario.rows()[0])


def test_what_expired_is_telephoned_and_never_mailed(scenario: Scenario) -> None:
    scenario.release()
    scenario.now.advance(hours=72)

    assert scenario.outbox.list_due(scenario.now(), 9) == []
    assert {row.status for row in scenario.rows()} == {DeliveryStatus.EXPIRED}
    assert len(scenario.calls()) == 3


def test_a_confirmed_receipt_and_only_that_is_delivered(scenario: Scenario) -> None:
    scenario.release()
    row = scenario.rows()[0]
    scenario.send(row)
    handed = scenario.rows()[0].status
    scenario.act(notice_facts.acknowledge_notice, RESPONDER, row.id)

    assert (handed, scenario.rows()[0].status) == (
        DeliveryStatus.HANDED_OVER,
        DeliveryStatus.DELIVERED,
    )


def test_a_second_letter_follows_the_first_in_its_thread(scenario: Scenario) -> None:
    scenario.release()
    first = scenario.rows()[0]
    scenario.send(first)
    scenario.now.advance(days=1)
    scenario.write(next_update=scenario.now() + timedelta(days=9))
    scenario.release()
    second = next(r for r in scenario.rows() if r.version == 2 and r.customer_id == "contoso")
    begun = scenario.outbox.start_attempt(second.id, "b1", "boot-1", scenario.now())

    assert begun is not None
    assert begun.in_reply_to == first.message_id != begun.message_id


def test_break_glass_is_refused_where_two_people_may_approve(scenario: Scenario) -> None:
    scenario.store.write(lambda uow: uow.users.save(make_user("blake", Permission.APPROVER)))

    with pytest.raises(NotAllowed, match="break-glass refused"):
        scenario.release(LONE, approve.approve_break_glass, reason="alone")


def test_one_person_alone_releases_late_and_under_a_witness(scenario: Scenario) -> None:
    scenario.disable("avery")
    with pytest.raises(BadInput, match="empty"):
        scenario.release(LONE, approve.approve_break_glass, reason=" ")
    with pytest.raises(IncompleteDocument, match="outsider"):
        scenario.release(LONE, approve.approve_break_glass, reason="alone")
    nominated = PROFILE.model_copy(update={"witness_email": "w@outside.example"})
    scenario.settings = scenario.settings.model_copy(update={"profile": nominated})
    scenario.release(LONE, approve.approve_break_glass, reason="alone")
    due = scenario.outbox.list_due(scenario.now(), 9)
    letter = next(r for r in scenario.rows() if r.kind is not NoticeKind.WITNESS)
    early = scenario.outbox.start_attempt(letter.id, "a0", "boot-1", scenario.now())
    attempt = scenario.outbox.start_attempt(due[0].id, "w1", "boot-1", scenario.now())
    scenario.outbox.finish_attempt(due[0].id, "w1", OK, scenario.now(), None)
    scenario.now.advance(minutes=15)

    assert [row.kind for row in due] == [NoticeKind.WITNESS]
    assert early is None
    assert attempt is not None
    assert attempt.to_email == "w@outside.example"
    assert not any(c in attempt.letter.text for c in ("Contoso", "Fabrikam", "guessed"))
    assert scenario.send(scenario.store.read(lambda uow: uow.notices.get(letter.id)))


def test_duties_stop_when_everybody_was_written_to_or_telephoned(scenario: Scenario) -> None:
    scenario.release()
    for row in scenario.rows():
        scenario.send(row)
    values_by_key = {c.kind: c for c in running(scenario)}
    assert values_by_key[ObligationKind.OWN_PROMISE].ended_at == scenario.now()
    assert values_by_key[ObligationKind.CONTROLLERS_ART33_2].ended_at is None
    for call in scenario.calls():
        scenario.act(
            telephone_calls.record_call, RESPONDER, scenario.breach.case_id, call,
            CallOutcome.REACHED_AND_TOLD, number="01632 960009", spoken_to="Jo", statement="understood",
        )  # fmt: skip
    after = {c.kind: c for c in running(scenario)}

    assert after[ObligationKind.CONTROLLERS_ART33_2].ended_at == scenario.now()
    assert after["ico_art33"].ended_at is None
    assert after[ObligationKind.NEXT_UPDATE].due == FACTS.next_update


def running(scenario: Scenario) -> Any:
    return scenario.store.read(
        lambda uow: obligations.list_obligations(uow, scenario.breach.id, scenario.now())
    )


NO = DecisionAnswer(
    yes=False, reasons="We publish no promise of that kind, and the risk is low for them."
)


def test_without_a_duty_to_tell_people_only_controllers_are_told(scenario: Scenario) -> None:
    scenario.decide(tell_people=NO, own_promise_binds=NO)
    letters = scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, scenario.renderer
        )
    )

    assert letters.rendered == ()
    assert [r.kind for r in letters.telephone] == [NoticeKind.CONTROLLER_PACK]
    assert scenario.release().count == 1
    assert not {ObligationKind.OWN_PROMISE, ObligationKind.ART34_PEOPLE} & {
        c.kind for c in running(scenario)
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"risk": " "}, "risk: needs the facts"),
        ({"tell_people": DecisionAnswer(yes=True, reasons="")}, "needs its reasons"),
        ({"own_promise_binds": DecisionAnswer(yes=False, reasons="no")}, "our own promise is said"),
        ({"art34_3_limb": "d"}, "no such limb"),
        ({"art34_3_limb": "a"}, "although people are told"),
        ({"tell_people": NO, "art34_3_limb": "a"}, "needs its evidence"),
        (
            {"tell_people": NO, "art34_3_limb": "c", "art34_3_evidence": "5,000 people"},
            "equally effective",
        ),
        ({"severity_score": 3.0, "severity": STOLEN}, "give 4.00"),
        ({"severity_score": 3.0}, "not scored"),
        ({"uk_ico": NOT_ASKED}, "is not answered"),
        ({"likely_harm": None}, "likely harm"),
        ({"safeguards_before": " "}, "safeguards before"),
        ({"edpb_comparison": None}, "comparison with the EDPB"),
        (
            {"uk_pecr": DecisionAnswer(yes=True, reasons="r")},
            "nothing on the frozen list falls under PECR",
        ),
    ],
)
def test_a_decision_that_does_not_hold_is_refused(
    scenario: Scenario, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        scenario.decide(**changes)


def test_a_letter_about_telecoms_data_never_says_that_the_ico_is_not_told(
    scenario: Scenario,
) -> None:
    scenario.freeze(pecr=PecrStatus.YES)
    no = DecisionAnswer(yes=False, reasons="The telecoms report takes its place.")
    yes = DecisionAnswer(yes=True, reasons="Call records of subscribers were reached.")
    scenario.decide(uk_ico=no, uk_pecr=yes, pecr_subscribers=yes, tell_people=NO)

    ready = scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, scenario.renderer
        )
    )

    texts = [" ".join(letter.text.split()) for letter in ready.rendered]
    assert len(texts) == 2
    assert all("We are going to tell the Information Commissioner" in text for text in texts)
    assert not any("We have not told" in text or "Article 34" in text for text in texts)
    assert all("reg. 5A(3)" in text for text in texts)


def a_hold(scenario: Scenario, **changes: Any) -> LawEnforcementHold:
    fields = {
        "asked_by": "Police", "asked_at": scenario.now(), "basis": "Sch. 2 para 2",
        "review_on": scenario.now() + timedelta(days=7),
    }  # fmt: skip
    return LawEnforcementHold.model_validate(fields | changes)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"asked_by": ""}, "who asked"),
        ({"review_on": datetime(2026, 11, 23, tzinfo=UTC)}, "past"),
        ({"stops": frozenset()}, "no letter is named"),
        (
            {"stops": {NotificationBasis.ART34, NotificationBasis.ART33_2}},
            "never stops what we tell a controller",
        ),
    ],
)
def test_a_hold_that_does_not_say_who_until_when_and_what_is_refused(
    scenario: Scenario, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        scenario.decide(hold=a_hold(scenario, **changes))


@pytest.mark.parametrize(
    ("stops", "expected", "by_law"),
    [
        ({NotificationBasis.ART34}, 2, False),
        ({NotificationBasis.ART34, NotificationBasis.OWN_PROMISE}, 0, False),
        ({NotificationBasis.OWN_PROMISE}, 2, True),
    ],
)
def test_a_hold_stops_the_letters_it_names_and_no_others(
    scenario: Scenario, stops: set[NotificationBasis], expected: int, by_law: bool
) -> None:
    scenario.decide(hold=a_hold(scenario, stops=stops))

    ready = scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, scenario.renderer
        )
    )

    assert len(ready.rendered) == expected
    assert len(ready.telephone) == 1, "a controller is told whatever anybody asks"
    assert all(("Article 34" in " ".join(r.text.split())) is by_law for r in ready.rendered)


def test_an_open_pecr_question_blocks_a_decision_not_to_report(scenario: Scenario) -> None:
    asking = make_binding("privacy@contoso.example").model_copy(update={"pecr": PecrStatus.ASK})
    scenario.store.write(lambda uow: uow.customers.bind(asking, scenario.now()))
    scenario.freeze()
    no = DecisionAnswer(yes=False, reasons="No risk is likely.")

    with pytest.raises(NotAllowed, match="PECR"):
        scenario.decide(uk_ico=no)
    assert scenario.decide().version == 2


def test_an_exemption_and_our_promise_collide_visibly(scenario: Scenario) -> None:
    decision = scenario.decide(
        tell_people=NO, art34_3_limb="a", art34_3_evidence="the disk was encrypted"
    )
    manifest = scenario.store.read(
        lambda uow: uow.breaches.find_latest(Manifest, scenario.breach.id)
    )
    assert manifest is not None
    remarks = list_remarks(decision, manifest.exposures)

    assert "An Art. 34(3) exemption does not cancel our own promise." in remarks


def test_a_contradiction_is_refused_by_name_until_it_has_a_reason(scenario: Scenario) -> None:
    no_report: dict[str, Any] = {
        "uk_ico": DecisionAnswer(yes=False, reasons="A risk is unlikely."),
        "edpb_case": 7,
    }
    with pytest.raises(IncompleteDocument) as refused:
        scenario.decide(**no_report)

    assert set(refused.value.missing) == {
        "A high risk, and no report",
        "The example was reported",
    }
    against = ("high_risk_unreported", "edpb_unreported")
    why = dict.fromkeys(against, "Our solicitor advises so; her letter is on file.")
    with pytest.raises(IncompleteDocument, match="EDPB"):
        scenario.decide(**no_report, departures=why | {"edpb_unreported": "x"})
    sealed = scenario.decide(**no_report, departures=why | {"score_told": "No such contradiction."})
    assert sealed.departures == why


def test_a_list_frozen_later_that_raises_more_stops_approval_until_it_is_decided(
    scenario: Scenario,
) -> None:
    scenario.freeze(pecr=PecrStatus.YES)
    with pytest.raises(IncompleteDocument, match="Tell subscribers under PECR: is not answered"):
        scenario.seal()

    yes = DecisionAnswer(yes=True, reasons="Call records of subscribers were reached.")
    no = DecisionAnswer(yes=False, reasons="No adverse effect on any subscriber is likely.")
    scenario.decide(uk_pecr=yes, pecr_subscribers=no)
    assert scenario.seal().count


def test_the_score_is_computed_and_is_there_only_when_complete(scenario: Scenario) -> None:
    why = {"score_near_boundary": "Bank details weigh more than one step of the table."}
    categories = scenario.store.read(
        lambda uow: list_scored_categories(
            None, uow.breaches.find_latest(Manifest, scenario.breach.id).exposures
        )  # type: ignore[union-attr]
    )
    data = dict.fromkeys(categories or (DataCategory.FINANCIAL,), 3)
    whole = STOLEN.model_copy(update={"data": data})

    assert scenario.decide(severity=whole, departures=why).severity_score == 4.0
    half = whole.model_copy(update={"integrity": None})
    assert scenario.decide(severity=half).severity_score is None


def test_facts_keep_to_what_may_be_said(scenario: Scenario) -> None:
    with pytest.raises(IncompleteDocument, match="evidence"):
        scenario.write(not_involved="Card data", not_involved_evidence="")
    with pytest.raises(BadInput, match="three to five"):
        scenario.write(steps=("One thing.",))
    with pytest.raises(BadInput, match="past"):
        scenario.write(next_update=scenario.now())


UNKNOWN = SendResult(outcome=SendOutcome.UNKNOWN)
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
UNSENDABLE = SendResult(outcome=SendOutcome.UNSENDABLE)


def written(scenario: Scenario) -> LetterSet:
    return scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, scenario.renderer
        )
    )


def change(scenario: Scenario, customer: str, **changes: Any) -> None:
    def work(uow: Any) -> None:
        uow.customers.save(uow.customers.get(customer).model_copy(update=changes))

    scenario.store.write(work)


def row_of(scenario: Scenario, customer: str, version: int = 1) -> NoticeRow:
    return next(r for r in scenario.rows() if (r.customer_id, r.version) == (customer, version))


def test_the_approver_sees_each_head_as_it_leaves(scenario: Scenario) -> None:
    ready = written(scenario)
    seen = build_heads(ready, SENDER)
    scenario.release()
    sent = scenario.outbox.start_attempt(
        row_of(scenario, "fabrikam").id, "a1", "boot", scenario.now()
    )

    assert sent is not None
    head = next(h for h in seen if h.to_email == sent.to_email)
    assert (head.from_name, head.from_email) == ("Penhallow IT", "notices@penhallow.example")
    assert (head.to_name, head.subject) == (sent.to_name, sent.letter.subject)
    assert head.envelope_sender == sent.envelope_sender == "notices@penhallow.example"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Fabrikam Holdings Ltd"},
        {"name": "Fabrikam Ltd\u202e"},
        {"default_email": "other@fabrikam.example"},
    ],
)
def test_a_changed_name_or_address_after_approval_voids_it_for_that_customer(
    scenario: Scenario, changes: dict[str, str]
) -> None:
    scenario.release()
    change(scenario, "fabrikam", **changes)

    assert not scenario.send(row_of(scenario, "fabrikam"))
    assert scenario.send(row_of(scenario, "contoso"))
    assert row_of(scenario, "fabrikam").status is DeliveryStatus.SKIPPED
    assert row_of(scenario, "fabrikam").status_reason


def test_a_changed_address_before_approval_stops_it_until_the_list_is_frozen_again(
    scenario: Scenario,
) -> None:
    before = scenario.seal()
    change(scenario, "fabrikam", default_email="other@fabrikam.example")
    with pytest.raises(NotAllowed, match="another contact than the frozen list"):
        scenario.seal()
    scenario.now.advance(minutes=1)
    scenario.freeze()

    assert scenario.seal().hash != before.hash


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "=?utf-8?q?Joe=0d=0aX-Injected:_yes?="},
        {"name": "Nine\nBcc: x"},
        {"default_email": "a@x..example"},
        {"default_email": '"x> RCPT TO:<b@y"@z.example'},
    ],
)
def test_what_an_older_release_let_in_stops_the_approval_with_the_place(
    scenario: Scenario, changes: dict[str, str]
) -> None:
    change(scenario, "fabrikam", people=(), **changes)
    scenario.freeze()

    with pytest.raises(IncompleteDocument, match=r"to fabrikam, (name|address)"):
        scenario.seal()


def test_hidden_characters_are_shown_in_head_and_letter_and_want_a_look(scenario: Scenario) -> None:
    change(scenario, "fabrikam", name="Fab\u202erikam Ltd", people=())
    scenario.freeze()
    ready = written(scenario)
    at = [r.customer_id for r in ready.recipients].index("fabrikam")

    assert build_heads(ready, SENDER)[at].to_name == "Fab[U+202E]rikam Ltd"
    assert any(
        p.severity == "warn" and "RIGHT-TO-LEFT OVERRIDE" in p.problem for p in ready.problems
    )
    assert "Dear Fab[U+202E]rikam Ltd," in ready.rendered[at].text
    assert "\u202e" not in ready.rendered[at].text + ready.rendered[at].html
    scenario.release()
    sent = scenario.outbox.start_attempt(
        row_of(scenario, "fabrikam").id, "a1", "boot", scenario.now()
    )
    assert sent is not None
    assert sent.to_name == "Fab[U+202E]rikam Ltd"


def test_a_sender_that_cannot_be_in_a_header_is_misconfigured(scenario: Scenario) -> None:
    for changes in ({"from_name": "a\nb"}, {"from_email": "a@b@c"}, {"envelope_from": "<>"}):
        with pytest.raises(ConfigurationError, match="sender main"):
            scenario.seal(SENDER.model_copy(update=changes))


def test_an_unsendable_row_ends_as_not_sent_with_a_telephone_task(scenario: Scenario) -> None:
    scenario.release()
    telephone_calls = len(scenario.calls())
    row = row_of(scenario, "fabrikam")
    scenario.send(row, UNSENDABLE)

    assert row_of(scenario, "fabrikam").status is DeliveryStatus.SKIPPED
    assert "no message can be made of it" in row_of(scenario, "fabrikam").status_reason
    assert len(scenario.calls()) == telephone_calls + 1


def version_two(scenario: Scenario) -> LetterSet:
    scenario.now.advance(hours=1)
    scenario.write()
    return written(scenario)


def fabrikams(ready: LetterSet) -> Any:
    at = [r.customer_id for r in ready.recipients].index("fabrikam")
    return ready.rendered[at]


def test_the_first_letter_that_ever_leaves_is_number_one_whatever_was_written_before(
    scenario: Scenario,
) -> None:
    for _ in range(3):
        scenario.now.advance(minutes=1)
        scenario.write()
    letter = fabrikams(written(scenario))

    assert letter.subject.startswith("Important")
    assert "our letter number 1 about this incident" in " ".join(letter.text.split())
    assert "replaces" not in letter.text


def test_only_who_was_told_before_reads_that_a_letter_is_replaced(scenario: Scenario) -> None:
    scenario.release()
    scenario.send(row_of(scenario, "fabrikam"))
    scenario.send(row_of(scenario, "contoso"), BOUNCED)
    ready = version_two(scenario)
    result = fabrikams(ready)
    other = next(r for r in ready.rendered if r.customer_id == "contoso")

    assert result.subject.startswith("Update")
    assert "replaces our letter number 1" in " ".join(result.text.split())
    assert "our letter number 2 about" in " ".join(result.text.split())
    assert other.subject.startswith("Important")
    assert "replaces" not in other.text


def test_after_an_unclear_end_the_letter_says_that_the_earlier_one_may_have_arrived(
    scenario: Scenario,
) -> None:
    scenario.release()
    scenario.send(row_of(scenario, "fabrikam"), UNKNOWN)
    letter = fabrikams(version_two(scenario))
    words = " ".join(letter.text.split())

    assert letter.subject.startswith("Important")
    assert "may have reached you before" in words
    assert "If you have our letter number 1, this letter replaces it." in words


def test_an_end_that_becomes_known_after_approval_does_not_change_the_approved_words(
    scenario: Scenario,
) -> None:
    scenario.release()
    scenario.send(row_of(scenario, "fabrikam"), UNKNOWN)
    version_two(scenario)
    scenario.release()
    first = row_of(scenario, "fabrikam")
    scenario.act(
        notice_facts.resolve_unknown, RESPONDER, first.id, DeliveryStatus.HANDED_OVER, "log"
    )

    assert scenario.send(row_of(scenario, "fabrikam", 2), attempt="a2")
    third = " ".join(fabrikams(version_two(scenario)).text.split())
    assert "our letter number 3 about" in third
    assert "replaces our letter number 2" in third
