"""Define, create and check the topics on Kafka."""

from __future__ import annotations

from streams.kafka.topics.findings import TopicCheck, check_topics, require_topics
from streams.kafka.topics.making import TopicChange, create_topics, remove_topics
from streams.kafka.topics.names import build_source_topic, build_topic_name, find_source
from streams.kafka.topics.offsets import PartitionLag, list_lags, load_topic_ids
from streams.kafka.topics.specs import TopicSpec, build_topic_specs

__all__ = [
    "PartitionLag",
    "TopicChange",
    "TopicCheck",
    "TopicSpec",
    "build_source_topic",
    "build_topic_name",
    "build_topic_specs",
    "check_topics",
    "create_topics",
    "find_source",
    "list_lags",
    "load_topic_ids",
    "remove_topics",
    "require_topics",
]
