"""Signing in and out."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from breachdesk.casework import second_factor
from breachdesk.console.cookies import DEVICE, FORM, SESSION, drop_cookie, read_cookie, set_cookie
from breachdesk.console.desk import Hall, Posted, Signed, go, hall_of, read_form
from breachdesk.console.forms import Form
from breachdesk.console.session import hashed
from breachdesk.console.tries import (
    FAMILIAR,
    Origin,
    digest,
    is_familiar_device,
    network_of,
    remember_origin,
    rough,
)
from breachdesk.ports import UnitOfWork
from schemas.errors import NotProven
from schemas.user import User

router = APIRouter()
WRONG = "Name, password and code do not go together."
BUSY = "Too many people sign in at the same time. Try again in a minute."
ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
"""What `breachdesk user add` takes for an id."""


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
    cookie = read_cookie(request, FORM)
    if not cookie or not secrets.compare_digest(cookie.encode(), form.text("csrf").encode()):
        raise HTTPException(403, "This form is too old. Open the sign-in page again.")
    checks = hall_of(request).checks
    familiar = await run_in_threadpool(_is_familiar, request, form)
    lane = checks.familiar if familiar else checks.strangers
    if lane.full:
        response = _show(request, form.text("next"), form.text("user"), BUSY, 503)
        response.headers["retry-after"] = "60"
        return response
    return await lane.run(lambda: _answer(request, form))


@router.post("/sign-out")
def sign_out(request: Request, desk: Signed, _form: Posted) -> Response:
    """Closes the session in the store too. The browser stays known: that opens nothing."""
    desk.hall.sessions.close(desk.session, desk.now)
    response = go("/sign-in", "signed-out")
    drop_cookie(response, request, SESSION)
    drop_cookie(response, request, FORM)
    return response


def origin_of(request: Request) -> Origin:
    """Where the request comes from."""
    address = request.client.host if request.client else ""
    return Origin(network_of(address), read_cookie(request, DEVICE) or None)


def _is_familiar(request: Request, form: Form) -> bool:
    origin, house = origin_of(request), hall_of(request).house
    return origin.device is not None and house.store.look(
        lambda uow: is_familiar_device(uow, _name(form), origin, house.now())
    )


def _name(form: Form) -> str:
    """The id, in lower case: browsers like to begin with a capital. What is no id becomes one that
    nobody has, so that the store is asked for ids only."""
    name = form.text("user").casefold()
    return name if ACCOUNT.fullmatch(name) else f"no id: {digest(name)}"


def _answer(request: Request, form: Form) -> Response:
    """Count the try first, then check: what is checked never exceeds what is allowed."""
    hall, name = hall_of(request), _name(form)
    now, origin = hall.house.now(), origin_of(request)
    reservation = hall.tries.reserve_sign_in(name, origin, now)
    if reservation.full_until is not None:
        when = hall.pages.times.minute(reservation.full_until)
        told = f"Too many tries. The next one is at {when}."
        return _show(request, form.text("next"), form.text("user"), told, 429)
    user = hall.house.store.look(lambda uow: uow.users.get(name))
    right = hall.checks.matches(user, form.exact("password"))
    if user is not None and right and hall.sessions.admits(user):
        try:
            return _enter(request, form, user, reservation.ids, now)
        except NotProven:
            pass
    _record_refusal(hall, user, reservation.ids, now, password_right=right)
    return _show(request, form.text("next"), form.text("user"), WRONG, 401)


def _record_refusal(
    hall: Hall, user: User | None, ids: Sequence[int], now: datetime, *, password_right: bool
) -> None:
    """An act for unknown names too, so that the time does not tell them apart."""

    def work(uow: UnitOfWork) -> None:
        uow.sign_ins.fail(ids)
        if user is not None:
            uow.audit.record(
                at=now,
                actor=user.id,
                act="user:session:refused",
                subject=user.id,
                facts={"password_right": password_right},
            )

    hall.house.store.act(work)


def _enter(request: Request, form: Form, user: User, ids: Sequence[int], now: datetime) -> Response:
    """Open the session in one act with what the code costs. Raises NotProven for a wrong code, or
    when the account changed meanwhile."""
    hall, origin = hall_of(request), _renewed(request, now)
    address = request.client.host if request.client else ""

    def work(uow: UnitOfWork) -> tuple[str, bool]:
        if uow.users.get(user.id) != user:
            raise NotProven("the account changed meanwhile", place="Account")
        factor = uow.second_factors.get(user.id)
        confirmed = factor is not None and factor.confirmed
        if confirmed:
            second_factor.spend(uow, user.id, form.text("code"), now)
        uow.sign_ins.release(ids)
        remember_origin(uow, user.id, origin, now)
        uow.users.close_session(hashed(read_cookie(request, SESSION)))
        return hall.sessions.open(uow, user, rough(address), now), confirmed

    token, confirmed = hall.house.store.act(work)
    wanted = inside(form.text("next"))
    if second_factor.must_have(user, hall.house.settings) and not confirmed:
        wanted = f"/account/second-factor?next={quote(wanted)}"
    response = RedirectResponse(wanted, 303)
    set_cookie(response, request, SESSION, token)
    set_cookie(response, request, DEVICE, origin.device or "", FAMILIAR)
    drop_cookie(response, request, FORM)
    return response


def _renewed(request: Request, now: datetime) -> Origin:
    """The origin with the browser's token if somebody signed in with it before, else with a new
    one: a token that a stranger planted must not become known."""
    origin, store = origin_of(request), hall_of(request).house.store
    if store.look(lambda uow: is_familiar_device(uow, None, origin, now)):
        return origin
    return Origin(origin.network, secrets.token_urlsafe(32))


def inside(wanted: str) -> str:
    """A path of ours, never another site's."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/sign-"))
    return wanted if plain and wanted.isprintable() else "/"


def _show(request: Request, wanted: str, name: str, told: str, status: int = 200) -> Response:
    hall, token = hall_of(request), secrets.token_urlsafe(24)
    html = hall.pages.render(
        "sign_in.html",
        csrf=token,
        wanted=inside(wanted),
        name=name,
        told=told,
        done=request.query_params.get("done", ""),
    )
    response = HTMLResponse(html, status)
    set_cookie(response, request, FORM, token)
    return response
