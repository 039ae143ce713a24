"""A real worker, dispatcher and console over real servers say how they are."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fleet import WAIT_SECONDS, Fleet, Worker, a_fleet, demo_rows, environment, until
from servers.ports import find_free_port

from breachdesk.bootstrap.observability.metric_table import METRICS

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]
MAIL = """
[[senders]]
channel = "maildir"
maildir = "{folder}/mails"
from_name = "Penhallow IT"
from_email = "notices@penhallow.example"
"""


@pytest.fixture
def fleet(tmp_path: Path, kafka_servers: str, postgres_url: str) -> Iterator[Fleet]:
    with a_fleet(tmp_path, kafka_servers, postgres_url) as result:
        yield result


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except OSError:
        return 0, ""


@contextmanager
def running(fleet: Fleet, *words: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        fleet.command(*words), env=environment() | settings, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=120)


def names(text: str) -> set[str]:
    return set(re.findall(r"^(breachdesk_\w+?)(?:_bucket|_sum|_count)?[ {]", text, re.MULTILINE))


def with_settings(fleet: Fleet, text: str) -> None:
    """Further tables of the demo's settings file."""
    file = fleet.settings.data_dir / "breachdesk.toml"
    file.write_text(file.read_text("utf-8") + text, "utf-8")


def test_a_worker_counts_what_it_processed_and_logs_json_only(fleet: Fleet) -> None:
    with_settings(fleet, '\n[ops]\nlog_format = "json"\n')
    (worker,) = fleet.start()
    worker.ready()
    lines = demo_rows()[:500]
    fleet.produce(lines)
    fleet.drained()
    until(lambda: worker.metric("breachdesk_leader") == 1, WAIT_SECONDS)
    until(lambda: worker.metric("breachdesk_processed_offsets") > 0, WAIT_SECONDS)
    text = asked(worker.ops, "/metrics")[1]
    health, ready = asked(worker.ops, "/healthz"), asked(worker.ops, "/readyz")
    # A batch tells the watermark that an earlier look at idle partitions has raised.
    until(lambda: bool(fleet.produce(lines[:1])) and low_watermark(worker) > 0, WAIT_SECONDS)
    ended = fleet.stop(worker)
    logged = [json.loads(line) for line in worker.said.splitlines()]

    received = re.findall(r"^breachdesk_records_total\{.*\} (\S+)$", text, re.MULTILINE)
    assert sum(float(each) for each in received) == len(lines)
    assert names(text) <= set(METRICS)
    assert {"breachdesk_lag_records", "breachdesk_processed_offsets"} <= names(text)
    assert (health[0], ready[0]) == (200, 200)
    assert ended == 0
    assert {"at", "level", "logger", "event"} <= set.intersection(*(set(row) for row in logged))
    assert "worker: joining the group" in [row["event"] for row in logged]


def low_watermark(worker: Worker) -> float:
    return worker.metric("breachdesk_low_watermark_seconds")


def test_dispatcher_and_console_answer_and_held_mail_is_not_ready(fleet: Fleet) -> None:
    with_settings(fleet, MAIL.format(folder=fleet.settings.data_dir))
    ops, console = find_free_port(), find_free_port()
    with (
        running(fleet, "dispatch", BREACHDESK_OPS__PORT=str(ops)) as dispatcher,
        running(fleet, "console", BREACHDESK_CONSOLE_PORT=str(console)),
    ):
        until(lambda: asked(ops, "/readyz")[0] == 200, WAIT_SECONDS)
        until(lambda: asked(console, "/readyz")[0] == 200, WAIT_SECONDS)
        of_mail, of_console = asked(ops, "/metrics")[1], asked(console, "/metrics")[1]
        fleet.store.write(lambda uow: uow.marks.set("dispatch-held", "the server changed"))
        until(lambda: asked(ops, "/readyz")[0] == 503, WAIT_SECONDS)
        refusal = json.loads(asked(ops, "/readyz")[1])
        alive = asked(ops, "/healthz")[0]
        dispatcher.send_signal(signal.SIGTERM)
        ended = dispatcher.wait(timeout=120)

    assert {"breachdesk_notices_total", "breachdesk_outbox_rows"} <= names(of_mail)
    assert {"breachdesk_clocks_open", "breachdesk_exports_waiting"} <= names(of_console)
    assert refusal == {"ready": False, "failed": {"mail": "the server changed"}}
    assert (alive, ended) == (200, 0)


def test_a_worker_whose_port_is_taken_says_so_and_ends(fleet: Fleet) -> None:
    (worker,) = fleet.start()
    worker.ready()

    second = subprocess.run(
        fleet.command("worker"),
        env={**os.environ, **environment(), "BREACHDESK_OPS__PORT": str(worker.ops)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert second.returncode == 2
    assert "ops.port" in second.stderr
    assert asked(worker.ops, "/healthz")[0] == 200
