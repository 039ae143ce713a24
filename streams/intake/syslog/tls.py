"""Authenticate senders of syslog over TLS (RFC 5425), and re-read certificates when their files change.

A handshake takes its turns in the listener's loop and never waits. TLS is 1.2 or newer, without
renegotiation. No session tickets are sent: a sender that never reads would reset its connection when
it closes it, and with it what it sent last."""

from __future__ import annotations

import hashlib
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Any

from schemas.errors import ConfigurationError
from schemas.settings import ClientCertificates, SyslogTlsSettings

LOOK_SECONDS = 5.0
"""How often the files are looked at."""
_MODES = {
    ClientCertificates.NONE: ssl.CERT_NONE,
    ClientCertificates.OPTIONAL: ssl.CERT_OPTIONAL,
    ClientCertificates.REQUIRED: ssl.CERT_REQUIRED,
    ClientCertificates.LISTED: ssl.CERT_REQUIRED,
}
_DIGESTS = {"sha-1": hashlib.sha1, "sha-256": hashlib.sha256}
_NO_TLS = frozenset(
    {"HTTP_REQUEST", "WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTPS_PROXY_REQUEST"}
)
_OLD = frozenset({"UNSUPPORTED_PROTOCOL", "NO_SHARED_CIPHER", "VERSION_TOO_LOW"})

logger = logging.getLogger("breachdesk.syslog")


class TlsFault(StrEnum):
    """Why a connection was closed, as a blind interval says it."""

    NO_CERTIFICATE = "the sender has no certificate"
    EXPIRED = "the certificate of the sender has expired or is not valid yet"
    NOT_TRUSTED = "no authority that the settings name issued the certificate of the sender"
    NOT_LISTED = "the settings do not list the certificate of the sender"
    NO_TLS = "what came was not TLS"
    OLD = "the sender offers no TLS 1.2 or newer"
    SLOW = "the handshake took too long"
    BROKEN = "the handshake failed or the connection broke"


class TlsRefused(Exception):
    """The connection is to be closed."""

    def __init__(self, fault: TlsFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class TlsServer:
    """The server's side of all connections. Only `request_reload` may be called by another thread."""

    def __init__(self, settings: SyslogTlsSettings) -> None:
        """Read the files. Raises ConfigurationError when they cannot be used."""
        self._settings = settings
        self._senders = {_normalise_name(name): source for name, source in settings.senders.items()}
        self._asked = Event()
        self._looked = time.monotonic()
        self._state = self._read_state()
        self._context = self._load()
        self.trouble: str | None = None
        """Why the present certificate is not the one in the files."""

    def wrap(self, accepted: socket.socket) -> ssl.SSLSocket:
        """Wrap an accepted socket that does not block; the handshake is still to be made."""
        return self._context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)

    def shake_hands(self, accepted: ssl.SSLSocket) -> str | None:
        """Go on with the handshake; return the source that the certificate names, if it names one.

        Raises ssl.SSLWantReadError while the sender has more to say, and TlsRefused."""
        try:
            accepted.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except (OSError, ValueError) as error:
            raise TlsRefused(_find_fault(error)) from error
        source = self._find_source(accepted)
        if source is None and self._settings.client_certificates is ClientCertificates.LISTED:
            raise TlsRefused(TlsFault.NOT_LISTED)
        return source

    def _find_source(self, accepted: ssl.SSLSocket) -> str | None:
        der = accepted.getpeercert(binary_form=True)
        if der is None:
            return None
        for name, digest in _DIGESTS.items():
            source = self._senders.get(f"{name}:{digest(der).hexdigest()}")
            if source is not None:
                return source
        names = _list_names(accepted.getpeercert() or {})
        return next((self._senders[name] for name in names if name in self._senders), None)

    def request_reload(self) -> None:
        """Read the files again soon, even if they look unchanged."""
        self._asked.set()

    def reload_if_changed(self) -> None:
        """Read the files again when they have changed. Files that cannot be used change nothing: the
        former certificate stays, `trouble` says why, and they are tried again."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS and not self._asked.is_set():
            return
        self._looked = now
        state = self._read_state()
        if state == self._state and not self._asked.is_set() and self.trouble is None:
            return
        self._asked.clear()
        try:
            self._context = self._load()
        except ConfigurationError as error:
            if self.trouble is None:
                logger.warning("the syslog TLS certificate was not read again: %s", error)
            self.trouble = str(error)
            return
        self._state, self.trouble = state, None
        logger.info("the syslog TLS certificate was read again")

    def _load(self) -> ssl.SSLContext:
        settings = self._settings
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        context.num_tickets = 0
        context.verify_mode = _MODES[settings.client_certificates]
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a sender's own one in `ca_file`
        try:
            if settings.cert_file is not None:
                context.load_cert_chain(settings.cert_file, settings.key_file, lambda: b"")
            if settings.ca_file is not None:
                context.load_verify_locations(settings.ca_file)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"syslog over TLS cannot use its certificate files ({_describe(error)}).",
                place="intake.syslog_tls",
                remedy="Name PEM files that this process may read: the certificate with its chain,"
                " its private key without a passphrase, and the authorities of the senders.",
            ) from error
        return context

    def _read_state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_read_file_state(file) for file in self._list_files())

    def _list_files(self) -> Iterator[Path]:
        settings = self._settings
        for file in (settings.cert_file, settings.key_file, settings.ca_file):
            if file is not None:
                yield file


def _read_file_state(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _describe(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return (getattr(error, "strerror", None) or "not PEM").lower()


def _find_fault(error: Exception) -> TlsFault:
    """Find out of OpenSSL's error why a handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        is_time = error.verify_code in (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, …_HAS_EXPIRED
        return TlsFault.EXPIRED if is_time else TlsFault.NOT_TRUSTED
    reason = getattr(error, "reason", None)
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return TlsFault.NO_CERTIFICATE
    if reason in _NO_TLS:
        return TlsFault.NO_TLS
    return TlsFault.OLD if reason in _OLD else TlsFault.BROKEN


def _list_names(certificate: dict[str, Any]) -> list[str]:
    """List the names in a certificate: the alternative ones, else the common name (RFC 6125)."""
    alternatives = certificate.get("subjectAltName", ())
    names = [value for kind, value in alternatives if kind in {"DNS", "IP Address"}]
    if not names:
        names = [
            value
            for part in certificate.get("subject", ())
            for kind, value in part
            if kind == "commonName"
        ]
    return [name.casefold() for name in names]


def _normalise_name(name: str) -> str:
    """Bring a fingerprint to the form `sha-256:abcd…`, and a name to small letters."""
    lowered = name.strip().casefold()
    kind, colon, digits = lowered.partition(":")
    if colon and kind.replace("-", "") in {"sha1", "sha256"}:
        return f"sha-{kind.replace('-', '')[3:]}:{digits.replace(':', '')}"
    return lowered
