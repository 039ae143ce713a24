"""The report to the regulator: its clock runs until a submission is recorded or it is decided that
nothing need be reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from breachdesk.casework.affected.group_records import list_affected
from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.making import build_obligation
from breachdesk.gdpr import roles
from breachdesk.gdpr.deadlines import compute_shadow_deadline
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.raised import DecisionQuestion, list_raised_questions
from breachdesk.gdpr.roles import NotificationTrack
from breachdesk.jurisdictions import get_jurisdiction, list_jurisdictions
from schemas.casework.decision import Decision
from schemas.casework.obligation import Obligation
from schemas.casework.report import Submission
from schemas.customer import DataRole
from schemas.errors import BadInput, NotFound
from schemas.law import LawAuthority, LawBook

ICO, PECR = "uk_ico", "uk_pecr"
HOME = (ICO, PECR)


def build_regulator_obligations(dossier: BreachDossier) -> Iterator[Obligation]:
    """One for each report that the frozen list brings: a breach may owe both, each for its own
    part. Until it is frozen, and where nothing of ours was reached, the report to the ICO."""
    exposures = dossier.manifest.exposures if dossier.manifest else ()
    groups = bool(list_affected(dossier.uow, dossier.case.id))
    tracks = roles.compute_regulator_tracks(dossier.decision, exposures, groups=groups)
    forms = {track.jurisdiction for track in tracks} or {ICO}
    counted = {track.track for track in tracks} or {NotificationTrack.ICO}
    others = {p.id for p in _list_other_regulators(dossier.uow.law) if p.track in counted}
    for form in sorted(forms | others):
        yield _build_report_obligation(dossier, get_jurisdiction(form))


def _list_other_regulators(law: LawBook) -> tuple[Jurisdiction, ...]:
    """Regulators outside the United Kingdom that this installation reports to."""
    known = list_jurisdictions()
    return tuple(known[name] for name in law.reported_to if name in known and name not in HOME)


def check_law(law: LawBook, aware_at: datetime) -> None:
    """Raises BadInput for an awareness before the law that sets the clocks: no page that shows a
    clock could be read."""
    try:
        for plugin in (*map(get_jurisdiction, HOME), *_list_other_regulators(law)):
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
        plugin.duty,
        id=plugin.duty.value if plugin.id in HOME else f"{plugin.duty}:{plugin.id}",
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
        if not against.report_to_ico.asked:
            how = "not asked, for nothing that we are controller of was on the list"
        return against.decided_at, f"{how}, decision {against.version}, by {against.decided_by}"
    return None, None


def _describe_submission(submission: Submission) -> str:
    named = f", reference {submission.reference}" if submission.reference else ""
    return f"submission {submission.number}{named}"


def _find_decision_against(dossier: BreachDossier, plugin: Jurisdiction) -> Decision | None:
    """The decision since which nothing is to be reported; None: something is, or nobody said. What
    is under PECR is reported whatever the risk."""
    since: Decision | None = None
    for decision in dossier.decisions if plugin.track is NotificationTrack.ICO else ():
        answer = decision.report_to_ico
        unsaid = not answer.asked and _is_asked(dossier, decision)
        since = None if answer.yes or unsaid else since or decision
    return since


def _is_asked(dossier: BreachDossier, decision: Decision) -> bool:
    """Does what is affected now raise the question whether to report under Art. 33?"""
    groups = bool(list_affected(dossier.uow, dossier.case.id))
    exposures = dossier.manifest.exposures if dossier.manifest else ()
    questions = list_raised_questions(exposures, pecr=decision.pecr.yes, groups=groups)
    return DecisionQuestion.REPORT_TO_ICO in questions


def _list_notes(dossier: BreachDossier, plugin: Jurisdiction) -> Iterator[str]:
    if _find_decision_against(dossier, plugin) is not None:
        yield "A changed decision counts from the same awareness."
    manifest = dossier.manifest
    ours = manifest is None or roles.select_reached(manifest.exposures, DataRole.CONTROLLER)
    if not (ours or list_affected(dossier.uow, dossier.case.id)):
        yield "The frozen list holds nothing for which we are controller."
