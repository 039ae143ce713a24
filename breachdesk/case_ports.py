"""What casework needs of a unit of work for cases: cases, breaches with their documents, notices.

A unit of work remembers what it read of a breach, and drops it when it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from schemas.casework.affected import NoticeKind
from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseState
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.customer import FrozenModel
from schemas.paging import Page, PageRequest

Doc = TypeVar("Doc", bound=FrozenModel)


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """How many cases there are of some sort."""

    open: int
    """Not closed."""
    closed: int
    open_tasks: int
    """Tasks, of cases that are not closed."""


class CaseBook(Protocol):
    """Cases. `save` compares versions."""

    def allocate_id(self) -> str:
        """`CASE-0001` and on; never re-used."""
        ...

    def add(self, case: Case) -> None: ...

    def get(self, case_id: str) -> Case:
        """Raises NotFound."""
        ...

    def list(self) -> Sequence[Case]:
        """Newest first."""
        ...

    def list_page(
        self, request: PageRequest, *, states: Sequence[CaseState] = (), words: str | None = None
    ) -> Page[Case]:
        """Newest first; `words` stand in the title or the id."""
        ...

    def count_all(self) -> CaseCounts: ...

    def list_with_open_tasks(self) -> Sequence[Case]:
        """Newest first."""
        ...

    def list_by_newest_completed_task(self, limit: int) -> Sequence[Case]:
        """So many cases, in the order in which a task of theirs was done last, newest first."""
        ...

    def list_near_misses(self) -> Sequence[Case]:
        """Newest first."""
        ...

    def read_ahead(self, case_ids: Sequence[str]) -> None:
        """Read these cases at once: `get` then asks the store for none of them."""
        ...

    def compute_stamps(self, case_ids: Sequence[str]) -> Mapping[str, str]:
        """By case: a text that differs once anything was written that the case's standing is
        computed from: the case, its breach, the documents, notices and records of both, and the
        register of customers. Of cases that are there."""
        ...

    def list_opened(self, begin: datetime, end: datetime) -> Sequence[Case]:
        """Opened from `begin` until before `end`, oldest first."""
        ...

    def save(self, case: Case) -> Case:
        """Write over the version it was read at; returns it with the next. Raises Conflict."""
        ...


class BreachBook(Protocol):
    """Breaches and their versioned, immutable documents: Manifest, Decision, NoticeFacts,
    Approval, ReportFacts, Submission, waivers. Those that may name people are stored sealed under
    the case's key."""

    def allocate_id(self) -> str: ...

    def add(self, breach: Breach) -> None: ...

    def get(self, breach_id: str) -> Breach: ...

    def list(self) -> Sequence[Breach]:
        """Newest first."""
        ...

    def list_page(self, request: PageRequest) -> Page[Breach]:
        """Newest first."""
        ...

    def list_of_open_cases(self) -> Sequence[Breach]:
        """Those whose case is not closed, newest first."""
        ...

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read these breaches and their documents at once: `get`, `find_latest`, `all` and `paused`
        then ask the store for none of them. The texts of letters are left out."""
        ...

    def get_newest(self, kind: type[Doc]) -> Mapping[str, Doc]:
        """By breach: what `find_latest` gives, of every breach that has one."""
        ...

    def list_confirmed(self, begin: datetime, end: datetime) -> Sequence[Breach]:
        """Confirmed from `begin` until before `end`, oldest first."""
        ...

    def save(self, breach: Breach) -> Breach:
        """As CaseBook.save."""
        ...

    def add_document(self, document: FrozenModel) -> None:
        """File a document by its type, breach_id and version (Submission: number). An
        existing version is never overwritten: raises Conflict."""
        ...

    def redact(self, document: FrozenModel) -> None:
        """Write over a filed version without what names people; only an erasure does."""
        ...

    def find_latest(self, kind: type[Doc], breach_id: str) -> Doc | None:
        """The highest version, or None."""
        ...

    def list_versions(self, kind: type[Doc], breach_id: str) -> Sequence[Doc]:
        """All versions, oldest first."""
        ...

    def pause(self, breach_id: str, paused: bool) -> None:
        """The kill switch, honoured between messages."""
        ...

    def is_paused(self, breach_id: str) -> bool: ...


class NoticeBook(Protocol):
    """The outbox's rows."""

    def enqueue(self, row: NoticeRow) -> NoticeRow:
        """Add a row (its id is ignored). Raises Conflict for a (breach, customer, person, kind,
        version) that exists."""
        ...

    def get(self, row_id: int) -> NoticeRow: ...

    def list(
        self,
        *,
        breach_id: str | None = None,
        statuses: Sequence[DeliveryStatus] = (),
        kind: NoticeKind | None = None,
    ) -> Sequence[NoticeRow]:
        """In id order."""
        ...

    def list_page(self, request: PageRequest) -> Page[NoticeRow]:
        """In id order."""
        ...

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read these breaches' rows at once: `list` of one of them then asks the store nothing."""
        ...

    def count_by_status(self) -> Mapping[DeliveryStatus, int]: ...  # 0 too

    def count_attempts(self) -> int:
        """How many attempts to send all rows tell of together."""
        ...

    def is_audited(self, row_id: int) -> bool:
        """Is the row as the newest act that wrote it left it? True too where an older program
        wrote it and no act has recorded it yet."""
        ...

    def update(self, row: NoticeRow, *, expected: Sequence[DeliveryStatus]) -> bool:
        """Write the row if its stored status is one of `expected`; False: it was not. Raises
        NotAllowed for a transition that `schemas.casework.notice_states` lacks."""
        ...
