"""Store what limits sign-ins: reserved attempts, and marks of browsers and addresses that an
account used before. Only hashes are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.dialects import insert_or_replace
from breachdesk.stores.tables.case_tables import sign_in_marks, tries

MOST_MARKS = 40
"""Of one account; the longest unused are forgotten first."""


class SqlSignInBook:
    """breachdesk.ports.SignInBook."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_full_until(
        self, limits: Mapping[str, int], window: timedelta, now: datetime
    ) -> datetime | None:
        """Return when the next attempt is allowed under every key, or None for now."""
        query = (
            select(tries.c.key, tries.c.at)
            .where(tries.c.key.in_(limits), tries.c.at > now - window)
            .order_by(tries.c.at.desc())
        )
        times: dict[str, list[datetime]] = {}
        for row in self._connection.execute(query):
            times.setdefault(row.key, []).append(row.at)
        full = [at[limits[key] - 1] for key, at in times.items() if len(at) >= limits[key]]
        return max(full) + window if full else None

    def reserve(self, keys: Iterable[str], window: timedelta, now: datetime) -> Sequence[int]:
        """Count one try under each key; tries past the window are deleted. Ids for `release`."""
        self._connection.execute(delete(tries).where(tries.c.at <= now - window))
        return [
            self._connection.execute(
                insert(tries).values(key=key, at=now, failed=False).returning(tries.c.id)
            ).scalar_one()
            for key in keys
        ]

    def release(self, ids: Sequence[int]) -> None:
        """Release these attempts, which succeeded, so that they no longer count."""
        self._connection.execute(delete(tries).where(tries.c.id.in_(ids)))

    def fail(self, ids: Sequence[int]) -> None:
        """Mark these attempts as failed."""
        self._connection.execute(update(tries).where(tries.c.id.in_(ids)).values(failed=True))

    def clear(self, keys: Iterable[str]) -> None:
        """Delete every attempt under these keys."""
        self._connection.execute(delete(tries).where(tries.c.key.in_(list(keys))))

    def is_recognised(self, user_id: str | None, mark: str, since: datetime) -> bool:
        """Whether the account (or, without a user, any account) has signed in under this mark since
        then."""
        query = select(sign_in_marks.c.mark).where(
            sign_in_marks.c.mark == mark, sign_in_marks.c.used_at >= since
        )
        if user_id is not None:
            query = query.where(sign_in_marks.c.user_id == user_id)
        return self._connection.execute(query.limit(1)).scalar() is not None

    def remember(self, user_id: str, marks: Iterable[str], now: datetime) -> None:
        """Record that the account has signed in under these marks."""
        rows = [{"user_id": user_id, "mark": mark, "used_at": now} for mark in marks]
        self._connection.execute(
            insert_or_replace(self._connection, sign_in_marks, ["used_at"]), rows
        )
        newest = (
            select(sign_in_marks.c.mark)
            .where(sign_in_marks.c.user_id == user_id)
            .order_by(sign_in_marks.c.used_at.desc(), sign_in_marks.c.mark)
            .limit(MOST_MARKS)
        )
        self._connection.execute(
            delete(sign_in_marks).where(
                sign_in_marks.c.user_id == user_id, sign_in_marks.c.mark.not_in(newest)
            )
        )

    def forget(self, user_id: str) -> None:
        """Delete every mark of the account."""
        self._connection.execute(delete(sign_in_marks).where(sign_in_marks.c.user_id == user_id))
