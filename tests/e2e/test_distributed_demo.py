"""The demo on Kafka, two workers and PostgreSQL says what the embedded demo says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fleet
import pytest

from breachdesk.demo.shared import clear_servers
from schemas.settings import KafkaSettings, StoreSettings

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.postgres]
DIFFERS = ("seconds", "mails", "reports")
"""Times, and the paths of what was written."""


def run_demo(folder: Path, servers: Mapping[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "breachdesk.cli.main", "demo", "--unattended", "--json"]
    ended = subprocess.run(
        [*command, "--data-dir", str(folder)],
        env=fleet.environment() | servers,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (line,) = ended.stdout.splitlines()
    return dict(json.loads(line))


def test_the_demo_on_servers_says_what_the_embedded_one_says(
    tmp_path: Path, kafka_servers: str, postgres_url: str
) -> None:
    servers = {
        "BREACHDESK_KAFKA__SERVERS": kafka_servers,
        "BREACHDESK_STORE__URL": postgres_url,
    }
    shared = run_demo(tmp_path / "shared", servers)
    clear_servers(
        tmp_path / "shared", (StoreSettings(url=postgres_url), KafkaSettings(servers=kafka_servers))
    )
    alone = run_demo(tmp_path / "alone", {})

    assert {k: v for k, v in shared.items() if k not in DIFFERS} == {
        k: v for k, v in alone.items() if k not in DIFFERS
    }
    assert alone["alerts"] > 3
    assert letters(tmp_path / "shared") == letters(tmp_path / "alone") > 0


def letters(folder: Path) -> int:
    return sum(1 for each in (folder / "mails").rglob("*") if each.is_file())
