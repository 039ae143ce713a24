"""Limit who may have a password checked when: argon2 costs a processor and 64 MiB each time.

Strangers share one slot with a short queue; browsers that signed in before have another; people who
are signed in have a third. So no flood of sign-ins takes the processor, the memory or the threads
that pages need, and none keeps an approver from releasing."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import TypeVar

from breachdesk.console.web.password_hashing import hash_of_nobody, hash_password, is_matching
from breachdesk.ports import Store
from schemas.errors import RetryableError
from schemas.user import User

T = TypeVar("T")
MOST_WAITING = 16
"""Of strangers, and of those who were here before: the next one is sent away."""
MOST_WAITING_SIGNED_IN = 8
SIGNED_IN_SECONDS = 30.0
LATER = "Try again in a minute; nothing was changed."


class CheckQueue:
    """One slot and its queue."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"password-{name}")
        self._inside = 0

    @property
    def full(self) -> bool:
        """Do as many wait as may? Ask on the event loop, just before `run`."""
        return self._inside > MOST_WAITING

    async def run(self, work: Callable[[], T]) -> T:
        """Run in turn, on a thread of its own."""
        self._inside += 1
        try:
            context = contextvars.copy_context()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, partial(context.run, work))
        finally:
            self._inside -= 1


class PasswordChecks:
    """The slots of one console. Making it makes the hash that unknown names are checked against."""

    def __init__(self, store: Store) -> None:
        users = store.read(lambda uow: uow.users.list())
        self._nobody = hash_of_nobody(next((user.password_hash for user in users), None))
        self.strangers = CheckQueue("strangers")
        self.familiar = CheckQueue("familiar")
        self._signed_in = BoundedSemaphore()
        self._waiting = 0
        self._lock = Lock()

    def is_password_of(self, user: User | None, password: str) -> bool:
        """Whether it is the user's password. Takes as long for an unknown user. Call it inside a
        queue."""
        right = is_matching(user.password_hash if user else self._nobody, password)
        return right and user is not None

    def is_password_of_signed_in(self, user: User, password: str) -> bool:
        """Whether it is the password of a signed-in user, in their own slot. Raises
        RetryableError."""
        return self._run_for_signed_in(lambda: is_matching(user.password_hash, password))

    def hash_signed_in(self, password: str) -> str:
        """Hash a new password of a signed-in user, in the same slot. Raises RetryableError."""
        return self._run_for_signed_in(lambda: hash_password(password))

    def _run_for_signed_in(self, work: Callable[[], T]) -> T:
        with self._lock:
            if self._waiting >= MOST_WAITING_SIGNED_IN:
                raise RetryableError("many passwords are being checked", remedy=LATER)
            self._waiting += 1
        try:
            if not self._signed_in.acquire(timeout=SIGNED_IN_SECONDS):
                raise RetryableError("many passwords are being checked", remedy=LATER)
            try:
                return work()
            finally:
                self._signed_in.release()
        finally:
            with self._lock:
                self._waiting -= 1
