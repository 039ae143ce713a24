"""Convert times: they are aware and compared in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.errors import BadInput


def convert_to_utc(moment: datetime) -> datetime:
    """Convert the moment to UTC. Raises BadInput for one without a zone."""
    if moment.tzinfo is None:
        raise BadInput("a time without a zone", place="time", remedy="Give its zone.")
    return moment.astimezone(UTC)
