"""Local accounts and console sessions. Only hashes of session tokens come here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.each_dialect import by_bytes
from breachdesk.stores.row_digests import RowDigests
from breachdesk.stores.tables import sessions, users
from schemas.errors import NotFound
from schemas.user import User


class SqlUserBook:
    """breachdesk.ports.UserBook."""

    def __init__(self, connection: Connection, rows: RowDigests) -> None:
        self._connection = connection
        self._rows = rows

    def get(self, user_id: str) -> User | None:
        doc = self._connection.execute(select(users.c.doc).where(users.c.id == user_id)).scalar()
        return None if doc is None else User.model_validate_json(doc)

    def list(self) -> Sequence[User]:
        """By id."""
        query = select(users.c.doc).order_by(by_bytes(self._connection, users.c.id))
        docs = self._connection.execute(query).scalars()
        return [User.model_validate_json(doc) for doc in docs]

    def save(self, user: User) -> None:
        """Add or replace."""
        doc = user.model_dump_json()
        saved = self._connection.execute(update(users).where(users.c.id == user.id).values(doc=doc))
        if not saved.rowcount:
            self._connection.execute(insert(users).values(id=user.id, doc=doc))
        self._rows.touch(users, user.id)

    def open_session(self, token_hash: str, user_id: str, csrf: str, expires: datetime) -> None:
        """Raises NotFound for an unknown user."""
        if self.get(user_id) is None:
            raise NotFound(f"no user {user_id}", remedy="Add one with `breachdesk user add`.")
        self._connection.execute(
            insert(sessions).values(
                token_hash=token_hash, user_id=user_id, csrf=csrf, expires=expires
            )
        )

    def session(self, token_hash: str, now: datetime) -> tuple[User, str] | None:
        """The user and the CSRF token, if the session lives and the user is not disabled."""
        row = self._connection.execute(
            select(sessions).where(sessions.c.token_hash == token_hash, sessions.c.expires > now)
        ).one_or_none()
        user = None if row is None else self.get(row.user_id)
        if row is None or user is None or user.disabled:
            return None
        return user, row.csrf

    def close_session(self, token_hash: str) -> None:
        self._connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))
