"""Manage sessions: a random token in a cookie, its hash in the store, a sliding end.

A session unused for `console.idle_minutes`, or older than `console.longest_hours`, is over.
A closed session stays closed: sliding updates a live row and inserts none."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.user import SessionView, User, can_sign_in

STRETCH_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class UserSession:
    """A live session."""

    view: SessionView
    user: User

    @property
    def token_hash(self) -> str:
        return self.view.token_hash

    @property
    def csrf(self) -> str:
        return self.view.csrf


class SessionStore:
    """Opens, finds, extends and closes sessions."""

    def __init__(self, dependencies: ConsoleDependencies) -> None:
        self._dependencies = dependencies
        self._limits = dependencies.settings.console

    def open_session(self, uow: UnitOfWork, user: User, network: str, now: datetime) -> str:
        """Open a session and return its new token; the audit entry is written with it."""
        token = secrets.token_urlsafe(32)
        uow.users.open_session(
            SessionView(
                token_hash=hash_token(token),
                user_id=user.id,
                csrf=secrets.token_urlsafe(24),
                opened_at=now,
                used_at=now,
                expires=self._compute_end(now, now),
                network=network,
            )
        )
        uow.audit.record(
            at=now, actor=user.id, action=AuditAction.USER_SESSION_OPENED, subject=user.id
        )
        return token

    def find_session(
        self, token: str, now: datetime, *, stretch: bool = True
    ) -> UserSession | None:
        """Find the live session of that token; a demo account's is live only in a demo."""
        if not token:
            return None
        token_hash = hash_token(token)
        row = self._dependencies.store.read(lambda uow: uow.users.find_session(token_hash, now))
        if row is None or not self.is_admitted(row[0]):
            return None
        user, view = row
        if stretch:
            self._extend_session(view, now)
        return UserSession(view, user)

    def is_admitted(self, user: User) -> bool:
        """Whether the account may sign in: not when disabled, nor a demo's outside a demo."""
        return can_sign_in(user, demo=self._dependencies.settings.demo)

    def close_session(self, session: UserSession, now: datetime) -> None:
        """Close the session and audit the sign-out."""

        def record_closing(uow: UnitOfWork) -> None:
            uow.users.close_session(session.token_hash)
            uow.audit.record(
                at=now,
                actor=session.user.id,
                action=AuditAction.USER_SESSION_CLOSED,
                subject=session.user.id,
            )

        self._dependencies.store.write(record_closing)

    def _extend_session(self, view: SessionView, now: datetime) -> None:
        if now - view.used_at < min(STRETCH_EVERY, self._limits.idle / 4):
            return
        end = self._compute_end(view.opened_at, now)
        self._dependencies.store.write(
            lambda uow: uow.users.extend_session(view.token_hash, now=now, expires=end)
        )

    def _compute_end(self, opened_at: datetime, now: datetime) -> datetime:
        return min(now + self._limits.idle, opened_at + self._limits.longest)


def hash_token(token: str) -> str:
    """Hash a token as the store keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()
