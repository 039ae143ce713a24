"""What the streams wing needs from outside. Whoever implements a port imports it; streams never
imports an implementation. The same contract suite runs on every adapter (tests/contract)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from schemas.alert import Episode, GroupKey, Signal
from schemas.customer import AssetKind, Binding
from schemas.errors import Unparseable
from schemas.event import Position, RawRecord
from schemas.plugin import Act, Folded
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
        """At most `limit` records after that position, oldest first; empty when drained. Fewer than
        `limit` does not mean drained: a batch of long records ends earlier.

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


Outcome = tuple[str, Act | Folded] | Unparseable
"""Of reading one record: the parser's id and what the record tells, or why it tells nothing."""


class RecordReader(Protocol):
    """Recognises and parses records (in this process, or in a process of its own that can be
    ended). Its settings name the parser and the zone of each source."""

    def read(self, records: Sequence[RawRecord]) -> Generator[Outcome, None, None]:
        """One outcome for each record, in order; close the iterator when you stop early.

        A record that no parser reads, or on which a parser fails, gives an Unparseable whose `place`
        begins with the parser's id. Reading the same records again gives the same outcomes. Raises
        Misconfigured when a parser cannot be loaded, Retryable when reading is not possible now.
        """
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


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds of one partition that many workers may own in turn."""

    position: Position | None
    """None: nothing of it was ever processed."""
    epoch: int = 0
    """Rises when an operator moves the position by hand: the same offset is then another fence."""
    counted: int | None = None
    """Highest offset ever processed. Records up to it are a replay: they are not received anew."""
    counted_in: str | None = None
    """The journal that it is an offset of: a topic made anew begins to count anew."""
    arrived: float | None = None
    """Newest arrival processed, or the moment it was last seen drained; epoch seconds."""


class KnownLetter(NamedTuple):
    """A stored dead letter, and whether it still waits to be replayed."""

    letter: DeadLetter
    waits: bool


@dataclass(frozen=True, slots=True)
class Advance:
    """One partition's step in a shared batch: the fence and where it goes."""

    partition: str
    before: Held
    after: Position
    arrived: float | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A message for integrators, kept in the transactional outbox until Kafka has it."""

    topic: str
    """Without the prefix: `alerts`, `breaches`, `dead-letters`, `events`."""
    key: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class GroupRows:
    """One locked group as the store holds it."""

    key: GroupKey
    version: int
    """Another number after every change; 0: the group is new."""
    buckets: Sequence[BucketRow] | None
    """None: the version is the one the caller knows, so nothing was read."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the locked groups: written in the same transaction."""

    groups: Sequence[GroupState] = ()
    """Only those that changed; they get another version."""
    buckets: Sequence[BucketRow] = ()
    due: Mapping[GroupKey, float] = field(default_factory=dict)
    """Of each changed group, the low watermark from which a sweep should look at it."""


@dataclass(frozen=True, slots=True)
class SharedBatch:
    """Everything one batch of records from any partitions changes, but for the groups: their state
    is only known once they are locked."""

    advances: Sequence[Advance]
    keys: Sequence[GroupKey] = ()
    """Groups that the batch has signals for."""
    dead_letters: Sequence[DeadLetter] = ()
    sources: Sequence[SourceCount] = ()
    unattributed: Sequence[UnattributedCount] = ()
    exports: Sequence[Export] = ()
    held_until: float | None = None
    """A backfill was seen: nothing is evicted before this arrival watermark."""
    repeated: Sequence[Position] = ()
    """Dead letters that records of this batch repeat: they are done with, whatever became of the
    records."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep lets go of."""

    evictions: Sequence[Eviction] = ()
    due: Mapping[GroupKey, float] = field(default_factory=dict)
    """When to look again at the groups that keep something; the others go."""


class SharedSink(Protocol):
    """Where many workers commit (streaming semantics, section 3). One transaction: fence every
    position, lock the groups in sorted order, then read them, settle, write, audit last."""

    def held(self, partitions: Sequence[str]) -> Mapping[str, Held]:
        """What is stored of each; every asked partition has an entry, and from now on a row."""
        ...

    def commit(
        self,
        batch: SharedBatch,
        known: Mapping[GroupKey, int],
        settle: Callable[[Sequence[GroupRows], float | None], Settled],
        now: datetime,
    ) -> Mapping[GroupKey, int]:
        """All of it or nothing, durable on return; the new versions of the locked groups.

        `settle` is called once, under the locks, with the groups sorted by key hash and the durable
        low watermark. `known`: versions of what the caller has in memory. Raises Conflict when a
        position is not where the batch began (drop everything cached, ask `held`, read again),
        Retryable when the database refuses for now, ValueError for a value it cannot hold; after
        any of them the caller's cached groups are void.
        """
        ...

    def dead(self, positions: Sequence[Position]) -> Mapping[Position, KnownLetter]:
        """Those of these dead letters that are stored."""
        ...

    def drained(self, partition: str, before: Held, arrived: float) -> None:
        """Its owner saw it caught up at that moment, so that an idle partition does not hold the
        watermark back. Raises Conflict as `commit`."""
        ...

    def sweep(
        self,
        partitions: Sequence[str],
        settle: Callable[[Sequence[GroupRows], float], Swept],
        now: datetime,
        limit: int = 200,
    ) -> int:
        """Raise the watermark to the least arrival of all these partitions (all there are) and let
        go, in groups that are due, of what nothing in time can reach. Returns how many groups were
        looked at; 0: done for now, or a partition was never processed, or a backfill may be
        running. Whoever calls it, one does the work at a time."""
        ...


class ExportOutbox(Protocol):
    """The transactional outbox towards Kafka: what committed with a batch or an act, in order."""

    def waiting(self, limit: int) -> Sequence[tuple[int, Export]]:
        """The oldest so many, with their numbers."""
        ...

    def sent(self, numbers: Sequence[int]) -> None:
        """Kafka has them: forget them. Sending one twice is allowed, losing one is not."""
        ...


class Orders(Protocol):
    """Orders from outside: a shipper tells what it lost, a playbook comments on an alert."""

    def follow(self, order: bytes, place: str) -> None:
        """One JSON order; `place` names where it stands in Kafka. Following it twice changes
        nothing more. Raises BreachDeskError when it cannot be followed."""
        ...


class Leader(Protocol):
    """One of many processes does what only one may: sweeps, exports, retention."""

    def leads(self) -> bool:
        """Does this process lead now? Asked before every such job; takes the lead when it is free.
        Raises Retryable when the store does not answer: then nobody knows."""
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
