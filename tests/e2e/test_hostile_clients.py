"""A real `breachdesk run` against clients that mean harm. Every attack ends by itself."""

from __future__ import annotations

import gzip
import http.client
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from servers.ports import find_free_port
from services import cannot_be_had

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import load_settings
from schemas.pipeline.source import BlindInterval

pytestmark = pytest.mark.slow

ONE, TWO = "token-one-1234567890", "token-two-1234567890"


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in {seconds} seconds"
        time.sleep(0.05)


class Run:
    """The process and its ports."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.folder = folder
        self.port, self.syslog = find_free_port(), find_free_port()
        folder.mkdir(exist_ok=True)
        (folder / "breachdesk.toml").write_text(
            f"console_port = {self.port}\n[intake]\nsyslog_tcp = {self.syslog}\n{extra}"
            f'[intake.http_tokens]\none = "{ONE}"\ntwo = "{TWO}"\n'
        )
        command = [sys.executable, "-m", "breachdesk.cli.main", "run", "--data-dir", str(folder)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._answers)

    def _answers(self) -> bool:
        try:
            return self.get("/healthz") == 200
        except OSError:
            assert self.process.poll() is None
            return False

    def get(self, path: str) -> int:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request("GET", path)
            return client.getresponse().status
        finally:
            client.close()

    def post(self, token: str, source: str, body: bytes, packed: bool = False) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            client.request("POST", f"/intake/{source}", body, headers)
            return client.getresponse().status
        finally:
            client.close()

    def connect(self, port: int, sent: bytes, sender: str = "127.0.0.1") -> socket.socket:
        connection = socket.create_connection(
            ("127.0.0.1", port), timeout=60, source_address=(sender, 0)
        )
        connection.sendall(sent)
        return connection

    def megabytes(self) -> int:
        """The most it ever had in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmHWM:\s+(\d+)", status)
        assert match
        return int(match[1]) // 1024

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0


@contextmanager
def running(folder: Path, extra: str = "") -> Iterator[Run]:
    run = Run(folder, extra)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def stored(folder: Path) -> tuple[list[tuple[str, bytes]], list[BlindInterval]]:
    with Container(load_settings(folder)) as container:
        records = [(record.transport, record.raw) for record in container.log.read(None, 1_000_000)]
        return records, list(container.log.list_gaps())


def test_small_bodies_of_millions_of_lines_cost_little_and_do_not_keep_it_from_ending(
    tmp_path: Path,
) -> None:
    lines = gzip.compress(b"a\n" * 31_000_000, 9)
    blanks = gzip.compress(b"\n" * (60 * 1024 * 1024), 9)
    costly = gzip.compress(b'CreationDate,AuditData\n"' + b"\n" * (60 * 1024 * 1024), 6)
    with running(tmp_path / "data") as run:
        before = run.megabytes()
        statuses = [run.post(ONE, "one", body, packed=True) for body in (lines, blanks)]
        after = run.megabytes()
        last = threading.Thread(target=lambda: run.post(ONE, "one", costly, packed=True))
        last.start()
        time.sleep(1)
        meanwhile = run.get("/sign-in")
        run.stop()
        last.join(60)

    assert statuses == [413, 400]
    assert after - before < 100
    assert meanwhile == 200


def test_strangers_who_hold_connections_open_keep_nobody_out(tmp_path: Path) -> None:
    slow = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\nuser="
    body = b"POST /intake/one HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" % ONE.encode()
    with running(tmp_path / "data") as run, ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(run.connect(run.port, body + b"Content-Length: 9\r\n\r\nx"))
        for _ in range(400):
            stack.enter_context(run.connect(run.port, slow))
            stack.enter_context(run.connect(run.port, b"POST /sign-in HT"))
        pages = [run.get("/sign-in") for _ in range(5)]
        other = run.post(TWO, "two", b"a line\n")
        run.stop()

    assert pages == [200] * 5
    assert other == 202


def test_idle_syslog_connections_of_a_stranger_leave_a_gap_and_a_connection_for_a_sender(
    tmp_path: Path,
) -> None:
    line = b"<13>Nov 30 10:00:00 mail1 sshd[1]: the line that counts"
    limits = "syslog_connections = 300\nsyslog_connections_per_sender = 200\n"
    with running(tmp_path / "data", limits) as run, ExitStack() as stack:
        for number in range(400):
            sender = f"127.0.0.{2 + number // 200}"
            stack.enter_context(run.connect(run.syslog, b"", sender))
        stack.enter_context(run.connect(run.syslog, line + b"\n", "127.0.0.9"))
        until(lambda: bool(stored(run.folder)[0]))
        run.stop()
        records, gaps = stored(run.folder)

    assert records == [("tcp", line)]
    assert {gap.source for gap in gaps} <= {"syslog-127.0.0.2", "syslog-127.0.0.3"}
    assert sum(int(gap.reason.split()[0]) for gap in gaps) == 101


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    mount = shutil.which("mount")
    result = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if not result or result.returncode:
        cannot_be_had("a file system of a few megabytes cannot be mounted: that needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_answered_503_and_what_waited_is_stored_once_there_is_space(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "small"
    with small_disk(folder, "4m"), running(folder) as run:
        acknowledged, statuses = 0, []
        while statuses.count(503) < 3 and len(statuses) < 1000:
            lines = [f"{len(statuses)} {n} {hash((len(statuses), n))}" for n in range(200)]
            statuses.append(run.post(ONE, "one", "\n".join(lines).encode()))
            acknowledged += 200 if statuses[-1] == 202 else 0
            if len(statuses) == 1:
                server_folder = shutil.disk_usage(folder).free - 256 * 1024
                (folder / "filler").write_bytes(bytes(max(0, server_folder)))
        with run.connect(run.syslog, b"".join(b"<13>tcp %d\n" % n for n in range(300))):
            time.sleep(0.5)
        page = run.get("/sign-in")
        (folder / "filler").unlink()
        until(lambda: run.post(ONE, "one", b"after") == 202)
        until(lambda: sum(transport == "tcp" for transport, _ in stored(folder)[0]) == 300)
        run.stop()
        records, gaps = stored(folder)

    assert set(statuses) == {202, 503}
    assert page == 200
    assert sum(transport == "http" for transport, _ in records) == acknowledged + 1
    assert sum(transport == "tcp" for transport, _ in records) == 300
    assert gaps == []
