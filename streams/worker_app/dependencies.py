"""Define the dependencies and the status of the Faust app."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from schemas.settings import Settings
from streams.ports import ExportOutbox, LeaderElection, OrderHandler
from streams.ports.metrics import WorkerMetrics
from streams.process.worker import StreamWorker


@dataclass(frozen=True)
class WorkerDependencies:
    """What bootstrap hands in."""

    settings: Settings
    worker: StreamWorker
    exports: ExportOutbox
    leader: LeaderElection
    orders: OrderHandler
    chores: Callable[[], None]
    """What the leader does once a minute: gaps into the store, evidence kept beyond retention."""
    meter: WorkerMetrics
    now: Callable[[], datetime]


class WorkerStatus:
    """How the worker is, for readiness; written by the service, read by anyone."""

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        """Why a part waits just now, by part; empty: it does not."""
        self.ready = False
        """Has it joined the group and taken over its partitions?"""
        self.failure: BaseException | None = None
        """What ended it before its time."""
        self.processed = 0
