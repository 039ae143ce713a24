"""Define the queue of replays: records to be read again once the owner of an asset is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from schemas.binding_proposal import BindingReplay
from schemas.pipeline.event import RecordPosition


class ReplayQueue(Protocol):
    """Each call is durable on return. Reading a part of a replay twice changes nothing, so that the
    position may lag behind what was committed."""

    def list_unfinished(self, partitions: Collection[str]) -> Sequence[BindingReplay]:
        """List the replays of these partitions that are not done, oldest first."""
        ...

    def begin(self, replay_id: int, end: RecordPosition | None) -> None:
        """Record the last record to be read; a replay that has begun keeps its own."""
        ...

    def advance(self, replay_id: int, position: RecordPosition, events: int) -> None:
        """Record how far it has come, and how many more events found their owner."""
        ...

    def finish(self, replay_id: int, at: datetime) -> None:
        """Record that it is done, with an audit entry."""
        ...
