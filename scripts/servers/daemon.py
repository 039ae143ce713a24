"""A server program in a folder of its own: started, killed, paused, stopped and started again.

What must be known later is in `<folder>/server.json`, so that another process can stop it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

from servers.ports import find_free_port
from servers.processes import get_start_time, list_descendants, send_signal, wait_for_end

READY_SECONDS = 90.0
STOP_SECONDS = 30.0


class ProgramMissing(Exception):
    """A program this machine has not got; the text names the Debian package."""


class NotReady(Exception):
    """The server was started and does not answer; the text ends with its log."""


class ServerProcess(ABC):
    """One server on 127.0.0.1. Port and data stay the same over `kill`, `stop` and `restart`."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.state: dict[str, Any] = {}
        if self.note.exists():
            self.state = json.loads(self.note.read_text(encoding="utf-8"))

    @abstractmethod
    def require(self) -> None:
        """Raise Missing unless the programs are here."""

    @abstractmethod
    def prepare(self) -> None:
        """Fill the new, empty folder: configuration and data."""

    @abstractmethod
    def build_command(self) -> list[str]:
        """What is run, in the foreground."""

    @abstractmethod
    def is_answering(self) -> bool:
        """Whether a real request is answered."""

    @abstractmethod
    def build_exports(self) -> dict[str, str]:
        """The environment variables that point at this server."""

    def build_account_options(self) -> dict[str, Any]:
        """Popen's `user`, `group` and `extra_groups`: nothing, when it may run as who we are."""
        return {}

    @property
    def note(self) -> Path:
        return self.folder / "server.json"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def port(self) -> int:
        return int(self.state["port"])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return int(self.state.get("pid", 0))

    @property
    def alive(self) -> bool:
        return bool(self.pid) and get_start_time(self.pid) == self.state.get("birth")

    def start(self) -> None:
        """Prepare on the first call, run, and return when a request is answered.

        Raises Missing, and NotReady when it ends or does not answer within 90 seconds.
        """
        if self.alive:
            return
        if not self.note.exists():
            self.prepare_folder()
        self.run()
        self.wait_until_ready()

    def prepare_folder(self) -> None:
        self.require()
        shutil.rmtree(self.folder, ignore_errors=True)  # of a start that was cut short
        self.folder.mkdir(parents=True, mode=0o711)
        self.folder.chmod(0o711)  # an account without our rights passes through to its own folders
        self.state = {"port": find_free_port()}
        try:
            self.prepare()
        except subprocess.CalledProcessError as error:
            error_text = (error.stderr or b"")[-2000:].decode(errors="replace")
            raise NotReady(
                f"{self.name}: {Path(error.cmd[0]).name} failed: {error_text}"
            ) from error

    def run(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.build_command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,  # a Ctrl-C at the terminal is not for it
                **self.build_account_options(),
            )
        self.save_facts(pid=self.process.pid, birth=get_start_time(self.process.pid))

    def save_facts(self, **facts: str | int) -> None:
        self.state |= facts
        self.note.write_text(json.dumps(self.state), encoding="utf-8")

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_answering():
            if not self.alive or time.monotonic() > deadline:
                state = "does not answer" if self.alive else "ended"
                self.kill()
                raise NotReady(f"{self.name} {state}. Its log ends:\n{self.read_log_tail()}")
            time.sleep(0.1)

    def read_log_tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]

    def kill(self) -> None:
        """SIGKILL to it and its children at once, as when the machine's power goes."""
        if self.alive:
            everyone = list_descendants(self.pid)
            send_signal(everyone, signal.SIGKILL)
            wait_for_end(everyone, STOP_SECONDS)
        self.wait_for_exit()

    def ask_to_stop(self) -> None:
        if self.alive:
            send_signal([self.pid], self.stop_signal)

    def stop(self) -> None:
        """In good order; killed when it has not ended after 30 seconds. Safe to repeat."""
        self.resume()
        everyone = list_descendants(self.pid) if self.alive else []
        self.ask_to_stop()
        if everyone and not wait_for_end(everyone, STOP_SECONDS):
            send_signal(everyone, signal.SIGKILL)
            wait_for_end(everyone, STOP_SECONDS)
        self.wait_for_exit()

    def wait_for_exit(self) -> None:
        """Take the exit code of our own ended child: until then it is a zombie."""
        if self.process is not None and not self.alive:
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Stopped if it runs, then started: same port, same data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP to all of it: connections stay open and nothing answers."""
        if self.alive:
            send_signal(list_descendants(self.pid), signal.SIGSTOP)

    def resume(self) -> None:
        if self.alive:
            send_signal(list_descendants(self.pid), signal.SIGCONT)

    def remove(self) -> None:
        """Stop and forget everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.state = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def build_environment(**more: str) -> dict[str, str]:
    """This process's own, in the C locale, so that messages are the ones looked for."""
    return {**os.environ, "LC_ALL": "C.UTF-8", **more}
