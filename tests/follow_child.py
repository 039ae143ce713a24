"""A process that follows files until it is killed: `python -m follow_child FOLDER`."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from schemas.followed_files import FollowedFilesSettings
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.files.follower import FileFollower
from streams.ports.metrics import NullFollowMetrics

SOURCE = "web"


def read_clock() -> datetime:
    return datetime.now(UTC)


def open_log(folder: Path) -> SqliteEventLog:
    return SqliteEventLog(folder / "journal", read_clock)


def open_follower(folder: Path, log: SqliteEventLog) -> FileFollower:
    settings = FollowedFilesSettings(
        source=SOURCE,
        paths=(str(folder / "logs" / "*.log"),),
        poll_seconds=0.002,
        scan_seconds=0.01,
    )
    return FileFollower(
        (settings,),
        log,
        read_clock,
        folder=folder,
        max_line_bytes=100_000,
        settles=True,
        meter=NullFollowMetrics(),
        say=lambda _text: None,
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    open_follower(folder, open_log(folder)).start()
    sys.stdout.write("started\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)
