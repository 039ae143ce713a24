"""Collect what the parts of this process that fetch records cannot read at present."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class SourceTroubles:
    """What pollers and followers report, each text beginning with the name of its source and a
    colon. Calls may come from any thread."""

    def __init__(self) -> None:
        self._readers: tuple[Callable[[], Sequence[str]], ...] = ()

    def add_reader(self, list_troubles: Callable[[], Sequence[str]]) -> None:
        """Add a part that fetches records."""
        self._readers = (*self._readers, list_troubles)

    def list_current(self) -> Sequence[str]:
        """List the present troubles of all parts."""
        return [text for list_troubles in self._readers for text in list_troubles()]
