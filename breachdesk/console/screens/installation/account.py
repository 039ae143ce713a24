"""One's own account: sessions, password, second factor."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from breachdesk.casework.accounts import accounts
from breachdesk.casework.accounts.password_rule import check_password, list_known_words
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.attempt_throttle import shorten_address
from breachdesk.console.web.cookies import SESSION, delete_cookie, set_cookie
from breachdesk.console.web.permissions import SIGNED_IN, requires
from breachdesk.console.web.reauthentication import determine_proof, write_proven
from breachdesk.console.web.request_context import (
    REFUSALS,
    Posted,
    RequestContext,
    SignedIn,
    redirect_to,
)
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.errors import BadInput, BreachDeskError, RetryableError

router = APIRouter()


@router.get("/account")
def show_account(context: SignedIn) -> Response:
    """Sessions, newest use first, and what protects the account."""
    sessions, factor = context.look(
        lambda uow: (
            uow.users.list_sessions(context.user.id, context.now),
            uow.second_factors.get(context.user.id),
        )
    )
    return context.render_page(
        "account.html",
        sessions=sessions,
        here=context.session.token_hash,
        factor=factor,
        proof=determine_proof(context),
    )


@router.post("/account/sessions")
@requires(SIGNED_IN)
def close_sessions(request: Request, context: SignedIn, form: Posted) -> Response:
    """Ends the others, or all of them."""
    everything = form.get_text("which") == "all"
    spared = None if everything else context.session.token_hash
    context.act(
        lambda uow: accounts.close_sessions(
            uow, context.actor, context.user.id, context.now, but=spared
        )
    )
    if not everything:
        return redirect_to("/account", "sessions")
    response = redirect_to("/sign-in", "all-sessions")
    delete_cookie(response, request, SESSION)
    return response


@router.get("/account/password")
def show_password_form(context: SignedIn) -> Response:
    """The form."""
    return _show_password(context)


@router.post("/account/password")
@requires(SIGNED_IN)
def submit_password(request: Request, context: SignedIn, form: Posted) -> Response:
    """Another password; every other session ends, and this one gets a new token."""
    try:
        password = _read_new_password(context, form)
        token = write_proven(
            context, form, lambda: _prepare_password_change(request, context, password)
        )
    except (*REFUSALS, RetryableError) as problem:
        return _show_password(context, problem)
    response = redirect_to("/account", "password")
    set_cookie(response, request, SESSION, token)
    return response


def renew_session(uow: UnitOfWork, request: Request, context: RequestContext) -> str:
    """Close this session and open another in the same act: its new token. What somebody may do
    changed, so a token that was known before must not carry it."""
    address = request.client.host if request.client else ""
    uow.users.close_session(context.session.token_hash)
    return context.app_state.sessions.open_session(
        uow, context.user, shorten_address(address), context.now
    )


def _read_new_password(context: RequestContext, form: SubmittedForm) -> str:
    password = form.get_exact("new_password")
    if password != form.get_exact("once_more"):
        raise BadInput("the two passwords differ", place="New password", remedy="Type both again.")
    if password == form.get_exact("password"):
        raise BadInput(
            "this is the current password", place="New password", remedy="Choose another."
        )
    check_password(password, list_known_words(context.user, context.dependencies.settings.profile))
    return password


def _prepare_password_change(
    request: Request, context: RequestContext, password: str
) -> Callable[[UnitOfWork], str]:
    """The act, with the hash made before it begins: that takes long."""
    digest = context.app_state.checks.hash_signed_in(password)

    def set_password(uow: UnitOfWork) -> str:
        here = context.session.token_hash
        accounts.set_password(uow, context.actor, context.user.id, digest, context.now, but=here)
        return renew_session(uow, request, context)

    return set_password


def _show_password(context: RequestContext, problem: BreachDeskError | None = None) -> Response:
    """The form, empty again: a password is never shown."""
    return context.render_page("password.html", proof=determine_proof(context), problem=problem)


SCREEN = Screen(
    id="account",
    router=router,
    navigation=NavigationEntry("/account", "Your account", NavigationGroup.ACCOUNT, order=1),
)
