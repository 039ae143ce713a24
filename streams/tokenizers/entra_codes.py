"""Tell refused sign-ins to Entra ID from interrupted ones by their error number."""

from __future__ import annotations

_INTERRUPTS = (
    "16000 16001 50011 50055 50058 50072 50074 50076 50079 50089 50097 50125 50129 50132 50133"
    " 50140 50143 50144 50158 50173 50178 50199 51006 65001 65004 65005 70008 70043 70044 81010"
    " 81012 90095 399218 399284 700082 9002341"
)
INTERRUPTS = frozenset(_INTERRUPTS.split())
"""Entra error numbers that ask for more (a second factor, a new session, consent): no guess."""


def get_outcome(number: str) -> str:
    """Return the outcome of a sign-in with this error number; `0` is success."""
    if number in {"", "0"}:
        return "success"
    return "unknown" if number in INTERRUPTS else "failure"
