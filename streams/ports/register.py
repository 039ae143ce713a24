"""Define the register of asset ownership over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from schemas.customer import AssetKind, Binding


class RegisterView(Protocol):
    """Immutable, versioned, in-memory view of who owned what, when. No SQL per event."""

    version: int
    edges: Sequence[datetime]
    """Event times, ascending and aware, at which a binding known now begins or ends: between two of
    them `find` answers the same (`known_at` None)."""

    def find(
        self, kind: AssetKind, value: str, at: datetime, known_at: datetime | None = None
    ) -> Binding | None:
        """Find the binding in force at event time `at`, as known at `known_at` (None: as known
        now).

        Values are compared normalised (case-folded; an address inside a bound network matches, the
        longest prefix wins). Returns None if nobody owned it then: there is no default owner."""
        ...


class AssetRegister(Protocol):
    """Gives the newest view; cheap to ask before every batch."""

    def get_view(self) -> RegisterView:
        """Return the newest view; the same object while nothing changed."""
        ...

    def get_former_view(self, before: datetime) -> RegisterView:
        """Return the register as it was known just before that moment; its `find` answers as known
        then."""
        ...
