"""Perform the acts of the demo's three people through casework, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from breachdesk.bootstrap.container import Container
from breachdesk.casework.affected import affected_list
from breachdesk.casework.breach import confirm, report
from breachdesk.casework.breach.form_facts import find_facts
from breachdesk.casework.decision import decide
from breachdesk.casework.delivery import telephone_calls
from breachdesk.casework.opening import cases, triage
from breachdesk.casework.opening.causes import build_finding
from breachdesk.casework.release import approve, notice_facts
from breachdesk.demo import provider, report_words, words
from breachdesk.demo.feed import get_actor
from breachdesk.demo.setup import DemoClock
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Certainty, Exposure
from schemas.casework.approval import Approval
from schemas.casework.breach import Breach
from schemas.casework.case import (
    CallOutcome,
    Case,
    CaseTask,
    ContainmentKind,
    ContainmentScope,
    TaskKind,
)
from schemas.casework.cause import BreachCause
from schemas.customer import DataRole
from schemas.errors import CorruptData
from schemas.pipeline.alert import AlertView, Severity

TRIAGE = datetime(2026, 11, 23, 8, 52, tzinfo=UTC)
AWARE = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
FROZEN = datetime(2026, 11, 23, 10, 48, tzinfo=UTC)
APPROVED = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
REPORTED = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)

VICTIM = (provider.VICTIM,)
CONTAINED = (
    (
        ContainmentKind.PRESERVE_EVIDENCE,
        "copied the sign-in, file and web server records before any change",
        ContainmentScope.EVERYTHING,
        (),
    ),
    (
        ContainmentKind.BLOCK_SOURCE,
        "ended the stranger's session at our billing panel and closed the panel to the address",
        ContainmentScope.OUR_DATA,
        (),
    ),
    (
        ContainmentKind.RESET_CREDENTIALS,
        "set new passwords and a second factor for our staff accounts",
        ContainmentScope.OUR_DATA,
        (),
    ),
    (
        ContainmentKind.REVOKE_SESSIONS,
        "ended every open session of the account",
        ContainmentScope.CUSTOMERS_DATA,
        VICTIM,
    ),
    (
        ContainmentKind.RESET_CREDENTIALS,
        "set a new password and a second factor",
        ContainmentScope.CUSTOMERS_DATA,
        VICTIM,
    ),
    (
        ContainmentKind.REMOVE_RULES,
        "removed the mailbox rule that copied mail outside",
        ContainmentScope.CUSTOMERS_DATA,
        VICTIM,
    ),
    (
        ContainmentKind.BLOCK_SOURCE,
        "blocked the address that the tries came from",
        ContainmentScope.CUSTOMERS_DATA,
        (),
    ),
)


def triage_alerts(container: Container, clock: DemoClock) -> Case:
    """Dismiss the noise as the analyst, and open one case of the related alerts."""
    clock.move_to(TRIAGE)

    def open_case(uow: UnitOfWork) -> Case:
        analyst, now = get_actor("analyst"), container.now()
        alerts = uow.alerts.list()
        story, noise = split_alerts(alerts)
        if not story:
            raise CorruptData("the demo raised no grave alert", remedy="Reinstall BreachDesk.")
        for alert in noise:
            triage.dismiss_alert(
                uow, analyst, alert.pk, alert.version, alert.fingerprint, words.NOISE, now
            )
        triage.assign_alert(uow, analyst, story[0].pk, story[0].version, analyst.id, now)
        triage.add_comment(uow, analyst, story[0].pk, words.FIRST_LOOK, now)
        return triage.open_case(uow, analyst, [a.pk for a in story], words.TITLE, now, drill=True)

    return container.store.write(open_case)


def split_alerts(alerts: Sequence[AlertView]) -> tuple[list[AlertView], list[AlertView]]:
    """Split alerts into severe ones, the most severe first, and those too low to investigate."""
    story = [a for a in alerts if a.severity.rank >= Severity.HIGH.rank]
    noise = [a for a in alerts if a.severity.rank <= Severity.LOW.rank]
    return story, noise


def confirm_breach(container: Container, clock: DemoClock, case: Case) -> Breach:
    """Contain as the responder, then declare awareness: the clocks start."""
    clock.move_to(AWARE)

    def confirm_case(uow: UnitOfWork) -> Breach:
        responder, now = get_actor("responder"), container.now()
        cases.take_lead(uow, responder, case.id, now)
        for kind, text, concerns, customers in CONTAINED:
            cases.add_containment(
                uow, responder, case.id, kind, text, now,
                done_at=now, concerns=concerns, customers=customers,
            )  # fmt: skip
        return confirm.confirm_breach(
            uow,
            responder,
            case.id,
            reason=words.REASON,
            aware_at=AWARE,
            occurred_from=datetime(2026, 11, 22, 3, 7, tzinfo=UTC),
            occurred_to=datetime(2026, 11, 22, 3, 52, tzinfo=UTC),
            now=now,
            cause=build_finding(responder.id, BreachCause.STOLEN_CREDENTIALS, None, now),
        )

    return container.store.write(confirm_case)


def freeze_and_decide(container: Container, clock: DemoClock, breach: Breach) -> None:
    """Freeze the affected list, answer the questions, and write the letters' facts."""
    clock.move_to(FROZEN)

    def write_decision(uow: UnitOfWork) -> None:
        responder, now = get_actor("responder"), container.now()
        exposures = review_exposures(affected_list.propose(uow, breach.id))
        manifest = affected_list.freeze(uow, responder, breach.id, exposures, now)
        form = report.default_jurisdiction(uow.law)
        decision = words.build_decision(breach, manifest, responder.id, now, form)
        decide.record_decision(uow, responder, decision, now)
        notice_facts.write_facts(uow, responder, words.build_facts(breach, responder.id, now), now)
        filed = report_words.build_report_facts(breach, manifest, responder.id, now, form)
        report.write_report(uow, responder, filed, now)

    container.store.write(write_decision)


def review_exposures(proposed: tuple[Exposure, ...]) -> tuple[Exposure, ...]:
    """Review the proposal as the responder. The panel could reach every account, so the proposal
    says `possible` of all of them; those whose record was not opened, by the panel's own log, are
    excluded."""
    looked = proposed
    for exposure in proposed:
        reached_only = exposure.certainty is Certainty.POSSIBLE and not exposure.assets
        if exposure.role is DataRole.CONTROLLER and reached_only:
            looked = affected_list.override(
                looked,
                exposure.customer_id,
                exposure.role,
                Certainty.EXCLUDED,
                words.PANEL_LOG,
                get_actor("responder"),
            )
    return looked


def approve_release(container: Container, clock: DemoClock, breach: Breach) -> Approval:
    """Approve as another person, who reads every letter, types their number and releases them."""
    clock.move_to(APPROVED)
    sender = container.get_sender()

    def approve_sealed(uow: UnitOfWork) -> Approval:
        seal = approve.compute_seal(uow, breach.id, container.settings, container.renderer, sender)
        return approve.approve(
            uow,
            get_actor("approver"),
            breach.id,
            count=seal.count,
            expected_hash=seal.hash,
            settings=container.settings,
            renderer=container.renderer,
            sender=sender,
            now=container.now(),
        )

    return container.store.write(approve_sealed)


def call_and_report(container: Container, clock: DemoClock, case: Case, breach: Breach) -> None:
    """Complete telephone tasks, and record the drill's submission to the regulator."""
    clock.move_to(REPORTED)

    def record_calls(uow: UnitOfWork) -> None:
        responder, now = get_actor("responder"), container.now()
        for task in uow.cases.get(case.id).tasks:
            if task.done_at is None:
                _complete_task(uow, case.id, task, now)
        form = report.default_jurisdiction(uow.law)
        facts = find_facts(uow, breach.id, form)
        if facts is not None:
            report.write_report(uow, responder, report_words.build_facts_after_letters(facts), now)
        report.submit_report(
            uow,
            responder,
            breach.id,
            form,
            submitted_at=now - timedelta(minutes=2),
            channel="online form (drill: nothing was sent)",
            reference="DRILL-0001",
            settings=container.settings,
            now=now,
        )

    container.store.write(record_calls)


def _complete_task(uow: UnitOfWork, case_id: str, task: CaseTask, now: datetime) -> None:
    responder = get_actor("responder")
    if task.kind is not TaskKind.TELEPHONE:
        cases.complete_task(uow, responder, case_id, task.id, words.CHECKED, now)
        return
    telephone_calls.record_call(
        uow, responder, case_id, task.id, CallOutcome.REACHED_AND_TOLD,
        at=now - timedelta(minutes=10), number=task.number or words.INVOICE_NUMBER,
        spoken_to=words.SPOKEN_TO, statement=words.TELEPHONED, wants_it_in_writing=True, now=now,
    )  # fmt: skip
