"""Who is affected: every customer with certainty and reason, changed by hand with one, frozen."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import affected
from breachdesk.casework.certainty import WORDS
from breachdesk.console.affected_details import (
    alike,
    corrected_acts,
    corrected_effects,
    decided_details,
    has_details,
)
from breachdesk.console.case_file import CaseFile, read_case, surest_first
from breachdesk.console.contact_rows import ContactWarnings, contact_warnings
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.affected import Certainty, Exposure, Manifest
from schemas.errors import BreachDeskError, Conflict

router = APIRouter()


@router.get("/cases/{case_id}/affected")
def show(case_id: str, desk: Signed, anew: bool = False) -> Response:
    """The frozen list; the proposal while there is none, or when a new version is wanted."""
    return _show(desk, case_id, {}, anew=anew)


@router.post("/cases/{case_id}/affected")
def freeze(case_id: str, desk: Signed, form: Posted) -> Response:
    """The proposal with every change made on the page, sealed under one hash."""
    return desk.attempt(
        lambda uow: _freeze(uow, desk, case_id, form),
        then=f"/cases/{case_id}/affected",
        done="frozen",
        again=lambda problem: _show(desk, case_id, form, problem, anew=True),
    )


def _freeze(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> Manifest:
    breach = read_case(uow, case_id, desk.now).known_breach()
    exposures = affected.propose(uow, breach.id)
    if seal_of(exposures) != form.text("proposal"):
        raise Conflict(
            "the proposal has changed since this page was made",
            place="affected list",
            remedy="Late lines came in. Look through it again; your changes are still here.",
        )
    for exposure in exposures:
        exposures = _changed(exposures, exposure, desk, form)
    return affected.freeze(
        uow,
        desk.actor,
        breach.id,
        exposures,
        now=desk.now,
        profile_senders_assets=sender_assets(desk),
        policy=desk.house.settings.notices,
    )


def _changed(
    exposures: tuple[Exposure, ...], exposure: Exposure, desk: Desk, form: Form
) -> tuple[Exposure, ...]:
    wanted, why = _wanted(exposure, form)
    effects, acts = corrected_effects(exposure, form), corrected_acts(exposure, form)
    if wanted in ("", exposure.certainty) and not why and effects is None and acts is None:
        return exposures
    return affected.override(
        exposures,
        exposure.customer_id,
        exposure.role,
        Certainty(wanted or exposure.certainty),
        why,
        desk.actor,
        effects=effects,
        acts=acts,
    )


def _wanted(exposure: Exposure, form: Form) -> tuple[str, str]:
    """What its own row says; else, if nothing but reach speaks for it, what is said of all such."""
    key = exposure_key(exposure)
    wanted, why = form.text(f"certainty:{key}"), form.text(f"why:{key}")
    if wanted in ("", exposure.certainty) and not why and reached_only(exposure):
        return form.text("reached_certainty"), form.text("reached_why")
    return wanted, why


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
) -> Response:
    file, proposal, contacts = desk.look(lambda uow: _read(uow, desk, case_id, anew=anew))
    shown = proposal if proposal is not None else file.manifest.exposures if file.manifest else ()
    return desk.page(
        "affected.html",
        file=file,
        case=file.case,
        way=way(file),
        frozen=proposal is None,
        exposures=surest_first(shown),
        counts=Counter(e.certainty.value for e in worst(shown)),
        key=exposure_key,
        proposal=seal_of(shown),
        contacts=contacts,
        reached_only=sum(1 for e in shown if reached_only(e)),
        has_details=has_details,
        alike=alike,
        act_words=WORDS,
        typed=typed or _decided_before(file),
        problem=problem,
    )


def _decided_before(file: CaseFile) -> dict[str, str]:
    """What people changed in the version before, so that a new one starts from it."""
    typed: dict[str, str] = {}
    for exposure in file.manifest.exposures if file.manifest else ():
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


def _read(
    uow: UnitOfWork, desk: Desk, case_id: str, *, anew: bool
) -> tuple[CaseFile, tuple[Exposure, ...] | None, ContactWarnings]:
    file = read_case(uow, case_id, desk.now)
    breach = file.known_breach()
    proposal = None
    told = {r.customer_id for r in file.manifest.recipients} if file.manifest else set()
    if file.manifest is None or anew:
        proposal = affected.propose(uow, breach.id)
        told |= {e.customer_id for e in proposal if e.certainty is not Certainty.EXCLUDED}
    return file, proposal, contact_warnings(uow, desk, breach, told)
