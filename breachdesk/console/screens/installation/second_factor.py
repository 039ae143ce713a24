"""Setting up a second factor: the picture to scan, one code to prove it, the recovery codes."""

from __future__ import annotations

import io
from dataclasses import replace

import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from breachdesk.casework.accounts import second_factor
from breachdesk.console.screens.installation.account import renew_session
from breachdesk.console.screens.installation.sign_in import sanitise_path
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.cookies import SESSION, set_cookie
from breachdesk.console.web.permissions import SIGNED_IN, requires
from breachdesk.console.web.reauthentication import determine_proof, write_proven
from breachdesk.console.web.request_context import REFUSALS, Posted, RequestContext, SignedIn
from breachdesk.console.web.screen import Screen
from breachdesk.ports import UnitOfWork
from schemas.errors import BreachDeskError, CorruptData, RetryableError

router = APIRouter()


@router.get("/account/second-factor")
def show_second_factor(context: SignedIn, next: str = "/account") -> Response:  # noqa: A002 - the query's own word
    """Show the second factor, and how to set up another."""
    return _show(context, next)


@router.post("/account/second-factor")
@requires(SIGNED_IN)
def submit_second_factor(request: Request, context: SignedIn, form: Posted) -> Response:
    """Shows a new secret; or takes one into use, for the right password and a code of it."""
    secret, next_path = form.get_text("secret"), form.get_text("next")
    if not second_factor.is_secret(secret):
        return _show(context, next_path, _generate_secret(context))
    try:
        token, codes = write_proven(
            context, form, lambda: lambda uow: _enrol(uow, request, context, form)
        )
    except (*REFUSALS, RetryableError) as problem:
        return _show(context, next_path, secret, problem)
    return _show_codes(request, context, token, codes, next_path)


def _generate_secret(context: RequestContext) -> str:
    """A secret that only this answer shows: nobody who looked before can know it."""
    secret = second_factor.generate_secret()
    context.act(lambda uow: uow.second_factors.start_enrolment(context.user.id, secret))
    return secret


def _enrol(
    uow: UnitOfWork, request: Request, context: RequestContext, form: SubmittedForm
) -> tuple[str, list[str]]:
    codes = second_factor.enrol_factor(
        uow, context.user.id, form.get_text("secret"), form.get_text("app_code"), context.now
    )
    uow.users.close_sessions(context.user.id, but=context.session.token_hash)
    return renew_session(uow, request, context), codes


def _show(
    context: RequestContext,
    next_path: str,
    secret: str | None = None,
    problem: BreachDeskError | None = None,
) -> Response:
    factor = context.look(lambda uow: uow.second_factors.get(context.user.id))
    return context.render_page(
        "second_factor.html",
        factor=factor,
        proof=determine_proof(context),
        secret=secret,
        parted=" ".join(_split_text(secret or "", 4)),
        picture=_render_qr_code(context, secret) if secret else None,
        wanted=sanitise_path(next_path),
        problem=problem,
    )


def _show_codes(
    request: Request, context: RequestContext, token: str, codes: list[str], next_path: str
) -> Response:
    """The one answer that shows them, already of the session that the new token opens."""
    session = context.app_state.sessions.find_session(token, context.now, stretch=False)
    if session is None:
        raise CorruptData("a session that was just opened is not there", remedy="Sign in again.")
    renewed = replace(context, session=session)
    response = renewed.render_page(
        "recovery_codes.html", codes=codes, wanted=sanitise_path(next_path)
    )
    set_cookie(response, request, SESSION, token)
    return response


def _render_qr_code(context: RequestContext, secret: str) -> Markup:
    """The QR code as SVG: drawn here, nothing is fetched, nothing inline but shapes."""
    profile = context.dependencies.settings.profile
    issuer = profile.trading_name or profile.legal_name or "BreachDesk"
    address = second_factor.build_app_address(secret, context.user.id, issuer)
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgclass="qr", lineclass=None, omitsize=True, light="#fff"
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - segno's own drawing, no text in it


def _split_text(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


SCREEN = Screen(id="second_factor", router=router)
