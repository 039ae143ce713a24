"""Store local accounts and console sessions. Only hashes of session tokens are stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.sql.dialects import sort_by_bytes
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.tables.case_tables import sessions, users
from schemas.errors import NotFound
from schemas.user import SessionView, User


class SqlUserBook:
    """breachdesk.ports.UserBook."""

    def __init__(
        self, connection: Connection, row_digests: RowDigests, *, is_snapshot: bool = False
    ) -> None:
        """Bind the book. `is_snapshot`: nothing that it reads changes meanwhile."""
        self._connection = connection
        self._row_digests = row_digests
        self._is_snapshot = is_snapshot
        self._listed: Sequence[User] | None = None
        """All users, as the snapshot has them."""

    def get(self, user_id: str) -> User | None:
        doc = self._connection.execute(select(users.c.doc).where(users.c.id == user_id)).scalar()
        return None if doc is None else User.model_validate_json(doc)

    def list(self) -> Sequence[User]:
        """List all users by id."""
        if self._listed is not None:
            return self._listed
        query = select(users.c.doc).order_by(sort_by_bytes(self._connection, users.c.id))
        docs = self._connection.execute(query).scalars()
        listed = [User.model_validate_json(doc) for doc in docs]
        if self._is_snapshot:
            self._listed = listed
        return listed

    def save(self, user: User) -> None:
        """Insert or replace the user."""
        doc = user.model_dump_json()
        self._row_digests.replace(users, user.id)
        saved = self._connection.execute(update(users).where(users.c.id == user.id).values(doc=doc))
        if not saved.rowcount:
            self._connection.execute(insert(users).values(id=user.id, doc=doc))

    def open_session(self, session: SessionView) -> None:
        """Raises NotFound for an unknown user. Sessions that are over are deleted."""
        if self.get(session.user_id) is None:
            raise NotFound(
                f"no user {session.user_id}", remedy="Add one with `breachdesk user add`."
            )
        self._connection.execute(delete(sessions).where(sessions.c.expires <= session.opened_at))
        self._connection.execute(insert(sessions).values(**session.model_dump()))

    def find_session(self, token_hash: str, now: datetime) -> tuple[User, SessionView] | None:
        """Return the user and the session if the session is live and the user is not disabled."""
        row = (
            self._connection.execute(
                select(sessions).where(
                    sessions.c.token_hash == token_hash, sessions.c.expires > now
                )
            )
            .mappings()
            .one_or_none()
        )
        user = None if row is None else self.get(row["user_id"])
        if row is None or user is None or user.disabled:
            return None
        return user, SessionView(**row)

    def list_sessions(self, user_id: str, now: datetime) -> Sequence[SessionView]:
        """List live sessions, last used first."""
        rows = self._connection.execute(
            select(sessions)
            .where(sessions.c.user_id == user_id, sessions.c.expires > now)
            .order_by(sessions.c.used_at.desc(), sessions.c.token_hash)
        ).mappings()
        return [SessionView(**row) for row in rows]

    def extend_session(self, token_hash: str, *, now: datetime, expires: datetime) -> bool:
        """Let a living session live until then. False: it is over or was closed, and stays so."""
        stretched = self._connection.execute(
            update(sessions)
            .where(sessions.c.token_hash == token_hash, sessions.c.expires > now)
            .values(used_at=now, expires=expires)
        )
        return bool(stretched.rowcount)

    def close_session(self, token_hash: str) -> None:
        self._connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))

    def close_sessions(self, user_id: str, *, but: str | None = None) -> int:
        """Close every session of the user, except the one with that token hash; how many."""
        ended = delete(sessions).where(sessions.c.user_id == user_id)
        if but is not None:
            ended = ended.where(sessions.c.token_hash != but)
        return self._connection.execute(ended).rowcount
