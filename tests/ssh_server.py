"""A real OpenSSH server with a syslog of its own: `from ssh_server import SshServer, run_server`.

sshd and PAM write to `/dev/log`, which must not exist yet: a socket of this process stands there
while the server runs. Only root may do that. What cannot be had is skipped by name, or fails under
BREACHDESK_REQUIRE_SERVICES=1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from servers.ports import find_free_port
from services import cannot_be_had

LOG = Path("/dev/log")
CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
PermitRootLogin yes
LoginGraceTime 20
AuthorizedKeysFile {folder}/none
{settings}
"""


class SshServer:
    """Its clients, and the lines of its log as a syslog daemon would store them."""

    def __init__(self, folder: Path, port: int, log: socket.socket) -> None:
        self.folder, self.port, self._log = folder, port, log
        self._lines: list[bytes] = []
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            try:
                message = self._log.recv(65_536)
            except OSError:
                return
            if not message:
                return
            # <38>Nov 30 15:05:01 sshd[7]: …, without a host as syslog(3) writes it. Stored with the
            # stamp of Debian 12's rsyslog: lines of one second and the same words are one event.
            _, _, rest = message.rstrip(b"\n\0").partition(b">")
            stamp = datetime.now(UTC).isoformat().encode()
            self._lines.append(stamp + b" contoso " + rest[16:])

    def read_lines(self) -> list[bytes]:
        """All lines, once no further one comes."""
        count = -1
        while count != len(self._lines):
            count = len(self._lines)
            time.sleep(0.7)
        return list(self._lines)

    def offer_key(self, user: str) -> None:
        """Sign in with a key that the server does not accept."""
        self._sign_in(user, "-i", f"{self.folder}/key", "-o", "BatchMode=yes")

    def offer_passwords(self, user: str, prompts: int) -> None:
        """Sign in with a wrong password, so many times on one connection."""
        self._sign_in(
            user,
            "-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password",
            "-o", f"NumberOfPasswordPrompts={prompts}",
        )  # fmt: skip

    def _sign_in(self, user: str, *options: str) -> None:
        askpass = {"SSH_ASKPASS": f"{self.folder}/askpass", "SSH_ASKPASS_REQUIRE": "force"}
        command = [
            "ssh", "-F", "none", "-p", str(self.port), "-l", user, "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", *options,
            "127.0.0.1", "true",
        ]  # fmt: skip
        ended = subprocess.run(
            command,
            env={**os.environ, **askpass},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 255, ended.stderr


def require() -> None:
    for tool in ("sshd", "ssh", "ssh-keygen"):
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
            cannot_be_had(f"OpenSSH: no {tool} (apt-get install openssh-server openssh-client)")
    if os.geteuid() != 0:
        cannot_be_had("OpenSSH: must be started by root")
    if LOG.exists():
        cannot_be_had("OpenSSH: another program reads /dev/log")


@contextmanager
def run_server(folder: Path, settings: str) -> Iterator[SshServer]:
    require()
    for name in ("host_key", "key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"],
            check=True,
            timeout=60,
        )
    askpass = folder / "askpass"
    askpass.write_text("#!/bin/sh\necho wrong\n")
    askpass.chmod(0o700)
    Path("/run/sshd").mkdir(exist_ok=True)
    port = find_free_port()
    config = folder / "sshd_config"
    config.write_text(CONFIG.format(port=port, folder=folder, settings=settings))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(LOG))
        LOG.chmod(0o666)
        server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(config)])
        try:
            _wait_until_it_answers(port)
            yield SshServer(folder, port, log)
        finally:
            server.terminate()
            server.wait(20)
            LOG.unlink()
            log.shutdown(socket.SHUT_RDWR)


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
                if line.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        assert time.monotonic() < deadline, "sshd does not answer"
        time.sleep(0.1)
