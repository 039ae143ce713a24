"""Protocol of a unit of work for records around cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from schemas.casework.case_record import CaseRecord

Record = TypeVar("Record", bound=CaseRecord)


class RecordBook(Protocol):
    """Records around cases, also of those without a breach: SupplierNotice, SupplierQuestion,
    Complaint. Each is sealed under the key of its case, a complaint without a case under its own;
    records whose key was erased are omitted everywhere."""

    def allocate_id(self, kind: type[CaseRecord]) -> str:
        """Allocate the next id from `COMPLAINT-0001`; ids are never reused."""
        ...

    def add(self, record: CaseRecord) -> None:
        """Add a record. Raises EditConflict when the id exists, NotAllowed when its case's key was
        erased."""
        ...

    def get(self, kind: type[Record], record_id: str) -> Record:
        """Return the record. Raises NotFound."""
        ...

    def save(self, record: Record) -> Record:
        """Save the record. Raises EditConflict when the stored version differs."""
        ...

    def list_of_case(self, kind: type[Record], case_id: str) -> Sequence[Record]:
        """List the case's records in the order in which they began."""
        ...

    def read_ahead(self, case_ids: Sequence[str]) -> None:
        """Read the records of these cases at once: `of_case` then asks the store nothing."""
        ...

    def list_page(
        self, kind: type[Record], *, begin: int = 0, limit: int | None = None
    ) -> Sequence[Record]:
        """List records of all cases and of none: the earliest due first, then those without a due
        time, then ended ones, newest first."""
        ...

    def count(self, kind: type[CaseRecord], *, running: bool = False) -> int:
        """Count records; `running` counts only those of which something is still owed."""
        ...
