"""Ask for a replay of what was nobody's when a binding names its owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from breachdesk.ports import UnitOfWork
from schemas.binding_proposal import BindingReplay

JOURNAL = "journal"
"""The embedded deployment's one partition; Kafka's are replayed by `breachdesk replay`."""


@contextmanager
def replay_after(uow: UnitOfWork, now: datetime) -> Iterator[None]:
    """Ask for the records of every name that is bound in this context, as known from `now` on."""
    partitions = [name for name in uow.replays.list_partitions() if name == JOURNAL]
    before = {row.key: row for row in uow.customers.list_unattributed()} if partitions else {}
    yield
    if not before:
        return
    left = {row.key for row in uow.customers.list_unattributed()}
    bound = [row for key, row in before.items() if key not in left]
    if bound:
        replay = BindingReplay(
            assets=tuple(sorted(row.key for row in bound)),
            known_at=now,
            since=min(row.first for row in bound),
        )
        uow.replays.request(replay, partitions)
