"""Report a dispatcher's counts and states as metrics, never letters or people."""

from __future__ import annotations

from typing import Protocol


class MailMetrics(Protocol):
    """Called from the dispatcher's loop; must not block and never raises."""

    def count_attempt(self, outcome: str) -> None:
        """Count a finished attempt; `outcome` is a value of schemas.casework.notice.SendOutcome."""
        ...

    def set_hold(self, reason: str) -> None:
        """Set the reason why mail is held, empty if it is not. Called at every beat."""
        ...


class NullMailMetrics:
    """Says nothing."""

    def count_attempt(self, outcome: str) -> None: ...

    def set_hold(self, reason: str) -> None: ...
