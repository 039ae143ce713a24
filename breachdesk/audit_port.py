"""Protocol of a unit of work for the audit chain."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from schemas.audit import AuditEntry, AuditReport, ChainHead
from schemas.audit_actions import AuditAction
from schemas.paging import Page, PageRequest


class AuditBook(Protocol):
    """The hash chain. Taking the head is the transaction's last act."""

    def record(
        self,
        *,
        at: datetime,
        actor: str,
        action: AuditAction,
        subject: str,
        facts: Mapping[str, Any] | None = None,
        personal: Mapping[str, str] | None = None,
        case_id: str | None = None,
        customer_id: str | None = None,
    ) -> None:
        """Append an entry. `personal` values are kept outside the chain, sealed under the key of
        the case, else of the customer; the entry holds their salted commitments."""
        ...

    def list_entries(self, *, subject: str | None = None, limit: int = 0) -> Sequence[AuditEntry]:
        """List entries oldest first; `limit` keeps only that many of the newest."""
        ...

    def list_page(self, request: PageRequest) -> Page[AuditEntry]:
        """List all entries, newest first. Raises BadInput for an invalid cursor."""
        ...

    def list_about(self, subjects: Iterable[str]) -> Sequence[AuditEntry]:
        """List every entry about one of these subjects, oldest first."""
        ...

    def list_actions(self, subject: str, fact: str, value: int) -> Sequence[str]:
        """List actions on the subject whose fact has that value, oldest first, those of other
        releases too."""
        ...

    def decrypt_personal(self, entry: AuditEntry) -> Mapping[str, str]:
        """Decrypt the sealed values; one whose key was erased reads `(erased)`."""
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
        """Destroy the case's key and record it; the chain remains verifiable. `facts` are added to
        the entry, `documents` among them: those that are rewritten without names."""
        ...

    def list_erasable(
        self, actions: Collection[AuditAction], before: datetime
    ) -> Sequence[AuditEntry]:
        """List entries older than `before` with one of these actions and sealed values that are
        not erased."""
        ...

    def erase_values(
        self, entries: Sequence[AuditEntry], *, at: datetime, actor: str, subject: str, reason: str
    ) -> int:
        """Destroy and record the sealed values of these entries alone. Returns how many there
        were."""
        ...

    def verify(self) -> int:
        """Verify the chain and return its number of entries. Raises CorruptData naming the first
        broken link."""
        ...

    def examine(self) -> AuditReport:
        """Verify every link and whether the store agrees with the chain. Raises CorruptData naming
        the first broken link."""
        ...

    def get_head(self) -> ChainHead:
        """Return the head of the stored chain, before what this transaction appends."""
        ...

    def list_since(self, seq: int) -> Sequence[AuditEntry]:
        """List stored entries after that number, oldest first."""
        ...

    def follow(self) -> Iterator[AuditEntry]:
        """Iterate over every entry, oldest first, within this transaction. Raises CorruptData at
        the first broken link."""
        ...
