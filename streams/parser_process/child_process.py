"""Start, ask, await and end the child from its parent."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from pathlib import Path

from schemas.errors import RetryableError
from streams.parser_process import messages
from streams.parser_process.exit_codes import MEMORY_EXIT, OVERTIME_EXIT
from streams.parser_process.progress import ReadingProgress
from streams.ports import Outcome
from streams.reading_ended import EndReason

LOOK_SECONDS = 0.25
ASLEEP_LOOKS = 20
"""Consecutive looks at a child that sleeps during a record and computes nothing before it is taken
to be stuck. One that waits for a processor, or for a disk, is not asleep."""
LAST_SECONDS = 5.0
INHERITED = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONTZPATH",
    "PYTHONDONTWRITEBYTECODE",
    "LANG",
    "LC_ALL",
    "TZ",
)
"""Variables of the environment that the child gets; others may hold settings with secrets."""


@dataclass
class ChildDied(Exception):
    """The child is gone. `certain`: for the time or the sleep of the record in hand, and not by
    some accident."""

    record: int | None
    """Number in the request of the record in hand; None: there was none."""
    parser: str
    reason: EndReason
    how: str
    certain: bool


class ChildProcess:
    """One child. Not thread-safe but for `kill`."""

    def __init__(self, hello: messages.HelloMessage) -> None:
        """Starts it. Raises ConfigurationError when it refuses the settings, RetryableError when it
        ends."""
        shared = _open_anonymous_file()
        try:
            self._shared = mmap.mmap(shared, ReadingProgress.SIZE)
            self._progress = ReadingProgress(self._shared)
            self._pipe, theirs = Pipe()
            self._process = _start(theirs.fileno(), shared)
            theirs.close()
        finally:
            os.close(shared)
        self._parsers: tuple[str, ...] = ()
        self._asleep = False
        self._exchange_hello(messages.dump_hello(hello))

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    def send(self, request: bytes) -> None:
        """Send the request. Raises ChildDied."""
        try:
            self._pipe.send_bytes(request)
        except OSError:
            raise self._determine_death() from None

    def receive(self, count: int) -> Iterator[Sequence[Outcome]]:
        """Yield the outcomes of a request of `count` records as they come. Raises ChildDied."""
        while count > 0:
            try:
                self._wait()
                outcomes = messages.read_reply(self._pipe.recv_bytes())
            except (EOFError, OSError, messages.InvalidReply):
                raise self._determine_death() from None
            count -= len(outcomes)
            yield outcomes

    def kill(self) -> None:
        """Kill the child from any thread: a thread that waits for it gets ChildDied."""
        self._process.kill()

    def close(self) -> None:
        """End it: it keeps nothing that would be lost."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()
        self._progress.close()
        self._shared.close()

    def _exchange_hello(self, hello: bytes) -> None:
        try:
            self._pipe.send_bytes(hello)
            self._parsers = messages.read_ready(self._pipe.recv_bytes())
        except (EOFError, OSError):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(LAST_SECONDS)  # its exit code says more than our kill
            self.close()
            raise RetryableError(
                f"the process that reads records does not start ({_describe_exit(self._process.returncode)})",
                place="reading",
                remedy="Is reading.memory_mib too small, or does a parser of reading.parsers fail?",
            ) from None
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        """Wait until the child replies or is gone; ends one that sleeps."""
        asleep, computed = 0, -1
        while not self._pipe.poll(LOOK_SECONDS):
            state, used = _read_state(self._process.pid)
            asleep = asleep + 1 if state == "S" and used == computed else 0
            computed = used
            if asleep >= ASLEEP_LOOKS:
                self._asleep = True
                self._process.kill()

    def _determine_death(self) -> ChildDied:
        """Determine how a child died, or that its replies are no longer valid."""
        self._process.kill()
        code = self._process.wait()
        record, parser = self._progress.get_current()
        name = self._parsers[parser] if parser is not None else ""
        if self._asleep:
            return ChildDied(record, name, EndReason.ASLEEP, "", certain=True)
        if code in (OVERTIME_EXIT, -signal.SIGXCPU):
            return ChildDied(record, name, EndReason.SLOW, "", certain=True)
        if code == MEMORY_EXIT:
            return ChildDied(record, name, EndReason.MEMORY, "", certain=False)
        return ChildDied(record, name, EndReason.DIED, _describe_exit(code), certain=False)


def _start(pipe: int, shared: int) -> subprocess.Popen[bytes]:
    """Start a new interpreter: forking a process that has threads would copy their locks. It has a
    session of its own, so that Ctrl-C reaches the parent alone."""
    numbers = [str(each) for each in (pipe, shared, os.getpid())]
    command = [sys.executable, "-P", "-s", "-m", "streams.parser_process.child", *numbers]
    return subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # What a dying interpreter writes may quote a record.
        stderr=subprocess.DEVNULL,
        pass_fds=(pipe, shared),
        env=_build_environment(),
        start_new_session=True,
    )


def _build_environment() -> dict[str, str]:
    """Build an environment without secrets, in which the child imports what its parent would."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    places = [place for place in sys.path if place]
    return {**inherited, "PYTHONPATH": os.pathsep.join(places), "PYTHONUTF8": "1"}


def _open_anonymous_file() -> int:
    """Return the descriptor of a file of `Progress.SIZE` zeros without a name."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("progress")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, ReadingProgress.SIZE)
    return descriptor


def _read_state(pid: int) -> tuple[str, int]:
    """Read the state's letter and the processor time in ticks, as in proc(5), stat. Without /proc,
    nothing is known and no process counts as asleep."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "", 0
    words = text.rpartition(")")[2].split()
    return words[0], int(words[11]) + int(words[12])


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
