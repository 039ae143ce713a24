"""The duties of a case: to whom, since when, by when, from which source, and what ends each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import obligations
from breachdesk.console.views.case_progress import build_steps
from breachdesk.console.views.case_view import CaseFile, read_case
from breachdesk.console.web.permissions import APPROVER, RESPONDER, RESPONDER_OR_APPROVER, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.obligation import Obligation, PendingReader, WaiverRequest
from schemas.errors import BadInput, BreachDeskError

router = APIRouter()
MOST_READERS = 50
"""Who may be ticked one by one; of a longer list those that are searched for."""


class _WaiverReaders:
    """Whom a waiver may be limited to."""

    def __init__(self, file: CaseFile, find: str) -> None:
        recipients = file.manifest.recipients if file.manifest else ()
        self.people = {(r.customer_id, r.person_id): r.name for r in recipients}
        self._names = file.names
        self._find = find.casefold()

    def list_matching(self, duty: Obligation) -> Sequence[PendingReader]:
        """Those that the search finds, at most as many as may be ticked."""
        return list(
            islice(
                (r for r in duty.owed if self._find in self._format_search_text(r)), MOST_READERS
            )
        )

    def _format_search_text(self, reader: PendingReader) -> str:
        person = self.people.get((reader.customer_id, reader.person_id), "")
        customer = self._names.get(reader.customer_id, "")
        return f"{customer} {reader.customer_id} {person}".casefold()


@router.get("/cases/{case_id}/duties")
def show_duties(case_id: str, context: SignedIn, find: str = "") -> Response:
    """Those that run first, the most pressing at the top. `find`: in names of readers, to waive a
    duty for those alone."""
    return _show(context, case_id, {}, find=find.strip())


@router.post("/cases/{case_id}/duties/waive")
@requires(RESPONDER)
def submit_waiver(case_id: str, context: SignedIn, form: Posted) -> Response:
    """Waive one, or ask a second person to. Readers who are ticked, else all of them."""

    def record_waiver(uow: UnitOfWork, breach_id: str) -> str:
        if form.get_text("find") and not form.list_values("reader"):
            raise BadInput(
                "no reader is ticked", place="reader", remedy="Tick some, or show all readers."
            )
        filed = obligations.waive_obligation(
            uow,
            context.actor,
            breach_id,
            form.get_text("duty"),
            form.get_text("reason"),
            context.now,
            covers=form.list_values("reader"),
        )
        return "waiver-asked" if isinstance(filed, WaiverRequest) else "waived"

    return _submit_action(context, case_id, form, record_waiver)


@router.post("/cases/{case_id}/duties/confirm")
@requires(APPROVER)
def submit_waiver_confirmation(case_id: str, context: SignedIn, form: Posted) -> Response:
    """A second person waives what was asked for."""

    def confirm_waiver(uow: UnitOfWork, breach_id: str) -> str:
        obligations.confirm_waiver(
            uow,
            context.actor,
            breach_id,
            form.get_text("duty"),
            form.get_text("reason"),
            context.now,
        )
        return "waived"

    return _submit_action(context, case_id, form, confirm_waiver)


@router.post("/cases/{case_id}/duties/undo")
@requires(RESPONDER_OR_APPROVER)
def submit_waiver_undo(case_id: str, context: SignedIn, form: Posted) -> Response:
    """A waiver no longer counts, or what was asked for is withdrawn."""

    def undo_waiver(uow: UnitOfWork, breach_id: str) -> str:
        obligations.undo_waiver(
            uow,
            context.actor,
            breach_id,
            form.get_text("duty"),
            form.get_text("reason"),
            context.now,
        )
        return "waiver-undone"

    return _submit_action(context, case_id, form, undo_waiver)


def _submit_action(
    context: RequestContext,
    case_id: str,
    form: Mapping[str, str],
    work: Callable[[UnitOfWork, str], str],
) -> Response:
    return context.submit(
        lambda uow: work(uow, read_case(uow, case_id, context.now).get_breach().id),
        then=lambda flash: f"/cases/{case_id}/duties?done={flash}",
        message="",
        on_error=lambda problem: _show(context, case_id, form, problem, find=form.get("find", "")),
    )


def _show(
    context: RequestContext,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
    *,
    find: str = "",
) -> Response:
    file = context.look(lambda uow: read_case(uow, case_id, context.now))
    file.get_breach()
    readers = _WaiverReaders(file, find)
    return context.render_page(
        "duties.html",
        file=file,
        case=file.case,
        case_steps=build_steps(file),
        running=[duty for duty in file.obligations if duty.running],
        over=[duty for duty in file.obligations if not duty.running],
        rules=obligations.list_rules(),
        people=readers.people,
        among=readers.list_matching,
        find=find,
        most=MOST_READERS,
        large=any(len(d.owed) > MOST_READERS for d in file.obligations if d.running),
        typed=typed,
        problem=problem,
    )


SCREEN = Screen(id="duties", router=router)
