"""The decision record: the answers that the list raises, the score that advises, what contradicts
what, exemptions, a hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import decide
from breachdesk.casework.groups import held_of
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.decision_form import (
    MAY_WAIT,
    NONE_ALIKE,
    check_case_chosen,
    fields_of,
    read_hold,
    typed_decision,
)
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.severity_form import Factor, factors_for, proposed
from breachdesk.console.way import way
from breachdesk.gdpr import enisa
from breachdesk.gdpr.edpb import REFERENCE as EDPB
from breachdesk.gdpr.edpb import EdpbCase, edpb_case, edpb_cases
from breachdesk.gdpr.raised import PROVISIONS, Question, raised, scored_categories
from breachdesk.gdpr.severity import Severity, missing, scored
from breachdesk.gdpr.tensions import LEVELS, Tension, remarks, tensions
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure
from schemas.customer import DataCategory, Role
from schemas.decision import Decision, SeverityFactors
from schemas.errors import BreachDeskError
from schemas.law import LawBook, Provision, Reference

router = APIRouter()
QUESTIONS = {
    Question.PECR: "Is it a PECR breach?",
    Question.PECR_SUBSCRIBERS: "Tell subscribers and users under PECR?",
    Question.REPORT_TO_ICO: "Report to the ICO under Art. 33?",
    Question.TELL_PEOPLE: "Tell people under Art. 34?",
    Question.OWN_PROMISE: "Does our own promise bind?",
}


@dataclass(frozen=True, slots=True)
class Score:
    """The severity score as a page shows it: a number, or what is missing."""

    severity: Severity | None
    missing: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    source: Reference

    @property
    def level(self) -> str:
        return LEVELS[self.severity.level] if self.severity else ""

    @property
    def meaning(self) -> str:
        return enisa.meaning(self.severity.level) if self.severity else ""


@dataclass(frozen=True, slots=True)
class Law:
    """What the page cites, by question, and the other provisions by their id."""

    book: LawBook
    at: datetime

    def of(self, question: str) -> Provision:
        """What a question rests on."""
        return self.provision(PROVISIONS[Question(question)])

    def provision(self, provision_id: str) -> Provision:
        return self.book.provision(provision_id, self.at)

    @property
    def limbs(self) -> tuple[Provision, ...]:
        """Of Art. 34(3)."""
        return self.book.limbs("uk_gdpr_art34_3", self.at)


@router.get("/cases/{case_id}/decision")
def show(case_id: str, desk: Signed, anew: bool = False) -> Response:
    """The written decision; the form while there is none, or for a new version."""
    return _show(desk, case_id, None, anew=anew)


@router.post("/cases/{case_id}/decision")
def write(case_id: str, desk: Signed, form: Posted) -> Response:
    """Seals it as the next version; or only shows the score and what contradicts it."""
    if form.text("act") == "look":
        return _show(desk, case_id, form, anew=True)
    return desk.attempt(
        lambda uow: _write(uow, desk, case_id, form),
        then=f"/cases/{case_id}/decision",
        done="decided",
        again=lambda problem: _show(desk, case_id, form, problem, anew=True),
    )


def _write(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Decision:
    file = read_case(uow, case_id, desk.now)
    breach = file.known_breach()
    form.check_seen(file.decision.version if file.decision else 0, "decision")
    check_case_chosen(form)
    typed = typed_decision(form, breach.id, desk.user.id, desk.now, read_hold(form))
    return decide.decide(uow, desk.actor, typed, now=desk.now)


def _show(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
    *,
    anew: bool = False,
) -> Response:
    file, book = desk.look(lambda uow: (read_case(uow, case_id, desk.now), uow.law))
    breach = file.known_breach()
    fields = _before(desk, file) if typed is None else typed
    writing = anew or file.decision is None
    draft = _draft(desk, file, fields) if writing else file.decision
    categories = scored_categories(draft, exposures_of(file), beside=held_of(file.groups))
    return desk.page(
        "decision.html",
        file=file,
        case=file.case,
        way=way(file),
        anew=writing,
        questions=QUESTIONS,
        asked=_asked(file),
        law=Law(book, breach.aware_at),
        unsettled=_unsettled(file),
        against=_against(draft, file),
        remarks=remarks(draft, exposures_of(file), groups=bool(file.groups)) if draft else (),
        factors=_factors(writing, categories),
        score=score_of(draft, categories, book),
        edpb=book.reference(EDPB),
        cases=_grouped(edpb_cases()),
        alike=edpb_case(draft.edpb_case) if draft and draft.edpb_case else None,
        none_alike=NONE_ALIKE,
        may_wait=MAY_WAIT,
        typed=fields,
        problem=problem,
    )


def _unsettled(file: CaseFile) -> dict[str, str]:
    """What the newest list raises, and the sealed decision leaves open."""
    if file.decision is None or file.manifest is None:
        return {}
    return decide.unsettled(file.decision, file.manifest, groups=bool(file.groups))


def exposures_of(file: CaseFile) -> tuple[Exposure, ...]:
    """Of the frozen list; none while nothing is frozen."""
    return file.manifest.exposures if file.manifest else ()


def _asked(file: CaseFile) -> tuple[Question, ...]:
    """In the order of the page: what is PECR decides what else is asked. What still asks whether it
    is PECR may raise both sides."""
    exposures, groups = exposures_of(file), bool(file.groups)
    both = {q for pecr in (True, False) for q in raised(exposures, pecr=pecr, groups=groups)}
    return tuple(question for question in QUESTIONS if question in both)


def _draft(desk: Desk, file: CaseFile, fields: Mapping[str, str]) -> Decision | None:
    """What is typed so far; None where it cannot be read."""
    try:
        return typed_decision(fields, file.known_breach().id, desk.user.id, desk.now, None)
    except BreachDeskError:
        return None


def _against(draft: Decision | None, file: CaseFile) -> tuple[Tension, ...]:
    if draft is None:
        return ()
    exposures = exposures_of(file)
    categories = scored_categories(draft, exposures, beside=held_of(file.groups))
    severity = scored(draft.severity, categories) if draft.severity else None
    score = severity.score if severity else draft.severity_score
    scored_draft = draft.model_copy(update={"severity_score": score})
    return tensions(scored_draft, exposures, groups=bool(file.groups))


def _factors(writing: bool, categories: tuple[DataCategory, ...]) -> dict[str, Factor]:
    return factors_for(categories) if writing else {}


def score_of(decision: Decision | None, categories: Iterable[DataCategory], book: LawBook) -> Score:
    """For a page: of a sealed decision, or of what is typed so far."""
    source, kinds = book.reference(enisa.REFERENCE), tuple(categories)
    factors = decision.severity if decision and decision.severity else SeverityFactors()
    if decision and not decision.severity and decision.severity_score is not None:
        # Sealed before the six factors were kept one by one.
        older = Severity(round(decision.severity_score * 4))
        return Score(older, (), tuple(_older_rows(decision)), source)
    return Score(
        scored(factors, kinds), missing(factors, kinds), enisa.chosen_words(factors), source
    )


def _older_rows(decision: Decision) -> Iterable[tuple[str, str]]:
    names = {"dpc": "Data", "ei": "Ease of identification", "cb": "Circumstances"}
    for name, value in decision.severity_inputs.items():
        yield names.get(name, name.capitalize()), f"{value:g}"


def _grouped(cases: Iterable[EdpbCase]) -> dict[str, list[EdpbCase]]:
    found: dict[str, list[EdpbCase]] = {}
    for case in cases:
        found.setdefault(case.group, []).append(case)
    return found


def tensions_of(file: CaseFile) -> tuple[str, ...]:
    """Where the sealed decision contradicts itself, each with the reason given, and what an
    approver should know of it."""
    if file.decision is None or file.manifest is None:
        return ()
    exposures, reasons = file.manifest.exposures, file.decision.departures
    groups = bool(file.groups)
    against = [
        f"{t.words} The reason given: {reasons[t.id]}" if t.id in reasons else t.words
        for t in tensions(file.decision, exposures, groups=groups)
    ]
    return (*against, *remarks(file.decision, exposures, groups=groups))


def _before(desk: Desk, file: CaseFile) -> dict[str, str]:
    """The newest decision as the form shows it, and the scores to start from."""
    exposures = exposures_of(file)
    people = len({e.customer_id for e in file.reached if e.role is Role.CONTROLLER})
    categories = scored_categories(file.decision, exposures, beside=held_of(file.groups))
    start = proposed(categories, people)
    if file.decision is None:
        return start
    return start | fields_of(file.decision, desk.hall.pages.times)
