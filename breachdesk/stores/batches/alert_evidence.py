"""Store evidence: the retained events behind an alert, each with its position and hash."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, delete, select
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.bulk_rows import insert_or_ignore_many
from breachdesk.stores.tables.stream_tables import evidence
from schemas.pipeline.alert import Signal

Identity = tuple[int, str, str, str]
"""Alert, event id, step, value."""

SLICE = 400
MOST_MEMBERS = 50_000
"""Members that a worker remembers, of all alerts together."""
IDENTITY = (evidence.c.alert_pk, evidence.c.event_id, evidence.c.step, evidence.c.value)
_DELETE = delete(evidence).where(
    and_(*(column == bindparam(f"_{column.name}") for column in IDENTITY))
)


class WantedEvidence(NamedTuple):
    """What an alert's evidence is to be."""

    members: Sequence[Signal]
    evidence_hash: str | None = None
    """Of `members`."""
    stored_hash: str | None = None
    """Of what is stored, if that is certain; None: the rows must be read."""


class EvidenceCopies:
    """Members by their hash, so that evidence which grows by one event is not read as a whole to
    find that out. A hash says what its members are: a copy cannot be wrong, only missing."""

    def __init__(self, most: int = MOST_MEMBERS) -> None:
        self._most = most
        self._copies: OrderedDict[str, Sequence[Signal]] = OrderedDict()
        self._members = 0

    def get(self, evidence_hash: str | None) -> Sequence[Signal] | None:
        """Return the remembered members, or None."""
        return None if evidence_hash is None else self._copies.get(evidence_hash)

    def replace(self, former: str | None, current: WantedEvidence) -> None:
        """Remember these members, and no longer those that they replace."""
        if former is not None:
            self._forget(former)
        if current.evidence_hash is not None:
            self._forget(current.evidence_hash)
            self._copies[current.evidence_hash] = current.members
            self._members += len(current.members)
        while self._members > self._most:
            self._forget(next(iter(self._copies)))

    def _forget(self, evidence_hash: str) -> None:
        self._members -= len(self._copies.pop(evidence_hash, ()))


def save_evidence(
    connection: Connection, evidence_by_alert: Mapping[int, WantedEvidence], copies: EvidenceCopies
) -> None:
    """Make each alert's evidence exactly these signals; a merged alert's lies with its leader."""
    added: dict[Identity, Signal] = {}
    gone: set[Identity] = set()
    unknown: list[int] = []
    for pk, each in evidence_by_alert.items():
        stored = copies.get(each.stored_hash)
        if stored is None:
            unknown.append(pk)
        else:
            new, old = _compare_members(stored, each.members)
            added.update(_collect_by_identity(pk, new))
            gone.update(_collect_by_identity(pk, old))
    members = {
        i: s
        for pk in unknown
        for i, s in _collect_by_identity(pk, evidence_by_alert[pk].members).items()
    }
    stored_identities = _read_identities(connection, unknown)
    gone |= stored_identities - members.keys()
    added.update(
        {identity: s for identity, s in members.items() if identity not in stored_identities}
    )
    _write_rows(connection, gone - added.keys(), added)
    for each in evidence_by_alert.values():
        copies.replace(each.stored_hash, each)


def _compare_members(
    stored: Sequence[Signal], members: Sequence[Signal]
) -> tuple[list[Signal], list[Signal]]:
    """Return the added and the removed members. Most often both lists hold the very same
    objects."""
    before, after = set(map(id, stored)), set(map(id, members))
    new = [signal for signal in members if id(signal) not in before]
    old = [signal for signal in stored if id(signal) not in after]
    if not old:
        return new, old
    # Others that say the same: the group was read again meanwhile.
    here, there = set(map(_get_identity, members)), set(map(_get_identity, stored))
    return (
        [signal for signal in new if _get_identity(signal) not in there],
        [signal for signal in old if _get_identity(signal) not in here],
    )


def _get_identity(signal: Signal) -> tuple[str, str, str]:
    return signal.event_id, signal.step, signal.value


def _collect_by_identity(pk: int, signals: Iterable[Signal]) -> dict[Identity, Signal]:
    return {(pk, signal.event_id, signal.step, signal.value): signal for signal in signals}


def _write_rows(
    connection: Connection, gone: set[Identity], added: Mapping[Identity, Signal]
) -> None:
    names = [f"_{column.name}" for column in IDENTITY]
    if gone:
        connection.execute(_DELETE, [dict(zip(names, each, strict=True)) for each in sorted(gone)])
    if added:
        # Two members may be one row: the same event, once for each of two times it bears.
        rows = [build_evidence_row(each[0], signal) for each, signal in added.items()]
        insert_or_ignore_many(connection, evidence, rows)


def _read_identities(connection: Connection, pks: Sequence[int]) -> set[Identity]:
    identities: set[Identity] = set()
    for begin in range(0, len(pks), SLICE):
        some = evidence.c.alert_pk.in_(pks[begin : begin + SLICE])
        identities.update(
            (a, b, c, d) for a, b, c, d in connection.execute(select(*IDENTITY).where(some))
        )
    return identities


def build_evidence_row(pk: int, member: Signal) -> dict[str, Any]:
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
        "session": member.session,
        "is_retelling": member.is_retelling,
    }
