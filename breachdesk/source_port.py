"""Protocol of a unit of work for sources, dead letters and blind intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from schemas.paging import Page, PageRequest
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval, DeadLetter, SourceView


class SourceBook(Protocol):
    """Sources, dead letters and blind intervals."""

    def list(self) -> Sequence[SourceView]:
        """List all sources, by name."""
        ...

    def list_by_names(self, names: Collection[str]) -> Sequence[SourceView]:
        """List those of these sources that are known, by name."""
        ...

    def list_page(
        self, request: PageRequest, *, words: str | None = None, troubled: bool = False
    ) -> Page[SourceView]:
        """List a page by name; `words` must occur in the name, and with `troubled` an operations
        alert must be open. Raises BadInput for an invalid cursor."""
        ...

    def get_last_arrivals(self) -> Mapping[str, datetime | None]:
        """Return when the last record of each source arrived, by name. None: no record ever did."""
        ...

    def list_troubled(self) -> Sequence[str]:
        """List names of sources with records that became no event, those with the most first."""
        ...

    def find_least_understood(self) -> tuple[str, int] | None:
        """Find the source with the most records that no parser recognises, and their number. None:
        there is none."""
        ...

    def list_dead_letters(self, *, limit: int = 500) -> Sequence[DeadLetter]:
        """List dead letters not yet replayed, newest first."""
        ...

    def list_dead_letters_page(self, request: PageRequest) -> Page[DeadLetter]:
        """List all of the same in pages. Raises BadInput for an invalid cursor."""
        ...

    def list_dead_letters_after(
        self, position: RecordPosition | None, *, limit: int
    ) -> Sequence[DeadLetter]:
        """List up to `limit` dead letters not yet replayed, in order of position, after this
        position. None: from the first."""
        ...

    def mark_replayed(self, position: RecordPosition) -> None:
        """Record that a later replay turned the letter into an event."""
        ...

    def add_gap(self, gap: BlindInterval) -> None:
        """Add a gap. Idempotent by (source, begin)."""
        ...

    def list_gaps(self) -> Sequence[BlindInterval]:
        """List all gaps, oldest first."""
        ...

    def filter_unknown_gaps(self, gaps: Collection[BlindInterval]) -> Sequence[BlindInterval]:
        """Filter the gaps to those that the store lacks or holds with other content, in their
        order."""
        ...

    def list_gaps_within(self, begin: datetime, end: datetime) -> Sequence[BlindInterval]:
        """List gaps that overlap this time, oldest first; one that has not ended has no upper
        bound."""
        ...

    def list_gaps_page(self, request: PageRequest) -> Page[BlindInterval]:
        """List a page, newest first. Raises BadInput for an invalid cursor."""
        ...
