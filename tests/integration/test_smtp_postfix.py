"""Every notice through Debian's Postfix, with TLS, into real mailboxes.

Postfix runs from a configuration, queue and data folder of its own on a loopback port; it needs to
be started by root (it changes to its own account). Absent, the test is skipped by name, or fails
when BREACHDESK_REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import mailbox
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import trustme
from servers.ports import find_free_port

from notifiers.channels import open_channel
from notifiers.delivery.dispatch import NoticeDispatcher
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import (
    NOON,
    build_letter_context,
    build_notice_row,
    build_outgoing,
    build_recipient,
)
from notifiers.testing.sqlite_outbox import SqliteOutbox
from schemas.casework.notice import DeliveryStatus, RenderedText
from schemas.casework.notice_kind import NoticeKind
from schemas.settings import NoticePolicy, SenderSettings, SmtpAuth

ROOT = Path(__file__).resolve().parents[2]
POSTFIX = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CUSTOMERS = 12
MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log/postfix.log
maillog_file_prefixes = {home}
myhostname = mail.penhallow.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
default_database_type = texthash
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = customers.example
virtual_mailbox_maps = texthash:{home}/etc/mailboxes
virtual_mailbox_base = {home}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {home}/etc/server.pem
smtpd_tls_session_cache_database =
smtp_tls_session_cache_database =
"""
MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

pytestmark = [pytest.mark.postfix, pytest.mark.slow]


@dataclass(frozen=True)
class Office:
    """A running Postfix, and where its mail ends."""

    home: Path
    port: int

    def mails(self, customer: str) -> list[EmailMessage]:
        folder = self.home / "mail" / customer
        if not all((folder / part).exists() for part in ("tmp", "new", "cur")):
            return []  # Postfix makes the three one after the other
        opened = [message_from_bytes(bytes(m), policy=default) for m in mailbox.Maildir(folder)]
        return [m for m in opened if isinstance(m, EmailMessage)]

    def log(self) -> str:
        file = self.home / "log/postfix.log"
        return file.read_text() if file.exists() else "(no log)"


def require_postfix() -> str:
    """Its path; skipped by name, or failed where services are required."""
    reason = ""
    if POSTFIX is None:
        reason = "Postfix is not installed (apt-get install postfix)"
    elif os.geteuid() != 0:
        reason = "Postfix must be started by root"
    if reason and os.environ.get("BREACHDESK_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    if reason or POSTFIX is None:
        pytest.skip(reason)
    return POSTFIX


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def office(authority: trustme.CA) -> Iterator[Office]:
    postfix = require_postfix()
    with tempfile.TemporaryDirectory(prefix="bd-postfix-") as name:
        home = Path(name)
        office = Office(home, find_free_port())
        furnish(office, authority)
        control = [postfix, "-c", str(home / "etc")]
        started = subprocess.run([*control, "start"], capture_output=True, text=True, check=False)
        assert started.returncode == 0, started.stderr + office.log()
        try:
            wait_for_greeting(office)
            yield office
        finally:
            subprocess.run([*control, "stop"], capture_output=True, check=False)


def furnish(office: Office, authority: trustme.CA) -> None:
    """Folders with Postfix's own owners, main.cf, master.cf, certificate and mailboxes."""
    home = office.home
    home.chmod(0o755)
    for server_folder in ("etc", "queue", "data", "mail", "log"):
        (home / server_folder).mkdir()
    account, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    os.chown(home / "data", account.pw_uid, account.pw_gid)
    os.chown(home / "mail", nobody.pw_uid, nobody.pw_gid)
    settings = {"home": home, "uid": nobody.pw_uid, "gid": nobody.pw_gid, "port": office.port}
    (home / "etc/main.cf").write_text(MAIN.format(**settings))
    (home / "etc/master.cf").write_text(MASTER.format(**settings))
    names = [f"c{number:03d}" for number in range(1, CUSTOMERS + 1)]
    (home / "etc/mailboxes").write_text("".join(f"{n}@customers.example {n}/\n" for n in names))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(home / "etc/server.pem")
    )
    authority.cert_pem.write_to_path(str(home / "etc/ca.pem"))


def wait_for_greeting(office: Office) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", office.port), timeout=2) as line:
                if line.recv(3) == b"220":
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail("Postfix does not greet: " + office.log())


def letter_for(number: int) -> RenderedText:
    """A real letter, to a customer whose name is in it; every third gets a pack."""
    kind = NoticeKind.CONTROLLER_PACK if number % 3 == 0 else NoticeKind.ACCOUNT_HOLDER
    person = build_recipient(kind).model_copy(update={"name": f"Customer c{number:03d}"})
    changes = {
        "reference": f"BR-0001-c{number:03d}",
        "recipient": person,
        "customer_name": f"Customer c{number:03d} Ltd",
    }
    return JinjaRenderer(ROOT / "templates").render_letter(build_letter_context(kind, **changes))


def words_of(message: EmailMessage) -> str:
    """Every header and every part, decoded."""
    parts = [str(part.get_content()) for part in message.walk() if not part.is_multipart()]
    return "\n".join([*map(str, message.values()), *parts])


def wait_for_all(office: Office, names: list[str]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not all(office.mails(name) for name in names):
        time.sleep(0.1)


async def test_every_notice_arrives_once_opens_and_names_only_its_own_customer(
    office: Office,
) -> None:
    names = [f"c{number:03d}" for number in range(1, CUSTOMERS + 1)]
    outbox, letters = SqliteOutbox(), {}
    for number, name in enumerate(names, 1):
        letters[name] = letter_for(number)
        row = build_notice_row(number, rendered_hash=letters[name].hash)
        outbox.add_row(row, build_outgoing(number, letters[name]))
    sender = SenderSettings(
        from_email="notices@penhallow.example",
        host="localhost",
        port=office.port,
        ca_file=office.home / "etc/ca.pem",
        auth=SmtpAuth.NONE,
        timeout_seconds=10.0,
    )
    channel = open_channel(sender)
    tried = await NoticeDispatcher(outbox, channel, lambda: NOON, NoticePolicy(), "boot").run_once()
    await channel.close()
    wait_for_all(office, names)

    assert tried == CUSTOMERS
    assert {row.status for row in outbox.list_rows()} == {DeliveryStatus.HANDED_OVER}
    assert {row.smtp_reply for row in outbox.list_rows()} == {"250 2.0.0"}
    for number, name in enumerate(names, 1):
        mails = office.mails(name)
        assert len(mails) == 1, office.log()
        assert mails[0]["Message-ID"] == f"<BR-0001.{number}.1@penhallow.example>"
        text, html = mails[0].get_body(("plain",)), mails[0].get_body(("html",))
        assert text is not None
        assert html is not None
        assert text.get_content() == letters[name].text
        assert html.get_content() == letters[name].html
        words = words_of(mails[0])
        assert [other for other in names if other in words] == [name]


async def test_a_recipient_that_postfix_does_not_know_is_bounced_at_once(office: Office) -> None:
    sender = SenderSettings(
        from_email="notices@penhallow.example",
        host="localhost",
        port=office.port,
        ca_file=office.home / "etc/ca.pem",
        auth=SmtpAuth.NONE,
    )
    channel = open_channel(sender)
    result = await channel.send(build_outgoing(1, to_email="nobody@customers.example"))
    await channel.close()

    assert (result.outcome.value, result.reply) == ("bounced", "550 5.1.1")
    assert result.tls.startswith("TLSv1.")
