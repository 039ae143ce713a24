"""One signed-in request: who asks, what time it is, and the way to the store and back to a page."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from breachdesk.console.chrome import Chrome
from breachdesk.console.cookies import SESSION, read_cookie
from breachdesk.console.forms import Form
from breachdesk.console.house import House
from breachdesk.console.letter_checks import LetterChecks
from breachdesk.console.pages import Pages
from breachdesk.console.password_checks import PasswordChecks
from breachdesk.console.permissions import MAY_OPEN, MAY_SEND, SIGNED_IN
from breachdesk.console.received import Hours
from breachdesk.console.session import Session, Sessions
from breachdesk.console.standings import Standings
from breachdesk.console.tries import Tries
from breachdesk.ports import UnitOfWork
from schemas.errors import (
    BadInput,
    BreachDeskError,
    Conflict,
    Corrupt,
    Misconfigured,
    NotAllowed,
    NotFound,
)
from schemas.user import Actor, Duty, User

T = TypeVar("T")
Again = Callable[[BreachDeskError], Response]

STATUS = {
    BadInput: 422,
    NotAllowed: 403,
    Conflict: 409,
    NotFound: 404,
    Misconfigured: 409,
    Corrupt: 500,
}
REFUSALS = (BadInput, NotAllowed, Conflict, Misconfigured)
"""What a form shows again, with what was typed."""
NOT_YOURS = "This form was not made by your session, or the session is over."
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
NO_TEXT = "This form holds characters that are none."


@dataclass(frozen=True)
class Hall:
    """What all requests share; stands in `app.state.hall`."""

    house: House
    pages: Pages
    sessions: Sessions
    chrome: Chrome
    tries: Tries
    checks: PasswordChecks
    letters: LetterChecks
    hours: Hours
    standings: Standings


@dataclass(frozen=True)
class Desk:
    """One request of one signed-in person."""

    hall: Hall = field(repr=False)
    request: Request = field(repr=False)
    session: Session = field(repr=False)
    now: datetime

    @property
    def house(self) -> House:
        return self.hall.house

    @property
    def user(self) -> User:
        return self.session.user

    @property
    def actor(self) -> Actor:
        return Actor(id=self.user.id, duties=self.user.duties)

    def look(self, work: Callable[[UnitOfWork], T]) -> T:
        """Read on a snapshot."""
        return self.house.store.look(work)

    def act(self, work: Callable[[UnitOfWork], T]) -> T:
        """Act in one transaction in which the session still lives. A slow form takes minutes to
        come in; whoever was signed out, or lost the account meanwhile, is sent to the sign-in."""

        def standing(uow: UnitOfWork) -> T:
            session = uow.users.session(self.session.token_hash, self.house.now())
            if session is None or session[0] != self.user:
                raise to_sign_in("/")
            return work(uow)

        return self.house.store.act(standing)

    def page(
        self, template: str, *, problem: BreachDeskError | None = None, **words: Any
    ) -> Response:
        """The page, with the problem on it when there is one, under the problem's status."""
        html = self.hall.pages.render(
            template,
            desk=self,
            now=self.now,
            path=self.request.url.path,
            query=self.request.query_params,
            chrome=self.hall.chrome.read(self.now),
            csrf=self.session.csrf,
            problem=problem,
            **words,
        )
        return HTMLResponse(html, status_of(problem))

    def attempt(
        self,
        work: Callable[[UnitOfWork], T],
        *,
        then: str | Callable[[T], str],
        done: str,
        again: Again,
    ) -> Response:
        """Act in one transaction and go on; a refusal shows the same form with what was typed."""
        try:
            result = self.act(work)
        except REFUSALS as problem:
            return again(problem)
        self.hall.chrome.forget()
        return go(then if isinstance(then, str) else then(result), done)

    def refusal(self, *duties: Duty | str) -> str:
        """Why this person may not, or empty. Casework checks again."""
        needed = {Duty(duty) for duty in duties}
        if needed & self.user.duties:
            return ""
        return f"Only {_either(needed)} may do this. You are {_either(self.user.duties)}."

    def may_open(self, path: str) -> bool:
        """The menu leaves out what this person may not open."""
        needed = MAY_OPEN.get(path, SIGNED_IN)
        return not needed or bool(needed & self.user.duties)


def _either(duties: frozenset[Duty] | set[Duty]) -> str:
    names = [f"{'an' if d.value[0] == 'a' else 'a'} {d.value}" for d in Duty if d in duties]
    return " or ".join(names) if names else "without a duty"


def status_of(problem: BreachDeskError | None) -> int:
    """HTTP status of a problem; 200 without one, 503 for what may be tried again."""
    if problem is None:
        return 200
    return next((code for kind, code in STATUS.items() if isinstance(problem, kind)), 503)


def go(path: str, done: str = "") -> Response:
    """See other; the page then says what was done."""
    mark = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{mark}done={done}" if done else path, 303)


def hall_of(request: Request) -> Hall:
    """What all requests share."""
    hall: Hall = request.app.state.hall
    return hall


def signed_in(request: Request) -> Desk:
    """The desk of this request, else the way to the sign-in page.

    A part that refreshes itself does not keep a session alive that nobody uses.
    """
    hall = hall_of(request)
    now = hall.house.now()
    hall.letters.drop_unread(now)
    by_itself = "x-breachdesk-refresh" in request.headers
    session = hall.sessions.find(read_cookie(request, SESSION), now, stretch=not by_itself)
    if session is None:
        raise to_sign_in(request.url.path if request.method == "GET" else "/")
    asked = (*request.path_params.values(), *request.query_params.values())
    if any(UNSTORABLE.search(str(part)) for part in asked):
        raise HTTPException(404)
    return Desk(hall, request, session, now)


def to_sign_in(wanted: str) -> HTTPException:
    """The answer to whoever has no session: the sign-in, and from there to `wanted`."""
    return HTTPException(303, headers={"location": f"/sign-in?next={quote(wanted)}"})


Signed = Annotated[Desk, Depends(signed_in)]


def permitted(request: Request, desk: Signed) -> None:
    """Refuses (403) whoever holds none of the duties that this route asks for, before its form is
    read."""
    path = request.scope["route"].path
    reads = request.method in ("GET", "HEAD")
    if not reads and path not in MAY_SEND:
        raise HTTPException(403, "Nobody is allowed to send this form.")
    needed = (MAY_OPEN if reads else MAY_SEND).get(path, SIGNED_IN)
    refusal = desk.refusal(*needed) if needed else ""
    if refusal:
        raise HTTPException(403, refusal)


async def posted(request: Request, desk: Signed) -> AsyncIterator[Form]:
    """The form of a signed-in person, its CSRF token checked; files stand in
    `request.state.files` until the answer is made."""
    try:
        form = await read_form(request, MOST_BYTES if _may_hold_a_file(request) else FORM_BYTES)
        if not secrets.compare_digest(form.text("csrf").encode(), desk.session.csrf.encode()):
            raise HTTPException(403, NOT_YOURS)
        yield form
    finally:
        await request.close()


def _may_hold_a_file(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def read_form(request: Request, most_bytes: int = STRANGERS_BYTES) -> Form:
    """Text fields of any form. Refuses other origins and absurd sizes (403, 413) before it reads
    anything, and text that is none (400)."""
    _same_origin(request)
    length = request.headers.get("content-length", "")
    if not _is_number(length) or int(length) > most_bytes:
        size = f"{most_bytes >> 20} MiB" if most_bytes >> 20 else f"{most_bytes >> 10} KiB"
        raise HTTPException(413, f"That is more than a form or file here may hold ({size}).")
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
    return Form(pairs, hall_of(request).pages.times)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _same_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise HTTPException(403, "This form came from another site.")


Posted = Annotated[Form, Depends(posted)]
