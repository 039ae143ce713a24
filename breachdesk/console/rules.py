"""The loaded rules, and how often each has fired."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.desk import Signed

router = APIRouter()


@router.get("/rules")
def show(desk: Signed) -> Response:
    """Gravest first."""
    alerts = desk.look(lambda uow: uow.alerts.list())
    rules = sorted(desk.house.explainer.rules(), key=lambda r: (-r.severity.rank, r.title))
    return desk.page(
        "rules.html",
        rules=rules,
        fired=Counter(alert.rule for alert in alerts),
        dismissed=Counter(a.rule for a in alerts if a.state == "dismissed"),
    )
