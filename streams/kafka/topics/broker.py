"""Open the administrator's connection to Kafka (kafka-python), and observe our topics."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from schemas.errors import BreachDeskError, ConfigurationError, RetryableError
from schemas.settings import KafkaSettings
from streams.kafka.client_options import (
    WITH_SASL,
    build_kafka_python_options,
    build_tls_context,
    import_extra,
    list_servers,
)

ANSWER_SECONDS = 6.0
KNOCK_SECONDS = 3.0
CORRELATION = b"desk"
API_VERSIONS = struct.pack(">ihh4sh", 10, 18, 0, CORRELATION, -1)
"""Length, key, version, correlation id, no client id."""
NOT_KAFKA = "the port is open, but no Kafka listener answers in this way"
HOWTO = "See docs/howto/kafka.md."
_UNKNOWN_TOPIC = 3


@dataclass(frozen=True, slots=True)
class ObservedTopic:
    """One topic as the broker holds it."""

    topic_id: str
    """UUID, as text with dashes."""
    partitions: int
    replicas: int
    """Of the partition that has fewest."""
    in_sync: int
    """Of the partition that has fewest."""
    config: Mapping[str, str]
    """Every setting in force, the broker's defaults among them."""


@contextmanager
def open_admin_client(kafka: KafkaSettings, seconds: float = ANSWER_SECONDS) -> Iterator[Any]:
    """Open a kafka-python admin client and close it at the end; its errors become ours.

    Raises RetryableError if the broker does not answer, ConfigurationError if it refuses us."""
    errors = import_extra("kafka.errors")
    options = build_kafka_python_options(kafka)
    probe_broker(kafka)
    try:
        client = _connect(options, seconds)
        try:
            yield client
        finally:
            client.close()
    except errors.KafkaError as error:
        raise _translate_error(error, kafka, errors) from None


def observe(client: Any, names: Sequence[str]) -> dict[str, ObservedTopic]:
    """Return those of the named topics that exist."""
    described = [t for t in client.describe_topics(list(names)) if not _is_missing(t)]
    config = read_settings(client, [topic["name"] for topic in described])
    return {
        topic["name"]: _build_observed_topic(topic, config[topic["name"]]) for topic in described
    }


def read_settings(client: Any, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read every setting of each topic. Raises ConfigurationError if we may not read them: the
    broker then returns none."""
    if not names:
        return {}
    admin = import_extra("kafka.admin")
    resources = [admin.ConfigResource(admin.ConfigResourceType.TOPIC, name, None) for name in names]
    descriptions = client.describe_configs(resources, config_filter="all")["topic"]
    for name in names:
        if not descriptions.get(name):
            raise _build_forbidden(f"to read the settings of {name}", "DescribeConfigs")
    return {n: {key: c["value"] for key, c in descriptions[n].items()} for n in names}


def _is_missing(topic: Mapping[str, Any]) -> bool:
    code = topic["error_code"]
    if code in (0, _UNKNOWN_TOPIC):
        return bool(code)
    errors = import_extra("kafka.errors")
    kind = errors.for_code(code)
    if issubclass(kind, errors.AuthorizationError):
        raise _build_forbidden(f"to see {topic['name']}", "Describe")
    raise kind(topic["name"])


def _build_observed_topic(topic: Mapping[str, Any], config: Mapping[str, str]) -> ObservedTopic:
    partitions = topic["partitions"]
    return ObservedTopic(
        topic_id=str(topic["topic_id"]),
        partitions=len(partitions),
        replicas=min((len(p["replica_nodes"]) for p in partitions), default=0),
        in_sync=min((len(p["isr_nodes"]) for p in partitions), default=0),
        config=config,
    )


def _connect(options: dict[str, Any], seconds: float) -> Any:
    """Connect in two steps and close on failure, because the client's constructor connects and
    leaves a thread that retries for ever when that fails."""
    kind = import_extra("kafka.admin").KafkaAdminClient
    client = kind.__new__(kind)
    try:
        client.__init__(**options, bootstrap_timeout_ms=int(seconds * 1000))
    except BaseException:
        client._closed = not hasattr(client, "_net")  # noqa: SLF001 - `close` asks for nothing else
        client.close()
        raise
    return client


def _translate_error(error: Any, kafka: KafkaSettings, errors: Any) -> BreachDeskError:
    """Translate by the error's kind; its text repeats requests and is not passed on."""
    kind = type(error).__name__
    if isinstance(error, errors.SaslAuthenticationFailedError):
        return _build_refused(kafka, "refuses these credentials at sign-in")
    if isinstance(error, errors.UnsupportedSaslMechanismError | errors.IllegalSaslStateError):
        return _build_refused(kafka, "does not offer this mechanism at sign-in")
    if isinstance(error, errors.AuthorizationError):
        return _build_forbidden(f"this ({kind})", "what docs/howto/kafka.md lists")
    if isinstance(error, errors.KafkaTimeoutError | errors.KafkaConnectionError):
        # Somebody there has just told the API versions: what failed is what came after.
        if kafka.security in WITH_SASL:
            return _build_refused(kafka, "closes the connection at sign-in")
        return _build_unreachable(kafka, NOT_KAFKA)
    return RetryableError(f"Kafka answers {kind}", place=kafka.servers, remedy="Try again later.")


def _build_refused(kafka: KafkaSettings, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"Kafka {what} ({kafka.mechanism.value.upper()})",
        place=kafka.servers,
        remedy=f"Check kafka.mechanism, kafka.username and the password or token file. {HOWTO}",
    )


def _build_forbidden(what: str, operation: str) -> ConfigurationError:
    return ConfigurationError(
        f"Kafka does not allow this principal {what}",
        place="kafka.username",
        remedy=f"Give it the ACL {operation}. {HOWTO}",
    )


def probe_broker(kafka: KafkaSettings) -> None:
    """Check that a server answers and that its certificate is trusted. The client itself retries
    for its whole time, does not distinguish a closed port from a wrong certificate, and leaves its
    sockets open.

    Raises RetryableError if no server answers, ConfigurationError if its certificate is not
    trusted."""
    context = build_tls_context(kafka)
    for server in list_servers(kafka):
        host, _, port = server.rpartition(":")
        try:
            _probe_server(host.strip("[]"), int(port), context)
        except ssl.SSLCertVerificationError as error:
            fault = f"Kafka's certificate is not trusted: {error.verify_message}"
            raise _build_tls_fault(kafka, fault) from None
        except ssl.SSLError as error:
            raise _build_tls_fault(
                kafka, f"no TLS with Kafka on this port ({error.reason})"
            ) from None
        except ValueError:
            raise _build_no_port(server) from None
        except EOFError:
            raise _build_unreachable(kafka, NOT_KAFKA) from None
        except OSError:
            continue
        return
    raise _build_unreachable(kafka, "nobody answers there")


def _probe_server(host: str, port: int, context: ssl.SSLContext | None) -> None:
    """Asks for the API versions, which Kafka tells anybody before they sign in."""
    with socket.create_connection((host, port), timeout=KNOCK_SECONDS) as plain:
        if context is None:
            _ask_versions(plain)
            return
        with context.wrap_socket(plain, server_hostname=host) as wrapped:
            _ask_versions(wrapped)


def _ask_versions(line: socket.socket) -> None:
    """Raises EOFError when what comes back is not Kafka's answer."""
    try:
        line.sendall(API_VERSIONS)
        with line.makefile("rb") as answer:
            if answer.read(8)[4:] == CORRELATION:
                return
    except (TimeoutError, ConnectionError) as error:
        raise EOFError from error
    raise EOFError


def _build_no_port(server: str) -> ConfigurationError:
    return ConfigurationError(
        f"{server!r} is not host:port", place="kafka.servers", remedy="Write it as host:port."
    )


def _build_tls_fault(kafka: KafkaSettings, problem: str) -> ConfigurationError:
    return ConfigurationError(
        problem,
        place=kafka.servers,
        remedy=f"Check kafka.security, ca_file, cert_file and the name in kafka.servers. {HOWTO}",
    )


def _build_unreachable(kafka: KafkaSettings, problem: str) -> RetryableError:
    return RetryableError(
        problem,
        place=kafka.servers,
        remedy="Start Kafka, or mend kafka.servers and kafka.security; then try again.",
    )
