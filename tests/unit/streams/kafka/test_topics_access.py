"""From settings to what Kafka's clients take, and what is said when something is missing."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from schemas.errors import ConfigurationError
from schemas.settings import KafkaSecurity, KafkaSettings, SaslMechanism
from streams.kafka.client_options import (
    build_aiokafka_options,
    build_faust_credentials,
    build_kafka_python_options,
    import_extra,
    read_kafka_password,
)

SECRET = "correct horse battery"


def scram(**changes: object) -> KafkaSettings:
    fields = {
        "servers": "one:9092, two:9092",
        "security": KafkaSecurity.SASL_PLAINTEXT,
        "username": "worker",
        "password": SECRET,
    }
    return KafkaSettings.model_validate(fields | changes)


def oauth(token_file: Path) -> KafkaSettings:
    return scram(mechanism=SaslMechanism.OAUTHBEARER, token_file=token_file)


def test_plain_text_needs_nothing_but_the_servers() -> None:
    plain = KafkaSettings(servers="one:9092, two:9092")
    expected = {"bootstrap_servers": ["one:9092", "two:9092"], "security_protocol": "PLAINTEXT"}

    assert build_kafka_python_options(plain) == expected
    assert build_aiokafka_options(plain) == expected
    assert build_faust_credentials(plain) is None


def test_no_servers_named_says_which_variable_to_set() -> None:
    with pytest.raises(ConfigurationError, match="BREACHDESK_KAFKA__SERVERS"):
        build_kafka_python_options(KafkaSettings())


@pytest.mark.parametrize(
    ("mechanism", "name"),
    [
        (SaslMechanism.SCRAM_SHA_256, "SCRAM-SHA-256"),
        (SaslMechanism.SCRAM_SHA_512, "SCRAM-SHA-512"),
        (SaslMechanism.PLAIN, "PLAIN"),
    ],
)
def test_a_mechanism_with_a_password_is_the_same_for_all_three_clients(
    mechanism: SaslMechanism, name: str
) -> None:
    settings = scram(mechanism=mechanism)
    options = build_aiokafka_options(settings)
    driver = import_extra("faust.transport.drivers.aiokafka")
    faust = driver.credentials_to_aiokafka_auth(build_faust_credentials(settings))

    assert options["sasl_mechanism"] == name
    assert options["sasl_plain_password"] == SECRET
    assert build_kafka_python_options(settings) == options
    assert {k: v for k, v in faust.items() if v is not None} == {
        k: v for k, v in options.items() if k != "bootstrap_servers"
    }


def test_a_password_file_is_read_without_its_line_end_only(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f" {SECRET} \r\n")

    assert read_kafka_password(scram(password="", password_file=file)) == f" {SECRET} "


def test_a_password_file_that_is_not_there_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"kafka\.password_file: .*/gone .*No such file"):
        read_kafka_password(scram(password="", password_file=tmp_path / "gone"))


@pytest.mark.parametrize("missing", ["username", "password"])
def test_what_a_mechanism_needs_is_named_when_it_is_missing(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"kafka.{missing}"):
        build_aiokafka_options(scram(**{missing: ""}))


def test_no_secret_shows_in_what_a_client_logs_of_its_options(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    shown = [
        repr(scram()),
        str(scram()),
        repr(build_kafka_python_options(scram())),
        str(build_aiokafka_options(scram())),
        repr(build_faust_credentials(scram())),
        repr(vars(build_faust_credentials(scram()))),
        repr(build_aiokafka_options(oauth(token))),
    ]

    assert [text for text in shown if "horse" in text] == []


def test_a_token_is_read_afresh_at_every_demand(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    blocking = build_kafka_python_options(oauth(file))["sasl_oauth_token_provider"]
    awaited = build_aiokafka_options(oauth(file))["sasl_oauth_token_provider"]
    fausts = build_faust_credentials(oauth(file)).oauth_cb
    before = (blocking.token(), asyncio.run(awaited.token()), asyncio.run(fausts.token()))
    file.write_text("second\n")
    after = (blocking.token(), asyncio.run(awaited.token()), asyncio.run(fausts.token()))

    assert before == ("first",) * 3
    assert after == ("second",) * 3


def test_an_empty_and_an_unnamed_token_file_fail_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")

    with pytest.raises(ConfigurationError, match=r"kafka\.token_file: .* is empty"):
        build_aiokafka_options(oauth(tmp_path / "token"))
    with pytest.raises(ConfigurationError, match="no token for OAUTHBEARER"):
        build_kafka_python_options(scram(mechanism=SaslMechanism.OAUTHBEARER))


def test_tls_always_verifies_name_and_chain(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    settings = KafkaSettings(
        servers="one:9093", security=KafkaSecurity.TLS, ca_file=tmp_path / "ca.pem"
    )
    options = build_kafka_python_options(settings)

    assert options["security_protocol"] == "SSL"
    assert options["ssl_context"].check_hostname
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert build_faust_credentials(settings).context.check_hostname


def test_a_ca_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    settings = KafkaSettings(servers="x:1", security="tls", ca_file=tmp_path / "ca.pem")

    with pytest.raises(ConfigurationError, match=r"kafka\.ca_file: .*ca\.pem .*not usable PEM"):
        build_kafka_python_options(settings)


def test_a_missing_key_file_is_named_and_not_the_certificate(tmp_path: Path) -> None:
    trustme.CA().issue_cert("worker").cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    settings = KafkaSettings(
        servers="x:1",
        security=KafkaSecurity.TLS,
        cert_file=tmp_path / "cert.pem",
        key_file=tmp_path / "key.pem",
    )

    with pytest.raises(ConfigurationError, match=r"kafka\.key_file: .*key\.pem"):
        build_aiokafka_options(settings)


def test_a_missing_library_names_the_extra_to_install() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install 'breachdesk\[kafka\]'"):
        import_extra("kafka_that_is_not_installed")
