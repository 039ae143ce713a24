"""Gather what the followers of all sources share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event

from streams.intake.files.follow_memory import FollowMemory
from streams.intake.trouble_reports import TroubleReports
from streams.ports import EventLog


@dataclass(frozen=True, slots=True)
class FollowSurroundings:
    """What all sources' followers share."""

    log: EventLog
    memory: FollowMemory
    now: Callable[[], datetime]
    max_line_bytes: int
    reports: TroubleReports
    stop: Event
    settles: bool
    """The event log can say after a kill which appends were made."""
    backfills: bool = True
    """What was in the files before they were followed counts as a backfill."""
    clock: Callable[[], float] = time.monotonic
