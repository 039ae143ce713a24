"""Build the messages for integrators: events, and dead letters with their bytes, so that they
outlive the raw topic's retention."""

from __future__ import annotations

import base64

import orjson

from schemas.pipeline.event import ECS_VERSION, Event, build_nested
from schemas.pipeline.source import DeadLetter
from streams.ports import ExportMessage
from streams.tokenizers.stamps import format_zulu

DEAD_LETTERS = "dead-letters"
EVENTS = "events"


def build_event_export(event: Event) -> ExportMessage:
    """Build the event as one nested ECS JSON object; its key is the event's id."""
    fields = {
        **event.fields,
        "@timestamp": format_zulu(event.time),
        "ecs.version": ECS_VERSION,
        "event.id": event.id,
        "event.ingested": format_zulu(event.arrived),
        "event.hash": event.sha256,
    }
    return ExportMessage(EVENTS, event.id, orjson.dumps(build_nested(fields), default=str))


def build_dead_letter_export(letter: DeadLetter, raw: bytes) -> ExportMessage:
    """Build one JSON object: position, source, arrived, parser, reason, sha256 and the raw bytes as
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
    return ExportMessage(DEAD_LETTERS, key, orjson.dumps(document))


def extract_raw(exported: bytes) -> bytes:
    """Return the vendor's bytes of an exported dead letter. Raises ValueError if it holds none."""
    return base64.b64decode(orjson.loads(exported).get("raw", ""), validate=True)


def build_refused_order(place: str, reason: str) -> ExportMessage:
    """Build the letter of an order from outside that could not be followed; `place` finds it in the
    commands topic."""
    return ExportMessage(DEAD_LETTERS, place, orjson.dumps({"order": place, "reason": reason}))
