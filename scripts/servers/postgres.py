"""PostgreSQL from a folder of its own. Anybody on this machine may connect: for tests only."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import Any

from servers.daemon import Daemon, Missing

NAME = "breachdesk"  # the role (superuser) and the database
SETTINGS = {
    "fsync": "on",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "128MB",
    "log_min_error_statement": "panic",  # a statement's text may name people
}


class Postgres(Daemon):
    """`url` is postgresql://breachdesk@127.0.0.1:PORT/breachdesk, without a password."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for every client to leave

    def require(self) -> None:
        program("initdb")

    def account(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        person = unprivileged()
        return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}

    def prepare(self) -> None:
        for room in ("data", "socket"):
            (self.folder / room).mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(self.folder / room, unprivileged().pw_uid, unprivileged().pw_gid)
        self.call(
            "initdb", f"--pgdata={self.folder / 'data'}", "--auth=trust", f"--username={NAME}",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip

    def call(self, tool: str, *arguments: str, seconds: float = 60.0) -> None:
        command = [program(tool), *arguments]
        subprocess.run(
            command, check=True, capture_output=True, cwd="/", timeout=seconds, **self.account()
        )

    def command(self) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self.folder / "socket")}
        options = [f"--{key}={value}" for key, value in settings.items()]
        return [
            program("postgres"),
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
            *options,
        ]

    def answers(self) -> bool:
        there = ["-h", "127.0.0.1", "-p", str(self.port), "-U", NAME]
        try:
            if not self.state.get("database"):
                self.call("createdb", *there, "--maintenance-db=postgres", NAME, seconds=20)
                self.keep(database=NAME)
            self.call("psql", *there, "-Xqc", "select 1", NAME, seconds=20)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False
        return True

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@{self.address}/{NAME}"

    def exports(self) -> dict[str, str]:
        return {"BREACHDESK_TEST_POSTGRES": self.url, "BREACHDESK_STORE__URL": self.url}


def program(tool: str) -> str:
    """The newest installed version's; Debian keeps them off the PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"), key=lambda p: float(p.parts[-3])
    )
    if not found:
        raise Missing(
            "PostgreSQL: no /usr/lib/postgresql/*/bin/initdb (apt-get install postgresql)"
        )
    return str(found[-1])


def unprivileged() -> pwd.struct_passwd:
    """Whom PostgreSQL, which refuses root, runs as."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing("PostgreSQL: neither an account 'postgres' nor 'nobody' (it refuses root)")
