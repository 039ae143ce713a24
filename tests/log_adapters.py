"""Event logs of both kinds for tests: `from log_adapters import ADAPTERS, fresh_log`.

On Kafka one topic with one partition stands for the log, and the arrivals that a test makes up are
believed as in a drill: LogAppendTime has tests of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest
import services

from schemas.settings import KafkaSettings, Settings
from streams.event_logs.kafka import KafkaEventLog
from streams.event_logs.sqlite import SqliteEventLog
from streams.kafka.topics import create_topics, remove_topics
from streams.ports import EventLog

ADAPTERS = ["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)]
Now = Callable[[], datetime]


class ClosingLog(EventLog, Protocol):
    """An event log that its test closes."""

    def close(self) -> None: ...


Open = Callable[[], ClosingLog]


@contextmanager
def fresh_log(adapter: str, folder: Path, now: Now) -> Iterator[Open]:
    """Each call opens the same log, empty at first."""
    if adapter == "sqlite":
        yield lambda: SqliteEventLog(folder / "journal", now)
        return
    settings = kafka_settings(folder)
    create_topics(settings)
    yield lambda: KafkaEventLog(settings, now)
    remove_topics(settings)


def kafka_settings(folder: Path, **more: object) -> Settings:
    """Topics of this test alone, one partition each."""
    kafka = KafkaSettings(
        servers=services.kafka_servers(), prefix=services.unique_prefix(), partitions=1
    )
    return Settings(data_dir=folder, kafka=kafka, demo=True).model_copy(update=more)
