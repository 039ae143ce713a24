"""Host the worker over the journal in a loop: read, process, commit.

The journal is one partition, and the stored position is authoritative: after any failure positions
and groups are loaded again, so that a crash at any point repeats work and loses none."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Lock

from schemas.errors import EditConflict, RetryableError
from schemas.pipeline.event import RecordPosition
from streams.ports import EventLog
from streams.ports.metrics import WorkerMetrics
from streams.process.worker import ArrivedRecord, StreamWorker
from streams.worker_app.binding_replays import BindingReplayer

PARTITION = "journal"
"""The embedded deployment has one."""
SKEW = timedelta(minutes=5)
"""A drained journal counts as read up to so long ago: a record may be stamped some time before it
is durable."""

_MOST_CONFLICTS = 5
_IDLE_SECONDS = 0.2
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_DRAINED_SECONDS = 20.0
_SWEEP_SECONDS = 60.0
"""Of arrival, between two sweeps."""
_QUIET_SECONDS = 2.0
"""Without a record, until what only the signal log holds is written out: between two batches it
would be written too often."""


class EmbeddedWorker:
    """One per data folder. Its calls may come from several threads; one runs at a time."""

    def __init__(
        self,
        log: EventLog,
        worker: StreamWorker,
        now: Callable[[], datetime],
        meter: WorkerMetrics,
        replayer: BindingReplayer | None = None,
    ) -> None:
        self._replayer = replayer
        self._log = log
        self._worker = worker
        self._now = now
        self._meter = meter
        self._lock = Lock()
        self._is_current = False
        self._drained_at = self._swept_to = float("-inf")
        self._busy_at = time.monotonic()
        self.waits_for: str | None = None
        """Why `run` waits just now."""

    @property
    def trouble(self) -> str:
        """Why `run` waits just now, or what a person should look at; empty while all is well."""
        return self.waits_for or self._worker.trouble

    @property
    def warning(self) -> str:
        """What would stop `run` without a remedy, or the empty string."""
        return self._worker.bound.warning or ""

    def run(self, stop: Event) -> None:
        """Process what comes until `stop` is set. Waits, ever longer, while the store or the log
        refuses. Raises CorruptData and ConfigurationError: then a person must look first."""
        wait = _FIRST_WAIT_SECONDS
        while not stop.is_set():
            try:
                processed = self.process_batch()
            except (RetryableError, EditConflict) as error:
                self.waits_for = str(error)
                stop.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
                continue
            self.waits_for, wait = None, _FIRST_WAIT_SECONDS
            if not processed:
                stop.wait(_IDLE_SECONDS)

    def process_all(self, progress: Callable[[int], None] | None = None) -> int:
        """Process until nothing is left; how many that were. `progress` gets the sum so far.
        Raises what `step` raises."""
        total = 0
        while processed := self.process_batch():
            total += processed
            if progress:
                progress(total)
        return total

    def process_batch(self) -> int:
        """Process one batch; returns the number of its records, 0 when drained.

        After a EditConflict (another process committed) it loads and reads again, a few times.
        Raises RetryableError (the next call loads and repeats), CorruptData, ConfigurationError."""
        with self._lock:
            for _ in range(_MOST_CONFLICTS - 1):
                try:
                    return self._read_and_process()
                except EditConflict:
                    self._meter.record_conflict()
            return self._read_and_process()

    def _read_and_process(self) -> int:
        try:
            position = self._get_position()
            self._sweep()
            asked_at = self._now()
            records = self._log.read(position, self._worker.batch_records)
            if records:
                self._worker.process([ArrivedRecord(PARTITION, record) for record in records])
                self._busy_at = time.monotonic()
            else:
                self._write_out_when_quiet()
                self._note_drained(asked_at)
            return len(records) + self._replay(is_idle=not records)
        except BaseException:
            self._is_current = False
            if self._replayer:
                self._replayer.invalidate()
            raise

    def _replay(self, *, is_idle: bool) -> int:
        return self._replayer.replay_batch(is_idle=is_idle) if self._replayer else 0

    def _get_position(self) -> RecordPosition | None:
        """Return the store's position; loaded again after any failure."""
        worker = self._worker
        if not self._is_current:
            if worker.owned:
                worker.reload()
            else:
                worker.take_ownership([PARTITION])
            self._is_current = True
        return worker.owned[PARTITION].position

    def _write_out_when_quiet(self) -> None:
        worker = self._worker
        if worker.unwritten and time.monotonic() - self._busy_at >= _QUIET_SECONDS:
            worker.write_out()
            # What was written may be due already.
            self._swept_to = float("-inf")

    def _note_drained(self, moment: datetime) -> None:
        """Record that the journal is drained, so that an idle one does not hold the watermark
        back."""
        if time.monotonic() - self._drained_at >= _DRAINED_SECONDS:
            self._worker.record_drained(PARTITION, (moment - SKEW).timestamp())
            self._drained_at = time.monotonic()

    def _sweep(self) -> None:
        """Let go of some groups that are due, once the watermark has moved on; at once again while
        there may be more."""
        arrived = self._worker.owned[PARTITION].arrived
        if arrived is None:
            return
        # Once a clock that was ahead is right again, the stored arrival stays ahead for long.
        arrived = min(arrived, self._now().timestamp())
        if abs(arrived - self._swept_to) < _SWEEP_SECONDS:
            return
        if not self._worker.sweep([PARTITION], self._now()):
            self._swept_to = arrived
