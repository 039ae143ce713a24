"""Records around cases as casework, console and command line see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from schemas.casework.case_record import CaseRecord

Record = TypeVar("Record", bound=CaseRecord)


class RecordBook(Protocol):
    """Records around cases, also of those without a breach: SupplierNotice, SupplierQuestion,
    Complaint. Each lies sealed under the key of its case, a complaint without a case under its
    own; one whose key was erased is left out everywhere."""

    def allocate_id(self, kind: type[CaseRecord]) -> str:
        """`COMPLAINT-0001` and on; never re-used."""
        ...

    def add(self, record: CaseRecord) -> None:
        """Raises Conflict when the id exists, NotAllowed when its case's key was erased."""
        ...

    def get(self, kind: type[Record], record_id: str) -> Record:
        """Raises NotFound."""
        ...

    def save(self, record: Record) -> Record:
        """As CaseBook.save."""
        ...

    def list_of_case(self, kind: type[Record], case_id: str) -> Sequence[Record]:
        """In the order in which they began."""
        ...

    def read_ahead(self, case_ids: Sequence[str]) -> None:
        """Read the records of these cases at once: `of_case` then asks the store nothing."""
        ...

    def list_page(
        self, kind: type[Record], *, begin: int = 0, limit: int | None = None
    ) -> Sequence[Record]:
        """Of every case and of none: what ends first on top, then what has no hour, then what is
        over, the newest first."""
        ...

    def count(self, kind: type[CaseRecord], *, running: bool = False) -> int:
        """How many; `running`: of which something is still owed."""
        ...
