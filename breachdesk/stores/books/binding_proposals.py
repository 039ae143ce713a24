"""Store proposed bindings, and which were declined on which evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql.bulk_rows import match_any
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.tables.register_tables import binding_proposals
from breachdesk.stores.tables.stream_tables import alerts
from schemas.binding_proposal import BindingProposal, ProposalEvidence
from schemas.errors import EditConflict, NotFound
from schemas.paging import Page, PageRequest
from schemas.register_import import HeldState

TABLE = binding_proposals
BY_SCORE = KeysetPager(SortKey(TABLE.c.score, descending=True), SortKey(TABLE.c.id))
NEWEST_ALERTS = 2_000
GREATEST_ID = 2**63 - 1
"""Of a row in any database."""
WAITING = TABLE.c.state == HeldState.WAITING.value


class SqlProposalBook:
    """breachdesk.ports.ProposalBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, proposal_id: int) -> BindingProposal:
        """Return the proposal. Raises NotFound."""
        query = select(TABLE).where(TABLE.c.id == proposal_id)
        known = abs(proposal_id) <= GREATEST_ID
        row = self._connection.execute(query).one_or_none() if known else None
        if row is None:
            raise NotFound(f"no proposal {proposal_id}", remedy="Open the list again.")
        return _parse_proposal(row)

    def list_page(self, request: PageRequest) -> Page[BindingProposal]:
        """Return a page of the proposals that wait, highest score first."""
        query = select(TABLE).where(WAITING)
        return BY_SCORE.read_page(self._connection, query, request, _parse_proposal)

    def count_waiting(self) -> int:
        query = select(func.count()).select_from(TABLE).where(WAITING)
        return int(self._connection.execute(query).scalar_one())

    def list_rivals(self, assets: Collection[str]) -> Mapping[str, Sequence[BindingProposal]]:
        """List the waiting proposals of each of these assets, highest score first."""
        query = (
            select(TABLE)
            .where(match_any(self._connection, TABLE.c.asset, assets), WAITING)
            .order_by(TABLE.c.score.desc(), TABLE.c.id)
        )
        rivals: dict[str, list[BindingProposal]] = defaultdict(list)
        for row in self._connection.execute(query):
            rivals[row.asset].append(_parse_proposal(row))
        return rivals

    def list_seen_together(
        self, assets: Collection[str]
    ) -> Mapping[str, Collection[tuple[str, str]]]:
        """List, by asset, the customers and their assets that the newest alerts name beside it."""
        query = (
            select(alerts.c.unattributed, alerts.c.touches)
            .where(alerts.c.merged_into.is_(None))
            .order_by(alerts.c.pk.desc())
            .limit(NEWEST_ALERTS)
        )
        together: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for row in self._connection.execute(query):
            for asset in set(row.unattributed) & set(assets):
                together[asset].update((customer, other) for customer, other, _ in row.touches)
        return together

    def replace_waiting(self, proposals: Sequence[BindingProposal]) -> None:
        """Let exactly these wait, without those that were declined on the same evidence."""
        known = {
            (row.asset, row.customer_id): row for row in self._connection.execute(select(TABLE))
        }
        fresh_ones = {(each.asset, each.customer_id): each for each in proposals}
        for pair, row in known.items():
            if row.state == HeldState.WAITING and pair not in fresh_ones:
                self._connection.execute(delete(TABLE).where(TABLE.c.id == row.id))
        fresh: list[dict[str, Any]] = []
        for pair, proposal in fresh_ones.items():
            stored = known.get(pair)
            columns = _build_columns(proposal)
            if stored is None:
                fresh.append(columns)
            elif stored.state == HeldState.WAITING or stored.digest != proposal.digest:
                if stored.state == HeldState.WAITING:
                    columns.pop("found_at")
                self._connection.execute(
                    update(TABLE).where(TABLE.c.id == stored.id).values(**columns)
                )
        if fresh:
            self._connection.execute(insert(TABLE), fresh)

    def decide(self, proposal_id: int, state: HeldState, by: str, at: datetime) -> None:
        """Record the decision. Raises EditConflict if somebody decided already."""
        moved = self._connection.execute(
            update(TABLE)
            .where(TABLE.c.id == proposal_id, WAITING)
            .values(state=state.value, decided_at=at, decided_by=by)
        )
        if not moved.rowcount:
            raise EditConflict(
                "somebody decided this meanwhile",
                place=f"proposal {proposal_id}",
                remedy="Open the list again.",
            )

    def drop_rivals(self, asset: str) -> None:
        """Remove the waiting proposals of an asset that has been bound."""
        self._connection.execute(delete(TABLE).where(TABLE.c.asset == asset, WAITING))


def _build_columns(proposal: BindingProposal) -> dict[str, Any]:
    columns = proposal.model_dump(exclude={"id", "evidence", "state"})
    columns["evidence"] = [each.model_dump(mode="json") for each in proposal.evidence]
    columns["state"] = proposal.state.value
    return columns


def _parse_proposal(row: Row[Any]) -> BindingProposal:
    names = BindingProposal.model_fields.keys() - {"evidence", "state"}
    return BindingProposal(
        **{name: getattr(row, name) for name in names},
        evidence=tuple(ProposalEvidence.model_validate(each) for each in row.evidence),
        state=HeldState(row.state),
    )
