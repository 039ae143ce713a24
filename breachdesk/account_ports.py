"""Protocols of a unit of work for accounts (breachdesk.ports): users, sessions, second factors,
sign-in attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from schemas.user import SecondFactor, SessionView, User


class UserBook(Protocol):
    """Local accounts and console sessions (only hashes of tokens are stored)."""

    def get(self, user_id: str) -> User | None: ...

    def list(self) -> Sequence[User]: ...

    def save(self, user: User) -> None: ...

    def open_session(self, session: SessionView) -> None:
        """Save the session and delete expired ones. Raises NotFound for an unknown user."""
        ...

    def find_session(self, token_hash: str, now: datetime) -> tuple[User, SessionView] | None:
        """Find the user and the session, if it is live and the user is not disabled."""
        ...

    def list_sessions(self, user_id: str, now: datetime) -> Sequence[SessionView]:
        """List live sessions, newest use first."""
        ...

    def extend_session(self, token_hash: str, *, now: datetime, expires: datetime) -> bool:
        """Let a living session live until then. False: it is over or was closed, and stays so."""
        ...

    def close_session(self, token_hash: str) -> None: ...

    def close_sessions(self, user_id: str, *, but: str | None = None) -> int:
        """Close every session of the user, except the one with that token hash; how many."""
        ...


class SecondFactorBook(Protocol):
    """Authenticator apps and recovery codes. What may be used once is used once, whoever else
    tries at the same time."""

    def get(self, user_id: str) -> SecondFactor | None: ...

    def list_confirmed(self) -> frozenset[str]:
        """Return the ids of the users who have one."""
        ...

    def start_enrolment(self, user_id: str, secret: str) -> None:
        """Keep a secret that its owner has still to confirm; one that is confirmed stays in force
        until then."""
        ...

    def confirm(
        self, user_id: str, secret: str, *, step: int, code_hashes: Iterable[str], at: datetime
    ) -> None:
        """Put the pending secret into force with its first accepted step and new recovery codes.
        Raises EditConflict when another secret is pending."""
        ...

    def use_step(self, user_id: str, step: int) -> bool:
        """Accept the code of that time step. False: it, or a later one, was accepted before."""
        ...

    def use_recovery_code(self, user_id: str, code_hash: str) -> bool:
        """Accept and delete the code. False: there is no such code any more."""
        ...

    def remove(self, user_id: str) -> bool:
        """Delete the factor with its codes. False: there was none."""
        ...


class SignInBook(Protocol):
    """Tries that count against limits, and what an account signed in from before. Keys and marks
    are hashes. A limit holds over all processes when `full_until` and `reserve` share an act."""

    def get_full_until(
        self, limits: Mapping[str, int], window: timedelta, now: datetime
    ) -> datetime | None:
        """Return when the next try is allowed under every key. None: now."""
        ...

    def reserve(self, keys: Iterable[str], window: timedelta, now: datetime) -> Sequence[int]:
        """Count one try under each key; tries past the window are deleted. Ids for `release`."""
        ...

    def release(self, ids: Sequence[int]) -> None:
        """Release these tries: they succeeded and count no more."""
        ...

    def fail(self, ids: Sequence[int]) -> None:
        """Mark these tries as certainly failed."""
        ...

    def clear(self, keys: Iterable[str]) -> None:
        """Clear every try under these keys."""
        ...

    def is_recognised(self, user_id: str | None, mark: str, since: datetime) -> bool:
        """Whether the account, or any when none is named, has signed in under this mark since
        then."""
        ...

    def remember(self, user_id: str, marks: Iterable[str], now: datetime) -> None:
        """Remember that the account has signed in under these marks."""
        ...

    def forget(self, user_id: str) -> None:
        """Forget every mark of the account."""
        ...
