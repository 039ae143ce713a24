"""Build connections to PostgreSQL: addresses, TLS, time-outs, advisory locks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from schemas.errors import ConfigurationError
from schemas.settings import StoreSettings

ACTS = 0x42520001
"""Held exclusively by an act, shared by what the pipeline writes."""
_LOCK = "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))"
_LOCK_SHARED = _LOCK.replace("xact_lock", "xact_lock_shared")
MIGRATIONS = 0x42520002
"""One process migrates at a time."""
SCHEMA_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
POOL_SECONDS = 10.0
"""How long a thread waits for one of the process's connections."""
TIMEOUTS = {
    "lock_timeout": "15s",
    "statement_timeout": "60s",
    # A suspended process must not hold everybody's lock; its transaction is rolled back.
    "idle_in_transaction_session_timeout": "60s",
    # A host that vanished must not hold its locks, nor lead, for the server's own two hours.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
CONNECT = {
    "application_name": "breachdesk",
    "connect_timeout": "10",
    "client_encoding": "utf8",
    # A peer that vanished is noticed within the minute, also in the middle of a statement.
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    # After a failover the former primary may answer at the old address: it must not be read.
    "target_session_attrs": "read-write",
}


def is_postgres(url: str) -> bool:
    """Whether it is the address of a PostgreSQL server."""
    return url.startswith(("postgresql://", "postgresql+psycopg://"))


def make_engine(settings: StoreSettings) -> Engine:
    """Make the process's pool of at most `pool_size` connections. Raises ConfigurationError for an
    address that cannot be read, a wrong schema name, an unreadable password file or a missing
    driver."""
    url = _parse_url(settings)
    arguments = _build_arguments(settings, url.query.get("options", ""))
    connect_args = {k: v for k, v in arguments.items() if k == "options" or k not in url.query}
    try:
        new_engine = create_engine(
            url._replace(password=None),  # `set` leaves alone what is None
            connect_args=connect_args,
            poolclass=QueuePool,
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
            # Parameters hold personal data and must never be in an exception's text.
            hide_parameters=True,
            isolation_level="READ COMMITTED",
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "the PostgreSQL driver is not installed",
            place="store address",
            remedy='Install it with: pip install "breachdesk[postgres]"',
        ) from error
    _give_password(new_engine, settings, url.password)
    return new_engine


def make_snapshot_engine(writing: Engine) -> Engine:
    """Make an engine over the same connections; each of its transactions is one read-only
    snapshot."""
    return writing.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def describe_address(settings: StoreSettings) -> str:
    """Return host, port, database and schema; never a password."""
    url = _parse_url(settings)
    schema = f", schema {settings.schema_name}" if settings.schema_name else ""
    host = url.host or url.query.get("host", "local socket")
    named = host if isinstance(host, str) else ",".join(host)
    port = f":{url.port}" if url.port else ""
    return f"{named}{port}/{url.database or url.username or ''}{schema}"


def lock_acts(connection: Connection, *, shared: bool = False) -> None:
    """Wait for the lock of acts until the transaction's end; each schema has its own."""
    connection.exec_driver_sql(_LOCK_SHARED if shared else _LOCK, (ACTS,))


def lock_migrations(connection: Connection) -> None:
    """Wait until no other process migrates; of the whole database, since a schema may not exist
    yet."""
    for name in TIMEOUTS:
        connection.execute(text(f"SET LOCAL {name} = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock, 0)"), {"lock": MIGRATIONS})


def read_server_identity(connection: Connection) -> str:
    """Return `system_identifier/timeline/database.table`. The timeline is that of the log being
    written, which rises at once when a standby is promoted; the one in the control file rises only
    with the next checkpoint. A dump that is restored on the same server has other table numbers."""
    query = (
        "SELECT system_identifier, pg_walfile_name(pg_current_wal_lsn()),"
        " (SELECT oid FROM pg_database WHERE datname = current_database()),"
        " CAST(to_regclass('marks') AS oid) FROM pg_control_system()"
    )
    system, segment, database, table = connection.execute(text(query)).one()
    return f"{system}/{int(segment[:8], 16)}/{database}.{table}"


def _parse_url(settings: StoreSettings) -> URL:
    try:
        return make_url(settings.url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the store's address cannot be read",
            place="store address",
            remedy="Use postgresql://user@host:5432/database",
        ) from None


def _build_arguments(settings: StoreSettings, more: str | tuple[str, ...]) -> dict[str, str]:
    """Build the arguments for libpq; options of the address override ours."""
    files = {
        "sslrootcert": settings.ca_file,
        "sslcert": settings.cert_file,
        "sslkey": settings.key_file,
    }
    paths = {name: str(path) for name, path in files.items() if path is not None}
    options = dict(TIMEOUTS)
    if settings.schema_name:
        options["search_path"] = get_schema_name(settings)
    options_text = " ".join(f"-c {name}={value}" for name, value in options.items())
    options_text = " ".join((options_text, *([more] if isinstance(more, str) else more))).strip()
    return {**CONNECT, "sslmode": settings.tls.value, "options": options_text, **paths}


def get_schema_name(settings: StoreSettings) -> str:
    """Return the configured schema name. Raises ConfigurationError for a name that would need
    quotes."""
    if not SCHEMA_NAME.fullmatch(settings.schema_name):
        raise ConfigurationError(
            "the schema's name must be lower-case letters, digits and underscores, at most 63",
            place="store.schema_name",
            remedy="Choose another name.",
        )
    return settings.schema_name


def _give_password(new_engine: Engine, settings: StoreSettings, in_url: str | None) -> None:
    """Supply the password at each connect, never in the engine's address, because the file may be
    renewed."""
    _read_password(settings, in_url)

    def give(_dialect: Any, _record: Any, _args: Any, arguments: dict[str, Any]) -> None:
        password = _read_password(settings, in_url)
        if password:
            arguments["password"] = password

    event.listen(new_engine, "do_connect", give)


def _read_password(settings: StoreSettings, in_url: str | None) -> str:
    if settings.password_file is not None:
        return _read_first_line(settings.password_file)
    return settings.password.get_secret_value() or in_url or ""


def _read_first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            "the password file cannot be read",
            place=str(path),
            remedy="Check store.password_file and who may read it.",
        ) from None
