"""Check times and texts that people record afterwards."""

from __future__ import annotations

from datetime import datetime

from schemas.errors import BadInput
from schemas.times import convert_to_utc


def check_past(
    moment: datetime, now: datetime, *, place: str, earliest: datetime | None = None
) -> datetime:
    """Return the moment. Raises BadInput when it is in the future, or before the earliest."""
    if convert_to_utc(moment) > convert_to_utc(now):
        raise BadInput("this time lies in the future", place=place, remedy="Correct it.")
    if earliest is not None and convert_to_utc(moment) < convert_to_utc(earliest):
        raise BadInput(
            "this time lies before what it follows", place=place, remedy="Correct one of the two."
        )
    return moment


def strip_optional(text: str | None) -> str | None:
    """Strip surrounding blanks. None: nothing remains."""
    return (text or "").strip() or None
