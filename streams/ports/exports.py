"""What leaves for Kafka, what is ordered from outside, and who does what only one may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.ports.batches import ExportMessage


class ExportOutbox(Protocol):
    """The transactional outbox towards Kafka: what committed with a batch or an act, in order."""

    def list_waiting(self, limit: int) -> Sequence[tuple[int, ExportMessage]]:
        """The oldest so many, with their numbers."""
        ...

    def delete_sent(self, numbers: Sequence[int]) -> None:
        """Kafka has them: forget them. Sending one twice is allowed, losing one is not."""
        ...


class OrderHandler(Protocol):
    """Orders from outside: a shipper tells what it lost, a playbook comments on an alert."""

    def follow(self, order: bytes, place: str) -> None:
        """One JSON order; `place` names where it stands in Kafka. Following it twice changes
        nothing more. Raises BreachDeskError when it cannot be followed."""
        ...


class LeaderElection(Protocol):
    """One of many processes does what only one may: sweeps, exports, retention."""

    def acquire_leadership(self) -> bool:
        """Does this process lead now? Asked before every such job; takes the lead when it is free.
        Raises Retryable when the store does not answer: then nobody knows."""
        ...
