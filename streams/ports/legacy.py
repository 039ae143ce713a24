"""The former contract of one owner of all windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas.alert import Signal
from schemas.event import Position
from schemas.source import DeadLetter
from streams.ports.batches import BucketRow, Eviction, GroupState
from streams.ports.counts import SourceCount, UnattributedCount


@dataclass(frozen=True, slots=True)
class LegacyBatch:
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


class LegacySink(Protocol):
    """Where a batch commits. The store writes position, signals, alert changes and their audit
    entries merge_results, so streams never sees the audit."""

    def resume(self, partition: str) -> Resume:
        """State as of the last commit."""
        ...

    def commit(self, partition: str, batch: LegacyBatch, now: datetime) -> None:
        """All of it or nothing, durable on return. Committing a batch whose `before` is not the
        stored position raises Conflict: drop cached state, resume, read again; never skip.
        Raises Retryable when the database refuses for now; nothing was written then."""
        ...
