"""Report a trouble when it begins and when it ends, not at every try."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock


class TroubleReports:
    """Troubles by what they concern. Calls may come from any thread."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = Lock()
        self._current: dict[str, str] = {}

    def begin(self, subject: str, text: str) -> None:
        """Report the trouble unless it is the present one of this subject."""
        with self._lock:
            is_new = self._current.get(subject) != text
            self._current[subject] = text
        if is_new:
            self._say(text)

    def end(self, subject: str) -> None:
        """Report that the subject is read again, if it had a trouble."""
        with self._lock:
            had_trouble = self._current.pop(subject, None) is not None
        if had_trouble:
            self._say(f"{subject}: read again")

    def list_current(self) -> list[str]:
        """List the present troubles by subject."""
        with self._lock:
            return [text for _, text in sorted(self._current.items())]
