"""SASL, TLS and ACLs on a real Kafka: both clients produce and consume, and no error tells a
secret."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from servers.ports import find_free_port
from services import private_kafka

from schemas.errors import ConfigurationError, RetryableError
from schemas.settings import KafkaSettings, Settings, SourceSettings
from streams.kafka.client_options import (
    build_aiokafka_options,
    build_faust_credentials,
    build_kafka_python_options,
    import_extra,
)
from streams.kafka.topics import build_source_topic, check_topics, create_topics, require_topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SECRET = "correct-horse-battery"
SECURITY = "org.apache.kafka.common.security"
UNSECURED = f"{SECURITY}.oauthbearer.internals.unsecured.OAuthBearerUnsecured"
LOGIN = f"{SECURITY}.oauthbearer.OAuthBearerLoginModule required"


@dataclass(frozen=True)
class Secured:
    """A broker: CLIENT is SASL over TLS, MUTUAL is TLS with client certificates."""

    sasl: str
    mutual: str
    internal: str
    folder: Path


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("certificates")
    certificates(folder)
    mutual = find_free_port()
    with private_kafka(properties(folder, mutual)) as kafka:
        secured = Secured(kafka.address, f"127.0.0.1:{mutual}", kafka.internal, folder)
        with KafkaAdminClient(bootstrap_servers=kafka.internal) as admin:
            add_users(admin)
            create_topics(our_settings(folder, servers=kafka.internal))
        yield secured


def certificates(folder: Path) -> None:
    ca, stranger = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    own = ca.issue_cert("127.0.0.1")
    client = ca.issue_cert("worker.example", common_name="worker")
    client.cert_chain_pems[0].write_to_path(folder / "worker.pem")
    client.private_key_pem.write_to_path(folder / "worker.key")
    chain = b"".join(pem.bytes() for pem in own.cert_chain_pems)
    (folder / "broker.pem").write_bytes(pkcs8(own.private_key_pem.bytes()) + chain)


def pkcs8(key: bytes) -> bytes:
    """Java reads no other."""
    private = load_pem_private_key(key, None)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def properties(folder: Path, mutual: int) -> dict[str, str]:
    where = "CLIENT://127.0.0.1:{port},INTERNAL://127.0.0.1:{internal},"
    where += f"MUTUAL://127.0.0.1:{mutual}"
    client = "listener.name.client."
    return {
        "listeners": where + ",CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": where,
        "listener.security.protocol.map": "CLIENT:SASL_SSL,INTERNAL:PLAINTEXT,MUTUAL:SSL,"
        "CONTROLLER:PLAINTEXT",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:CN=worker;User:worker",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "ca.pem"),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^.*CN=(.*?)(,.*)?$/CN=$1/",
        f"{client}sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
        f"{client}scram-sha-256.sasl.jaas.config": f"{SECURITY}.scram.ScramLoginModule required;",
        f"{client}scram-sha-512.sasl.jaas.config": f"{SECURITY}.scram.ScramLoginModule required;",
        f"{client}plain.sasl.jaas.config": f"{SECURITY}.plain.PlainLoginModule required "
        f'user_worker="{SECRET}";',
        f"{client}oauthbearer.sasl.jaas.config": f'{LOGIN} unsecuredLoginStringClaim_sub="kafka";',
        f"{client}oauthbearer.sasl.login.callback.handler.class": f"{UNSECURED}LoginCallbackHandler",
        f"{client}oauthbearer.sasl.server.callback.handler.class": f"{UNSECURED}"
        "ValidatorCallbackHandler",
    }


def add_users(admin: KafkaAdminClient) -> None:
    """One request a mechanism: Kafka takes each user once in a request."""
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
        users = [UserScramCredentialUpsertion(u, mechanism, SECRET) for u in ("worker", "shipper")]
        assert admin.alter_user_scram_credentials(users) == {"worker": None, "shipper": None}


def our_settings(folder: Path, **kafka: Any) -> Settings:
    return Settings(
        data_dir=folder,
        kafka=KafkaSettings.model_validate({"prefix": "s.", "partitions": 1, **kafka}),
        sources=(SourceSettings(name="fw"),),
    )


def sasl(broker: Secured, mechanism: str = "scram-sha-512", **changes: Any) -> Settings:
    fields = {
        "servers": broker.sasl,
        "security": "sasl_tls",
        "mechanism": mechanism,
        "username": "worker",
        "password": SECRET,
        "ca_file": broker.folder / "ca.pem",
    }
    return our_settings(broker.folder, **(fields | changes))


def mutual(broker: Secured) -> Settings:
    return our_settings(
        broker.folder,
        servers=broker.mutual,
        security="tls",
        ca_file=broker.folder / "ca.pem",
        cert_file=broker.folder / "worker.pem",
        key_file=broker.folder / "worker.key",
    )


def bearer(broker: Secured, subject: str = "worker", seconds: float = 600) -> Settings:
    file = broker.folder / f"token-{subject}-{seconds}"
    file.write_text(unsecured_token(subject, seconds) + "\n")
    return sasl(broker, "oauthbearer", username="", password="", token_file=file)


def unsecured_token(subject: str, seconds: float) -> str:
    """RFC 7515 section A.5: a JWS that nobody signed."""
    now = time.time()
    claims = {"sub": subject, "iat": now - 1000, "exp": now + seconds}
    return ".".join([*(encoded(part) for part in ({"alg": "none"}, claims)), ""])


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


WAYS = ["scram-sha-256", "scram-sha-512", "plain", "oauthbearer", "mutual"]


def by_way(broker: Secured, way: str) -> Settings:
    if way == "mutual":
        return mutual(broker)
    return bearer(broker) if way == "oauthbearer" else sasl(broker, way)


def blocking_round(options: dict[str, Any], line: bytes) -> bytes:
    topic = "s.raw.fw"
    with KafkaProducer(**options) as producer:
        sent = producer.send(topic, line).get(timeout=60)
    consumer = KafkaConsumer(**options, consumer_timeout_ms=20_000)
    try:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek(TopicPartition(topic, 0), sent.offset)
        return bytes(next(consumer).value)
    finally:
        consumer.close()


async def awaited_round(options: dict[str, Any], line: bytes) -> bytes:
    topic = import_extra("aiokafka").TopicPartition("s.raw.fw", 0)
    async with AIOKafkaProducer(**options) as producer:
        sent = await producer.send_and_wait(topic.topic, line)
    async with AIOKafkaConsumer(**options) as consumer:
        consumer.assign([topic])
        consumer.seek(topic, sent.offset)
        record = await asyncio.wait_for(consumer.getone(), 20)
    return bytes(record.value)


@pytest.mark.parametrize("way", WAYS)
def test_kafka_python_produces_and_consumes(broker: Secured, way: str) -> None:
    line = f"kafka-python by {way}".encode()

    assert blocking_round(build_kafka_python_options(by_way(broker, way).kafka), line) == line


@pytest.mark.parametrize("way", WAYS)
async def test_aiokafka_produces_and_consumes(broker: Secured, way: str) -> None:
    line = f"aiokafka by {way}".encode()

    assert await awaited_round(build_aiokafka_options(by_way(broker, way).kafka), line) == line


@pytest.mark.parametrize("way", WAYS)
async def test_what_faust_makes_of_our_credentials_connects(broker: Secured, way: str) -> None:
    settings = by_way(broker, way)
    driver = import_extra("faust.transport.drivers.aiokafka")
    options = driver.credentials_to_aiokafka_auth(build_faust_credentials(settings.kafka))
    line = f"faust by {way}".encode()

    assert (
        await awaited_round(options | {"bootstrap_servers": settings.kafka.servers}, line) == line
    )


@pytest.mark.parametrize("way", WAYS)
def test_topics_are_checked_over_every_way(broker: Secured, way: str) -> None:
    settings = by_way(broker, way)
    require_topics(settings)

    assert [f for f in check_topics(settings) if f.wrong] == []


def refusal(settings: Settings, caplog: pytest.LogCaptureFixture) -> str:
    """What is said and logged, in full, when the broker does not let us in."""
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError) as refused:
        check_topics(settings)
    return f"{refused.value!r} {refused.value} {caplog.text}"


def test_a_wrong_password_is_said_without_any_password(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    text = refusal(sasl(broker, password="wrong-pony-cell"), caplog)

    assert "at sign-in (SCRAM-SHA-512)" in text
    assert "pony" not in text
    assert "horse" not in text


def test_a_wrong_plain_password_is_not_in_the_clients_debug_log_either(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    text = refusal(sasl(broker, "plain", password="wrong-pony-cell"), caplog)

    assert "at sign-in (PLAIN)" in text
    assert "pony" not in text


@pytest.mark.parametrize("mechanism", ["scram-sha-512", "plain"])
async def test_aiokafka_tells_no_wrong_password_either(
    broker: Secured, caplog: pytest.LogCaptureFixture, mechanism: str
) -> None:
    settings = sasl(broker, mechanism, password="wrong-pony-cell")
    producer = AIOKafkaProducer(**build_aiokafka_options(settings.kafka))
    with caplog.at_level(logging.DEBUG), pytest.raises(KafkaConnectionError) as refused:
        await producer.start()
    await producer.stop()

    assert "Authentication failed" in caplog.text
    assert "pony" not in f"{refused.value!r} {caplog.text}"


def test_an_outlived_token_is_refused_and_not_shown(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    settings = bearer(broker, seconds=-300)
    token = settings.kafka.token_file.read_text().strip() if settings.kafka.token_file else ""
    text = refusal(settings, caplog)

    assert "at sign-in (OAUTHBEARER)" in text
    assert token
    assert token not in text


def test_a_strangers_certificate_is_refused_by_name(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    text = refusal(sasl(broker, ca_file=broker.folder / "stranger.pem"), caplog)

    assert "Kafka's certificate is not trusted" in text
    assert "ca_file" in text


def test_a_client_certificate_that_is_missing_is_asked_for(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    kafka = mutual(broker).kafka.model_copy(update={"cert_file": None, "key_file": None})
    text = refusal(mutual(broker).model_copy(update={"kafka": kafka}), caplog)

    assert "BAD_CERTIFICATE" in text
    assert "cert_file" in text


def test_another_host_s_certificate_is_refused(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    other = sasl(broker, servers=broker.sasl.replace("127.0.0.1", "localhost"))
    text = refusal(other, caplog)

    assert "Hostname mismatch" in text


def test_tls_spoken_to_a_plain_port_says_so(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    text = refusal(sasl(broker, servers=broker.internal), caplog)

    assert "no TLS with Kafka on this port" in text


def test_plain_text_spoken_to_a_tls_port_is_no_answer(broker: Secured) -> None:
    plain = our_settings(broker.folder, servers=broker.sasl)

    with pytest.raises(
        RetryableError, match=r"no Kafka listener answers in this way.*kafka\.security"
    ):
        check_topics(plain)


def test_a_principal_without_rights_is_told_which_acl_it_lacks(
    broker: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    text = refusal(bearer(broker, subject="nobody"), caplog)

    assert "Give it the ACL Describe" in text


def test_a_shippers_rights_are_enough_to_write_and_are_reported(broker: Secured) -> None:
    settings = sasl(broker, username="shipper")
    topic = build_source_topic(settings.kafka, "fw")
    with KafkaAdminClient(bootstrap_servers=broker.internal) as admin:
        for operation in (ACLOperation.WRITE, ACLOperation.DESCRIBE):
            allow(admin, "User:shipper", operation, "s.raw")
    report = [f.problem for f in check_topics(mutual(broker)) if f.what == "acl"]
    with KafkaProducer(**build_kafka_python_options(settings.kafka)) as producer:
        sent = producer.send(topic, b"line").get(timeout=60)

    assert report == ["User:shipper may DESCRIBE, WRITE on topic s.raw*"]
    assert sent.topic == topic
    with pytest.raises(ConfigurationError, match="Give it the ACL Describe"):
        check_topics(settings)


def allow(admin: KafkaAdminClient, principal: str, operation: ACLOperation, prefix: str) -> None:
    pattern = ResourcePattern(ResourceType.TOPIC, prefix, ACLResourcePatternType.PREFIXED)
    acls = admin.create_acls([ACL(principal, "*", operation, ACLPermissionType.ALLOW, pattern)])
    assert acls["failed"] == []
