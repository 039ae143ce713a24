"""Convert ECS documents given by hand (files, examples) to Events, without intake or register."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from schemas.errors import BadInput
from schemas.pipeline.event import AssetTouch, Event, RecordPosition, flatten

OFFSET = "breach.example.offset"
"""After `@timestamp`: how an example's repeated event is spread. A timedelta, which no JSON holds:
what a sender writes there moves nothing."""


def parse_events(documents: Iterable[Mapping[str, Any]]) -> Iterator[Event]:
    """Yield one Event a document, nested or dotted. Without `organization.id` they all belong to
    one unnamed organization: a file is one customer's unless it says otherwise.

    Raises BadInput naming the document for a missing or unreadable `@timestamp`."""
    for number, document in enumerate(documents, start=1):
        yield parse_event(document, number)


def parse_event(document: Mapping[str, Any], number: int = 1) -> Event:
    """Parse one document like `parse_events`."""
    if not isinstance(document, Mapping):
        raise BadInput(
            "no JSON object.", place=f"event {number}", remedy="Give one object an event."
        )
    fields = flatten(document)
    time = _parse_time(fields.get("@timestamp"), number)
    if isinstance(fields.get(OFFSET), timedelta):
        time += fields.pop(OFFSET)
    digest = hashlib.sha256(
        orjson.dumps({**fields, "@timestamp": time}, default=str, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()
    organization = str(fields.get("organization.id", ""))
    return Event(
        id=str(fields.get("event.id") or digest[:32]),
        time=time,
        arrived=time,
        dataset=str(fields.get("event.dataset", "")),
        source=str(fields.get("event.dataset", "file")),
        fields=fields,
        position=RecordPosition("file", number),
        sha256=digest,
        organization=organization,
        touches=(AssetTouch(organization, "", ""),) if organization else (),
    )


def _parse_time(stamp: Any, number: int) -> datetime:
    if isinstance(stamp, datetime):
        return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    try:
        time = datetime.fromisoformat(stamp)
    except (TypeError, ValueError) as wrong:
        raise BadInput(
            "@timestamp is missing or no ISO 8601 time.",
            place=f"event {number}",
            remedy="Give each event its time, e.g. 2026-11-22T10:00:00Z.",
        ) from wrong
    return time if time.tzinfo else time.replace(tzinfo=UTC)
