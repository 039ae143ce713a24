"""A regulator's report: each question with its answer beside it, what is missing and owed, files,
and the record that it was filed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import report
from breachdesk.casework.filings import facts_for
from breachdesk.casework.report_prefill import Proposals, proposals
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.decision import tensions_of
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.notice import saved
from breachdesk.console.report_form import EVERY, FIELDS, TICKS, read_facts, rows, typed
from breachdesk.console.way import way
from breachdesk.gdpr import roles
from breachdesk.gdpr.report_redaction import RedactionAccount
from breachdesk.jurisdictions import jurisdiction, jurisdictions
from breachdesk.ports import UnitOfWork
from schemas.errors import BreachDeskError
from schemas.law import LawForm
from schemas.list_outline import ListOutline
from schemas.report import RegulatorReport, ReportFacts, Submission
from schemas.signs import escaped_json

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
    proposals: Proposals
    redaction: RedactionAccount

    @property
    def submissions(self) -> tuple[Submission, ...]:
        """Of this report."""
        return tuple(s for s in self.file.submissions if s.jurisdiction == self.report.jurisdiction)


@router.get("/cases/{case_id}/report")
def show(case_id: str, desk: Signed, form: str = "") -> Response:
    """The report as it stands, and the form of its facts."""
    return _show(desk, case_id, form, None)


@router.post("/cases/{case_id}/report")
def write(case_id: str, desk: Signed, form: Posted) -> Response:
    """The next version of the facts."""
    return desk.attempt(
        lambda uow: _write(uow, desk, case_id, form),
        then=f"/cases/{case_id}/report?form={form.text('form')}",
        done="report",
        again=lambda problem: _show(desk, case_id, form.text("form"), form, problem),
    )


@router.post("/cases/{case_id}/report/submit")
def submit(case_id: str, desk: Signed, form: Posted) -> Response:
    """A person filed it: the only thing that stops the clock."""
    return desk.attempt(
        lambda uow: _submit(uow, desk, case_id, form),
        then=f"/cases/{case_id}/report?form={form.text('form')}",
        done="submitted",
        again=lambda problem: _show(desk, case_id, form.text("form"), form, problem),
    )


@router.get("/cases/{case_id}/report/copy")
def copy(case_id: str, desk: Signed, form: str = "") -> Response:
    """To copy from, question by question, in the form's order."""
    page = desk.look(lambda uow: _page(uow, desk, case_id, form))
    return desk.page(
        "report_copy.html",
        file=page.file,
        case=page.file.case,
        report=page.report,
        text=desk.house.renderer.report_text(page.report),
    )


@router.get("/cases/{case_id}/report.pdf")
def pdf(case_id: str, desk: Signed, form: str = "") -> Response:
    """The report as PDF."""
    built = desk.look(lambda uow: _page(uow, desk, case_id, form)).report
    content = desk.house.renderer.report_pdf(built, desk.house.settings.profile)
    return saved(content, "application/pdf", f"{built.breach_id}-{built.jurisdiction}.pdf")


@router.get("/cases/{case_id}/report.json")
def json(case_id: str, desk: Signed, form: str = "") -> Response:
    """The report as JSON."""
    built = desk.look(lambda uow: _page(uow, desk, case_id, form)).report
    content = escaped_json(built.model_dump_json(indent=2, exclude={"contradictions"})).encode()
    return saved(content, "application/json", f"{built.breach_id}-{built.jurisdiction}.json")


def _forms(uow: UnitOfWork, desk: Desk, file: CaseFile) -> tuple[str, ...]:
    """The reports that the breach brings or has filed; before the list is frozen, all that are set
    up."""
    manifest = uow.breaches.latest(ListOutline, file.known_breach().id)
    exposures = manifest.exposures if manifest else ()
    tracks = roles.regulator_tracks(file.decision, exposures, groups=bool(file.groups))
    brought = [t.jurisdiction for t in tracks]
    counted = {t.track for t in tracks}
    brought += [s.jurisdiction for s in file.submissions]
    if file.decision is not None and file.decision.pecr.yes and "uk_pecr" not in brought:
        brought.append("uk_pecr")
    set_up = desk.house.settings.jurisdictions
    known = jurisdictions()
    brought += [n for n in set_up if n in known and known[n].track in counted]
    return tuple(dict.fromkeys(brought)) or set_up


def _chosen(form_id: str, forms: tuple[str, ...]) -> str:
    """The report that was asked for, if there is one of that name; else the first of the breach."""
    return form_id if form_id in jurisdictions() else forms[0]


def _page(uow: UnitOfWork, desk: Desk, case_id: str, form_id: str) -> ReportPage:
    file = read_case(uow, case_id, desk.now)
    breach, settings = file.known_breach(), desk.house.settings
    forms = _forms(uow, desk, file)
    chosen = _chosen(form_id, forms)
    facts = facts_for(uow, breach.id, chosen) or ReportFacts(
        breach_id=breach.id, version=0, written_by=desk.user.id, written_at=desk.now
    )
    shown = tuple(dict.fromkeys((*forms, chosen)))
    return ReportPage(
        file,
        report.build(uow, breach.id, chosen, settings, now=desk.now),
        jurisdiction(chosen).form_at(uow.law, desk.now),
        tuple((name, jurisdiction(name).title) for name in shown),
        facts,
        proposals(uow, breach.id, chosen, settings, desk.now),
        report.redaction_account(uow, breach.id, chosen, settings, desk.now),
    )


def _write(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> ReportFacts:
    page = _page(uow, desk, case_id, form.text("form"))
    form.check_seen(page.facts.version, "report")
    document = read_facts(
        form,
        page.file.known_breach().id,
        page.report.jurisdiction,
        desk.user.id,
        desk.now,
        tuple(c.key for c in page.report.contradictions),
    )
    return report.write_report(uow, desk.actor, document, now=desk.now)


def _submit(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Submission:
    page = _page(uow, desk, case_id, form.text("form"))
    return report.submit(
        uow,
        desk.actor,
        page.file.known_breach().id,
        page.report.jurisdiction,
        submitted_at=form.must_when("submitted_at", "Submitted at"),
        channel=form.text("channel"),
        reference=form.text("reference"),
        spoken_to=form.text("submit_spoken_to"),
        rest_who=form.text("submit_rest_who"),
        rest_by=form.when("submit_rest_by", "Every other answer: by when"),
        delay_reasons=form.text("submit_delay_reasons"),
        settings=desk.house.settings,
        now=desk.now,
    )


def _show(
    desk: Desk,
    case_id: str,
    form_id: str,
    form: Form | None,
    problem: BreachDeskError | None = None,
) -> Response:
    page = desk.look(lambda uow: _page(uow, desk, case_id, form_id))
    times = desk.hall.pages.times
    shown = typed(page.facts, page.proposals.answers, times)
    if not shown["reporter_name"]:
        shown["reporter_name"] = desk.user.name
    return desk.page(
        "report.html",
        file=page.file,
        case=page.file.case,
        way=way(page.file),
        page=page,
        report=page.report,
        tensions=tensions_of(page.file),
        fields=FIELDS,
        choices_of=lambda question: [(c.key, c.words) for c in question.choices],
        built={q.key: q for q in page.report.questions},
        steps=rows(len(page.facts.prevention)),
        owed=rows(len(page.facts.not_yet_known)),
        typed=shown if form is None else shown | _again(form),
        problem=problem,
    )


def _again(form: Form) -> dict[str, Any]:
    """What was typed, every tick of it; a tick that was taken out is not in the form at all."""
    kept: dict[str, Any] = dict(form)
    if "stage" in form:
        ticks = [name for name, of in EVERY.items() if of.kind == TICKS]
        kept |= {name: form.every(name) for name in ticks}
    return kept
