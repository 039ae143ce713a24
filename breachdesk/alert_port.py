"""Protocol of a unit of work for alerts and their evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from schemas.casework.case import CaseNote
from schemas.paging import Page, PageRequest
from schemas.pipeline.alert import AlertState, AlertView, EvidenceSpan, EvidenceView, RuleFirings
from schemas.pipeline.event import RecordPosition


class AlertBook(Protocol):
    """Alerts as the pipeline keeps them, and the human acts on them. A live alert is one that is
    not merged into another."""

    def list(
        self, *, states: Sequence[AlertState] = (), merged: bool = False
    ) -> Sequence[AlertView]:
        """List all live alerts, sorted as `list_page` does; `merged` adds those merged into others.
        The result grows with the store: for checks of a whole store, never for a screen."""
        ...

    def list_page(
        self, request: PageRequest, *, states: Sequence[AlertState] = ()
    ) -> Page[AlertView]:
        """List live alerts in one of these states (none: in any), gravest first, then newest, then
        by id. Raises BadInput for an invalid cursor."""
        ...

    def list_page_by_time(self, request: PageRequest) -> Page[AlertView]:
        """List live alerts by their first bucket, rule, organization and group: the same order in
        every store that read the same records. Raises BadInput for an invalid cursor."""
        ...

    def count(self, states: Sequence[AlertState] = ()) -> int:
        """Count live alerts in one of these states (none: in any)."""
        ...

    def get_firings(self) -> Mapping[str, RuleFirings]:
        """Return the firings of each rule that has live alerts, by rule id."""
        ...

    def get(self, alert: str | int) -> AlertView:
        """Return an alert by canonical id (present or former) or surrogate key, following merges to
        the leader. Raises NotFound."""
        ...

    def get_many(self, pks: Sequence[int]) -> Sequence[AlertView]:
        """Return the alerts of many surrogate keys, in their order, as `get` does. Raises
        NotFound."""
        ...

    def list_evidence(self, pk: int) -> Sequence[EvidenceView]:
        """List all its events in time order, with those of alerts merged into it."""
        ...

    def list_evidence_page(self, pk: int, request: PageRequest) -> Page[EvidenceView]:
        """List a page of the same events. Raises BadInput for an invalid cursor."""
        ...

    def find_evidence(self, pk: int, position: RecordPosition) -> EvidenceView | None:
        """Find the event of its evidence that was read from this position. None: no such event."""
        ...

    def compute_evidence_span(self, pk: int, parts: int) -> EvidenceSpan | None:
        """Count its events by step, in `parts` equal parts of the time they span. None: there is no
        evidence."""
        ...

    def list_unpinned(self, journals: Sequence[str]) -> Sequence[RecordPosition]:
        """List positions of evidence in these journals whose raw bytes the store lacks; pin them
        before the journals are dropped."""
        ...

    def save_pinned(self, raw: Mapping[RecordPosition, bytes]) -> None:
        """Keep the bytes of these evidence records beyond the journal's retention; what is kept
        already stays."""
        ...

    def find_pinned(self, position: RecordPosition) -> bytes | None:
        """Find the record's pinned bytes. None: they were not pinned."""
        ...

    def update(self, pk: int, version: int, **changes: Any) -> AlertView:
        """Change the human part (state, assignee, dismissed_reason, case_id). Raises EditConflict
        when `version` is not the stored one."""
        ...

    def forget(self, pk: int) -> int:
        """Erase what its evidence, notes and pinned bytes say of people; how many records."""
        ...

    def add_comment(self, pk: int, note: CaseNote) -> None:
        """Add a note to the alert."""
        ...

    def list_comments(self, pk: int) -> Sequence[CaseNote]:
        """List the alert's notes, oldest first."""
        ...
