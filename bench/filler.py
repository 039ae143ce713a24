"""Fill a store with a provider's year: alerts, cases, breaches, customers, assets, sources, audit.

    .venv/bin/python bench/filler.py FOLDER                          # 100,000 alerts, 2,000 cases
    .venv/bin/python bench/filler.py FOLDER --alerts 1000000 --customers 10000 --assets 30000
    .venv/bin/python bench/filler.py FOLDER --store postgresql://user@host:5432/database

Rows that are many are written in bulk into schema 0005; the newer migrations then run over them.
Customers, cases and breaches are written by casework itself, so that their lists, sealed documents
and notices are real. Same sizes, same rows. Anybody of the demo can sign in.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from alembic import command

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from bench.store_rows import (  # noqa: E402
    NEWEST,
    Row,
    Rows,
    StoreSizes,
    format_case_id,
    format_customer_id,
    generate_tables,
)
from breachdesk.bootstrap.container import Container  # noqa: E402
from breachdesk.demo import drill  # noqa: E402
from breachdesk.demo.feed import import_registers  # noqa: E402
from breachdesk.demo.lines import build_lines  # noqa: E402
from breachdesk.demo.setup import DemoClock, build_settings, write_settings  # noqa: E402
from breachdesk.ports import UnitOfWork  # noqa: E402
from breachdesk.stores.migrations import schema_migration  # noqa: E402
from breachdesk.stores.postgres import postgres_database  # noqa: E402
from breachdesk.stores.sqlite import sqlite_database  # noqa: E402
from schemas import private_files  # noqa: E402
from schemas.casework.case import Case, CaseNote, CaseOrigin, CaseState  # noqa: E402
from schemas.customer import Customer, Person, PersonKind  # noqa: E402
from schemas.settings import Settings, StoreSettings  # noqa: E402

SCHEMA = "0005"
CHUNK = 20_000
SQLITE_TIME = "%Y-%m-%d %H:%M:%S.%f"


def save_settings(folder: Path, store: str = "") -> Settings:
    """The demo's, written into that folder, which is made; `store`: address of a PostgreSQL
    database that is empty."""
    settings = build_settings(folder, build_lines(), port=0)
    if store:
        settings = settings.model_copy(update={"store": StoreSettings(url=store)})
    private_files.make_folder(folder)
    write_settings(settings)
    return settings


def fill_store(settings: Settings, sizes: StoreSizes) -> dict[str, float]:
    """Returns the seconds of each step."""
    clock = DemoClock(NEWEST)
    spent, begun = {}, time.perf_counter()
    with Container(settings, clock) as container:
        rules = [(rule.id, rule.title) for rule in container.explainer.list_rules()]
        fill_rows(settings, sizes, rules)
        spent["rows"] = time.perf_counter() - begun
        container.store.get_server_identity()
        spent["migrations"] = time.perf_counter() - begun - spent["rows"]
        import_registers(container, build_lines())
        container.store.write(lambda uow: add_customers(uow, sizes))
        container.store.write(lambda uow: add_cases(uow, sizes))
        for number in range(1, sizes.breaches + 1):
            build_breach(container, clock, number, approved=number <= sizes.approved)
    spent["casework"] = time.perf_counter() - begun - spent["rows"] - spent["migrations"]
    return {step: round(seconds, 1) for step, seconds in spent.items()}


def fill_rows(settings: Settings, sizes: StoreSizes, rules: Sequence[tuple[str, str]]) -> None:
    """A new store with schema 0005 and the rows that are many."""
    if settings.store.url:
        engine = postgres_database.make_engine(settings.store)
        with engine.connect() as connection:
            command.upgrade(schema_migration.build_config(connection), SCHEMA)
            connection.commit()
        raw = engine.raw_connection()
        cursor: Any = raw.cursor()
        cursor.execute("SET statement_timeout = 0")
        for table, columns, rows in generate_tables(sizes, rules):
            _copy(cursor, table, columns, rows)
        cursor.execute("SELECT setval('alerts_pk_seq', %s)", [sizes.alerts + 1])
        raw.commit()
        raw.close()
        engine.dispose()
        return
    path = settings.data_dir / "store.db"
    sqlite_database.create_file(path)
    engine = sqlite_database.make_writer_engine(path)
    with engine.connect() as connection:
        command.upgrade(schema_migration.build_config(connection), SCHEMA)
        connection.commit()
    engine.dispose()
    _fill_file(path, generate_tables(sizes, rules))


def _fill_file(path: Path, parts: Iterable[tuple[str, Sequence[str], Rows]]) -> None:
    file = sqlite3.connect(path)
    file.execute("PRAGMA synchronous = OFF")
    file.execute("PRAGMA cache_size = -200000")
    for table, columns, rows in parts:
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        file.execute(f"DELETE FROM {table}")
        while some := [_strip_zones(row) for row in islice(rows, CHUNK)]:
            file.executemany(statement, some)
            file.commit()
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()


def _strip_zones(row: Row) -> Row:
    return tuple(v.strftime(SQLITE_TIME) if isinstance(v, datetime) else v for v in row)


def _copy(cursor: Any, table: str, columns: Sequence[str], rows: Rows) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    cursor.execute(f"DELETE FROM {table}")
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def add_customers(uow: UnitOfWork, sizes: StoreSizes) -> None:
    for number in range(sizes.customers):
        uow.customers.save(_build_customer(number))


def _build_customer(number: int) -> Customer:
    key = format_customer_id(number)
    people = tuple(
        Person(
            id=f"{key}-{kind}-{turn}",
            customer_id=key,
            kind=kind,
            name=f"Person {turn} of firm {number}",
            email=f"person{turn}@{key}.example",
            phone=f"020 7946 0{number % 1000:03d}",
        )
        for turn, kind in enumerate(
            (PersonKind.ACCOUNT_HOLDER, PersonKind.DATA_PROTECTION, PersonKind.USER)
        )
    )
    return Customer(
        id=key,
        name=f"Firm {number} Ltd",
        default_email=f"accounts@{key}.example",
        phone="020 7946 0000",
        contract_start=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number % 900),
        people=people,
    )


def add_cases(uow: UnitOfWork, sizes: StoreSizes) -> None:
    """First those that become breaches, then the open ones, then what is over."""
    for number in range(1, sizes.cases + 1):
        case = _build_case(number, sizes)
        assert uow.cases.allocate_id() == case.id, "the store is new"
        uow.cases.add(case)


def _build_case(number: int, sizes: StoreSizes) -> Case:
    opened = NEWEST - timedelta(hours=4 * (number - 1))
    over = number > sizes.breaches + sizes.open_cases
    notes = (CaseNote(at=opened, by="analyst", text="Looked at the sign-ins. Asked the customer."),)
    return Case(
        id=format_case_id(number),
        title=f"Sign-ins from abroad at firm {number}",
        state=CaseState.CLOSED if over else CaseState.OPEN,
        origin=CaseOrigin.ALERT,
        opened_by="analyst",
        opened_at=opened,
        lead="responder" if number % 3 else None,
        drill=True,
        alerts=tuple(sizes.get_alerts_of_case(number)),
        notes=notes * (number % 4),
        closed_at=opened + timedelta(days=2) if over else None,
        close_reason="The customer's own staff, travelling." if over else "",
    )


def build_breach(container: Container, clock: DemoClock, number: int, *, approved: bool) -> None:
    """Confirmed, its list frozen, decided; `approved`: its notices wait for the dispatcher."""
    case = container.store.read(lambda uow: uow.cases.get(format_case_id(number)))
    breach = drill.confirm_breach(container, clock, case)
    drill.freeze_and_decide(container, clock, breach)
    if approved:
        drill.approve_release(container, clock, breach)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="made; must not hold a store yet")
    parser.add_argument("--store", default="", help="address of an empty PostgreSQL database")
    for field in fields(StoreSizes):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=int, default=field.default)
    arguments = vars(parser.parse_args())
    folder, store = arguments.pop("folder"), arguments.pop("store")
    for name in [each for each in os.environ if each.startswith("BREACHDESK_")]:
        del os.environ[name]
    sizes = StoreSizes(**arguments)
    print(
        json.dumps(
            {**arguments, "seconds": fill_store(save_settings(folder.resolve(), store), sizes)}
        )
    )


if __name__ == "__main__":
    main()
