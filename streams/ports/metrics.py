"""Define the metrics of a worker and the listeners: counts and states, never contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.ports import SourceCount


class WorkerMetrics(Protocol):
    """Called from the worker's loop; must not block and never raises."""

    def record_batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None:
        """Record a durable batch. `seconds`: from its locks to its commit."""
        ...

    def record_lateness(self, seconds: float) -> None:
        """Record the time from a record's arrival to its commit."""
        ...

    def set_position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None:
        """Set the next offset to process, the next offset that Kafka's group holds, and the end of
        the log."""
        ...

    def clear_partition(self, topic: str, partition: int) -> None:
        """Clear a partition that another worker owns now."""
        ...

    def set_waiting(self, reason: str) -> None:
        """Set whether `store` or `kafka` refuses for now; empty if neither does."""
        ...

    def record_conflict(self) -> None:
        """Count that another owner moved a position."""
        ...

    def record_failure(self) -> None:
        """Count a record that became a dead letter because the program failed on it."""
        ...

    def set_groups(self, cached: int, memory_bytes: int) -> None:
        """Set the number of cached groups, and an estimate of their memory."""
        ...

    def set_state_size(self, stored_bytes: int, most_bytes: int) -> None:
        """Set the measured size of groups in the store, and its limit."""
        ...

    def set_low_watermark(self, seconds: float) -> None:
        """Set the low watermark in epoch seconds."""
        ...

    def set_leadership(self, leads: bool) -> None:
        """Whether this process does the leader-only jobs."""
        ...

    def set_waiting_exports(self, waiting: int) -> None:
        """Set the number of messages for integrators that Kafka does not have yet."""
        ...


class IntakeMetrics(Protocol):
    """Called from the syslog listener's loop; must not block and never raises."""

    def set_connections(self, open_now: int) -> None:
        """Set the number of open syslog TCP connections."""
        ...

    def record_closed(self, reason: str) -> None:
        """Count a connection that we closed: `limit` (too many were open), `idle` (no record ever
        came) or `tls` (TLS failed)."""
        ...


class NullIntakeMetrics:
    """Says nothing."""

    def set_connections(self, open_now: int) -> None: ...

    def record_closed(self, reason: str) -> None: ...


class ParserMetrics(Protocol):
    """Of records that a parser process did not read to their end; must not block, never raises."""

    def record_ended_reading(self, parser: str, reason: str) -> None:
        """Count a record whose reading was ended; `reason` is a streams.reading_ended.EndReason."""
        ...

    def record_setting_aside(self, parser: str) -> None:
        """Count that similar lines are set aside for a time from now on."""
        ...

    def record_set_aside_line(self) -> None:
        """Count a record that was set aside unread."""
        ...

    def record_restart(self) -> None:
        """Count a child that died and was replaced."""
        ...


class NullParserMetrics:
    """Says nothing."""

    def record_ended_reading(self, parser: str, reason: str) -> None: ...

    def record_setting_aside(self, parser: str) -> None: ...

    def record_set_aside_line(self) -> None: ...

    def record_restart(self) -> None: ...


class NullMetrics:
    """Says nothing."""

    def record_batch(
        self, records: int, seconds: float, sources: Sequence[SourceCount], signals: int
    ) -> None: ...

    def record_lateness(self, seconds: float) -> None: ...

    def set_position(
        self, topic: str, partition: int, processed: int, committed: int, end: int
    ) -> None: ...

    def clear_partition(self, topic: str, partition: int) -> None: ...

    def set_waiting(self, reason: str) -> None: ...

    def record_conflict(self) -> None: ...

    def record_failure(self) -> None: ...

    def set_groups(self, cached: int, memory_bytes: int) -> None: ...

    def set_state_size(self, stored_bytes: int, most_bytes: int) -> None: ...

    def set_low_watermark(self, seconds: float) -> None: ...

    def set_leadership(self, leads: bool) -> None: ...

    def set_waiting_exports(self, waiting: int) -> None: ...


class PollMetrics(Protocol):
    """Of sources that are polled; called from the threads that poll, must not block, never
    raises."""

    def record_content(self, source: str, content_type: str, records: int) -> None:
        """Count the records of one content that was read."""
        ...

    def record_failure(self, source: str, reason: str) -> None:
        """Count a round, or a content type's part of it, that failed."""
        ...

    def set_success(self, source: str, content_type: str, at: float) -> None:
        """Set when all available content was last read, in epoch seconds."""
        ...

    def set_lag(self, source: str, content_type: str, seconds: float) -> None:
        """Set how far the position lies behind the present time."""
        ...

    def set_unread(self, source: str, content_type: str, contents: int) -> None:
        """Set the number of contents that are tried again and again."""
        ...


class NullPollMetrics:
    """Says nothing."""

    def record_content(self, source: str, content_type: str, records: int) -> None: ...

    def record_failure(self, source: str, reason: str) -> None: ...

    def set_success(self, source: str, content_type: str, at: float) -> None: ...

    def set_lag(self, source: str, content_type: str, seconds: float) -> None: ...

    def set_unread(self, source: str, content_type: str, contents: int) -> None: ...


class FollowMetrics(Protocol):
    """Of files that are followed; called from the threads that read, must not block, never
    raises."""

    def set_files(self, source: str, *, files: int, behind: int, troubles: int) -> None:
        """Set the number of files, of bytes that wait to be read, and of files that cannot be
        read."""
        ...


class NullFollowMetrics:
    """Says nothing."""

    def set_files(self, source: str, *, files: int, behind: int, troubles: int) -> None: ...
