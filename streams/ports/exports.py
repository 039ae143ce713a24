"""Define exports to Kafka, orders from outside, and leadership."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.ports.batches import ExportMessage


class ExportOutbox(Protocol):
    """The transactional outbox towards Kafka: what committed with a batch or an act, in order."""

    def list_waiting(self, limit: int) -> Sequence[tuple[int, ExportMessage]]:
        """List the oldest `limit` messages with their numbers."""
        ...

    def delete_sent(self, numbers: Sequence[int]) -> None:
        """Delete messages that Kafka has. Sending one twice is allowed, losing one is not."""
        ...


class OrderHandler(Protocol):
    """Orders from outside: a shipper tells what it lost, a playbook comments on an alert."""

    def follow(self, order: bytes, place: str) -> None:
        """Follow one JSON order; `place` names its position in Kafka. Idempotent. Raises
        BreachDeskError if it cannot be followed."""
        ...


class LeaderElection(Protocol):
    """One of many processes does what only one may: sweeps, exports, retention."""

    def acquire_leadership(self) -> bool:
        """Whether this process leads now; takes the lead if it is free. Called before every job of
        the leader. Raises RetryableError if the store does not answer: then the leader is
        unknown."""
        ...
