"""What a worker and the listeners say of themselves: counts and states, never contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.ports import SourceCount


class WorkerMetrics(Protocol):
    """Called from the worker's loop; must not block and never raises."""

    def record_batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None:
        """One batch is durable. `seconds`: from its locks to its commit."""
        ...

    def record_lateness(self, seconds: float) -> None:
        """From a record's arrival to its commit."""
        ...

    def set_position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None:
        """Next offset to process, next offset that Kafka's group holds, end of the log."""
        ...

    def clear_partition(self, topic: str, partition: int) -> None:
        """The partition is another worker's now."""
        ...

    def set_waiting(self, reason: str) -> None:
        """`store` or `kafka` refuses for now; empty: all is well."""
        ...

    def record_conflict(self) -> None:
        """Another owner moved a position."""
        ...

    def record_failure(self) -> None:
        """The program itself failed on a record, which became a dead letter."""
        ...

    def set_groups(self, cached: int, memory_bytes: int) -> None:
        """Copies of groups kept in memory, and what they take, roughly."""
        ...

    def set_state_size(self, stored_bytes: int, most_bytes: int) -> None:
        """What groups take in the store, as asked last, and what they may take."""
        ...

    def set_low_watermark(self, seconds: float) -> None:
        """Epoch seconds."""
        ...

    def set_leadership(self, leads: bool) -> None:
        """Whether this process does the leader-only jobs."""
        ...

    def set_waiting_exports(self, waiting: int) -> None:
        """Messages for integrators that Kafka does not have yet."""
        ...


class IntakeMetrics(Protocol):
    """Called from the syslog listener's loop; must not block and never raises."""

    def set_connections(self, open_now: int) -> None:
        """Syslog TCP connections that are open."""
        ...

    def record_closed(self, reason: str) -> None:
        """We closed one: `limit` (too many were open) or `idle` (no record ever came)."""
        ...


class NullIntakeMetrics:
    """Says nothing."""

    def set_connections(self, open_now: int) -> None:
        """As IntakeMeter."""

    def record_closed(self, reason: str) -> None:
        """As IntakeMeter."""


class ParserMetrics(Protocol):
    """Of records that a parser process did not read to their end; must not block, never raises."""

    def record_ended_reading(self, parser: str, reason: str) -> None:
        """One record's reading was ended; why, as streams.reading_ended.EndReason."""
        ...

    def record_setting_aside(self, parser: str) -> None:
        """From now on lines that are like those are set aside, for a time."""
        ...

    def record_set_aside_line(self) -> None:
        """One record was set aside unread."""
        ...

    def record_restart(self) -> None:
        """The child has died, and another has started."""
        ...


class NullParserMetrics:
    """Says nothing."""

    def record_ended_reading(self, parser: str, reason: str) -> None:
        """As ReadingMeter."""

    def record_setting_aside(self, parser: str) -> None:
        """As ReadingMeter."""

    def record_set_aside_line(self) -> None:
        """As ReadingMeter."""

    def record_restart(self) -> None:
        """As ReadingMeter."""


class NullMetrics:
    """Says nothing."""

    def record_batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None:
        """As Meter."""

    def record_lateness(self, seconds: float) -> None:
        """As Meter."""

    def set_position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None:
        """As Meter."""

    def clear_partition(self, topic: str, partition: int) -> None:
        """As Meter."""

    def set_waiting(self, reason: str) -> None:
        """As Meter."""

    def record_conflict(self) -> None:
        """As Meter."""

    def record_failure(self) -> None:
        """As Meter."""

    def set_groups(self, cached: int, memory_bytes: int) -> None:
        """As Meter."""

    def set_state_size(self, stored_bytes: int, most_bytes: int) -> None:
        """As Meter."""

    def set_low_watermark(self, seconds: float) -> None:
        """As Meter."""

    def set_leadership(self, leads: bool) -> None:
        """As Meter."""

    def set_waiting_exports(self, waiting: int) -> None:
        """As Meter."""
