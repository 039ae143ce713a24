"""Parse OpenSSH server lines from syslog, including those that PAM writes for it."""

from __future__ import annotations

from streams.parsers.linux_sshd.parser import PARSER

__all__ = ["PARSER"]
