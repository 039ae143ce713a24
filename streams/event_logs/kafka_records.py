"""Convert Kafka records: the value is the vendor's bytes, the rest is headers.

A record's arrival is the broker's LogAppendTime: a producer's own time is never trusted, except in
a drill with its simulated clock. A record's key is never trusted either; groups do not depend on
it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from schemas.errors import ConfigurationError
from schemas.pipeline.event import RawRecord, RecordPosition
from schemas.pipeline.source import IncomingRecord

LOG_APPEND_TIME = 1
"""`timestampType` of a record (Kafka protocol guide, record batch attributes, bit 3)."""
LONGEST = 200
"""Characters of a header; a source's name has room for as many in the store."""
NUL_SHOWN = "\N{SYMBOL FOR NULL}"
PLACE = re.compile(r"([A-Za-z0-9_-]{1,60}):([0-9]{1,18})")
UNKNOWN_SOURCE = "unknown"
TRANSPORT = "kafka"

RecordHeaders = Sequence[tuple[str, bytes]]


class ConsumedRecord(Protocol):
    """What the clients' consumer records have in common."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def timestamp_type(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Iterable[tuple[str, bytes]]: ...


def build_journal_id(topic_id: str, partition: int) -> str:
    """Return the id of one partition of one creation of a topic: a re-created topic is another
    journal."""
    return f"{topic_id}-{partition}"


class RecordDecoder:
    """Records of known topics → RawRecord."""

    def __init__(
        self,
        topic_ids: Mapping[str, str],
        sources: Mapping[str, str | None],
        *,
        drill: bool = False,
    ) -> None:
        """Bind topics to ids. `topic_ids`: topic → its UUID; `sources`: topic → its source,
        None: a header names it."""
        self._ids = topic_ids
        self._sources = sources
        self._drill = drill
        self._journals: dict[tuple[str, int], str] = {}
        self._arrived = (0, datetime.fromtimestamp(0, UTC))

    def decode_record(self, consumed: ConsumedRecord) -> RawRecord:
        """Raises ConfigurationError when the topic keeps the producers' times."""
        if consumed.timestamp_type != LOG_APPEND_TIME:
            raise ConfigurationError(
                "the topic keeps producers' times, not the broker's",
                place=f"topic {consumed.topic}, message.timestamp.type",
                remedy="Run breachdesk topics create: it sets LogAppendTime.",
            )
        arrived = self._to_moment(consumed.timestamp)
        source = self._sources.get(consumed.topic)
        position = RecordPosition(
            self.get_journal_id(consumed.topic, consumed.partition), consumed.offset
        )
        raw = consumed.value or b""
        if not consumed.headers:
            return RawRecord(position, source or UNKNOWN_SOURCE, raw, arrived, TRANSPORT)
        return self._build_record(consumed, source, position, raw, arrived)

    def _to_moment(self, timestamp: int) -> datetime:
        """Convert the timestamp; the broker stamps a batch once, so its records share one
        object."""
        if self._arrived[0] != timestamp:
            self._arrived = (timestamp, datetime.fromtimestamp(timestamp / 1000, UTC))
        return self._arrived[1]

    def get_journal_id(self, topic: str, partition: int) -> str:
        """Return the journal id of a partition, the same object each time."""
        place = (topic, partition)
        journal = self._journals.get(place)
        if journal is None:
            journal = self._journals[place] = build_journal_id(self._ids[topic], partition)
        return journal

    def _build_record(
        self,
        consumed: ConsumedRecord,
        source: str | None,
        position: RecordPosition,
        raw: bytes,
        arrived: datetime,
    ) -> RawRecord:
        headers = {name: _decode_text(value) for name, value in consumed.headers}
        return RawRecord(
            position=position,
            source=source or headers.get("source") or UNKNOWN_SOURCE,
            raw=raw,
            arrived=_parse_moment(headers.get("arrived", ""), arrived) if self._drill else arrived,
            transport=headers.get("transport", TRANSPORT),
            sender=headers.get("sender", ""),
            backfill=headers.get("backfill") == "1",
            piece=headers.get("piece", ""),
            replay_of=_parse_position(headers.get("replay-of", "")),
        )


def build_headers(incoming: IncomingRecord) -> RecordHeaders:
    """Build the headers that a listener adds to the bytes."""
    repeated = incoming.replay_of
    headers = {
        "source": incoming.source,
        "transport": incoming.transport,
        "sender": incoming.sender,
        "piece": incoming.piece,
        "backfill": "1" if incoming.backfill else "",
        "arrived": incoming.arrived.isoformat(),
        # When the dead letter first arrived is the store's to say, not a header's.
        "replay-of": f"{repeated.journal}:{repeated.offset}" if repeated else "",
    }
    return [(name, value.encode()) for name, value in headers.items() if value]


def _decode_text(value: bytes) -> str:
    """Decode a header that any producer may have written: what no database holds is shown escaped,
    and long text is cut."""
    return value.decode("utf-8", "replace").replace("\x00", NUL_SHOWN)[:LONGEST]


def _parse_position(text: str) -> RecordPosition | None:
    place = PLACE.fullmatch(text)
    return None if place is None else RecordPosition(place[1], int(place[2]))


def _parse_moment(text: str, otherwise: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return moment.astimezone(UTC) if moment.tzinfo else otherwise
