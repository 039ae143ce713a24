"""One alert: why it fired, whose data, the evidence, and what a person does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework.opening import triage
from breachdesk.console.views.charts import BARS, build_evidence_chart
from breachdesk.console.views.pages import get_customer_names
from breachdesk.console.web.paging import parse_page_request
from breachdesk.console.web.permissions import ANALYST_OR_RESPONDER, ANY_PERMISSION, requires
from breachdesk.console.web.request_context import Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.casework.case import Case, CaseNote, CaseState
from schemas.errors import BreachDeskError, NotFound
from schemas.paging import Page, PageRequest
from schemas.pipeline.alert import AlertView, EvidenceSpan, EvidenceView
from schemas.pipeline.event import RecordPosition

router = APIRouter()
EVENTS = 25
CUSTOMERS = 20
"""Of an alert, by name; the page says how many more there are."""
TOUCHES = 60
CASES = 50
"""Open ones that the page offers, the newest; others are named by their id."""
OPEN = (CaseState.OPEN, CaseState.CONFIRMED)


@dataclass(frozen=True)
class AlertPage:
    """What the page shows, from one snapshot."""

    alert: AlertView
    evidence: Page[EvidenceView]
    span: EvidenceSpan | None
    comments: Sequence[CaseNote]
    names: dict[str, str]
    cases: Page[Case]
    people: tuple[str, ...]


@router.get("/alerts/{alert_id}")
def show_alert(alert_id: str, context: SignedIn) -> Response:
    """The alert under its present or any former id."""
    return _show(context, alert_id)


@router.get("/alerts/{alert_id}/raw/{journal}/{offset}")
def download_raw(alert_id: str, journal: str, offset: int, context: SignedIn) -> Response:
    """One raw line exactly as received. Raises NotFound for a line that is no evidence here."""
    position = RecordPosition(journal, offset)

    def read_evidence(uow: UnitOfWork) -> tuple[AlertView, EvidenceView | None]:
        alert = uow.alerts.get(alert_id)
        return alert, uow.alerts.find_evidence(alert.pk, position)

    alert, event = context.look(read_evidence)
    if event is None:
        raise NotFound("no such line in this alert's evidence", place=alert_id)
    record = context.dependencies.log.get(position)
    return context.render_page("raw.html", alert=alert, evidence=event, record=record)


@router.post("/alerts/{alert_id}/assign")
@requires(ANALYST_OR_RESPONDER)
def submit_assignment(alert_id: str, context: SignedIn, form: Posted) -> Response:
    """To the person named, or to whoever asks."""
    return context.submit(
        lambda uow: triage.assign_alert(
            uow,
            context.actor,
            uow.alerts.get(alert_id).pk,
            form.require_number("version", "Version"),
            form.get_text("assignee") or context.user.id,
            now=context.now,
        ),
        then=f"/alerts/{alert_id}",
        message="assigned",
        on_error=lambda problem: _show(context, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/comment")
@requires(ANY_PERMISSION)
def submit_comment(alert_id: str, context: SignedIn, form: Posted) -> Response:
    """A note on the alert."""
    return context.submit(
        lambda uow: triage.add_comment(
            uow,
            context.actor,
            uow.alerts.get(alert_id).pk,
            form.get_text("comment"),
            now=context.now,
        ),
        then=f"/alerts/{alert_id}",
        message="commented",
        on_error=lambda problem: _show(context, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/dismiss")
@requires(ANALYST_OR_RESPONDER)
def submit_dismissal(alert_id: str, context: SignedIn, form: Posted) -> Response:
    """With a reason, of exactly the facts that were on the page."""
    return context.submit(
        lambda uow: triage.dismiss_alert(
            uow,
            context.actor,
            uow.alerts.get(alert_id).pk,
            form.require_number("version", "Version"),
            form.get_text("fingerprint"),
            form.get_text("dismiss_reason"),
            now=context.now,
        ),
        then=f"/alerts/{alert_id}",
        message="dismissed",
        on_error=lambda problem: _show(context, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/reopen")
@requires(ANALYST_OR_RESPONDER)
def submit_reopening(alert_id: str, context: SignedIn, form: Posted) -> Response:
    """A dismissed one becomes new again."""
    return context.submit(
        lambda uow: triage.reopen_alert(
            uow,
            context.actor,
            uow.alerts.get(alert_id).pk,
            form.require_number("version", "Version"),
            form.get_text("reopen_reason"),
            now=context.now,
        ),
        then=f"/alerts/{alert_id}",
        message="reopened",
        on_error=lambda problem: _show(context, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/open-case")
@requires(ANALYST_OR_RESPONDER)
def submit_case(alert_id: str, context: SignedIn, form: Posted) -> Response:
    """A case of this alert alone; others can be linked to it."""
    return context.submit(
        lambda uow: triage.open_case(
            uow,
            context.actor,
            (uow.alerts.get(alert_id).pk,),
            form.get_text("title"),
            now=context.now,
            drill=context.dependencies.is_drill,
        ),
        then=lambda case: f"/cases/{case.id}",
        message="case-opened",
        on_error=lambda problem: _show(context, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/link")
@requires(ANALYST_OR_RESPONDER)
def submit_link(alert_id: str, context: SignedIn, form: Posted) -> Response:
    """To a case that is already open."""
    return context.submit(
        lambda uow: triage.link_alert(
            uow,
            context.actor,
            form.get_text("case").strip().upper(),
            uow.alerts.get(alert_id).pk,
            now=context.now,
        ),
        then=lambda case: f"/cases/{case.id}",
        message="linked",
        on_error=lambda problem: _show(context, alert_id, form, problem),
    )


def _read(uow: UnitOfWork, alert_id: str, request: PageRequest) -> AlertPage:
    alert = uow.alerts.get(alert_id)
    named = {*alert.customers[:CUSTOMERS], *(touch[0] for touch in alert.touches[:TOUCHES])}
    return AlertPage(
        alert,
        uow.alerts.list_evidence_page(alert.pk, request),
        uow.alerts.compute_evidence_span(alert.pk, BARS),
        uow.alerts.list_comments(alert.pk),
        get_customer_names(uow, named),
        uow.cases.list_page(PageRequest(CASES), states=OPEN),
        tuple(user.id for user in uow.users.list() if not user.disabled),
    )


def _show(
    context: RequestContext,
    alert_id: str,
    typed: object = None,
    problem: BreachDeskError | None = None,
) -> Response:
    request = parse_page_request(context, EVENTS)
    state = context.look(lambda uow: _read(uow, alert_id, request))
    return context.render_page(
        "alert.html",
        problem=problem,
        state=state,
        alert=state.alert,
        typed=typed or {},
        rule=_find_rule(context, state.alert.rule),
        chart=build_evidence_chart(state.span),
        customers=state.alert.customers[:CUSTOMERS],
        touches=state.alert.touches[:TOUCHES],
    )


def _find_rule(context: RequestContext, rule_id: str) -> object:
    return next((r for r in context.dependencies.explainer.list_rules() if r.id == rule_id), None)


SCREEN = Screen(id="alert", router=router)
