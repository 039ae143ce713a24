"""What PostgreSQL did for a run: processor time, commits, rows and write-ahead log, per event."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Self

import psycopg

from bench.kafka_ground import read_cpu_seconds
from breachdesk.bootstrap.container import Container

COUNTS = """
select xact_commit, tup_inserted + tup_updated + tup_deleted, pg_current_wal_lsn() - '0/0'
from pg_stat_database where datname = current_database()
"""
SETTLE_SECONDS = 1.2
"""PostgreSQL's backends report their counts once a second."""


class PostgresCost:
    """Of the whole server, which serves nobody else meanwhile."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def __enter__(self) -> Self:
        self._connection = psycopg.connect(self._container.settings.store.url, autocommit=True)
        row = self._connection.execute("select pg_backend_pid()").fetchone()
        stat = Path(f"/proc/{row[0] if row else 0}/stat").read_text(encoding="ascii")
        self._postmaster = int(stat.rpartition(")")[2].split()[1])
        self._began = (*self._read_counts(), 0.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def mark(self) -> None:
        """From here on."""
        self._began = (*self._read_counts(), self._read_cpu())

    def compute_cost(self, events: int) -> dict[str, float]:
        """Per thousand events."""
        spent = self._read_cpu()
        time.sleep(SETTLE_SECONDS)
        commits, rows, log = self._read_counts()
        thousands = max(events, 1) / 1000
        return {
            "postgres_cpu_ms_per_1000": (spent - self._began[3]) * 1000 / thousands,
            "commits_per_1000": (commits - self._began[0]) / thousands,
            "rows_per_1000": (rows - self._began[1]) / thousands,
            "wal_kib_per_1000": (log - self._began[2]) / 1024 / thousands,
        }

    def _read_counts(self) -> tuple[int, int, int]:
        row = self._connection.execute(COUNTS).fetchone()
        assert row is not None, "the database that we are connected to is there"
        return int(row[0]), int(row[1]), int(row[2])

    def _read_cpu(self) -> float:
        total = 0.0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, IndexError, ValueError):
                    stat = (entry / "stat").read_text(encoding="ascii")
                    parent = int(stat.rpartition(")")[2].split()[1])
                    if self._postmaster in (parent, int(entry.name)):
                        total += read_cpu_seconds(int(entry.name))
        return total
