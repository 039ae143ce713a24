"""The folder in which running servers are noted, so that they are found, shared and stopped."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from servers.daemon import NotReady, ProgramMissing, ServerProcess
from servers.kafka import KafkaServer
from servers.postfix import PostfixServer
from servers.postgres import PostgresServer
from servers.processes import get_start_time

SCRIPT = Path(__file__).resolve().parents[1] / "services"
SERVERS: dict[str, type[ServerProcess]] = {
    "kafka": KafkaServer,
    "postgres": PostgresServer,
    "postfix": PostfixServer,
}


class ServerFolder:
    """One server of a kind in one folder; whoever asks for it next is given the same one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def build_server(self, kind: str, properties: Mapping[str, str] | None = None) -> ServerProcess:
        if kind == "kafka":
            return KafkaServer(self.folder / kind, properties)
        return SERVERS[kind](self.folder / kind)

    def start_server(self, kind: str, properties: Mapping[str, str] | None = None) -> ServerProcess:
        """The server, running: the one that lives, or a new one. Raises Missing, NotReady."""
        with self.lock_folder():
            self.open()
            server = self.build_server(kind, properties)
            try:
                server.start()
                server.wait_until_ready()  # whoever started it may have been interrupted
            except (ProgramMissing, NotReady):
                server.remove()
                with suppress(OSError):  # others live here
                    self.folder.rmdir()
                raise
            return server

    def open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        if self.folder.stat().st_uid != os.geteuid():
            raise NotReady(f"{self.folder} belongs to somebody else: set BREACHDESK_SERVICES_DIR")

    def list_servers(self) -> list[ServerProcess]:
        return [self.build_server(kind) for kind in SERVERS if (self.folder / kind).is_dir()]

    def stop_all(self) -> list[str]:
        """Everything stopped and removed; the names of what had been alive. Safe to repeat."""
        with self.lock_folder():
            servers = self.list_servers()
            alive = [server.name for server in servers if server.alive]
            for server in servers:
                server.ask_to_stop()  # all at once: they end concurrently
            for server in servers:
                server.remove()
            shutil.rmtree(self.folder, ignore_errors=True)
        return alive

    def stop_after(self, pid: int) -> None:
        """Leave a process behind that calls `down` when that one has ended, however it ended."""
        note = self.folder / "watch"
        with self.lock_folder():
            self.open()
            if note.exists():
                return
            note.touch()
        subprocess.run(
            [sys.executable, str(SCRIPT), "watch", str(pid), get_start_time(pid)],
            check=True,
            env={**os.environ, "BREACHDESK_SERVICES_DIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    @contextmanager
    def lock_folder(self) -> Iterator[None]:
        """One process at a time; the lock file goes with the last one's leaving when all is
        gone."""
        path = self.folder.with_name(self.folder.name + ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open_locked(path)
        try:
            yield
        finally:
            if not self.folder.exists():
                path.unlink(missing_ok=True)
            os.close(lock)


def open_locked(path: Path) -> int:
    """An open, locked file; tried again when it was removed while we waited for it."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        os.close(lock)


def get_user_folder() -> ServerFolder:
    """$BREACHDESK_SERVICES_DIR, or a folder named after the user.

    Root's is under the temporary folder: PostgreSQL's account cannot enter root's runtime folder.
    """
    named = os.environ.get("BREACHDESK_SERVICES_DIR")
    if named:
        return ServerFolder(Path(named).absolute())
    runtime = os.environ.get("XDG_RUNTIME_DIR") if os.geteuid() != 0 else None
    return ServerFolder(
        Path(runtime or tempfile.gettempdir()) / f"breachdesk-services-{os.geteuid()}"
    )
