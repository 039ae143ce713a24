"""Delivery: each letter's end in honest words, and what a person settles by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.release import notice_facts, receipts, witness
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.web.permissions import (
    ANALYST_OR_RESPONDER,
    RESPONDER,
    RESPONDER_OR_APPROVER,
    requires,
)
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.notice import DeliveryStatus
from schemas.casework.notice_states import IN_FLIGHT, NOTIFIED
from schemas.errors import BreachDeskError, NotFound

router = APIRouter()


@router.get("/cases/{case_id}/delivery")
def show_delivery(case_id: str, context: SignedIn) -> Response:
    """Every row."""
    return _show(context, case_id, {})


@router.post("/cases/{case_id}/delivery/{row_id}/bounce")
@requires(ANALYST_OR_RESPONDER)
def submit_bounce(case_id: str, row_id: int, context: SignedIn, form: Posted) -> Response:
    """It came back, by hand; the telephone task opens."""
    _check_own(context, case_id, row_id)
    return context.submit(
        lambda uow: notice_facts.record_bounce(
            uow, context.actor, row_id, form.get_text(f"bounce:{row_id}"), now=context.now
        ),
        then=f"/cases/{case_id}/delivery",
        message="bounced",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/delivery/{row_id}/resolve")
@requires(RESPONDER)
def submit_resolution(case_id: str, row_id: int, context: SignedIn, form: Posted) -> Response:
    """An unknown end, settled from the mail server's log."""
    _check_own(context, case_id, row_id)
    return context.submit(
        lambda uow: notice_facts.resolve_unknown(
            uow,
            context.actor,
            row_id,
            form.parse_choice(f"outcome:{row_id}", DeliveryStatus, "What the log says"),
            form.get_text(f"evidence:{row_id}"),
            now=context.now,
        ),
        then=f"/cases/{case_id}/delivery",
        message="resolved",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/delivery/{row_id}/acknowledge")
@requires(ANALYST_OR_RESPONDER)
def submit_acknowledgement(case_id: str, row_id: int, context: SignedIn, form: Posted) -> Response:
    """The reader confirmed receipt."""
    _check_own(context, case_id, row_id)
    return context.submit(
        lambda uow: receipts.record_receipt(uow, context.actor, row_id, now=context.now),
        then=f"/cases/{case_id}/delivery",
        message="acknowledged",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/witness")
@requires(RESPONDER_OR_APPROVER)
def submit_witness_notice(case_id: str, context: SignedIn, form: Posted) -> Response:
    """The message to the witness did not arrive: one more, to whom the settings name now."""
    return context.submit(
        lambda uow: witness.tell_witness_again(
            uow,
            context.actor,
            read_case(uow, case_id, context.now).get_breach().id,
            context.dependencies.settings,
            now=context.now,
        ),
        then=f"/cases/{case_id}/delivery",
        message="witness",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


@router.post("/cases/{case_id}/pause")
@requires(RESPONDER_OR_APPROVER)
def submit_pause(case_id: str, context: SignedIn, form: Posted) -> Response:
    """The kill switch, both ways."""
    paused = form.get_text("paused") == "yes"
    return context.submit(
        lambda uow: notice_facts.pause_notices(
            uow,
            context.actor,
            read_case(uow, case_id, context.now).get_breach().id,
            paused,
            now=context.now,
        ),
        then=f"/cases/{case_id}/delivery",
        message="paused" if paused else "resumed",
        on_error=lambda problem: _show(context, case_id, form, problem),
    )


def _check_own(context: RequestContext, case_id: str, row_id: int) -> None:
    """Raises NotFound for a letter of another case."""
    file = context.look(lambda uow: read_case(uow, case_id, context.now))
    if row_id not in {row.id for row in file.rows}:
        raise NotFound("no such letter", place=case_id, remedy="See the list of its letters.")


@dataclass(frozen=True)
class WitnessWait:
    """Why released letters wait for the witness; empty: they do not."""

    why: str = ""
    may_ask_again: bool = False
    unfit: str = ""
    """What speaks against whom the settings name now."""


def read_waiting(
    uow: UnitOfWork, context: RequestContext, case_id: str
) -> tuple[CaseFile, WitnessWait]:
    """The file, and what its letters wait for."""
    file = read_case(uow, case_id, context.now)
    file.get_breach()
    approval = file.approval
    why = witness.find_wait_reason(uow, approval, context.now) if approval else ""
    if approval is None or not why:
        return file, WitnessWait()
    settled = (*IN_FLIGHT, *NOTIFIED)
    again = all(row.status not in settled for row in witness.list_witness_rows(uow, approval))
    settings = context.dependencies.settings
    unfit = witness.find_unfit_reason(settings.profile.witness_email, settings, uow.users.list())
    return file, WitnessWait(why, again, unfit)


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
) -> Response:
    file, waiting = context.look(lambda uow: read_waiting(uow, context, case_id))
    hold_reason = context.look(mail_hold.get_hold_reason)
    people = {r.person_id: r for r in file.manifest.recipients} if file.manifest else {}
    return context.render_page(
        "delivery.html",
        file=file,
        held=hold_reason,
        case=file.case,
        case_steps=build_steps(file),
        people=people,
        waiting=waiting,
        counts=Counter(row.status.value for row in file.rows),
        typed=typed,
        problem=problem,
    )


SCREEN = Screen(id="delivery", router=router)
