"""Set and read our cookies: HttpOnly, SameSite=Strict, this host only; over TLS also Secure and
`__Host-`.

The prefix makes browsers refuse a cookie of that name that a neighbour's host or plain HTTP set.
Plain HTTP is for this machine alone; there the name has no prefix."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Request
from starlette.responses import Response

SESSION = "breachdesk_session"
FORM = "breachdesk_form"
DEVICE = "breachdesk_device"
LONGEST_VALUE = 200
"""Of any that we set; a longer one is none of ours."""


def read_cookie(request: Request, name: str) -> str:
    """Read the value; empty when there is none, or none that we could have set."""
    value = request.cookies.get(_format_name(request, name), "")
    return value if len(value) <= LONGEST_VALUE and value.isascii() else ""


def set_cookie(
    response: Response, request: Request, name: str, value: str, keep: timedelta | None = None
) -> None:
    """Set the cookie until the browser closes, unless `keep` says how long."""
    response.set_cookie(
        _format_name(request, name),
        value,
        max_age=None if keep is None else int(keep.total_seconds()),
        path="/",
        secure=_is_over_tls(request),
        httponly=True,
        samesite="strict",
    )


def delete_cookie(response: Response, request: Request, name: str) -> None:
    """Delete the cookie in the browser."""
    response.delete_cookie(
        _format_name(request, name),
        path="/",
        secure=_is_over_tls(request),
        httponly=True,
        samesite="strict",
    )


def _format_name(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_over_tls(request) else name


def _is_over_tls(request: Request) -> bool:
    return request.url.scheme == "https"
