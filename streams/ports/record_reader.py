"""Define how records are recognised and parsed, in this process or another."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import RawRecord
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent

Outcome = tuple[str, ParsedEvent | IgnoredLine] | UnparseableRecord
"""Of reading one record: the parser's id and what the record tells, or why it tells nothing."""


class RecordReader(Protocol):
    """Recognises and parses records (in this process, or in a process of its own that can be
    ended). Its settings name the parser and the zone of each source."""

    def read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        """Yield one outcome for each record, in order; close the iterator to stop early.

        A record that no parser reads, or on which a parser fails, gives an UnparseableRecord with a
        `place` that begins with the parser's id. Reading the same records again gives the same
        outcomes. Raises ConfigurationError if a parser cannot be loaded, RetryableError if reading
        is not possible now."""
        ...
