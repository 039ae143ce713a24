"""What a dispatcher says of itself while it runs: counts and states, never letters or people."""

from __future__ import annotations

from typing import Protocol


class MailMetrics(Protocol):
    """Called from the dispatcher's loop; must not block and never raises."""

    def count_attempt(self, outcome: str) -> None:
        """One try has ended; a value of schemas.casework.notice.SendOutcome."""
        ...

    def set_hold(self, reason: str) -> None:
        """Why no mail may leave; empty: it may. Told at every beat."""
        ...


class NullMailMetrics:
    """Says nothing."""

    def count_attempt(self, outcome: str) -> None:
        """As MailMeter."""

    def set_hold(self, reason: str) -> None:
        """As MailMeter."""
