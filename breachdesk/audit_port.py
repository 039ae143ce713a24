"""The audit chain as casework, console and command line see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from schemas.audit import AuditEntry, AuditReport, ChainHead
from schemas.paging import Page, PageRequest


class AuditBook(Protocol):
    """The hash chain. Taking the head is the transaction's last act."""

    def record(
        self,
        *,
        at: datetime,
        actor: str,
        act: str,
        subject: str,
        facts: Mapping[str, Any] | None = None,
        personal: Mapping[str, str] | None = None,
        case_id: str | None = None,
        customer_id: str | None = None,
    ) -> None:
        """Append an entry. `decrypt_personal` values stand outside the chain, sealed under the key of the
        case, else of the customer; the entry holds their salted commitments."""
        ...

    def list_entries(self, *, subject: str | None = None, limit: int = 0) -> Sequence[AuditEntry]:
        """Oldest first; `limit`: only the newest so many."""
        ...

    def list_page(self, request: PageRequest) -> Page[AuditEntry]:
        """Every entry, newest first. Raises BadInput for a cursor that is none."""
        ...

    def list_about(self, subjects: Iterable[str]) -> Sequence[AuditEntry]:
        """Every entry about one of these subjects, oldest first."""
        ...

    def list_acts(self, subject: str, fact: str, value: int) -> Sequence[str]:
        """Acts on the subject of which that fact has that value, oldest first."""
        ...

    def decrypt_personal(self, entry: AuditEntry) -> Mapping[str, str]:
        """The sealed values, opened; a value whose key was erased reads `(erased)`."""
        ...

    def erase(
        self,
        case_id: str,
        *,
        at: datetime,
        actor: str,
        reason: str,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Destroy the case's key; recorded in the chain, which stays whole. `facts`: what else
        the entry says, `documents` among it: those that are rewritten without names."""
        ...

    def list_erasable(self, acts: Sequence[str], before: datetime) -> Sequence[AuditEntry]:
        """Entries older than that whose acts begin so and whose sealed values are not erased."""
        ...

    def erase_values(
        self, entries: Sequence[AuditEntry], *, at: datetime, actor: str, subject: str, reason: str
    ) -> int:
        """Destroy the sealed values of these entries alone; how many there were. Recorded."""
        ...

    def verify(self) -> int:
        """Number of entries. Raises Corrupt naming the first broken link."""
        ...

    def examine(self) -> AuditReport:
        """Every link, and whether the store agrees with what the chain says of it. Raises Corrupt
        naming the first broken link."""
        ...

    def get_head(self) -> ChainHead:
        """Where the stored chain ends; what this transaction does comes after it."""
        ...

    def list_since(self, seq: int) -> Sequence[AuditEntry]:
        """Entries after that number, oldest first, as they are stored."""
        ...

    def follow(self) -> Iterator[AuditEntry]:
        """Every entry, oldest first, within this transaction. Raises Corrupt at the first broken
        link."""
        ...
