"""Store which records are read again after a binding, and how far each partition has come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.tables.register_tables import binding_replays
from breachdesk.stores.tables.stream_tables import positions
from schemas.binding_proposal import BindingReplay, ReplayState
from schemas.pipeline.event import RecordPosition

TABLE = binding_replays


class SqlReplayBook:
    """breachdesk.ports.ReplayBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def request(self, replay: BindingReplay, partitions: Collection[str]) -> None:
        """Ask for the replay in each of these partitions."""
        rows = [
            {
                "partition": partition,
                "assets": list(replay.assets),
                "known_at": replay.known_at,
                "since": replay.since,
                "state": ReplayState.WAITING.value,
            }
            for partition in sorted(partitions)
        ]
        if rows:
            self._connection.execute(insert(TABLE), rows)

    def list_unfinished(self, partitions: Collection[str]) -> Sequence[BindingReplay]:
        """List those of these partitions that are not done, oldest first."""
        query = (
            select(TABLE)
            .where(TABLE.c.state != ReplayState.DONE.value)
            .where(match_any(self._connection, TABLE.c.partition, partitions))
            .order_by(TABLE.c.id)
        )
        return [_parse_replay(row) for row in self._connection.execute(query)]

    def list_partitions(self) -> Sequence[str]:
        """List the partitions of which anything was ever processed."""
        query = select(positions.c.partition).where(positions.c.offset.is_not(None))
        return sorted(self._connection.execute(query).scalars())

    def begin(self, replay_id: int, end: RecordPosition | None) -> None:
        """Record the last record to be read."""
        self._connection.execute(
            update(TABLE)
            .where(TABLE.c.id == replay_id, TABLE.c.state == ReplayState.WAITING.value)
            .values(
                state=ReplayState.RUNNING.value,
                end_journal=None if end is None else end.journal,
                end_offset=None if end is None else end.offset,
            )
        )

    def advance(self, replay_id: int, position: RecordPosition, events: int) -> None:
        """Record how far the replay has come."""
        self._connection.execute(
            update(TABLE)
            .where(TABLE.c.id == replay_id)
            .values(
                journal=position.journal,
                offset=position.offset,
                events=TABLE.c.events + events,
            )
        )

    def finish(self, replay_id: int, at: datetime) -> None:
        """Record that the replay is done."""
        self._connection.execute(
            update(TABLE)
            .where(TABLE.c.id == replay_id)
            .values(state=ReplayState.DONE.value, ended_at=at)
        )


def _parse_replay(row: Row[Any]) -> BindingReplay:
    return BindingReplay(
        id=row.id,
        partition=row.partition,
        assets=tuple(row.assets),
        known_at=row.known_at,
        since=row.since,
        state=ReplayState(row.state),
        position=None if row.offset is None else RecordPosition(row.journal, row.offset),
        end=None if row.end_offset is None else RecordPosition(row.end_journal, row.end_offset),
        events=row.events,
        ended_at=row.ended_at,
    )
