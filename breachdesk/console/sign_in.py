"""Signing in and out."""

from __future__ import annotations

import secrets
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from breachdesk.console.desk import Hall, Posted, Signed, go, hall_of, read_form
from breachdesk.console.forms import Form
from breachdesk.console.passwords import nobodys_hash, password_matches
from breachdesk.console.session import COOKIE, set_cookie
from schemas.user import User

router = APIRouter()
FORM_COOKIE = "breachdesk_form"
WRONG = "This name and password do not go together."


@router.get("/sign-in")
def ask(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's own word
    """The form."""
    return _show(request, next, "", "")


@router.post("/sign-in")
async def answer(request: Request) -> Response:
    """Opens a session, or says that it cannot."""
    try:
        form = await read_form(request)
    finally:
        await request.close()
    cookie = request.cookies.get(FORM_COOKIE, "")
    if not cookie or not secrets.compare_digest(cookie.encode(), form.text("csrf").encode()):
        raise HTTPException(403, "This form is too old. Open the sign-in page again.")
    return await run_in_threadpool(_answer, request, form)


@router.post("/sign-out")
def sign_out(desk: Signed, _form: Posted) -> Response:
    """Closes the session in the store too."""
    desk.hall.sessions.close(desk.session, desk.now)
    response = go("/sign-in", "signed-out")
    response.delete_cookie(COOKIE)
    return response


def _answer(request: Request, form: Form) -> Response:
    hall, name = hall_of(request), form.text("user")
    now = hall.house.now()
    address = request.client.host if request.client else ""
    wait = hall.attempts.wait_until(name, address, now)
    if wait is not None:
        told = f"Too many tries. The next one is at {hall.pages.times.minute(wait)}."
        return _show(request, form.text("next"), name, told, 429)
    user = _found(hall, name, form.text("password"))
    if user is None:
        hall.attempts.failed(name, address, now)
        _record_refusal(hall, name, now)
        return _show(request, form.text("next"), name, WRONG, 401)
    hall.attempts.succeeded(name)
    return _welcome(request, hall.sessions.open(user, now), form.text("next"))


def _found(hall: Hall, name: str, password: str) -> User | None:
    """The user, if the password is right and the account alive; as slow for every other case."""
    user = hall.house.store.look(lambda uow: uow.users.get(name))
    right = password_matches(user.password_hash if user else nobodys_hash(), password)
    return user if user and right and hall.sessions.admits(user) else None


def _record_refusal(hall: Hall, name: str, now: datetime) -> None:
    user = hall.house.store.look(lambda uow: uow.users.get(name))
    if user is not None:
        hall.house.store.act(
            lambda uow: uow.audit.record(
                at=now, actor=user.id, act="user:session:refused", subject=user.id
            )
        )


def _welcome(request: Request, token: str, wanted: str) -> Response:
    response = RedirectResponse(_inside(wanted), 303)
    set_cookie(response, request, COOKIE, token)
    response.delete_cookie(FORM_COOKIE)
    return response


def _inside(wanted: str) -> str:
    """A path of ours, never another site's."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/sign-"))
    return wanted if plain and wanted.isprintable() else "/"


def _show(request: Request, wanted: str, name: str, told: str, status: int = 200) -> Response:
    hall, token = hall_of(request), secrets.token_urlsafe(24)
    html = hall.pages.render(
        "sign_in.html",
        csrf=token,
        wanted=_inside(wanted),
        name=name,
        told=told,
        done=request.query_params.get("done", ""),
    )
    response = HTMLResponse(html, status)
    set_cookie(response, request, FORM_COOKIE, token)
    return response
