"""Who is affected: every customer with certainty and reason, changed by hand with one, frozen."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.affected import affected_list
from breachdesk.casework.affected.certainty import WORDS
from breachdesk.casework.affected.list_readers import list_prospective_recipients
from breachdesk.console.views.affected_details import (
    collect_decided_details,
    has_details,
    list_by_effects,
    parse_acts,
    parse_effects,
)
from breachdesk.console.views.affected_groups import (
    GroupListing,
    OpenedGroup,
    build_group_ids,
    build_listing,
    select_matching,
)
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case, sort_by_certainty
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.pages import get_customer_names
from breachdesk.console.web.contact_rows import ContactWarnings, build_contact_warnings
from breachdesk.console.web.permissions import RESPONDER, requires
from breachdesk.console.web.request_context import REFUSALS, Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import Certainty, ContactChannel, Exposure, Manifest, Recipient
from schemas.errors import BreachDeskError, EditConflict
from schemas.paging import PageRequest

router = APIRouter()
CUSTOMERS = 200
"""Customers that one search may find."""
GROUP_FIELDS = ("group:", "group-why:")
DETAIL_FIELDS = ("details", "effect", "add", "said")
NOTHING_OPEN = OpenedGroup()


@router.get("/cases/{case_id}/affected")
def show_affected(
    case_id: str,
    context: SignedIn,
    anew: bool = False,
    open: str = "",  # noqa: A002
    q: str = "",
) -> Response:
    """The frozen list; the proposal while there is none, or when a new version is wanted."""
    return _show(context, case_id, {}, anew=anew, opened=OpenedGroup.parse(open, q.strip()))


@router.post("/cases/{case_id}/affected")
@requires(RESPONDER)
def submit_freeze(case_id: str, context: SignedIn, form: Posted) -> Response:
    """The proposal with every change made on the page, sealed under one hash. Before that the page
    says how many people will be told; `open` and `find` show more of it and keep what was typed."""
    opened = OpenedGroup.parse(
        form.get_text("open"), form.get_text("words") if form.get_text("find") else ""
    )
    if form.get_text("open") or form.get_text("find"):
        return _show(context, case_id, form, anew=True, opened=opened)
    if not form.get_text("confirmed"):
        return _show_freeze_question(context, case_id, form)
    return context.submit(
        lambda uow: _freeze_list(uow, context, case_id, form),
        then=f"/cases/{case_id}/affected",
        message="frozen",
        on_error=lambda problem: _show(context, case_id, form, problem, anew=True),
    )


def _show_freeze_question(context: RequestContext, case_id: str, form: SubmittedForm) -> Response:
    """How many people will be notified, once more before it is sealed."""

    def read_question(uow: UnitOfWork) -> tuple[CaseFile, dict[str, str], FreezeFigures]:
        file = read_case(uow, case_id, context.now)
        proposal = affected_list.propose(uow, file.get_breach().id)
        changed = _apply_decisions(
            proposal, context, _add_earlier_changes(form, frozen_list(uow, file))
        )
        told_customers = list_prospective_recipients(uow, file.get_breach().id, changed)
        earlier = _read_earlier_changes(form, frozen_list(uow, file))
        return (
            file,
            collect_changes(proposal, form, earlier),
            compute_freeze_figures(changed, told_customers),
        )

    try:
        file, changes, counted = context.look(read_question)
    except REFUSALS as problem:
        return _show(context, case_id, form, problem, anew=True)
    return context.render_page(
        "affected_confirm.html",
        file=file,
        case_steps=build_steps(file),
        changes=changes,
        earlier=form.get_text("earlier"),
        figures=counted,
        proposal=form.get_text("proposal"),
    )


def _freeze_list(
    uow: UnitOfWork, context: RequestContext, case_id: str, form: SubmittedForm
) -> Manifest:
    file = read_case(uow, case_id, context.now)
    breach = file.get_breach()
    return affected_list.freeze(
        uow,
        context.actor,
        breach.id,
        _apply_decisions(
            affected_list.propose(uow, breach.id),
            context,
            _add_earlier_changes(form, frozen_list(uow, file)),
        ),
        now=context.now,
        profile_senders_assets=list_sender_assets(context),
        policy=context.dependencies.settings.notices,
    )


def _apply_decisions(
    exposures: tuple[Exposure, ...], context: RequestContext, form: SubmittedForm
) -> tuple[Exposure, ...]:
    """With every change made on the page. Raises EditConflict where the proposal is another now."""
    if compute_list_seal(exposures) != form.get_text("proposal"):
        raise EditConflict(
            "the proposal has changed since this page was made",
            place="affected list",
            remedy="Late log lines arrived. Check the list again; your changes are kept.",
        )
    groups = build_group_ids(sort_by_certainty(exposures))
    return tuple(_apply_change(e, groups[e.customer_id, e.role], context, form) for e in exposures)


def _apply_change(
    exposure: Exposure, group: str, context: RequestContext, form: SubmittedForm
) -> Exposure:
    certainty, why = _read_certainty(exposure, group, form)
    effects, acts = parse_effects(exposure, form), parse_acts(exposure, form)
    if certainty in ("", exposure.certainty) and not why and effects is None and acts is None:
        return exposure
    return affected_list.build_override(
        exposure,
        Certainty(certainty or exposure.certainty),
        why,
        context.actor,
        effects=effects,
        acts=acts,
    )


def _read_certainty(exposure: Exposure, group: str, form: SubmittedForm) -> tuple[str, str]:
    """What its own row says; else what is said of its group; else, if nothing but reach speaks for
    it, what is said of all such."""
    key = format_exposure_key(exposure)
    every = [(f"certainty:{key}", f"why:{key}"), (f"group:{group}", f"group-why:{group}")]
    if is_reached_only(exposure):
        every.append(("reached_certainty", "reached_why"))
    for certainty, why in every:
        choice = form.get_text(certainty), form.get_text(why)
        if choice[1] or choice[0] not in ("", exposure.certainty):
            return choice
    return "", ""


def frozen_list(uow: UnitOfWork, file: CaseFile) -> Manifest | None:
    """The newest list, with what it excludes."""
    return uow.breaches.find_latest(Manifest, file.get_breach().id)


def _read_earlier_changes(form: SubmittedForm, before: Manifest | None) -> dict[str, str]:
    """What the version before decided, where the form was made from it."""
    return _collect_former_decisions(before) if form.get_text("earlier") else {}


def _add_earlier_changes(form: SubmittedForm, before: Manifest | None) -> SubmittedForm:
    return form.add_missing(_read_earlier_changes(form, before))


def collect_changes(
    exposures: Iterable[Exposure], form: SubmittedForm, earlier: Mapping[str, str]
) -> dict[str, str]:
    """What the form says otherwise than the proposal, and than the version before, by the field's
    name."""
    shown = {"reached_certainty": "", "reached_why": ""}
    shown |= {name: "" for name in form if name.startswith(GROUP_FIELDS)}
    for exposure in exposures:
        key = format_exposure_key(exposure)
        shown |= {f"certainty:{key}": exposure.certainty.value, f"why:{key}": ""}
        if f"details:{key}" in form:
            own = tuple(f"{field}:{key}" for field in DETAIL_FIELDS)
            details = {name: "" for name in form if name.startswith(own)}
            unchanged = (parse_effects(exposure, form), parse_acts(exposure, form))
            if unchanged != (None, None) or details.keys() & earlier.keys():
                shown |= details
    return {
        name: form.get_text(name)
        for name, value in shown.items()
        if name in form and form.get_text(name) != earlier.get(name, value)
    }


def is_reached_only(exposure: Exposure) -> bool:
    """Possible because an opened system of ours could reach it: no event names its assets."""
    nothing_names_it = not exposure.assets and not exposure.evidence
    return exposure.certainty is Certainty.POSSIBLE and nothing_names_it


def format_exposure_key(exposure: Exposure) -> str:
    """`c-017:processor`, as the form's fields are named."""
    return f"{exposure.customer_id}:{exposure.role}"


def compute_list_seal(exposures: tuple[Exposure, ...]) -> str:
    """What the person saw, so that nobody freezes a list that changed meanwhile."""
    digest = hashlib.sha256()
    for exposure in exposures:
        digest.update(exposure.model_dump_json().encode())
    return digest.hexdigest()


def list_sender_assets(context: RequestContext) -> tuple[str, ...]:
    """`kind:value` of everything that our own senders depend on."""
    senders = context.dependencies.settings.senders
    return tuple(f"{kind}:{value}" for sender in senders for kind, value in sender.assets)


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
    *,
    anew: bool = False,
    opened: OpenedGroup = NOTHING_OPEN,
) -> Response:
    read = context.look(lambda uow: _read(uow, context, case_id, anew=anew, opened=opened))
    file, shown, frozen = read.file, read.exposures, read.frozen
    visible = (*read.reached.rows, *read.excluded.rows, *read.matches)
    changes: dict[str, str] = {}
    earlier = _collect_former_decisions(read.before)
    if isinstance(typed, SubmittedForm):
        earlier = _read_earlier_changes(typed, read.before)
        changes = collect_changes(shown, typed, earlier)
        typed = typed.add_missing(earlier)
    return context.render_page(
        "affected.html",
        read=read,
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        frozen=frozen,
        hidden=_collect_hidden_changes(changes, read, visible),
        counts=Counter(e.certainty.value for e in select_surest(shown)),
        key=format_exposure_key,
        proposal=read.seal,
        contacts=read.contacts,
        reached_only=sum(1 for e in shown if is_reached_only(e)),
        has_details=has_details,
        alike=list_by_effects,
        act_words=WORDS,
        typed=typed or earlier,
        earlier="yes" if earlier else "",
        problem=problem,
    )


def _collect_hidden_changes(
    changes: Mapping[str, str], read: AffectedPage, visible: Iterable[Exposure]
) -> dict[str, str]:
    """Changes that no field of the page shows: they go on hidden."""
    rows = tuple(f":{format_exposure_key(e)}" for e in visible)
    groups = {g.id for part in (read.reached, read.excluded) for g in part.groups}
    fields = {f"{name}{g}" for name in GROUP_FIELDS for g in groups}
    fields |= {"reached_certainty", "reached_why"}

    def is_on_page(name: str) -> bool:
        return name in fields or any(name.endswith(row) or f"{row}:" in name for row in rows)

    return {name: value for name, value in changes.items() if not is_on_page(name)}


def _collect_former_decisions(before: Manifest | None) -> dict[str, str]:
    """What people changed in the version before, so that a new one starts from it."""
    typed: dict[str, str] = {}
    for exposure in before.exposures if before else ():
        if exposure.decided_by:
            key = format_exposure_key(exposure)
            typed |= {f"certainty:{key}": exposure.certainty.value, f"why:{key}": exposure.reason}
            typed |= collect_decided_details(key, exposure)
    return typed


def select_surest(exposures: tuple[Exposure, ...]) -> list[Exposure]:
    """One exposure a customer: the surest."""
    surest: dict[str, Exposure] = {}
    for exposure in sort_by_certainty(exposures):
        surest.setdefault(exposure.customer_id, exposure)
    return list(surest.values())


@dataclass(frozen=True)
class FreezeFigures:
    """What freezing would do, in numbers."""

    customers: int
    people: int
    by_mail: int
    by_telephone: int


def compute_freeze_figures(
    exposures: Iterable[Exposure], told_customers: Sequence[Recipient]
) -> FreezeFigures:
    """Of the list as it would be frozen."""
    telephone = sum(r.channel is ContactChannel.TELEPHONE for r in told_customers)
    customers = {e.customer_id for e in exposures if e.certainty is not Certainty.EXCLUDED}
    return FreezeFigures(
        len(customers), len(told_customers), len(told_customers) - telephone, telephone
    )


@dataclass(frozen=True)
class AffectedPage:
    """What the page shows of the list."""

    file: CaseFile
    before: Manifest | None
    """The newest frozen list."""
    exposures: tuple[Exposure, ...]
    """All of them, the surest first."""
    frozen: bool
    seal: str
    """Of the proposal."""
    reached: GroupListing
    excluded: GroupListing
    matches: Sequence[Exposure]
    """Of the customers looked for."""
    more: bool
    words: str
    names: Mapping[str, str]
    contacts: ContactWarnings


def _read(
    uow: UnitOfWork, context: RequestContext, case_id: str, *, anew: bool, opened: OpenedGroup
) -> AffectedPage:
    file = read_case(uow, case_id, context.now)
    breach = file.get_breach()
    before = frozen_list(uow, file)
    told_customers = {r.customer_id for r in before.recipients} if before else set()
    frozen = before is not None and not anew
    if before is not None and not anew:
        proposed = before.exposures
    else:
        proposed = affected_list.propose(uow, breach.id)
        told_customers |= {e.customer_id for e in proposed if e.certainty is not Certainty.EXCLUDED}
    every = sort_by_certainty(proposed)
    reached = build_listing([e for e in every if e.certainty is not Certainty.EXCLUDED], opened)
    excluded = build_listing([e for e in every if e.certainty is Certainty.EXCLUDED], opened)
    exposures, more = _find_exposures(uow, every, opened.words)
    contacts = build_contact_warnings(uow, context, breach, told_customers)
    shown = [e.customer_id for e in (*reached.rows, *excluded.rows, *exposures)]
    shown += [warning.customer_id for warning in (*contacts.changed, *contacts.added)]
    names = file.names | get_customer_names(uow, shown)
    return AffectedPage(
        file,
        before,
        every,
        frozen,
        "" if frozen else compute_list_seal(proposed),
        reached,
        excluded,
        exposures,
        more,
        opened.words,
        names,
        contacts,
    )


def _find_exposures(
    uow: UnitOfWork, exposures: Sequence[Exposure], words: str
) -> tuple[Sequence[Exposure], bool]:
    if not words:
        return (), False
    customer_ids = {c.id for c in uow.customers.list_page(PageRequest(CUSTOMERS), words=words).rows}
    return select_matching(exposures, customer_ids.__contains__)


SCREEN = Screen(id="affected", router=router)
