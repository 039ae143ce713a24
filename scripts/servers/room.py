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

from servers.daemon import Daemon, Missing, NotReady
from servers.kafka import Kafka
from servers.postfix import Postfix
from servers.postgres import Postgres
from servers.processes import birth

SCRIPT = Path(__file__).resolve().parents[1] / "services"
SERVERS: dict[str, type[Daemon]] = {"kafka": Kafka, "postgres": Postgres, "postfix": Postfix}


class Room:
    """One server of a kind in one folder; whoever asks for it next is given the same one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def server(self, kind: str, properties: Mapping[str, str] | None = None) -> Daemon:
        if kind == "kafka":
            return Kafka(self.folder / kind, properties)
        return SERVERS[kind](self.folder / kind)

    def up(self, kind: str, properties: Mapping[str, str] | None = None) -> Daemon:
        """The server, running: the one that lives, or a new one. Raises Missing, NotReady."""
        with self.alone():
            self.open()
            server = self.server(kind, properties)
            try:
                server.start()
                server.wait_until_ready()  # whoever started it may have been interrupted
            except (Missing, NotReady):
                server.remove()
                with suppress(OSError):  # others live here
                    self.folder.rmdir()
                raise
            return server

    def open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        if self.folder.stat().st_uid != os.geteuid():
            raise NotReady(f"{self.folder} belongs to somebody else: set BREACHDESK_SERVICES_DIR")

    def here(self) -> list[Daemon]:
        return [self.server(kind) for kind in SERVERS if (self.folder / kind).is_dir()]

    def down(self) -> list[str]:
        """Everything stopped and removed; the names of what had been alive. Safe to repeat."""
        with self.alone():
            servers = self.here()
            alive = [server.name for server in servers if server.alive]
            for server in servers:
                server.ask_to_stop()  # all at once: they end beside each other
            for server in servers:
                server.remove()
            shutil.rmtree(self.folder, ignore_errors=True)
        return alive

    def end_with(self, pid: int) -> None:
        """Leave a process behind that calls `down` when that one has ended, however it ended."""
        note = self.folder / "watch"
        with self.alone():
            self.open()
            if note.exists():
                return
            note.touch()
        subprocess.run(
            [sys.executable, str(SCRIPT), "watch", str(pid), birth(pid)],
            check=True,
            env={**os.environ, "BREACHDESK_SERVICES_DIR": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time; the lock file goes with the last one's leaving when all is gone."""
        path = self.folder.with_name(self.folder.name + ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = locked(path)
        try:
            yield
        finally:
            if not self.folder.exists():
                path.unlink(missing_ok=True)
            os.close(lock)


def locked(path: Path) -> int:
    """An open, locked file; tried again when it was removed while we waited for it."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        os.close(lock)


def room_of_this_user() -> Room:
    """$BREACHDESK_SERVICES_DIR, or a folder named after the user.

    Root's is under the temporary folder: PostgreSQL's account cannot enter root's runtime folder.
    """
    named = os.environ.get("BREACHDESK_SERVICES_DIR")
    if named:
        return Room(Path(named).absolute())
    runtime = os.environ.get("XDG_RUNTIME_DIR") if os.geteuid() != 0 else None
    return Room(Path(runtime or tempfile.gettempdir()) / f"breachdesk-services-{os.geteuid()}")
