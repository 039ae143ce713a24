"""Keep the queue of replays in the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from breachdesk.ports import Store, UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.binding_proposal import BindingReplay
from schemas.pipeline.event import RecordPosition

PIPELINE = "system:pipeline"


class SqlReplayQueue:
    """streams.ports.ReplayQueue."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list_unfinished(self, partitions: Collection[str]) -> Sequence[BindingReplay]:
        """List the replays that are not done, oldest first."""
        return self._store.read(lambda uow: uow.replays.list_unfinished(partitions))

    def begin(self, replay_id: int, end: RecordPosition | None) -> None:
        """Record the last record to be read."""
        self._store.write(lambda uow: uow.replays.begin(replay_id, end))

    def advance(self, replay_id: int, position: RecordPosition, events: int) -> None:
        """Record how far the replay has come."""
        self._store.write(lambda uow: uow.replays.advance(replay_id, position, events))

    def finish(self, replay_id: int, at: datetime) -> None:
        """Record that the replay is done, with an audit entry."""

        def end_replay(uow: UnitOfWork) -> None:
            uow.replays.finish(replay_id, at)
            uow.audit.record(
                at=at,
                actor=PIPELINE,
                action=AuditAction.REGISTER_RECORDS_REPLAYED,
                subject="assets",
                facts={"replay": replay_id},
            )

        self._store.write(end_replay)
