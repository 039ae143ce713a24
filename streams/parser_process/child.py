"""Run the child: `python -m streams.parser_process.child PIPE PROGRESS PARENT`.

Its main thread reads records, since only there can a tick of the timer end one. It ends when its
pipe is closed; the kernel ends it when its parent is gone."""

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

from schemas.errors import ConfigurationError
from schemas.pipeline.event import RawRecord
from schemas.settings import SourceSettings
from streams.normalise.hint_scan import HintNumbers
from streams.normalise.recognise import MOST_SOURCES, FormatRecogniser
from streams.normalise.record_readers import REPLAY_REMEDY, read_one
from streams.parser_loading import load_parsers
from streams.parser_process import messages
from streams.parser_process.cpu_budget import MEBIBYTE, CpuBudget, CpuTimeExceeded
from streams.parser_process.exit_codes import MEMORY_EXIT
from streams.parser_process.progress import ReadingProgress
from streams.parser_process.slow_lines import SlowLines
from streams.ports import Outcome
from streams.reading_ended import EndReason, ReadingEnded

SET_PDEATHSIG = 1
"""Of prctl(2)."""
COLLECTOR = (50_000, 20, 100)
"""Reading makes many objects and no cycles (bench/pipeline.py)."""
FIRST_TO_GO = "900"
"""Where memory runs out, the kernel ends this process before its parent (proc(5),
oom_score_adj)."""


class ChildServer:
    """Answers requests until its pipe is closed."""

    def __init__(
        self, pipe: Connection, progress: ReadingProgress, hello: messages.HelloMessage
    ) -> None:
        self._pipe = pipe
        self._progress = progress
        parsers = load_parsers(hello.parsers)
        self.parsers = tuple(parsers)
        self._numbers = {name: number for number, name in enumerate(self.parsers)}
        self._recogniser = FormatRecogniser(parsers, self._may_try)
        self._budget = CpuBudget(hello.seconds, hello.seconds_per_mebibyte)
        self._slow = SlowLines(hello.slow)
        self._sources: dict[str, tuple[messages.SourceMessage, SourceSettings]] = {}
        self._account = ""
        self._in_hand: RawRecord | None = None

    def serve(self) -> None:
        """Serve requests until the parent closes the pipe, or is gone."""
        gc.freeze()
        gc.set_threshold(*COLLECTOR)
        self._budget.start()
        self._pipe.send_bytes(messages.dump_ready(self.parsers))
        with suppress(EOFError, BrokenPipeError, ConnectionResetError):
            while True:
                self._answer(self._pipe.recv_bytes())

    def _answer(self, message: bytes) -> None:
        """Answer in one reply, or in several if a record was ended: outcomes that were sent are
        never computed again. Similar records are read one after another; a record that was ended is
        sent as soon as those before it have been read."""
        source_messages, numbers, records = messages.read_request(message)
        known = [self._get_source(each) for each in source_messages]
        sources = [known[number] for number in numbers]
        self._budget.expect(max(len(record.raw) for record in records))
        answer = _Answer(len(records))
        outcomes = answer.outcomes
        for number, hints in self._recogniser.group_lines(records, [each[1] for each in sources]):
            if outcomes[number] is not None:
                continue
            outcomes[number] = self._read(number, records[number], sources[number], hints)
            if type(outcomes[number]) is ReadingEnded:
                for earlier in answer.list_missing(number):
                    outcomes[earlier] = self._read(earlier, records[earlier], sources[earlier])
                    if type(outcomes[earlier]) is ReadingEnded:
                        self._send(answer.take_ready())
                self._send(answer.take_ready())
        self._send(answer.take_ready())

    def _get_source(
        self, source: messages.SourceMessage
    ) -> tuple[messages.SourceMessage, SourceSettings]:
        """Return the same settings object each time, because what is remembered of a source depends
        on it."""
        known = self._sources.get(source.name)
        if known is None or known[0] != source:
            if len(self._sources) >= MOST_SOURCES:
                self._sources.clear()
            known = self._sources[source.name] = source, source.to_settings()
        return known

    def _send(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._pipe.send_bytes(messages.dump_reply(outcomes))

    def _read(
        self,
        number: int,
        record: RawRecord,
        source: tuple[messages.SourceMessage, SourceSettings],
        hints: HintNumbers | None = None,
    ) -> Outcome:
        self._in_hand = record
        self._account = source[0].account
        self._progress.start_record(number)
        try:
            try:
                self._budget.start_record(len(record.raw))
                return read_one(self._recogniser, record, source[1], hints)
            finally:
                self._budget.finish_record()
        except CpuTimeExceeded:
            self._budget.finish_record()
            return self._build_ended(record)
        except MemoryError:
            # Whatever took it: a new process has it back. The record in hand says where it was.
            os._exit(MEMORY_EXIT)
        finally:
            self._progress.finish_record()

    def _build_ended(self, record: RawRecord) -> ReadingEnded:
        parser, length = self._recogniser.trying, len(record.raw)
        self._slow.note((self._account, parser), length, record.arrived)
        seconds = self._budget.compute_seconds(length)
        return ReadingEnded(
            f"reading it took longer than {seconds:.1f} seconds of processor time",
            EndReason.SLOW,
            place=parser,
            remedy=REPLAY_REMEDY,
        )

    def _may_try(self, parser: str) -> bool:
        self._progress.set_parser(self._numbers[parser])
        record = self._in_hand
        if record is None or not self._slow.are_known:
            return True
        return not self._slow.should_set_aside(
            (self._account, parser), len(record.raw), record.arrived
        )


class _Answer:
    """Outcomes in the order of the records, whatever the order in which they come."""

    def __init__(self, count: int) -> None:
        self.outcomes: list[Outcome | None] = [None] * count
        self._sent = 0

    def list_missing(self, before: int) -> Sequence[int]:
        """List the records before that one which have no outcome yet."""
        return [number for number in range(self._sent, before) if self.outcomes[number] is None]

    def take_ready(self) -> Sequence[Outcome]:
        """Take the outcomes that follow those taken before, without a gap."""
        ready: list[Outcome] = []
        for outcome in self.outcomes[self._sent :]:
            if outcome is None:
                break
            ready.append(outcome)
        self._sent += len(ready)
        return ready


def main(arguments: Sequence[str]) -> None:
    """Run the child; never write an error to stderr, which could quote a record."""
    pipe, memory, parent = map(int, arguments)
    _exit_with_parent(parent)
    connection = Connection(pipe)
    try:
        hello = messages.read_hello(connection.recv_bytes())
        _limit(hello.memory_mebibytes)
        with (
            mmap.mmap(memory, ReadingProgress.SIZE) as shared,
            closing(ReadingProgress(shared)) as progress,
        ):
            ChildServer(connection, progress, hello).serve()
    except ConfigurationError as problem:
        connection.send_bytes(messages.dump_refusal(problem))
    except MemoryError:
        os._exit(MEMORY_EXIT)


def _exit_with_parent(parent: int) -> None:
    """Exit with the parent and ignore signals of the terminal and the init system: the parent
    handles them and closes the pipe."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _limit(memory_mebibytes: int) -> None:
    """Limit the memory, and write no core file, which would hold records."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    _, hard = resource.getrlimit(kind)
    limit = memory_mebibytes * MEBIBYTE
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(kind, (soft, hard))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1:])
