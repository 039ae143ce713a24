"""A regulator's report: each question with its answer, what is missing and owed, files,
and the record that it was filed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.breach import report
from breachdesk.casework.breach.form_facts import find_facts
from breachdesk.casework.breach.report_prefill import ReportProposals, build_proposals
from breachdesk.console.screens.cases.decision import list_sealed_tensions
from breachdesk.console.screens.cases.letters import build_download
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.report_form import (
    EVERY,
    FIELDS,
    TICKS,
    collect_fields,
    get_row_range,
    parse_facts,
)
from breachdesk.console.web.permissions import RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr.personal_data.report_redaction import RedactionAccount
from breachdesk.gdpr.regulators import (
    answered_yes,
    list_applicable,
    list_presumed,
    list_scopes,
)
from breachdesk.jurisdictions import get_jurisdiction, list_jurisdictions
from breachdesk.ports import UnitOfWork
from schemas.casework.list_outline import ListOutline
from schemas.casework.report import RegulatorReport, ReportFacts, Submission
from schemas.errors import BreachDeskError
from schemas.law import LawForm
from schemas.text_signs import escape_json

router = APIRouter()


@dataclass(frozen=True)
class ReportPage:
    """One report of a case, and the forms that the case may file."""

    file: CaseFile
    report: RegulatorReport
    form: LawForm
    forms: tuple[tuple[str, str], ...]
    """Id and title of each report that this breach brings."""
    facts: ReportFacts
    proposals: ReportProposals
    redaction: RedactionAccount

    @property
    def submissions(self) -> tuple[Submission, ...]:
        """Of this report."""
        return tuple(s for s in self.file.submissions if s.jurisdiction == self.report.jurisdiction)


@router.get("/cases/{case_id}/report")
def show_report(case_id: str, context: SignedIn, form: str = "") -> Response:
    """The report with the present facts, and the form of its facts."""
    return _show(context, case_id, form, None)


@router.post("/cases/{case_id}/report")
@requires(RESPONDER)
def submit_facts(case_id: str, context: SignedIn, form: Posted) -> Response:
    """The next version of the facts."""
    return context.submit(
        lambda uow: _save_facts(uow, context, case_id, form),
        then=f"/cases/{case_id}/report?form={form.get_text('form')}",
        message="report",
        on_error=lambda problem: _show(context, case_id, form.get_text("form"), form, problem),
    )


@router.post("/cases/{case_id}/report/submit")
@requires(RESPONDER)
def submit_report(case_id: str, context: SignedIn, form: Posted) -> Response:
    """A person filed it: the only thing that stops the clock."""
    return context.submit(
        lambda uow: _record_submission(uow, context, case_id, form),
        then=f"/cases/{case_id}/report?form={form.get_text('form')}",
        message="submitted",
        on_error=lambda problem: _show(context, case_id, form.get_text("form"), form, problem),
    )


@router.get("/cases/{case_id}/report/copy")
def show_copy(case_id: str, context: SignedIn, form: str = "") -> Response:
    """To copy from, question by question, in the form's order."""
    page = context.look(lambda uow: _read_page(uow, context, case_id, form))
    return context.render_page(
        "report_copy.html",
        file=page.file,
        case=page.file.case,
        report=page.report,
        text=context.dependencies.renderer.render_report_text(page.report),
    )


@router.get("/cases/{case_id}/report.pdf")
def download_pdf(case_id: str, context: SignedIn, form: str = "") -> Response:
    """The report as PDF."""
    built = context.look(lambda uow: _read_page(uow, context, case_id, form)).report
    content = context.dependencies.renderer.render_report_pdf(
        built, context.dependencies.settings.profile
    )
    return build_download(content, "application/pdf", f"{built.breach_id}-{built.jurisdiction}.pdf")


@router.get("/cases/{case_id}/report.json")
def download_json(case_id: str, context: SignedIn, form: str = "") -> Response:
    """The report as JSON."""
    built = context.look(lambda uow: _read_page(uow, context, case_id, form)).report
    content = escape_json(built.model_dump_json(indent=2, exclude={"contradictions"})).encode()
    return build_download(
        content, "application/json", f"{built.breach_id}-{built.jurisdiction}.json"
    )


def _list_forms(uow: UnitOfWork, file: CaseFile) -> tuple[str, ...]:
    """The reports that the breach brings or has filed; before the list is frozen, all that are set
    up."""
    manifest = uow.breaches.find_latest(ListOutline, file.get_breach().id)
    exposures = manifest.exposures if manifest else ()
    reported_to = uow.law.reported_to
    scopes = list_scopes(
        file.decision, exposures, groups=bool(file.groups), reported_to=reported_to
    )
    brought = [scope.jurisdiction.id for scope in scopes]
    brought += [s.jurisdiction for s in file.submissions]
    yes = answered_yes(file.decision)
    applicable = list_applicable(reported_to, file.decision)
    brought += [j.id for j in applicable if j.whatever_the_risk and j.id in yes]
    if not brought:
        brought = [*(j.id for j in list_presumed(reported_to)), *reported_to]
    return tuple(dict.fromkeys(brought))


def _choose_form(form_id: str, forms: tuple[str, ...]) -> str:
    """The report that was asked for, if there is one of that name; else the first of the breach."""
    return form_id if form_id in list_jurisdictions() else forms[0]


def _read_page(uow: UnitOfWork, context: RequestContext, case_id: str, form_id: str) -> ReportPage:
    file = read_case(uow, case_id, context.now)
    breach, settings = file.get_breach(), context.dependencies.settings
    forms = _list_forms(uow, file)
    chosen = _choose_form(form_id, forms)
    facts = find_facts(uow, breach.id, chosen) or ReportFacts(
        breach_id=breach.id, version=0, written_by=context.user.id, written_at=context.now
    )
    shown = tuple(dict.fromkeys((*forms, chosen)))
    return ReportPage(
        file,
        report.build_report(uow, breach.id, chosen, settings, now=context.now),
        get_jurisdiction(chosen).get_form(uow.law, context.now),
        tuple((name, get_jurisdiction(name).title) for name in shown),
        facts,
        build_proposals(uow, breach.id, chosen, settings, context.now),
        report.build_redaction_account(uow, breach.id, chosen, settings, context.now),
    )


def _save_facts(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> ReportFacts:
    page = _read_page(uow, context, case_id, form.get_text("form"))
    form.check_seen(page.facts.version, "report")
    document = parse_facts(
        form,
        page.file.get_breach().id,
        page.report.jurisdiction,
        context.user.id,
        context.now,
        tuple(c.key for c in page.report.contradictions),
    )
    return report.write_report(uow, context.actor, document, now=context.now)


def _record_submission(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> Submission:
    page = _read_page(uow, context, case_id, form.get_text("form"))
    return report.submit_report(
        uow,
        context.actor,
        page.file.get_breach().id,
        page.report.jurisdiction,
        submitted_at=form.require_time("submitted_at", "Submitted at"),
        channel=form.get_text("channel"),
        reference=form.get_text("reference"),
        spoken_to=form.get_text("submit_spoken_to"),
        rest_who=form.get_text("submit_rest_who"),
        rest_by=form.parse_time("submit_rest_by", "Every other answer: by when"),
        delay_reasons=form.get_text("submit_delay_reasons"),
        settings=context.dependencies.settings,
        now=context.now,
    )


def _show(
    context: RequestContext,
    case_id: str,
    form_id: str,
    form: SubmittedForm | None,
    problem: BreachDeskError | None = None,
) -> Response:
    page = context.look(lambda uow: _read_page(uow, context, case_id, form_id))
    times = context.app_state.pages.times
    shown = collect_fields(page.facts, page.proposals.answers, times)
    if not shown["reporter_name"]:
        shown["reporter_name"] = context.user.name
    return context.render_page(
        "report.html",
        file=page.file,
        case=page.file.case,
        case_steps=build_steps(page.file),
        page=page,
        report=page.report,
        tensions=list_sealed_tensions(page.file),
        fields=FIELDS,
        plugin=get_jurisdiction(page.report.jurisdiction),
        choices_of=lambda question: [(c.key, c.words) for c in question.choices],
        built={q.key: q for q in page.report.questions},
        steps=get_row_range(len(page.facts.prevention)),
        owed=get_row_range(len(page.facts.not_yet_known)),
        typed=shown if form is None else shown | _collect_typed(form),
        problem=problem,
    )


def _collect_typed(form: SubmittedForm) -> dict[str, Any]:
    """What was typed, every tick of it; a tick that was taken out is not in the form at all."""
    typed_fields: dict[str, Any] = dict(form)
    if "stage" in form:
        ticks = [name for name, of in EVERY.items() if of.kind == TICKS]
        typed_fields |= {name: form.list_values(name) for name in ticks}
    return typed_fields


SCREEN = Screen(id="report", router=router)
