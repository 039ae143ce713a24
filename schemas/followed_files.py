"""Define the settings of files that are followed as a source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.customer import FrozenModel


def _check_pattern(text: str) -> str:
    if not Path(text).is_absolute():
        raise ValueError("it is no absolute path; begin it with /")
    if "**" in text and "**" not in Path(text).parts:
        raise ValueError(
            "** stands for folders and must be a part of its own, as in /logs/**/*.log"
        )
    return text


PathPattern = Annotated[str, AfterValidator(_check_pattern)]


class FollowedFilesSettings(FrozenModel):
    """Files whose lines are records of one source."""

    source: str = Field(min_length=1)
    """Name of the source; `[[sources]]` says its format, zone and owner."""
    paths: tuple[PathPattern, ...] = Field(min_length=1)
    """Absolute paths; `*`, `?` and `[…]` within a name, `**` for folders at any depth."""
    exclude: tuple[str, ...] = ()
    """Patterns of paths or names that are not read."""
    poll_seconds: float = Field(default=1.0, gt=0.0)
    """Seconds between two looks at the files."""
    scan_seconds: float = Field(default=5.0, ge=0.0)
    """Seconds between two looks for new files."""
    skip_older_days: float | None = Field(default=None, gt=0.0)
    """Files that were last written to before so many days are left out when they are first seen."""
    last_line_hours: float = Field(default=24.0, gt=0.0)
    """A last line without its end is taken as whole when its file has been quiet for so long."""
