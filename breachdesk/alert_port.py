"""Alerts and their evidence as casework, console and command line see them."""

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
        """All live alerts, as `page` sorts them; `merge_problems` adds those folded away. Grows with what
        is stored: for checks of a whole store, never for a screen."""
        ...

    def list_page(
        self, request: PageRequest, *, states: Sequence[AlertState] = ()
    ) -> Page[AlertView]:
        """Live alerts in one of these states (none: in any), gravest first, then newest, then by
        id. Raises BadInput for a cursor that is none."""
        ...

    def list_page_by_time(self, request: PageRequest) -> Page[AlertView]:
        """Live alerts by their first bucket, rule, organization and group: the same order in every
        store that read the same records. Raises BadInput for a cursor that is none."""
        ...

    def count(self, states: Sequence[AlertState] = ()) -> int:
        """How many live alerts are in one of these states (none: in any)."""
        ...

    def get_firings(self) -> Mapping[str, RuleFirings]:
        """Of each rule that live alerts are of, by its id."""
        ...

    def get(self, alert: str | int) -> AlertView:
        """By canonical id (present or former) or surrogate key; follows merges to the leader.
        Raises NotFound."""
        ...

    def get_many(self, pks: Sequence[int]) -> Sequence[AlertView]:
        """As `get`, of many surrogate keys, in their order. Raises NotFound."""
        ...

    def list_evidence(self, pk: int) -> Sequence[EvidenceView]:
        """All its events in time order (of merged ones too)."""
        ...

    def list_evidence_page(self, pk: int, request: PageRequest) -> Page[EvidenceView]:
        """The same events, some of them. Raises BadInput for a cursor that is none."""
        ...

    def find_evidence(self, pk: int, position: RecordPosition) -> EvidenceView | None:
        """The event of its evidence that was read from there; None: no such event."""
        ...

    def compute_evidence_span(self, pk: int, parts: int) -> EvidenceSpan | None:
        """Its events counted by step in so many equal parts of the time they span; None where
        there is no evidence."""
        ...

    def list_unpinned(self, journals: Sequence[str]) -> Sequence[RecordPosition]:
        """Positions of evidence in these journals whose raw bytes the store does not hold yet:
        pin them before the journals are dropped."""
        ...

    def save_pinned(self, raw: Mapping[RecordPosition, bytes]) -> None:
        """Keep the bytes of these evidence records beyond the journal's retention; what is kept
        already stays."""
        ...

    def find_pinned(self, position: RecordPosition) -> bytes | None:
        """The bytes, if they were pinned."""
        ...

    def update(self, pk: int, version: int, **changes: Any) -> AlertView:
        """Change the human part (state, assignee, dismissed_reason, case_id). Raises Conflict
        when `version` is not the stored one."""
        ...

    def forget(self, pk: int) -> int:
        """Erase what its evidence, notes and pinned bytes say of people; how many records."""
        ...

    def add_comment(self, pk: int, note: CaseNote) -> None:
        """Add a note to the alert."""
        ...

    def list_comments(self, pk: int) -> Sequence[CaseNote]:
        """Oldest first."""
        ...
