"""Sources: what they sent, what nobody understood, and when we were blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.each_dialect import by_bytes
from breachdesk.stores.stream_tables import blind_intervals, dead_letters, source_counts
from breachdesk.stores.tables import bindings
from schemas.customer import PROVIDER, AssetKind
from schemas.errors import NotFound
from schemas.event import Position
from schemas.source import BlindInterval, DeadLetter, SourceView


class SqlSourceBook:
    """breachdesk.ports.SourceBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> Sequence[SourceView]:
        """By name; a source we only know to have been blind is listed too."""
        gaps: dict[str, tuple[BlindInterval, ...]] = {}
        for gap in self.gaps():
            gaps[gap.source] = (*gaps.get(gap.source, ()), gap)
        rows = {row.name: row for row in self._connection.execute(select(source_counts))}
        owners = self._owners()
        return [
            _view(name, rows.get(name), owners.get(name.casefold(), PROVIDER), gaps.get(name, ()))
            for name in sorted(rows.keys() | gaps.keys())
        ]

    def dead_letters(self, *, limit: int = 500) -> Sequence[DeadLetter]:
        """Newest first, those not yet replayed."""
        rows = self._connection.execute(
            select(dead_letters)
            .where(dead_letters.c.replayed.is_(False))
            .order_by(dead_letters.c.arrived.desc(), dead_letters.c.offset.desc())
            .limit(limit)
        )
        return [_letter(row) for row in rows]

    def replayed(self, position: Position) -> None:
        """A later replay made an event of it. Raises NotFound."""
        marked = self._connection.execute(
            update(dead_letters)
            .where(
                dead_letters.c.journal == position.journal,
                dead_letters.c.offset == position.offset,
            )
            .values(replayed=True)
        )
        if not marked.rowcount:
            raise NotFound(
                f"no dead letter at {position.journal}:{position.offset}",
                remedy="`breachdesk dead-letters list` names them.",
            )

    def add_gap(self, gap: BlindInterval) -> None:
        """Idempotent by (source, begin): a later word on the same gap replaces the earlier."""
        known = {"end": gap.end, "reason": gap.reason, "lost": gap.lost}
        written = self._connection.execute(
            update(blind_intervals)
            .where(blind_intervals.c.source == gap.source, blind_intervals.c.begin == gap.begin)
            .values(**known)
        )
        if not written.rowcount:
            self._connection.execute(
                insert(blind_intervals).values(source=gap.source, begin=gap.begin, **known)
            )

    def gaps(self) -> Sequence[BlindInterval]:
        """Oldest first."""
        rows = self._connection.execute(
            select(blind_intervals).order_by(
                blind_intervals.c.begin, by_bytes(self._connection, blind_intervals.c.source)
            )
        )
        return [BlindInterval.model_validate(dict(row._mapping)) for row in rows]  # noqa: SLF001

    def _owners(self) -> Mapping[str, str]:
        rows = self._connection.execute(
            select(bindings.c.value, bindings.c.customer_id).where(
                bindings.c.kind == AssetKind.SOURCE.value, bindings.c.known_to.is_(None)
            )
        )
        return {row.value: row.customer_id for row in rows}


def _view(
    name: str, row: Row[Any] | None, owner: str, gaps: tuple[BlindInterval, ...]
) -> SourceView:
    counts = {} if row is None else {k: v for k, v in row._mapping.items() if k != "name"}  # noqa: SLF001
    return SourceView(name=name, owner=owner, gaps=gaps, **counts)


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        position=Position(row.journal, row.offset),
        source=row.source,
        arrived=row.arrived,
        parser=row.parser,
        reason=row.reason,
        sha256=row.sha256,
    )
