"""Our topics on Kafka: what they are called, how they must be set, and what the broker holds."""

from __future__ import annotations

from streams.topics.findings import Finding, check, require
from streams.topics.making import Change, create, remove
from streams.topics.names import source_of, source_topic, topic_name
from streams.topics.offsets import PartitionLag, lag, topic_ids
from streams.topics.specs import TopicSpec, topic_specs

__all__ = [
    "Change",
    "Finding",
    "PartitionLag",
    "TopicSpec",
    "check",
    "create",
    "lag",
    "remove",
    "require",
    "source_of",
    "source_topic",
    "topic_ids",
    "topic_name",
    "topic_specs",
]
