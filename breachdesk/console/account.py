"""One's own account: sessions, password, second factor."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from breachdesk.casework import accounts
from breachdesk.casework.password_rule import check_password, known_words
from breachdesk.console.cookies import SESSION, drop_cookie, set_cookie
from breachdesk.console.desk import REFUSALS, Desk, Posted, Signed, go
from breachdesk.console.forms import Form
from breachdesk.console.reauthentication import act_proven, needed_proof
from breachdesk.console.tries import rough
from breachdesk.ports import UnitOfWork
from schemas.errors import BadInput, BreachDeskError, Retryable

router = APIRouter()


@router.get("/account")
def show(desk: Signed) -> Response:
    """Sessions, newest use first, and what protects the account."""
    sessions, factor = desk.look(
        lambda uow: (
            uow.users.sessions(desk.user.id, desk.now),
            uow.second_factors.get(desk.user.id),
        )
    )
    return desk.page(
        "account.html",
        sessions=sessions,
        here=desk.session.token_hash,
        factor=factor,
        proof=needed_proof(desk),
    )


@router.post("/account/sessions")
def end_sessions(request: Request, desk: Signed, form: Posted) -> Response:
    """Ends the others, or all of them."""
    everything = form.text("which") == "all"
    spared = None if everything else desk.session.token_hash
    desk.act(lambda uow: accounts.end_sessions(uow, desk.actor, desk.user.id, desk.now, but=spared))
    if not everything:
        return go("/account", "sessions")
    response = go("/sign-in", "all-sessions")
    drop_cookie(response, request, SESSION)
    return response


@router.get("/account/password")
def ask_password(desk: Signed) -> Response:
    """The form."""
    return _show_password(desk)


@router.post("/account/password")
def change_password(request: Request, desk: Signed, form: Posted) -> Response:
    """Another password; every other session ends, and this one gets a new token."""
    try:
        password = _new_password(desk, form)
        token = act_proven(desk, form, lambda: _change(request, desk, password))
    except (*REFUSALS, Retryable) as problem:
        return _show_password(desk, problem)
    response = go("/account", "password")
    set_cookie(response, request, SESSION, token)
    return response


def renew_session(uow: UnitOfWork, request: Request, desk: Desk) -> str:
    """Close this session and open another in the same act: its new token. What somebody may do
    changed, so a token that was known before must not carry it."""
    address = request.client.host if request.client else ""
    uow.users.close_session(desk.session.token_hash)
    return desk.hall.sessions.open(uow, desk.user, rough(address), desk.now)


def _new_password(desk: Desk, form: Form) -> str:
    password = form.exact("new_password")
    if password != form.exact("once_more"):
        raise BadInput("the two differ", place="New password", remedy="Type both again.")
    if password == form.exact("password"):
        raise BadInput("this is the old one", place="New password", remedy="Take another.")
    check_password(password, known_words(desk.user, desk.house.settings.profile))
    return password


def _change(request: Request, desk: Desk, password: str) -> Callable[[UnitOfWork], str]:
    """The act, with the hash made before it begins: that takes long."""
    digest = desk.hall.checks.hash_signed_in(password)

    def work(uow: UnitOfWork) -> str:
        here = desk.session.token_hash
        accounts.set_password(uow, desk.actor, desk.user.id, digest, desk.now, but=here)
        return renew_session(uow, request, desk)

    return work


def _show_password(desk: Desk, problem: BreachDeskError | None = None) -> Response:
    """The form, empty again: a password is never shown."""
    return desk.page("password.html", proof=needed_proof(desk), problem=problem)
