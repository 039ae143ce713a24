"""Parse Courier's sign-ins: IMAP, POP3 and SMTP.

A field ends at `, `, and a name that a client types stands before the address that the server
writes: of several addresses the last one counts."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import mail_sign_ins

_APP = re.compile(
    r"(?:courier-)?(?:imapd|imapd-ssl|imaplogin|pop3d|pop3d-ssl|pop3login|courierpop3login|courieresmtpd"
    r"|courierpop3d|courierimapd|authdaemond|webmaild?|sqwebmaild?|couriertcpd|courierd)"
)
_SIGN_IN = re.compile(
    r"(?:(?:INFO|NOTICE|DEBUG|ERR): )?(?P<act>LOGIN FAILED|LOGIN|LOGOUT|TIMEOUT|DISCONNECTED|Connection)\b"
    r"(?:, method=(?P<method>[^,\s]+))?(?:, user=(?P<user>.*(?=, ip=\[)))?(?P<rest>.*)\Z",
    re.DOTALL,
)
_IP = re.compile(r", ip=\[(?P<ip>[0-9A-Fa-f.:]{2,45})\](?:, port=\[(?P<port>[0-9]{1,5})\])?")
_VOLUME = re.compile(r", rcvd=([0-9]{1,18}), sent=([0-9]{1,18})")
_RELAY = re.compile(
    r"error,relay=(?P<ip>[0-9A-Fa-f.:]{2,45})(?:,port=(?P<port>[0-9]{1,5}))?,(?:msg=\"(?P<msg>.*?)\",)?"
    r"(?:from=[^,]*,)?(?:to=[^,]*)?[,:]* ?(?P<reason>.*)\Z",
    re.DOTALL,
)
_AUTH_REFUSED = re.compile(r"\b53[0-9]\b|authentication", re.IGNORECASE)
_PROTOCOLS = {"imap": "imap", "pop3": "pop3", "esmtp": "smtp"}


def _can_parse(line: SourceLine) -> bool:
    return (
        line.frame.app is not None
        and _APP.fullmatch(line.frame.app) is not None
        and (_SIGN_IN.match(line.text) is not None or _RELAY.match(line.text) is not None)
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    app = line.frame.app
    if app is None or not _can_parse(line):
        raise UnparseableRecord(
            "no sign-in of Courier",
            place="courier_mail",
            remedy="Check which parser the source names.",
        )
    match = _SIGN_IN.match(line.text)
    relay = None if match is not None else _RELAY.match(line.text)
    fields = _build_sign_in(match) if match is not None else _build_refusal(relay)
    fields["service.name"] = "courier"
    for part, protocol in _PROTOCOLS.items():
        if part in app:
            fields["network.application"] = protocol
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _build_sign_in(match: re.Match[str]) -> dict[str, Value]:
    act = match["act"]
    if act in ("LOGIN", "LOGIN FAILED"):
        outcome = "success" if act == "LOGIN" else "failure"
        fields = mail_sign_ins.build_sign_in(
            outcome, "mail_login", user=match["user"], method=match["method"]
        )
    else:
        kind = "start" if act == "Connection" else "end"
        fields = mail_sign_ins.build_session_event(kind, f"mail_{act.lower()}", match["user"])
    ip = _IP.search(match["rest"])
    if ip is not None:
        mail_sign_ins.put_client(fields, ip["ip"], ip["port"])
    volume = _VOLUME.search(match["rest"])
    if volume is not None:
        fields |= {"source.bytes": int(volume[1]), "destination.bytes": int(volume[2])}
    return fields


def _build_refusal(match: re.Match[str] | None) -> dict[str, Value]:
    assert match is not None, "one of the two patterns matches"
    reason = match["msg"] or match["reason"]
    if _AUTH_REFUSED.search(reason):
        fields = mail_sign_ins.build_sign_in("failure", "mail_login")
    else:
        fields = {
            "event.category": ["email"],
            "event.type": ["denied"],
            "event.outcome": "failure",
            "event.action": "mail_reject",
        }
    fields["event.reason"] = reason
    mail_sign_ins.put_client(fields, match["ip"], match["port"])
    return fields


PARSER = Parser(
    id="courier_mail",
    title="Courier (IMAP, POP3, SMTP)",
    hints=(
        b"LOGIN",
        b"LOGOUT",
        b"TIMEOUT, user=",
        b"DISCONNECTED",
        b"Connection, ip=[",
        b"error,relay=",
    ),
    claims=_can_parse,
    parse=_parse,
    references=("https://www.courier-mta.org/imap/documentation.html",),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 mail imapd: LOGIN FAILED, user=Jo, ip=[192.0.2.9], ip=[::ffff:203.0.113.66]",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "user.name": "jo, ip=[192.0.2.9]",
                "source.ip": "203.0.113.66",
                "network.application": "imap",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail pop3d-ssl: LOGIN, user=jo@contoso.example, ip=[2001:DB8::7],"
            " port=[50100]",
            {"event.outcome": "success", "source.ip": "2001:db8::7", "source.port": 50100},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail courieresmtpd: error,relay=::ffff:203.0.113.66,port=50100,"
            'msg="535 Authentication failed.",cmd: AUTH LOGIN',
            {"event.outcome": "failure", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail imapd: LOGOUT, user=jo, ip=[::ffff:203.0.113.66], headers=0,"
            " body=0, rcvd=245, sent=1834, time=9",
            {"event.action": "mail_logout", "source.bytes": 245, "destination.bytes": 1834},
        ),
    ),
)
