"""Real mail servers of Debian with their own logs: `from mail_servers import run_dovecot, run_postfix`.

Each runs from a folder of its own on loopback ports, and must be started by root. What cannot be had
is skipped by name, or fails under BREACHDESK_REQUIRE_SERVICES=1."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from servers.ports import find_free_port
from services import cannot_be_had

DOVECOT = """\
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
log_timestamp = "%Y-%m-%dT%H:%M:%S "
listen = 127.0.0.1
protocols = imap pop3 submission sieve
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.pem
submission_relay_host = 127.0.0.1
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{home}/mail/%u
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve}
  }}
}}
service auth {{
  unix_listener {home}/sasl {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {home}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={home}/mail/%u
}}
{settings}
"""
POSTFIX = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log/postfix.log
maillog_file_prefixes = {home}
myhostname = mail.contoso.example
mydestination = contoso.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
default_database_type = texthash
alias_maps =
alias_database =
local_recipient_maps =
local_transport = discard
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {sasl}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_chain_files = {home}/server.pem
smtpd_tls_session_cache_database =
smtpd_hard_error_limit = 20
smtpd_error_sleep_time = 0
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
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
PASSWORD = "right"
ACCOUNTS = ("jo@contoso.example", "sam@contoso.example")


@dataclass(frozen=True)
class MailServer:
    """The ports by service, and the log's file."""

    ports: dict[str, int]
    log: Path
    sasl: Path | None = None
    """The socket that another server asks whether a password is right."""

    def read_lines(self, is_complete: Callable[[str], bool]) -> list[bytes]:
        """Read the log once it is complete, and fail if it never is."""
        deadline = time.monotonic() + 90
        while not is_complete(text := self.log.read_text() if self.log.exists() else ""):
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        return self.log.read_bytes().splitlines()


def find_program(name: str, package: str) -> str:
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        cannot_be_had(f"{name} is not installed (apt-get install {package})")
    if os.geteuid() != 0:
        cannot_be_had(f"{name} must be started by root")
    assert program is not None
    return program


def open_tls() -> ssl.SSLContext:
    """A context that believes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def write_certificate(folder: Path) -> None:
    chain = trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem
    chain.write_to_path(str(folder / "server.pem"))


@contextmanager
def run_dovecot(folder: Path, settings: str = "") -> Iterator[MailServer]:
    """`folder` must be one that every account can enter."""
    program = find_program("dovecot", "dovecot-imapd dovecot-pop3d dovecot-submissiond")
    for protocol in ("imap", "pop3", "submission", "managesieve"):
        if not Path(f"/usr/lib/dovecot/{protocol}").exists():
            cannot_be_had(f"Dovecot has no {protocol} (apt-get install dovecot-{protocol}d)")
    home = folder / "dovecot"
    (home / "mail").mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    os.chown(home / "mail", nobody.pw_uid, nobody.pw_gid)
    write_certificate(home)
    (home / "users").write_text("".join(f"{name}:{{PLAIN}}{PASSWORD}\n" for name in ACCOUNTS))
    names = ("imap", "imaps", "pop3", "submission", "sieve")
    ports = {name: find_free_port() for name in names}
    config = home / "dovecot.conf"
    config.write_text(DOVECOT.format(home=home, settings=settings, **ports))
    process = subprocess.Popen([program, "-F", "-c", str(config)])
    try:
        for port in ports.values():
            _wait_until_open(port)
        yield MailServer(ports, home / "dovecot.log", home / "sasl")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def run_postfix(folder: Path, sasl: Path) -> Iterator[MailServer]:
    program = find_program("postfix", "postfix")
    home = folder / "postfix"
    for name in ("etc", "queue", "data", "log"):
        (home / name).mkdir(parents=True)
    account = pwd.getpwnam("postfix")
    os.chown(home / "data", account.pw_uid, account.pw_gid)
    write_certificate(home)
    port = find_free_port()
    (home / "etc/main.cf").write_text(POSTFIX.format(home=home, sasl=sasl))
    (home / "etc/master.cf").write_text(MASTER.format(port=port))
    log = home / "log/postfix.log"
    control = [program, "-c", str(home / "etc")]
    started = subprocess.run([*control, "start"], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    try:
        _wait_until_open(port)
        yield MailServer({"smtp": port}, log)
    finally:
        subprocess.run([*control, "stop"], capture_output=True, check=False)


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, f"nothing answers on port {port}"
            time.sleep(0.1)
