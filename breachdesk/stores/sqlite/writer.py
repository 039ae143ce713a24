"""The one thread that writes: group commit, a savepoint for each act, and the only checkpoints."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from breachdesk.stores.sql.driver_errors import build_refusal, translate_error
from schemas.errors import NotAllowed, RetryableError

T = TypeVar("T")
Work = Callable[[Connection], Any]

GROUP_SECONDS = 0.020
"""A group takes whatever waits, for at most this long, so that an act never waits long for
strangers."""


@dataclass(slots=True)
class WriteRequest:
    """One submitted piece of work and where its end is awaited."""

    work: Work
    future: Future[Any] = field(default_factory=Future)
    result: Any = None
    failure: BaseException | None = None


class StoreWriter:
    """Runs acts one after another. Waiting acts share a transaction: one disk flush for all."""

    def __init__(
        self,
        engine: Engine,
        lock: Callable[[], AbstractContextManager[None]],
        after_commit: Callable[[Connection], None],
    ) -> None:
        self._engine = engine
        self._lock = lock
        self._after_commit = after_commit
        self._queue: queue.SimpleQueue[WriteRequest | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; returns once it is durable. Raises what `work` raises, with
        nothing of it kept; RetryableError when the database refuses."""
        if threading.current_thread() is self._thread:
            raise NotAllowed("an act cannot start inside another act", place="Store.act")
        if self._closed:
            raise RetryableError("the store is closed", remedy="Open it again.")
        act = WriteRequest(work)
        self._queue.put(act)
        result: T = act.future.result()
        return result

    def close(self) -> None:
        """Finish pending acts, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            with self._engine.connect() as connection:
                while (act := self._queue.get()) is not None:
                    if not self._commit_group(connection, act):
                        return
        finally:
            self._closed = True
            self._refuse_waiting()

    def _commit_group(self, connection: Connection, first: WriteRequest) -> bool:
        """Run and commit a group. False: the sentinel came, stop afterwards."""
        acts = [first]
        error: Exception | None = None
        try:
            with self._lock():
                with connection.begin():
                    go_on = self._fill(connection, acts)
                _resolve(acts)
                self._after_commit(connection)
        except (DatabaseError, OSError) as refusal:
            error = refusal
            connection.rollback()
            return True
        finally:
            _refuse(acts, error)
        return go_on

    def _fill(self, connection: Connection, acts: list[WriteRequest]) -> bool:
        """Attempt the first act and all that wait behind it."""
        until = time.monotonic() + GROUP_SECONDS
        _run_request(connection, acts[0])
        while time.monotonic() < until:
            try:
                act = self._queue.get_nowait()
            except queue.Empty:
                return True
            if act is None:
                return False
            acts.append(act)
            _run_request(connection, act)
        return True

    def _refuse_waiting(self) -> None:
        while True:
            try:
                act = self._queue.get_nowait()
            except queue.Empty:
                return
            if act is not None:
                _refuse([act], None)


def _run_request(connection: Connection, act: WriteRequest) -> None:
    """Run one act under its own savepoint, so that its failure affects no other act."""
    savepoint = connection.begin_nested()
    try:
        act.result = act.work(connection)
        savepoint.commit()
    except BaseException as failure:  # noqa: BLE001 - whatever it is belongs to who submitted it
        savepoint.rollback()
        act.failure = failure


def _resolve(acts: list[WriteRequest]) -> None:
    for act in acts:
        if act.failure is None:
            act.future.set_result(act.result)
        else:
            act.future.set_exception(translate_error(act.failure))


def _refuse(acts: list[WriteRequest], error: Exception | None) -> None:
    for act in acts:
        if not act.future.done():
            act.future.set_exception(build_refusal(error))
