"""What a worker sends to integrators beside the store: dead letters with their bytes, so that they
outlive the raw topic's retention."""

from __future__ import annotations

import base64

import orjson

from schemas.event import ECS_VERSION, Event, nest
from schemas.source import DeadLetter
from streams.ports import Export
from streams.tokenizers.stamps import zulu

DEAD_LETTERS = "dead-letters"
EVENTS = "events"


def event_export(event: Event) -> Export:
    """The event as one nested ECS JSON object, its key the event's id."""
    fields = {
        **event.fields,
        "@timestamp": zulu(event.time),
        "ecs.version": ECS_VERSION,
        "event.id": event.id,
        "event.ingested": zulu(event.arrived),
        "event.hash": event.sha256,
    }
    return Export(EVENTS, event.id, orjson.dumps(nest(fields), default=str))


def dead_letter_export(letter: DeadLetter, raw: bytes) -> Export:
    """One JSON object: position, source, arrived, parser, reason, sha256 and the raw bytes as
    base64 (RFC 4648)."""
    document = {
        "journal": letter.position.journal,
        "offset": letter.position.offset,
        "source": letter.source,
        "arrived": letter.arrived,
        "parser": letter.parser,
        "reason": letter.reason,
        "sha256": letter.sha256,
        "raw": base64.b64encode(raw).decode("ascii"),
    }
    key = f"{letter.position.journal}:{letter.position.offset}"
    return Export(DEAD_LETTERS, key, orjson.dumps(document))


def raw_of(exported: bytes) -> bytes:
    """The vendor's bytes of an exported dead letter. Raises ValueError when it holds none."""
    return base64.b64decode(orjson.loads(exported).get("raw", ""), validate=True)


def refused_order(place: str, reason: str) -> Export:
    """An order from outside that could not be followed; `place` finds it in the commands topic."""
    return Export(DEAD_LETTERS, place, orjson.dumps({"order": place, "reason": reason}))
