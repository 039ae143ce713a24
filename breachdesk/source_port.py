"""Sources, dead letters and blind intervals as casework, console and command line see them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from schemas.paging import Page, PageRequest
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval, DeadLetter, SourceView


class SourceBook(Protocol):
    """Sources, dead letters, blind intervals."""

    def list(self) -> Sequence[SourceView]:
        """All of them, by name."""
        ...

    def list_by_names(self, names: Collection[str]) -> Sequence[SourceView]:
        """Those of these that are known, by name."""
        ...

    def list_page(self, request: PageRequest) -> Page[SourceView]:
        """By name. Raises BadInput for a cursor that is none."""
        ...

    def get_last_arrivals(self) -> Mapping[str, datetime | None]:
        """When the last record of each source arrived, by name; None: no record of it ever did."""
        ...

    def list_troubled(self) -> Sequence[str]:
        """Names of those of which something became no event, most not understood first."""
        ...

    def list_dead_letters(self, *, limit: int = 500) -> Sequence[DeadLetter]:
        """Newest first, those not yet replayed."""
        ...

    def list_dead_letters_page(self, request: PageRequest) -> Page[DeadLetter]:
        """The same, all of them in pages. Raises BadInput for a cursor that is none."""
        ...

    def list_dead_letters_after(
        self, position: RecordPosition | None, *, limit: int
    ) -> Sequence[DeadLetter]:
        """So many of those not yet replayed, in the order of their positions, after this one; None:
        from the first."""
        ...

    def mark_replayed(self, position: RecordPosition) -> None:
        """A later replay made an event of it."""
        ...

    def add_gap(self, gap: BlindInterval) -> None:
        """Idempotent by (source, begin)."""
        ...

    def list_gaps(self) -> Sequence[BlindInterval]:
        """All of them, oldest first."""
        ...

    def filter_unknown_gaps(self, gaps: Collection[BlindInterval]) -> Sequence[BlindInterval]:
        """Those of these that are not here, or of which something else is known, in their order."""
        ...

    def list_gaps_within(self, begin: datetime, end: datetime) -> Sequence[BlindInterval]:
        """Those that overlap this time, oldest first; one that has not ended lasts for ever."""
        ...

    def list_gaps_page(self, request: PageRequest) -> Page[BlindInterval]:
        """Newest first. Raises BadInput for a cursor that is none."""
        ...
