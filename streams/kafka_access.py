"""How a client reaches Kafka: from KafkaSettings to what kafka-python, aiokafka and Faust take.

Secrets are read when the options are made (tokens: at every demand) and are never shown. At DEBUG
the clients write their options, and kafka-python every byte it sends (passwords, tokens, records),
to the log: a password hides itself, and their loggers are kept at INFO.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from importlib import import_module
from pathlib import Path
from typing import Any

from schemas.errors import Misconfigured
from schemas.settings import KafkaSecurity, KafkaSettings, SaslMechanism

PROTOCOLS = {
    KafkaSecurity.PLAINTEXT: "PLAINTEXT",
    KafkaSecurity.TLS: "SSL",
    KafkaSecurity.SASL_PLAINTEXT: "SASL_PLAINTEXT",
    KafkaSecurity.SASL_TLS: "SASL_SSL",
}
OVER_TLS = {KafkaSecurity.TLS, KafkaSecurity.SASL_TLS}
WITH_SASL = {KafkaSecurity.SASL_PLAINTEXT, KafkaSecurity.SASL_TLS}


def kafka_python_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments of kafka-python's clients: servers and everything of security.

    Raises Misconfigured naming key and file when something is missing or unreadable."""
    return _options(settings, oauth=_blocking_tokens)


def aiokafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments of aiokafka's clients; raises as `kafka_python_options`."""
    return _options(settings, oauth=_awaited_tokens)


def faust_credentials(settings: KafkaSettings) -> Any:
    """For Faust's `broker_credentials`; None for PLAINTEXT. Raises as `kafka_python_options`.

    The context is always ours: faust.SSLCredentials() cannot make one (it passes no purpose)."""
    if settings.security is KafkaSecurity.PLAINTEXT:
        return None
    keep_records_out_of_logs()
    auth = extra("faust.auth")
    context = tls_context(settings)
    if settings.security is KafkaSecurity.TLS:
        return auth.SSLCredentials(context=context)
    if settings.mechanism is SaslMechanism.OAUTHBEARER:
        return auth.OAuthCredentials(oauth_cb=_awaited_tokens(settings), ssl_context=context)
    return auth.SASLCredentials(
        username=_username(settings),
        password=kafka_password(settings),
        ssl_context=context,
        mechanism=settings.mechanism.value.upper(),
    )


def extra(module: str) -> Any:
    """A module of the extra `kafka`. Raises Misconfigured naming the extra when it is missing."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"the Python module {error.name} is not installed",
            place="kafka.servers",
            remedy="Install it with: pip install 'breachdesk[kafka]'.",
        ) from None


def tls_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Verifies the broker's name and chain; None when the connection has no TLS."""
    if settings.security not in OVER_TLS:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _unreadable("kafka.ca_file", settings.ca_file, error) from None
    if settings.cert_file:
        _load_own_certificate(context, settings.cert_file, settings.key_file)
    return context


def kafka_password(settings: KafkaSettings) -> str:
    """From `password`, else from `password_file` without its line end; hides itself in repr."""
    given = settings.password.get_secret_value()
    if not given and settings.password_file:
        given = _read("kafka.password_file", settings.password_file).rstrip("\r\n")
    if not given:
        raise Misconfigured(
            f"no password for {settings.mechanism.value.upper()}",
            place="kafka.password",
            remedy="Set BREACHDESK_KAFKA__PASSWORD, or kafka.password_file.",
        )
    return Veiled(given)


class Veiled(str):
    """A secret that shows dots where a client writes its options to a log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


def _options(settings: KafkaSettings, *, oauth: Any) -> dict[str, Any]:
    keep_records_out_of_logs()
    options: dict[str, Any] = {
        "bootstrap_servers": servers(settings),
        "security_protocol": PROTOCOLS[settings.security],
    }
    context = tls_context(settings)
    if context is not None:
        options["ssl_context"] = context
    if settings.security in WITH_SASL:
        options["sasl_mechanism"] = settings.mechanism.value.upper()
        options |= _identity(settings, oauth)
    return options


def keep_records_out_of_logs() -> None:
    """Whatever level the rest of the program logs at."""
    for name in ("kafka", "aiokafka"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))


def servers(settings: KafkaSettings) -> list[str]:
    """`host:port` of each. Raises Misconfigured when none is named."""
    named = [part.strip() for part in settings.servers.split(",") if part.strip()]
    if not named:
        raise Misconfigured(
            "no Kafka is configured",
            place="kafka.servers",
            remedy="Set BREACHDESK_KAFKA__SERVERS=host:port.",
        )
    return named


def _identity(settings: KafkaSettings, oauth: Any) -> dict[str, Any]:
    if settings.mechanism is SaslMechanism.OAUTHBEARER:
        return {"sasl_oauth_token_provider": oauth(settings)}
    return {
        "sasl_plain_username": _username(settings),
        "sasl_plain_password": kafka_password(settings),
    }


def _username(settings: KafkaSettings) -> str:
    if not settings.username:
        raise Misconfigured(
            f"no user name for {settings.mechanism.value.upper()}",
            place="kafka.username",
            remedy="Set BREACHDESK_KAFKA__USERNAME.",
        )
    return settings.username


def _load_own_certificate(context: ssl.SSLContext, cert: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(cert, key, password=_refuse_passphrase)
    except (OSError, ssl.SSLError) as error:
        _read("kafka.cert_file", cert)
        if key:
            _read("kafka.key_file", key)
        raise _unreadable("kafka.cert_file", cert, error) from None


def _refuse_passphrase() -> str:
    """OpenSSL would otherwise ask on the terminal and a service would hang."""
    raise Misconfigured(
        "the private key is protected by a passphrase",
        place="kafka.key_file",
        remedy="Give a key without one, readable by the service's user only.",
    )


def _blocking_tokens(settings: KafkaSettings) -> Any:
    abstract = extra("kafka.net.sasl.oauth").AbstractTokenProvider
    file = _token_file(settings)
    return type("FileTokens", (abstract,), {"token": lambda _: token_in(file)})()


def _awaited_tokens(settings: KafkaSettings) -> Any:
    abstract = extra("aiokafka.abc").AbstractTokenProvider
    file = _token_file(settings)

    async def token(_: Any) -> str:
        return await asyncio.to_thread(token_in, file)

    return type("FileTokens", (abstract,), {"token": token})()


def _token_file(settings: KafkaSettings) -> Path:
    """Where the token is, read once so that a wrong path fails before anything starts."""
    if settings.token_file is None:
        raise Misconfigured(
            "no token for OAUTHBEARER",
            place="kafka.token_file",
            remedy="Name the file that your token issuer renews.",
        )
    token_in(settings.token_file)
    return settings.token_file


def token_in(file: Path) -> str:
    """The token as the file holds it now."""
    token = _read("kafka.token_file", file).strip()
    if not token:
        raise Misconfigured(
            f"{file} is empty", place="kafka.token_file", remedy="Have its issuer write a token."
        )
    return Veiled(token)


def _read(key: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(key, file, error) from None


def _unreadable(key: str, file: Path | None, error: Exception) -> Misconfigured:
    """Names key, file and the kind of fault; never what the file holds."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    if isinstance(error, ssl.SSLError):
        reason = f"not usable PEM ({error.reason})" if error.reason else "not usable PEM"
    return Misconfigured(
        f"{file} cannot be read: {reason or type(error).__name__}",
        place=key,
        remedy="Check the path, its permissions and its content.",
    )
