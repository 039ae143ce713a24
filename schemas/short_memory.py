"""Cache results of functions over people's words for minutes, so that no process keeps a letter
that may have been erased since."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")
A = TypeVar("A", bound=Hashable)
LONGEST_SECONDS = 600.0


def remember_for_minutes(
    maxsize: int, clock: Callable[[], float] = time.monotonic
) -> Callable[[Callable[[A], T]], Callable[[A], T]]:
    """Cache like `lru_cache`, for a function of one argument with a result that callers never
    change; all results are dropped at the first call after ten minutes."""

    def wrap(function: Callable[[A], T]) -> Callable[[A], T]:
        known = lru_cache(maxsize)(function)
        since = clock()

        @wraps(function)
        def call_remembered(argument: A) -> T:
            nonlocal since
            now = clock()
            if now - since > LONGEST_SECONDS:
                known.cache_clear()
                since = now
            return known(argument)

        return call_remembered

    return wrap
