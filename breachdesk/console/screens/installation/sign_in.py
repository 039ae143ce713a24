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

from breachdesk.casework.accounts import second_factor
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.attempt_throttle import (
    FAMILIAR,
    RequestOrigin,
    compute_digest,
    compute_network,
    is_familiar_device,
    remember_origin,
    shorten_address,
)
from breachdesk.console.web.cookies import (
    DEVICE,
    FORM,
    SESSION,
    delete_cookie,
    read_cookie,
    set_cookie,
)
from breachdesk.console.web.request_context import (
    AppState,
    Posted,
    SignedIn,
    get_app_state,
    read_form,
    redirect_to,
)
from breachdesk.console.web.screen import Screen
from breachdesk.console.web.sessions import hash_token
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.errors import NotProven
from schemas.user import User

router = APIRouter()
WRONG = "Wrong user name, password or code."
BUSY = "Too many people sign in at the same time. Try again in a minute."
ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
"""What `breachdesk user add` takes for an id."""


@router.get("/sign-in")
def show_sign_in(request: Request, next: str = "/") -> Response:  # noqa: A002 - the query's own word
    """The form."""
    return _show(request, next, "", "")


@router.post("/sign-in")
async def submit_sign_in(request: Request) -> Response:
    """Opens a session, or says that it cannot."""
    try:
        form = await read_form(request)
    finally:
        await request.close()
    cookie = read_cookie(request, FORM)
    if not cookie or not secrets.compare_digest(cookie.encode(), form.get_text("csrf").encode()):
        raise HTTPException(403, "This form is too old. Open the sign-in page again.")
    checks = get_app_state(request).checks
    familiar = await run_in_threadpool(_is_familiar, request, form)
    lane = checks.familiar if familiar else checks.strangers
    if lane.full:
        response = _show(request, form.get_text("next"), form.get_text("user"), BUSY, 503)
        response.headers["retry-after"] = "60"
        return response
    return await lane.run(lambda: _check_sign_in(request, form))


@router.post("/sign-out")
def submit_sign_out(request: Request, context: SignedIn, _form: Posted) -> Response:
    """Closes the session in the store too. The browser stays known: that opens nothing."""
    context.app_state.sessions.close_session(context.session, context.now)
    response = redirect_to("/sign-in", "signed-out")
    delete_cookie(response, request, SESSION)
    delete_cookie(response, request, FORM)
    return response


def determine_origin(request: Request) -> RequestOrigin:
    """Where the request comes from."""
    address = request.client.host if request.client else ""
    return RequestOrigin(compute_network(address), read_cookie(request, DEVICE) or None)


def _is_familiar(request: Request, form: SubmittedForm) -> bool:
    origin, dependencies = determine_origin(request), get_app_state(request).dependencies
    return origin.device is not None and dependencies.store.read(
        lambda uow: is_familiar_device(uow, _parse_name(form), origin, dependencies.now())
    )


def _parse_name(form: SubmittedForm) -> str:
    """The id, in lower case: browsers like to begin with a capital. What is no id becomes one that
    nobody has, so that the store is asked for ids only."""
    name = form.get_text("user").casefold()
    return name if ACCOUNT.fullmatch(name) else f"no id: {compute_digest(name)}"


def _check_sign_in(request: Request, form: SubmittedForm) -> Response:
    """Count the try first, then check: what is checked never exceeds what is allowed."""
    state, name = get_app_state(request), _parse_name(form)
    now, origin = state.dependencies.now(), determine_origin(request)
    reservation = state.throttle.reserve_sign_in(name, origin, now)
    if reservation.full_until is not None:
        when = state.pages.times.format_minute(reservation.full_until)
        message = f"Too many attempts. You can try again at {when}."
        return _show(request, form.get_text("next"), form.get_text("user"), message, 429)
    user = state.dependencies.store.read(lambda uow: uow.users.get(name))
    right = state.checks.is_password_of(user, form.get_exact("password"))
    if user is not None and right and state.sessions.is_admitted(user):
        try:
            return _open_session(request, form, user, reservation.ids, now)
        except NotProven:
            pass
    _record_refusal(state, user, reservation.ids, now, password_right=right)
    return _show(request, form.get_text("next"), form.get_text("user"), WRONG, 401)


def _record_refusal(
    state: AppState, user: User | None, ids: Sequence[int], now: datetime, *, password_right: bool
) -> None:
    """An act for unknown names too, so that the time does not tell them apart."""

    def record_refusal(uow: UnitOfWork) -> None:
        uow.sign_ins.fail(ids)
        if user is not None:
            uow.audit.record(
                at=now,
                actor=user.id,
                action=AuditAction.USER_SESSION_REFUSED,
                subject=user.id,
                facts={"password_right": password_right},
            )

    state.dependencies.store.write(record_refusal)


def _open_session(
    request: Request, form: SubmittedForm, user: User, ids: Sequence[int], now: datetime
) -> Response:
    """Open the session in one act with what the code costs. Raises NotProven for a wrong code, or
    when the account changed meanwhile."""
    state, origin = get_app_state(request), _renew_origin(request, now)
    address = request.client.host if request.client else ""

    def open_session(uow: UnitOfWork) -> tuple[str, bool]:
        if uow.users.get(user.id) != user:
            raise NotProven("the account changed meanwhile", place="Account")
        factor = uow.second_factors.get(user.id)
        confirmed = factor is not None and factor.confirmed
        if confirmed:
            second_factor.use_code(uow, user.id, form.get_text("code"), now)
        uow.sign_ins.release(ids)
        remember_origin(uow, user.id, origin, now)
        uow.users.close_session(hash_token(read_cookie(request, SESSION)))
        return state.sessions.open_session(uow, user, shorten_address(address), now), confirmed

    token, confirmed = state.dependencies.store.write(open_session)
    next_path = sanitise_path(form.get_text("next"))
    if second_factor.is_required(user, state.dependencies.settings) and not confirmed:
        next_path = f"/account/second-factor?next={quote(next_path)}"
    response = RedirectResponse(next_path, 303)
    set_cookie(response, request, SESSION, token)
    set_cookie(response, request, DEVICE, origin.device or "", FAMILIAR)
    delete_cookie(response, request, FORM)
    return response


def _renew_origin(request: Request, now: datetime) -> RequestOrigin:
    """The origin with the browser's token if somebody signed in with it before, else with a new
    one: a token that a stranger planted must not become known."""
    origin, store = determine_origin(request), get_app_state(request).dependencies.store
    if store.read(lambda uow: is_familiar_device(uow, None, origin, now)):
        return origin
    return RequestOrigin(origin.network, secrets.token_urlsafe(32))


def sanitise_path(path: str) -> str:
    """A path of ours, never another site's."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\", "/sign-"))
    return path if plain and path.isprintable() else "/"


def _show(request: Request, next_path: str, name: str, message: str, status: int = 200) -> Response:
    state, token = get_app_state(request), secrets.token_urlsafe(24)
    html = state.pages.render(
        "sign_in.html",
        csrf=token,
        wanted=sanitise_path(next_path),
        name=name,
        told=message,
        done=request.query_params.get("done", ""),
    )
    response = HTMLResponse(html, status)
    set_cookie(response, request, FORM, token)
    return response


SCREEN = Screen(id="sign_in", router=router, is_public=True)
