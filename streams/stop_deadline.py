"""End a process that cannot stop in order because a server it waits for is gone."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

STOP_SECONDS = 25.0
"""Below the 30 seconds after which a supervisor kills (Kubernetes' default grace period)."""


class StopDeadline:
    """Calls `overdue` in a thread of its own once STOP_SECONDS have passed since the first `begin`.

    Whatever `overdue` interrupts is as a `kill -9` leaves it: what is durable stays, and the rest
    is repeated after the next start.
    """

    def __init__(self, overdue: Callable[[], None], seconds: float = STOP_SECONDS) -> None:
        self._timer = threading.Timer(seconds, overdue)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._begun = False

    def start(self) -> None:
        """Start the clock; a second call changes nothing."""
        with self._lock:
            if not self._begun:
                self._begun = True
                self._timer.start()

    def cancel(self) -> None:
        """Stop the clock: the process ended in order."""
        self._timer.cancel()


def start_on_signal(number: signal.Signals, deadline: StopDeadline) -> None:
    """Begin the deadline on that signal, also while the event loop is blocked in a call.

    Call it after `loop.add_signal_handler`: asyncio's handler still runs, since the signal's file
    descriptor wakes the loop whatever Python's handler is.
    """

    def start_deadline(_number: int, _frame: FrameType | None) -> None:
        deadline.start()

    signal.signal(number, start_deadline)
    signal.siginterrupt(number, False)  # as asyncio sets it
