"""The embedded loop: event log → pipeline → one transaction a batch, again and again.

The stored position is the truth: after any failure the state is loaded anew from the store, so
that a crash at any point repeats work and loses none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from threading import Event, Lock
from typing import Protocol, TypeVar

from schemas.errors import Conflict, Corrupt, Misconfigured, NotFound, Retryable
from schemas.event import Position, RawRecord
from schemas.source import DeadLetter
from streams.dead_letters import Replayed, replay, unmoved
from streams.ports import EventLog, LegacyBatch, LegacySink, Register, RegisterView, Resume
from streams.undigested import add_letters, piece_letter, poison_letter

PARTITION = "journal"
"""The embedded deployment has one."""

_MOST_CONFLICTS = 5
_IDLE_SECONDS = 0.2
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0


class Stages(Protocol):
    """What the worker drives (streams.pipeline.Pipeline is one)."""

    def load(self, resume: Resume) -> None:
        """Forget everything and start from this."""
        ...

    def process(
        self, records: Sequence[RawRecord], view: RegisterView, before: Position | None
    ) -> LegacyBatch:
        """At least one record. After an exception the state is unusable until `load`."""
        ...


_T = TypeVar("_T")
_Shape = Callable[[LegacyBatch, Sequence[RawRecord]], LegacyBatch]


class Worker:
    """One per data folder. Its calls may come from several threads; one runs at a time."""

    def __init__(
        self,
        log: EventLog,
        sink: LegacySink,
        pipeline: Stages,
        register: Register,
        now: Callable[[], datetime],
        *,
        batch_size: int = 1000,
    ) -> None:
        self._log = log
        self._sink = sink
        self._pipeline = pipeline
        self._register = register
        self._now = now
        self._batch_size = batch_size
        self._lock = Lock()
        self._loaded = False
        self._position: Position | None = None
        self.trouble = ""
        """Why `run` is waiting just now; empty while all is well."""

    def run(self, stop: Event) -> None:
        """Process what comes until `stop` is set. Waits, ever longer, while the store or the log
        refuses. Raises Corrupt and Misconfigured: then a person must look first."""
        wait = _FIRST_WAIT_SECONDS
        while not stop.is_set():
            try:
                done = self.step()
            except (Retryable, Conflict) as error:
                self.trouble = str(error)
                stop.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
                continue
            self.trouble, wait = "", _FIRST_WAIT_SECONDS
            if not done:
                stop.wait(_IDLE_SECONDS)

    def drain(self, progress: Callable[[int], None] | None = None) -> int:
        """Process until nothing is left; how many that were. `progress` gets the sum so far.
        Raises what `step` raises."""
        total = 0
        while done := self.step():
            total += done
            if progress:
                progress(total)
        return total

    def step(self) -> int:
        """One batch; the number of its records, 0: drained.

        A Conflict (somebody else committed) is met by loading and reading again, a few times.
        Raises Retryable (the next call loads and repeats), Corrupt, Misconfigured.
        """
        with self._lock:
            for _ in range(_MOST_CONFLICTS - 1):
                with suppress(Conflict):
                    return self._guarded(self._step)
            return self._guarded(self._step)

    def replay(self, letters: Sequence[DeadLetter]) -> Replayed:
        """Feed dead letters again in their original positions; committed on return. The caller
        marks the replayed ones. Raises as `step` (a Conflict at once), and NotFound before any
        record was processed."""
        with self._lock:
            feed = partial(self._replay, letters)
            return self._guarded(lambda: replay(letters, self._log, feed))

    def _guarded(self, act: Callable[[], _T]) -> _T:
        """After any failure the state counts as lost."""
        try:
            return act()
        except BaseException:
            self._loaded = False
            raise

    def _step(self) -> int:
        if not self._loaded:
            self._load()
        records = self._log.read(self._position, self._batch_size)
        if records:
            self._settle(records, self._register.view(), _as_it_is)
        return len(records)

    def _replay(
        self, letters: Sequence[DeadLetter], records: Sequence[RawRecord]
    ) -> Sequence[DeadLetter]:
        self._load()
        if self._position is None:
            raise NotFound(
                "nothing has been processed yet, so there is nothing to replay.",
                remedy="Let the pipeline run first.",
            )
        by_position = {letter.position: letter for letter in letters}
        again: list[DeadLetter] = []

        def shape(batch: LegacyBatch, part: Sequence[RawRecord]) -> LegacyBatch:
            assert self._position is not None
            return unmoved(batch, part, by_position, self._position)

        for start in range(0, len(records), self._batch_size):
            part = records[start : start + self._batch_size]
            again += self._settle(part, self._register.view(), shape)
        return again

    def _settle(
        self, records: Sequence[RawRecord], view: RegisterView, shape: _Shape
    ) -> Sequence[DeadLetter]:
        """Process and commit; what cannot be processed at all is found by halving the batch and
        becomes a dead letter. Returns the dead letters committed."""
        before = self._position
        done = self._tried(records, view, shape)
        if not isinstance(done, Exception):
            return done
        self._load()
        if self._position != before:
            raise Conflict("the stored position moved while a batch was being repeated.")
        if len(records) == 1:
            letter = poison_letter(records[0], done)
            empty = LegacyBatch(before, records[0].position)
            return self._commit(shape(add_letters(empty, [letter]), records))
        middle = len(records) // 2
        first = self._settle(records[:middle], view, shape)
        return [*first, *self._settle(records[middle:], view, shape)]

    def _tried(
        self, records: Sequence[RawRecord], view: RegisterView, shape: _Shape
    ) -> Sequence[DeadLetter] | Exception:
        """The dead letters of the committed batch, or why it could not be made or stored."""
        try:
            batch = shape(self._batch(records, view), records)
        except (Conflict, Retryable, Corrupt, Misconfigured):
            raise
        except Exception as problem:  # noqa: BLE001 - one record must not stop the stream
            return problem
        try:
            return self._commit(batch)
        except (ValueError, TypeError, ArithmeticError) as problem:
            return problem  # a value that the database cannot hold; nothing was written

    def _batch(self, records: Sequence[RawRecord], view: RegisterView) -> LegacyBatch:
        whole = [record for record in records if not record.piece]
        after = records[-1].position
        batch = LegacyBatch(self._position, after)
        if whole:
            batch = self._pipeline.process(whole, view, self._position)
        pieces = [piece_letter(record) for record in records if record.piece]
        return add_letters(batch, pieces, after=after)

    def _commit(self, batch: LegacyBatch) -> Sequence[DeadLetter]:
        self._sink.commit(PARTITION, batch, self._now())
        self._position = batch.after
        return batch.dead_letters

    def _load(self) -> None:
        resume = self._sink.resume(PARTITION)
        self._pipeline.load(resume)
        self._position = resume.position
        self._loaded = True


def _as_it_is(batch: LegacyBatch, _records: Sequence[RawRecord]) -> LegacyBatch:
    return batch
