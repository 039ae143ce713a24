"""Write what a batch counts: dead letters, counts of each source, unattributed events."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, delete, func, or_, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.bulk_rows import insert_or_ignore_many, insert_or_replace_many
from breachdesk.stores.sql.dialects import insert_or_sum, sort_by_bytes
from breachdesk.stores.tables.stream_tables import dead_letters, source_counts, unattributed
from schemas.pipeline.event import RecordPosition
from schemas.pipeline.source import DeadLetter
from streams.ports import (
    HourCount,
    KnownLetter,
    SourceCount,
    SubjectKind,
    UnattributedCount,
)

Row = dict[str, Any]
SLICE = 400
MOST_DATASETS = 20
"""Most names of one key: a sender may invent names without end, and each batch writes them
again."""
MOST_KEYS = 10_000
"""Names without an owner that are listed."""
NEW_KEYS = 500
"""Of one batch."""
SUMS = ("received", "parsed", "ignored", "dead_letters", "not_understood", "late")
SOURCE_FIELDS = ("parser", *SUMS, "first_event", "last_event", "last_arrived")
LETTER = ("source", "arrived", "parser", "reason", "sha256")


def add_dead_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Store each dead letter once by position. A record that fails again keeps its newest reason; a
    replayed one no longer waits."""
    rows = {letter.position: _build_letter_row(letter) for letter in letters}
    if rows:
        insert_or_replace_many(connection, dead_letters, list(rows.values()), LETTER)


def add_source_counts(connection: Connection, counts: Sequence[SourceCount]) -> None:
    """Add to the sums, widen the span of events, keep the newest parser and arrival. Rows are
    updated in place and in the order of their names: many workers add to one source at once."""
    rows = [_build_source_row(count) for count in sorted(counts, key=lambda count: count.source)]
    if rows:
        connection.execute(insert_or_sum(connection, source_counts, _build_sums), rows)


def _build_source_row(count: SourceCount) -> Row:
    row = {name: getattr(count, name) for name in SOURCE_FIELDS}
    return {"name": count.source, **row}


def _build_sums(new: Any) -> dict[str, Any]:
    old = source_counts.c
    changes: dict[str, Any] = {name: old[name] + new[name] for name in SUMS}
    changes["parser"] = case((new.parser != "", new.parser), else_=old.parser)
    earlier = or_(old.first_event.is_(None), new.first_event < old.first_event)
    changes["first_event"] = case((earlier, new.first_event), else_=old.first_event)
    for name in ("last_event", "last_arrived"):
        later = or_(old[name].is_(None), new[name] > old[name])
        changes[name] = case((later, new[name]), else_=old[name])
    return changes


def add_unattributed(connection: Connection, counts: Sequence[UnattributedCount]) -> None:
    """Adds to what the key has; of the names of data sets it keeps the first MOST_DATASETS.

    Whoever may send a line may invent keys without end, so that the table holds MOST_KEYS: those
    with the most events. Of one batch's new keys those with the most events come in."""
    if not counts:
        return
    known = _list_known_keys(connection, sorted({count.key for count in counts}))
    events: dict[str, int] = {}
    for count in counts:
        if count.key not in known:
            events[count.key] = events.get(count.key, 0) + count.events
    new = set(sorted(events, key=lambda key: (-events[key], key))[:NEW_KEYS])
    by_key = sorted((c for c in counts if c.key in known or c.key in new), key=lambda c: c.key)
    rows = _lock_rows(connection, by_key, new)
    for count in by_key:
        # Another worker may have trimmed the key before its row was locked.
        row = rows.get(count.key) or _build_empty_row(count)
        rows[count.key] = _add_count(row, count)
    insert_or_replace_many(
        connection, unattributed, list(rows.values()), ("events", "first", "last", "datasets")
    )
    if new:
        _trim(connection)


def _list_known_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for begin in range(0, len(keys), SLICE):
        some = unattributed.c.key.in_(keys[begin : begin + SLICE])
        known.update(connection.execute(select(unattributed.c.key).where(some)).scalars())
    return known


def _trim(connection: Connection) -> None:
    """Remove the keys with the fewest events, of these the longest unseen. Skips rows that another
    worker has locked."""
    total = connection.execute(select(func.count()).select_from(unattributed)).scalar_one()
    if total <= MOST_KEYS + NEW_KEYS:
        return
    least = (
        select(unattributed.c.key)
        .order_by(unattributed.c.events, unattributed.c.last, unattributed.c.key)
        .limit(total - MOST_KEYS)
        .with_for_update(skip_locked=True)
    )
    keys = connection.execute(least).scalars().all()
    for begin in range(0, len(keys), SLICE):
        some = unattributed.c.key.in_(keys[begin : begin + SLICE])
        connection.execute(delete(unattributed).where(some))


def _lock_rows(
    connection: Connection, counts: Sequence[UnattributedCount], new: Container[str]
) -> dict[str, Row]:
    """Insert rows of the new keys, then lock all rows of the keys in order, then read them."""
    missing = {count.key: _build_empty_row(count) for count in counts if count.key in new}
    if missing:
        insert_or_ignore_many(connection, unattributed, list(missing.values()))
    rows: dict[str, Row] = {}
    keys = list(dict.fromkeys(count.key for count in counts))
    for begin in range(0, len(keys), SLICE):
        query = (
            select(unattributed)
            .where(unattributed.c.key.in_(keys[begin : begin + SLICE]))
            .order_by(sort_by_bytes(connection, unattributed.c.key))
            .with_for_update()
        )
        result = connection.execute(query)
        rows.update({row.key: dict(row._mapping) for row in result})  # noqa: SLF001 - public name
    return rows


def _build_empty_row(count: UnattributedCount) -> Row:
    return {
        "key": count.key,
        "events": 0,
        "first": count.first,
        "last": count.last,
        "datasets": [],
    }


def _add_count(old: Row, count: UnattributedCount) -> Row:
    return {
        "key": count.key,
        "events": old["events"] + count.events,
        "first": min(old["first"], count.first),
        "last": max(old["last"], count.last),
        "datasets": sorted({*old["datasets"], count.dataset})[:MOST_DATASETS],
    }


def _build_letter_row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "journal": letter.position.journal,
        "offset": letter.position.offset,
        "source": letter.source,
        "arrived": letter.arrived,
        "parser": letter.parser,
        "reason": letter.reason,
        "sha256": letter.sha256,
        "replayed": False,
    }


def find_dead_letters(
    connection: Connection, positions: Sequence[RecordPosition]
) -> dict[RecordPosition, KnownLetter]:
    """Look up which of these dead letters are stored."""
    letters_by_position: dict[RecordPosition, KnownLetter] = {}
    for position in positions:
        row = connection.execute(
            select(dead_letters).where(*_match_position(position))
        ).one_or_none()
        if row is not None:
            facts = (row.source, row.arrived, row.parser, row.reason, row.sha256)
            letters_by_position[position] = KnownLetter(
                DeadLetter(position, *facts), waits=not row.replayed
            )
    return letters_by_position


class UndoneCounts(NamedTuple):
    """What replayed letters take from the counts of their sources, and of the hours in which they
    arrived."""

    sources: Sequence[SourceCount]
    hours: Sequence[HourCount]


def mark_letters_replayed(
    connection: Connection, positions: Sequence[RecordPosition]
) -> UndoneCounts:
    """Mark them replayed; what is to be taken from their sources' counts."""
    sources, hours = [], []
    known = find_dead_letters(connection, sorted(positions)).values()
    for letter in (each.letter for each in known if each.waits):
        mark = update(dead_letters).where(*_match_position(letter.position)).values(replayed=True)
        connection.execute(mark)
        dead, strange = (-1, 0) if letter.parser else (0, -1)
        hour = int(letter.arrived.timestamp() // 3600)
        sources.append(SourceCount(letter.source, dead_letters=dead, not_understood=strange))
        hours.append(
            HourCount(
                SubjectKind.SOURCE,
                letter.source,
                hour,
                dead_letters=dead,
                not_understood=strange,
            )
        )
    return UndoneCounts(sources, hours)


def _match_position(position: RecordPosition) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        dead_letters.c.journal == position.journal,
        dead_letters.c.offset == position.offset,
    )
