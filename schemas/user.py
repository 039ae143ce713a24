"""Model local accounts, their permissions, and actors."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AliasChoices, Field

from schemas.customer import FrozenModel


class Permission(StrEnum):
    """Console roles. A person may hold several; who writes never approves."""

    ANALYST = "analyst"
    RESPONDER = "responder"
    APPROVER = "approver"
    REGISTRAR = "registrar"
    """Keeps the register: customers, their addresses, and which asset is whose."""


REQUIRED_PERMISSIONS = (Permission.ANALYST, Permission.RESPONDER, Permission.APPROVER)
"""Permissions that somebody must hold on a bad day. The register can be kept by commands alone."""


class User(FrozenModel):
    """A local account. `id` is what audit entries name; it is no personal name."""

    id: str
    name: str = Field(repr=False)
    permissions: frozenset[Permission] = Field(
        validation_alias=AliasChoices("permissions", "duties")
    )
    """Documents of earlier versions say `duties`."""
    password_hash: str = Field(repr=False)
    """argon2id"""
    demo: bool = False
    """Dead outside the demo's data folder."""
    disabled: bool = False


def can_sign_in(user: User, *, demo: bool) -> bool:
    """Whether the account is neither disabled nor, outside the demo, one of the demo's."""
    return not user.disabled and (demo or not user.demo)


class Actor(FrozenModel):
    """Who acts: passed to every act of casework."""

    id: str
    permissions: frozenset[Permission]


class SessionView(FrozenModel):
    """One console session as the store holds it."""

    token_hash: str = Field(repr=False)
    user_id: str
    csrf: str = Field(repr=False)
    opened_at: datetime
    used_at: datetime
    """Renewed every few minutes while somebody uses it."""
    expires: datetime
    network: str = Field(default="", repr=False)
    """Where it was opened from, roughly: /24 of IPv4, /48 of IPv6."""


class SecondFactor(FrozenModel):
    """An account's authenticator app (RFC 6238), and how many recovery codes are left."""

    user_id: str
    secret: str | None = Field(default=None, repr=False)
    """Base32. None: none is confirmed."""
    pending: str | None = Field(default=None, repr=False)
    """Shown to its owner and not confirmed by a code yet."""
    last_step: int = -1
    """The newest time step whose code was accepted: no code of it or before it is taken again."""
    confirmed_at: datetime | None = None
    recovery_codes: int = 0

    @property
    def confirmed(self) -> bool:
        """Is it asked for?"""
        return self.secret is not None
