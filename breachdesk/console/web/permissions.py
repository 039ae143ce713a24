"""Declare with each route who may use it.

The permissions are checked before a form is read; casework checks again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from schemas.user import Permission

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Permissions = frozenset[Permission]
SIGNED_IN: Permissions = frozenset()
"""No permission is needed: being signed in is enough."""
ANY_PERMISSION: Permissions = frozenset(Permission)
ANALYST_OR_RESPONDER: Permissions = frozenset({Permission.ANALYST, Permission.RESPONDER})
RESPONDER: Permissions = frozenset({Permission.RESPONDER})
APPROVER: Permissions = frozenset({Permission.APPROVER})
RESPONDER_OR_APPROVER: Permissions = RESPONDER | APPROVER
REGISTRAR: Permissions = frozenset({Permission.REGISTRAR})
ATTRIBUTE = "required_permissions"


def requires(permissions: Permissions) -> Callable[[Endpoint], Endpoint]:
    """Declare that a user needs one of these permissions to use this route.

    A page without a declaration is open to everybody who is signed in. A form must have one: a
    screen with a form that has none is not loaded."""

    def declare(endpoint: Endpoint) -> Endpoint:
        vars(endpoint)[ATTRIBUTE] = permissions
        return endpoint

    return declare


def get_required_permissions(endpoint: Callable[..., Any]) -> Permissions | None:
    """Return what `requires` declares for the function of a route, or None."""
    declared: Permissions | None = vars(endpoint).get(ATTRIBUTE)
    return declared
