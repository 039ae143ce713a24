"""Convert KafkaSettings to options of kafka-python, aiokafka and Faust.

Secrets are read when the options are made (tokens: at every demand) and are never shown. At DEBUG
the clients write their options, and kafka-python every byte it sends (passwords, tokens, records),
to the log: a password hides itself, and their loggers are kept at INFO."""

from __future__ import annotations

import asyncio
import logging
import ssl
from importlib import import_module
from pathlib import Path
from typing import Any

from schemas.errors import ConfigurationError
from schemas.settings import KafkaSecurity, KafkaSettings, SaslMechanism

PROTOCOLS = {
    KafkaSecurity.PLAINTEXT: "PLAINTEXT",
    KafkaSecurity.TLS: "SSL",
    KafkaSecurity.SASL_PLAINTEXT: "SASL_PLAINTEXT",
    KafkaSecurity.SASL_TLS: "SASL_SSL",
}
OVER_TLS = {KafkaSecurity.TLS, KafkaSecurity.SASL_TLS}
WITH_SASL = {KafkaSecurity.SASL_PLAINTEXT, KafkaSecurity.SASL_TLS}


def build_kafka_python_options(settings: KafkaSettings) -> dict[str, Any]:
    """Build keyword arguments of kafka-python's clients: servers and all of security.

    Raises ConfigurationError naming key and file if something is missing or unreadable."""
    return _build_options(settings, oauth=_build_blocking_tokens)


def build_aiokafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """Build keyword arguments of aiokafka's clients; raises like `build_kafka_python_options`."""
    return _build_options(settings, oauth=_build_awaited_tokens)


def build_faust_credentials(settings: KafkaSettings) -> Any:
    """Build Faust's `broker_credentials`, or None for PLAINTEXT. Raises like
    `build_kafka_python_options`.

    The context is always ours: faust.SSLCredentials() cannot make one (it passes no purpose)."""
    if settings.security is KafkaSecurity.PLAINTEXT:
        return None
    keep_records_out_of_logs()
    auth = import_extra("faust.auth")
    context = build_tls_context(settings)
    if settings.security is KafkaSecurity.TLS:
        return auth.SSLCredentials(context=context)
    if settings.mechanism is SaslMechanism.OAUTHBEARER:
        return auth.OAuthCredentials(oauth_cb=_build_awaited_tokens(settings), ssl_context=context)
    return auth.SASLCredentials(
        username=_require_username(settings),
        password=read_kafka_password(settings),
        ssl_context=context,
        mechanism=settings.mechanism.value.upper(),
    )


def import_extra(module: str) -> Any:
    """Import a module of the extra `kafka`. Raises ConfigurationError naming the extra if it is
    missing."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the Python module {error.name} is not installed",
            place="kafka.servers",
            remedy="Install it with: pip install 'breachdesk[kafka]'.",
        ) from None


def build_tls_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Verifies the broker's name and chain; None when the connection has no TLS."""
    if settings.security not in OVER_TLS:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise _build_unreadable("kafka.ca_file", settings.ca_file, error) from None
    if settings.cert_file:
        _load_own_certificate(context, settings.cert_file, settings.key_file)
    return context


def read_kafka_password(settings: KafkaSettings) -> str:
    """Read the password from `password`, else from `password_file` without its line end; it hides
    itself in repr."""
    password = settings.password.get_secret_value()
    if not password and settings.password_file:
        password = _read("kafka.password_file", settings.password_file).rstrip("\r\n")
    if not password:
        raise ConfigurationError(
            f"no password for {settings.mechanism.value.upper()}",
            place="kafka.password",
            remedy="Set BREACHDESK_KAFKA__PASSWORD, or kafka.password_file.",
        )
    return MaskedSecret(password)


class MaskedSecret(str):
    """A secret that shows dots where a client writes its options to a log."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


def _build_options(settings: KafkaSettings, *, oauth: Any) -> dict[str, Any]:
    keep_records_out_of_logs()
    options: dict[str, Any] = {
        "bootstrap_servers": list_servers(settings),
        "security_protocol": PROTOCOLS[settings.security],
    }
    context = build_tls_context(settings)
    if context is not None:
        options["ssl_context"] = context
    if settings.security in WITH_SASL:
        options["sasl_mechanism"] = settings.mechanism.value.upper()
        options |= _build_identity(settings, oauth)
    return options


def keep_records_out_of_logs() -> None:
    """Keep the clients' loggers at INFO, whatever level the rest of the program logs at."""
    for name in ("kafka", "aiokafka"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))


def list_servers(settings: KafkaSettings) -> list[str]:
    """List `host:port` of each server. Raises ConfigurationError if there is none."""
    named = [part.strip() for part in settings.servers.split(",") if part.strip()]
    if not named:
        raise ConfigurationError(
            "no Kafka is configured",
            place="kafka.servers",
            remedy="Set BREACHDESK_KAFKA__SERVERS=host:port.",
        )
    return named


def _build_identity(settings: KafkaSettings, oauth: Any) -> dict[str, Any]:
    if settings.mechanism is SaslMechanism.OAUTHBEARER:
        return {"sasl_oauth_token_provider": oauth(settings)}
    return {
        "sasl_plain_username": _require_username(settings),
        "sasl_plain_password": read_kafka_password(settings),
    }


def _require_username(settings: KafkaSettings) -> str:
    if not settings.username:
        raise ConfigurationError(
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
        raise _build_unreadable("kafka.cert_file", cert, error) from None


def _refuse_passphrase() -> str:
    """Refuse to prompt: otherwise OpenSSL asks on the terminal and a service hangs."""
    raise ConfigurationError(
        "the private key is protected by a passphrase",
        place="kafka.key_file",
        remedy="Give a key without one, readable by the service's user only.",
    )


def _build_blocking_tokens(settings: KafkaSettings) -> Any:
    abstract = import_extra("kafka.net.sasl.oauth").AbstractTokenProvider
    file = _check_token_file(settings)
    return type("FileTokens", (abstract,), {"token": lambda _: read_token(file)})()


def _build_awaited_tokens(settings: KafkaSettings) -> Any:
    abstract = import_extra("aiokafka.abc").AbstractTokenProvider
    file = _check_token_file(settings)

    async def read_token_async(_: Any) -> str:
        return await asyncio.to_thread(read_token, file)

    return type("FileTokens", (abstract,), {"token": read_token_async})()


def _check_token_file(settings: KafkaSettings) -> Path:
    """Return the token's file after reading it once, so that a wrong path fails before anything
    starts."""
    if settings.token_file is None:
        raise ConfigurationError(
            "no token for OAUTHBEARER",
            place="kafka.token_file",
            remedy="Name the file that your token issuer renews.",
        )
    read_token(settings.token_file)
    return settings.token_file


def read_token(file: Path) -> str:
    """Read the token that the file holds now."""
    token = _read("kafka.token_file", file).strip()
    if not token:
        raise ConfigurationError(
            f"{file} is empty", place="kafka.token_file", remedy="Have its issuer write a token."
        )
    return MaskedSecret(token)


def _read(key: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _build_unreadable(key, file, error) from None


def _build_unreadable(key: str, file: Path | None, error: Exception) -> ConfigurationError:
    """Build the error with key, file and the kind of fault, never the file's content."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else ""
    if isinstance(error, ssl.SSLError):
        reason = f"not usable PEM ({error.reason})" if error.reason else "not usable PEM"
    return ConfigurationError(
        f"{file} cannot be read: {reason or type(error).__name__}",
        place=key,
        remedy="Check the path, its permissions and its content.",
    )
