"""Delivery: each letter's end in honest words, and what a person settles by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import mail_hold, notify, receipts, witness
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.errors import BreachDeskError, NotFound
from schemas.notice import Status
from schemas.notice_states import IN_FLIGHT, NOTIFIED

router = APIRouter()


@router.get("/cases/{case_id}/delivery")
def show(case_id: str, desk: Signed) -> Response:
    """Every row."""
    return _show(desk, case_id, {})


@router.post("/cases/{case_id}/delivery/{row_id}/bounce")
def bounce(case_id: str, row_id: int, desk: Signed, form: Posted) -> Response:
    """It came back, by hand; the telephone task opens."""
    _check_own(desk, case_id, row_id)
    return desk.attempt(
        lambda uow: notify.record_bounce(
            uow, desk.actor, row_id, form.text(f"bounce:{row_id}"), now=desk.now
        ),
        then=f"/cases/{case_id}/delivery",
        done="bounced",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/delivery/{row_id}/resolve")
def resolve(case_id: str, row_id: int, desk: Signed, form: Posted) -> Response:
    """An unknown end, settled from the mail server's log."""
    _check_own(desk, case_id, row_id)
    return desk.attempt(
        lambda uow: notify.resolve_unknown(
            uow,
            desk.actor,
            row_id,
            form.word(f"outcome:{row_id}", Status, "What the log says"),
            form.text(f"evidence:{row_id}"),
            now=desk.now,
        ),
        then=f"/cases/{case_id}/delivery",
        done="resolved",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/delivery/{row_id}/acknowledge")
def acknowledge(case_id: str, row_id: int, desk: Signed, form: Posted) -> Response:
    """The reader confirmed receipt."""
    _check_own(desk, case_id, row_id)
    return desk.attempt(
        lambda uow: receipts.record_receipt(uow, desk.actor, row_id, now=desk.now),
        then=f"/cases/{case_id}/delivery",
        done="acknowledged",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/witness")
def tell_witness_again(case_id: str, desk: Signed, form: Posted) -> Response:
    """The message to the witness did not arrive: one more, to whom the settings name now."""
    return desk.attempt(
        lambda uow: witness.tell_witness_again(
            uow,
            desk.actor,
            read_case(uow, case_id, desk.now).known_breach().id,
            desk.house.settings,
            now=desk.now,
        ),
        then=f"/cases/{case_id}/delivery",
        done="witness",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.post("/cases/{case_id}/pause")
def pause(case_id: str, desk: Signed, form: Posted) -> Response:
    """The kill switch, both ways."""
    paused = form.text("paused") == "yes"
    return desk.attempt(
        lambda uow: notify.pause(
            uow,
            desk.actor,
            read_case(uow, case_id, desk.now).known_breach().id,
            paused,
            now=desk.now,
        ),
        then=f"/cases/{case_id}/delivery",
        done="paused" if paused else "resumed",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


def _check_own(desk: Desk, case_id: str, row_id: int) -> None:
    """Raises NotFound for a letter of another case."""
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    if row_id not in {row.id for row in file.rows}:
        raise NotFound("no such letter", place=case_id, remedy="See the list of its letters.")


@dataclass(frozen=True)
class Waiting:
    """Why released letters wait for the witness; empty: they do not."""

    why: str = ""
    may_ask_again: bool = False
    unfit: str = ""
    """What speaks against whom the settings name now."""


def read_waiting(uow: UnitOfWork, desk: Desk, case_id: str) -> tuple[CaseFile, Waiting]:
    """The file, and what its letters wait for."""
    file = read_case(uow, case_id, desk.now)
    file.known_breach()
    approval = file.approval
    why = witness.why_waiting(uow, approval, desk.now) if approval else ""
    if approval is None or not why:
        return file, Waiting()
    settled = (*IN_FLIGHT, *NOTIFIED)
    again = all(row.status not in settled for row in witness.witness_rows(uow, approval))
    settings = desk.house.settings
    unfit = witness.why_unfit(settings.profile.witness_email, settings, uow.users.list())
    return file, Waiting(why, again, unfit)


def _show(
    desk: Desk, case_id: str, typed: Mapping[str, str], problem: BreachDeskError | None = None
) -> Response:
    file, waiting = desk.look(lambda uow: read_waiting(uow, desk, case_id))
    held = desk.look(mail_hold.why_held)
    people = {r.person_id: r for r in file.manifest.recipients} if file.manifest else {}
    return desk.page(
        "delivery.html",
        file=file,
        held=held,
        case=file.case,
        way=way(file),
        people=people,
        waiting=waiting,
        counts=Counter(row.status.value for row in file.rows),
        typed=typed,
        problem=problem,
    )
