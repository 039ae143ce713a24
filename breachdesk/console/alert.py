"""One alert: why it fired, whose data, the evidence, and what a person does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import triage
from breachdesk.console.charts import BARS, over_time
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.pages import customer_names
from breachdesk.console.paging import page_request
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertView, EvidenceSpan, EvidenceView
from schemas.case import Case, CaseState, Note
from schemas.errors import BreachDeskError, NotFound
from schemas.event import Position
from schemas.paging import Page, PageRequest

router = APIRouter()
EVENTS = 25
CUSTOMERS = 20
"""Of an alert, by name; the page says how many more there are."""
TOUCHES = 60
CASES = 50
"""Open ones that the page offers, the newest; others are named by their id."""
OPEN = (CaseState.OPEN, CaseState.CONFIRMED)


@dataclass(frozen=True)
class State:
    """What the page shows, from one snapshot."""

    alert: AlertView
    evidence: Page[EvidenceView]
    span: EvidenceSpan | None
    comments: Sequence[Note]
    names: dict[str, str]
    cases: Page[Case]
    people: tuple[str, ...]


@router.get("/alerts/{alert_id}")
def alert(alert_id: str, desk: Signed) -> Response:
    """The alert under its present or any former id."""
    return _show(desk, alert_id)


@router.get("/alerts/{alert_id}/raw/{journal}/{offset}")
def raw(alert_id: str, journal: str, offset: int, desk: Signed) -> Response:
    """One raw line exactly as received. Raises NotFound for a line that is no evidence here."""
    position = Position(journal, offset)

    def read(uow: UnitOfWork) -> tuple[AlertView, EvidenceView | None]:
        alert = uow.alerts.get(alert_id)
        return alert, uow.alerts.evidence_at(alert.pk, position)

    alert, event = desk.look(read)
    if event is None:
        raise NotFound("no such line in this alert's evidence", place=alert_id)
    record = desk.house.log.get(position)
    return desk.page("raw.html", alert=alert, evidence=event, record=record)


@router.post("/alerts/{alert_id}/assign")
def assign(alert_id: str, desk: Signed, form: Posted) -> Response:
    """To the person named, or to whoever asks."""
    return desk.attempt(
        lambda uow: triage.assign(
            uow,
            desk.actor,
            uow.alerts.get(alert_id).pk,
            form.must_whole("version", "Version"),
            form.text("assignee") or desk.user.id,
            now=desk.now,
        ),
        then=f"/alerts/{alert_id}",
        done="assigned",
        again=lambda problem: _show(desk, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/comment")
def comment(alert_id: str, desk: Signed, form: Posted) -> Response:
    """A note on the alert."""
    return desk.attempt(
        lambda uow: triage.comment(
            uow, desk.actor, uow.alerts.get(alert_id).pk, form.text("comment"), now=desk.now
        ),
        then=f"/alerts/{alert_id}",
        done="commented",
        again=lambda problem: _show(desk, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/dismiss")
def dismiss(alert_id: str, desk: Signed, form: Posted) -> Response:
    """With a reason, of exactly the facts that were on the page."""
    return desk.attempt(
        lambda uow: triage.dismiss(
            uow,
            desk.actor,
            uow.alerts.get(alert_id).pk,
            form.must_whole("version", "Version"),
            form.text("fingerprint"),
            form.text("dismiss_reason"),
            now=desk.now,
        ),
        then=f"/alerts/{alert_id}",
        done="dismissed",
        again=lambda problem: _show(desk, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/reopen")
def reopen(alert_id: str, desk: Signed, form: Posted) -> Response:
    """A dismissed one becomes new again."""
    return desk.attempt(
        lambda uow: triage.reopen(
            uow,
            desk.actor,
            uow.alerts.get(alert_id).pk,
            form.must_whole("version", "Version"),
            form.text("reopen_reason"),
            now=desk.now,
        ),
        then=f"/alerts/{alert_id}",
        done="reopened",
        again=lambda problem: _show(desk, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/open-case")
def open_case(alert_id: str, desk: Signed, form: Posted) -> Response:
    """A case of this alert alone; others can be linked to it."""
    return desk.attempt(
        lambda uow: triage.open_case(
            uow,
            desk.actor,
            (uow.alerts.get(alert_id).pk,),
            form.text("title"),
            now=desk.now,
            drill=desk.house.is_drill,
        ),
        then=lambda case: f"/cases/{case.id}",
        done="case-opened",
        again=lambda problem: _show(desk, alert_id, form, problem),
    )


@router.post("/alerts/{alert_id}/link")
def link(alert_id: str, desk: Signed, form: Posted) -> Response:
    """To a case that is already open."""
    return desk.attempt(
        lambda uow: triage.link_alert(
            uow,
            desk.actor,
            form.text("case").strip().upper(),
            uow.alerts.get(alert_id).pk,
            now=desk.now,
        ),
        then=lambda case: f"/cases/{case.id}",
        done="linked",
        again=lambda problem: _show(desk, alert_id, form, problem),
    )


def _read(uow: UnitOfWork, alert_id: str, request: PageRequest) -> State:
    alert = uow.alerts.get(alert_id)
    named = {*alert.customers[:CUSTOMERS], *(touch[0] for touch in alert.touches[:TOUCHES])}
    return State(
        alert,
        uow.alerts.evidence_page(alert.pk, request),
        uow.alerts.evidence_span(alert.pk, BARS),
        uow.alerts.comments(alert.pk),
        customer_names(uow, named),
        uow.cases.page(PageRequest(CASES), states=OPEN),
        tuple(user.id for user in uow.users.list() if not user.disabled),
    )


def _show(
    desk: Desk, alert_id: str, typed: object = None, problem: BreachDeskError | None = None
) -> Response:
    request = page_request(desk, EVENTS)
    state = desk.look(lambda uow: _read(uow, alert_id, request))
    return desk.page(
        "alert.html",
        problem=problem,
        state=state,
        alert=state.alert,
        typed=typed or {},
        rule=_rule(desk, state.alert.rule),
        chart=over_time(state.span),
        customers=state.alert.customers[:CUSTOMERS],
        touches=state.alert.touches[:TOUCHES],
    )


def _rule(desk: Desk, rule_id: str) -> object:
    return next((r for r in desk.house.explainer.rules() if r.id == rule_id), None)
