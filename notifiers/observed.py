"""What a dispatcher says of itself while it runs: counts and states, never letters or people."""

from __future__ import annotations

from typing import Protocol


class MailMeter(Protocol):
    """Called from the dispatcher's loop; must not block and never raises."""

    def tried(self, outcome: str) -> None:
        """One try has ended; a value of schemas.notice.SendOutcome."""
        ...

    def held(self, why: str) -> None:
        """Why no mail may leave; empty: it may. Told at every beat."""
        ...


class SilentMailMeter:
    """Says nothing."""

    def tried(self, outcome: str) -> None:
        """As MailMeter."""

    def held(self, why: str) -> None:
        """As MailMeter."""
