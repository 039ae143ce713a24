"""Read alerts and record human acts on them; batches/reconcile.py writes the pipeline's part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from breachdesk.stores.books import alert_erasure, alert_lists, evidence_lists
from breachdesk.stores.books.alert_views import (
    build_alert_view,
    build_evidence_view,
    select_alerts_with_acts,
)
from breachdesk.stores.sql.bulk_rows import SLICE, insert_or_ignore_many
from breachdesk.stores.sql.dialects import sort_by_bytes
from breachdesk.stores.tables.stream_tables import (
    alert_acts,
    alert_ids,
    alert_notes,
    alerts,
    evidence,
    pinned_records,
)
from schemas.casework.case import CaseNote
from schemas.errors import BadInput, EditConflict, NotFound
from schemas.paging import Page, PageRequest
from schemas.pipeline.alert import AlertState, AlertView, EvidenceSpan, EvidenceView, RuleFirings
from schemas.pipeline.event import RecordPosition

CHANGEABLE = {"state", "assignee", "dismissed_reason", "case_id"}


class SqlAlertBook:
    """breachdesk.ports.AlertBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, *, states: Sequence[AlertState] = (), merged: bool = False
    ) -> Sequence[AlertView]:
        """List all live alerts in the order of `list_page`; with `merged`, merged ones too."""
        return alert_lists.list_all(self._connection, states, merged=merged)

    def list_page(
        self, request: PageRequest, *, states: Sequence[AlertState] = ()
    ) -> Page[AlertView]:
        """Return live alerts by severity (highest first), then newest, then by id."""
        return alert_lists.list_page(self._connection, request, states)

    def list_page_by_time(self, request: PageRequest) -> Page[AlertView]:
        """Return live alerts by their first bucket, rule, organization and group."""
        return alert_lists.list_page_by_time(self._connection, request)

    def count(self, states: Sequence[AlertState] = ()) -> int:
        """Count live alerts in one of these states; without states, in any."""
        return alert_lists.count_alerts(self._connection, states)

    def get_firings(self) -> Mapping[str, RuleFirings]:
        """Return the firings of each rule that has live alerts."""
        return alert_lists.get_firings(self._connection)

    def get(self, alert: str | int) -> AlertView:
        """Return the alert by canonical id (present or former) or surrogate key; follows merges to
        the leader."""
        pk = alert if isinstance(alert, int) else self._get_pk(alert)
        row = self._get_row(pk)
        while row.merged_into is not None:
            row = self._get_row(row.merged_into)
        return build_alert_view(row)

    def get_many(self, pks: Sequence[int]) -> Sequence[AlertView]:
        """Return the alerts of many surrogate keys, in their order, like `get`."""
        rows: dict[int, Row[Any]] = {}
        missing = set(pks)
        while missing:
            some = list(missing)
            for begin in range(0, len(some), SLICE):
                query = select_alerts_with_acts().where(
                    alerts.c.pk.in_(some[begin : begin + SLICE])
                )
                rows.update((row.pk, row) for row in self._connection.execute(query))
            leaders = {row.merged_into for row in rows.values()} - {None}
            missing = leaders - rows.keys()
        return [build_alert_view(self._get_leader(pk, rows)) for pk in pks]

    def list_evidence(self, pk: int) -> Sequence[EvidenceView]:
        """List the events of the alert and of those merged into it, in time order."""
        rows = self._connection.execute(
            select(evidence)
            .where(evidence.c.alert_pk.in_(self._list_merged_pks(pk)))
            .order_by(evidence.c.time, *(sort_by_bytes(self._connection, text) for text in TEXTS))
        )
        return list({(row.event_id, row.step): build_evidence_view(row) for row in rows}.values())

    def list_evidence_page(self, pk: int, request: PageRequest) -> Page[EvidenceView]:
        """Return a page of the events that `list_evidence` lists."""
        return evidence_lists.list_page(self._connection, self._list_merged_pks(pk), request)

    def find_evidence(self, pk: int, position: RecordPosition) -> EvidenceView | None:
        """Return the event of its evidence that was read from that position, or None."""
        return evidence_lists.find_evidence(self._connection, self._list_merged_pks(pk), position)

    def compute_evidence_span(self, pk: int, parts: int) -> EvidenceSpan | None:
        """Count its events by step in `parts` equal parts of the time they span."""
        return evidence_lists.compute_span(self._connection, self._list_merged_pks(pk), parts)

    def list_unpinned(self, journals: Sequence[str]) -> Sequence[RecordPosition]:
        """List positions of evidence in these journals that have no raw bytes in the store yet."""
        pinned = exists().where(
            pinned_records.c.journal == evidence.c.journal,
            pinned_records.c.offset == evidence.c.offset,
        )
        query = (
            select(evidence.c.journal, evidence.c.offset)
            .where(evidence.c.journal.in_(journals), ~pinned)
            .distinct()
        )
        return [RecordPosition(row.journal, row.offset) for row in self._connection.execute(query)]

    def save_pinned(self, raw: Mapping[RecordPosition, bytes]) -> None:
        """Keep the bytes of these evidence records beyond the journal's retention; what is kept
        already stays."""
        rows = [{"journal": p.journal, "offset": p.offset, "raw": raw[p]} for p in sorted(raw)]
        if rows:
            insert_or_ignore_many(self._connection, pinned_records, rows)

    def find_pinned(self, position: RecordPosition) -> bytes | None:
        """Return the pinned raw bytes, or None."""
        return self._connection.execute(
            select(pinned_records.c.raw).where(
                pinned_records.c.journal == position.journal,
                pinned_records.c.offset == position.offset,
            )
        ).scalar_one_or_none()

    def forget(self, pk: int) -> int:
        """Erase what its evidence, notes and pinned bytes say of people; how many records."""
        return alert_erasure.erase_alerts(self._connection, self._list_merged_pks(pk))

    def update(self, pk: int, version: int, **changes: Any) -> AlertView:
        """Change the human part. Raises EditConflict for another version, or a merged alert."""
        unknown = changes.keys() - CHANGEABLE
        if unknown:
            raise BadInput(f"an alert has no {', '.join(sorted(unknown))} to change")
        if self._get_row(pk).merged_into is not None:
            raise EditConflict(
                "it was merged into another alert", place=f"alert {pk}", remedy=AGAIN
            )
        people = {name: value for name, value in changes.items() if name != "state"}
        changed = self._connection.execute(
            update(alert_acts)
            .where(alert_acts.c.alert_pk == pk, alert_acts.c.version == version)
            .values(version=version + 1, **people)
        )
        if not changed.rowcount:
            raise EditConflict("somebody changed it meanwhile", place=f"alert {pk}", remedy=AGAIN)
        if "state" in changes:
            self._connection.execute(
                update(alerts).where(alerts.c.pk == pk).values(state=changes["state"])
            )
        return build_alert_view(self._get_row(pk))

    def add_comment(self, pk: int, note: CaseNote) -> None:
        """Add a note to the alert."""
        self._get_row(pk)
        self._connection.execute(
            insert(alert_notes).values(alert_pk=pk, doc=note.model_dump(mode="json"))
        )

    def list_comments(self, pk: int) -> Sequence[CaseNote]:
        """List notes, oldest first, including those on alerts merged into this one."""
        merged_pks = [pk, *self._list_merged_pks(pk)]
        docs = self._connection.execute(
            select(alert_notes.c.doc)
            .where(alert_notes.c.alert_pk.in_(merged_pks))
            .order_by(alert_notes.c.id)
        ).scalars()
        return sorted((CaseNote.model_validate(doc) for doc in docs), key=lambda note: note.at)

    def _get_pk(self, alert: str) -> int:
        pk = self._connection.execute(
            select(alert_ids.c.alert_pk).where(alert_ids.c.id == alert)
        ).scalar()
        if pk is None:
            raise _build_not_found(alert)
        return int(pk)

    def _get_row(self, pk: int) -> Row[Any]:
        row = self._connection.execute(
            select_alerts_with_acts().where(alerts.c.pk == pk)
        ).one_or_none()
        if row is None:
            raise _build_not_found(pk)
        return row

    def _get_leader(self, pk: int, rows: Mapping[int, Row[Any]]) -> Row[Any]:
        row = rows.get(pk)
        while row is not None and row.merged_into is not None:
            row = rows.get(row.merged_into)
        if row is None:
            raise _build_not_found(pk)
        return row

    def _list_merged_pks(self, pk: int) -> Sequence[int]:
        """List the alert that leads this one and those that it leads."""
        rows = self._connection.execute(
            select(alerts.c.pk, alerts.c.merged_into).where(
                or_(alerts.c.pk == pk, alerts.c.merged_into == pk)
            )
        ).all()
        own = next((row for row in rows if row.pk == pk), None)
        if own is None:
            raise _build_not_found(pk)
        return (
            [row.pk for row in rows]
            if own.merged_into is None
            else self._list_merged_pks(own.merged_into)
        )


def _build_not_found(alert: str | int) -> NotFound:
    return NotFound(f"no alert {alert}", remedy="`breachdesk alerts list` names them.")


AGAIN = "Reload and look again."
TEXTS = (evidence.c.event_id, evidence.c.step, evidence.c.value)
