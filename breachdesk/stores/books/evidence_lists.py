"""List the evidence of one alert: pages, single events, events over time.

Each event appears once for each step, although the table has a row for each value that it counts
with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.engine import Connection

from breachdesk.stores.books.alert_views import build_evidence_view
from breachdesk.stores.sql.dialects import extract_seconds, truncate_fraction
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.tables.stream_tables import evidence
from schemas.paging import Page, PageRequest
from schemas.pipeline.alert import EvidenceSpan, EvidenceView, StepCount
from schemas.pipeline.event import RecordPosition

OLDEST = KeysetPager(
    SortKey(evidence.c.time),
    SortKey(evidence.c.event_id),
    SortKey(evidence.c.step),
    SortKey(evidence.c.alert_pk),
)


def list_page(
    connection: Connection, pks: Sequence[int], request: PageRequest
) -> Page[EvidenceView]:
    """Return a page of the events of these alerts, in time order."""
    once = (
        select(evidence.c.event_id, evidence.c.step, func.min(evidence.c.value).label("value"))
        .where(_match_alerts(pks))
        .group_by(evidence.c.event_id, evidence.c.step)
        .subquery()
    )
    query = (
        select(evidence)
        .join(
            once,
            and_(
                evidence.c.event_id == once.c.event_id,
                evidence.c.step == once.c.step,
                evidence.c.value == once.c.value,
            ),
        )
        .where(_match_alerts(pks))
    )
    total = connection.execute(select(func.count()).select_from(once)).scalar_one()
    return OLDEST.read_page(connection, query, request, build_evidence_view, int(total))


def find_evidence(
    connection: Connection, pks: Sequence[int], position: RecordPosition
) -> EvidenceView | None:
    """Return the event that was read from that position, or None."""
    query = (
        select(evidence)
        .where(_match_alerts(pks), evidence.c.journal == position.journal)
        .where(evidence.c.offset == position.offset)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else build_evidence_view(row)


def compute_span(connection: Connection, pks: Sequence[int], parts: int) -> EvidenceSpan | None:
    """Count the events by step in equal parts of the time they span."""
    ends = select(evidence.c.step, func.min(evidence.c.time), func.max(evidence.c.time))
    steps = connection.execute(ends.where(_match_alerts(pks)).group_by(evidence.c.step)).all()
    if not steps:
        return None
    begin, end = min(row[1] for row in steps), max(row[2] for row in steps)
    counts: Counter[tuple[int, str]] = Counter()
    for part, step, events in connection.execute(
        _select_counts(connection, pks, (begin, end), parts)
    ):
        # The last event lies on the end of the last part.
        counts[min(max(part, 0), parts - 1), step] += events
    return EvidenceSpan(
        begin,
        end,
        tuple(row[0] for row in sorted(steps, key=lambda row: (row[1], row[0]))),
        tuple(StepCount(*key, events) for key, events in sorted(counts.items())),
    )


def _select_counts(
    connection: Connection, pks: Sequence[int], span: tuple[datetime, datetime], parts: int
) -> Select[Any]:
    begin, end = span
    width = ((end - begin).total_seconds() or 1.0) / parts
    since = extract_seconds(connection, evidence.c.time) - begin.timestamp()
    part = truncate_fraction(connection, since / width).label("part")
    events = func.count(evidence.c.event_id.distinct())
    return (
        select(part, evidence.c.step, events)
        .where(_match_alerts(pks))
        .group_by(part, evidence.c.step)
    )


def _match_alerts(pks: Sequence[int]) -> ColumnElement[bool]:
    return evidence.c.alert_pk.in_(pks)
