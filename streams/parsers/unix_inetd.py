"""Parse what services of inetd and xinetd write: ftpd, klogind, kshd, smbd, and xinetd itself.

A client's name is its own word and stands behind its address, so the address ends at the first sign
that belongs to none."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, mail_sign_ins

_APP = re.compile(
    r"(?:in\.)?ftpd|wu-ftpd|klogind|kshd|kftpd|smbd|nmbd|xinetd(?:\(pam_unix\))?|tcpd|inetd"
)
_WHERE = r"(?P<where>[\w.:-]{2,255})"
_SIGN_INS = (
    (
        re.compile(rf"(?P<user>ANONYMOUS) FTP LOGIN FROM {_WHERE}(?:[, ]|\Z)", re.IGNORECASE),
        "success",
    ),
    (
        re.compile(
            rf"FTP LOGIN (?:FAILED|REFUSED) (?:\([^()]*\) )?FROM {_WHERE}(?: \[[^\]]*\])?, (?P<user>\S+)"
        ),
        "failure",
    ),
    (re.compile(rf"FTP LOGIN FROM {_WHERE}(?: \[[^\]]*\])?(?:,| as) (?P<user>\S+)"), "success"),
    (re.compile(rf"repeated login failures from {_WHERE}"), "failure"),
    (re.compile(rf"failed login from {_WHERE}(?: \[[^\]]*\])?(?:, (?P<user>\S+))?"), "failure"),
    (re.compile(rf"Authentication failed from {_WHERE} \([^()]*\): (?P<reason>.*)\Z"), "failure"),
    (re.compile(r"(?P<reason>Kerberos authentication failed)"), "failure"),
)
_CONNECTED = re.compile(rf"connection from {_WHERE}(?: \((?P<name>[^()\s]*)\))?")
_STARTED = re.compile(
    r"START: (?P<service>[\w./-]{1,64})(?: pid=[0-9]+)?(?: from=(?P<where>[\w.:-]{2,255}))?"
)
_REFUSED = (
    re.compile(rf"FAIL: (?P<service>[\w./-]{{1,64}}) (?P<reason>[\w ]+) from={_WHERE}"),
    re.compile(rf"Denied connection from (?:\S{{1,255}} )?\({_WHERE}\)"),
    re.compile(rf"refused connect(?:ion)? from (?:\S{{1,255}} \()?{_WHERE}\)?\Z"),
    re.compile(rf"Connection from {_WHERE} on illegal port"),
)


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app is not None and _APP.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    app = line.frame.app
    if app is None or not _can_parse(line):
        raise UnparseableRecord(
            "no line of a service of inetd",
            place="unix_inetd",
            remedy="Check which parser the source names.",
        )
    fields = _parse_message(line.text)
    if fields is None:
        return IgnoredLine("describes the service itself")
    fields.setdefault("service.name", app.partition("(")[0])
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _parse_message(text: str) -> dict[str, Value] | None:
    for pattern, outcome in _SIGN_INS:
        match = pattern.match(text)
        if match is not None:
            return _build_sign_in(match, outcome)
    for pattern in _REFUSED:
        match = pattern.match(text)
        if match is not None:
            return _build_refusal(match)
    match = _CONNECTED.match(text) or _STARTED.match(text)
    if match is None:
        return None
    parts = match.groupdict()
    fields = mail_sign_ins.build_session_event("start", "service_connect")
    mail_sign_ins.put_client(fields, parts["where"])
    if parts.get("service"):
        fields["service.name"] = parts["service"] or ""
    return fields


def _build_sign_in(match: re.Match[str], outcome: str) -> dict[str, Value]:
    parts = match.groupdict()
    fields = mail_sign_ins.build_sign_in(outcome, "service_login", user=parts.get("user"))
    mail_sign_ins.put_client(fields, parts.get("where"))
    if parts.get("reason"):
        fields["event.reason"] = parts["reason"] or ""
    return fields


def _build_refusal(match: re.Match[str]) -> dict[str, Value]:
    parts = match.groupdict()
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "denied"],
        "event.outcome": "failure",
        "event.action": "service_connection_refused",
    }
    where = parts["where"] or ""
    ip = addresses.parse_address(where)
    if ip is None:
        fields["source.domain"] = where.casefold()
    addresses.put_endpoint(fields, "source", ip, None)
    if parts.get("reason"):
        fields["event.reason"] = parts["reason"] or ""
    if parts.get("service"):
        fields["service.name"] = parts["service"] or ""
    return fields


PARSER = Parser(
    id="unix_inetd",
    title="Services of inetd and xinetd (ftpd, klogind, smbd)",
    hints=(b"ftpd", b"klogind", b"kshd", b"smbd", b"nmbd", b"xinetd", b"tcpd", b"inetd"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://github.com/xinetd-org/xinetd",
        "https://cgit.freebsd.org/src/tree/libexec/ftpd/ftpd.c",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 files ftpd[77]: FTP LOGIN FAILED FROM 203.0.113.66, jo",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "service.name": "ftpd",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 files ftpd[77]: ANONYMOUS FTP LOGIN FROM 2001:DB8::7,  (x@192.0.2.9)",
            {"event.outcome": "success", "user.name": "anonymous", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "<37>Nov 22 01:06:15 files klogind[77]: Authentication failed from 203.0.113.66"
            " (203.0.113.66): Permission denied in replay cache code",
            {"event.outcome": "failure", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:15 files ftpd[77]: connection from 203.0.113.66 (host.example) at Sun Nov 22"
            " 01:06:15 2026",
            {"event.category": ["session"], "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:15 files xinetd[77]: FAIL: ftp address from=203.0.113.66",
            {
                "event.category": ["network"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "service.name": "ftp",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 files smbd[77]: Denied connection from (203.0.113.66)",
            {"event.outcome": "failure", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:15 files xinetd[77]: Started working: 3 available services", None
        ),
    ),
)
