"""The report to the regulator: its clock runs until a submission is recorded or it is decided that
nothing need be reported."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from breachdesk.casework.groups import affected_groups
from breachdesk.casework.obligations.dossier import Dossier
from breachdesk.casework.obligations.making import obligation
from breachdesk.gdpr import roles
from breachdesk.gdpr.deadlines import shadow
from breachdesk.gdpr.jurisdiction import Jurisdiction
from breachdesk.gdpr.raised import Question, raised
from breachdesk.gdpr.roles import Track
from breachdesk.jurisdictions import jurisdiction, jurisdictions
from schemas.customer import Role
from schemas.decision import Decision
from schemas.errors import BadInput, NotFound
from schemas.law import Authority, LawBook
from schemas.obligation import Obligation
from schemas.report import Submission

ICO, PECR = "uk_ico", "uk_pecr"
HOME = (ICO, PECR)


def regulators(dossier: Dossier) -> Iterator[Obligation]:
    """One for each report that the frozen list brings: a breach may owe both, each for its own
    part. Until it is frozen, and where nothing of ours was reached, the report to the ICO."""
    exposures = dossier.manifest.exposures if dossier.manifest else ()
    groups = bool(affected_groups(dossier.uow, dossier.case.id))
    tracks = roles.regulator_tracks(dossier.decision, exposures, groups=groups)
    forms = {track.jurisdiction for track in tracks} or {ICO}
    counted = {track.track for track in tracks} or {Track.ICO}
    others = {p.id for p in _others(dossier.uow.law) if p.track in counted}
    for form in sorted(forms | others):
        yield _report(dossier, jurisdiction(form))


def _others(law: LawBook) -> tuple[Jurisdiction, ...]:
    """Regulators outside the United Kingdom that this installation reports to."""
    known = jurisdictions()
    return tuple(known[name] for name in law.reported_to if name in known and name not in HOME)


def check_law(law: LawBook, aware_at: datetime) -> None:
    """Raises BadInput for an awareness before the law that sets the clocks: no page that shows a
    clock could be read."""
    try:
        for plugin in (*map(jurisdiction, HOME), *_others(law)):
            plugin.law_at(law, aware_at)
    except NotFound as problem:
        raise BadInput(
            "no law that we know was in force on that day",
            place="aware since",
            remedy="Correct the year.",
        ) from problem


def _report(dossier: Dossier, plugin: Jurisdiction) -> Obligation:
    breach, book = dossier.breach, dossier.uow.law
    law, deadline = plugin.law_at(book, breach.aware_at), plugin.deadline(book, breach.aware_at)
    authority = plugin.authority_at(book, dossier.now)
    worst = shadow(breach.detected_at, breach.aware_at, law)
    ended_at, ended_by = _end(dossier, plugin)
    return obligation(
        dossier,
        plugin.duty,
        id=plugin.duty.value if plugin.id in HOME else f"{plugin.duty}:{plugin.id}",
        title=f"Report to {_named(authority)} ({plugin.title})",
        started_at=deadline.started_at,
        due=deadline.due,
        ended_at=ended_at,
        ended_by=ended_by,
        due_from_alert=worst.due if worst else None,
        law=law,
        note=" ".join(_notes(dossier, plugin)) or None,
    )


def _named(authority: Authority) -> str:
    return f"the {authority.short}" if authority.short else authority.title


def _end(dossier: Dossier, plugin: Jurisdiction) -> tuple[datetime | None, str | None]:
    first = next((s for s in dossier.submissions if s.jurisdiction == plugin.id), None)
    if first is not None:
        return first.submitted_at, _submitted(first)
    against = _decided_against(dossier, plugin)
    if against is not None:
        said = "decided not to report"
        if not against.report_to_ico.asked:
            said = "not asked, for nothing that we are controller of was on the list"
        return against.decided_at, f"{said}, decision {against.version}, by {against.decided_by}"
    return None, None


def _submitted(submission: Submission) -> str:
    named = f", reference {submission.reference}" if submission.reference else ""
    return f"submission {submission.number}{named}"


def _decided_against(dossier: Dossier, plugin: Jurisdiction) -> Decision | None:
    """The decision since which nothing is to be reported; None: something is, or nobody said. What
    is under PECR is reported whatever the risk."""
    since: Decision | None = None
    for decision in dossier.decisions if plugin.track is Track.ICO else ():
        answer = decision.report_to_ico
        unsaid = not answer.asked and _is_asked(dossier, decision)
        since = None if answer.yes or unsaid else since or decision
    return since


def _is_asked(dossier: Dossier, decision: Decision) -> bool:
    """Does what is affected now raise the question whether to report under Art. 33?"""
    groups = bool(affected_groups(dossier.uow, dossier.case.id))
    exposures = dossier.manifest.exposures if dossier.manifest else ()
    asked = raised(exposures, pecr=decision.pecr.yes, groups=groups)
    return Question.REPORT_TO_ICO in asked


def _notes(dossier: Dossier, plugin: Jurisdiction) -> Iterator[str]:
    if _decided_against(dossier, plugin) is not None:
        yield "A changed decision counts from the same awareness."
    manifest = dossier.manifest
    ours = manifest is None or roles.reached(manifest.exposures, Role.CONTROLLER)
    if not (ours or affected_groups(dossier.uow, dossier.case.id)):
        yield "The frozen list holds nothing for which we are controller."
