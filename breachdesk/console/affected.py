"""Who is affected: every customer with certainty and reason, changed by hand with one, frozen."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import affected
from breachdesk.casework.certainty import WORDS
from breachdesk.casework.list_readers import who_is_told
from breachdesk.console.affected_details import (
    alike,
    corrected_acts,
    corrected_effects,
    decided_details,
    has_details,
)
from breachdesk.console.affected_groups import (
    Listing,
    Opened,
    found_among,
    group_ids,
    listing,
)
from breachdesk.console.case_file import CaseFile, read_case, surest_first
from breachdesk.console.contact_rows import ContactWarnings, contact_warnings
from breachdesk.console.desk import REFUSALS, Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.pages import customer_names
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.affected import Certainty, Channel, Exposure, Manifest, Recipient
from schemas.errors import BreachDeskError, Conflict
from schemas.paging import PageRequest

router = APIRouter()
CUSTOMERS = 200
"""Customers that one search may find."""
GROUP_FIELDS = ("group:", "group-why:")
DETAIL_FIELDS = ("details", "effect", "add", "said")
NOTHING_OPEN = Opened()


@router.get("/cases/{case_id}/affected")
def show(case_id: str, desk: Signed, anew: bool = False, open: str = "", q: str = "") -> Response:  # noqa: A002
    """The frozen list; the proposal while there is none, or when a new version is wanted."""
    return _show(desk, case_id, {}, anew=anew, opened=Opened.of(open, q.strip()))


@router.post("/cases/{case_id}/affected")
def freeze(case_id: str, desk: Signed, form: Posted) -> Response:
    """The proposal with every change made on the page, sealed under one hash. Before that the page
    says how many people will be told; `open` and `find` show more of it and keep what was typed."""
    opened = Opened.of(form.text("open"), form.text("words") if form.text("find") else "")
    if form.text("open") or form.text("find"):
        return _show(desk, case_id, form, anew=True, opened=opened)
    if not form.text("confirmed"):
        return _ask(desk, case_id, form)
    return desk.attempt(
        lambda uow: _freeze(uow, desk, case_id, form),
        then=f"/cases/{case_id}/affected",
        done="frozen",
        again=lambda problem: _show(desk, case_id, form, problem, anew=True),
    )


def _ask(desk: Desk, case_id: str, form: Form) -> Response:
    """How many people will be told, once more before it is sealed."""

    def work(uow: UnitOfWork) -> tuple[CaseFile, dict[str, str], Asked]:
        file = read_case(uow, case_id, desk.now)
        proposal = affected.propose(uow, file.known_breach().id)
        changed = _decided(proposal, desk, _with_earlier(form, frozen_list(uow, file)))
        told = who_is_told(uow, file.known_breach().id, changed)
        earlier = _earlier(form, frozen_list(uow, file))
        return file, typed_changes(proposal, form, earlier), asked(changed, told)

    try:
        file, kept, counted = desk.look(work)
    except REFUSALS as problem:
        return _show(desk, case_id, form, problem, anew=True)
    return desk.page(
        "affected_confirm.html",
        file=file,
        way=way(file),
        kept=kept,
        earlier=form.text("earlier"),
        asked=counted,
        proposal=form.text("proposal"),
    )


def _freeze(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Manifest:
    file = read_case(uow, case_id, desk.now)
    breach = file.known_breach()
    return affected.freeze(
        uow,
        desk.actor,
        breach.id,
        _decided(
            affected.propose(uow, breach.id), desk, _with_earlier(form, frozen_list(uow, file))
        ),
        now=desk.now,
        profile_senders_assets=sender_assets(desk),
        policy=desk.house.settings.notices,
    )


def _decided(exposures: tuple[Exposure, ...], desk: Desk, form: Form) -> tuple[Exposure, ...]:
    """With every change made on the page. Raises Conflict where the proposal is another now."""
    if seal_of(exposures) != form.text("proposal"):
        raise Conflict(
            "the proposal has changed since this page was made",
            place="affected list",
            remedy="Late lines came in. Look through it again; your changes are still here.",
        )
    groups = group_ids(surest_first(exposures))
    return tuple(_changed(e, groups[e.customer_id, e.role], desk, form) for e in exposures)


def _changed(exposure: Exposure, group: str, desk: Desk, form: Form) -> Exposure:
    wanted, why = _wanted(exposure, group, form)
    effects, acts = corrected_effects(exposure, form), corrected_acts(exposure, form)
    if wanted in ("", exposure.certainty) and not why and effects is None and acts is None:
        return exposure
    return affected.decided_otherwise(
        exposure,
        Certainty(wanted or exposure.certainty),
        why,
        desk.actor,
        effects=effects,
        acts=acts,
    )


def _wanted(exposure: Exposure, group: str, form: Form) -> tuple[str, str]:
    """What its own row says; else what is said of its group; else, if nothing but reach speaks for
    it, what is said of all such."""
    key = exposure_key(exposure)
    every = [(f"certainty:{key}", f"why:{key}"), (f"group:{group}", f"group-why:{group}")]
    if reached_only(exposure):
        every.append(("reached_certainty", "reached_why"))
    for certainty, why in every:
        said = form.text(certainty), form.text(why)
        if said[1] or said[0] not in ("", exposure.certainty):
            return said
    return "", ""


def frozen_list(uow: UnitOfWork, file: CaseFile) -> Manifest | None:
    """The newest list, with what it excludes."""
    return uow.breaches.latest(Manifest, file.known_breach().id)


def _earlier(form: Form, before: Manifest | None) -> dict[str, str]:
    """What the version before decided, where the form was made from it."""
    return _decided_before(before) if form.text("earlier") else {}


def _with_earlier(form: Form, before: Manifest | None) -> Form:
    return form.over(_earlier(form, before))


def typed_changes(
    exposures: Iterable[Exposure], form: Form, earlier: Mapping[str, str]
) -> dict[str, str]:
    """What the form says otherwise than the proposal, and than the version before, by the field's
    name."""
    shown = {"reached_certainty": "", "reached_why": ""}
    shown |= {name: "" for name in form if name.startswith(GROUP_FIELDS)}
    for exposure in exposures:
        key = exposure_key(exposure)
        shown |= {f"certainty:{key}": exposure.certainty.value, f"why:{key}": ""}
        if f"details:{key}" in form:
            own = tuple(f"{field}:{key}" for field in DETAIL_FIELDS)
            details = {name: "" for name in form if name.startswith(own)}
            unchanged = (corrected_effects(exposure, form), corrected_acts(exposure, form))
            if unchanged != (None, None) or details.keys() & earlier.keys():
                shown |= details
    return {
        name: form.text(name)
        for name, value in shown.items()
        if name in form and form.text(name) != earlier.get(name, value)
    }


def reached_only(exposure: Exposure) -> bool:
    """Possible because an opened system of ours could reach it: no event names its assets."""
    nothing_names_it = not exposure.assets and not exposure.evidence
    return exposure.certainty is Certainty.POSSIBLE and nothing_names_it


def exposure_key(exposure: Exposure) -> str:
    """`c-017:processor`, as the form's fields are named."""
    return f"{exposure.customer_id}:{exposure.role}"


def seal_of(exposures: tuple[Exposure, ...]) -> str:
    """What the person saw, so that nobody freezes a list that changed meanwhile."""
    digest = hashlib.sha256()
    for exposure in exposures:
        digest.update(exposure.model_dump_json().encode())
    return digest.hexdigest()


def sender_assets(desk: Desk) -> tuple[str, ...]:
    """`kind:value` of everything our own senders stand on."""
    senders = desk.house.settings.senders
    return tuple(f"{kind}:{value}" for sender in senders for kind, value in sender.assets)


def _show(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
    *,
    anew: bool = False,
    opened: Opened = NOTHING_OPEN,
) -> Response:
    read = desk.look(lambda uow: _read(uow, desk, case_id, anew=anew, opened=opened))
    file, shown, frozen = read.file, read.exposures, read.frozen
    visible = (*read.reached.rows, *read.excluded.rows, *read.found)
    kept: dict[str, str] = {}
    earlier = _decided_before(read.before)
    if isinstance(typed, Form):
        earlier = _earlier(typed, read.before)
        kept = typed_changes(shown, typed, earlier)
        typed = typed.over(earlier)
    return desk.page(
        "affected.html",
        read=read,
        file=file,
        case=file.case,
        way=way(file),
        frozen=frozen,
        hidden=_not_shown(kept, read, visible),
        counts=Counter(e.certainty.value for e in worst(shown)),
        key=exposure_key,
        proposal=read.seal,
        contacts=read.contacts,
        reached_only=sum(1 for e in shown if reached_only(e)),
        has_details=has_details,
        alike=alike,
        act_words=WORDS,
        typed=typed or earlier,
        earlier="yes" if earlier else "",
        problem=problem,
    )


def _not_shown(kept: Mapping[str, str], read: Read, visible: Iterable[Exposure]) -> dict[str, str]:
    """Changes that no field of the page shows: they go on hidden."""
    rows = tuple(f":{exposure_key(e)}" for e in visible)
    groups = {g.id for part in (read.reached, read.excluded) for g in part.groups}
    fields = {f"{name}{g}" for name in GROUP_FIELDS for g in groups}
    fields |= {"reached_certainty", "reached_why"}

    def stands(name: str) -> bool:
        return name in fields or any(name.endswith(row) or f"{row}:" in name for row in rows)

    return {name: value for name, value in kept.items() if not stands(name)}


def _decided_before(before: Manifest | None) -> dict[str, str]:
    """What people changed in the version before, so that a new one starts from it."""
    typed: dict[str, str] = {}
    for exposure in before.exposures if before else ():
        if exposure.decided_by:
            key = exposure_key(exposure)
            typed |= {f"certainty:{key}": exposure.certainty.value, f"why:{key}": exposure.reason}
            typed |= decided_details(key, exposure)
    return typed


def worst(exposures: tuple[Exposure, ...]) -> list[Exposure]:
    """One exposure a customer: the surest."""
    surest: dict[str, Exposure] = {}
    for exposure in surest_first(exposures):
        surest.setdefault(exposure.customer_id, exposure)
    return list(surest.values())


@dataclass(frozen=True)
class Asked:
    """What freezing would do, in numbers."""

    customers: int
    people: int
    by_mail: int
    by_telephone: int


def asked(exposures: Iterable[Exposure], told: Sequence[Recipient]) -> Asked:
    """Of the list as it would be frozen."""
    telephone = sum(r.channel is Channel.TELEPHONE for r in told)
    customers = {e.customer_id for e in exposures if e.certainty is not Certainty.EXCLUDED}
    return Asked(len(customers), len(told), len(told) - telephone, telephone)


@dataclass(frozen=True)
class Read:
    """What the page shows of the list."""

    file: CaseFile
    before: Manifest | None
    """The newest frozen list."""
    exposures: tuple[Exposure, ...]
    """All of them, the surest first."""
    frozen: bool
    seal: str
    """Of the proposal."""
    reached: Listing
    excluded: Listing
    found: Sequence[Exposure]
    """Of the customers looked for."""
    more: bool
    words: str
    names: Mapping[str, str]
    contacts: ContactWarnings


def _read(uow: UnitOfWork, desk: Desk, case_id: str, *, anew: bool, opened: Opened) -> Read:
    file = read_case(uow, case_id, desk.now)
    breach = file.known_breach()
    before = frozen_list(uow, file)
    told = {r.customer_id for r in before.recipients} if before else set()
    frozen = before is not None and not anew
    if before is not None and not anew:
        proposed = before.exposures
    else:
        proposed = affected.propose(uow, breach.id)
        told |= {e.customer_id for e in proposed if e.certainty is not Certainty.EXCLUDED}
    every = surest_first(proposed)
    reached = listing([e for e in every if e.certainty is not Certainty.EXCLUDED], opened)
    excluded = listing([e for e in every if e.certainty is Certainty.EXCLUDED], opened)
    found, more = _found(uow, every, opened.words)
    contacts = contact_warnings(uow, desk, breach, told)
    shown = [e.customer_id for e in (*reached.rows, *excluded.rows, *found)]
    shown += [warning.customer_id for warning in (*contacts.changed, *contacts.added)]
    names = file.names | customer_names(uow, shown)
    return Read(
        file,
        before,
        every,
        frozen,
        "" if frozen else seal_of(proposed),
        reached,
        excluded,
        found,
        more,
        opened.words,
        names,
        contacts,
    )


def _found(
    uow: UnitOfWork, exposures: Sequence[Exposure], words: str
) -> tuple[Sequence[Exposure], bool]:
    if not words:
        return (), False
    meant = {c.id for c in uow.customers.page(PageRequest(CUSTOMERS), words=words).rows}
    return found_among(exposures, meant.__contains__)
