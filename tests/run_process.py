"""A real `breachdesk run`: `from run_process import RunProcess, run_breachdesk`."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers.ports import find_free_port

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import load_settings
from schemas.pipeline.event import RawRecord
from schemas.pipeline.source import BlindInterval

LONGEST_SECONDS = 120.0


def until(true: Callable[[], bool], seconds: float = LONGEST_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in {seconds} seconds"
        time.sleep(0.05)


class RunProcess:
    """The process, its HTTP port and what its journal holds."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "breachdesk.cli.main", "run", "--data-dir", str(folder)]
        with (folder / "run.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "run.log").read_text()
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request("GET", "/healthz")
            return client.getresponse().status == 200
        except OSError:
            return False
        finally:
            client.close()

    def list_records(self) -> list[RawRecord]:
        with Container(load_settings(self.folder)) as container:
            return list(container.log.read(None, 1_000_000))

    def list_gaps(self) -> list[BlindInterval]:
        with Container(load_settings(self.folder)) as container:
            return list(container.log.list_gaps())

    def count_sources(self) -> dict[str, dict[str, Any]]:
        """What `breachdesk sources` shows of each source."""
        with Container(load_settings(self.folder)) as container:
            views = container.store.read(lambda uow: uow.sources.list())
            return {view.name: json.loads(view.model_dump_json()) for view in views}

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


@contextmanager
def run_breachdesk(folder: Path, settings: str) -> Iterator[RunProcess]:
    """Run it with these settings, which name no `console_port`; killed if it was not stopped."""
    folder.mkdir(exist_ok=True)
    port = find_free_port()
    text = f"console_port = {port}\n{settings}"
    (folder / "breachdesk.toml").write_text(text, encoding="utf-8")
    run = RunProcess(folder, port)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
