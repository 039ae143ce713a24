"""Read the journal again where events were nobody's, after somebody said whose an asset is.

A replay ends with what was processed when it began: everything later was resolved by the newer
register. It reads a batch at a time beside the live records, and each part may be read twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from schemas.binding_proposal import BindingReplay, ReplayState
from schemas.pipeline.event import RawRecord, RecordPosition
from streams.ports import ReplayQueue
from streams.process.worker import StreamWorker

DAY = timedelta(days=1)
"""A record may lie in the file of the day before its arrival."""
ASK_SECONDS = 1.0
"""Between two looks for a replay, while records come."""


class ReplayedLog(Protocol):
    """What a replay asks of the log."""

    def read(self, after: RecordPosition | None, limit: int) -> Sequence[RawRecord]:
        """Read the records after that position."""
        ...

    def find_before(self, arrived: datetime) -> RecordPosition | None:
        """Find a position before everything that arrived on that day or later."""
        ...


class BindingReplayer:
    """One per worker; it is called from the worker's thread."""

    def __init__(
        self,
        log: ReplayedLog,
        worker: StreamWorker,
        queue: ReplayQueue,
        now: Callable[[], datetime],
        partition: str,
    ) -> None:
        self._log = log
        self._worker = worker
        self._queue = queue
        self._now = now
        self._partition = partition
        self._current: BindingReplay | None = None
        self._asked_at = float("-inf")

    def invalidate(self) -> None:
        """Forget what is running: the store says it again, after any failure."""
        self._current = None
        self._asked_at = float("-inf")

    def replay_batch(self, *, is_idle: bool) -> int:
        """Read the next records again; how many that were. 0: no replay waits."""
        replay = self._current or self._find_next(is_idle=is_idle)
        if replay is None:
            return 0
        records = self._read(replay)
        if not records:
            self._queue.finish(replay.id, self._now())
            self._current = None
            return 1
        events = self._worker.replay(self._partition, records, replay.assets, replay.known_at)
        self._queue.advance(replay.id, records[-1].position, events)
        self._current = replay.model_copy(update={"position": records[-1].position})
        return len(records)

    def _find_next(self, *, is_idle: bool) -> BindingReplay | None:
        """Find the oldest replay and prepare it: what was processed before is in bucket rows."""
        if not is_idle and time.monotonic() - self._asked_at < ASK_SECONDS:
            return None
        self._asked_at = time.monotonic()
        waiting = self._queue.list_unfinished([self._partition])
        if not waiting:
            return None
        while self._worker.write_out():
            pass
        replay = waiting[0]
        if replay.state is ReplayState.WAITING:
            end = self._worker.owned[self._partition].position
            self._queue.begin(replay.id, end)
            replay = replay.model_copy(update={"end": end, "state": ReplayState.RUNNING})
        self._current = replay
        return replay

    def _read(self, replay: BindingReplay) -> Sequence[RawRecord]:
        """Read the next records up to the end, none when the replay is done."""
        if replay.end is None or replay.position == replay.end:
            return ()
        begin = replay.position or self._log.find_before(replay.since - DAY)
        records = self._log.read(begin, self._worker.batch_records)
        return [record for record in records if _is_within(record.position, replay.end)]


def _is_within(position: RecordPosition, end: RecordPosition) -> bool:
    return tuple(position) <= tuple(end)
