"""A process of the embedded deployment that tests kill.

`feed` appends what the journal lacks of the demo's lines, some at a time, and processes them;
`work` only processes. Each tells every batch on its standard output."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from breachdesk.bootstrap.container import Container
from breachdesk.demo.feed import build_incoming
from breachdesk.demo.lines import build_lines
from breachdesk.demo.setup import MORNING_AFTER, build_settings, list_in_arrival_order
from schemas.errors import EditConflict
from schemas.pipeline.source import IncomingRecord
from schemas.settings import Settings
from streams.event_logs.sqlite import SqliteEventLog
from streams.normalise.record_readers import InProcessReader

AT_ONCE = 60
"""Lines of one append and of one batch."""


def lines() -> list[IncomingRecord]:
    return [build_incoming(row) for row in list_in_arrival_order(build_lines())]


def settings_of(folder: Path) -> Settings:
    settings = build_settings(folder, build_lines(), 0)
    kafka = settings.kafka.model_copy(update={"batch_records": AT_ONCE})
    return settings.model_copy(update={"kafka": kafka})


def open_container(folder: Path) -> Container:
    return Container(settings_of(folder), lambda: MORNING_AFTER)


def appended(journal: SqliteEventLog) -> int:
    """How many lines the journal has: they are appended in order, so always the first so many."""
    total, after = 0, None
    while records := journal.read(after, 1000):
        total, after = total + len(records), records[-1].position
    return total


def work(folder: str, part: str) -> None:
    """`feed` or `work` until it is killed, or `feed` until all is processed."""
    with open_container(Path(folder)) as container:
        worker = container.build_worker(reader=InProcessReader(container.settings))
        result, count = lines(), 0
        number = appended(container.journal) if part == "feed" else len(result)
        while True:
            container.journal.append(result[number : number + AT_ONCE])
            number += AT_ONCE
            try:
                count = worker.process_batch()
            except EditConflict:
                continue  # the other process was faster each time
            sys.stdout.write("batch\n" if count else "drained\n")
            sys.stdout.flush()
            if not count and number >= len(result):
                if part == "feed":
                    return
                time.sleep(0.05)
