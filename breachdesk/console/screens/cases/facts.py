"""What the letters are made of: what is true for everybody, and the words of each group of readers
or of one customer, next to what the evidence says by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.affected.certainty import WORDS as ACT_NAMES
from breachdesk.casework.release import reader_words
from breachdesk.casework.release.reader_facts import WordsGroup, build_groups, list_exposure_readers
from breachdesk.casework.release.reader_words import PartKey, find_words
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.permissions import RESPONDER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Exposure
from schemas.casework.case import ContainmentScope, ContainmentStep
from schemas.casework.letter_facts import READERS, ExposureWords, NoticeFacts, ReaderStanding
from schemas.customer import DataRole
from schemas.errors import BreachDeskError, NotFound

router = APIRouter()
TEXTS = ("what_happened", "not_involved", "not_involved_evidence")
PACK_TEXTS = (
    "nature",
    "encryption",
    "people_and_records",
    "deleted_but_in_backups",
    "log_extracts",
    "sub_processors",
)
LISTS = ("consequences", "measures", "steps")


@dataclass(frozen=True)
class ReadersRow:
    """One line of the list of readers: a group, or a customer with words of its own."""

    key: PartKey
    customers: tuple[str, ...]
    written: bool
    differences: tuple[str, ...] = ()

    @property
    def customer(self) -> str:
        """The one customer; empty for a group."""
        return self.key[2] or ""

    @property
    def label(self) -> str:
        role, standing, _ = self.key
        return READERS[role, standing]

    @property
    def query(self) -> str:
        """Where its words are written."""
        role, standing, customer = self.key
        return f"role={role}&standing={standing}" + (f"&customer={customer}" if customer else "")


@router.get("/cases/{case_id}/facts")
def show_facts(case_id: str, context: SignedIn) -> Response:
    """What is true for everybody, and what else each reader reads."""
    return _show(context, case_id, None)


@router.post("/cases/{case_id}/facts")
@requires(RESPONDER)
def submit_facts(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Files what is true for everybody."""
    return context.submit(
        lambda uow: _save_facts(uow, context, case_id, form),
        then=f"/cases/{case_id}/facts",
        message="facts",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.get("/cases/{case_id}/facts/words")
def show_reader_words(
    case_id: str, context: SignedIn, role: str = "", standing: str = "", customer: str = ""
) -> Response:
    """The words of one group, or of one customer, and what its evidence says."""
    return _show_words(context, case_id, _parse_key(role, standing, customer), None)


@router.post("/cases/{case_id}/facts/words")
@requires(RESPONDER)
def submit_reader_words(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Files them, or takes a customer's own words away."""
    key = _parse_key(form.get_text("role"), form.get_text("standing"), form.get_text("customer"))
    return context.submit(
        lambda uow: _save_words(uow, context, case_id, key, form),
        then=f"/cases/{case_id}/facts",
        message="facts",
        on_error=lambda problem: _show_words(context, case_id, key, form, problem),
    )


def _parse_key(role: str, standing: str, customer: str) -> PartKey:
    try:
        return DataRole(role), ReaderStanding(standing), customer or None
    except ValueError:
        raise NotFound(
            "no such readers", place="letters' facts", remedy="Choose them from the list."
        ) from None


def _save_facts(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> NoticeFacts:
    breach = read_case(uow, case_id, context.now).get_breach()
    return reader_words.write_common(
        uow,
        context.actor,
        breach.id,
        form.get_text("what_happened"),
        form.parse_time("next_update", "Next update by"),
        seen=form.parse_number("seen", "version") or 0,
        now=context.now,
    )


def _save_words(
    uow: UnitOfWork, context: RequestContext, case_id: str, key: PartKey, form: SubmittedForm
) -> NoticeFacts:
    breach = read_case(uow, case_id, context.now).get_breach()
    if form.get_text("remove"):
        return reader_words.remove_words(uow, context.actor, breach.id, key, context.now)
    return reader_words.write_words(
        uow,
        context.actor,
        breach.id,
        parse_words(key, form),
        seen=form.parse_number("seen", "version") or 0,
        now=context.now,
    )


def parse_words(key: PartKey, form: SubmittedForm) -> ExposureWords:
    """What was typed, in one role's fields only."""
    role, standing, customer = key
    texts = TEXTS + (PACK_TEXTS if role is DataRole.PROCESSOR else ())
    return ExposureWords(
        role=role,
        standing=standing,
        customer_id=customer,
        contained=form.is_ticked("contained"),
        no_sub_processors=form.is_ticked("no_sub_processors"),
        **{name: form.get_text(name) or None for name in texts},
        **{name: form.list_lines(name) for name in LISTS},
    )


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    file = context.look(lambda uow: read_case(uow, case_id, context.now))
    file.get_breach()
    return context.render_page(
        "facts.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        readers=list_reader_rows(file),
        choices=_list_choices(file),
        typed=_collect_fields(context, file) if typed is None else typed,
        problem=problem,
    )


def list_reader_rows(file: CaseFile) -> tuple[ReadersRow, ...]:
    """Every group that somebody belongs to, then every customer with words of its own."""
    rows = [
        _build_group_row(file.facts, group) for group in build_groups(file.facts, _list_told(file))
    ]
    own = [words for words in (file.facts.words if file.facts else ()) if words.customer_id]
    return (*rows, *(_build_customer_row(words) for words in own))


def _build_group_row(facts: NoticeFacts | None, group: WordsGroup) -> ReadersRow:
    key = (group.role, group.standing, None)
    return ReadersRow(key, group.customers, find_words(facts, key) is not None, group.differences)


def _build_customer_row(words: ExposureWords) -> ReadersRow:
    customer = words.customer_id or ""
    return ReadersRow((words.role, words.standing, customer), (customer,), written=True)


def _list_told(file: CaseFile) -> tuple[tuple[Exposure, ReaderStanding], ...]:
    return list_exposure_readers(file.manifest) if file.manifest else ()


def _list_choices(file: CaseFile) -> list[tuple[str, str]]:
    """Customers for whom words of their own may be begun: (query, name and readers)."""
    own = {line.key for line in list_reader_rows(file) if line.key[2]}
    lines = [
        ReadersRow((exposure.role, standing, exposure.customer_id), (), written=False)
        for exposure, standing in _list_told(file)
    ]
    return [
        (line.query, f"{file.names.get(line.customer, line.customer)}, {line.label}")
        for line in lines
        if line.key not in own
    ]


def _collect_fields(context: RequestContext, file: CaseFile) -> dict[str, str]:
    old = file.facts
    if old is None:
        return {"seen": "0"}
    return {
        "seen": str(old.version),
        "what_happened": old.what_happened,
        "next_update": context.app_state.pages.times.format_for_form(old.next_update),
    }


def _show_words(
    context: RequestContext,
    case_id: str,
    key: PartKey,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    file = context.look(lambda uow: read_case(uow, case_id, context.now))
    file.get_breach()
    role, standing, customer = key
    mine = [
        exposure
        for exposure, told_categories in _list_told(file)
        if (exposure.role, told_categories) == (role, standing)
        and customer in (None, exposure.customer_id)
    ]
    if not mine:
        raise NotFound(
            "nobody is told as one of these readers",
            place=case_id,
            remedy="Choose the readers from the list.",
        )
    return context.render_page(
        "facts_words.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        key=key,
        label=READERS[role, standing],
        pack=role is DataRole.PROCESSOR,
        act_names=ACT_NAMES,
        exposures=mine,
        own=find_words(file.facts, key) is not None,
        typed=_collect_words_fields(context, file, key, mine) if typed is None else typed,
        problem=problem,
    )


def list_steps(
    steps: Iterable[ContainmentStep], key: PartKey, customers: Collection[str]
) -> list[ContainmentStep]:
    """Steps that are done and concern each of these readers. Whoever only cannot be ruled out, or
    was told wrongly, is offered none: they tell what happened elsewhere."""
    role, standing, _ = key
    ours = (
        ContainmentScope.OUR_DATA
        if role is DataRole.CONTROLLER
        else ContainmentScope.CUSTOMERS_DATA
    )
    return [
        step
        for step in steps
        if standing is ReaderStanding.REACHED
        and step.done_at
        and step.concerns in (ContainmentScope.EVERYTHING, ours)
        and (not step.customers or set(customers) <= set(step.customers))
    ]


def _collect_words_fields(
    context: RequestContext, file: CaseFile, key: PartKey, exposures: Sequence[Exposure]
) -> dict[str, str]:
    """The newest words; without any, a customer begins from its group's, readers who were reached
    from the containment steps that concern all of them."""
    role, standing, customer = key
    group = find_words(file.facts, (role, standing, None))
    old = find_words(file.facts, key) or (group if customer else None)
    seen = {"seen": str(file.facts.version if file.facts else 0)}
    if old is None:
        step_texts = [
            f"On {context.app_state.pages.times.format_full(step.done_at)}: {step.text}"
            for step in list_steps(file.case.containment, key, [e.customer_id for e in exposures])
            if step.done_at
        ]
        return seen | {"measures": "\n".join(step_texts)}
    shown = {name: getattr(old, name) or "" for name in (*TEXTS, *PACK_TEXTS)}
    shown |= {name: "\n".join(getattr(old, name)) for name in LISTS}
    ticks = {
        name: "yes" if getattr(old, name) else "" for name in ("contained", "no_sub_processors")
    }
    return seen | shown | ticks


SCREEN = Screen(id="facts", router=router)
