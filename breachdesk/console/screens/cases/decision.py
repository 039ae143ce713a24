"""The decision record: the answers that the list raises, the score that advises, what contradicts
what, exemptions, a hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.affected.group_records import list_categories
from breachdesk.casework.decision import decide
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.views.decision_form import (
    MAY_WAIT,
    NONE_ALIKE,
    check_case_chosen,
    collect_decision_fields,
    parse_decision,
    parse_hold,
)
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.severity_form import FactorChoice, build_factors, propose_scores
from breachdesk.console.web.permissions import RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.gdpr import enisa
from breachdesk.gdpr.edpb import REFERENCE as EDPB
from breachdesk.gdpr.edpb import EdpbCase, get_edpb_case, list_edpb_cases
from breachdesk.gdpr.raised import (
    DecisionQuestion,
    find_jurisdiction,
    get_answer,
    get_provision_id,
    list_in_asking_order,
    list_raised_questions,
    list_scored_categories,
)
from breachdesk.gdpr.regulators import list_applicable
from breachdesk.gdpr.severity import EnisaSeverity, compute_factor_severity, find_missing
from breachdesk.gdpr.tensions import LEVELS, DecisionTension, list_remarks, list_tensions
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure
from schemas.casework.decision import Decision, DecisionAnswer, SeverityFactors
from schemas.customer import DataCategory, DataRole
from schemas.errors import BreachDeskError
from schemas.law import LawBook, LawReference, Provision

router = APIRouter()
QUESTIONS: Mapping[str, str] = {
    DecisionQuestion.PECR_SUBSCRIBERS: "Tell subscribers and users under PECR?",
    DecisionQuestion.TELL_PEOPLE: "Tell people under Art. 34?",
    DecisionQuestion.OWN_PROMISE: "Does our own promise bind?",
}


@dataclass(frozen=True, slots=True)
class DisplayedScore:
    """The severity score as a page shows it: a number, or what is missing."""

    severity: EnisaSeverity | None
    missing: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    source: LawReference

    @property
    def level(self) -> str:
        return LEVELS[self.severity.level] if self.severity else ""

    @property
    def meaning(self) -> str:
        return enisa.describe_level(self.severity.level) if self.severity else ""


@dataclass(frozen=True, slots=True)
class CitedLaw:
    """What the page cites, by question, and the other provisions by their id."""

    book: LawBook
    at: datetime

    def find_by_question(self, question: str) -> Provision:
        """What a question rests on."""
        return self.provision(get_provision_id(question))

    def provision(self, provision_id: str) -> Provision:
        return self.book.get_provision(provision_id, self.at)

    @property
    def limbs(self) -> tuple[Provision, ...]:
        """Of Art. 34(3)."""
        return self.book.list_limbs("uk_gdpr_art34_3", self.at)


@router.get("/cases/{case_id}/decision")
def show_decision(case_id: str, context: SignedIn, anew: bool = False) -> Response:
    """The written decision; the form while there is none, or for a new version."""
    return _show(context, case_id, None, anew=anew)


@router.post("/cases/{case_id}/decision")
@requires(RESPONDER)
def submit_decision(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Seals it as the next version; or only shows the score and what contradicts it."""
    if form.get_text("act") == "look":
        return _show(context, case_id, form, anew=True)
    return context.submit(
        lambda uow: _record_decision(uow, context, case_id, form),
        then=f"/cases/{case_id}/decision",
        message="decided",
        on_error=lambda problem: _show(context, case_id, form, problem, anew=True),
    )


def _record_decision(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> Decision:
    file = read_case(uow, case_id, context.now)
    breach = file.get_breach()
    form.check_seen(file.decision.version if file.decision else 0, "decision")
    check_case_chosen(form)
    typed = parse_decision(form, breach.id, context.user.id, context.now, parse_hold(form))
    return decide.record_decision(uow, context.actor, typed, now=context.now)


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
    *,
    anew: bool = False,
) -> Response:
    file, book = context.look(lambda uow: (read_case(uow, case_id, context.now), uow.law))
    breach = file.get_breach()
    fields = _collect_fields(context, file) if typed is None else typed
    writing = anew or file.decision is None
    draft = _parse_draft(context, file, fields) if writing else file.decision
    categories = list_scored_categories(
        draft, list_exposures(file), beside=list_categories(file.groups)
    )
    questions, law = _list_questions(file, book), CitedLaw(book, breach.aware_at)
    return context.render_page(
        "decision.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        anew=writing,
        questions={key: _question_words(key) for key in questions},
        hints={key: _hint(key, questions, law) for key in questions},
        asked=questions,
        answers=_sealed_answers(file.decision) if file.decision else {},
        law=law,
        unsettled=_find_unsettled(file, book),
        against=_list_tensions(draft, file),
        remarks=list_remarks(draft, list_exposures(file), groups=bool(file.groups))
        if draft
        else (),
        factors=_list_factors(writing, categories),
        score=compute_score(draft, categories, book),
        edpb=book.get_reference(EDPB),
        cases=_collect_by_group(list_edpb_cases()),
        alike=get_edpb_case(draft.edpb_case) if draft and draft.edpb_case else None,
        none_alike=NONE_ALIKE,
        may_wait=MAY_WAIT,
        typed=fields,
        problem=problem,
    )


def _sealed_answers(decision: Decision) -> dict[str, DecisionAnswer]:
    """The answers of the sealed decision by their questions, in the order of asking."""
    keys = list_in_asking_order(decision=decision)
    return {_question_words(key): get_answer(decision, key) for key in keys}


def _question_words(key: str) -> str:
    jurisdiction = find_jurisdiction(key)
    return jurisdiction.words.question if jurisdiction else QUESTIONS[key]


def _hint(key: str, questions: Sequence[str], law: CitedLaw) -> str | None:
    """What helps to answer a regulator's question; None: the page has the words of the others."""
    jurisdiction = find_jurisdiction(key)
    if jurisdiction is None:
        return None
    others = filter(None, map(find_jurisdiction, questions))
    rules = [other.words.rule for other in others if jurisdiction.id in other.replaces]
    except_for = f" and what is not under {' or '.join(rules)}" if rules else ""
    period = law.find_by_question(key).period or "the limit"
    return jurisdiction.words.hint.format(period=period, except_for=except_for)


def _find_unsettled(file: CaseFile, book: LawBook) -> dict[str, str]:
    """What the newest list raises, and the sealed decision leaves open."""
    if file.decision is None or file.manifest is None:
        return {}
    return decide.list_unsettled(
        file.decision,
        file.manifest,
        groups=bool(file.groups),
        reported_to=book.reported_to,
    )


def list_exposures(file: CaseFile) -> tuple[Exposure, ...]:
    """Of the frozen list; none while nothing is frozen."""
    return file.manifest.exposures if file.manifest else ()


def _list_questions(file: CaseFile, book: LawBook) -> tuple[str, ...]:
    """In the order of asking. Where the register leaves open what falls under a rule of its own,
    what either answer raises is asked."""
    exposures, groups, to = list_exposures(file), bool(file.groups), book.reported_to
    opening = [j.id for j in list_applicable(to) if j.whatever_the_risk]
    answers: list[tuple[str, ...]] = [(), *((id_,) for id_ in opening), tuple(opening)]
    keys = {
        key
        for yes in answers
        for key in list_raised_questions(exposures, yes=yes, groups=groups, reported_to=to)
    }
    return tuple(key for key in list_in_asking_order(to) if key in keys)


def _parse_draft(
    context: RequestContext, file: CaseFile, fields: Mapping[str, str]
) -> Decision | None:
    """What is typed so far; None where it cannot be read."""
    try:
        return parse_decision(fields, file.get_breach().id, context.user.id, context.now, None)
    except BreachDeskError:
        return None


def _list_tensions(draft: Decision | None, file: CaseFile) -> tuple[DecisionTension, ...]:
    if draft is None:
        return ()
    exposures = list_exposures(file)
    categories = list_scored_categories(draft, exposures, beside=list_categories(file.groups))
    severity = compute_factor_severity(draft.severity, categories) if draft.severity else None
    score = severity.score if severity else draft.severity_score
    scored_draft = draft.model_copy(update={"severity_score": score})
    return list_tensions(scored_draft, exposures, groups=bool(file.groups))


def _list_factors(writing: bool, categories: tuple[DataCategory, ...]) -> dict[str, FactorChoice]:
    return build_factors(categories) if writing else {}


def compute_score(
    decision: Decision | None, categories: Iterable[DataCategory], book: LawBook
) -> DisplayedScore:
    """For a page: of a sealed decision, or of what is typed so far."""
    source, kinds = book.get_reference(enisa.REFERENCE), tuple(categories)
    factors = decision.severity if decision and decision.severity else SeverityFactors()
    if decision and not decision.severity and decision.severity_score is not None:
        # Sealed before the six factors were kept one by one.
        older = EnisaSeverity(round(decision.severity_score * 4))
        return DisplayedScore(older, (), tuple(_iterate_older_rows(decision)), source)
    return DisplayedScore(
        compute_factor_severity(factors, kinds),
        find_missing(factors, kinds),
        enisa.describe_factors(factors),
        source,
    )


def _iterate_older_rows(decision: Decision) -> Iterable[tuple[str, str]]:
    names = {"dpc": "Data", "ei": "Ease of identification", "cb": "Circumstances"}
    for name, value in decision.severity_inputs.items():
        yield names.get(name, name.capitalize()), f"{value:g}"


def _collect_by_group(cases: Iterable[EdpbCase]) -> dict[str, list[EdpbCase]]:
    by_group: dict[str, list[EdpbCase]] = {}
    for case in cases:
        by_group.setdefault(case.group, []).append(case)
    return by_group


def list_sealed_tensions(file: CaseFile) -> tuple[str, ...]:
    """Where the sealed decision contradicts itself, each with the reason given, and what an
    approver should know of it."""
    if file.decision is None or file.manifest is None:
        return ()
    exposures, reasons = file.manifest.exposures, file.decision.departures
    groups = bool(file.groups)
    against = [
        f"{t.words} The reason given: {reasons[t.id]}" if t.id in reasons else t.words
        for t in list_tensions(file.decision, exposures, groups=groups)
    ]
    return (*against, *list_remarks(file.decision, exposures, groups=groups))


def _collect_fields(context: RequestContext, file: CaseFile) -> dict[str, str]:
    """The newest decision as the form shows it, and the scores to start from."""
    exposures = list_exposures(file)
    people = len({e.customer_id for e in file.reached if e.role is DataRole.CONTROLLER})
    categories = list_scored_categories(
        file.decision, exposures, beside=list_categories(file.groups)
    )
    start = propose_scores(categories, people)
    if file.decision is None:
        return start
    return start | collect_decision_fields(file.decision, context.app_state.pages.times)


SCREEN = Screen(id="decision", router=router)
