"""Sessions: a random token in a cookie, its hash in the store, an end that slides.

Idle for IDLE, or older than LONGEST, and it is over. The sign-in time is part of the token, which
only its hash can vouch for, so it cannot be moved.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from fastapi import Request
from starlette.responses import Response

from breachdesk.console.house import House
from breachdesk.ports import UnitOfWork
from schemas.user import User

COOKIE = "breachdesk_session"
IDLE = timedelta(hours=1)
LONGEST = timedelta(hours=12)
STRETCH_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Session:
    """A living session."""

    token_hash: str
    user: User
    csrf: str


class Sessions:
    """Opens, finds, stretches and closes sessions of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stretched: dict[str, datetime] = {}
        self._lock = Lock()

    def open(self, user: User, now: datetime) -> str:
        """A new token; its audit entry is written with it."""
        token = f"{secrets.token_urlsafe(32)}.{int(now.timestamp())}"

        def work(uow: UnitOfWork) -> None:
            uow.users.open_session(hashed(token), user.id, secrets.token_urlsafe(24), now + IDLE)
            uow.audit.record(at=now, actor=user.id, act="user:session:opened", subject=user.id)

        self._house.store.act(work)
        return token

    def find(self, token: str, now: datetime, *, stretch: bool = True) -> Session | None:
        """The living session of that token; a demo account lives only in a demo."""
        if not _young(token, now):
            return None
        token_hash = hashed(token)
        found = self._house.store.look(lambda uow: uow.users.session(token_hash, now))
        if found is None or not self.admits(found[0]):
            return None
        session = Session(token_hash, *found)
        if stretch:
            self._stretch(session, now)
        return session

    def admits(self, user: User) -> bool:
        """Disabled accounts, and the demo's outside it, are dead."""
        return not user.disabled and (not user.demo or self._house.settings.demo)

    def close(self, session: Session, now: datetime) -> None:
        """Sign out."""

        def work(uow: UnitOfWork) -> None:
            uow.users.close_session(session.token_hash)
            uow.audit.record(
                at=now, actor=session.user.id, act="user:session:closed", subject=session.user.id
            )

        self._house.store.act(work)

    def _stretch(self, session: Session, now: datetime) -> None:
        if not self._due(session.token_hash, now):
            return

        def work(uow: UnitOfWork) -> None:
            uow.users.close_session(session.token_hash)
            uow.users.open_session(session.token_hash, session.user.id, session.csrf, now + IDLE)

        self._house.store.act(work)

    def _due(self, token_hash: str, now: datetime) -> bool:
        with self._lock:
            last = self._stretched.get(token_hash)
            if last is not None and now - last < STRETCH_EVERY:
                return False
            if len(self._stretched) > 1000:
                self._stretched.clear()
            self._stretched[token_hash] = now
            return True


def hashed(token: str) -> str:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _young(token: str, now: datetime) -> bool:
    stamp = token.rpartition(".")[2]
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    return now - datetime.fromtimestamp(int(stamp), UTC) < LONGEST


def set_cookie(response: Response, request: Request, name: str, value: str) -> None:
    """HttpOnly, SameSite=Strict, this host only; Secure wherever the page came over TLS."""
    response.set_cookie(
        name, value, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
