"""The console as a FastAPI app: its screens, its headers, and its answers to what goes wrong."""

from __future__ import annotations

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from breachdesk.console import (
    account,
    affected,
    alert,
    alerts,
    approval,
    audit,
    case,
    cases,
    complaints,
    confirm,
    customers,
    decision,
    decision_documents,
    delivery,
    duties,
    facts,
    figures,
    first_run,
    groups,
    law,
    near_miss,
    new_case,
    notice,
    overview,
    people,
    printed_case,
    register,
    report,
    rules,
    second_factor,
    sent,
    side_by_side,
    sign_in,
    sources,
    tasks,
    unattributed,
)
from breachdesk.console.chrome import Chrome
from breachdesk.console.desk import Hall, hall_of, permitted, status_of
from breachdesk.console.headers import SecurityHeaders
from breachdesk.console.house import House
from breachdesk.console.letter_checks import LetterChecks
from breachdesk.console.pages import STATIC, Pages
from breachdesk.console.password_checks import PasswordChecks
from breachdesk.console.received import ReceivedHours
from breachdesk.console.session import Sessions
from breachdesk.console.standings import Standings
from breachdesk.console.tries import Tries
from schemas.errors import BreachDeskError, NotFound, Retryable

SCREENS = (
    sign_in,
    account,
    second_factor,
    overview,
    alerts,
    alert,
    cases,
    near_miss,
    new_case,
    case,
    duties,
    printed_case,
    tasks,
    confirm,
    affected,
    groups,
    decision,
    decision_documents,
    facts,
    side_by_side,
    notice,
    approval,
    delivery,
    sent,
    people,
    report,
    register,
    figures,
    complaints,
    customers,
    unattributed,
    sources,
    rules,
    law,
    audit,
    first_run,
)
PLAIN = {
    403: "You may not do that.",
    404: "There is no such page.",
    405: "This page takes no such request.",
    408: "The request took too long.",
    413: "That is too large.",
}


FAULT = "the fault is ours, and the log says where it is"
FAULT_REMEDY = "Try again; if it fails again, tell whoever runs this system."


class Console(FastAPI):
    """FastAPI with our headers around everything, its own answer to a fault included."""

    def build_middleware_stack(self) -> ASGIApp:
        return SecurityHeaders(super().build_middleware_stack())


def console_app(house: House) -> FastAPI:
    """The console of that house. Raises Misconfigured when its pages are not there."""
    app = Console(title="BreachDesk", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.hall = Hall(
        house,
        Pages(house),
        Sessions(house),
        Chrome(house),
        Tries(house.store),
        PasswordChecks(house.store),
        LetterChecks(house),
        house.hours or ReceivedHours(house.log),
        Standings(),
    )
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for screen in SCREENS:
        guard = [] if screen is sign_in else [Depends(permitted)]
        app.include_router(screen.router, dependencies=guard)
    app.add_exception_handler(AnyHTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _bad_address)
    app.add_exception_handler(BreachDeskError, _problem)
    app.add_exception_handler(Exception, _fault)
    return app


def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    if error.status_code == 303:
        return RedirectResponse((error.headers or {})["location"], 303)
    title = PLAIN.get(error.status_code, "That did not work.")
    said = error.detail if isinstance(error, HTTPException) else ""
    return _page(request, error.status_code, title, NotFound(said))


def _bad_address(request: Request, error: Exception) -> Response:
    del error
    return _page(request, 404, PLAIN[404], NotFound(""))


def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, BreachDeskError)
    titles = {
        403: "This may not be done.",
        404: "There is no such thing.",
        409: "Somebody changed it meanwhile.",
        422: "That cannot be taken as it is.",
        500: "Stored data contradicts itself.",
        503: "Something outside this page failed.",
    }
    status = status_of(error)
    return _page(request, status, titles[status], error)


def _fault(request: Request, error: Exception) -> Response:
    """Says nothing of the fault: the log names its class and place."""
    del error
    return _page(request, 500, "This page failed.", Retryable(FAULT, remedy=FAULT_REMEDY))


def _page(request: Request, status: int, title: str, problem: BreachDeskError) -> Response:
    html = hall_of(request).pages.render(
        "problem.html",
        title=title,
        said=problem,
        status=status,
    )
    return HTMLResponse(html, status)
