"""The console as a FastAPI app: its screens, its headers, and its answers to what goes wrong."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.console.hourly_volume import JournalVolume
from breachdesk.console.screens import load_screens
from breachdesk.console.views.case_standings import CaseStandings
from breachdesk.console.views.navigation import NavigationCache
from breachdesk.console.views.pages import STATIC, PageRenderer
from breachdesk.console.web.attempt_throttle import AttemptThrottle
from breachdesk.console.web.letter_checks import LetterChecks
from breachdesk.console.web.open_requests import OpenRequests, RequestCounter
from breachdesk.console.web.password_checks import PasswordChecks
from breachdesk.console.web.request_context import (
    AppState,
    check_permission,
    get_app_state,
    get_status,
)
from breachdesk.console.web.screen import collect_page_permissions, sort_routes
from breachdesk.console.web.security_headers import SecurityHeaders
from breachdesk.console.web.sessions import SessionStore
from schemas.errors import BreachDeskError, NotFound, RetryableError

PLAIN = {
    403: "You may not do that.",
    404: "Page not found.",
    405: "This page does not accept this request.",
    408: "The request took too long.",
    413: "The request is too large.",
}


FAULT = "an internal error occurred; the log has the details"
FAULT_REMEDY = "Try again. If it fails again, contact the administrator of this system."


class ConsoleApp(FastAPI):
    """FastAPI with our headers around everything, its own answer to a fault included."""

    def build_middleware_stack(self) -> ASGIApp:
        counted = RequestCounter(super().build_middleware_stack(), self.state.requests)
        return SecurityHeaders(counted)


def build_app(dependencies: ConsoleDependencies) -> FastAPI:
    """Build the console. Raises ConfigurationError when its templates are missing or a screen is
    not complete."""
    screens = load_screens()
    app = ConsoleApp(title="BreachDesk", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.requests = OpenRequests()
    app.state.shared = AppState(
        dependencies,
        PageRenderer(dependencies),
        SessionStore(dependencies),
        NavigationCache(dependencies, [s.navigation for s in screens if s.navigation]),
        AttemptThrottle(dependencies.store),
        PasswordChecks(dependencies.store),
        LetterChecks(dependencies, app.state.requests),
        dependencies.hours or JournalVolume(dependencies.log),
        CaseStandings(),
        collect_page_permissions(screens),
    )
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    public = APIRouter(routes=sort_routes(s for s in screens if s.is_public))
    protected = APIRouter(routes=sort_routes(s for s in screens if not s.is_public))
    app.include_router(public)
    app.include_router(protected, dependencies=[Depends(check_permission)])
    app.add_exception_handler(AnyHTTPException, _answer_http_problem)
    app.add_exception_handler(RequestValidationError, _answer_bad_address)
    app.add_exception_handler(BreachDeskError, _answer_problem)
    app.add_exception_handler(Exception, _answer_fault)
    return app


def _answer_http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    if error.status_code == 303:
        return RedirectResponse((error.headers or {})["location"], 303)
    title = PLAIN.get(error.status_code, "The request failed.")
    description = error.detail if isinstance(error, HTTPException) else ""
    return _render_problem(request, error.status_code, title, NotFound(description))


def _answer_bad_address(request: Request, error: Exception) -> Response:
    del error
    return _render_problem(request, 404, PLAIN[404], NotFound(""))


def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, BreachDeskError)
    titles = {
        403: "Not allowed.",
        404: "Not found.",
        409: "The request conflicts with the current state.",
        422: "The input is not valid.",
        500: "Stored data is inconsistent.",
        503: "An external service failed.",
    }
    status = get_status(error)
    return _render_problem(request, status, titles[status], error)


def _answer_fault(request: Request, error: Exception) -> Response:
    """Says nothing of the fault: the log names its class and place."""
    del error
    return _render_problem(
        request, 500, "This page failed.", RetryableError(FAULT, remedy=FAULT_REMEDY)
    )


def _render_problem(
    request: Request, status: int, title: str, problem: BreachDeskError
) -> Response:
    html = get_app_state(request).pages.render(
        "problem.html",
        title=title,
        said=problem,
        status=status,
    )
    return HTMLResponse(html, status)
