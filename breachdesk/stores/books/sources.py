"""Store sources: what they sent, what no parser recognised, and blind intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, not_, or_, select, union, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.sql.bulk_rows import SLICE, match_any
from breachdesk.stores.sql.dialects import sort_by_bytes
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.tables.case_tables import bindings
from breachdesk.stores.tables.stream_tables import blind_intervals, dead_letters, source_counts
from breachdesk.stores.tables.watch_tables import operations_alerts
from schemas.customer import PROVIDER, AssetKind
from schemas.errors import NotFound
from schemas.paging import Page, PageRequest
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import BlindInterval, DeadLetter, SourceView

NAMES = union(
    select(source_counts.c.name), select(blind_intervals.c.source.label("name"))
).subquery("names")
"""A source we only know to have been blind is one too."""
BY_NAME = KeysetPager(SortKey(NAMES.c.name))
NEWEST_LETTERS = KeysetPager(
    SortKey(dead_letters.c.arrived, descending=True),
    SortKey(dead_letters.c.offset, descending=True),
    SortKey(dead_letters.c.journal, descending=True),
)
NEWEST_GAPS = KeysetPager(
    SortKey(blind_intervals.c.begin, descending=True), SortKey(blind_intervals.c.source)
)


class SqlSourceBook:
    """breachdesk.ports.SourceBook."""

    def __init__(
        self, connection: Connection, configured_owners: Mapping[str, str] | None = None
    ) -> None:
        """`configured_owners`: whose system a source is by the settings, where no binding says it;
        by case-folded name."""
        self._connection = connection
        self._configured_owners = configured_owners or {}

    def list(self) -> Sequence[SourceView]:
        """List sources by name, including those that are known only from a blind interval."""
        rows = self._connection.execute(select(NAMES.c.name))
        return self.list_by_names([row.name for row in rows])

    def list_by_names(self, names: Collection[str]) -> Sequence[SourceView]:
        """List those of these sources that are known, by name."""
        has_name = match_any(self._connection, source_counts.c.name, names)
        rows = {
            row.name: row for row in self._connection.execute(select(source_counts).where(has_name))
        }
        gaps: dict[str, list[BlindInterval]] = {}
        for gap in self._list_gaps(match_any(self._connection, blind_intervals.c.source, names)):
            gaps.setdefault(gap.source, []).append(gap)
        known = sorted(rows.keys() | gaps.keys())
        owners = self._list_owners([name.casefold() for name in known])
        return [
            _build_view(
                name,
                rows.get(name),
                owners.get(name.casefold(), PROVIDER),
                tuple(gaps.get(name, ())),
            )
            for name in known
        ]

    def list_page(
        self, request: PageRequest, *, words: str | None = None, troubled: bool = False
    ) -> Page[SourceView]:
        """Return a page of sources by name."""
        query = select(NAMES)
        if words is not None:
            query = query.where(NAMES.c.name.icontains(words, autoescape=True))
        if troubled:
            is_open = operations_alerts.c.closed_at.is_(None)
            query = query.where(NAMES.c.name.in_(select(operations_alerts.c.source).where(is_open)))
        page = BY_NAME.read_page(self._connection, query, request, lambda row: str(row.name))
        views = {view.name: view for view in self.list_by_names(page.rows)}
        return Page([views[name] for name in page.rows], page.total, page.next, page.previous)

    def get_last_arrivals(self) -> Mapping[str, datetime | None]:
        """Return when the last record of each source arrived."""
        query = select(NAMES.c.name, source_counts.c.last_arrived).outerjoin(
            source_counts, source_counts.c.name == NAMES.c.name
        )
        return {row.name: row.last_arrived for row in self._connection.execute(query)}

    def list_troubled(self) -> Sequence[str]:
        """List sources with a record that became no event."""
        counts = source_counts.c
        query = (
            select(counts.name)
            .where(or_(counts.not_understood > 0, counts.dead_letters > 0))
            .order_by(counts.not_understood.desc(), sort_by_bytes(self._connection, counts.name))
        )
        return self._connection.execute(query).scalars().all()

    def find_least_understood(self) -> tuple[str, int] | None:
        """Find the source with the most records that no parser recognises."""
        counts = source_counts.c
        query = (
            select(counts.name, counts.not_understood)
            .where(counts.not_understood > 0)
            .order_by(counts.not_understood.desc(), sort_by_bytes(self._connection, counts.name))
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else (row.name, row.not_understood)

    def list_dead_letters(self, *, limit: int = 500) -> Sequence[DeadLetter]:
        """List dead letters that were not replayed, newest first."""
        waiting = select(dead_letters).where(not_(dead_letters.c.replayed))
        # The total, which nobody asked for, costs a statement of its own.
        return NEWEST_LETTERS.read_page(
            self._connection, waiting, PageRequest(limit), _build_letter, total=limit
        ).rows

    def list_dead_letters_page(self, request: PageRequest) -> Page[DeadLetter]:
        """Return a page of the dead letters that were not replayed, newest first."""
        waiting = select(dead_letters).where(not_(dead_letters.c.replayed))
        return NEWEST_LETTERS.read_page(self._connection, waiting, request, _build_letter)

    def list_dead_letters_after(
        self, position: RecordPosition | None, *, limit: int
    ) -> Sequence[DeadLetter]:
        """List dead letters that were not replayed, by journal and offset."""
        columns = dead_letters.c
        query = (
            select(dead_letters)
            .where(not_(columns.replayed))
            .order_by(sort_by_bytes(self._connection, columns.journal), columns.offset)
            .limit(limit)
        )
        if position is not None:
            journal = sort_by_bytes(self._connection, columns.journal)
            query = query.where(
                or_(
                    journal > position.journal,
                    and_(columns.journal == position.journal, columns.offset > position.offset),
                )
            )
        return [_build_letter(row) for row in self._connection.execute(query)]

    def mark_replayed(self, position: RecordPosition) -> None:
        """Mark a dead letter as replayed, after it became an event. Raises NotFound."""
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
        """Record a blind interval. Idempotent by (source, begin): a later report of the same gap
        replaces the earlier."""
        known = {"end": gap.end, "reason": gap.reason, "lost": gap.lost}
        result = self._connection.execute(
            update(blind_intervals)
            .where(blind_intervals.c.source == gap.source, blind_intervals.c.begin == gap.begin)
            .values(**known)
        )
        if not result.rowcount:
            self._connection.execute(
                insert(blind_intervals).values(source=gap.source, begin=gap.begin, **known)
            )

    def list_gaps(self) -> Sequence[BlindInterval]:
        """List all blind intervals, oldest first."""
        return self._list_gaps()

    def filter_unknown_gaps(self, gaps: Collection[BlindInterval]) -> Sequence[BlindInterval]:
        """Asks for rows that begin when one of these does."""
        begins = sorted({gap.begin for gap in gaps})
        known: set[BlindInterval] = set()
        for first in range(0, len(begins), SLICE):
            known |= set(
                self._list_gaps(blind_intervals.c.begin.in_(begins[first : first + SLICE]))
            )
        return [gap for gap in gaps if gap not in known]

    def list_gaps_within(self, begin: datetime, end: datetime) -> Sequence[BlindInterval]:
        """List blind intervals that overlap this time, oldest first."""
        gaps = blind_intervals.c
        return self._list_gaps(gaps.begin <= end, or_(gaps.end.is_(None), gaps.end >= begin))

    def list_gaps_page(self, request: PageRequest) -> Page[BlindInterval]:
        """Return a page of blind intervals, newest first."""
        return NEWEST_GAPS.read_page(self._connection, select(blind_intervals), request, _build_gap)

    def _list_gaps(self, *where: ColumnElement[bool]) -> Sequence[BlindInterval]:
        rows = self._connection.execute(
            select(blind_intervals)
            .where(*where)
            .order_by(
                blind_intervals.c.begin, sort_by_bytes(self._connection, blind_intervals.c.source)
            )
        )
        return [_build_gap(row) for row in rows]

    def _list_owners(self, names: Collection[str]) -> Mapping[str, str]:
        rows = self._connection.execute(
            select(bindings.c.value, bindings.c.customer_id).where(
                bindings.c.kind == AssetKind.SOURCE.value,
                bindings.c.known_to.is_(None),
                match_any(self._connection, bindings.c.value, names),
            )
        )
        bound = {row.value: row.customer_id for row in rows if row.customer_id != PROVIDER}
        configured = self._configured_owners
        return {name: configured[name] for name in names if name in configured} | bound


def _build_view(
    name: str, row: Row[Any] | None, owner: str, gaps: tuple[BlindInterval, ...]
) -> SourceView:
    counts = {} if row is None else {k: v for k, v in row._mapping.items() if k != "name"}  # noqa: SLF001
    return SourceView(name=name, owner=owner, gaps=gaps, **counts)


def _build_letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        position=RecordPosition(row.journal, row.offset),
        source=row.source,
        arrived=row.arrived,
        parser=row.parser,
        reason=row.reason,
        sha256=row.sha256,
    )


def _build_gap(row: Row[Any]) -> BlindInterval:
    return BlindInterval(
        source=row.source, begin=row.begin, end=row.end, reason=row.reason, lost=row.lost
    )
