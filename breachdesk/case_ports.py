"""Protocols of a unit of work for cases, breaches with their documents, and notices.

A unit of work caches what it read of a breach, and discards it when it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from schemas.casework.breach import Breach
from schemas.casework.case import Case, CaseState
from schemas.casework.notice import DeliveryStatus, NoticeRow
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import FrozenModel
from schemas.paging import Page, PageRequest

Doc = TypeVar("Doc", bound=FrozenModel)


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """Numbers of cases by state."""

    open: int
    """Not closed."""
    closed: int
    open_tasks: int
    """Tasks, of cases that are not closed."""


class CaseBook(Protocol):
    """Cases. `save` raises EditConflict when the stored version differs."""

    def allocate_id(self) -> str:
        """Allocate the next id from `CASE-0001`; ids are never reused."""
        ...

    def add(self, case: Case) -> None: ...

    def get(self, case_id: str) -> Case:
        """Return the case. Raises NotFound."""
        ...

    def list(self) -> Sequence[Case]:
        """List all, newest first."""
        ...

    def list_page(
        self, request: PageRequest, *, states: Sequence[CaseState] = (), words: str | None = None
    ) -> Page[Case]:
        """List a page, newest first; `words` must occur in the title or the id."""
        ...

    def count_all(self) -> CaseCounts: ...

    def list_with_open_tasks(self) -> Sequence[Case]:
        """List cases with open tasks, newest first."""
        ...

    def list_by_newest_completed_task(self, limit: int) -> Sequence[Case]:
        """List up to `limit` cases by their most recently completed task, newest first."""
        ...

    def list_near_misses(self) -> Sequence[Case]:
        """List near misses, newest first."""
        ...

    def read_ahead(self, case_ids: Sequence[str]) -> None:
        """Read these cases at once: `get` then asks the store for none of them."""
        ...

    def compute_stamps(self, case_ids: Sequence[str]) -> Mapping[str, str]:
        """Compute a text for each of these existing cases that changes with anything its state is
        computed from: the case, its breach, the documents, notices and records of both, and the
        register of customers."""
        ...

    def list_opened(self, begin: datetime, end: datetime) -> Sequence[Case]:
        """List cases opened from `begin` until before `end`, oldest first."""
        ...

    def save(self, case: Case) -> Case:
        """Write over the version it was read at; returns it with the next. Raises EditConflict."""
        ...


class BreachBook(Protocol):
    """Breaches and their versioned, immutable documents: Manifest, Decision, NoticeFacts,
    Approval, ReportFacts, Submission, waivers. Those that may name people are stored sealed under
    the case's key."""

    def allocate_id(self) -> str: ...

    def add(self, breach: Breach) -> None: ...

    def get(self, breach_id: str) -> Breach: ...

    def list(self) -> Sequence[Breach]:
        """List all, newest first."""
        ...

    def list_page(self, request: PageRequest) -> Page[Breach]:
        """List a page, newest first."""
        ...

    def list_of_open_cases(self) -> Sequence[Breach]:
        """List breaches whose case is not closed, newest first."""
        ...

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read these breaches and their documents at once: `get`, `find_latest`, `all` and `paused`
        then ask the store for none of them. The texts of letters are left out."""
        ...

    def get_newest(self, kind: type[Doc]) -> Mapping[str, Doc]:
        """Return, by breach, what `find_latest` gives for every breach that has one."""
        ...

    def list_confirmed(self, begin: datetime, end: datetime) -> Sequence[Breach]:
        """List breaches confirmed from `begin` until before `end`, oldest first."""
        ...

    def save(self, breach: Breach) -> Breach:
        """Save the breach. Raises EditConflict when the stored version differs."""
        ...

    def add_document(self, document: FrozenModel) -> None:
        """File a document by its type, breach_id and version (Submission: number). An
        existing version is never overwritten: raises EditConflict."""
        ...

    def redact(self, document: FrozenModel) -> None:
        """Write over a filed version without what names people; only an erasure does."""
        ...

    def find_latest(self, kind: type[Doc], breach_id: str) -> Doc | None:
        """Return the highest version, or None."""
        ...

    def list_versions(self, kind: type[Doc], breach_id: str) -> Sequence[Doc]:
        """List all versions, oldest first."""
        ...

    def pause(self, breach_id: str, paused: bool) -> None:
        """Pause or resume the breach's mail; dispatchers check it between messages."""
        ...

    def is_paused(self, breach_id: str) -> bool: ...


class NoticeBook(Protocol):
    """Rows of the outbox."""

    def enqueue(self, row: NoticeRow) -> NoticeRow:
        """Add a row (its id is ignored). Raises EditConflict for a (breach, customer, person, kind,
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
        """List the matching rows in id order."""
        ...

    def list_page(self, request: PageRequest) -> Page[NoticeRow]:
        """List a page in id order."""
        ...

    def read_ahead(self, breach_ids: Sequence[str]) -> None:
        """Read these breaches' rows at once: `list` of one of them then asks the store nothing."""
        ...

    def count_by_status(self) -> Mapping[DeliveryStatus, int]: ...  # 0 too

    def count_attempts(self) -> int:
        """Count the send attempts of all rows."""
        ...

    def is_audited(self, row_id: int) -> bool:
        """Whether the row is unchanged since the newest act that wrote it. True also for a row of
        an older release that no act has recorded yet."""
        ...

    def update(self, row: NoticeRow, *, expected: Sequence[DeliveryStatus]) -> bool:
        """Write the row if its stored status is one of `expected`; False: it was not. Raises
        NotAllowed for a transition that `schemas.casework.notice_states` lacks."""
        ...
