"""Each of our services in docker-compose.yml, its command run as it stands there, without an
engine: against a real Kafka and a real PostgreSQL, with the file's own environment. Only hosts,
ports, paths of secrets and the roles' names are put in place of the containers'."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fleet
import psycopg
import pytest
import trustme
import yaml
from servers.ports import find_free_port
from services import fresh_schema, unique_prefix

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = {
    name: s
    for name, s in COMPOSE["services"].items()
    if "breachdesk" in s["image"] and "profiles" not in s
}
ROLE = "compose_desk"
PASSWORD = "of the desk"

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]


class Place:
    """A folder as the containers see /data, and the servers."""

    def __init__(self, folder: Path, kafka: str, postgres: str, schema: str) -> None:
        self.folder, self.kafka, self.postgres = folder, kafka, postgres
        self.schema, self.prefix = schema, unique_prefix()
        settings = (ROOT / "deploy/breachdesk.toml").read_text(encoding="utf-8")
        (folder / "breachdesk.toml").write_text(settings.replace("/run/secrets", str(folder)))
        trustme.CA().cert_pem.write_to_path(folder / "mailpit_cert")
        for name in ("store_password", "store_owner_password"):
            (folder / name).write_text(PASSWORD)

    def environment(self, service: Mapping[str, Any], ports: Mapping[str, str]) -> dict[str, str]:
        values_by_key = {k: v for k, v in os.environ.items() if not k.startswith("BREACHDESK_")}
        values_by_key |= {name: self._here(value) for name, value in service["environment"].items()}
        return values_by_key | {
            "BREACHDESK_DATA_DIR": str(self.folder),
            "BREACHDESK_KAFKA__PREFIX": self.prefix,
            "BREACHDESK_KAFKA__GROUP": self.prefix,
            "BREACHDESK_STORE__SCHEMA_NAME": self.schema,
            **ports,
        }

    def _here(self, value: str) -> str:
        server = self.postgres.rpartition("@")[2]
        owner = self.postgres.rpartition("@")[0]
        return (
            value.replace("kafka:9092", self.kafka)
            .replace("postgresql://breachdesk_owner@postgres:5432/breachdesk", f"{owner}@{server}")
            .replace("breachdesk@postgres:5432/breachdesk", f"{ROLE}@{server}")
            .replace("/run/secrets", str(self.folder))
        )

    def command(self, name: str) -> list[str]:
        words = OURS[name]["command"]
        if "--grant" in words:
            words = [*words[: words.index("--grant")], "--grant", ROLE]
        return [sys.executable, "-m", "breachdesk.cli.main", *words]

    def once(self, name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(name),
            env=self.environment(OURS[name], {}),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, postgres_url: str
) -> Iterator[Place]:
    """With topics and schema made by the file's own one-shot services."""
    with fresh_schema(postgres_url) as schema:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {ROLE}")
            connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        result = Place(tmp_path_factory.mktemp("data"), kafka_servers, postgres_url, schema)
        for name in ("topics", "migrate"):
            process = result.once(name)
            assert process.returncode == 0, f"{name}: {process.stderr}"
        yield result
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {ROLE}")
            connection.execute(f"DROP ROLE {ROLE}")


def test_every_service_of_ours_is_run_here() -> None:
    assert set(OURS) == {"topics", "migrate", "worker", "console", "dispatcher"}


def test_the_one_shot_services_may_run_again(place: Place) -> None:
    assert [place.once(name).returncode for name in ("topics", "migrate")] == [0, 0]


@pytest.mark.parametrize("name", ["worker", "console", "dispatcher"])
def test_a_lasting_service_becomes_ready_and_ends_in_order(place: Place, name: str) -> None:
    ports = {
        "BREACHDESK_OPS__PORT": str(find_free_port()),
        "BREACHDESK_CONSOLE_PORT": str(find_free_port()),
    }
    question = ports["BREACHDESK_CONSOLE_PORT" if name == "console" else "BREACHDESK_OPS__PORT"]
    log = place.folder / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            place.command(name),
            env=place.environment(OURS[name], ports) | {"BREACHDESK_OPS__HOST": "127.0.0.1"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        fleet.until(lambda: status(question, "/readyz") == 200, fleet.WAIT_SECONDS, log.read_text)
        statuses = [status(question, path) for path in ("/healthz", "/metrics")]
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(120)

    assert statuses == [200, 200]
    assert code == 0, log.read_text()
    assert PASSWORD not in log.read_text()


def status(port: str, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=3) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
    except OSError:
        return 0
