"""Build names of topics. Kafka takes letters, digits, `.`, `_` and `-`, 249 characters in all.

A source may have any name: each byte of its UTF-8 that Kafka refuses, and `_` itself, becomes `_xx`
(hexadecimal), so that the name can be decoded."""

from __future__ import annotations

import re

from schemas.errors import ConfigurationError
from schemas.settings import KafkaSettings

LONGEST = 249
"""org.apache.kafka.common.internals.Topic.MAX_NAME_LENGTH."""
_LEGAL = re.compile(r"[A-Za-z0-9._-]*")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")
_ESCAPED = re.compile(r"(?:[A-Za-z0-9.-]|_[0-9a-f]{2})+")


def build_topic_name(kafka: KafkaSettings, name: str) -> str:
    """Build `<prefix><name>`; name: `raw`, `alerts`, `commands` …. Raises ConfigurationError if it
    is too long."""
    if not _LEGAL.fullmatch(kafka.prefix):
        raise ConfigurationError(
            "a topic's name may hold letters, digits, '.', '_' and '-' only",
            place="kafka.prefix",
            remedy="Choose another prefix.",
        )
    return _check_length(f"{kafka.prefix}{name}", "kafka.prefix")


def build_source_topic(kafka: KafkaSettings, source: str) -> str:
    """Build `<prefix>raw.<source>`. Raises ConfigurationError for a name that is empty or too
    long."""
    if not source:
        raise ConfigurationError(
            "a source has no name", place="sources.name", remedy="Give every source a name."
        )
    escaped = "".join(chr(b) if b in _PLAIN else f"_{b:02x}" for b in source.encode())
    return _check_length(f"{build_topic_name(kafka, 'raw')}.{escaped}", f"source {source[:60]!r}")


def find_source(kafka: KafkaSettings, topic: str) -> str | None:
    """Return the source of this raw topic; None for the catch-all and for any other topic."""
    start = f"{build_topic_name(kafka, 'raw')}."
    rest = topic.removeprefix(start)
    if not topic.startswith(start) or not _ESCAPED.fullmatch(rest):
        return None
    plain = re.sub(rb"_([0-9a-f]{2})", lambda m: bytes.fromhex(m[1].decode()), rest.encode())
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return None


def _check_length(topic: str, place: str) -> str:
    if len(topic) > LONGEST:
        raise ConfigurationError(
            f"its topic's name would have {len(topic)} characters; Kafka takes {LONGEST}",
            place=place,
            remedy="Shorten the name or kafka.prefix.",
        )
    return topic
