"""Syslog over TLS (RFC 5425) on loopback, with senders that mean harm."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from pydantic import ValidationError

from schemas.errors import ConfigurationError
from schemas.settings import IntakeSettings
from streams.event_logs.sqlite import SqliteEventLog
from streams.intake.syslog import tls
from streams.intake.syslog.listener import SyslogListener
from streams.intake.syslog.tls import TlsFault

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOST = "127.0.0.1"
LINE = b"<13>Nov 21 12:00:00 fw1 sshd[7]: the line that counts"
COUNTED = b"%d %s" % (len(LINE), LINE)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not happen in two minutes"
        time.sleep(0.01)


class Clock:
    """Goes on by a tenth of a second whenever it is asked: intervals end."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        self.time += timedelta(seconds=0.1)
        return self.time


@dataclass
class CountingMeter:
    open: int = 0
    closed: list[str] = field(default_factory=list)

    def set_connections(self, open_now: int) -> None:
        self.open = open_now

    def record_closed(self, reason: str) -> None:
        self.closed.append(reason)


class Authority:
    """A certificate authority, and files of what it issues."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._authority = trustme.CA()
        self.file = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, name: str, expires: datetime | None = None) -> Path:
        """A file with certificate and key."""
        issued = self._authority.issue_cert(name, common_name=name, not_after=expires)
        file = self.folder / f"{name}.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(file)
        return file


class Receiver:
    def __init__(self, folder: Path, **options: object) -> None:
        self.log = SqliteEventLog(folder / "journal", lambda: NOON)
        self.meter = CountingMeter()
        self.ours, self.theirs = Authority(folder / "ours"), Authority(folder / "theirs")
        self.certificate = self.ours.issue("localhost")
        senders = options.pop("address_senders", {})
        settings = {"cert_file": self.certificate, "ca_file": self.theirs.file, **options}
        intake = IntakeSettings.model_validate(
            {"host": HOST, "syslog_tls": settings, "senders": senders}
        )
        self.listener = SyslogListener(self.log, intake, Clock(), tls_port=0, meter=self.meter)
        self.listener.start()

    def trust(self, certificate: Path | None = None) -> ssl.SSLContext:
        """A sender's context, which trusts ours."""
        context = ssl.create_default_context(cafile=self.ours.file)
        if certificate is not None:
            context.load_cert_chain(certificate)
        return context

    def dial(self) -> socket.socket:
        assert self.listener.tls_port
        return socket.create_connection((HOST, self.listener.tls_port), timeout=60)

    def connect(self, certificate: Path | None) -> ssl.SSLSocket:
        return self.trust(certificate).wrap_socket(self.dial(), server_hostname="localhost")

    def send(self, certificate: Path | None, data: bytes = COUNTED) -> None:
        with self.connect(certificate) as connection:
            connection.sendall(data)

    def send_in_vain(self, certificate: Path | None) -> None:
        """With TLS 1.3 a sender learns of the refusal only when it reads."""
        with suppress(OSError), self.connect(certificate) as connection:
            connection.sendall(COUNTED)
            connection.recv(1)

    def raws(self) -> list[bytes]:
        return [record.raw for record in self.log.read(None, 100_000)]

    def faults(self) -> set[tuple[str, str]]:
        """Source and fault of each interval."""
        return {(gap.source, gap.reason.partition(": ")[2]) for gap in self.log.list_gaps()}

    def close(self) -> None:
        self.listener.stop()
        self.log.close()


@contextmanager
def receiving(folder: Path, **options: object) -> Iterator[Receiver]:
    receiver = Receiver(folder, **options)
    try:
        yield receiver
    finally:
        receiver.close()


def fingerprint(file: Path, algorithm: str = "sha256") -> str:
    pem = file.read_text()
    begin = pem.index("-----BEGIN CERTIFICATE")
    der = ssl.PEM_cert_to_DER_cert(pem[begin : pem.index("-----END CERTIFICATE") + 25] + "\n")
    digits = hashlib.new(algorithm, der).hexdigest().upper()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def test_a_certificate_of_the_authority_is_enough_and_its_lines_arrive(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        receiver.send(receiver.theirs.issue("fw1.example"), COUNTED + LINE + b"\n" + COUNTED)
        until(lambda: len(receiver.raws()) == 3)
        record = receiver.log.read(None, 1)[0]

        assert receiver.raws() == [LINE] * 3
    assert (record.raw, record.transport, record.sender) == (LINE, "tls", HOST)
    assert record.source == "syslog-127.0.0.1"


def test_fingerprint_and_name_choose_the_source_before_the_address(tmp_path: Path) -> None:
    by_name = {"FW1.example": "by-name", "198.51.100.7": "by-address-in-it"}
    with receiving(tmp_path, senders=by_name, address_senders={HOST: "by-address"}) as receiver:
        for name in ("fw1.example", "198.51.100.7", "other.example"):
            receiver.send(receiver.theirs.issue(name))
        until(lambda: len(receiver.raws()) == 3)
        sources = [record.source for record in receiver.log.read(None, 9)]

    assert sorted(sources) == ["by-address", "by-address-in-it", "by-name"]


@pytest.mark.parametrize(("prefix", "algorithm"), [("sha-256", "sha256"), ("SHA1", "sha1")])
def test_a_senders_own_certificate_is_pinned_by_its_fingerprint(
    tmp_path: Path, prefix: str, algorithm: str
) -> None:
    pinned = Authority(tmp_path / "pinned").issue("device")
    name = f"{prefix}:{fingerprint(pinned, algorithm)}"
    with receiving(tmp_path, ca_file=pinned, senders={name: "device"}) as receiver:
        receiver.send(pinned)
        until(lambda: len(receiver.raws()) == 1)
        assert [record.source for record in receiver.log.read(None, 9)] == ["device"]


def test_none_is_asked_for_where_the_settings_say_so(tmp_path: Path) -> None:
    with receiving(tmp_path, client_certificates="none", ca_file=None) as receiver:
        receiver.send(None)
        until(lambda: len(receiver.raws()) == 1)


def test_optional_certificates_name_the_source_or_leave_it_to_the_address(tmp_path: Path) -> None:
    senders = {"fw1.example": "fw"}
    with receiving(tmp_path, client_certificates="optional", senders=senders) as receiver:
        receiver.send(None)
        receiver.send(receiver.theirs.issue("fw1.example"))
        receiver.send_in_vain(receiver.ours.issue("wrong.example"))
        until(lambda: len(receiver.raws()) == 2 and bool(receiver.faults()))
        sources = {record.source for record in receiver.log.read(None, 9)}

        assert sources == {"syslog-127.0.0.1", "fw"}
        assert receiver.faults() == {("syslog-tls", TlsFault.NOT_TRUSTED)}


def test_a_listed_certificate_alone_is_let_in(tmp_path: Path) -> None:
    senders = {"fw1.example": "fw"}
    with receiving(tmp_path, client_certificates="listed", senders=senders) as receiver:
        receiver.send_in_vain(receiver.theirs.issue("fw2.example"))
        receiver.send(receiver.theirs.issue("fw1.example"))
        until(lambda: bool(receiver.raws()) and bool(receiver.faults()))

        assert receiver.raws() == [LINE]
        assert receiver.faults() == {("syslog-tls", TlsFault.NOT_LISTED)}


def test_each_refusal_is_a_blind_interval_with_its_reason(tmp_path: Path) -> None:
    with receiving(tmp_path, address_senders={HOST: "fw"}, handshake_seconds=1) as receiver:
        receiver.send_in_vain(None)
        receiver.send_in_vain(receiver.ours.issue("wrong-authority.example"))
        receiver.send_in_vain(
            receiver.theirs.issue("late.example", datetime(2020, 1, 1, tzinfo=UTC))
        )
        with receiver.dial() as plain:
            plain.sendall(LINE + b"\n")
            with suppress(ConnectionResetError):
                assert plain.recv(1) in (b"", b"\x15")
        with receiver.dial() as web:
            web.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with receiver.dial() as slow:
            slow.sendall(b"\x16\x03")
            assert slow.recv(1) == b""
        until(lambda: len(receiver.faults()) == 5)

        assert receiver.faults() == {
            ("fw", TlsFault.NO_CERTIFICATE),
            ("fw", TlsFault.NOT_TRUSTED),
            ("fw", TlsFault.EXPIRED),
            ("fw", TlsFault.NO_TLS),
            ("fw", TlsFault.SLOW),
        }
        assert receiver.raws() == []
        assert receiver.meter.closed == ["tls"] * 6


def test_a_sender_that_offers_old_tls_alone_is_refused(tmp_path: Path) -> None:
    with receiving(tmp_path, client_certificates="none") as receiver:
        context = receiver.trust()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with suppress(OSError), receiver.dial() as dialled:
            context.wrap_socket(dialled, server_hostname="localhost")
        until(lambda: bool(receiver.faults()))

        assert receiver.faults() == {("syslog-tls", TlsFault.OLD)}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_was_sent_before_a_half_close_a_break_or_a_reset_arrives(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    with receiving(tmp_path) as receiver, ExitStack() as stack:
        context = receiver.trust(receiver.theirs.issue("fw1.example"))
        context.minimum_version = context.maximum_version = version

        def connect() -> ssl.SSLSocket:
            return stack.enter_context(
                context.wrap_socket(receiver.dial(), server_hostname="localhost")
            )

        half = connect()
        half.sendall(COUNTED + LINE)  # the second one has no end
        half.shutdown(socket.SHUT_WR)
        broken = connect()
        broken.sendall(COUNTED)
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: len(receiver.raws()) == 3)
        broken.close()  # with a reset
        until(lambda: receiver.meter.open == 0)

        assert receiver.raws() == [LINE] * 3


def test_what_is_no_tls_after_the_handshake_breaks_its_own_connection_only(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        certificate = receiver.theirs.issue("fw1.example")
        with receiver.connect(certificate) as good, receiver.connect(certificate) as bad:
            bad.sendall(COUNTED)
            os.write(bad.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
            until(lambda: bool(receiver.faults()))
            good.sendall(COUNTED)
            until(lambda: len(receiver.raws()) == 2)

        assert receiver.faults() == {("syslog-tls", TlsFault.BROKEN)}


def test_a_sender_cannot_renegotiate(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        certificate = receiver.theirs.issue("fw1.example")
        port = receiver.listener.tls_port
        command = ["openssl", "s_client", "-connect", f"{HOST}:{port}", "-tls1_2", "-quiet"]
        command += ["-cert", str(certificate), "-key", str(certificate), "-no_ign_eof"]
        ended = subprocess.run(command, input=b"R\n", capture_output=True, timeout=60, check=False)
        receiver.send(certificate)
        until(lambda: LINE in receiver.raws())

        assert receiver.raws().count(LINE) == 1
        assert b"no renegotiation" in ended.stderr


def test_many_slow_handshakes_keep_no_sender_out(tmp_path: Path) -> None:
    with receiving(tmp_path, handshake_seconds=60) as receiver, ExitStack() as stack:
        for _ in range(80):
            stack.enter_context(receiver.dial()).sendall(b"\x16\x03\x01\x02\x00")
        receiver.send(receiver.theirs.issue("fw1.example"))
        until(lambda: receiver.raws() == [LINE])


def test_a_hundred_thousand_lines_arrive_in_their_order(tmp_path: Path) -> None:
    lines = [b"<13>line %06d %s" % (number, b"x" * 50) for number in range(100_000)]
    with receiving(tmp_path) as receiver:
        receiver.send(receiver.theirs.issue("fw1.example"), b"\n".join(lines) + b"\n")
        until(lambda: len(receiver.raws()) == len(lines))

        assert receiver.raws() == lines


def served_by(receiver: Receiver) -> bytes | None:
    """The certificate that a new connection is shown."""
    context = receiver.trust(receiver.theirs.issue("fw1.example"))
    with context.wrap_socket(receiver.dial(), server_hostname="localhost") as connection:
        return connection.getpeercert(binary_form=True)


@pytest.mark.parametrize("by_signal", [True, False], ids=["by signal", "by itself"])
def test_a_changed_certificate_is_used_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_signal: bool
) -> None:
    if not by_signal:
        monkeypatch.setattr(tls, "LOOK_SECONDS", 0.05)
    with receiving(tmp_path) as receiver:

        def write(content: bytes) -> None:
            receiver.certificate.write_bytes(content)
            if by_signal:
                receiver.listener.request_reload()

        first = served_by(receiver)
        write(b"-----BEGIN CERTIFICATE-----\nnot one")
        until(lambda: receiver.listener.trouble is not None)
        assert served_by(receiver) == first
        trouble = receiver.listener.trouble
        write(receiver.ours.issue("localhost").read_bytes())
        until(lambda: receiver.listener.trouble is None)

        assert served_by(receiver) != first
        assert trouble
        assert "certificate files" in trouble
        assert str(tmp_path) not in trouble


def test_open_connections_go_on_when_the_certificate_changes(tmp_path: Path) -> None:
    with (
        receiving(tmp_path) as receiver,
        receiver.connect(receiver.theirs.issue("fw1.example")) as connection,
    ):
        connection.sendall(COUNTED)
        until(lambda: len(receiver.raws()) == 1)
        before = served_by(receiver)
        receiver.ours.issue("localhost")
        receiver.listener.request_reload()
        until(lambda: served_by(receiver) != before)
        connection.sendall(COUNTED)
        until(lambda: len(receiver.raws()) == 2)


@pytest.mark.parametrize("missing", ["no certificate", "a key with a passphrase", "no file"])
def test_files_that_cannot_be_used_end_the_start(tmp_path: Path, missing: str) -> None:
    file = tmp_path / "file.pem"
    if missing != "no file":
        file.write_text("text" if missing == "no certificate" else ENCRYPTED)
    with pytest.raises(ConfigurationError, match="certificate files") as raised:
        Receiver(tmp_path, cert_file=file, ca_file=file)

    assert str(tmp_path) not in str(raised.value)


ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "settings",
    [
        {"port": 6514},
        {"port": 6514, "cert_file": "a.pem"},
        {"port": 6514, "cert_file": "a.pem", "ca_file": "b.pem", "client_certificates": "any"},
        {"port": 6514, "cert_file": "a.pem", "ca_file": "b.pem", "handshake_seconds": 0},
    ],
)
def test_settings_that_lack_a_file_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IntakeSettings.model_validate({"syslog_tls": settings})
