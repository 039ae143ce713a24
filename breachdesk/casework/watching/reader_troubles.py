"""Exchange through the store what pollers and followers of all processes cannot read at present."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from breachdesk.ports import UnitOfWork

PREFIX = "sources.troubles."
EXPIRES = timedelta(minutes=5)
"""A process that reported nothing for so long has ended, or cannot reach the store."""


def report_troubles(uow: UnitOfWork, process: str, troubles: Sequence[str], now: datetime) -> None:
    """Store the present troubles of a process; they replace those that it reported before."""
    report = {"reported_at": now.isoformat(), "troubles": list(troubles)}
    uow.marks.set(PREFIX + process, json.dumps(report))


def list_troubles(uow: UnitOfWork, now: datetime) -> Sequence[str]:
    """List the present troubles of all processes that report through the store."""
    reports = [json.loads(uow.marks.get(name) or "{}") for name in uow.marks.list_names(PREFIX)]
    return sorted(
        {
            text
            for report in reports
            if report and now - datetime.fromisoformat(report["reported_at"]) < EXPIRES
            for text in report["troubles"]
        }
    )
