"""`breachdesk run` polls a service that misbehaves, over TLS, and is killed again and again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from audit_service import CLIENT, EXCHANGE, SECRET, TENANT, Answer, AuditService, refuse, serve
from kafka import KafkaConsumer
from servers.ports import find_free_port
from services import unique_prefix

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.settings import load_settings
from streams.kafka.topics import build_source_topic, create_topics

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 60
OTHER = "99999999-2222-3333-4444-555555555555"
RUN = "from breachdesk.cli.main import run_main; run_main()"


@pytest.fixture
def service() -> AuditService:
    return AuditService(lambda: datetime.now(UTC))


@pytest.fixture
def folder(tmp_path: Path, service: AuditService) -> Iterator[Path]:
    with serve(service, tmp_path) as ca_file:
        data = tmp_path / "data"
        data.mkdir()
        secret = tmp_path / "secret"
        secret.write_text(SECRET)
        tenant = "\n".join(
            [
                "[[microsoft365]]",
                'tenant = "{}"',
                f'client = "{CLIENT}"',
                f'secret_file = "{secret}"',
                f'login = "{service.address}"',
                f'api = "{service.address}"',
                f'ca_file = "{ca_file}"',
                f'content_types = ["{EXCHANGE}"]',
                "poll_seconds = 1",
                "",
            ]
        )
        (data / "breachdesk.toml").write_text(
            f"console_port = {find_free_port()}\n" + tenant.format(TENANT) + tenant.format(OTHER)
        )
        yield data


@contextmanager
def running(data: Path, command: str = "run") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, command, "--data-dir", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_until(holds: Callable[[], bool]) -> None:
    latest = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < latest, "it took too long"
        time.sleep(0.05)


def read_numbers(data: Path, tenant: str = TENANT) -> list[int]:
    with Container(load_settings(data)) as container:
        records = container.journal.read(None, 10_000)
    source = f"microsoft365-{tenant}"
    return [int(json.loads(each.raw)["Id"][-12:]) for each in records if each.source == source]


def stop(process: subprocess.Popen[str]) -> str:
    """End the process; returns its output."""
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    return output


def test_a_service_that_misbehaves_loses_no_record_and_no_other_tenant(
    folder: Path, service: AuditService
) -> None:
    for number in range(20):
        age = timedelta(hours=1 + 7 * number)
        service.add(f"c{number}", range(number * 10, number * 10 + 10), age=age)
    service.fail(f"{TENANT}/activity/feed/subscriptions/content", refuse(503, "", Retry_After="1"))
    service.fail(f"{TENANT}/activity/feed/audit/c3", refuse(429, "AF429", Retry_After="1"))
    service.fail(f"{OTHER}/activity/feed/subscriptions/list", Answer(500), times=10_000)

    with running(folder) as process:
        wait_until(lambda: service.count("/audit/c") >= 20)
        wait_until(lambda: service.count("/content?") >= 20)
        output = stop(process)

    assert process.returncode == 0, output
    waits_for_another_try = set(range(30, 40))
    assert set(read_numbers(folder)) == set(range(200)) - waits_for_another_try
    assert read_numbers(folder, OTHER) == []
    assert f"microsoft365-{OTHER}: the Management Activity API answers 500" in output
    assert SECRET not in output
    assert "jo@contoso.example" not in output


def test_a_process_killed_again_and_again_loses_no_record(
    folder: Path, service: AuditService
) -> None:
    chance = random.Random(12)
    for number in range(60):
        age = timedelta(minutes=5 + 10 * number)
        service.add(f"c{number}", range(number * 10, number * 10 + 10), age=age)
    for _ in range(4):
        with running(folder) as process:
            before = service.count("/audit/c")
            wait_until(partial(has_fetched, service, before + chance.randint(1, 12)))
            process.send_signal(signal.SIGKILL)
            process.wait()
    with running(folder) as process:
        wait_until(lambda: service.count("/content?") >= 1 and has_read_all(service, 60))
        before = service.count("/content?")
        wait_until(lambda: service.count("/content?") >= before + 16)
        stop(process)

    numbers = read_numbers(folder)
    assert set(numbers) == set(range(600))
    assert len(numbers) <= 600 + 4 * 10, "at most the content in hand is read twice at a kill"


def has_fetched(service: AuditService, contents: int) -> bool:
    return service.count("/audit/c") >= contents


def has_read_all(service: AuditService, contents: int) -> bool:
    return all(service.count(f"{TENANT}/activity/feed/audit/c{n}?") for n in range(contents))


def test_a_connection_that_breaks_in_the_middle_of_content_appends_nothing_of_it(
    folder: Path, service: AuditService
) -> None:
    service.add("c1", range(10))
    body = service.contents[0].records
    service.fail(f"{TENANT}/activity/feed/audit/c1", Answer(200, body, cut=True))

    with running(folder) as process:
        wait_until(lambda: service.count(f"{TENANT}/activity/feed/audit/c1") >= 1)
        before = service.count("/content?")
        wait_until(lambda: service.count("/content?") >= before + 16)
        stop(process)

    assert read_numbers(folder) == []


def test_metrics_name_the_events_the_last_success_and_the_lag_of_each_tenant(
    folder: Path, service: AuditService
) -> None:
    service.add("c1", range(10))
    port = load_settings(folder).console_port

    def read_metrics() -> str:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    label = f'{{content_type="{EXCHANGE}",source="microsoft365-{TENANT}"}}'
    with running(folder) as process:
        wait_until(lambda: service.count("/content?") >= 20)
        wait_until(lambda: f"breachdesk_poll_success_seconds{label}" in read_metrics())
        events = f'breachdesk_events_total{{source="microsoft365-{TENANT}"}} 10.0'
        wait_until(lambda: events in read_metrics())
        text = read_metrics()
        stop(process)

    assert f"breachdesk_polled_records_total{label} 10.0" in text
    assert f"breachdesk_poll_lag_seconds{label}" in text


def test_a_service_that_does_not_answer_delays_neither_other_tenants_nor_the_end(
    folder: Path, service: AuditService
) -> None:
    service.add("c1", range(10))
    service.fail(f"{OTHER}/activity", Answer(200, [], wait=50.0), times=100)

    with running(folder) as process:
        wait_until(lambda: service.count("/audit/c1") >= 1)
        wait_until(lambda: service.count(f"{OTHER}/activity") >= 1)
        before = time.monotonic()
        stop(process)

    assert process.returncode == 0
    assert time.monotonic() - before < 20
    assert read_numbers(folder) == list(range(10))


def test_positions_are_for_the_owner_alone(folder: Path, service: AuditService) -> None:
    with running(folder) as process:
        wait_until(lambda: service.count("/content?") >= 1)
        stop(process)

    assert (folder / "microsoft365.db").stat().st_mode & 0o077 == 0


@pytest.mark.kafka
def test_poll_appends_to_kafka_and_goes_on_after_a_kill(
    folder: Path, service: AuditService, kafka_servers: str
) -> None:
    file = folder / "breachdesk.toml"
    kafka = f'[kafka]\nservers = "{kafka_servers}"\nprefix = "{unique_prefix()}"\npartitions = 1\n'
    file.write_text(f"{file.read_text()}{kafka}")
    create_topics(load_settings(folder))
    for number in range(30):
        age = timedelta(minutes=5 + 10 * number)
        service.add(f"c{number}", range(number * 10, number * 10 + 10), age=age)
    with running(folder, "poll") as process:
        wait_until(lambda: service.count("/audit/c") >= 7)
        process.send_signal(signal.SIGKILL)
    with running(folder, "poll") as process:
        wait_until(partial(has_read_all, service, 30))
        before = service.count("/content?")
        wait_until(lambda: service.count("/content?") >= before + 16)
        stop(process)

    assert set(read_kafka_numbers(folder)) == set(range(300))


def read_kafka_numbers(data: Path) -> Iterator[int]:
    settings = load_settings(data)
    topic = build_source_topic(settings.kafka, f"microsoft365-{TENANT}")
    with closing(
        KafkaConsumer(
            topic,
            bootstrap_servers=settings.kafka.servers,
            auto_offset_reset="earliest",
            consumer_timeout_ms=3000,
        )
    ) as consumer:
        for message in consumer:
            yield int(json.loads(message.value)["Id"][-12:])
