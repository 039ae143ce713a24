"""Opening a store on PostgreSQL: migrations make exactly the tables of the code, many processes may
start at once, and what cannot work says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, Engine, make_url

from breachdesk.stores.migrations.schema_migration import build_config
from breachdesk.stores.open_store import open_postgres, open_store
from breachdesk.stores.postgres import postgres_database
from breachdesk.stores.postgres.schema import create_schema, drop_schema, migrate_postgres
from breachdesk.stores.sqlite import sqlite_database
from breachdesk.stores.tables.schema import metadata
from breachdesk.testing import START, FixedNow, make_customer, make_user
from schemas.audit_actions import AuditAction
from schemas.errors import ConfigurationError, NotFound, RetryableError
from schemas.pipeline.event import RecordPosition
from schemas.settings import StoreSettings
from streams.ports import GroupUpdates, PartitionAdvance, RecordBatch

pytestmark = pytest.mark.postgres
Schema = Callable[[], str]


@pytest.fixture
def settings(postgres_url: str, fresh_schema: Schema) -> StoreSettings:
    return StoreSettings(url=postgres_url, schema_name=fresh_schema())


@pytest.fixture
def engine(settings: StoreSettings) -> Iterator[Engine]:
    result = postgres_database.make_engine(settings)
    yield result
    result.dispose()


def run(settings: StoreSettings, *statements: str) -> None:
    with psycopg.connect(settings.url) as connection:
        connection.execute(f"SET search_path = {settings.schema_name}")
        for statement in statements:
            connection.execute(statement)


@contextmanager
def a_role(settings: StoreSettings) -> Iterator[StoreSettings]:
    """The same schema seen by a new role without any right in it."""
    role = f"{settings.schema_name}_app"
    run(settings, f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    url = make_url(settings.url).set(username=role, password=None).render_as_string()
    try:
        yield settings.model_copy(update={"url": url, "password": SecretStr("pw")})
    finally:
        run(settings, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@contextmanager
def a_database(settings: StoreSettings, options: str) -> Iterator[StoreSettings]:
    """Another database of the server, with the options."""
    name = f"{settings.schema_name}_db"
    with psycopg.connect(settings.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        try:
            url = make_url(settings.url).set(database=name).render_as_string(hide_password=False)
            yield StoreSettings(url=url)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_migrations_build_exactly_the_tables_of_the_code(
    settings: StoreSettings, engine: Engine
) -> None:
    migrate_postgres(settings)
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_name": not_a_partition}
        differences = compare_metadata(MigrationContext.configure(connection, opts=opts), metadata)
        tables = {name for name in inspect(connection).get_table_names() if whole(name)}

    assert differences == []
    assert tables == {*metadata.tables, "alembic_version"}


def whole(table: str) -> bool:
    return not table.startswith("evidence_")


def not_a_partition(name: str | None, kind: str, parents: object) -> bool:
    return kind != "table" or whole(str(name))


OLD_ROWS = """
INSERT INTO alerts (id, key_hash, rule, organization, "group", title, anchor, first, last, timespan,
  fired, severity, touches, unattributed, entities, explanation, fingerprint, evidence,
  evidence_hash, detected_at, revised_at, revision, closed)
VALUES ('A-1', 'kh', 'r', 'contoso', '["jo"]', 'T', 0, 0, 0, 60, :at, 'high', '[]', '[]', '[]',
  'why', 'f', 1, 'h', :at, :at, 1, false);
INSERT INTO alert_acts (alert_pk, version, state) VALUES (1, 1, 'new');
INSERT INTO alert_ids (id, alert_pk) VALUES ('A-1', 1);
INSERT INTO evidence (alert_pk, event_id, step, value, time, source, journal, "offset", sha256,
  summary, touches) VALUES (1, 'e-1', 's', '', :at, 'm365', 'j', 7, 'x', '{}', '[]');
INSERT INTO positions (partition, journal, "offset", low_watermark) VALUES ('p', 'j', 7, 5.5);
INSERT INTO counters (name, value) VALUES ('case', 3)
"""


@pytest.mark.parametrize("adapter", ["sqlite", "postgres"])
def test_rows_of_the_first_schema_are_all_there_in_the_newest(
    adapter: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url, settings = address(adapter, request, tmp_path)
    old = (
        sqlite_database.make_writer_engine(tmp_path / "store.db")
        if not settings
        else postgres_database.make_engine(settings)
    )
    with old.connect() as connection:
        command.upgrade(build_config(connection), "0001")
        fill(connection)
        connection.commit()
    old.dispose()
    with open_store(url, now=FixedNow(), settings=settings) as store:
        alert = store.read(lambda uow: uow.alerts.get("A-1"))
        events = store.read(lambda uow: uow.alerts.list_evidence(alert.pk))
        sink, low = store.make_batch_sink(), []
        before = sink.load_positions(["p"])["p"]
        step = PartitionAdvance("p", before, RecordPosition("j", 8))
        sink.commit(
            RecordBatch([step]), {}, lambda _rows, each: low.append(each) or GroupUpdates(), START
        )
        number = store.write(lambda uow: uow.cases.allocate_id())
        store.write(
            lambda uow: uow.audit.record(
                at=START, actor="a", action=AuditAction.CASE_NOTE_ADDED, subject="c"
            )
        )
        verified = store.read(lambda uow: uow.audit.verify())

    assert (alert.title, [event.event_id for event in events]) == ("T", ["e-1"])
    assert (before.position.offset, low) == (7, [5.5])
    assert number == "CASE-0004"
    assert verified == 1


def address(
    adapter: str, request: pytest.FixtureRequest, folder: Path
) -> tuple[str, StoreSettings | None]:
    if adapter == "sqlite":
        return f"sqlite:///{folder}/store.db", None
    settings: StoreSettings = request.getfixturevalue("settings")
    return settings.url, settings


def fill(connection: Connection) -> None:
    for statement in OLD_ROWS.split(";\n"):
        values = {"at": "2026-11-22 09:00:00"} if ":at" in statement else {}
        connection.execute(text(statement), values)


def test_many_who_start_at_once_migrate_once(settings: StoreSettings) -> None:
    def start(_number: int) -> str:
        with open_postgres(settings, now=FixedNow()) as store:
            return store.write(lambda uow: uow.cases.allocate_id())

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(start, range(6)))

    assert sorted(numbers) == [f"CASE-{number:04d}" for number in range(1, 7)]


def test_a_named_schema_is_made_and_dropped_with_everything_in_it(settings: StoreSettings) -> None:
    other = settings.model_copy(update={"schema_name": f"{settings.schema_name}_b"})
    create_schema(other)
    with (
        open_postgres(settings, now=FixedNow()) as one,
        open_postgres(other, now=FixedNow()) as two,
    ):
        one.write(lambda uow: uow.customers.save(make_customer()))
        apart = two.read(lambda uow: uow.customers.list())
    drop_schema(other)

    assert apart == []
    with pytest.raises(NotFound, match="no store there"):
        open_postgres(other, now=FixedNow(), create=False)


def test_a_role_that_may_not_migrate_is_told_who_can(settings: StoreSettings) -> None:
    with (
        a_role(settings) as weak,
        pytest.raises(ConfigurationError, match="breachdesk store migrate"),
    ):
        open_postgres(weak, now=FixedNow())


def test_an_older_schema_that_this_role_may_not_change_is_no_start(
    settings: StoreSettings, engine: Engine
) -> None:
    with engine.connect() as connection:
        command.upgrade(build_config(connection), "0001")
        connection.commit()
    with a_role(settings) as weak:
        role = make_url(weak.url).username
        run(settings, f"GRANT USAGE ON SCHEMA {settings.schema_name} TO {role}")
        run(settings, f"GRANT ALL ON ALL TABLES IN SCHEMA {settings.schema_name} TO {role}")
        with pytest.raises(ConfigurationError, match="may not change it"):
            open_postgres(weak, now=FixedNow())


REWRITES = (
    "UPDATE audit SET seq = 9",
    "INSERT INTO audit SELECT * FROM audit ON CONFLICT (seq) DO UPDATE SET doc = ''",
    "DELETE FROM audit",
    "TRUNCATE audit",
    "DELETE FROM audit_head",
    "TRUNCATE audit_head",
    "DROP TABLE audit",
    "DROP TRIGGER audit_no_update ON audit",
    "ALTER TABLE audit DISABLE TRIGGER ALL",
    "CREATE RULE hide AS ON INSERT TO audit DO INSTEAD NOTHING",
    "SET session_replication_role = replica",
    "UPDATE alembic_version SET version_num = '0'",
)


def test_a_granted_role_works_but_never_rewrites_the_chain(settings: StoreSettings) -> None:
    migrate_postgres(settings)
    with a_role(settings) as weak:
        migrate_postgres(settings, grant=str(make_url(weak.url).username))
        with open_postgres(weak, now=FixedNow()) as store:
            store.write(lambda uow: uow.users.save(make_user()))
            store.write(
                lambda uow: uow.audit.record(
                    at=START, actor="a", action=AuditAction.CASE_NOTE_ADDED, subject="c"
                )
            )
            refused = [refusal(weak, statement) for statement in REWRITES]
            verified = store.read(lambda uow: uow.audit.verify())

    assert verified == 2
    assert {type(each) for each in refused} == {psycopg.errors.InsufficientPrivilege}


def refusal(settings: StoreSettings, statement: str) -> BaseException:
    password = settings.password.get_secret_value()
    with psycopg.connect(settings.url, password=password) as connection:
        connection.execute(f"SET search_path = {settings.schema_name}")
        with pytest.raises(psycopg.DatabaseError) as refused:
            connection.execute(statement)
    return refused.value


def test_a_role_from_which_no_right_can_be_withheld_is_refused(settings: StoreSettings) -> None:
    with pytest.raises(ConfigurationError, match="could rewrite the audit chain"):
        migrate_postgres(settings, grant=str(make_url(settings.url).username))
    with pytest.raises(ConfigurationError, match="there is no role"):
        migrate_postgres(settings, grant="nobody_of_that_name")


def test_a_store_of_a_newer_program_is_refused(settings: StoreSettings) -> None:
    migrate_postgres(settings)
    run(settings, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigurationError, match="9999"):
        open_postgres(settings, now=FixedNow())


def test_an_empty_schema_is_no_store_for_who_only_wants_to_look(settings: StoreSettings) -> None:
    with pytest.raises(NotFound, match="no store there"):
        open_postgres(settings, now=FixedNow(), create=False)


def test_a_database_in_another_encoding_is_refused(settings: StoreSettings) -> None:
    with (
        a_database(settings, "ENCODING 'SQL_ASCII' LOCALE 'C'") as ascii_only,
        pytest.raises(ConfigurationError, match="SQL_ASCII"),
    ):
        open_postgres(ascii_only, now=FixedNow())


def test_order_is_that_of_the_bytes_whatever_the_database_thinks(settings: StoreSettings) -> None:
    english = "ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en'"
    names = ["Zebra", "alpha", "Beta", "_under", "éclair"]
    with (
        a_database(settings, english) as database,
        open_postgres(database, now=FixedNow()) as store,
    ):
        for name in names:
            store.write(lambda uow, n=name: uow.customers.save(make_customer(n)))
        listed = store.read(lambda uow: [customer.id for customer in uow.customers.list()])

    assert listed == sorted(names)


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    url = "postgresql://jo:hunter2@127.0.0.1:9/breachdesk"
    with pytest.raises(RetryableError) as refused:
        open_store(url, now=FixedNow())

    assert refused.value.place == "127.0.0.1:9/breachdesk"
    assert "hunter2" not in str(refused.value) + repr(refused.value)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"schema_name": "x; DROP"}, "store.schema_name"),
        ({"password_file": Path("missing")}, "missing"),
        ({"url": "postgresql://host:port/x"}, "store address"),
    ],
)
def test_settings_that_cannot_work_name_their_place(changes: dict[str, object], place: str) -> None:
    settings = StoreSettings(url="postgresql://localhost/x").model_copy(update=changes)
    with pytest.raises(ConfigurationError) as refused:
        open_postgres(settings, now=FixedNow())

    assert refused.value.place == place


def test_the_password_of_a_file_is_read_again_and_is_in_no_address(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("first\n")
    result = postgres_database.make_engine(
        StoreSettings(url="postgresql://u:inurl@h/x", password_file=file)
    )
    values: list[str] = []
    for word in ("first", "second"):
        file.write_text(f"{word}\n")
        arguments: dict[str, object] = {}
        for listener in result.dialect.dispatch.do_connect:
            listener(None, None, (), arguments)
        values.append(str(arguments["password"]))

    assert values == ["first", "second"]
    assert "inurl" not in result.url.render_as_string(hide_password=False)
