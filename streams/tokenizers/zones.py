"""Look up time zones by IANA name, for stamps that carry none."""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.errors import ConfigurationError


@lru_cache(maxsize=1024)
def get_zone(name: str) -> tzinfo:
    """Return the zone `Europe/London`. Raises ConfigurationError for an unknown name."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"no time zone {name!r}", place="source.zone", remedy="Write an IANA name."
        ) from error
