"""An outbox in one SQLite file or in memory: a test double that passes the outbox's contract
suite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from notifiers.delivery.heartbeat import GAP
from schemas.casework.notice import DeliveryStatus, NoticeRow, OutgoingMessage, SendResult
from schemas.casework.notice_states import LATE_ENDS, STATUS_AFTER, WAITING, check_transition


class SqliteOutbox:
    """notifiers.ports.NoticeOutbox. Approval and letters are what the test put in."""

    def __init__(self, file: Path | None = None) -> None:
        self._store = sqlite3.connect(file or ":memory:", isolation_level=None)
        self._store.execute("PRAGMA synchronous=FULL")
        self._store.execute(
            "CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, boot TEXT, row TEXT, out TEXT)"
        )
        self.paused = False
        self.approval_hash = "a" * 64
        self._why_held = ""
        self._last_beat: datetime | None = None

    def add_row(self, row: NoticeRow, outgoing: OutgoingMessage) -> None:
        """Insert a row and the message that it will send."""
        values = (row.id, "", row.model_dump_json(), outgoing.model_dump_json())
        self._store.execute("INSERT INTO rows VALUES (?, ?, ?, ?)", values)

    def get_row(self, row_id: int) -> NoticeRow:
        return self._read_row(row_id)[0]

    def list_rows(self) -> Sequence[NoticeRow]:
        """List all rows in id order."""
        stored = self._store.execute("SELECT row FROM rows ORDER BY id").fetchall()
        return [NoticeRow.model_validate_json(doc) for (doc,) in stored]

    def close(self) -> None:
        self._store.close()

    def __del__(self) -> None:
        self._store.close()

    def enter(self, boot_id: str, now: datetime) -> None:  # noqa: ARG002 - the port's signature
        """See notifiers.ports.NoticeOutbox. One process sends from here: there are no leases."""
        last, self._last_beat = self._last_beat, now
        waits = any(row.status in WAITING for row in self.list_rows())
        if last is not None and waits and abs(now - last) > GAP:
            self._why_held = "nobody was seen while mail waited"

    def renew_lease(self, boot_id: str, now: datetime) -> bool:  # noqa: ARG002 - the port's signature
        self._last_beat = now
        return True

    def leave(self, boot_id: str, now: datetime) -> None: ...

    def find_hold(self, now: datetime) -> str:  # noqa: ARG002 - the port's signature
        return self._why_held

    def release_hold(self) -> None:
        """Release the hold, as a person would."""
        self._why_held = ""

    def recover(self, boot_id: str, now: datetime) -> int:  # noqa: ARG002 - the port's signature
        dead = [
            r
            for r in self.list_rows()
            if r.status is DeliveryStatus.SENDING and self._get_boot_id(r) != boot_id
        ]
        for row in dead:
            reason = "the process that was sending it ended"
            self._write_row(row, status=DeliveryStatus.UNKNOWN, status_reason=reason)
        return len(dead)

    def list_due(self, now: datetime, limit: int) -> Sequence[NoticeRow]:
        return [row for row in self.list_rows() if not self.paused and _may_send(row, now)][:limit]

    def start_attempt(
        self, row_id: int, attempt_id: str, boot_id: str, now: datetime
    ) -> OutgoingMessage | None:
        self._store.execute("BEGIN IMMEDIATE")
        try:
            return self._start_attempt(row_id, attempt_id, boot_id, now)
        finally:
            self._store.execute("COMMIT")

    def finish_attempt(
        self,
        row_id: int,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        row, status = self.get_row(row_id), STATUS_AFTER[result.outcome]
        is_open = row.status is DeliveryStatus.SENDING
        is_settled_late = row.status is DeliveryStatus.UNKNOWN and status in LATE_ENDS
        if row.attempt_id != attempt_id or not (is_open or is_settled_late):
            return
        self._write_row(
            row,
            status=status,
            smtp_reply=result.reply,
            next_attempt_at=retry_at,
            handed_over_at=now if status is DeliveryStatus.HANDED_OVER else None,
        )

    def _start_attempt(
        self, row_id: int, attempt_id: str, boot_id: str, now: datetime
    ) -> OutgoingMessage | None:
        row, outgoing = self._read_row(row_id)
        if self.paused or not _may_send(row, now):
            return None
        if now >= row.expires_at:
            self._write_row(row, status=DeliveryStatus.EXPIRED, status_reason="its time was over")
            return None
        if (row.approval_hash, row.rendered_hash) != (self.approval_hash, outgoing.letter.hash):
            self._write_row(
                row, status=DeliveryStatus.SKIPPED, status_reason="the approval no longer stands"
            )
            return None
        self._write_row(
            row,
            boot=boot_id,
            status=DeliveryStatus.SENDING,
            attempt_id=attempt_id,
            attempts=row.attempts + 1,
            intent_at=now,
        )
        return outgoing.model_copy(update={"attempt_id": attempt_id})

    def _read_row(self, row_id: int) -> tuple[NoticeRow, OutgoingMessage]:
        query = "SELECT row, out FROM rows WHERE id = ?"
        row, out = self._store.execute(query, (row_id,)).fetchone()
        return NoticeRow.model_validate_json(row), OutgoingMessage.model_validate_json(out)

    def _get_boot_id(self, row: NoticeRow) -> str:
        query = "SELECT boot FROM rows WHERE id = ?"
        return str(self._store.execute(query, (row.id,)).fetchone()[0])

    def _write_row(self, row: NoticeRow, *, boot: str | None = None, **changes: object) -> None:
        changed = row.model_copy(update=changes)
        stored = self.get_row(row.id)
        check_transition(stored.status, changed.status, place=f"notice {row.id}")
        self._store.execute(
            "UPDATE rows SET row = ?, boot = coalesce(?, boot) WHERE id = ?",
            (changed.model_dump_json(), boot, row.id),
        )


def _may_send(row: NoticeRow, now: datetime) -> bool:
    return row.status in WAITING and (row.next_attempt_at is None or row.next_attempt_at <= now)
