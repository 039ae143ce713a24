"""End the present record once it has used its processor time.

A timer of the kernel (ITIMER_PROF) ticks while this process computes. The handler runs in the main
thread, between two bytecodes or inside a match, since `re` checks for signals; there it raises
CpuTimeExceeded. Processor time and not wall time, so that a loaded or suspended machine never ends a
harmless record.

Where Python never reaches the handler (C code that does not check), the kernel ends the process by
RLIMIT_CPU. Where a parser catches CpuTimeExceeded and continues, the handler ends the process."""

from __future__ import annotations

import math
import os
import resource
import signal
from time import process_time
from types import FrameType

from streams.parser_process.exit_codes import OVERTIME_EXIT

TICK_SECONDS = 0.05
AGAIN_SECONDS = 0.25
"""Of processor time after CpuTimeExceeded was raised: whoever still has the record by then caught it."""
MEBIBYTE = 1024 * 1024


class CpuTimeExceeded(BaseException):
    """The record in hand has used its processor time. No Exception, so that few parsers catch
    it."""


class CpuBudget:
    """One for a process; its main thread says what it has in hand."""

    def __init__(self, seconds: float, seconds_per_mebibyte: float) -> None:
        self._seconds = seconds
        self._per_byte = seconds_per_mebibyte / MEBIBYTE
        self._patience = self._compute_hard_limit(seconds)
        self._record = 0
        self._limit = math.inf
        self._seen = 0
        self._begun = 0.0
        self._raise_after = 0.0

    def compute_seconds(self, length: int) -> float:
        """Compute the budget of a record of that many bytes."""
        return self._seconds + self._per_byte * length

    def start(self) -> None:
        """Start ending records."""
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        signal.signal(signal.SIGPROF, self._handle_tick)
        # The thread that started this process may have blocked them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF, signal.SIGXCPU})
        signal.setitimer(signal.ITIMER_PROF, TICK_SECONDS, TICK_SECONDS)
        self._renew()

    def expect(self, longest: int) -> None:
        """Expect records of at most that many bytes."""
        self._patience = self._compute_hard_limit(self.compute_seconds(longest))
        self._renew()

    def start_record(self, length: int) -> None:
        """Start the budget of a record of that many bytes."""
        # In this order: a tick in between sees the new record without a limit, never the old one's
        # time with the new one's limit.
        self._record += 1
        self._limit = self._seconds + self._per_byte * length

    def finish_record(self) -> None:
        """Finish the record's budget."""
        self._limit = math.inf

    def _renew(self) -> None:
        """Renew the kernel's limit, which ends this process if it computes for long without another
        call."""
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        limit = math.ceil(process_time() + self._patience) + 1
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))

    def _handle_tick(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle a tick. A record's time counts from the first tick that sees it: slightly in its
        favour, and never at another's expense."""
        now = process_time()
        self._renew()
        if self._seen != self._record:
            self._seen, self._begun, self._raise_after = self._record, now, 0.0
        used, limit = now - self._begun, self._limit
        if used <= limit:
            return
        if used > self._compute_hard_limit(limit):
            os._exit(OVERTIME_EXIT)
        if now > self._raise_after:
            self._raise_after = now + AGAIN_SECONDS
            raise CpuTimeExceeded

    @staticmethod
    def _compute_hard_limit(limit: float) -> float:
        return 2 * limit + 1
