"""What a batch adds up: dead letters, counts of each source, events that belong to nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.tables import dead_letters, source_counts, unattributed
from schemas.source import DeadLetter
from streams.ports import SourceCount, UnattributedCount

SUMS = ("received", "parsed", "folded", "dead_letters", "not_understood", "late")


def add_letters(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Once each by position; a record that fails again keeps its newest reason."""
    for letter in letters:
        known = {
            "source": letter.source,
            "arrived": letter.arrived,
            "parser": letter.parser,
            "reason": letter.reason,
            "sha256": letter.sha256,
            "replayed": False,
        }
        journal, offset = letter.position
        written = connection.execute(
            update(dead_letters)
            .where(dead_letters.c.journal == journal, dead_letters.c.offset == offset)
            .values(**known)
        )
        if not written.rowcount:
            connection.execute(insert(dead_letters).values(journal=journal, offset=offset, **known))


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
    for count in counts:
        here = unattributed.c.key == count.key
        row = connection.execute(select(unattributed).where(here)).one_or_none()
        if row is None:
            connection.execute(
                insert(unattributed).values(
                    key=count.key,
                    events=count.events,
                    first=count.first,
                    last=count.last,
                    datasets=[count.dataset],
                )
            )
            continue
        connection.execute(
            update(unattributed)
            .where(here)
            .values(
                events=row.events + count.events,
                first=min(row.first, count.first),
                last=max(row.last, count.last),
                datasets=sorted({*row.datasets, count.dataset}),
            )
        )


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((time for time in (one, other) if time is not None), default=None)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((time for time in (one, other) if time is not None), default=None)
