"""How often a sign-in may fail before the next try has to wait."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from threading import Lock

WINDOW = timedelta(minutes=15)
LIMITS = {"user": 5, "address": 30}
MOST_KEYS = 10_000


class Attempts:
    """Failures of the last quarter of an hour, by user and by address, in memory."""

    def __init__(self) -> None:
        self._failed: dict[tuple[str, str], deque[datetime]] = {}
        self._lock = Lock()

    def wait_until(self, user: str, address: str, now: datetime) -> datetime | None:
        """When the next try is allowed; None: now."""
        with self._lock:
            times = [self._full_until(key, now) for key in _keys(user, address)]
        return max((t for t in times if t), default=None)

    def failed(self, user: str, address: str, now: datetime) -> None:
        """Count a failure against both."""
        with self._lock:
            if len(self._failed) > MOST_KEYS:
                self._failed.clear()
            for key in _keys(user, address):
                self._failed.setdefault(key, deque(maxlen=LIMITS[key[0]])).append(now)

    def succeeded(self, user: str) -> None:
        """The right password clears the user's count, never the address's."""
        with self._lock:
            self._failed.pop(("user", user.casefold()), None)

    def _full_until(self, key: tuple[str, str], now: datetime) -> datetime | None:
        times = self._failed.get(key, ())
        recent = [t for t in times if t > now - WINDOW]
        return recent[0] + WINDOW if len(recent) >= LIMITS[key[0]] else None


def _keys(user: str, address: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("user", user.casefold()), ("address", address)
