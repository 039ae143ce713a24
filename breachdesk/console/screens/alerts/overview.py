"""Overview: what waits, the running obligations, the gravest alerts, the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.obligations import get_urgency_key
from breachdesk.console.screens.alerts.alerts import collect_first_customers
from breachdesk.console.screens.alerts.sources import SILENCE
from breachdesk.console.views.case_progress import CaseStep
from breachdesk.console.views.labels import capitalise, format_count
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.views.pages import get_customer_names
from breachdesk.console.web.request_context import RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case, CaseState
from schemas.casework.case_record import Complaint
from schemas.casework.obligation import Obligation
from schemas.paging import Page, PageRequest
from schemas.pipeline.alert import AlertState, AlertView
from schemas.pipeline.source import SourceView

router = APIRouter()
SHOWN = 8
SOURCES = 12
COMPLAINTS = 5
CASES = 20
BREACHES = 12
"""Breaches whose duties the page shows, the most pressing first."""
OPEN_CASES = 1_000
"""Open cases that are looked at, the newest."""
OPEN = (CaseState.OPEN, CaseState.CONFIRMED)


@dataclass(frozen=True)
class OverviewPage:
    """What the page shows, from one snapshot."""

    waiting: tuple[tuple[Case, CaseStep], ...]
    """Open cases, each with its next step."""
    alerts: Page[AlertView]
    """The gravest new ones."""
    obligations: tuple[Obligation, ...]
    """All that run, the most pressing first."""
    heard: Mapping[str, datetime | None]
    """When each source was heard last."""
    silent: Sequence[str]
    """Sources with an open alert of silence."""
    sources: Sequence[SourceView]
    """Some of them: the silent first, then those with another operations alert."""
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
def show_overview(context: SignedIn) -> Response:
    """The first page after sign-in."""
    state = context.look(lambda uow: _read(uow, context))
    yours = [pair for pair in state.waiting if pair[1].permission in context.user.permissions]
    return context.render_page(
        "overview.html",
        state=state,
        waiting=state.waiting[:CASES],
        yours=yours,
        headline=_format_headline(yours, state.alerts.total),
        pressing=state.pressing[:BREACHES],
        more_breaches=len(state.pressing[BREACHES:]),
        silent=state.silent,
        received=context.app_state.hourly_volume.read_counts(),
    )


def _format_headline(yours: Sequence[tuple[Case, CaseStep]], alerts: int) -> str:
    if len(yours) == 1:
        case, step = yours[0]
        return f"{case.id}: {step.next_act}."
    if yours:
        return f"{capitalise(format_count(len(yours), 'case'))} need your attention."
    if alerts:
        verb = "waits" if alerts == 1 else "wait"
        return f"{capitalise(format_count(alerts, 'new alert'))} {verb} to be reviewed."
    return "Nothing needs your attention."


def _read(uow: UnitOfWork, context: RequestContext) -> OverviewPage:
    cases = uow.cases.list_page(PageRequest(OPEN_CASES), states=OPEN).rows
    standings = context.app_state.standings.read_standings(uow, cases, context.now)
    steps = [(case, standings[case.id].next_step) for case in cases]
    running = [duty for case in cases for duty in standings[case.id].running]
    alerts = uow.alerts.list_page(PageRequest(SHOWN), states=(AlertState.NEW,))
    heard = uow.sources.get_last_arrivals()
    open_alerts = [alert for alert in uow.watch.list_open() if alert.source in heard]
    silent = [alert.source for alert in open_alerts if alert.kind in SILENCE]
    first = dict.fromkeys((*silent, *(alert.source for alert in open_alerts), *sorted(heard)))
    return OverviewPage(
        tuple((case, step) for case, step in steps if step is not None),
        alerts,
        tuple(sorted(running, key=get_urgency_key)),
        heard,
        silent,
        uow.sources.list_by_names(list(first)[:SOURCES]),
        get_customer_names(
            uow, (*collect_first_customers(alerts.rows), *(duty.customer_id for duty in running))
        ),
        {case.breach_id: case.id for case in cases if case.breach_id is not None},
        tuple(c for c in uow.records.list_page(Complaint, limit=COMPLAINTS) if c.ended_at is None),
    )


SCREEN = Screen(
    id="overview",
    router=router,
    navigation=NavigationEntry("/", "Overview", NavigationGroup.WORK, order=1),
)
