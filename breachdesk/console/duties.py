"""The duties of a case: to whom, since when, by when, from which source, and what ends each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import obligations
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.errors import BadInput, BreachDeskError
from schemas.obligation import Obligation, Owed, WaiverRequest

router = APIRouter()
MOST_READERS = 50
"""Who may be ticked one by one; of a longer list those that are searched for."""


class _Readers:
    """Whom a waiver may be limited to."""

    def __init__(self, file: CaseFile, find: str) -> None:
        recipients = file.manifest.recipients if file.manifest else ()
        self.people = {(r.customer_id, r.person_id): r.name for r in recipients}
        self._names = file.names
        self._find = find.casefold()

    def among(self, duty: Obligation) -> Sequence[Owed]:
        """Those that the search finds, at most as many as may be ticked."""
        return list(islice((r for r in duty.owed if self._find in self._words(r)), MOST_READERS))

    def _words(self, reader: Owed) -> str:
        person = self.people.get((reader.customer_id, reader.person_id), "")
        customer = self._names.get(reader.customer_id, "")
        return f"{customer} {reader.customer_id} {person}".casefold()


@router.get("/cases/{case_id}/duties")
def duties(case_id: str, desk: Signed, find: str = "") -> Response:
    """Those that run first, the most pressing at the top. `find`: in names of readers, to waive a
    duty for those alone."""
    return _show(desk, case_id, {}, find=find.strip())


@router.post("/cases/{case_id}/duties/waive")
def waive(case_id: str, desk: Signed, form: Posted) -> Response:
    """Waive one, or ask a second person to. Readers who are ticked, else all of them."""

    def work(uow: UnitOfWork, breach_id: str) -> str:
        if form.text("find") and not form.every("reader"):
            raise BadInput(
                "no reader is ticked", place="reader", remedy="Tick some, or show all readers."
            )
        filed = obligations.waive(
            uow,
            desk.actor,
            breach_id,
            form.text("duty"),
            form.text("reason"),
            desk.now,
            covers=form.every("reader"),
        )
        return "waiver-asked" if isinstance(filed, WaiverRequest) else "waived"

    return _act(desk, case_id, form, work)


@router.post("/cases/{case_id}/duties/confirm")
def confirm(case_id: str, desk: Signed, form: Posted) -> Response:
    """A second person waives what was asked for."""

    def work(uow: UnitOfWork, breach_id: str) -> str:
        obligations.confirm_waiver(
            uow, desk.actor, breach_id, form.text("duty"), form.text("reason"), desk.now
        )
        return "waived"

    return _act(desk, case_id, form, work)


@router.post("/cases/{case_id}/duties/undo")
def undo(case_id: str, desk: Signed, form: Posted) -> Response:
    """A waiver no longer counts, or what was asked for is withdrawn."""

    def work(uow: UnitOfWork, breach_id: str) -> str:
        obligations.undo_waiver(
            uow, desk.actor, breach_id, form.text("duty"), form.text("reason"), desk.now
        )
        return "waiver-undone"

    return _act(desk, case_id, form, work)


def _act(
    desk: Desk, case_id: str, form: Mapping[str, str], work: Callable[[UnitOfWork, str], str]
) -> Response:
    return desk.attempt(
        lambda uow: work(uow, read_case(uow, case_id, desk.now).known_breach().id),
        then=lambda done: f"/cases/{case_id}/duties?done={done}",
        done="",
        again=lambda problem: _show(desk, case_id, form, problem, find=form.get("find", "")),
    )


def _show(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str],
    problem: BreachDeskError | None = None,
    *,
    find: str = "",
) -> Response:
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    file.known_breach()
    readers = _Readers(file, find)
    return desk.page(
        "duties.html",
        file=file,
        case=file.case,
        way=way(file),
        running=[duty for duty in file.obligations if duty.running],
        over=[duty for duty in file.obligations if not duty.running],
        rules=obligations.RULES,
        people=readers.people,
        among=readers.among,
        find=find,
        most=MOST_READERS,
        large=any(len(d.owed) > MOST_READERS for d in file.obligations if d.running),
        typed=typed,
        problem=problem,
    )
