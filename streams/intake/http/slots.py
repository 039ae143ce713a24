"""Share the HTTP intake, so that no token can delay another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

READ_AT_ONCE = 8
"""Bodies of one token that are received at the same time."""
WORK_AT_ONCE = 2
"""Of these, bodies that are split and stored at the same time."""
PATIENCE_SECONDS = 20.0
"""So long a request waits for its share."""
_MOST_THREADS = 64


class NoFreeSlot(Exception):
    """All slots of the token were taken for too long."""


@dataclass(slots=True)
class _TokenShare:
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READ_AT_ONCE))
    working: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WORK_AT_ONCE))


class RequestSlots:
    """One share for each token of the settings, so the sum is bounded too."""

    def __init__(self, tokens: int, patience: float = PATIENCE_SECONDS) -> None:
        self._shares: dict[str, _TokenShare] = {}
        self._patience = patience
        self.threads = ThreadPoolExecutor(
            min(_MOST_THREADS, WORK_AT_ONCE * max(tokens, 1)), thread_name_prefix="intake-http"
        )

    @asynccontextmanager
    async def reserve_reading(self, token: str) -> AsyncIterator[None]:
        """Reserve a slot while a body is received and until it is answered. Raises NoSlot."""
        share = self._shares.setdefault(token, _TokenShare())
        try:
            async with asyncio.timeout(self._patience):
                await share.reading.acquire()
        except TimeoutError as error:
            raise NoFreeSlot from error
        try:
            yield
        finally:
            share.reading.release()

    @asynccontextmanager
    async def reserve_working(self, token: str) -> AsyncIterator[None]:
        """Reserve a slot while a body is split and stored."""
        async with self._shares.setdefault(token, _TokenShare()).working:
            yield
