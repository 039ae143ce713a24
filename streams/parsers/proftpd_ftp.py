"""Parse ProFTPD: sign-ins, refusals and sessions.

The server writes the client as `(name[address])` before its message."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, mail_sign_ins

_LINE = re.compile(
    r"(?:(?P<server>[^\s()\[\]]{1,255}) )?\((?P<host>[^\s()\[\]]{0,255})\[(?P<ip>[0-9A-Fa-f.:]{2,45})\]\)"
    r"(?: - |: |:? )(?P<message>.*)\Z",
    re.DOTALL,
)
_APP = re.compile(r"proftpd(?:\[[0-9]+\])?")
_FAILED = re.compile(
    r"USER (?P<user>.*?)(?: \(Login failed\): (?P<reason>.*)|: (?P<unknown>no such user)(?: found)?(?: from .*?(?: to (?P<to>[0-9A-Fa-f.:]{2,64}))?)?"
    r"|: (?P<other>Login (?:failed|incorrect).*))\Z",
    re.DOTALL,
)
_SIGNED_IN = re.compile(r"(?:USER|ANON) (?P<user>.*): Login successful\.?\Z", re.DOTALL)
_REFUSED = re.compile(
    r"(?:SECURITY VIOLATION: (?P<what>.*)|Maximum login attempts.*|.*: refused .*|Refused user (?P<user>\S+).*)\Z",
    re.DOTALL,
)
_ROOT = re.compile(r"(?P<user>\S+) login attempted")
_DENIED = re.compile(
    r"Connection (?:from .* denied|refused .*)|.*: Limit access denies login.*", re.DOTALL
)
_WRAPPED = re.compile(r"refused connect from (?:\S{1,255} \()?(?P<ip>[0-9A-Fa-f.:]{2,45})\)?\Z")
_UNFRAMED = re.compile(r"proftpd\[[0-9]+\] (?=\S{1,255}(?: \(|: ))")
"""A process that is followed by no colon, as the server's own log writes it."""
_SESSION = re.compile(
    r"FTP (?:session|login) (?P<act>opened|closed|timed out)|(?P<end>Client session idle)"
)


def _match(line: SourceLine) -> re.Match[str] | None:
    if not _can_parse(line):
        return None
    own = _UNFRAMED.match(line.text)
    return _LINE.match(line.text, own.end() if own else 0)


def _can_parse(line: SourceLine) -> bool:
    if line.frame.app is None:
        return _UNFRAMED.match(line.text) is not None
    return _APP.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no line of ProFTPD", place="proftpd_ftp", remedy="Check which parser the source names."
        )
    match = _match(line)
    wrapped = _WRAPPED.match(line.text)
    if wrapped is not None:
        fields = _build_refused_connection(line.text)
        mail_sign_ins.put_client(fields, wrapped["ip"])
    else:
        read = None if match is None else _parse_message(match["message"])
        if match is None or read is None:
            return IgnoredLine("describes the file server itself")
        fields = read
        mail_sign_ins.put_client(fields, match["ip"])
        if match["host"] and match["host"] != match["ip"]:
            fields["source.domain"] = match["host"].casefold()
    fields |= {"service.name": "proftpd", "network.application": "ftp"}
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _parse_message(text: str) -> dict[str, Value] | None:
    match = _FAILED.match(text)
    if match is not None:
        fields = mail_sign_ins.build_sign_in("failure", "ftp_login", user=match["user"])
        reason = match["reason"] or match["unknown"] or match["other"]
        ip, _, port = (match["to"] or "").rpartition(":")
        if ip:
            addresses.put_endpoint(
                fields, "destination", addresses.parse_address(ip), addresses.parse_port(port)
            )
        return fields | {"event.reason": reason.strip().rstrip(".")}
    match = _SIGNED_IN.match(text)
    if match is not None:
        return mail_sign_ins.build_sign_in("success", "ftp_login", user=match["user"])
    match = _REFUSED.match(text)
    if match is not None:
        root = _ROOT.match(match["what"] or "")
        user = root["user"] if root else match["user"]
        return mail_sign_ins.build_sign_in("failure", "ftp_login", user=user) | {
            "event.reason": text
        }
    if _DENIED.match(text):
        return _build_refused_connection(text)
    match = _SESSION.match(text)
    if match is None:
        return None
    kind = "start" if match["act"] == "opened" else "end"
    return mail_sign_ins.build_session_event(kind, f"ftp_session_{kind}")


def _build_refused_connection(reason: str) -> dict[str, Value]:
    return {
        "event.category": ["network"],
        "event.type": ["connection", "denied"],
        "event.outcome": "failure",
        "event.action": "ftp_connection_refused",
        "event.reason": reason,
    }


PARSER = Parser(
    id="proftpd_ftp",
    title="ProFTPD",
    hints=(b"proftpd",),
    claims=_can_parse,
    parse=_parse,
    references=("https://github.com/proftpd/proftpd/blob/master/doc/howto/Logging.html",),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 files proftpd[77]: refused connect from 203.0.113.66 (203.0.113.66)",
            {
                "event.outcome": "failure",
                "event.category": ["network"],
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15,805 files proftpd[77] files.example (203.0.113.66[203.0.113.66]):"
            " USER jo (Login failed): Incorrect password",
            {
                "@timestamp": "2026-11-22T01:06:15.805000+00:00",
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 ftp proftpd[4211]: ftp.contoso.example (host.example[203.0.113.66]): USER"
            " jo (Login failed): Incorrect password.",
            {
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "source.domain": "host.example",
                "event.reason": "Incorrect password",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 ftp proftpd[4211]: ftp.contoso.example (2001:DB8::7[2001:DB8::7]) - USER"
            " x: no such user found from 192.0.2.9 [192.0.2.9] to ::ffff:192.0.2.4:21",
            {
                "event.outcome": "failure",
                "user.name": "x",
                "source.ip": "2001:db8::7",
                "destination.ip": "192.0.2.4",
                "destination.port": 21,
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 ftp proftpd[4211]: ftp.contoso.example (203.0.113.66[203.0.113.66]) -"
            " USER jo: Login successful.",
            {"event.outcome": "success", "user.name": "jo"},
        ),
        ParserExample(
            "Nov 22 01:06:15 ftp proftpd[4211]: ftp.contoso.example (203.0.113.66[203.0.113.66]) -"
            " SECURITY VIOLATION: root login attempted.",
            {"event.outcome": "failure", "user.name": "root"},
        ),
    ),
)
