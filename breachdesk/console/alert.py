"""One alert: why it fired, whose data, the evidence, and what a person does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import triage
from breachdesk.console.charts import over_time
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.pages import customer_names
from breachdesk.ports import UnitOfWork
from schemas.alert import AlertView, EvidenceView
from schemas.case import Case, CaseState, Note
from schemas.errors import BreachDeskError, NotFound
from schemas.event import Position

router = APIRouter()
PAGE = 25


@dataclass(frozen=True)
class State:
    """What the page shows, from one snapshot."""

    alert: AlertView
    evidence: Sequence[EvidenceView]
    comments: Sequence[Note]
    names: dict[str, str]
    cases: tuple[Case, ...]
    people: tuple[str, ...]


@router.get("/alerts/{alert_id}")
def alert(alert_id: str, desk: Signed, page: int = 1) -> Response:
    """The alert under its present or any former id."""
    return _show(desk, alert_id, page=max(page, 1))


@router.get("/alerts/{alert_id}/raw/{journal}/{offset}")
def raw(alert_id: str, journal: str, offset: int, desk: Signed) -> Response:
    """One raw line exactly as received. Raises NotFound for a line that is no evidence here."""
    state = desk.look(lambda uow: _read(uow, alert_id))
    found = next((e for e in state.evidence if (e.journal, e.offset) == (journal, offset)), None)
    if found is None:
        raise NotFound("no such line in this alert's evidence", place=alert_id)
    record = desk.house.log.get(Position(journal, offset))
    return desk.page("raw.html", alert=state.alert, evidence=found, record=record)


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
            uow, desk.actor, form.text("case"), uow.alerts.get(alert_id).pk, now=desk.now
        ),
        then=lambda case: f"/cases/{case.id}",
        done="linked",
        again=lambda problem: _show(desk, alert_id, form, problem),
    )


def _read(uow: UnitOfWork, alert_id: str) -> State:
    found = uow.alerts.get(alert_id)
    return State(
        found,
        uow.alerts.evidence(found.pk),
        uow.alerts.comments(found.pk),
        customer_names(uow),
        tuple(c for c in uow.cases.list() if c.state is not CaseState.CLOSED),
        tuple(user.id for user in uow.users.list() if not user.disabled),
    )


def _show(
    desk: Desk,
    alert_id: str,
    typed: object = None,
    problem: BreachDeskError | None = None,
    page: int = 1,
) -> Response:
    state = desk.look(lambda uow: _read(uow, alert_id))
    begin = (page - 1) * PAGE
    return desk.page(
        "alert.html",
        problem=problem,
        state=state,
        alert=state.alert,
        typed=typed or {},
        rule=_rule(desk, state.alert.rule),
        chart=over_time(state.evidence),
        evidence=state.evidence[begin : begin + PAGE],
        page=page,
        pages=-(-len(state.evidence) // PAGE) or 1,
    )


def _rule(desk: Desk, rule_id: str) -> object:
    return next((r for r in desk.house.explainer.rules() if r.id == rule_id), None)
