"""Events that differ from others in a few facts."""

from __future__ import annotations

from typing import Any

from schemas.pipeline.event import Event

FACTS = (
    *("id", "time", "arrived", "dataset", "source", "fields", "position", "sha256"),
    *("organization", "touches", "unattributed", "in_time"),
)


def changed_event(event: Event, **changes: Any) -> Event:
    """The same event but for these facts."""
    return Event(**{name: getattr(event, name) for name in FACTS} | changes)
