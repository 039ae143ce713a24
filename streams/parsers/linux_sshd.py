"""Parse OpenSSH server lines from syslog. Several lines describe one sign-in: the attempt itself
makes the act; pam_unix, `Invalid user`, and the lines that close the connection only repeat it.

A person who signs in may type anything as a name, even ` from 192.0.2.1 port 22 ssh2`: for a name
that the host does not know, the last address of the line is the real one; for a known name, the
first."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import (
    IgnoredLine,
    LineFrame,
    ParsedEvent,
    Parser,
    ParserExample,
    SourceLine,
)
from streams.tokenizers import addresses, numbers, people

_TAG = r"sshd(?:-session|-auth)?(?:\(pam_unix\))?"
_APP = re.compile(_TAG)
_REPEATED = re.compile(r"message repeated ([0-9]{1,9}) times?: \[ ?")
_VERB = r"(?P<verb>Failed|Accepted) (?P<method>[\w/.-]+) for "
_FROM = r" from (?P<ip>\S+)(?: port (?P<port>[0-9]+))?"
_KNOWN = re.compile(
    rf"{_VERB}(?P<user>.*?){_FROM}(?: (?:ssh[0-9]?|on \S+.*?))?(?:: .*)?\Z", re.DOTALL
)
_UNKNOWN = re.compile(
    rf"{_VERB}(?:invalid|illegal) user (?P<user>.*){_FROM}(?: ssh[0-9]?)?(?P<detail>: .*)?\Z",
    re.DOTALL,
)
_SOLARIS = re.compile(r"\[ID [0-9]+ [\w.]+\] ")
_RETELLS = re.compile(
    r"pam_\w+\(sshd[\w-]*:|\(pam_unix\)|PAM[: ]|(?:error: )?PAM: |authentication failure;|check pass;"
    r"|(?:Invalid|Illegal) user |input_userauth_request: |Postponed |Partial "
    r"|(?:Received disconnect|Disconnected|Disconnecting|Connection (?:closed|reset))\b"
    r"|(?:error: |fatal: )?[Mm]aximum authentication attempts exceeded|Too many authentication"
    r"|User .* not allowed because |ROOT LOGIN REFUSED |session (?:opened|closed) for user "
    r"|Starting session: |Close session: |Transferred: |User child is on pid "
)
_SOMEWHERE = re.compile(
    r"(?:(?:fatal: )?Unable to negotiate with |.*\bfrom |.*\brhost=|.*\bby )"
    r"(?P<ip>[0-9A-Fa-f.:]{3,45})(?: port (?P<port>[0-9]+))?",
    re.DOTALL,
)


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app is not None and _APP.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    frame = line.frame
    if frame.app is None or not _APP.fullmatch(frame.app):
        raise UnparseableRecord(
            "no line of sshd", place="linux_sshd", remedy="Check which parser the source names."
        )
    session = f"{frame.host or ''}/{frame.pid}" if frame.pid else None
    message, attempts = _SOLARIS.sub("", line.text, count=1), 1
    repeated = _REPEATED.match(message)
    if repeated is not None:
        attempts = int(repeated[1])
        message = message[repeated.end() :].rstrip().removesuffix("]")
    if message.startswith(("Failed ", "Accepted ")):
        fields = _parse_attempt(message, attempts)
        if fields is not None:
            return ParsedEvent(frame.time, fields | _build_host_fields(frame), session=session)
    is_retelling = "(pam_unix)" in frame.app or _RETELLS.match(message) is not None
    return ParsedEvent(
        frame.time,
        _parse_other(message) | _build_host_fields(frame),
        session=session,
        is_retelling=is_retelling,
    )


def _parse_attempt(message: str, attempts: int) -> dict[str, Value] | None:
    match = _UNKNOWN.match(message) or _KNOWN.match(message)
    if match is None:
        return None
    failed = match["verb"] == "Failed"
    if failed and match["method"] == "none":
        return None
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": "failure" if failed else "success",
        "event.action": "ssh_login",
        "breach.auth.method": match["method"],
        "breach.auth.attempts": attempts,
    }
    people.put_user(fields, match["user"])
    _put_source(fields, match["ip"], match["port"])
    return fields


def _put_source(fields: dict[str, Value], where: str, port: str | None) -> None:
    ip = addresses.parse_address(where)
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(port or ""))
    if ip is None:
        fields["source.domain"] = where


def _parse_other(message: str) -> dict[str, Value]:
    """Parse a line of sshd that is no attempt; keeps its address if it names one."""
    fields: dict[str, Value] = {
        "event.category": ["session"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "ssh_message",
        "message": message,
    }
    match = _SOMEWHERE.match(message)
    if match is not None and (ip := addresses.parse_address(match["ip"].rstrip(".:"))):
        addresses.put_endpoint(fields, "source", ip, addresses.parse_port(match["port"] or ""))
    return fields


def _build_host_fields(frame: LineFrame) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "service.name": "sshd",
        "network.application": "ssh",
        "network.transport": "tcp",
    }
    if frame.host:
        fields["host.name"] = frame.host
    pid = numbers.parse_whole(frame.pid or "")
    if pid is not None:
        fields["process.pid"] = pid
    return fields


_FAILED = {"event.category": ["authentication"], "event.outcome": "failure"}

PARSER = Parser(
    id="linux_sshd",
    title="OpenSSH server (sshd)",
    hints=(b"sshd",),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://github.com/openssh/openssh-portable/blob/master/auth.c",
        "https://www.rfc-editor.org/rfc/rfc3164",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 web01 sshd[4211]: Failed password for root from 203.0.113.66 port"
            " 40022 ssh2",
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.type": ["start"],
                "user.name": "root",
                "source.ip": "203.0.113.66",
                "source.port": 40022,
                "host.name": "web01",
                "breach.auth.attempts": 1,
            },
        ),
        ParserExample(
            "<86>1 2026-11-22T01:06:15.120Z web01 sshd-session 4212 - - Accepted publickey for"
            " Deploy from 2001:DB8::7 port 50100 ssh2: ED25519 SHA256:abcdefg",
            {
                "@timestamp": "2026-11-22T01:06:15.120000+00:00",
                "event.outcome": "success",
                "breach.auth.method": "publickey",
                "user.name": "deploy",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 sshd[4213]: Failed password for invalid user x from 192.0.2.4"
            " port 1 ssh2 from 203.0.113.66 port 22 ssh2",
            _FAILED
            | {
                "user.name": "x from 192.0.2.4 port 1 ssh2",
                "source.ip": "203.0.113.66",
                "source.port": 22,
            },
        ),
        ParserExample(
            "2026-11-22T01:06:15.5+01:00 web01 sshd[4214]: message repeated 5 times: [ Failed"
            " password for invalid user test user from 203.0.113.66 port 40023 ssh2]",
            _FAILED
            | {
                "@timestamp": "2026-11-22T00:06:15.500000+00:00",
                "user.name": "test user",
                "breach.auth.attempts": 5,
            },
        ),
        ParserExample(
            "Nov 22 01:06:14 web01 sshd[4213]: Invalid user x from 203.0.113.66 port 22",
            {"source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:14 web01 sshd[4213]: pam_unix(sshd:auth): authentication failure;"
            " logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.66  user=root",
            {"event.category": ["session"], "event.action": "ssh_message"},
        ),
        ParserExample(
            "Nov 22 01:06:16 web01 sshd[4213]: Connection closed by authenticating user root"
            " 203.0.113.66 port 22 [preauth]",
            {"event.category": ["session"], "event.action": "ssh_message"},
        ),
        ParserExample(
            "Nov 22 01:06:16 web01 sshd[4299]: Did not receive identification string from"
            " 198.51.100.9 port 4022",
            {"event.outcome": "unknown", "source.ip": "198.51.100.9", "source.port": 4022},
        ),
    ),
)
