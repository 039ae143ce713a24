"""Local accounts, their duties, and who acts."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.customer import Frozen


class Duty(StrEnum):
    """Console roles. A person may hold several; who writes never approves."""

    ANALYST = "analyst"
    RESPONDER = "responder"
    APPROVER = "approver"
    REGISTRAR = "registrar"
    """Keeps the register: customers, their addresses, and which asset is whose."""


MUST_BE_HELD = (Duty.ANALYST, Duty.RESPONDER, Duty.APPROVER)
"""Duties that somebody must hold on a bad day. The register can be kept by commands alone."""


class User(Frozen):
    """A local account. `id` is what audit entries name; it is no personal name."""

    id: str
    name: str = Field(repr=False)
    duties: frozenset[Duty]
    password_hash: str = Field(repr=False)
    """argon2id"""
    demo: bool = False
    """Dead outside the demo's data folder."""
    disabled: bool = False


def can_sign_in(user: User, *, demo: bool) -> bool:
    """The account is neither disabled nor, outside the demo, one of the demo's."""
    return not user.disabled and (demo or not user.demo)


class Actor(Frozen):
    """Who acts: passed to every act of casework."""

    id: str
    duties: frozenset[Duty]
