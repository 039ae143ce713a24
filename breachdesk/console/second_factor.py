"""Setting up a second factor: the picture to scan, one code to prove it, the recovery codes."""

from __future__ import annotations

import io
from dataclasses import replace

import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from breachdesk.casework import second_factor
from breachdesk.console.account import renew_session
from breachdesk.console.cookies import SESSION, set_cookie
from breachdesk.console.desk import REFUSALS, Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.reauthentication import act_proven, needed_proof
from breachdesk.console.sign_in import inside
from breachdesk.ports import UnitOfWork
from schemas.errors import BreachDeskError, Corrupt, Retryable

router = APIRouter()


@router.get("/account/second-factor")
def show(desk: Signed, next: str = "/account") -> Response:  # noqa: A002 - the query's own word
    """What there is, and the way to another one."""
    return _show(desk, next)


@router.post("/account/second-factor")
def set_up(request: Request, desk: Signed, form: Posted) -> Response:
    """Shows a new secret; or takes one into use, for the right password and a code of it."""
    secret, wanted = form.text("secret"), form.text("next")
    if not second_factor.is_secret(secret):
        return _show(desk, wanted, _begin(desk))
    try:
        token, codes = act_proven(desk, form, lambda: lambda uow: _enrol(uow, request, desk, form))
    except (*REFUSALS, Retryable) as problem:
        return _show(desk, wanted, secret, problem)
    return _show_codes(request, desk, token, codes, wanted)


def _begin(desk: Desk) -> str:
    """A secret that only this answer shows: nobody who looked before can know it."""
    secret = second_factor.new_secret()
    desk.act(lambda uow: uow.second_factors.begin(desk.user.id, secret))
    return secret


def _enrol(uow: UnitOfWork, request: Request, desk: Desk, form: Form) -> tuple[str, list[str]]:
    codes = second_factor.enrol(
        uow, desk.user.id, form.text("secret"), form.text("app_code"), desk.now
    )
    uow.users.end_sessions(desk.user.id, but=desk.session.token_hash)
    return renew_session(uow, request, desk), codes


def _show(
    desk: Desk, wanted: str, secret: str | None = None, problem: BreachDeskError | None = None
) -> Response:
    factor = desk.look(lambda uow: uow.second_factors.get(desk.user.id))
    return desk.page(
        "second_factor.html",
        factor=factor,
        proof=needed_proof(desk),
        secret=secret,
        parted=" ".join(_parts(secret or "", 4)),
        picture=_picture(desk, secret) if secret else None,
        wanted=inside(wanted),
        problem=problem,
    )


def _show_codes(
    request: Request, desk: Desk, token: str, codes: list[str], wanted: str
) -> Response:
    """The one answer that shows them, already of the session that the new token opens."""
    session = desk.hall.sessions.find(token, desk.now, stretch=False)
    if session is None:
        raise Corrupt("a session that was just opened is not there", remedy="Sign in again.")
    renewed = replace(desk, session=session)
    response = renewed.page("recovery_codes.html", codes=codes, wanted=inside(wanted))
    set_cookie(response, request, SESSION, token)
    return response


def _picture(desk: Desk, secret: str) -> Markup:
    """The QR code as SVG: drawn here, nothing is fetched, nothing inline but shapes."""
    profile = desk.house.settings.profile
    issuer = profile.trading_name or profile.legal_name or "BreachDesk"
    address = second_factor.address_for_app(secret, desk.user.id, issuer)
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgclass="qr", lineclass=None, omitsize=True, light="#fff"
    )
    return Markup(out.getvalue().decode())  # noqa: S704 - segno's own drawing, no text in it


def _parts(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
