"""Retry appends until they succeed, for listeners that cannot ask their sender to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

from schemas.errors import RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import IncomingRecord
from streams.ports import EventLog

_LONGEST_WAIT_SECONDS = 10.0


def append_with_retry(
    log: EventLog, incoming: Sequence[IncomingRecord], stop: Event
) -> Sequence[RecordPosition] | None:
    """Append, waiting ever longer (0.1 to 10 s) while the log refuses.

    After `stop` is set one more try is made; None: the records could not be stored.
    """
    wait = 0.1
    while True:
        last_try = stop.is_set()
        try:
            return log.append(incoming)
        except RetryableError:
            if last_try:
                return None
            stop.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
