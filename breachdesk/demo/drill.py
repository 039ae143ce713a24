"""The drill: what the demo's three people would do, act by act, through the same casework."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from breachdesk.bootstrap.house import Premises
from breachdesk.casework import (
    affected,
    approve,
    calls,
    cases,
    confirm,
    decide,
    notify,
    report,
    triage,
)
from breachdesk.casework.causes import finding
from breachdesk.casework.filings import facts_for
from breachdesk.demo import cast, report_words, words
from breachdesk.demo.play import actor
from breachdesk.demo.stage import StageClock
from breachdesk.ports import UnitOfWork
from schemas.affected import Certainty, Exposure
from schemas.alert import AlertView, Severity
from schemas.approval import Approval
from schemas.breach import Breach
from schemas.case import CallOutcome, Case, Concern, ContainmentKind, Task, TaskKind
from schemas.cause import Cause
from schemas.customer import Role
from schemas.errors import Corrupt

TRIAGE = datetime(2026, 11, 23, 8, 52, tzinfo=UTC)
AWARE = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)
FROZEN = datetime(2026, 11, 23, 10, 48, tzinfo=UTC)
APPROVED = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
REPORTED = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)

VICTIM = (cast.VICTIM,)
CONTAINED = (
    (
        ContainmentKind.PRESERVE_EVIDENCE,
        "copied the sign-in, file and web server records before any change",
        Concern.EVERYTHING,
        (),
    ),
    (
        ContainmentKind.BLOCK_SOURCE,
        "ended the stranger's session at our billing panel and closed the panel to the address",
        Concern.OUR_DATA,
        (),
    ),
    (
        ContainmentKind.RESET_CREDENTIALS,
        "set new passwords and a second factor for our staff accounts",
        Concern.OUR_DATA,
        (),
    ),
    (
        ContainmentKind.REVOKE_SESSIONS,
        "ended every open session of the account",
        Concern.CUSTOMERS_DATA,
        VICTIM,
    ),
    (
        ContainmentKind.RESET_CREDENTIALS,
        "set a new password and a second factor",
        Concern.CUSTOMERS_DATA,
        VICTIM,
    ),
    (
        ContainmentKind.REMOVE_RULES,
        "removed the mailbox rule that copied mail outside",
        Concern.CUSTOMERS_DATA,
        VICTIM,
    ),
    (
        ContainmentKind.BLOCK_SOURCE,
        "blocked the address that the tries came from",
        Concern.CUSTOMERS_DATA,
        (),
    ),
)


def triage_alerts(house: Premises, clock: StageClock) -> Case:
    """The analyst dismisses the noise and opens one case of what belongs together."""
    clock.move_to(TRIAGE)

    def work(uow: UnitOfWork) -> Case:
        analyst, now = actor("analyst"), house.now()
        alerts = uow.alerts.list()
        story, noise = part(alerts)
        if not story:
            raise Corrupt("the demo raised no grave alert", remedy="Reinstall BreachDesk.")
        for alert in noise:
            triage.dismiss(
                uow, analyst, alert.pk, alert.version, alert.fingerprint, words.NOISE, now
            )
        triage.assign(uow, analyst, story[0].pk, story[0].version, analyst.id, now)
        triage.comment(uow, analyst, story[0].pk, words.FIRST_LOOK, now)
        return triage.open_case(uow, analyst, [a.pk for a in story], words.TITLE, now, drill=True)

    return house.store.act(work)


def part(alerts: Sequence[AlertView]) -> tuple[list[AlertView], list[AlertView]]:
    """The grave ones, gravest first, and those too low to look into twice."""
    story = [a for a in alerts if a.severity.rank >= Severity.HIGH.rank]
    noise = [a for a in alerts if a.severity.rank <= Severity.LOW.rank]
    return story, noise


def confirm_breach(house: Premises, clock: StageClock, case: Case) -> Breach:
    """The responder contains, then declares awareness: the clocks start."""
    clock.move_to(AWARE)

    def work(uow: UnitOfWork) -> Breach:
        responder, now = actor("responder"), house.now()
        cases.take_lead(uow, responder, case.id, now)
        for kind, text, concerns, customers in CONTAINED:
            cases.add_containment(
                uow, responder, case.id, kind, text, now,
                done_at=now, concerns=concerns, customers=customers,
            )  # fmt: skip
        return confirm.confirm(
            uow,
            responder,
            case.id,
            reason=words.REASON,
            aware_at=AWARE,
            occurred_from=datetime(2026, 11, 22, 3, 7, tzinfo=UTC),
            occurred_to=datetime(2026, 11, 22, 3, 52, tzinfo=UTC),
            now=now,
            cause=finding(responder.id, Cause.STOLEN_CREDENTIALS, None, now),
        )

    return house.store.act(work)


def freeze_and_decide(house: Premises, clock: StageClock, breach: Breach) -> None:
    """The affected list is frozen, the questions answered, the letters' facts written."""
    clock.move_to(FROZEN)

    def work(uow: UnitOfWork) -> None:
        responder, now = actor("responder"), house.now()
        exposures = look_through(affected.propose(uow, breach.id))
        manifest = affected.freeze(uow, responder, breach.id, exposures, now)
        decision = words.decision(breach, manifest, responder.id, now)
        decide.decide(uow, responder, decision, now)
        notify.write_facts(uow, responder, words.facts(breach, responder.id, now), now)
        filed = report_words.report_facts(breach, manifest, responder.id, now)
        report.write_report(uow, responder, filed, now)

    house.store.act(work)


def look_through(proposed: tuple[Exposure, ...]) -> tuple[Exposure, ...]:
    """The panel could reach every account, so the proposal says `possible` of all of them. The
    responder reads the panel's own log and excludes those whose record it shows was not opened."""
    looked = proposed
    for exposure in proposed:
        reached_only = exposure.certainty is Certainty.POSSIBLE and not exposure.assets
        if exposure.role is Role.CONTROLLER and reached_only:
            looked = affected.override(
                looked,
                exposure.customer_id,
                exposure.role,
                Certainty.EXCLUDED,
                words.PANEL_LOG,
                actor("responder"),
            )
    return looked


def approve_release(house: Premises, clock: StageClock, breach: Breach) -> Approval:
    """Another person reads every letter, types their number and releases them."""
    clock.move_to(APPROVED)
    sender = house.sender()

    def work(uow: UnitOfWork) -> Approval:
        seal = approve.seal(uow, breach.id, house.settings, house.renderer, sender)
        return approve.approve(
            uow,
            actor("approver"),
            breach.id,
            count=seal.count,
            expected_hash=seal.hash,
            settings=house.settings,
            renderer=house.renderer,
            sender=sender,
            now=house.now(),
        )

    return house.store.act(work)


def telephone_and_report(house: Premises, clock: StageClock, case: Case, breach: Breach) -> None:
    """Telephone tasks are done, and the drill's submission to the ICO is recorded."""
    clock.move_to(REPORTED)

    def work(uow: UnitOfWork) -> None:
        responder, now = actor("responder"), house.now()
        for task in uow.cases.get(case.id).tasks:
            if task.done_at is None:
                _do_task(uow, case.id, task, now)
        facts = facts_for(uow, breach.id, "uk_ico")
        if facts is not None:
            report.write_report(uow, responder, report_words.after_the_letters(facts), now)
        report.submit(
            uow,
            responder,
            breach.id,
            "uk_ico",
            submitted_at=now - timedelta(minutes=2),
            channel="online form (drill: nothing was sent)",
            reference="DRILL-0001",
            settings=house.settings,
            now=now,
        )

    house.store.act(work)


def _do_task(uow: UnitOfWork, case_id: str, task: Task, now: datetime) -> None:
    responder = actor("responder")
    if task.kind is not TaskKind.TELEPHONE:
        cases.complete_task(uow, responder, case_id, task.id, words.CHECKED, now)
        return
    calls.record_call(
        uow, responder, case_id, task.id, CallOutcome.REACHED_AND_TOLD,
        at=now - timedelta(minutes=10), number=task.number or words.INVOICE_NUMBER,
        spoken_to=words.SPOKEN_TO, said=words.TELEPHONED, wants_it_in_writing=True, now=now,
    )  # fmt: skip
