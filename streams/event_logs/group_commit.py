"""Group commits: callers from any thread, one writing thread, one fsync for all who wait.

While one commit runs the next group gathers by itself. Beyond that the writer waits only if the
last group had several callers, for as many again, and never longer than the last commit took or 20
ms; so a lone caller never waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition
from typing import TypeVar

from schemas.errors import RetryableError
from schemas.pipeline.event import RecordPosition
from streams.event_logs.frames import RecordColumns

LONGEST_WAIT_SECONDS = 0.020
_MOST_BYTES = 16 * 1024 * 1024

T = TypeVar("T")


class _AppendRequest:
    def __init__(self, columns: Sequence[RecordColumns]) -> None:
        self.columns = columns
        self.size = sum(each.size for each in columns)
        self.firsts: Future[Sequence[RecordPosition]] = Future()


class GroupCommit:
    """The writer's thread and its queue."""

    def __init__(
        self, write: Callable[[Sequence[RecordColumns]], Sequence[RecordPosition]]
    ) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal-writer")
        self._changed = Condition()
        self._waiting: list[_AppendRequest] = []
        self._expected = 1
        self._last_seconds = 0.0

    def append(self, columns: Sequence[RecordColumns]) -> Sequence[RecordPosition]:
        """Blocks until durable; the first position of each. Raises what the write raised."""
        request = _AppendRequest(columns)
        with self._changed:
            self._waiting.append(request)
            self._changed.notify()
        self._submit(self._flush)
        return request.firsts.result()

    def run(self, act: Callable[[], T]) -> T:
        """Run an act that only the writing thread may do."""
        return self._submit(act).result()

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    def _submit(self, act: Callable[[], T]) -> Future[T]:
        try:
            return self._thread.submit(act)
        except RuntimeError as error:
            raise RetryableError(
                "the event log is closed.", remedy="Open it again and repeat the call."
            ) from error

    def _flush(self) -> None:
        """Commit one group; nothing to do when an earlier flush took this caller along."""
        group = self._gather()
        if not group:
            return
        began = time.monotonic()
        try:
            firsts = self._write([each for request in group for each in request.columns])
        except BaseException as problem:
            for request in group:
                request.firsts.set_exception(problem)
            raise
        self._last_seconds = time.monotonic() - began
        self._expected = len(group)
        _answer(group, firsts)

    def _gather(self) -> list[_AppendRequest]:
        with self._changed:
            if self._waiting and self._expected > 1:
                patience = min(LONGEST_WAIT_SECONDS, self._last_seconds)
                self._changed.wait_for(lambda: len(self._waiting) >= self._expected, patience)
            return self._take()

    def _take(self) -> list[_AppendRequest]:
        """Take the oldest requests, at least one, up to a size that suits one transaction."""
        count = size = 0
        for request in self._waiting:
            size += request.size
            if count and size > _MOST_BYTES:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group


def _answer(group: Sequence[_AppendRequest], firsts: Sequence[RecordPosition]) -> None:
    at = 0
    for request in group:
        request.firsts.set_result(firsts[at : at + len(request.columns)])
        at += len(request.columns)
