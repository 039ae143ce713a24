"""Define a batch of records: its changes, and where it commits (docs/reference/streaming.md)."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from schemas.pipeline.alert import Episode, GroupKey, Signal
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.slotted import slotted
from schemas.pipeline.source import DeadLetter
from streams.ports.counts import HourCount, SourceCount, SourceSighting, UnattributedCount


@dataclass(frozen=True, slots=True)
class GroupState:
    """All live episodes of one touched group, recomputed from its retained signals.

    The store reconciles its alerts with exactly this list (docs/reference/streaming.md):
    new episodes raise alerts, joined ones merge, moved ones keep their former ids.
    """

    key: GroupKey
    episodes: tuple[Episode, ...]


@slotted
class EvictedInterval:
    """Nothing in time can reach signals of this group from `begin` to `end` any more (event
    seconds, inclusive): drop them, close their alerts."""

    key: GroupKey
    begin: float
    end: float
    alerts: bool = True
    """False: no alert can depend on them."""


@slotted
class BucketRow:
    """Retained signals of one bucket, folded: replaces the bucket's former row and the signal
    log's rows up to the batch's position for it. `payload` is opaque to the store."""

    key: GroupKey
    bucket: int
    payload: bytes = field(repr=False)
    timespan: int = 0
    """Seconds a bucket spans: the store drops the log rows of [bucket, bucket + 1) × timespan and
    finds what an eviction reaches. 0: not said; nothing is dropped and the tail is replayed."""
    due: float = 0.0
    """The low watermark from which a sweep should look at the bucket's group."""


@dataclass(frozen=True, slots=True)
class StoredPosition:
    """What the store holds of one partition that many workers may own in turn."""

    position: RecordPosition | None
    """None: nothing of it was ever processed."""
    epoch: int = 0
    """Rises when an operator moves the position by hand: the same offset is then another fence."""
    revision: int = 0
    """Rises by one with every commit that names this partition, also with one that leaves the
    offset where it is. The fence compares epoch, offset and revision."""
    counted: int | None = None
    """Highest offset ever processed. Records up to it are a replay: they are not counted as
    received again."""
    counted_in: str | None = None
    """The journal of the offset: a re-created topic counts from the beginning."""
    arrived: float | None = None
    """Newest arrival processed, or the moment it was last seen drained; epoch seconds."""


class KnownLetter(NamedTuple):
    """A stored dead letter, and whether it still waits to be replayed."""

    letter: DeadLetter
    waits: bool


@dataclass(frozen=True, slots=True)
class PartitionAdvance:
    """One partition's step in a batch: the fence and where it goes."""

    partition: str
    before: StoredPosition
    after: RecordPosition
    arrived: float | None = None


@dataclass(frozen=True, slots=True)
class ExportMessage:
    """A message for integrators, kept in the transactional outbox until Kafka has it."""

    topic: str
    """Without the prefix: `alerts`, `breaches`, `dead-letters`, `events`."""
    key: str
    value: bytes = field(repr=False)


@slotted
class GroupRows:
    """One group as the store holds it, locked unless one owner has all partitions."""

    key: GroupKey
    version: int
    """Another number after every change; 0: the group is new. A sole owner's stays 1."""
    buckets: Sequence[BucketRow] | None
    """None: the version is the one the caller knows, so nothing was read."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """Signals of one batch that no bucket row holds yet. Only a sole owner writes any."""

    number: int
    """Rises from row to row of a partition, with gaps."""
    body: bytes = field(repr=False)
    """Opaque to the store (streams.correlate.signal_rows)."""


@dataclass(frozen=True, slots=True)
class GroupUpdates:
    """What became of the groups of a batch: written in the same transaction."""

    changed: Sequence[GroupKey] = ()
    """These get another version."""
    groups: Sequence[GroupState] = ()
    """Changed groups whose alerts the store must reconcile: those that have an episode, and those
    that were read from the store since they were reconciled last."""
    buckets: Sequence[BucketRow] = ()
    """Written over what is stored of them."""
    emptied: Sequence[EvictedInterval] = ()
    """Buckets that hold nothing any more; their alerts stay."""
    log: bytes | None = None
    """A sole owner's signals of this batch that `buckets` does not hold: one log row."""
    log_first_needed: int | None = None
    """Log rows with a lower number, of whatever partition, are in bucket rows by now: they go."""


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What a commit gave."""

    versions: Mapping[GroupKey, int]
    """Of every group of the batch, afterwards."""
    log_number: int | None = None
    """Of the log row that was written."""


@slotted
class ReboundGroup:
    """Signals that left one group for another, since the owner of an asset became known. Alerts of
    the former group that an episode of the new one contains become that group's. Both may be the
    same: then the signals say something else."""

    former: GroupKey
    key: GroupKey
    signals: Sequence[Signal] = ()
    """Of the new group, as they are now."""


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Everything one batch of records from any partitions changes, but for the groups: their state
    is only known once they are locked."""

    advances: Sequence[PartitionAdvance]
    keys: Sequence[GroupKey] = ()
    """Groups that the batch has signals for."""
    dead_letters: Sequence[DeadLetter] = ()
    sources: Sequence[SourceCount] = ()
    hours: Sequence[HourCount] = ()
    sightings: Sequence[SourceSighting] = ()
    unattributed: Sequence[UnattributedCount] = ()
    exports: Sequence[ExportMessage] = ()
    hold_until: float | None = None
    """A backfill was seen: nothing is evicted before this arrival watermark."""
    rebound: Sequence[ReboundGroup] = ()
    repeated: Sequence[RecordPosition] = ()
    """Dead letters that records of this batch repeat: they are done with, whatever became of the
    records."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep lets go of."""

    evictions: Sequence[EvictedInterval] = ()
    again: Mapping[GroupKey, float] = field(default_factory=dict)
    """The low watermark from which a group that keeps something is looked at again; of a group that
    is not named: after an hour."""
    log: bytes | None = None
    """A sole owner's log row that says which of the signals in earlier rows are let go."""
    log_first_needed: int | None = None
    """See GroupUpdates."""
    in_log: int = 0
    """Number of other groups with signals that were let go of."""


class BatchSink(Protocol):
    """Where workers commit (docs/reference/streaming.md). One transaction: fence every position,
    lock the groups in sorted order, then read them, apply the signals, write, audit last.

    Where one process owns all partitions at a time (`sole_owner`), nothing is locked, a group that
    the caller knows is not read again, and signals may wait in the log until their bucket is
    written."""

    @property
    def sole_owner(self) -> bool:
        """Does one process own all partitions? Then its copies of groups stay true while the fence
        holds, and `GroupUpdates.log` may be used. Versions mean nothing then."""
        ...

    def load_positions(self, partitions: Sequence[str]) -> Mapping[str, StoredPosition]:
        """Load the stored position of each partition; every requested partition has an entry, and
        from now on a row."""
        ...

    def list_log_rows(self, partition: str) -> Sequence[LogRow]:
        """List the signals of this partition that no bucket row holds, in the order of their
        numbers."""
        ...

    def commit(
        self,
        batch: RecordBatch,
        known: Mapping[GroupKey, int],
        apply_signals: Callable[[Sequence[GroupRows], float | None], GroupUpdates],
        now: datetime,
    ) -> CommitResult:
        """Commit all of the batch or nothing, durable on return.

        `apply_signals` is called once, with the groups sorted by key digest and the durable low
        watermark: under the locks, or, for a sole owner, before the transaction and its fence.
        `batch` names at least one partition. `known`: versions of the groups in the caller's
        memory. Raises EditConflict if a position is not where the batch began (drop all caches,
        load positions, read again), RetryableError if the database refuses for now, ValueError for
        a value it cannot hold; after any of them the caller's cached groups are void."""
        ...

    def find_dead_letters(
        self, positions: Sequence[RecordPosition]
    ) -> Mapping[RecordPosition, KnownLetter]:
        """Return those of these dead letters that are stored."""
        ...

    def record_drained(self, partition: str, before: StoredPosition, arrived: float) -> None:
        """Record that the owner saw the partition caught up at that moment, so that an idle
        partition does not hold the watermark back; the revision stays. Raises EditConflict like
        `commit`."""
        ...

    def sweep(
        self,
        partitions: Sequence[str],
        owned: Mapping[str, StoredPosition],
        let_go: Callable[[Sequence[GroupRows], float], SweepResult],
        now: datetime,
        limit: int = 200,
        known: Container[GroupKey] = (),
    ) -> int:
        """Raise the watermark to the least arrival of all these partitions (all there are) and let
        go, in groups that are due, of what nothing in time can reach. Returns how many groups were
        looked at; 0: done for now, or a partition was never processed, or a backfill may be
        running. Whoever calls it, one does the work at a time. What is kept of the groups that were
        looked at is looked at again when `SweepResult.again` says so.

        `owned`: a sole owner's positions; raises EditConflict unless they are the stored ones. When
        any group was looked at, the revision of each is one higher afterwards. Otherwise the locks
        and versions of the groups suffice, and `owned` is not looked at. `known`: groups of which a
        sole owner has every bucket in memory: of these `let_go` gets only the rows that are due.
        """
        ...

    def estimate_state_bytes(self) -> int:
        """Estimate the size of the rows of groups, buckets and log in the database. Cheap enough to
        call once a minute."""
        ...
