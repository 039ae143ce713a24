"""An outbox in one SQLite file or in memory: a double that passes the outbox's contract suite."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from notifiers.heartbeat import GAP
from schemas.notice import NoticeRow, Outgoing, SendResult, Status
from schemas.notice_states import LATE_ENDS, STATUS_AFTER, WAITING, check_transition


class ScratchOutbox:
    """notifiers.ports.Outbox. Approval and letters are what the test put in."""

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

    def queue(self, row: NoticeRow, outgoing: Outgoing) -> None:
        """Add a row and what it will send."""
        values = (row.id, "", row.model_dump_json(), outgoing.model_dump_json())
        self._store.execute("INSERT INTO rows VALUES (?, ?, ?, ?)", values)

    def row(self, row_id: int) -> NoticeRow:
        return self._read(row_id)[0]

    def rows(self) -> Sequence[NoticeRow]:
        """In id order."""
        found = self._store.execute("SELECT row FROM rows ORDER BY id").fetchall()
        return [NoticeRow.model_validate_json(doc) for (doc,) in found]

    def close(self) -> None:
        self._store.close()

    def __del__(self) -> None:
        self._store.close()

    def enter(self, boot_id: str, now: datetime) -> None:  # noqa: ARG002 - the port's signature
        """See notifiers.ports.Outbox. One process sends from here: there are no leases."""
        last, self._last_beat = self._last_beat, now
        waits = any(row.status in WAITING for row in self.rows())
        if last is not None and waits and abs(now - last) > GAP:
            self._why_held = "nobody was seen while mail waited"

    def stay(self, boot_id: str, now: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """See notifiers.ports.Outbox."""
        self._last_beat = now
        return True

    def leave(self, boot_id: str, now: datetime) -> None:
        """See notifiers.ports.Outbox."""

    def held(self, now: datetime) -> str:  # noqa: ARG002 - the port's signature
        """See notifiers.ports.Outbox."""
        return self._why_held

    def release(self) -> None:
        """A person has looked."""
        self._why_held = ""

    def recover(self, boot_id: str, now: datetime) -> int:  # noqa: ARG002 - the port's signature
        """See notifiers.ports.Outbox."""
        dead = [r for r in self.rows() if r.status is Status.SENDING and self._boot(r) != boot_id]
        for row in dead:
            reason = "the process that was sending it ended"
            self._write(row, status=Status.UNKNOWN, status_reason=reason)
        return len(dead)

    def due(self, now: datetime, limit: int) -> Sequence[NoticeRow]:
        """See notifiers.ports.Outbox."""
        return [row for row in self.rows() if not self.paused and _may_go(row, now)][:limit]

    def begin(self, row_id: int, attempt_id: str, boot_id: str, now: datetime) -> Outgoing | None:
        """See notifiers.ports.Outbox."""
        self._store.execute("BEGIN IMMEDIATE")
        try:
            return self._begin(row_id, attempt_id, boot_id, now)
        finally:
            self._store.execute("COMMIT")

    def finish(
        self,
        row_id: int,
        attempt_id: str,
        result: SendResult,
        now: datetime,
        retry_at: datetime | None,
    ) -> None:
        """See notifiers.ports.Outbox."""
        row, status = self.row(row_id), STATUS_AFTER[result.outcome]
        is_open = row.status is Status.SENDING
        is_settled_late = row.status is Status.UNKNOWN and status in LATE_ENDS
        if row.attempt_id != attempt_id or not (is_open or is_settled_late):
            return
        self._write(
            row,
            status=status,
            smtp_reply=result.reply,
            next_attempt_at=retry_at,
            handed_over_at=now if status is Status.HANDED_OVER else None,
        )

    def _begin(self, row_id: int, attempt_id: str, boot_id: str, now: datetime) -> Outgoing | None:
        row, outgoing = self._read(row_id)
        if self.paused or not _may_go(row, now):
            return None
        if now >= row.expires_at:
            self._write(row, status=Status.EXPIRED, status_reason="its time was over")
            return None
        if (row.approval_hash, row.rendered_hash) != (self.approval_hash, outgoing.letter.hash):
            self._write(row, status=Status.SKIPPED, status_reason="the approval no longer stands")
            return None
        self._write(
            row,
            boot=boot_id,
            status=Status.SENDING,
            attempt_id=attempt_id,
            attempts=row.attempts + 1,
            intent_at=now,
        )
        return outgoing.model_copy(update={"attempt_id": attempt_id})

    def _read(self, row_id: int) -> tuple[NoticeRow, Outgoing]:
        query = "SELECT row, out FROM rows WHERE id = ?"
        row, out = self._store.execute(query, (row_id,)).fetchone()
        return NoticeRow.model_validate_json(row), Outgoing.model_validate_json(out)

    def _boot(self, row: NoticeRow) -> str:
        query = "SELECT boot FROM rows WHERE id = ?"
        return str(self._store.execute(query, (row.id,)).fetchone()[0])

    def _write(self, row: NoticeRow, *, boot: str | None = None, **changes: object) -> None:
        changed = row.model_copy(update=changes)
        stored = self.row(row.id)
        check_transition(stored.status, changed.status, place=f"notice {row.id}")
        self._store.execute(
            "UPDATE rows SET row = ?, boot = coalesce(?, boot) WHERE id = ?",
            (changed.model_dump_json(), boot, row.id),
        )


def _may_go(row: NoticeRow, now: datetime) -> bool:
    return row.status in WAITING and (row.next_attempt_at is None or row.next_attempt_at <= now)
