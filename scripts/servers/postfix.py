"""Debian's Postfix from a folder of its own: STARTTLS required, one Maildir for everybody."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess

from servers.daemon import ProgramMissing, ServerProcess

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/postfix.log
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
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {home}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {home}/etc/server.key, {home}/etc/server.pem
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


class PostfixServer(ServerProcess):
    """Takes mail for anyone@customers.example. Only root can start it: it changes accounts."""

    name = "Postfix"

    def require(self) -> None:
        for tool in ("postfix", "openssl"):
            if shutil.which(tool, path=PATH) is None:
                raise ProgramMissing(f"Postfix: no {tool} (apt-get install {tool})")
        if os.geteuid() != 0:
            raise ProgramMissing("Postfix: must be started by root")

    def prepare(self) -> None:
        for directory in ("etc", "queue", "data", "mail"):
            (self.folder / directory).mkdir()
        postfix, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        os.chown(self.folder / "data", postfix.pw_uid, postfix.pw_gid)
        os.chown(self.folder / "mail", nobody.pw_uid, nobody.pw_gid)
        home = {"home": str(self.folder), "uid": nobody.pw_uid, "gid": nobody.pw_gid}
        (self.folder / "etc/main.cf").write_text(MAIN.format(**home), encoding="utf-8")
        (self.folder / "etc/master.cf").write_text(MASTER.format(port=self.port), encoding="utf-8")
        self.create_certificate()

    def create_certificate(self) -> None:
        """A certificate for localhost that is its own authority."""
        files = [
            "-keyout",
            f"{self.folder}/etc/server.key",
            "-out",
            f"{self.folder}/etc/server.pem",
        ]
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
             *subject, *files],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    def build_command(self) -> list[str]:
        postfix = shutil.which("postfix", path=PATH) or "postfix"
        return [postfix, "-c", str(self.folder / "etc"), "start-fg"]

    def is_answering(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                return line.recv(3) == b"220"
        except OSError:
            return False

    def build_exports(self) -> dict[str, str]:
        return {
            "BREACHDESK_TEST_POSTFIX": f"localhost:{self.port}",
            "BREACHDESK_TEST_POSTFIX_CA": str(self.folder / "etc/server.pem"),
            "BREACHDESK_TEST_POSTFIX_MAIL": str(self.folder / "mail/inbox"),
        }
