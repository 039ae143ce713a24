"""Create, migrate, check and drop the schema of a PostgreSQL store."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from breachdesk.stores.migrations import schema_migration
from breachdesk.stores.postgres import postgres_database, roles
from breachdesk.stores.sql.driver_errors import DATABASE_ERRORS, find_sqlstate
from breachdesk.stores.tables.schema import HEAD
from schemas.errors import BreachDeskError, ConfigurationError, NotFound, RetryableError
from schemas.settings import StoreSettings

DENIED = ("42501", "3F000")
"""SQLSTATE: insufficient_privilege; no schema that this role may use."""
MIGRATE = "Run `breachdesk store migrate` as the role that owns the tables."


def migrate_postgres(settings: StoreSettings, *, grant: str = "") -> None:
    """Bring the schema up to date, whoever else is about to; then let the role `grant_rights` use
    it.

    Raises ConfigurationError when this role may not, the store is of a newer program, or there is
    no such role; RetryableError when the server cannot be reached."""
    engine = postgres_database.make_engine(settings)
    try:
        _migrate(engine, settings)
        if grant:
            with engine.begin() as connection:
                roles.grant_rights(connection, grant)
    except DATABASE_ERRORS as error:
        raise _translate_error(error, settings) from None
    finally:
        engine.dispose()


def require_current(engine: Engine, settings: StoreSettings, *, create: bool) -> None:
    """Bring an older schema up to date if this role may. Raises as `migrate_postgres`; NotFound
    when there is no store and `create` is False."""
    try:
        with engine.connect() as connection:
            _require_utf8(connection, settings)
            stored = schema_migration.find_version(connection)
        if stored is None and not create:
            raise NotFound(
                "no store there",
                place=postgres_database.describe_address(settings),
                remedy="`breachdesk store migrate` makes one.",
            )
        if stored != HEAD:
            _migrate(engine, settings)
    except DATABASE_ERRORS as error:
        raise _translate_error(error, settings) from None


def create_schema(settings: StoreSettings) -> None:
    """Make the named schema with everything in it; one that is there is brought up to date."""
    migrate_postgres(settings)


def drop_schema(settings: StoreSettings) -> None:
    """Drop the named schema with everything in it. Raises ConfigurationError when none is named."""
    name = postgres_database.get_schema_name(settings)
    engine = postgres_database.make_engine(settings)
    try:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {name} CASCADE"))
    except DATABASE_ERRORS as error:
        raise _translate_error(error, settings) from None
    finally:
        engine.dispose()


def _migrate(engine: Engine, settings: StoreSettings) -> None:
    """Migrate in one transaction, under a lock: the second of two processes finds it done."""
    with engine.connect() as connection:
        postgres_database.lock_migrations(connection)
        if settings.schema_name:
            _make_schema(connection, postgres_database.get_schema_name(settings))
        if schema_migration.find_version(connection) != HEAD:
            schema_migration.upgrade(connection)
        connection.commit()


def _make_schema(connection: Connection, name: str) -> None:
    """Create the schema if it does not exist. The check comes first, because `IF NOT EXISTS`
    requires the right to create even if there is nothing to do."""
    there = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
    if connection.execute(there, {"name": name}).scalar() is None:
        connection.execute(text(f"CREATE SCHEMA {name}"))


def _require_utf8(connection: Connection, settings: StoreSettings) -> None:
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database's encoding is {encoding}",
            place=postgres_database.describe_address(settings),
            remedy="Create the database with ENCODING 'UTF8'.",
        )


def _translate_error(error: BaseException, settings: StoreSettings) -> BreachDeskError:
    where = postgres_database.describe_address(settings)
    code = find_sqlstate(error)
    if code in DENIED:
        return ConfigurationError(
            "the schema is not up to date and this role may not change it",
            place=where,
            remedy=MIGRATE,
        )
    detail = f": {_get_first_line(error)}" if code is None else f" ({code})"
    return RetryableError(
        f"the database server cannot be used{detail}",
        place=where,
        remedy="Check that the server runs, its address, the role and the password.",
    )


def _get_first_line(error: BaseException) -> str:
    """Return the first line of a connection error: it names host, role and database, never a
    password."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().partition("\n")[0].rstrip(".")
