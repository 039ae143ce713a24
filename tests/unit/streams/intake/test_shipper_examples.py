"""The shippers' examples: parsed where the format allows, and all saying the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[4] / "docs/howto/shippers"
EXAMPLES = ["rsyslog.conf", "syslog-ng.conf", "filebeat.yml", "vector.toml", "fluent-bit.yaml"]


@pytest.fixture(params=EXAMPLES)
def text(request: pytest.FixtureRequest) -> str:
    return (FOLDER / request.param).read_text(encoding="utf-8")


def test_every_example_is_listed_and_every_listed_one_exists() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert sorted(re.findall(r"\]\(([a-z.-]+)\)", page)) == sorted(EXAMPLES)
    assert sorted(file.name for file in FOLDER.iterdir()) == sorted([*EXAMPLES, "README.md"])


def test_it_sends_to_a_source_topic_over_tls_with_a_password_from_elsewhere(text: str) -> None:
    assert "breachdesk.raw." in text
    assert re.search(r"sasl_ssl|SASL_SSL|(tls|ssl)\.enabled ?[=:] ?true", text)
    assert re.search("kafka-ca.pem", text)
    assert "KAFKA_PASSWORD" in text


def test_it_waits_for_every_replica_and_takes_the_largest_line(text: str) -> None:
    assert re.search(r'acks"? ?(=>|=|:) ?("?all|-1)', text)
    assert "4259840" in text


def test_it_uses_no_compression_that_workers_cannot_undo(text: str) -> None:
    assert set(re.findall(r"\b(gzip|lz4|snappy|zstd)\b", text)) == {"gzip"}


def test_it_keeps_what_kafka_does_not_take_on_disk(text: str) -> None:
    assert re.search(
        r'queue.type="Disk"|reliable\(yes\)|queue.disk:|type = "disk"|storage.type: filesystem',
        text,
    )


def test_vector_sends_the_line_and_nothing_else() -> None:
    config = tomllib.loads((FOLDER / "vector.toml").read_text(encoding="utf-8"))
    sinks = config["sinks"].values()

    assert all(sink["encoding"]["codec"] == "raw_message" for sink in sinks)
    assert all(sink["buffer"]["when_full"] == "block" for sink in sinks)
    assert {name for sink in sinks for name in sink["inputs"]} == set(config["sources"])


def test_filebeat_sends_the_line_and_nothing_else() -> None:
    config = yaml.safe_load((FOLDER / "filebeat.yml").read_text(encoding="utf-8"))

    assert config["output.kafka"]["codec.format"] == {"string": "%{[message]}"}
    assert all(each["fields"]["source"] for each in config["filebeat.inputs"])


def test_fluent_bit_sends_the_line_and_nothing_else() -> None:
    pipeline = yaml.safe_load((FOLDER / "fluent-bit.yaml").read_text(encoding="utf-8"))["pipeline"]

    assert all(out["format"] == "raw" and out["raw_log_key"] for out in pipeline["outputs"])
    assert {i["tag"] for i in pipeline["inputs"]} == {o["match"] for o in pipeline["outputs"]}
