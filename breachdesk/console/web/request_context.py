"""Context of one signed-in request: user, time, store access and responses."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.console.hourly_volume import HourlyVolume
from breachdesk.console.views.case_standings import CaseStandings
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.navigation import NavigationCache
from breachdesk.console.views.pages import PageRenderer
from breachdesk.console.web.attempt_throttle import AttemptThrottle
from breachdesk.console.web.cookies import SESSION, read_cookie
from breachdesk.console.web.letter_checks import LetterChecks
from breachdesk.console.web.password_checks import PasswordChecks
from breachdesk.console.web.permissions import SIGNED_IN, Permissions, get_required_permissions
from breachdesk.console.web.sessions import SessionStore, UserSession
from breachdesk.ports import UnitOfWork
from schemas.errors import (
    BadInput,
    BreachDeskError,
    ConfigurationError,
    CorruptData,
    EditConflict,
    NotAllowed,
    NotFound,
)
from schemas.user import Actor, Permission, User

T = TypeVar("T")
Again = Callable[[BreachDeskError], Response]

STATUS = {
    BadInput: 422,
    NotAllowed: 403,
    EditConflict: 409,
    NotFound: 404,
    ConfigurationError: 409,
    CorruptData: 500,
}
REFUSALS = (BadInput, NotAllowed, EditConflict, ConfigurationError)
"""What a form shows again, with what was typed."""
NOT_YOURS = "This form belongs to another session, or the session has ended."
MOST_FIELDS = 20_000
MOST_BYTES = 20 * 1024 * 1024
"""Of a form with a file, from somebody who is signed in."""
FORM_BYTES = 4 * 1024 * 1024
"""The same without a file."""
STRANGERS_BYTES = 64 * 1024
MOST_FILES = 4
LONGEST_FIELD = 64 * 1024
"""Characters of one text field."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""No text: PostgreSQL keeps no NUL, and no encoding has half a character. A form that names a
charset of its own can bring both."""
NO_TEXT = "This form contains invalid characters."


@dataclass(frozen=True)
class AppState:
    """State that all requests share, in `app.state`."""

    dependencies: ConsoleDependencies
    pages: PageRenderer
    sessions: SessionStore
    navigation: NavigationCache
    throttle: AttemptThrottle
    checks: PasswordChecks
    letters: LetterChecks
    hourly_volume: HourlyVolume
    standings: CaseStandings
    page_permissions: Mapping[str, Permissions]
    """By path, for pages that not every signed-in user may open."""


@dataclass(frozen=True)
class RequestContext:
    """One request of one signed-in person."""

    app_state: AppState = field(repr=False)
    request: Request = field(repr=False)
    session: UserSession = field(repr=False)
    now: datetime

    @property
    def dependencies(self) -> ConsoleDependencies:
        return self.app_state.dependencies

    @property
    def user(self) -> User:
        return self.session.user

    @property
    def actor(self) -> Actor:
        return Actor(id=self.user.id, permissions=self.user.permissions)

    def look(self, work: Callable[[UnitOfWork], T]) -> T:
        """Read on a snapshot."""
        return self.dependencies.store.read(work)

    def act(self, work: Callable[[UnitOfWork], T]) -> T:
        """Act in one transaction in which the session is still live. A slow form takes minutes to
        arrive; a user who was signed out, or lost the account meanwhile, is sent to the sign-in."""

        def run_if_signed_in(uow: UnitOfWork) -> T:
            session = uow.users.find_session(self.session.token_hash, self.dependencies.now())
            if session is None or session[0] != self.user:
                raise build_sign_in_redirect("/")
            return work(uow)

        return self.dependencies.store.write(run_if_signed_in)

    def render_page(
        self, template: str, *, problem: BreachDeskError | None = None, **words: Any
    ) -> Response:
        """Render the page, with the problem on it when there is one, under the problem's status."""
        html = self.app_state.pages.render(
            template,
            request_context=self,
            now=self.now,
            path=self.request.url.path,
            query=self.request.query_params,
            navigation=self.app_state.navigation.read(self.now),
            csrf=self.session.csrf,
            problem=problem,
            **words,
        )
        return HTMLResponse(html, get_status(problem))

    def submit(
        self,
        work: Callable[[UnitOfWork], T],
        *,
        then: str | Callable[[T], str],
        message: str,
        on_error: Again,
    ) -> Response:
        """Act in one transaction and redirect; a refusal shows the same form with what was
        typed."""
        try:
            result = self.act(work)
        except REFUSALS as problem:
            return on_error(problem)
        self.app_state.navigation.clear()
        return redirect_to(then if isinstance(then, str) else then(result), message)

    def explain_refusal(self, *permissions: Permission | str) -> str:
        """Explain why this person may not act, or return empty. Casework checks again."""
        needed = {Permission(permission) for permission in permissions}
        if needed & self.user.permissions:
            return ""
        return f"Only {_join_permissions(needed)} may do this. You are {_join_permissions(self.user.permissions)}."

    def may_open(self, path: str) -> bool:
        """Whether this person may open the page of this path."""
        needed = self.app_state.page_permissions.get(path, SIGNED_IN)
        return not needed or bool(needed & self.user.permissions)


def _join_permissions(permissions: frozenset[Permission] | set[Permission]) -> str:
    names = [
        f"{'an' if d.value[0] == 'a' else 'a'} {d.value}" for d in Permission if d in permissions
    ]
    return " or ".join(names) if names else "without a permission"


def get_status(problem: BreachDeskError | None) -> int:
    """Return the HTTP status of a problem; 200 without one, 503 for what may be tried again."""
    if problem is None:
        return 200
    return next((code for kind, code in STATUS.items() if isinstance(problem, kind)), 503)


def redirect_to(path: str, message: str = "") -> Response:
    """See other; the page then says what was done."""
    mark = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{mark}done={message}" if message else path, 303)


def get_app_state(request: Request) -> AppState:
    """Return what all requests share."""
    state: AppState = request.app.state.shared
    return state


def get_request_context(request: Request) -> RequestContext:
    """Return the context of this request, else redirect to the sign-in page.

    A part of a page that refreshes itself does not extend an unused session."""
    state = get_app_state(request)
    now = state.dependencies.now()
    state.letters.drop_unread(now)
    by_itself = "x-breachdesk-refresh" in request.headers
    session = state.sessions.find_session(read_cookie(request, SESSION), now, stretch=not by_itself)
    if session is None:
        raise build_sign_in_redirect(request.url.path if request.method == "GET" else "/")
    path = (*request.path_params.values(), *request.query_params.values())
    if any(UNSTORABLE.search(str(part)) for part in path):
        raise HTTPException(404)
    return RequestContext(state, request, session, now)


def build_sign_in_redirect(next_path: str) -> HTTPException:
    """Build the answer to a request without a session: the sign-in, and from there to `next_path`."""
    return HTTPException(303, headers={"location": f"/sign-in?next={quote(next_path)}"})


SignedIn = Annotated[RequestContext, Depends(get_request_context)]


def check_permission(request: Request, context: SignedIn) -> None:
    """Refuse (403), before the form is read, a user who holds none of the permissions that this
    route requires, and everybody for a form that declares none."""
    needed = get_required_permissions(request.scope["route"].endpoint)
    if needed is None and request.method not in ("GET", "HEAD"):
        raise HTTPException(403, "Nobody is allowed to send this form.")
    refusal = context.explain_refusal(*needed) if needed else ""
    if refusal:
        raise HTTPException(403, refusal)


async def read_posted_form(request: Request, context: SignedIn) -> AsyncIterator[SubmittedForm]:
    """Read the form of a signed-in person after checking its CSRF token; files are in
    `request.state.files` until the response is built."""
    try:
        form = await read_form(request, MOST_BYTES if _can_hold_file(request) else FORM_BYTES)
        if not secrets.compare_digest(
            form.get_text("csrf").encode(), context.session.csrf.encode()
        ):
            raise HTTPException(403, NOT_YOURS)
        yield form
    finally:
        await request.close()


def _can_hold_file(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def read_form(request: Request, most_bytes: int = STRANGERS_BYTES) -> SubmittedForm:
    """Read text fields of any form. Refuses other origins and excessive sizes (403, 413) before it
    reads anything, and invalid text (400)."""
    _check_same_origin(request)
    length = request.headers.get("content-length", "")
    if not _is_number(length) or int(length) > most_bytes:
        size = f"{most_bytes >> 20} MiB" if most_bytes >> 20 else f"{most_bytes >> 10} KiB"
        raise HTTPException(413, f"The form or file is larger than allowed ({size}).")
    try:
        data = await request.form(max_fields=MOST_FIELDS, max_files=MOST_FILES)
    except UnicodeError as error:
        raise HTTPException(400, NO_TEXT) from error
    pairs = [(name, value) for name, value in data.multi_items() if isinstance(value, str)]
    if any(UNSTORABLE.search(part) for pair in pairs for part in pair):
        raise HTTPException(400, NO_TEXT)
    if any(len(value) > LONGEST_FIELD for _, value in pairs):
        raise HTTPException(413, f"A field holds at most {LONGEST_FIELD:,} characters.")
    request.state.files = {n: v for n, v in data.multi_items() if isinstance(v, UploadFile)}
    return SubmittedForm(pairs, get_app_state(request).pages.times)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _check_same_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise HTTPException(403, "This form came from another site.")


Posted = Annotated[SubmittedForm, Depends(read_posted_form)]
