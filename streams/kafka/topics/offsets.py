"""Report how far the group lags, and identify topics: a re-created topic has another UUID."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.settings import Settings
from streams.kafka.client_options import import_extra
from streams.kafka.topics.broker import open_admin_client
from streams.kafka.topics.names import build_source_topic, build_topic_name

COORDINATOR_SECONDS = 10.0
"""How long the very first group of a cluster may take to find its coordinator."""


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One raw partition. The position in the store is the truth; this is Kafka's copy of it."""

    topic: str
    partition: int
    begin: int
    """First offset still held."""
    end: int
    """Offset that the next record gets."""
    committed: int | None
    """Next offset the group wants, as Kafka was told; None: it was never told."""
    lag: int
    """Records between `committed` (or `begin`) and `end`."""


def list_lags(settings: Settings) -> list[PartitionLag]:
    """List the lag of every raw topic that exists, by topic and partition. Raises like
    `check_topics`."""
    kafka = settings.kafka
    names = [
        build_source_topic(kafka, name) for name in dict.fromkeys(s.name for s in settings.sources)
    ]
    with open_admin_client(kafka) as client:
        partitions = _list_partitions(client, [build_topic_name(kafka, "raw"), *names])
        if not partitions:
            return []
        spec = import_extra("kafka.admin").OffsetSpec
        begin = client.list_partition_offsets(dict.fromkeys(partitions, spec.EARLIEST))
        end = client.list_partition_offsets(dict.fromkeys(partitions, spec.LATEST))
        committed = _load_committed(client, kafka.group)
    return [
        _build_lag(tp, begin[tp].offset, end[tp].offset, committed.get(tp)) for tp in partitions
    ]


def load_topic_ids(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """Load {whole topic name: UUID}, as Kafka's tools print it: 22 characters of URL-safe base64.

    Topics that do not exist have no entry. Raises like `check_topics`."""
    with open_admin_client(settings.kafka) as client:
        described = client.describe_topics(list(names))
    return {t["name"]: _format_topic_id(t["topic_id"]) for t in described if t["error_code"] == 0}


def _list_partitions(client: Any, names: Sequence[str]) -> list[Any]:
    position = import_extra("kafka").TopicPartition
    return sorted(
        position(topic["name"], partition["partition_index"])
        for topic in client.describe_topics(list(names))
        if topic["error_code"] == 0
        for partition in topic["partitions"]
    )


def _load_committed(client: Any, group: str) -> Mapping[Any, int]:
    """Load the group's offsets. A cluster without groups creates the topic of their offsets at the
    first query."""
    errors = import_extra("kafka.errors")
    deadline = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            offsets = client.list_group_offsets(group)[group]
        except (errors.CoordinatorNotAvailableError, errors.CoordinatorLoadInProgressError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return {tp: metadata.offset for tp, metadata in offsets.items() if metadata.offset >= 0}


def _build_lag(tp: Any, begin: int, end: int, committed: int | None) -> PartitionLag:
    behind = end - max(begin, committed if committed is not None else begin)
    return PartitionLag(tp.topic, tp.partition, begin, end, committed, max(0, behind))


def _format_topic_id(topic_id: str | uuid.UUID) -> str:
    raw = uuid.UUID(str(topic_id)).bytes
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
