"""Define what is known of a followed file: facts for whoever watches the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileState:
    """How far one file is read, and what prevents reading it."""

    source: str
    path: str
    looked: datetime | None
    """When its end was last seen; None: never yet."""
    position: int
    """Bytes that were read of its content, unpacked."""
    behind: int
    """Bytes that wait to be read."""
    trouble: str | None = None


class FileStates(Protocol):
    """Calls may come from any thread."""

    def list_states(self) -> Sequence[FileState]:
        """List the files that are followed now, and those that cannot be read."""
        ...
