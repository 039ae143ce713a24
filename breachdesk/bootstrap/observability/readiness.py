"""Check what /healthz and /readyz report: {part: why it failed}; empty: all is well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from breachdesk.ports import Store
from schemas.errors import BreachDeskError

PULSE_SECONDS = 2.0
STILL_SECONDS = 60.0
"""A loop that did not turn for so long hangs: nothing that it awaits blocks it."""


def check_database(store: Store) -> Mapping[str, str]:
    """Check that the store answers a read."""
    try:
        store.read(lambda uow: uow.marks.get("ready"))
    except BreachDeskError as problem:
        return {"database": str(problem)}
    return {}


def build_failure(part: str, why: str) -> Mapping[str, str]:
    """Build the part's failure from its reason, if there is one."""
    return {part: why} if why else {}


class LoopPulse:
    """Does an event loop still turn? Runs in it as a task."""

    def __init__(self, part: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._part = part
        self._monotonic = monotonic
        self._beat_at = monotonic()

    async def run_pulse(self) -> None:
        """Run until cancelled."""
        while True:
            self._beat_at = self._monotonic()
            await asyncio.sleep(PULSE_SECONDS)

    def check_live(self) -> Mapping[str, str]:
        """Return the part when its loop hangs."""
        still = self._monotonic() - self._beat_at
        return build_failure(
            self._part, f"its loop hangs for {still:.0f} s" if still > STILL_SECONDS else ""
        )
