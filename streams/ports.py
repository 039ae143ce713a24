"""What the streams wing needs from outside. Whoever implements a port imports it; streams never
imports an implementation. The same contract suite runs on every adapter (tests/contract)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from schemas.alert import Episode, GroupKey, Signal
from schemas.customer import AssetKind, Binding
from schemas.event import Position, RawRecord
from schemas.source import BlindInterval, DeadLetter, Incoming


class EventLog(Protocol):
    """The append-only log of raw records (embedded: the journal; distributed: a topic).

    `append` returns only after the records are durable; until it returns, nothing was received.
    It may be called from any thread; calls are committed in groups. Appending the same bytes twice
    makes two records: idempotence is the event id's business, not the log's.
    """

    def append(self, incoming: Sequence[Incoming]) -> Sequence[Position]:
        """Make the records durable, in this order. Raises Retryable when the disk refuses."""
        ...

    def read(self, after: Position | None, limit: int) -> Sequence[RawRecord]:
        """At most `limit` records after that position, oldest first; empty when drained.

        Raises Corrupt when `after` lies beyond the end or in a journal that is gone without a
        retention record: a re-used number would be skipped silently.
        """
        ...

    def get(self, position: Position) -> RawRecord | None:
        """One record, or None when retention has dropped its day."""
        ...

    def end(self) -> Position | None:
        """Position of the newest durable record; None when empty."""
        ...

    def note_gap(self, gap: BlindInterval) -> None:
        """Record that a source was blind; durable like a record."""
        ...

    def gaps(self) -> Sequence[BlindInterval]:
        """All recorded blind intervals, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What one batch did for one source."""

    source: str
    parser: str = ""
    received: int = 0
    parsed: int = 0
    folded: int = 0
    dead_letters: int = 0
    not_understood: int = 0
    late: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None
    last_arrived: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnattributedCount:
    """Events of one batch that belong to nobody we know, by what would have to be bound."""

    key: str
    events: int
    first: datetime
    last: datetime
    dataset: str


@dataclass(frozen=True, slots=True)
class GroupState:
    """All live episodes of one touched group, recomputed from its retained signals.

    The store reconciles its alerts with exactly this list (streaming semantics, section 1):
    new episodes raise alerts, joined ones merge, moved ones keep their former ids.
    """

    key: GroupKey
    episodes: tuple[Episode, ...]


@dataclass(frozen=True, slots=True)
class Eviction:
    """Nothing in time can reach signals of this group from `begin` to `end` any more (event
    seconds, inclusive): drop them, close their alerts."""

    key: GroupKey
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class BucketRow:
    """Retained signals of one bucket, folded: replaces the bucket's former row and the signal
    log's rows up to the batch's position for it. `payload` is opaque to the store."""

    key: GroupKey
    bucket: int
    payload: bytes = field(repr=False)
    timespan: int = 0
    """Seconds a bucket spans: the store drops the log rows of [bucket, bucket + 1) × timespan and
    finds what an eviction reaches. 0: not said; nothing is dropped and the tail is replayed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one batch of records changes. One transaction, all or nothing."""

    before: Position | None
    """What the worker loaded as position: the fence."""
    after: Position
    signals: Sequence[Signal] = ()
    groups: Sequence[GroupState] = ()
    evictions: Sequence[Eviction] = ()
    buckets: Sequence[BucketRow] = ()
    dead_letters: Sequence[DeadLetter] = ()
    sources: Sequence[SourceCount] = ()
    unattributed: Sequence[UnattributedCount] = ()
    low_watermark: float | None = None
    """Durable, never goes back."""
    arrived: float | None = None
    """Newest arrival processed, epoch seconds."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a worker starts: position, folded buckets, the unfolded tail of the signal log."""

    position: Position | None
    low_watermark: float | None = None
    arrived: float | None = None
    buckets: Sequence[BucketRow] = ()
    tail: Sequence[Signal] = ()


class BatchSink(Protocol):
    """Where a batch commits. The store writes position, signals, alert changes and their audit
    entries together, so streams never sees the audit."""

    def resume(self, partition: str) -> Resume:
        """State as of the last commit."""
        ...

    def commit(self, partition: str, batch: Batch, now: datetime) -> None:
        """All of it or nothing, durable on return. Committing a batch whose `before` is not the
        stored position raises Conflict: drop cached state, resume, read again; never skip.
        Raises Retryable when the database refuses for now; nothing was written then."""
        ...


class RegisterView(Protocol):
    """Immutable, versioned, in-memory view of who owned what, when. No SQL per event."""

    version: int

    def find(
        self, kind: AssetKind, value: str, at: datetime, known_at: datetime | None = None
    ) -> Binding | None:
        """The binding in force at event time `at`, as known at `known_at` (None: as known now).

        Values are compared normalised (case-folded; an address inside a bound network matches, the
        longest prefix wins). None when nobody owned it then: absence is never a default."""
        ...


class Register(Protocol):
    """Gives the newest view; cheap to ask before every batch."""

    def view(self) -> RegisterView:
        """The newest view; the same object while nothing changed."""
        ...
