"""What a batch adds up: dead letters, counts of each source, events that belong to nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.stream_tables import dead_letters, source_counts, unattributed
from schemas.source import DeadLetter
from streams.ports import SourceCount, UnattributedCount

SLICE = 400
_DROP_LETTER = delete(dead_letters).where(
    dead_letters.c.journal == bindparam("_journal"), dead_letters.c.offset == bindparam("_offset")
)
_DROP_UNATTRIBUTED = delete(unattributed).where(unattributed.c.key == bindparam("_key"))
SUMS = ("received", "parsed", "folded", "dead_letters", "not_understood", "late")


def add_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Once each by position; a record that fails again keeps its newest reason."""
    rows = {letter.position: _letter_row(letter) for letter in letters}
    if rows:
        places = [{"_journal": place.journal, "_offset": place.offset} for place in rows]
        connection.execute(_DROP_LETTER, places)
        connection.execute(insert(dead_letters), list(rows.values()))


def add_sources(connection: Connection, counts: Sequence[SourceCount]) -> None:
    """Sums rise; the span of events widens; the newest parser and arrival stay."""
    for count in counts:
        here = source_counts.c.name == count.source
        row = connection.execute(select(source_counts).where(here)).one_or_none()
        values: dict[str, object] = {
            name: getattr(count, name) + (0 if row is None else getattr(row, name)) for name in SUMS
        }
        values["parser"] = count.parser or ("" if row is None else row.parser)
        old_first, old_last, old_arrived = (
            (None, None, None)
            if row is None
            else (row.first_event, row.last_event, row.last_arrived)
        )
        values["first_event"] = _earliest(old_first, count.first_event)
        values["last_event"] = _latest(old_last, count.last_event)
        values["last_arrived"] = _latest(old_arrived, count.last_arrived)
        if row is None:
            connection.execute(insert(source_counts).values(name=count.source, **values))
        else:
            connection.execute(update(source_counts).where(here).values(**values))


def add_unattributed(connection: Connection, counts: Sequence[UnattributedCount]) -> None:
    """Adds to what the key has; keeps every data set's name once."""
    rows: dict[str, dict[str, Any]] = {}
    for begin in range(0, len(counts), SLICE):
        keys = {count.key for count in counts[begin : begin + SLICE]}
        found = connection.execute(select(unattributed).where(unattributed.c.key.in_(keys)))
        rows.update({row.key: dict(row._mapping) for row in found})  # noqa: SLF001 - public name
    for count in counts:
        rows[count.key] = _added(rows.get(count.key), count)
    if rows:
        connection.execute(_DROP_UNATTRIBUTED, [{"_key": key} for key in rows])
        connection.execute(insert(unattributed), list(rows.values()))


def _added(row: dict[str, Any] | None, count: UnattributedCount) -> dict[str, Any]:
    old = row or {
        "events": 0,
        "first": count.first,
        "last": count.last,
        "datasets": [],
    }
    return {
        "key": count.key,
        "events": old["events"] + count.events,
        "first": min(old["first"], count.first),
        "last": max(old["last"], count.last),
        "datasets": sorted({*old["datasets"], count.dataset}),
    }


def _letter_row(letter: DeadLetter) -> dict[str, Any]:
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


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((time for time in (one, other) if time is not None), default=None)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((time for time in (one, other) if time is not None), default=None)
