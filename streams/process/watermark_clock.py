"""Detect a watermark that a wrong clock has raised, once the clock is right again."""

from __future__ import annotations

from datetime import datetime

AHEAD_SECONDS = 3_600.0
"""Proves a clock wrong. Kafka's may differ from ours by less."""


class WatermarkClock:
    """Compares the watermark with the clock of each batch."""

    def __init__(self) -> None:
        self._ahead = 0.0

    @property
    def trouble(self) -> str | None:
        """What a person should know while the watermark is ahead."""
        if not self._ahead:
            return None
        return (
            f"records were stamped up to {self._ahead / 3600:.0f} hours ahead of the clock, which is or"
            " was wrong: alerts may have been closed too early, and until that moment a replay may raise"
            " parts of them again. Set the clock of this machine (with Kafka, of the brokers) right"
        )

    def check_plausible(self, low: float | None, now: datetime) -> float | None:
        """Return the watermark, or None while it is ahead of the clock: new records would count as
        replays of what was let go until the clock has caught up."""
        ahead = 0.0 if low is None else low - now.timestamp()
        self._ahead = ahead if ahead > AHEAD_SECONDS else 0.0
        return None if self._ahead else low
