"""The compose files: valid by the specification's own schema, and by our rules."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from pydantic import BaseModel

from breachdesk.bootstrap.settings import load_settings
from breachdesk.cli.main import app
from schemas.settings import Settings
from streams.kafka.topics.specs import build_topic_specs

ROOT = Path(__file__).resolve().parents[2]
FILES = ["docker-compose.yml", "docker-compose.embedded.yml"]
ONE_SHOT = {"topics", "migrate"}
MACHINE_ID = "${MACHINE_ID_FILE:-/etc/machine-id}"
"""The host's; not every host has one."""
OPERATORS_OWN = {
    MACHINE_ID,
    "${LOG_DIR:-/var/log}",
    "${MICROSOFT365_DIR:-./deploy/microsoft365}",
}
"""What is the host's, or made by whoever starts a profile."""
OURS = {"topics", "migrate", "worker", "console", "dispatcher", "desk", "follow", "poll"}


def loaded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return document


DISTRIBUTED = loaded(FILES[0])
SERVICES = [
    pytest.param(service, id=f"{file}:{name}")
    for file in FILES
    for name, service in loaded(file)["services"].items()
]


@pytest.mark.parametrize("file", FILES)
def test_the_file_is_valid_by_the_compose_specification(file: str) -> None:
    spec = find_spec("check_jsonschema")
    assert spec is not None
    assert spec.submodule_search_locations
    vendored = Path(spec.submodule_search_locations[0]) / "builtin_schemas/vendor"
    schema = json.loads((vendored / "compose-spec.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)

    assert [error.message for error in validator.iter_errors(loaded(file))] == []
    assert not validator.is_valid({"services": {"desk": {"ports": "8080"}}})


def test_every_part_of_the_distributed_system_is_there() -> None:
    parts = {"kafka", "postgres", "mailpit", "topics", "migrate", "worker", "console", "dispatcher"}

    assert set(DISTRIBUTED["services"]) == {
        *parts,
        *("prometheus", "grafana", "follow", "poll"),
    }
    assert DISTRIBUTED["services"]["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_is_pinned(service: Mapping[str, Any]) -> None:
    assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", service["image"])


@pytest.mark.parametrize("service", SERVICES)
def test_the_service_can_do_no_more_than_its_work(service: Mapping[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert not service.get("privileged")
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_published_on_loopback_only(service: Mapping[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("file", FILES)
def test_every_lasting_service_is_watched_and_restarted(file: str) -> None:
    for name, service in loaded(file)["services"].items():
        if name in ONE_SHOT:
            assert service["healthcheck"] == {"disable": True}
            assert service["restart"] == "on-failure:5"
        else:
            assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"]), name
            assert service["restart"] == "unless-stopped"
            assert service["stop_grace_period"], name


def test_our_parts_are_asked_on_the_port_they_listen_on() -> None:
    services = DISTRIBUTED["services"]
    ports = {
        name: re.search(r"127\.0\.0\.1:(\d+)/healthz", services[name]["healthcheck"]["test"][-1])
        for name in ("worker", "dispatcher", "console")
    }
    environment = services["worker"]["environment"]

    assert {name: port and port[1] for name, port in ports.items()} == {
        "worker": environment["BREACHDESK_OPS__PORT"],
        "dispatcher": environment["BREACHDESK_OPS__PORT"],
        "console": str(Settings.model_fields["console_port"].default),
    }


@pytest.mark.parametrize("file", FILES)
def test_what_a_service_waits_for_can_be_waited_for(file: str) -> None:
    services = loaded(file)["services"]
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            expected = "completed_successfully" if other in ONE_SHOT else "healthy"

            assert how == {"condition": f"service_{expected}"}
            assert other in services


def commands(command: object = None, prefix: str = "") -> Iterator[str]:
    command = command or typer.main.get_command(app)
    children = getattr(command, "commands", None)
    if not children:
        yield prefix
        return
    for name, child in children.items():
        yield from commands(child, f"{prefix} {name}".strip())


@pytest.mark.parametrize("file", FILES)
def test_every_command_of_ours_exists(file: str) -> None:
    services = loaded(file)["services"]
    values = {
        " ".join(word for word in service["command"] if not word.startswith("--"))
        for name, service in services.items()
        if name in OURS
    }
    known = set(commands())

    assert values
    assert {text for text in values if text.removesuffix(" breachdesk") not in known} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_in_the_environment_exists(service: Mapping[str, Any]) -> None:
    ours = [name for name in service.get("environment", {}) if name.startswith("BREACHDESK_")]

    assert [name for name in ours if not is_setting(name)] == []


def is_setting(name: str) -> bool:
    model: Any = Settings
    for key in name.removeprefix("BREACHDESK_").lower().split("__"):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return False
        if key not in model.model_fields:
            return False
        model = model.model_fields[key].annotation
    return True


def test_a_misspelt_setting_would_be_seen() -> None:
    assert not is_setting("BREACHDESK_KAFKA__SERVER")
    assert not is_setting("BREACHDESK_STORE__URL__HOST")


@pytest.mark.parametrize("file", FILES)
def test_what_is_mounted_exists(file: str) -> None:
    document = loaded(file)
    for service in document["services"].values():
        for volume in service.get("volumes", []):
            if isinstance(volume, str):
                assert volume.partition(":")[0] in document["volumes"]
            else:
                assert volume["source"] in OPERATORS_OWN or (ROOT / volume["source"]).exists(), (
                    volume
                )
                assert volume["read_only"] is True
                assert volume["bind"] == {"create_host_path": False}


@pytest.mark.parametrize(("file", "name"), [(FILES[0], "dispatcher"), (FILES[1], "desk")])
def test_who_sends_keeps_what_it_sent_last_and_knows_its_host(file: str, name: str) -> None:
    document = loaded(file)
    service = document["services"][name]
    lasting = [v.partition(":")[::2] for v in service["volumes"] if isinstance(v, str)]
    mounted = {v["target"]: v["source"] for v in service["volumes"] if not isinstance(v, str)}

    assert [target for _, target in lasting] == ["/data"]
    assert {volume for volume, _ in lasting} <= set(document["volumes"])
    assert "/data" not in service["tmpfs"]
    assert mounted["/etc/machine-id"] == MACHINE_ID


def test_no_secret_is_in_the_file_and_make_secrets_makes_each(tmp_path: Path) -> None:
    subprocess.run([ROOT / "deploy/make-secrets", tmp_path / "s"], check=True, timeout=60)
    first = {file.name: file.read_bytes() for file in (tmp_path / "s").iterdir()}
    subprocess.run([ROOT / "deploy/make-secrets", tmp_path / "s"], check=True, timeout=60)
    environments = [s.get("environment", {}) for s in DISTRIBUTED["services"].values()]
    passwords = [k for e in environments for k in e if re.search("PASSWORD|SECRET|TOKEN", k)]

    assert set(DISTRIBUTED["secrets"]) == set(first)
    assert {name: s["file"] for name, s in DISTRIBUTED["secrets"].items()} == {
        name: f"./deploy/secrets/{name}" for name in first
    }
    assert {file.name: file.read_bytes() for file in (tmp_path / "s").iterdir()} == first
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert passwords
    assert all(name.endswith("_FILE") for name in passwords)


def test_the_dispatcher_trusts_the_certificate_that_mailpit_gets(tmp_path: Path) -> None:
    subprocess.run([ROOT / "deploy/make-secrets", tmp_path], check=True, timeout=60)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "mailpit_cert", tmp_path / "mailpit_key")
    client = ssl.create_default_context(cafile=str(tmp_path / "mailpit_cert"))

    assert shaken_hands(client, server, "mailpit")
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken_hands(client, server, "elsewhere")


def shaken_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> bool:
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname=name)
    theirs = server.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ours.cipher() is not None


def test_the_settings_that_are_mounted_can_be_read_and_name_topics(tmp_path: Path) -> None:
    (tmp_path / "breachdesk.toml").write_bytes((ROOT / "deploy/breachdesk.toml").read_bytes())
    settings = load_settings(tmp_path)

    assert "breachdesk.raw.m365" in {spec.name for spec in build_topic_specs(settings)}
    assert settings.senders[0].host in DISTRIBUTED["services"]


def test_kafka_takes_the_largest_line_and_makes_no_topic_by_itself(tmp_path: Path) -> None:
    environment = DISTRIBUTED["services"]["kafka"]["environment"]
    largest = max(
        int(spec.config.get("max.message.bytes", 0))
        for spec in build_topic_specs(load_settings(tmp_path))
    )

    assert int(environment["KAFKA_MESSAGE_MAX_BYTES"]) >= largest
    assert int(environment["KAFKA_REPLICA_FETCH_MAX_BYTES"]) >= largest
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


@pytest.mark.parametrize("script", ["deploy/make-secrets", "deploy/postgres/roles.sh"])
def test_the_scripts_are_sound_shell(script: str) -> None:
    subprocess.run(["sh", "-n", ROOT / script], check=True)

    assert os.access(ROOT / "deploy/make-secrets", os.X_OK)
