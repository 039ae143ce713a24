"""Bound the size of groups in the store: warn before the bound, and stop accepting records at it.

Nothing is dropped at the bound, because alerts must stay a function of the records: those wait in
the journal or in Kafka until there is space."""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas.errors import RetryableError

ASK_SECONDS = 60.0
WARN_AT = 0.8
MIB = 1024 * 1024
PLACE = "detection.disk_mib"
REMEDY = (
    "Raise it if the disk has room, or lower horizon_hours of the noisiest sources; then restart."
)


class StateBound:
    """Asks for the size at most once a minute."""

    def __init__(
        self,
        stored_bytes: Callable[[], int],
        most_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the bound; `clock` gives monotonic seconds."""
        self._stored_bytes = stored_bytes
        self._clock = clock
        self._asked_at = float("-inf")
        self.most = most_bytes
        self.used = 0
        """Bytes, as asked last."""

    @property
    def warning(self) -> str | None:
        """What a person should know, from four fifths of the bound on; records are processed."""
        if not WARN_AT * self.most <= self.used < self.most:
            return None
        return (
            f"what detection remembers takes {self.used // MIB} of {self.most // MIB} MiB in the"
            f" store; at the limit no record is processed ({PLACE}). {REMEDY}"
        )

    @property
    def trouble(self) -> str | None:
        """Why no record is processed, at the bound."""
        return None if self.used < self.most else f"{self._full} ({PLACE}). {REMEDY}"

    @property
    def _full(self) -> str:
        return (
            f"what detection remembers takes {self.used // MIB} MiB in the store, its limit is"
            f" {self.most // MIB} MiB: no record is processed, and none is lost"
        )

    def refresh(self) -> None:
        """Measure again if the last measurement is old."""
        if self._clock() - self._asked_at >= ASK_SECONDS:
            self.used = self._stored_bytes()
            self._asked_at = self._clock()

    def check(self) -> None:
        """Check the bound. Raises RetryableError when it is reached."""
        self.refresh()
        if self.used >= self.most:
            raise RetryableError(self._full, place=PLACE, remedy=REMEDY)
