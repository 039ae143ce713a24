"""The console as a FastAPI app: its screens, its headers, and its answers to what goes wrong."""

from __future__ import annotations

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from breachdesk.console import (
    affected,
    alert,
    alerts,
    approval,
    audit,
    case,
    cases,
    confirm,
    customers,
    decision,
    delivery,
    first_run,
    new_case,
    notice,
    overview,
    register,
    report,
    rules,
    sign_in,
    sources,
    tasks,
    unattributed,
)
from breachdesk.console.attempts import Attempts
from breachdesk.console.chrome import Chrome
from breachdesk.console.desk import Hall, hall_of, permitted, status_of
from breachdesk.console.headers import SecurityHeaders
from breachdesk.console.house import House
from breachdesk.console.pages import STATIC, Pages
from breachdesk.console.received import ReceivedHours
from breachdesk.console.session import Sessions
from breachdesk.console.shelf import LetterShelf
from schemas.errors import BreachDeskError, NotFound

SCREENS = (
    sign_in,
    overview,
    alerts,
    alert,
    cases,
    new_case,
    case,
    tasks,
    confirm,
    affected,
    decision,
    notice,
    approval,
    delivery,
    report,
    register,
    customers,
    unattributed,
    sources,
    rules,
    audit,
    first_run,
)
PLAIN = {
    403: "You may not do that.",
    404: "There is no such page.",
    405: "This page takes no such request.",
    413: "That is too large.",
}


def console_app(house: House) -> FastAPI:
    """The console of that house. Raises Misconfigured when its pages are not there."""
    app = FastAPI(title="BreachDesk", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.hall = Hall(
        house,
        Pages(house),
        Sessions(house),
        Chrome(house),
        Attempts(),
        LetterShelf(house),
        house.hours or ReceivedHours(house.log),
    )
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for screen in SCREENS:
        guard = [] if screen is sign_in else [Depends(permitted)]
        app.include_router(screen.router, dependencies=guard)
    app.add_exception_handler(AnyHTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _bad_address)
    app.add_exception_handler(BreachDeskError, _problem)
    app.add_middleware(SecurityHeaders)
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


def _page(request: Request, status: int, title: str, problem: BreachDeskError) -> Response:
    html = hall_of(request).pages.render(
        "problem.html",
        title=title,
        said=problem,
        status=status,
    )
    return HTMLResponse(html, status)
