"""What a worker and the listeners say of themselves: counts and states, never contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.ports import SourceCount


class Meter(Protocol):
    """Called from the worker's loop; must not block and never raises."""

    def batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None:
        """One batch is durable. `seconds`: from its locks to its commit."""
        ...

    def lateness(self, seconds: float) -> None:
        """From a record's arrival to its commit."""
        ...

    def position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None:
        """Next offset to process, next offset that Kafka's group holds, end of the log."""
        ...

    def released(self, topic: str, partition: int) -> None:
        """The partition is another worker's now."""
        ...

    def waiting(self, reason: str) -> None:
        """`store` or `kafka` refuses for now; empty: all is well."""
        ...

    def conflict(self) -> None:
        """Another owner moved a position."""
        ...

    def failed(self) -> None:
        """The program itself failed on a record, which became a dead letter."""
        ...

    def groups(self, cached: int, memory_bytes: int) -> None:
        """Copies of groups kept in memory, and what they take, roughly."""
        ...

    def state(self, stored_bytes: int, most_bytes: int) -> None:
        """What groups take in the store, as asked last, and what they may take."""
        ...

    def low_watermark(self, seconds: float) -> None:
        """Epoch seconds."""
        ...

    def leader(self, leads: bool) -> None:
        """Whether this process does the leader-only jobs."""
        ...

    def exports(self, waiting: int) -> None:
        """Messages for integrators that Kafka does not have yet."""
        ...


class IntakeMeter(Protocol):
    """Called from the syslog listener's loop; must not block and never raises."""

    def connections(self, open_now: int) -> None:
        """Syslog TCP connections that are open."""
        ...

    def let_go(self, reason: str) -> None:
        """We closed one: `limit` (too many were open) or `idle` (no record ever came)."""
        ...


class SilentIntakeMeter:
    """Says nothing."""

    def connections(self, open_now: int) -> None:
        """As IntakeMeter."""

    def let_go(self, reason: str) -> None:
        """As IntakeMeter."""


class ReadingMeter(Protocol):
    """Of records that a parser process did not read to their end; must not block, never raises."""

    def ended(self, parser: str, reason: str) -> None:
        """One record's reading was ended; why, as streams.reading_ended.Reason."""
        ...

    def setting_aside(self, parser: str) -> None:
        """From now on lines that are like those are set aside, for a time."""
        ...

    def set_aside(self) -> None:
        """One record was set aside unread."""
        ...

    def restarted(self) -> None:
        """The child has died, and another has started."""
        ...


class SilentReadingMeter:
    """Says nothing."""

    def ended(self, parser: str, reason: str) -> None:
        """As ReadingMeter."""

    def setting_aside(self, parser: str) -> None:
        """As ReadingMeter."""

    def set_aside(self) -> None:
        """As ReadingMeter."""

    def restarted(self) -> None:
        """As ReadingMeter."""


class SilentMeter:
    """Says nothing."""

    def batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None:
        """As Meter."""

    def lateness(self, seconds: float) -> None:
        """As Meter."""

    def position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None:
        """As Meter."""

    def released(self, topic: str, partition: int) -> None:
        """As Meter."""

    def waiting(self, reason: str) -> None:
        """As Meter."""

    def conflict(self) -> None:
        """As Meter."""

    def failed(self) -> None:
        """As Meter."""

    def groups(self, cached: int, memory_bytes: int) -> None:
        """As Meter."""

    def state(self, stored_bytes: int, most_bytes: int) -> None:
        """As Meter."""

    def low_watermark(self, seconds: float) -> None:
        """As Meter."""

    def leader(self, leads: bool) -> None:
        """As Meter."""

    def exports(self, waiting: int) -> None:
        """As Meter."""
