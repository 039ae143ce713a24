"""Grant a role the rights of the running program, without the right to rewrite the audit chain."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Connection

from schemas.errors import ConfigurationError

RIGHTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "REVOKE UPDATE, DELETE, TRUNCATE ON {schema}.audit FROM {role}",
    "REVOKE DELETE, TRUNCATE ON {schema}.audit_head FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {schema}.alembic_version FROM {role}",
)


def grant_rights(connection: Connection, role: str) -> None:
    """Grant the role reading and writing of every table of the present schema, except that it can
    only append to the audit table, only move the chain's head, and only read the schema's version.
    Raises ConfigurationError if there is no such role, or if it is a superuser, owns the chain or
    belongs to a role that does: then no right can be withheld."""
    _require_role(connection, role)
    quote = connection.dialect.identifier_preparer.quote_identifier
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    for right in RIGHTS:
        connection.execute(text(right.format(schema=quote(schema), role=quote(role))))
    _require_bound(connection, role)


def _require_role(connection: Connection, role: str) -> None:
    there = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if connection.execute(there, {"role": role}).scalar() is None:
        raise ConfigurationError(
            f"there is no role {role}",
            place="store migrate --grant",
            remedy=f"Create it first: CREATE ROLE {role} LOGIN",
        )


def _require_bound(connection: Connection, role: str) -> None:
    query = text("SELECT has_table_privilege(:role, 'audit', 'UPDATE, DELETE, TRUNCATE')")
    if connection.execute(query, {"role": role}).scalar():
        raise ConfigurationError(
            f"the role {role} could rewrite the audit chain all the same",
            place="store migrate --grant",
            remedy="Use a role that is no superuser and does not own the tables.",
        )
