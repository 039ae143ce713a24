"""The decision record: four answers with reasons, the score that advises, exemptions, a hold."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import decide
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.severity_form import FACTORS, read_factors
from breachdesk.console.way import way
from breachdesk.gdpr.severity import from_factors
from breachdesk.ports import UnitOfWork
from schemas.decision import Answer, Decision, LawEnforcementHold
from schemas.errors import BreachDeskError

router = APIRouter()
QUESTIONS = {
    "report_to_ico": "Report to the ICO?",
    "tell_people": "Tell people under Art. 34?",
    "own_promise_binds": "Does our own promise bind?",
    "pecr": "Is it a PECR breach?",
}
TEXTS = ("risk", "high_risk", "art34_3_limb", "art34_3_evidence", "public_communication")
CIRCUMSTANCES = ("confidentiality", "integrity", "availability", "intent")


@router.get("/cases/{case_id}/decision")
def show(case_id: str, desk: Signed, anew: bool = False) -> Response:
    """The written decision; the form while there is none, or for a new version."""
    return _show(desk, case_id, None, anew=anew)


@router.post("/cases/{case_id}/decision")
def write(case_id: str, desk: Signed, form: Posted) -> Response:
    """Seals it as the next version."""
    return desk.attempt(
        lambda uow: _write(uow, desk, case_id, form),
        then=f"/cases/{case_id}/decision",
        done="decided",
        again=lambda problem: _show(desk, case_id, form, problem, anew=True),
    )


def _write(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Decision:
    breach = read_case(uow, case_id, desk.now).known_breach()
    inputs = read_factors(form)
    inputs["cb"] = sum(inputs.get(name, 0.0) for name in CIRCUMSTANCES)
    return decide.decide(
        uow,
        desk.actor,
        Decision(
            breach_id=breach.id,
            version=1,
            decided_by=desk.user.id,
            decided_at=desk.now,
            **{name: _answer(form, name) for name in QUESTIONS},
            risk=form.text("risk"),
            high_risk=form.text("high_risk"),
            severity_score=_score(inputs),
            severity_inputs=inputs,
            art34_3_limb=form.text("art34_3_limb"),
            art34_3_evidence=form.text("art34_3_evidence"),
            public_communication=form.text("public_communication"),
            hold=_hold(form),
        ),
        now=desk.now,
    )


def _answer(form: Form, name: str) -> Answer:
    return Answer(yes=form.yes(name, QUESTIONS[name]), reasons=form.text(f"{name}_reasons"))


def _hold(form: Form) -> LawEnforcementHold | None:
    if not form.ticked("hold"):
        return None
    return LawEnforcementHold(
        asked_by=form.text("hold_asked_by"),
        asked_at=form.must_when("hold_asked_at", "Hold asked for at"),
        basis=form.text("hold_basis"),
        review_on=form.must_when("hold_review_on", "Hold reviewed on"),
    )


def _score(inputs: dict[str, float]) -> float | None:
    """The ENISA score; None while data or ease of identification is not scored."""
    if not {"dpc", "ei"} <= inputs.keys():
        return None
    return from_factors(inputs["dpc"], inputs["ei"], inputs["cb"]).score


def _show(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
    *,
    anew: bool = False,
) -> Response:
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    file.known_breach()
    return desk.page(
        "decision.html",
        file=file,
        case=file.case,
        way=way(file),
        anew=anew or file.decision is None,
        questions=QUESTIONS,
        tensions=tensions_of(file),
        factors=FACTORS,
        typed=_before(desk, file.decision) if typed is None else typed,
        problem=problem,
    )


def tensions_of(file: CaseFile) -> tuple[str, ...]:
    """Where the four answers pull apart, in words."""
    if file.decision is None or file.manifest is None:
        return ()
    return decide.tensions(file.decision, file.manifest)


def _before(desk: Desk, old: Decision | None) -> dict[str, str]:
    """The newest decision as the form shows it."""
    if old is None:
        return {}
    shown = {name: getattr(old, name) for name in TEXTS}
    for name in QUESTIONS:
        answer: Answer = getattr(old, name)
        shown |= {name: "yes" if answer.yes else "no", f"{name}_reasons": answer.reasons}
    shown |= {name: f"{value:g}" for name, value in old.severity_inputs.items()}
    return shown | _hold_before(desk, old.hold)


def _hold_before(desk: Desk, hold: LawEnforcementHold | None) -> dict[str, str]:
    if hold is None:
        return {}
    times = desk.hall.pages.times
    return {
        "hold": "yes",
        "hold_asked_by": hold.asked_by,
        "hold_asked_at": times.typed(hold.asked_at),
        "hold_basis": hold.basis,
        "hold_review_on": times.typed(hold.review_on),
    }
