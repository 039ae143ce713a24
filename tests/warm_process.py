"""Start processes from one that has imported the product: `from warm_process import WarmProcess`.

An import of the product takes more than a second of processor time. A test that kills fifty
processes forks them instead from a server of `multiprocessing`, which has imported it once. Each is
a process of its own, with its own memory and process id."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Self

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["breachdesk.cli.main", "breachdesk.bootstrap.mail", "aiosmtpd.controller", "pytest"]
)


def _run(output: Connection, target: Callable[..., None], words: tuple[str, ...]) -> None:
    os.dup2(output.fileno(), 1)
    output.close()
    target(*words)


class WarmProcess:
    """Calls `target` with words in a process of its own, with the methods of `subprocess.Popen`.

    The target is a function of a module. What it prints is in `stdout`; an exception ends the
    process with 1."""

    def __init__(self, target: Callable[..., None], *words: str) -> None:
        reader, writer = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_run, args=(writer, target, words), daemon=True)
        self._process.start()
        writer.close()
        self.stdout = os.fdopen(os.dup(reader.fileno()), encoding="utf-8")
        reader.close()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"process {self._process.pid} did not end in {timeout} seconds")
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read what it prints to its end, and close; the second text is always empty."""
        if not wait([self.stdout.fileno()], timeout):
            raise TimeoutError(f"process {self._process.pid} said nothing in {timeout} seconds")
        text = self.stdout.read()
        self.stdout.close()
        self.wait(timeout)
        return text, ""

    def send_signal(self, number: int) -> None:
        if self.poll() is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.stdout.closed:
            self.stdout.close()
        self.wait()
