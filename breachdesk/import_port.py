"""Protocols of a unit of work for what keeps the register true: sources of customers, held changes,
proposed bindings, and replays after a binding."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from schemas.binding_proposal import BindingProposal, BindingReplay
from schemas.paging import Page, PageRequest
from schemas.pipeline.event import RecordPosition
from schemas.register_import import HeldChange, HeldState, ImportSourceState


class ImportBook(Protocol):
    """Sources of customers, and changes of the register that wait for a person."""

    def get_source(self, name: str) -> ImportSourceState:
        """Return what is known of the source; a new state for one that was never read."""
        ...

    def list_sources(self) -> Sequence[ImportSourceState]:
        """List all sources that were ever read, by name."""
        ...

    def save_source(self, state: ImportSourceState) -> None:
        """Add or replace the state of a source."""
        ...

    def get_held(self, held_id: int) -> HeldChange:
        """Return the change. Raises NotFound."""
        ...

    def list_held_page(self, request: PageRequest) -> Page[HeldChange]:
        """List a page of those that wait, oldest first."""
        ...

    def count_held(self) -> int: ...

    def replace_waiting(self, source: str, changes: Sequence[HeldChange]) -> int:
        """Let exactly these changes of the source wait. One that waits already keeps its id; one
        that was declined stays declined. Returns how many wait now."""
        ...

    def decide_held(self, held_id: int, state: HeldState, by: str, at: datetime) -> None:
        """Record the decision; the customer's values go. Raises NotFound, EditConflict if somebody
        decided already."""
        ...


class ProposalBook(Protocol):
    """Bindings that were proposed, and what became of them."""

    def get(self, proposal_id: int) -> BindingProposal:
        """Return the proposal. Raises NotFound."""
        ...

    def list_page(self, request: PageRequest) -> Page[BindingProposal]:
        """List a page of those that wait, highest score first."""
        ...

    def count_waiting(self) -> int: ...

    def list_rivals(self, assets: Collection[str]) -> Mapping[str, Sequence[BindingProposal]]:
        """List all waiting proposals of each of these assets."""
        ...

    def list_seen_together(
        self, assets: Collection[str]
    ) -> Mapping[str, Collection[tuple[str, str]]]:
        """List, by asset, the customers and their assets that recent alerts name beside it."""
        ...

    def replace_waiting(self, proposals: Sequence[BindingProposal]) -> None:
        """Let exactly these wait. One that was declined comes back only with other evidence."""
        ...

    def decide(self, proposal_id: int, state: HeldState, by: str, at: datetime) -> None:
        """Record the decision. Raises NotFound, EditConflict if somebody decided already."""
        ...

    def drop_rivals(self, asset: str) -> None:
        """Remove the waiting proposals of an asset that has been bound."""
        ...


class ReplayBook(Protocol):
    """Records that are read again because the owner of an asset became known."""

    def request(self, replay: BindingReplay, partitions: Collection[str]) -> None:
        """Ask for it in each of these partitions."""
        ...

    def list_unfinished(self, partitions: Collection[str]) -> Sequence[BindingReplay]:
        """List those of these partitions that are not done, oldest first."""
        ...

    def list_partitions(self) -> Sequence[str]:
        """List the partitions of which anything was ever processed."""
        ...

    def begin(self, replay_id: int, end: RecordPosition | None) -> None:
        """Record the last record to be read; it is set once."""
        ...

    def advance(self, replay_id: int, position: RecordPosition, events: int) -> None:
        """Record how far it has come; `events` found their owner meanwhile."""
        ...

    def finish(self, replay_id: int, at: datetime) -> None: ...
