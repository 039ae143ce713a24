"""Debian's Dovecot and Postfix with known sign-ins: each attempt is counted once, and none is lost.

Absent, the tests are skipped by name, or fail when BREACHDESK_REQUIRE_SERVICES=1."""

from __future__ import annotations

import base64
import imaplib
import poplib
import re
import smtplib
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engines import TwoCustomers
from mail_servers import PASSWORD, MailServer, open_tls, run_dovecot, run_postfix

from schemas.pipeline.event import Event, RawRecord, RecordPosition
from schemas.pipeline.plugin import DetectorSignal
from schemas.settings import Settings, SourceSettings
from streams.correlate.acts import select_fullest
from streams.normalise.normaliser import EventNormaliser
from streams.normalise.recognise import FormatRecogniser
from streams.normalise.record_readers import InProcessReader

pytestmark = [pytest.mark.slow, pytest.mark.postfix]
JO, SAM, STRANGER = "jo@contoso.example", "sam@contoso.example", "nobody@contoso.example"
HOSTILE = "x>, method=PLAIN, rip=192.0.2.9, lip=192.0.2.8, session=<a>"
WRONG = "wrong"
Acts = Counter[tuple[str, str | None]]
"""How many attempts were made, by outcome and account."""
OTHER = "passdb {{\n  driver = passwd-file\n  args = {folder}/others\n}}\nauth_verbose = yes"
PAM = "passdb {{\n  driver = pam\n  args = other\n}}\nauth_verbose = yes"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' own accounts can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="bd-mail-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def read_events(lines: list[bytes], folder: Path) -> list[Event]:
    """Read all lines as the pipeline does; fail if one is lost."""
    config = Settings(data_dir=folder, sources=(SourceSettings(name="mail", zone="UTC"),))
    arrived = datetime.now(UTC)
    records = [
        RawRecord(RecordPosition("j", number), "mail", line, arrived)
        for number, line in enumerate(lines, start=1)
    ]
    events: list[Event] = []
    normaliser = EventNormaliser(InProcessReader(config, FormatRecogniser()), config)
    counter = normaliser.normalise(records, TwoCustomers(), lambda event, _: events.append(event))
    (count,) = counter.list_sources()
    assert count.dead_letters == count.not_understood == 0, lines
    assert count.received == count.parsed + count.ignored == len(lines)
    return events


def count_attempts(events: list[Event]) -> Acts:
    """Count what the law of retellings makes of the events for a rule that counts by account, each
    act with its attempts: a retelling without an account makes no signal."""
    rows = [
        DetectorSignal(
            event.time.timestamp(),
            event.id,
            str(event.fields["event.outcome"]),
            str(event.fields.get("user.name")),
            event.fields,
            event.session,
            event.is_retelling,
        )
        for event in events
        if "authentication" in event.fields["event.category"]
        and ("user.name" in event.fields or not event.is_retelling)
    ]
    acts: Acts = Counter()
    for row in select_fullest(rows):
        fields: dict[str, Any] = row.evidence
        acts[row.step, fields.get("user.name")] += fields["breach.auth.attempts"]
    return acts


def stamp_apart(lines: list[bytes]) -> list[bytes]:
    """Give each line the stamp that a relay of parts of a second gives it: lines of one second and
    the same words are one event."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
    return [b"%b.%06dZ%b" % (now, number, line[15:]) for number, line in enumerate(lines)]


def find_addresses(events: list[Event]) -> set[object]:
    return {
        event.fields.get("source.ip")
        for event in events
        if "authentication" in event.fields["event.category"]
    }


class ImapClient:
    """Signs in on loopback with TLS, by the command or a method."""

    def __init__(self, server: MailServer) -> None:
        self.connection = imaplib.IMAP4_SSL(
            "127.0.0.1", server.ports["imaps"], ssl_context=open_tls(), timeout=60
        )

    def log_in(self, user: str, *passwords: str) -> None:
        for password in passwords:
            with suppress(imaplib.IMAP4.error):
                self.connection.login(f'"{user}"', password)
        self.connection.logout()

    def authenticate(self, method: str, user: str, password: str) -> None:
        with suppress(imaplib.IMAP4.error):
            self.connection.authenticate(method, lambda _: f"\0{user}\0{password}".encode())
        self.connection.logout()


def log_in_by_pop(server: MailServer, user: str, password: str) -> None:
    connection = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=60)
    with suppress(poplib.error_proto):
        connection.user(user)
        connection.pass_(password)
    connection.quit()


def encode(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def talk(port: int, *messages: bytes, client: str = "127.0.0.1") -> None:
    """Send each message after an answer, and leave without a farewell."""
    address = ("127.0.0.1", port)
    with socket.create_connection(address, timeout=60, source_address=(client, 0)) as line:
        for message in messages:
            line.recv(4_096)
            line.sendall(message)
        with suppress(OSError):
            line.recv(4_096)


def use_dovecot(server: MailServer) -> int:
    """Sign in by every way that Dovecot offers; returns how many connections were made."""
    ImapClient(server).log_in(JO, PASSWORD)
    ImapClient(server).authenticate("PLAIN", JO, PASSWORD)
    log_in_by_pop(server, SAM, PASSWORD)
    ImapClient(server).log_in(JO, WRONG, WRONG, WRONG)
    ImapClient(server).log_in(STRANGER, WRONG)
    ImapClient(server).log_in(HOSTILE, WRONG)
    log_in_by_pop(server, STRANGER, WRONG)
    ImapClient(server).authenticate("CRAM-MD5", JO, PASSWORD)
    talk(server.ports["sieve"], b'AUTHENTICATE "PLAIN" "%b"\r\n' % encode(SAM, WRONG).encode())
    talk(server.ports["imap"], f"a LOGIN {JO} {PASSWORD}\r\n".encode(), client="127.0.0.2")
    talk(server.ports["imap"], b"a AUTHENTICATE PLAIN\r\n")
    talk(server.ports["imap"], b"a LOGOUT\r\n")
    talk(server.ports["pop3"])
    with socket.create_connection(("127.0.0.1", server.ports["imaps"]), timeout=60) as line:
        line.sendall(b"no TLS at all\r\n")
        with suppress(OSError):
            line.recv(4_096)
    return 14


DOVECOT_TRUTH: Acts = Counter(
    {
        ("success", JO): 2,
        ("success", SAM): 1,
        ("failure", JO): 4,
        ("failure", STRANGER): 2,
        ("failure", SAM): 1,
        ("failure", HOSTILE.casefold()): 1,
        ("failure", None): 1,
    }
)
"""Of Jo's, one is refused because it comes without TLS; without an account, the method that the
server does not offer."""
PROBES = 5
"""Connections that wait for the server's start, one a port."""


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param("", id="as installed"),
        pytest.param("auth_verbose = yes", id="each attempt logged"),
        pytest.param(OTHER, id="two password databases"),
        pytest.param(PAM, id="PAM behind"),
    ],
)
def test_each_sign_in_to_dovecot_is_counted_once(folder: Path, settings: str) -> None:
    (folder / "others").write_text(f"else@contoso.example:{{PLAIN}}{PASSWORD}\n")
    with run_dovecot(folder, settings.format(folder=folder)) as server:
        connections = use_dovecot(server) + PROBES
        ends = re.compile(r"-login: Info: (?!Authenticate )")
        lines = server.read_lines(lambda text: len(ends.findall(text)) >= connections)
    events = read_events(lines, folder)

    assert count_attempts(events) == DOVECOT_TRUTH
    assert find_addresses(events) == {"127.0.0.1", "127.0.0.2"}


class SmtpClient(smtplib.SMTP):
    def __init__(self, server: MailServer) -> None:
        super().__init__("127.0.0.1", server.ports["smtp"], "laptop.example", timeout=60)
        self.ehlo()

    def sign_in(self, user: str, *passwords: str) -> None:
        for password in passwords:
            self.docmd("AUTH", f"PLAIN {encode(user, password)}")


def use_postfix(server: MailServer) -> int:
    """Sign in by every way that Postfix offers; returns how many connections were made."""
    with SmtpClient(server) as client:
        client.sign_in(JO, PASSWORD)
        client.sendmail(JO, ["one@contoso.example"], "one")
        client.sendmail(JO, ["two@contoso.example"], "two")
    with SmtpClient(server) as client:
        client.sign_in(SAM, PASSWORD)
    with SmtpClient(server) as client:
        client.sign_in(JO, WRONG, WRONG, WRONG)
    with SmtpClient(server) as client:
        client.starttls(context=open_tls())
        client.ehlo()
        client.sign_in(STRANGER, WRONG)
    with SmtpClient(server) as client:
        client.sign_in("x, sasl_username=root", WRONG)
    with SmtpClient(server) as client:
        client.docmd("AUTH", "LOGIN")
        client.docmd("*")
    with SmtpClient(server) as client:
        client.docmd("AUTH", "CRAM-MD5")
    with SmtpClient(server) as client:
        client.mail("a@b.example")
        assert client.rcpt("x@other.example")[0] == 554
    talk(server.ports["smtp"], b"EHLO laptop.example\r\n", b"AUTH LOGIN\r\n")
    return 9


POSTFIX_TRUTH: Acts = Counter(
    {
        ("success", JO): 1,
        ("failure", JO): 3,
        ("failure", STRANGER): 1,
        ("failure", "x, sasl_username=root"): 1,
        ("failure", None): 2,
    }
)
"""Without an account: the sign-in that was cancelled, and the method that is not offered."""


def test_each_sign_in_to_postfix_is_counted_once(folder: Path) -> None:
    with run_dovecot(folder) as passwords, run_postfix(folder, passwords.sasl) as server:
        connections = use_postfix(server) + 1
        lines = server.read_lines(lambda text: text.count(": disconnect from ") >= connections)
    events = read_events(stamp_apart(lines), folder)
    ends = [event for event in events if "end" in event.fields["event.type"]]
    told_by_ends = [e.fields["event.outcome"] for e in ends if e.is_retelling]

    assert count_attempts(events) == POSTFIX_TRUTH
    assert find_addresses(events) == {"127.0.0.1"}
    # Sam signs in and sends nothing: of this nothing but the connection's end tells.
    assert told_by_ends.count("success") == 2
    assert len(told_by_ends) == connections - 2


def test_what_dovecot_says_of_the_clients_of_postfix_is_counted_each_time(folder: Path) -> None:
    with run_dovecot(folder, "auth_verbose = yes") as passwords:
        with run_postfix(folder, passwords.sasl) as server, SmtpClient(server) as client:
            client.sign_in(JO, WRONG, WRONG, WRONG)
        lines = passwords.read_lines(lambda text: text.count("Password mismatch") >= 3)
    attempts = [line for line in lines if b" auth: " in line]
    apart = [
        line.replace(b"Z ", b" ") for line in stamp_apart([b" " * 15 + a[19:] for a in attempts])
    ]

    assert count_attempts(read_events(apart, folder)) == Counter({("failure", JO): 3})
