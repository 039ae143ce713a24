"""Overview: what waits, the running obligations, the gravest alerts, the sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import obligations
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Signed
from breachdesk.console.pages import customer_names
from breachdesk.console.way import Step, next_step
from breachdesk.console.words import capital, counted
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertState, AlertView
from schemas.case import CaseState
from schemas.case_record import Complaint
from schemas.obligation import Obligation
from schemas.source import SourceView

router = APIRouter()
SHOWN = 8
COMPLAINTS = 5


@dataclass(frozen=True)
class State:
    """What the page shows, from one snapshot."""

    files: tuple[CaseFile, ...]
    alerts: tuple[AlertView, ...]
    obligations: tuple[Obligation, ...]
    sources: tuple[SourceView, ...]
    names: dict[str, str]
    case_of: dict[str, str]
    complaints: tuple[Complaint, ...] = ()
    """Those that wait for us, what is due first on top; no more than COMPLAINTS."""

    @property
    def pressing(self) -> list[tuple[Obligation, list[Obligation]]]:
        """Of each breach the most pressing duty, and the rest."""
        by_breach: dict[str, list[Obligation]] = {}
        for duty in self.obligations:
            by_breach.setdefault(duty.breach_id, []).append(duty)
        return [(duties[0], duties[1:]) for duties in by_breach.values()]


@router.get("/")
def overview(desk: Signed) -> Response:
    """The first page after sign-in."""
    state = desk.look(lambda uow: _read(uow, desk.now))
    waiting = [(file, step) for file in state.files if (step := next_step(file))]
    yours = [pair for pair in waiting if pair[1].duty in desk.user.duties]
    return desk.page(
        "overview.html",
        state=state,
        waiting=waiting,
        yours=yours,
        headline=_headline(yours, len(state.alerts)),
        shown=state.alerts[:SHOWN],
        silent=silent_sources(desk, state.sources),
        received=desk.hall.hours.read(),
    )


def _headline(yours: list[tuple[CaseFile, Step]], alerts: int) -> str:
    if len(yours) == 1:
        file, step = yours[0]
        return f"{file.case.id}: {step.next_act}."
    if yours:
        return f"{capital(counted(len(yours), 'case'))} wait for you."
    if alerts:
        stands = "waits" if alerts == 1 else "wait"
        return f"{capital(counted(alerts, 'new alert'))} {stands} to be looked at."
    return "Nothing waits for you."


def _read(uow: UnitOfWork, now: datetime) -> State:
    open_cases = [c for c in uow.cases.list() if c.state is not CaseState.CLOSED]
    files = tuple(read_case(uow, case.id, now) for case in open_cases)
    return State(
        files,
        tuple(uow.alerts.list(states=(AlertState.NEW,))),
        obligations.overview(uow, now),
        tuple(uow.sources.list()),
        customer_names(uow),
        {b.id: b.case_id for b in uow.breaches.list()},
        tuple(c for c in uow.records.page(Complaint, limit=COMPLAINTS) if c.ended_at is None),
    )


def silent_sources(desk: Desk, sources: tuple[SourceView, ...]) -> set[str]:
    """Names of sources quiet for longer than their settings allow."""
    return {s.name for s in sources if _silent(desk, s)}


def _silent(desk: Desk, source: SourceView) -> bool:
    limit = timedelta(minutes=desk.house.settings.source(source.name).silence_minutes)
    return source.last_arrived is not None and desk.now - source.last_arrived > limit
