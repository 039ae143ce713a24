"""The regulator report: facts in the form's order, what is missing, a page to copy, files, filing."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import report
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.notice import saved
from breachdesk.console.way import way
from breachdesk.gdpr.report_redaction import RedactionAccount
from breachdesk.ports import UnitOfWork
from schemas.errors import BadInput, BreachDeskError
from schemas.report import (
    NotYetKnown,
    Precision,
    Quantity,
    RegulatorReport,
    ReportFacts,
    ReportStage,
    Submission,
)
from schemas.signs import escaped_json

router = APIRouter()
TEXTS = (
    "case_reference",
    "what_happened",
    "how_found",
    "consequences",
    "actual_harm",
    "likelihood",
    "high_risk",
    "training",
    "measures_before",
    "measures_after",
    "people_told",
    "other_bodies",
    "delay_reasons",
)
LISTS = ("people_categories", "record_categories")
OWED = 3
PECR_FORM = "uk_pecr"
UNANSWERED = {
    "stage": "initial",
    "people_precision": "unknown",
    "records_precision": "unknown",
    "likelihood": "not yet known",
    "high_risk": "not yet known",
}


@router.get("/cases/{case_id}/report")
def show(case_id: str, desk: Signed) -> Response:
    """The report as it stands, and the form of its facts."""
    return _show(desk, case_id, None)


@router.post("/cases/{case_id}/report")
def write(case_id: str, desk: Signed, form: Posted) -> Response:
    """The next version of the facts."""
    return desk.attempt(
        lambda uow: _write(uow, desk, case_id, form),
        then=f"/cases/{case_id}/report",
        done="report",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/report/submit")
def submit(case_id: str, desk: Signed, form: Posted) -> Response:
    """A person filed it: the only thing that stops the clock."""
    return desk.attempt(
        lambda uow: _submit(uow, desk, case_id, form),
        then=f"/cases/{case_id}/report",
        done="submitted",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.get("/cases/{case_id}/report/copy")
def copy(case_id: str, desk: Signed) -> Response:
    """To copy from, question by question, in the form's order."""
    file, built = desk.look(lambda uow: _built(uow, desk, case_id))
    return desk.page(
        "report_copy.html",
        file=file,
        case=file.case,
        report=built,
        text=desk.house.renderer.report_text(built),
    )


@router.get("/cases/{case_id}/report.pdf")
def pdf(case_id: str, desk: Signed) -> Response:
    """The report as PDF."""
    _, built = desk.look(lambda uow: _built(uow, desk, case_id))
    content = desk.house.renderer.report_pdf(built, desk.house.settings.profile)
    return saved(content, "application/pdf", f"{built.breach_id}-{built.jurisdiction}.pdf")


@router.get("/cases/{case_id}/report.json")
def json(case_id: str, desk: Signed) -> Response:
    """The report as JSON."""
    _, built = desk.look(lambda uow: _built(uow, desk, case_id))
    content = escaped_json(built.model_dump_json(indent=2)).encode()
    return saved(content, "application/json", f"{built.breach_id}-{built.jurisdiction}.json")


def _jurisdiction(desk: Desk, file: CaseFile) -> str:
    """The first that is set up; a PECR breach is reported on the form that replaces it."""
    if file.decision is not None and file.decision.pecr.yes:
        return PECR_FORM
    return desk.house.settings.jurisdictions[0]


def _built(uow: UnitOfWork, desk: Desk, case_id: str) -> tuple[CaseFile, RegulatorReport]:
    file = read_case(uow, case_id, desk.now)
    built = report.build(
        uow, file.known_breach().id, _jurisdiction(desk, file), desk.house.settings, now=desk.now
    )
    return file, built


def _redaction(uow: UnitOfWork, desk: Desk, built: RegulatorReport) -> RedactionAccount:
    settings = desk.house.settings
    return report.redaction_account(uow, built.breach_id, built.jurisdiction, settings, desk.now)


def _write(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> ReportFacts:
    breach = read_case(uow, case_id, desk.now).known_breach()
    document = ReportFacts(
        breach_id=breach.id,
        version=1,
        written_by=desk.user.id,
        written_at=desk.now,
        stage=form.word("stage", ReportStage, "Stage"),
        cyber={"yes": True, "no": False}.get(form.text("cyber")),
        people=_quantity(form, "people", "Number of people"),
        records=_quantity(form, "records", "Number of records"),
        not_yet_known=_owed(form),
        **{name: form.text(name) for name in TEXTS},
        **{name: form.lines(name) for name in LISTS},
    )
    return report.write_report(uow, desk.actor, document, now=desk.now)


def _quantity(form: Form, name: str, label: str) -> Quantity:
    precision = form.word(f"{name}_precision", Precision, label)
    count = form.whole(name, label)
    if count is None and precision is not Precision.UNKNOWN:
        raise BadInput("the number is missing", place=label, remedy="Type it, or say not known.")
    return Quantity(value=count, precision=precision)


def _owed(form: Form) -> tuple[NotYetKnown, ...]:
    rows = range(1, OWED + 1)
    return tuple(
        NotYetKnown(
            what=form.text(f"owed_what_{i}"),
            who=form.text(f"owed_who_{i}"),
            by=form.must_when(f"owed_by_{i}", "Not yet known: by when"),
        )
        for i in rows
        if form.text(f"owed_what_{i}")
    )


def _submit(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Submission:
    file = read_case(uow, case_id, desk.now)
    return report.submit(
        uow,
        desk.actor,
        file.known_breach().id,
        _jurisdiction(desk, file),
        submitted_at=form.must_when("submitted_at", "Submitted at"),
        channel=form.text("channel"),
        reference=form.text("reference"),
        settings=desk.house.settings,
        now=desk.now,
    )


def _show(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    file, built = desk.look(lambda uow: _built(uow, desk, case_id))
    return desk.page(
        "report.html",
        redaction=desk.look(lambda uow: _redaction(uow, desk, built)),
        file=file,
        case=file.case,
        way=way(file),
        report=built,
        owed=range(1, OWED + 1),
        typed=_before(desk, file) if typed is None else typed,
        problem=problem,
    )


def _before(desk: Desk, file: CaseFile) -> dict[str, str]:
    """The newest facts as the form shows them; with none, what the letters already say."""
    old = file.report
    if old is None:
        said = file.facts.what_happened if file.facts else ""
        return {"what_happened": said, **UNANSWERED}
    shown = {name: getattr(old, name) for name in TEXTS}
    shown |= {name: "\n".join(getattr(old, name)) for name in LISTS}
    shown |= {"stage": old.stage.value, "cyber": _yes_no(old.cyber)}
    for name, quantity in (("people", old.people), ("records", old.records)):
        shown[name] = "" if quantity.value is None else str(quantity.value)
        shown[f"{name}_precision"] = quantity.precision.value
    for i, item in enumerate(old.not_yet_known[:OWED], 1):
        by = desk.hall.pages.times.typed(item.by)
        shown |= {f"owed_what_{i}": item.what, f"owed_who_{i}": item.who, f"owed_by_{i}": by}
    return shown


def _yes_no(answer: bool | None) -> str:
    if answer is None:
        return ""
    return "yes" if answer else "no"
