"""Real Kafka and PostgreSQL for tests: `from services import kafka_servers, postgres_url, …`.

One of each serves every worker of a test run: the first who asks starts it (`scripts/services`),
and it is stopped when the run ends, however it ends. BREACHDESK_TEST_KAFKA (host:port) and
BREACHDESK_TEST_POSTGRES (postgresql://…) name running ones instead. What cannot be had is skipped
by name, or fails under BREACHDESK_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from servers import KafkaServer, PostgresServer, ProgramMissing, ServerProcess
from servers.server_folder import ServerFolder

SCRIPT = Path(__file__).resolve().parents[1] / "scripts/services"
FOLDER, OWNER = "BREACHDESK_TEST_SERVICES_DIR", "BREACHDESK_TEST_SERVICES_OWNER"


def kafka_servers() -> str:
    """host:port of the run's Kafka, in plain text. Topics and groups need names of their own."""
    return os.environ.get("BREACHDESK_TEST_KAFKA") or shared("kafka", "BREACHDESK_TEST_KAFKA")


def postgres_url() -> str:
    """postgresql:// of the run's PostgreSQL; the role is a superuser."""
    named = os.environ.get("BREACHDESK_TEST_POSTGRES")
    return named or shared("postgres", "BREACHDESK_TEST_POSTGRES")


@contextmanager
def fresh_schema(url: str) -> Iterator[str]:
    """The name of an empty schema (for `StoreSettings.schema_name`); dropped afterwards."""
    name = Identifier(plain := f"t_{secrets.token_hex(6)}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("create schema {}").format(name))
    try:
        yield plain
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SQL("set lock_timeout = '10s'"))
            connection.execute(SQL("drop schema {} cascade").format(name))


def unique_prefix() -> str:
    """For topics, groups and client ids of one test: `t-0123456789ab.`."""
    return f"t-{secrets.token_hex(6)}."


@contextmanager
def private_kafka(properties: Mapping[str, str] | None = None) -> Iterator[KafkaServer]:
    """A broker for one test to `kill()`, `pause()`, `stop()` and `start()`: same port, same data.

    `properties` are the broker's; `kafka.address` is where clients go, `kafka.internal` is always
    in plain text.
    """
    with own_server_folder() as server_folder:
        kafka = KafkaServer(server_folder.folder / "kafka", properties)
        with running(kafka):
            yield kafka


@contextmanager
def private_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for one test to `kill()`, `pause()`, `stop()` and `start()`; `url` stays."""
    with own_server_folder() as server_folder:
        postgres = PostgresServer(server_folder.folder / "postgres")
        with running(postgres):
            yield postgres


@contextmanager
def own_server_folder() -> Iterator[ServerFolder]:
    """Empty, and emptied when this process ends, however it ends.

    Not in pytest's tmp_path: PostgreSQL's own account must be able to enter it.
    """
    server_folder = ServerFolder(Path(tempfile.mkdtemp(prefix="breachdesk-private-")))
    server_folder.folder.chmod(0o711)
    server_folder.stop_after(os.getpid())
    try:
        yield server_folder
    finally:
        server_folder.stop_all()


@contextmanager
def running(server: ServerProcess) -> Iterator[None]:
    try:
        server.require()
    except ProgramMissing as missing:
        cannot_be_had(str(missing))
    try:
        server.start()
        yield
    finally:
        server.kill()


def shared(kind: str, variable: str) -> str:
    result = started(kind)
    if result.returncode == 3:
        cannot_be_had(result.stderr.strip().splitlines()[-1])
    if result.returncode:
        pytest.fail(f"{kind} did not start: {result.stderr}")
    words = shlex.split(result.stdout)
    return next(word.partition("=")[2] for word in words if word.startswith(f"{variable}="))


@cache
def started(kind: str) -> subprocess.CompletedProcess[str]:
    """`scripts/services up KIND`, once a process; the script keeps it to once a run."""
    command = [sys.executable, str(SCRIPT), "up", kind, "--for-pid", os.environ[OWNER]]
    environment = {**os.environ, "BREACHDESK_SERVICES_DIR": os.environ[FOLDER]}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def own_the_run() -> None:
    """Called once, by the process that starts the run; its workers inherit the two variables."""
    os.environ[OWNER] = str(os.getpid())
    os.environ[FOLDER] = str(Path(tempfile.gettempdir()) / f"breachdesk-tests-{os.getpid()}")


def end_the_run() -> None:
    folder = os.environ.pop(FOLDER)
    if os.environ.pop(OWNER) == str(os.getpid()) and Path(folder).exists():
        environment = {**os.environ, "BREACHDESK_SERVICES_DIR": folder}
        command = [sys.executable, str(SCRIPT), "down"]
        subprocess.run(command, env=environment, capture_output=True, check=True)


def cannot_be_had(reason: str) -> None:
    """Skip by name, or fail where services are required."""
    if os.environ.get("BREACHDESK_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
