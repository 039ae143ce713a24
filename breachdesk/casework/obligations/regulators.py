"""Obligation to report to the regulator: its clock runs until a submission is recorded or the
decision is that no report is needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from breachdesk.casework.affected.group_records import list_affected
from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation
from breachdesk.gdpr import roles
from breachdesk.gdpr.deadlines import compute_shadow_deadline
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.raised import list_raised_questions
from breachdesk.gdpr.regulators import list_applicable, list_presumed, list_scopes
from schemas.casework.decision import Decision
from schemas.casework.obligation import Obligation
from schemas.casework.report import Submission
from schemas.customer import DataRole
from schemas.errors import BadInput, NotFound
from schemas.law import LawAuthority, LawBook


def build_regulator_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """Build one obligation for each report that the frozen list requires: a breach may owe several,
    each for its own part. Until the list is frozen, and where nothing of ours was reached, build
    those that are presumed."""
    exposures = dossier.manifest.exposures if dossier.manifest else ()
    reported_to = dossier.uow.law.reported_to
    scopes = list_scopes(
        dossier.decision,
        exposures,
        groups=bool(list_affected(dossier.uow, dossier.case.id)),
        reported_to=reported_to,
    )
    owed = [scope.jurisdiction for scope in scopes] or list_presumed(reported_to)
    for plugin in owed:
        yield _build_report_obligation(dossier, plugin)


def check_law(law: LawBook, aware_at: datetime) -> None:
    """Raise BadInput for an awareness before the law that sets the clocks: no page with a clock
    could be shown."""
    try:
        for plugin in list_applicable(law.reported_to):
            plugin.get_law(law, aware_at)
    except NotFound as problem:
        raise BadInput(
            "no law that we know was in force on that day",
            place="aware since",
            remedy="Correct the year.",
        ) from problem


def _build_report_obligation(dossier: BreachDossier, plugin: Jurisdiction) -> Obligation:
    breach, book = dossier.breach, dossier.uow.law
    law, deadline = (
        plugin.get_law(book, breach.aware_at),
        plugin.compute_deadline(book, breach.aware_at),
    )
    authority = plugin.get_authority(book, dossier.now)
    worst = compute_shadow_deadline(breach.detected_at, breach.aware_at, law)
    ended_at, ended_by = _find_end(dossier, plugin)
    return build_obligation(
        dossier,
        plugin.clock,
        jurisdiction=plugin.id,
        title=f"Report to {_format_authority(authority)} ({plugin.title})",
        started_at=deadline.started_at,
        due=deadline.due,
        ended_at=ended_at,
        ended_by=ended_by,
        due_from_alert=worst.due if worst else None,
        law=law,
        note=" ".join(_list_notes(dossier, plugin)) or None,
    )


def _format_authority(authority: LawAuthority) -> str:
    return f"the {authority.short}" if authority.short else authority.title


def _find_end(dossier: BreachDossier, plugin: Jurisdiction) -> tuple[datetime | None, str | None]:
    first = next((s for s in dossier.submissions if s.jurisdiction == plugin.id), None)
    if first is not None:
        return first.submitted_at, _describe_submission(first)
    against = _find_decision_against(dossier, plugin)
    if against is not None:
        how = "decided not to report"
        if not against.report_answer(plugin.id).asked:
            how = "not asked, for nothing that we are controller of was on the list"
        return against.decided_at, f"{how}, decision {against.version}, by {against.decided_by}"
    return None, None


def _describe_submission(submission: Submission) -> str:
    named = f", reference {submission.reference}" if submission.reference else ""
    return f"submission {submission.number}{named}"


def _find_decision_against(dossier: BreachDossier, plugin: Jurisdiction) -> Decision | None:
    """Find the decision since which no report is needed. None: a report is needed, or nothing is
    decided. A decision does not end a report that is owed whatever the risk."""
    since: Decision | None = None
    for decision in () if plugin.whatever_the_risk else dossier.decisions:
        answer = decision.report_answer(plugin.id)
        unsaid = not answer.asked and _is_asked(dossier, plugin, decision)
        since = None if answer.yes or unsaid else since or decision
    return since


def _is_asked(dossier: BreachDossier, plugin: Jurisdiction, decision: Decision) -> bool:
    """Whether what is affected now raises the question whether to report."""
    groups = bool(list_affected(dossier.uow, dossier.case.id))
    exposures = dossier.manifest.exposures if dossier.manifest else ()
    questions = list_raised_questions(
        exposures, decision=decision, groups=groups, reported_to=dossier.uow.law.reported_to
    )
    return plugin.question_key in questions


def _list_notes(dossier: BreachDossier, plugin: Jurisdiction) -> Iterator[str]:
    if _find_decision_against(dossier, plugin) is not None:
        yield "A changed decision counts from the same awareness."
    manifest = dossier.manifest
    ours = manifest is None or roles.select_reached(manifest.exposures, DataRole.CONTROLLER)
    if not (ours or list_affected(dossier.uow, dossier.case.id)):
        yield "The frozen list holds nothing for which we are controller."
