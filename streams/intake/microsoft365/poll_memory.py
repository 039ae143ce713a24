"""Store how far the content of each tenant was read, durably at every commit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from streams.intake.position_database import PositionDatabase

MOST_KNOWN = 300_000
"""Contents of one content type of a tenant that are known to be read; older ones are forgotten, and
read again if they are listed again."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS position (
    tenant TEXT, content_type TEXT, listed_until REAL, unsubscribed_since REAL,
    PRIMARY KEY (tenant, content_type)
);
CREATE TABLE IF NOT EXISTS content (
    tenant TEXT, content_type TEXT, digest BLOB, seen REAL,
    PRIMARY KEY (tenant, content_type, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS content_seen ON content (tenant, content_type, seen);
CREATE TABLE IF NOT EXISTS unread (
    tenant TEXT, content_type TEXT, id TEXT, address TEXT, created REAL, expires REAL,
    tries INTEGER, retry_at REAL,
    PRIMARY KEY (tenant, content_type, id)
);
"""


@dataclass(frozen=True, slots=True)
class UnreadContent:
    """Content that could not be read so far."""

    id: str
    address: str
    created: datetime
    expires: datetime
    tries: int
    retry_at: datetime


class PollMemory:
    """The positions of all tenants in one file. Calls may come from any thread; each raises
    RetryableError when the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._database = PositionDatabase(path, _SCHEMA, "the positions of polled tenants")

    def close(self) -> None:
        self._database.close()

    def get_position(self, tenant: str, content_type: str) -> datetime | None:
        """Return the time up to which all available content is read, or stored as unread."""
        return self._get_time("listed_until", tenant, content_type)

    def advance(self, tenant: str, content_type: str, until: datetime, keep: datetime) -> None:
        """Store the position, and drop ids of content that was read before `keep`."""
        key = (tenant, content_type)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO position (tenant, content_type, listed_until) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET listed_until = excluded.listed_until",
                (*key, until.timestamp()),
            )
            connection.execute(
                "DELETE FROM content WHERE tenant = ? AND content_type = ? AND seen < ?",
                (*key, keep.timestamp()),
            )
            connection.execute(
                "DELETE FROM content WHERE tenant = ?1 AND content_type = ?2 AND seen < ("
                " SELECT seen FROM content WHERE tenant = ?1 AND content_type = ?2"
                " ORDER BY seen DESC LIMIT 1 OFFSET ?3)",
                (*key, MOST_KNOWN),
            )

    def get_unsubscribed_since(self, tenant: str, content_type: str) -> datetime | None:
        """Return since when the content type is known not to be subscribed to."""
        return self._get_time("unsubscribed_since", tenant, content_type)

    def set_unsubscribed_since(
        self, tenant: str, content_type: str, since: datetime | None
    ) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO position (tenant, content_type, unsubscribed_since) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET unsubscribed_since = excluded.unsubscribed_since",
                (tenant, content_type, since.timestamp() if since else None),
            )

    def has_content(self, tenant: str, content_type: str, content_id: str) -> bool:
        """Whether the content is read, or stored as unread."""
        rows = self._database.select(
            "SELECT 1 FROM content WHERE tenant = ?1 AND content_type = ?2 AND digest = ?3"
            " UNION ALL"
            " SELECT 1 FROM unread WHERE tenant = ?1 AND content_type = ?2 AND id = ?4",
            (tenant, content_type, _compute_digest(content_id), content_id),
        )
        return bool(rows)

    def add_content(self, tenant: str, content_type: str, content_id: str, seen: datetime) -> None:
        """Store that the content is read; it is unread no longer."""
        digest = _compute_digest(content_id)
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?)",
                (tenant, content_type, digest, seen.timestamp()),
            )
            connection.execute(
                "DELETE FROM unread WHERE tenant = ? AND content_type = ? AND id = ?",
                (tenant, content_type, content_id),
            )

    def add_unread(self, tenant: str, content_type: str, content: UnreadContent) -> None:
        """Store content that is to be tried again, or its next try."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO unread VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    tenant,
                    content_type,
                    content.id,
                    content.address,
                    content.created.timestamp(),
                    content.expires.timestamp(),
                    content.tries,
                    content.retry_at.timestamp(),
                ),
            )

    def list_unread(self, tenant: str, content_type: str) -> Sequence[UnreadContent]:
        """List content that could not be read, oldest first."""
        rows = self._database.select(
            "SELECT id, address, created, expires, tries, retry_at FROM unread"
            " WHERE tenant = ? AND content_type = ? ORDER BY created",
            (tenant, content_type),
        )
        return [
            UnreadContent(
                content_id, address, _to_time(created), _to_time(expires), tries, _to_time(retry_at)
            )
            for content_id, address, created, expires, tries, retry_at in rows
        ]

    def _get_time(self, column: str, tenant: str, content_type: str) -> datetime | None:
        rows = self._database.select(
            f"SELECT {column} FROM position WHERE tenant = ? AND content_type = ?",  # noqa: S608 - one of two names
            (tenant, content_type),
        )
        return _to_time(rows[0][0]) if rows and rows[0][0] is not None else None


def _compute_digest(content_id: str) -> bytes:
    return hashlib.sha256(content_id.encode()).digest()[:16]


def _to_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
