"""Real relays of syslog: `from relays import Relay, run_rsyslog, run_syslog_ng`.

Debian's rsyslog and syslog-ng conflict as packages, so syslog-ng may also be unpacked:
`BREACHDESK_TEST_SYSLOG_NG` names the folder (`dpkg -x syslog-ng-core_….deb FOLDER`). What cannot be had
is skipped by name, or fails under BREACHDESK_REQUIRE_SERVICES=1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from servers.ports import find_free_port
from services import cannot_be_had

UNPACKED = Path("/opt/breachdesk-tests/syslog-ng")
SECONDS = 120.0


@dataclass
class Relay:
    """A relay that listens on TCP and sends on to one destination."""

    process: subprocess.Popen[bytes]
    port: int

    def send(self, lines: Sequence[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as line:
            line.sendall(b"".join(each + b"\n" for each in lines))


@contextmanager
def run_rsyslog(
    folder: Path, destination: str, modules: Sequence[str] = (), template: str = ""
) -> Iterator[Relay]:
    """Run rsyslogd with this action. `modules` and `template`: what the action needs."""
    program = shutil.which("rsyslogd", path=f"{os.environ['PATH']}:/usr/sbin")
    there = {file.name for file in Path("/usr/lib").glob("*/rsyslog/*.so")}
    missing = [f"{name}.so" for name in modules if f"{name}.so" not in there]
    if program is None or missing:
        packages = "rsyslog rsyslog-gnutls rsyslog-openssl"
        cannot_be_had(f"rsyslogd {' '.join(missing)} is not here: apt-get install {packages}")
    port = find_free_port()
    configuration = folder / "rsyslog.conf"
    configuration.write_text(
        f'global(workDirectory="{folder}")\n'
        f'module(load="imtcp")\n{template}\n'
        f'input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="out")\n'
        f'ruleset(name="out") {{\n{destination}\n}}\n',
        encoding="utf-8",
    )
    command = [str(program), "-n", "-i", str(folder / "pid"), "-f", str(configuration)]
    with _run(command, port, folder) as relay:
        yield relay


@contextmanager
def run_syslog_ng(folder: Path, destination: str) -> Iterator[Relay]:
    """Run syslog-ng with this destination."""
    program, options, environment = _find_syslog_ng()
    port = find_free_port()
    configuration = folder / "syslog-ng.conf"
    configuration.write_text(
        "@version: 3.38\n"
        "options { keep-hostname(yes); };\n"
        f'source s {{ network(ip("127.0.0.1") port({port}) transport("tcp")'
        " flags(store-raw-message)); };\n"
        f"destination d {{ {destination} }};\n"
        "log { source(s); destination(d); };\n",
        encoding="utf-8",
    )
    command = [program, "-F", "-e", "--no-caps", "-f", str(configuration), *options]
    command += ["-R", str(folder / "persist"), "-c", str(folder / "control")]
    command += ["-p", str(folder / "pid")]
    with _run(command, port, folder, environment) as relay:
        yield relay


def _find_syslog_ng() -> tuple[str, list[str], dict[str, str]]:
    folder = Path(os.environ.get("BREACHDESK_TEST_SYSLOG_NG", UNPACKED))
    unpacked = folder / "usr/sbin/syslog-ng"
    if unpacked.exists():
        modules = sorted((folder / "usr/lib/syslog-ng").glob("[0-9]*"))
        options = [f"--module-path={modules[-1]}"] if modules else []
        return str(unpacked), options, {"LD_LIBRARY_PATH": str(folder / "usr/lib/syslog-ng")}
    program = shutil.which("syslog-ng", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        cannot_be_had("syslog-ng is not here: apt-get install syslog-ng-core, or unpack it")
    return str(program), [], {}


@contextmanager
def _run(
    command: list[str], port: int, folder: Path, environment: dict[str, str] | None = None
) -> Iterator[Relay]:
    log = folder / "relay.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "TZ": "UTC", **(environment or {})},
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not _listens(port):
            assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8", errors="replace")
            time.sleep(0.05)
        yield Relay(process, port)
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
