"""Erase personal data from an alert: its evidence's contents, notes, group and raw bytes.

Times, counts, hashes and the rule remain, because a register needs them. The alert is closed, so
that no later batch writes the contents again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.case_cipher import ERASED
from breachdesk.stores.tables.stream_tables import (
    alert_acts,
    alert_notes,
    alerts,
    evidence,
    pinned_records,
)


def erase_alerts(connection: Connection, pks: Sequence[int]) -> int:
    """Erase the contents of these alerts; how many records of evidence they had. Bytes that the
    evidence of another alert needs too stay."""
    rows = connection.execute(
        select(evidence.c.journal, evidence.c.offset).where(evidence.c.alert_pk.in_(pks))
    ).all()
    for row in rows:
        _delete_pinned(connection, row.journal, row.offset, pks)
    connection.execute(
        update(evidence).where(evidence.c.alert_pk.in_(pks)).values(summary={}, touches=[])
    )
    connection.execute(
        update(alerts)
        .where(alerts.c.pk.in_(pks))
        .values(
            group=[], entities=[], touches=[], unattributed=[], title=alerts.c.rule,
            explanation=ERASED, closed=True,
        )
    )  # fmt: skip
    connection.execute(
        update(alert_acts)
        .where(alert_acts.c.alert_pk.in_(pks), alert_acts.c.dismissed_reason.is_not(None))
        .values(dismissed_reason=ERASED)
    )
    _erase_notes(connection, pks)
    return len(rows)


def _delete_pinned(connection: Connection, journal: str, offset: int, pks: Sequence[int]) -> None:
    of_others = select(evidence.c.alert_pk).where(
        evidence.c.journal == journal,
        evidence.c.offset == offset,
        evidence.c.alert_pk.not_in(pks),
    )
    if connection.execute(of_others.limit(1)).scalar() is None:
        connection.execute(
            delete(pinned_records).where(
                pinned_records.c.journal == journal, pinned_records.c.offset == offset
            )
        )


def _erase_notes(connection: Connection, pks: Sequence[int]) -> None:
    notes = connection.execute(select(alert_notes).where(alert_notes.c.alert_pk.in_(pks))).all()
    for note in notes:
        connection.execute(
            update(alert_notes)
            .where(alert_notes.c.id == note.id)
            .values(doc={**note.doc, "text": ERASED})
        )
