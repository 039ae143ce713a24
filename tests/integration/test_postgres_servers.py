"""Servers of its own: a standby that is promoted has another identity; TLS and SCRAM hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import services
import trustme
from pydantic import SecretStr
from servers import PostgresServer
from servers.ports import find_free_port
from waiting_letters import approve_letters, established, mail_settings, renderer

from breachdesk.casework.delivery import mail_hold
from breachdesk.casework.delivery.dispatchers import LeasedDispatchers
from breachdesk.casework.delivery.outbox import StoreOutbox
from breachdesk.stores.open_store import open_postgres
from breachdesk.testing import START, FixedNow
from notifiers.testing.channels import NOON
from schemas.audit_actions import AuditAction
from schemas.errors import RetryableError
from schemas.settings import PostgresTls, StoreSettings

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
RULES = """
local all all trust
host all breachdesk 127.0.0.1/32 trust
hostssl all app 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with services.private_postgres() as running:
        yield running


def record(uow) -> None:
    uow.audit.record(
        at=START, actor="sam", action=AuditAction.REGISTER_CUSTOMER_CHANGED, subject="x"
    )


def test_a_promoted_standby_is_another_server_at_once(server: PostgresServer) -> None:
    with open_postgres(StoreSettings(url=server.url), now=FixedNow()) as store:
        store.write(record)
        first = store.get_server_identity()
    folder, port = server.folder / "socket" / "standby", find_free_port()
    server.call(
        "pg_basebackup", "-D", str(folder), "-d", server.url, "-R", "-X", "stream", "-c", "fast"
    )
    options = f"-p {port} -k {server.folder / 'socket'} -c max_connections=200"
    log = str(folder / "log")
    server.call("pg_ctl", "-D", str(folder), "-w", "-l", log, "-o", options, "start")
    try:
        address = StoreSettings(url=f"postgresql://breachdesk@127.0.0.1:{port}/breachdesk")
        with pytest.raises(RetryableError, match="read-only"):
            open_postgres(address, now=FixedNow())
        server.kill()
        server.call("pg_ctl", "-D", str(folder), "-w", "promote")
        with open_postgres(address, now=FixedNow()) as store:
            second = store.get_server_identity()
            store.write(record)
            verified = store.read(lambda uow: uow.audit.verify())
    finally:
        server.call("pg_ctl", "-D", str(folder), "-m", "immediate", "stop")

    assert first.split("/")[0] == second.split("/")[0]
    assert (first.split("/")[1], second.split("/")[1]) == ("1", "2")
    assert verified == 2


def test_a_dump_restored_on_the_same_server_is_another_one_and_holds_all_mail(
    server: PostgresServer, tmp_path: Path
) -> None:
    settings = mail_settings(tmp_path)
    with open_postgres(StoreSettings(url=server.url), now=FixedNow(NOON)) as store:
        approve_letters(store, settings, 2)
        first = store.get_server_identity()
        dump = server.folder / "socket" / "dump.sql"
        server.call("pg_dump", "--clean", "-d", server.url, "-f", str(dump))
        server.call("psql", "-q", "-d", server.url, "-f", str(dump))
        place = established(store, tmp_path, shared=True)
        outbox = StoreOutbox(store, settings, renderer(), place, LeasedDispatchers(store))
        outbox.enter("boot", NOON)
        second, hold = store.get_server_identity(), outbox.find_hold(NOON)

    assert first.split("/")[:2] == second.split("/")[:2]
    assert hold == mail_hold.AFTER_FAILOVER


def test_a_database_copied_before_its_first_letter_does_not_send(
    server: PostgresServer, tmp_path: Path
) -> None:
    settings = mail_settings(tmp_path)
    with open_postgres(StoreSettings(url=server.url), now=FixedNow(NOON)) as store:
        approve_letters(store, settings, 2)
        store.write(lambda uow: uow.marks.set(mail_hold.SERVER_MARK, ""))
        place = established(store, tmp_path, shared=True)
        outbox = StoreOutbox(store, settings, renderer(), place, LeasedDispatchers(store))
        outbox.enter("boot", NOON)

        assert outbox.find_hold(NOON) == mail_hold.NO_SERVER
        assert outbox.start_attempt(1, "try", "boot", NOON) is None


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def guarded(server: PostgresServer, authority: trustme.CA, tmp_path: Path) -> StoreSettings:
    """Only over TLS, only with a password."""
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    data = server.folder / "data"
    write(data / "server.crt", b"".join(p.bytes() for p in certificate.cert_chain_pems), data)
    write(data / "server.key", certificate.private_key_pem.bytes(), data)
    write(data / "pg_hba.conf", RULES.encode(), data)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET ssl = on")
        connection.execute("CREATE ROLE app LOGIN PASSWORD 'of the application'")
        connection.execute("GRANT CREATE ON DATABASE breachdesk TO app")
        connection.execute("SELECT pg_reload_conf()")
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    return StoreSettings(
        url=server.url.replace("breachdesk@", "app@"),
        schema_name="own",
        password=SecretStr("of the application"),
        tls=PostgresTls.VERIFY_FULL,
        ca_file=ca,
    )


def write(file: Path, content: bytes, owner: Path) -> None:
    file.write_bytes(content)
    file.chmod(0o600)
    person = owner.stat()
    if file.stat().st_uid != person.st_uid:
        os.chown(file, person.st_uid, person.st_gid)


def test_the_store_speaks_over_tls_with_a_checked_certificate(
    guarded: StoreSettings, server: PostgresServer
) -> None:
    with open_postgres(guarded, now=FixedNow()) as store:
        store.write(record)
        with psycopg.connect(server.url) as connection:
            query = (
                "SELECT bool_and(ssl), count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                " WHERE application_name = 'breachdesk'"
            )
            actual = connection.execute(query).fetchone()

    assert actual is not None
    assert actual[0] is True
    assert actual[1] >= 1


def test_what_cannot_be_trusted_is_not_talked_to(guarded: StoreSettings, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    wrong = {
        "certificate verify failed": {"ca_file": stranger},
        "no encryption": {"tls": PostgresTls.DISABLE},
        "password authentication failed": {"password": SecretStr("hunter2")},
    }
    for words, change in wrong.items():
        with pytest.raises(RetryableError, match=words) as refused:
            open_postgres(guarded.model_copy(update=change), now=FixedNow())
        assert "hunter2" not in str(refused.value)
        assert "of the application" not in str(refused.value)
