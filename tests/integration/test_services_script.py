"""scripts/services starts real servers and leaves nothing behind; private ones survive a kill."""

from __future__ import annotations

import os
import shlex
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from servers.processes import get_start_time
from services import (
    SCRIPT,
    cannot_be_had,
    fresh_schema,
    private_kafka,
    private_postgres,
    unique_prefix,
)

pytestmark = [pytest.mark.slow]


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """Not in tmp_path: PostgreSQL's own account must be able to enter it."""
    with tempfile.TemporaryDirectory(prefix="breachdesk-script-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "services"
        run("down", Path(name) / "services")


def run(command: str, server_folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BREACHDESK_SERVICES_DIR": str(server_folder), **changes}
    words = [sys.executable, str(SCRIPT), *shlex.split(command)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def exported(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """What `up` printed, or a skip that names what is missing."""
    if result.returncode == 3:
        cannot_be_had(result.stderr.strip().splitlines()[-1])
    assert result.returncode == 0, result.stderr
    lines = [shlex.split(line) for line in result.stdout.splitlines()]
    assert {line[0] for line in lines} == {"export"}
    return dict(line[1].split("=", 1) for line in lines)


def create_topic(server: str) -> str:
    topic = f"{unique_prefix()}raw"
    admin = KafkaAdminClient(bootstrap_servers=server)
    admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    admin.close()
    return topic


def produce(server: str, topic: str, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=server, max_request_size=8 << 20)
    for value in values:
        producer.send(topic, value).get(timeout=30)
    producer.close()


def consumed(server: str, topic: str, expected: int) -> list[bytes]:
    consumer = KafkaConsumer(
        topic, bootstrap_servers=server, group_id=unique_prefix(), auto_offset_reset="earliest"
    )
    values: list[bytes] = []
    deadline = time.monotonic() + 120
    while len(values) < expected and time.monotonic() < deadline:
        for records in consumer.poll(500).values():
            values += [record.value for record in records]
    consumer.close()
    return values


@pytest.mark.kafka
@pytest.mark.postgres
def test_what_up_starts_works_is_shared_and_is_gone_after_down(server_folder: Path) -> None:
    where = exported(run("up kafka postgres", server_folder))
    again = exported(run("up postgres kafka", server_folder))
    kafka, postgres = where["BREACHDESK_TEST_KAFKA"], where["BREACHDESK_TEST_POSTGRES"]
    topic = create_topic(kafka)
    large = b"x" * (4 << 20)
    produce(kafka, topic, b"a line", large)
    with psycopg.connect(postgres) as connection:
        answer = connection.execute("select current_database(), current_setting('fsync')")
        row = answer.fetchone()
    status = run("status", server_folder).stdout
    pids = [int(word) for word in status.split() if word.isdigit()]

    assert again == where
    assert where["BREACHDESK_KAFKA__SERVERS"] == kafka
    assert where["BREACHDESK_STORE__URL"] == postgres
    assert sorted(consumed(kafka, topic, 2)) == [b"a line", large]
    assert row == ("breachdesk", "on")
    assert len(pids) == 2
    assert all(get_start_time(pid) for pid in pids)
    down, twice = run("down", server_folder), run("down", server_folder)
    assert (down.returncode, twice.returncode) == (0, 0)
    assert down.stderr == "Stopped: Kafka, PostgreSQL.\n"
    assert not any(get_start_time(pid) for pid in pids)
    assert list(server_folder.parent.iterdir()) == []


@pytest.mark.postgres
def test_servers_started_for_a_process_end_with_it(server_folder: Path) -> None:
    owner = subprocess.Popen(["sleep", "600"])
    exported(run(f"up postgres --for-pid {owner.pid}", server_folder))
    pid = int(run("status", server_folder).stdout.split("pid ")[1].split()[0])
    lived = bool(get_start_time(pid))
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + 120
    while list(server_folder.parent.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert lived
    assert not get_start_time(pid)
    assert list(server_folder.parent.iterdir()) == []


def test_a_missing_program_is_named_with_its_package_and_exit_code_three(
    server_folder: Path,
) -> None:
    nowhere = {
        "PATH": "/nowhere",
        "JAVA_HOME": "",
        "XDG_CACHE_HOME": str(server_folder.parent / "cache"),
    }
    result = run("up kafka", server_folder, **nowhere)

    assert result.returncode == 3
    assert result.stdout == ""
    assert result.stderr.endswith("Kafka: no java (apt-get install default-jre-headless)\n")
    assert list(server_folder.parent.iterdir()) == []


def test_an_unknown_server_is_refused(server_folder: Path) -> None:
    result = run("up cafka", server_folder)

    assert result.returncode == 2
    assert "kafka, postgres, postfix" in result.stderr
    assert list(server_folder.parent.iterdir()) == []


@pytest.mark.postfix
def test_postfix_takes_mail_over_tls_into_its_maildir(server_folder: Path) -> None:
    where = exported(run("up postfix", server_folder))
    host, _, port = where["BREACHDESK_TEST_POSTFIX"].partition(":")
    trusted = ssl.create_default_context(cafile=where["BREACHDESK_TEST_POSTFIX_CA"])
    with smtplib.SMTP(host, int(port), timeout=20) as line:
        line.starttls(context=trusted)
        line.sendmail("desk@penhallow.example", "asha@customers.example", "Subject: a notice\n\n.")
    inbox = Path(where["BREACHDESK_TEST_POSTFIX_MAIL"]) / "new"
    deadline = time.monotonic() + 120
    while not list(inbox.glob("*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    mails = [mail.read_text() for mail in inbox.glob("*")]

    assert len(mails) == 1
    assert "Subject: a notice" in mails[0]
    assert "Stopped: Postfix." in run("down", server_folder).stderr
    assert list(server_folder.parent.iterdir()) == []


@pytest.mark.kafka
def test_a_private_broker_keeps_port_and_records_over_a_kill() -> None:
    with private_kafka() as kafka:
        server, topic = kafka.address, create_topic(kafka.address)
        produce(server, topic, b"before")
        kafka.kill()
        died = not kafka.alive
        kafka.start()
        produce(server, topic, b"after")

        assert died
        assert kafka.address == server
        assert sorted(consumed(server, topic, 2)) == [b"after", b"before"]


@pytest.mark.kafka
def test_a_broker_that_wants_passwords_is_made_by_its_properties() -> None:
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    with private_kafka(
        {
            "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
            "listener.name.client.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": f'{login} user_asha="s3cret";',
        }
    ) as kafka:
        admin = KafkaAdminClient(
            bootstrap_servers=kafka.address,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_plain_username="asha",
            sasl_plain_password="s3cret",
        )
        topic = create_topic(kafka.internal)

        assert topic in admin.list_topics()
        admin.close()


@pytest.mark.postgres
def test_a_private_postgres_keeps_port_and_commits_over_a_kill() -> None:
    with private_postgres() as postgres:
        url = postgres.url
        with psycopg.connect(url) as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept values (1)")
        postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5)
        postgres.start()
        with psycopg.connect(url) as connection:
            rows = connection.execute("select n from kept").fetchall()

        assert postgres.url == url
        assert rows == [(1,)]


@pytest.mark.postgres
def test_a_paused_postgres_is_silent_until_it_is_resumed() -> None:
    with private_postgres() as postgres:
        postgres.pause()
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            psycopg.connect(postgres.url, connect_timeout=2)
        postgres.resume()
        with psycopg.connect(postgres.url) as connection:
            row = connection.execute("select 1").fetchone()

        assert row == (1,)


@pytest.mark.postgres
def test_a_fresh_schema_is_empty_and_dropped_afterwards(postgres_url: str) -> None:
    count = "select count(*) from information_schema.schemata where schema_name = %s"
    with fresh_schema(postgres_url) as name, psycopg.connect(postgres_url) as connection:
        during = connection.execute(count, [name]).fetchone()
    with psycopg.connect(postgres_url) as connection:
        after = connection.execute(count, [name]).fetchone()

    assert (during, after) == ((1,), (0,))
