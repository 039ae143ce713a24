"""Add, change and disable accounts. Removing rights ends the account's sessions in the same
transaction, so that nobody uses rights that they no longer have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from breachdesk.casework.authority import require_operator, require_own
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.errors import EditConflict, NotFound
from schemas.user import REQUIRED_PERMISSIONS, Actor, Permission, User, can_sign_in


def add_account(uow: UnitOfWork, actor: Actor, user: User, now: datetime) -> None:
    """Add an account. Raises EditConflict when its id exists, NotAllowed for anybody but the
    operator."""
    require_operator(actor, act="add an account")
    if uow.users.get(user.id) is not None:
        raise EditConflict(
            "there is such an account",
            place=user.id,
            remedy="Use `breachdesk user password`, `user permission` or `user enable`.",
        )
    uow.users.save(user)
    _record_account(uow, actor, user, now, "added")


def set_password(
    uow: UnitOfWork,
    actor: Actor,
    user_id: str,
    password_hash: str,
    now: datetime,
    *,
    but: str | None = None,
) -> int:
    """Give the account another password; how many sessions ended. `but`: the token hash of a
    session that goes on. Raises NotFound, and NotAllowed for somebody else's account."""
    require_own(actor, user_id, act="change another's password")
    user = _get_account(uow, user_id).model_copy(update={"password_hash": password_hash})
    uow.users.save(user)
    ended = _close_sessions(uow, user_id, but)
    _record(uow, actor, AuditAction.USER_PASSWORD_CHANGED, user_id, now, {"sessions_ended": ended})
    return ended


def set_permissions(
    uow: UnitOfWork, actor: Actor, user_id: str, permissions: Iterable[Permission], now: datetime
) -> int:
    """Give the account these permissions and no others; how many sessions ended. Raises NotFound, and
    NotAllowed but for the operator."""
    require_operator(actor, act="change permissions")
    user = _get_account(uow, user_id).model_copy(update={"permissions": frozenset(permissions)})
    uow.users.save(user)
    ended = _close_sessions(uow, user_id)
    _record_account(uow, actor, user, now, "permissions", sessions_ended=ended)
    return ended


def disable(uow: UnitOfWork, actor: Actor, user_id: str, now: datetime) -> int:
    """Disable sign-in and return how many sessions ended. Raises NotFound, and NotAllowed for
    anybody but the operator."""
    require_operator(actor, act="disable an account")
    user = _get_account(uow, user_id).model_copy(update={"disabled": True})
    uow.users.save(user)
    ended = _close_sessions(uow, user_id)
    _record_account(uow, actor, user, now, "disabled", sessions_ended=ended)
    return ended


def enable(uow: UnitOfWork, actor: Actor, user_id: str, now: datetime) -> None:
    """Enable sign-in again, with the same password and second factor. Raises NotFound, and
    NotAllowed for anybody but the operator."""
    require_operator(actor, act="enable an account")
    user = _get_account(uow, user_id).model_copy(update={"disabled": False})
    uow.users.save(user)
    _record_account(uow, actor, user, now, "enabled")


def close_sessions(
    uow: UnitOfWork, actor: Actor, user_id: str, now: datetime, *, but: str | None = None
) -> int:
    """End the account's sessions, except the one with the token hash `but`; how many. Raises
    NotFound, and NotAllowed for somebody else's account."""
    require_own(actor, user_id, act="end another's sessions")
    _get_account(uow, user_id)
    ended = _close_sessions(uow, user_id, but)
    _record(uow, actor, AuditAction.USER_SESSIONS_ENDED, user_id, now, {"sessions_ended": ended})
    return ended


def reset_second_factor(uow: UnitOfWork, actor: Actor, user_id: str, now: datetime) -> int:
    """Remove the account's second factor and recovery codes; how many sessions ended. Raises
    NotFound when there is no such account or it has none, NotAllowed but for the operator."""
    require_operator(actor, act="reset a second factor")
    _get_account(uow, user_id)
    if not uow.second_factors.remove(user_id):
        raise NotFound("this account has no second factor", place=user_id)
    ended = _close_sessions(uow, user_id)
    _record(
        uow, actor, AuditAction.USER_SECOND_FACTOR_RESET, user_id, now, {"sessions_ended": ended}
    )
    return ended


def find_unheld_permissions(uow: UnitOfWork) -> list[Permission]:
    """Find release permissions that no account able to sign in holds."""
    able = [user for user in uow.users.list() if can_sign_in(user, demo=False)]
    return [
        permission
        for permission in REQUIRED_PERMISSIONS
        if not any(permission in user.permissions for user in able)
    ]


def _get_account(uow: UnitOfWork, user_id: str) -> User:
    user = uow.users.get(user_id)
    if user is None:
        raise NotFound("no such account", place=user_id, remedy="See `breachdesk user list`.")
    return user


def _close_sessions(uow: UnitOfWork, user_id: str, but: str | None = None) -> int:
    """Close the account's sessions but the one that did this."""
    if but is None:
        uow.sign_ins.forget(user_id)
    return uow.users.close_sessions(user_id, but=but)


def _record_account(
    uow: UnitOfWork, actor: Actor, user: User, now: datetime, change: str, **facts: Any
) -> None:
    """Record the whole account after any change: the audit chain alone shows who held which
    permission."""
    status = {
        "change": change,
        "permissions": sorted(permission.value for permission in user.permissions),
        "disabled": user.disabled,
    }
    _record(uow, actor, AuditAction.USER_ACCOUNT_SAVED, user.id, now, status | facts)


def _record(
    uow: UnitOfWork,
    actor: Actor,
    action: AuditAction,
    user_id: str,
    now: datetime,
    facts: dict[str, Any],
) -> None:
    uow.audit.record(at=now, actor=actor.id, action=action, subject=user_id, facts=facts)
