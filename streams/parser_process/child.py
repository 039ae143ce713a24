"""The child: `python -m streams.parser_process.child PIPE PROGRESS PARENT`.

Its main thread reads records, since only there can a tick of the timer end one. It ends when its
pipe is closed; the kernel ends it when its parent is gone.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from schemas.errors import Misconfigured
from schemas.event import RawRecord
from schemas.settings import SourceSettings
from streams.normalise.recognise import MOST_SOURCES, Recogniser
from streams.parser_loading import load_parsers
from streams.parser_process import messages
from streams.parser_process.cpu_budget import MEBIBYTE, CpuBudget, Overtime
from streams.parser_process.exit_codes import MEMORY_EXIT
from streams.parser_process.progress import Progress
from streams.parser_process.slow_lines import SlowLines
from streams.ports import Outcome
from streams.readers import KEPT, read_one
from streams.reading_ended import ReadingEnded, Reason

SET_PDEATHSIG = 1
"""Of prctl(2)."""
COLLECTOR = (50_000, 20, 100)
"""Reading makes many objects and no cycles (bench/pipeline.py)."""
FIRST_TO_GO = "900"
"""Where memory runs out, the kernel ends this process before its parent (proc(5), oom_score_adj)."""


class Child:
    """Answers requests until its pipe is closed."""

    def __init__(self, pipe: Connection, progress: Progress, hello: messages.Hello) -> None:
        self._pipe = pipe
        self._progress = progress
        parsers = load_parsers(hello.parsers)
        self.parsers = tuple(parsers)
        self._numbers = {name: number for number, name in enumerate(self.parsers)}
        self._recogniser = Recogniser(parsers, self._may_try)
        self._budget = CpuBudget(hello.seconds, hello.seconds_per_mebibyte)
        self._slow = SlowLines(hello.slow)
        self._sources: dict[str, tuple[messages.Source, SourceSettings]] = {}
        self._account = ""
        self._in_hand: RawRecord | None = None

    def serve(self) -> None:
        """Until the parent closes the pipe, or is gone."""
        gc.freeze()
        gc.set_threshold(*COLLECTOR)
        self._budget.start()
        self._pipe.send_bytes(messages.ready(self.parsers))
        with suppress(EOFError, BrokenPipeError, ConnectionResetError):
            while True:
                self._answer(self._pipe.recv_bytes())

    def _answer(self, message: bytes) -> None:
        """In one reply, or in several where a record was ended: what was read is not read again."""
        told, numbers, records = messages.read_request(message)
        sources = [self._source(each) for each in told]
        self._budget.expect(max(len(record.raw) for record in records))
        outcomes: list[Outcome] = []
        for number, record in enumerate(records):
            source, settings = sources[numbers[number]]
            self._account = source.account
            outcome = self._read(number, record, settings)
            outcomes.append(outcome)
            if type(outcome) is ReadingEnded:
                self._send(outcomes)
        self._send(outcomes)

    def _source(self, source: messages.Source) -> tuple[messages.Source, SourceSettings]:
        """With the same settings each time: what is remembered of a source hangs on them."""
        known = self._sources.get(source.name)
        if known is None or known[0] != source:
            if len(self._sources) >= MOST_SOURCES:
                self._sources.clear()
            known = self._sources[source.name] = source, source.settings()
        return known

    def _send(self, outcomes: list[Outcome]) -> None:
        if outcomes:
            self._pipe.send_bytes(messages.reply(outcomes))
            outcomes.clear()

    def _read(self, number: int, record: RawRecord, source: SourceSettings) -> Outcome:
        self._in_hand = record
        self._progress.begin(number)
        try:
            try:
                self._budget.begin(len(record.raw))
                return read_one(self._recogniser, record, source)
            finally:
                self._budget.end()
        except Overtime:
            self._budget.end()
            return self._ended(record)
        except MemoryError:
            # Whatever took it: a new process has it back. The record in hand says where it was.
            os._exit(MEMORY_EXIT)
        finally:
            self._progress.end()

    def _ended(self, record: RawRecord) -> ReadingEnded:
        parser, length = self._recogniser.trying, len(record.raw)
        self._slow.note((self._account, parser), length, record.arrived)
        seconds = self._budget.seconds(length)
        return ReadingEnded(
            f"reading it took longer than {seconds:.1f} seconds of processor time",
            Reason.SLOW,
            place=parser,
            remedy=KEPT,
        )

    def _may_try(self, parser: str) -> bool:
        record = self._in_hand
        self._progress.parser(self._numbers[parser])
        return record is None or not self._slow.sets_aside(
            (self._account, parser), len(record.raw), record.arrived
        )


def main(arguments: Sequence[str]) -> None:
    """Never returns with an error of ours on stderr: that could quote a record."""
    pipe, memory, parent = map(int, arguments)
    _live_no_longer_than(parent)
    connection = Connection(pipe)
    try:
        hello = messages.read_hello(connection.recv_bytes())
        _limit(hello.memory_mebibytes)
        with mmap.mmap(memory, Progress.SIZE) as shared, closing(Progress(shared)) as progress:
            Child(connection, progress, hello).serve()
    except Misconfigured as problem:
        connection.send_bytes(messages.refusal(problem))
    except MemoryError:
        os._exit(MEMORY_EXIT)


def _live_no_longer_than(parent: int) -> None:
    """Signals of the terminal and of an init system are the parent's business: it closes the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _limit(memory_mebibytes: int) -> None:
    """No more memory than that, and no core file: it would hold records."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    _, hard = resource.getrlimit(kind)
    wanted = memory_mebibytes * MEBIBYTE
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(kind, (soft, hard))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
