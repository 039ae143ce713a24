"""Evidence: the retained events behind an alert, with where each lies and its hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, select
from sqlalchemy.engine import Connection

from breachdesk.stores.many_rows import insert_many
from breachdesk.stores.stream_tables import evidence
from schemas.alert import Signal

Identity = tuple[int, str, str, str]
"""Alert, event id, step, value."""

SLICE = 400
IDENTITY = (evidence.c.alert_pk, evidence.c.event_id, evidence.c.step, evidence.c.value)
_DELETE = delete(evidence).where(
    and_(*(column == bindparam(f"_{column.name}") for column in IDENTITY))
)


def keep_evidence(connection: Connection, wanted: Mapping[int, Sequence[Signal]]) -> None:
    """Make each alert's evidence exactly these signals; a merged alert's lies with its leader."""
    members: dict[Identity, Signal] = {
        (pk, signal.event_id, signal.step, signal.value): signal
        for pk, signals in wanted.items()
        for signal in signals
    }
    kept = _kept(connection, list(wanted))
    names = [f"_{column.name}" for column in IDENTITY]
    gone = [dict(zip(names, identity, strict=True)) for identity in kept - members.keys()]
    if gone:
        connection.execute(_DELETE, gone)
    added = [_row(identity[0], s) for identity, s in members.items() if identity not in kept]
    if added:
        insert_many(connection, evidence, added)


def _kept(connection: Connection, pks: Sequence[int]) -> set[Identity]:
    found: set[Identity] = set()
    for begin in range(0, len(pks), SLICE):
        some = evidence.c.alert_pk.in_(pks[begin : begin + SLICE])
        found.update(
            (a, b, c, d) for a, b, c, d in connection.execute(select(*IDENTITY).where(some))
        )
    return found


def _row(pk: int, member: Signal) -> dict[str, Any]:
    return {
        "alert_pk": pk,
        "event_id": member.event_id,
        "step": member.step,
        "value": member.value,
        "time": datetime.fromtimestamp(member.time, UTC),
        "source": member.source,
        "journal": member.position.journal,
        "offset": member.position.offset,
        "sha256": member.sha256,
        "summary": dict(member.summary),
        "touches": [[t.customer, t.asset, t.category] for t in member.touches],
    }
