"""PostgreSQL from a folder of its own. Anybody on this machine may connect: for tests only."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import Any

from servers.daemon import ProgramMissing, ServerProcess

NAME = "breachdesk"  # the role (superuser) and the database
SETTINGS = {
    "fsync": "on",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "128MB",
    "log_min_error_statement": "panic",  # a statement's text may name people
}


class PostgresServer(ServerProcess):
    """`url` is postgresql://breachdesk@127.0.0.1:PORT/breachdesk, without a password."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": SIGTERM would wait for every client to leave

    def require(self) -> None:
        find_program("initdb")

    def build_account_options(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        person = find_unprivileged_user()
        return {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}

    def prepare(self) -> None:
        for directory in ("data", "socket"):
            (self.folder / directory).mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(
                    self.folder / directory,
                    find_unprivileged_user().pw_uid,
                    find_unprivileged_user().pw_gid,
                )
        self.call(
            "initdb", f"--pgdata={self.folder / 'data'}", "--auth=trust", f"--username={NAME}",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip

    def call(self, tool: str, *arguments: str, seconds: float = 60.0) -> None:
        command = [find_program(tool), *arguments]
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            cwd="/",
            timeout=seconds,
            **self.build_account_options(),
        )

    def build_command(self) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self.folder / "socket")}
        options = [f"--{key}={value}" for key, value in settings.items()]
        return [
            find_program("postgres"),
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
            *options,
        ]

    def is_answering(self) -> bool:
        there = ["-h", "127.0.0.1", "-p", str(self.port), "-U", NAME]
        try:
            if not self.state.get("database"):
                self.call("createdb", *there, "--maintenance-db=postgres", NAME, seconds=20)
                self.save_facts(database=NAME)
            self.call("psql", *there, "-Xqc", "select 1", NAME, seconds=20)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False
        return True

    @property
    def url(self) -> str:
        return f"postgresql://{NAME}@{self.address}/{NAME}"

    def build_exports(self) -> dict[str, str]:
        return {"BREACHDESK_TEST_POSTGRES": self.url, "BREACHDESK_STORE__URL": self.url}


def find_program(tool: str) -> str:
    """The newest installed version's; Debian keeps them off the PATH."""
    paths = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"), key=lambda p: float(p.parts[-3])
    )
    if not paths:
        raise ProgramMissing(
            "PostgreSQL: no /usr/lib/postgresql/*/bin/initdb (apt-get install postgresql)"
        )
    return str(paths[-1])


def find_unprivileged_user() -> pwd.struct_passwd:
    """Whom PostgreSQL, which refuses root, runs as."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ProgramMissing("PostgreSQL: neither an account 'postgres' nor 'nobody' (it refuses root)")
