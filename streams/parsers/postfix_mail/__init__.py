"""Parse Postfix: sign-ins by SASL, refused and accepted mail, connections.

A client's host name and address stand in `host[address]`, which the server writes. What a client
may type (addresses, HELO, the name that it signs in with) stands behind it.

A sign-in that is accepted is told by the first mail after it, and by the counts at the connection's
end (`auth=1`): a client that only tries whether a password is right sends no mail. So both are
retellings of one sign-in. A server process serves one client after the other."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.parsers.postfix_mail import messages

_APP = re.compile(r"postfix(?:-[\w-]+)?(?:/(?:[\w-]+/)*(?!policy)(?P<daemon>[\w-]+))?")


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app is not None and _APP.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    app = _APP.fullmatch(line.frame.app or "")
    if app is None:
        raise UnparseableRecord(
            "no line of Postfix",
            place="postfix_mail",
            remedy="Check which parser the source names.",
        )
    fields = messages.parse_message(app["daemon"], line.text)
    if fields is None:
        return IgnoredLine("describes the mail service itself")
    fields |= {"service.name": "postfix", "network.application": "smtp"}
    if line.frame.host:
        fields["host.name"] = line.frame.host
    if fields["event.action"] != "mail_login":
        return ParsedEvent(line.frame.time, fields)
    session = f"{line.frame.host or ''}/{line.frame.pid}/{fields.get('source.ip')}"
    return ParsedEvent(
        line.frame.time,
        fields,
        session=session,
        is_retelling=not messages.is_refused_sign_in(line.text),
    )


_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "mail_login",
}

PARSER = Parser(
    id="postfix_mail",
    title="Postfix (SASL sign-ins, refused and delivered mail)",
    hints=(b"postfix",),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://www.postfix.org/SASL_README.html",
        "https://www.postfix.org/POSTSCREEN_README.html",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtpd[4211]: warning: unknown[203.0.113.66]: SASL LOGIN"
            " authentication failed: UGFzc3dvcmQ6",
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "source.ip": "203.0.113.66",
                "source.domain": None,
                "breach.auth.method": "login",
                "host.name": "mail",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/submission/smtpd[4211]: warning:"
            " host.example[2001:DB8::7]:50100: SASL PLAIN authentication failed: (reason"
            " unavailable), sasl_username=Jo@contoso.example",
            _FAILED
            | {
                "source.ip": "2001:db8::7",
                "source.port": 50100,
                "source.domain": "host.example",
                "user.name": "jo@contoso.example",
            },
        ),
        ParserExample(
            "<22>Nov 22 01:06:15 mail postfix/smtps/smtpd[9]: 4F2A61C0B3: client=unknown[203.0.113.66],"
            " sasl_method=PLAIN, sasl_username=jo@contoso.example",
            {
                "event.category": ["authentication", "email"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtpd[4211]: NOQUEUE: reject: RCPT from"
            " unknown[203.0.113.66]: 554 5.7.1 <x@other.example>: Relay access denied;"
            " from=<a@b.example> to=<x@other.example> proto=ESMTP helo=<[192.0.2.9]>",
            {
                "event.outcome": "failure",
                "event.action": "mail_reject",
                "event.code": "554",
                "event.reason": "554 5.7.1 <x@other.example>: Relay access denied",
                "source.ip": "203.0.113.66",
                "email.from.address": "a@b.example",
                "email.to.address": ["x@other.example"],
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtp[17]: 4F2A61C0B3: to=<x@other.example>,"
            " relay=mx.other.example[198.51.100.9]:25, delay=1.2, delays=0.1/0/0.6/0.5, dsn=2.0.0,"
            " status=sent (250 2.0.0 OK)",
            {
                "event.category": ["email"],
                "event.outcome": "success",
                "destination.ip": "198.51.100.9",
                "email.to.address": ["x@other.example"],
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/postscreen[7]: CONNECT from [203.0.113.66]:40022 to"
            " [192.0.2.4]:25",
            {"source.ip": "203.0.113.66", "source.port": 40022, "event.action": "mail_screened"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtpd[4211]: lost connection after AUTH from"
            " unknown[203.0.113.66]",
            {"event.action": "mail_lost_connection", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtpd[4211]: warning: unknown[203.0.113.66]: SASL PLAIN"
            " authentication failed: (reason unavailable), sasl_username=x, sasl_username=jo",
            _FAILED | {"user.name": "x, sasl_username=jo", "event.reason": "(reason unavailable)"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtpd[4211]: disconnect from unknown[203.0.113.66] ehlo=1"
            " auth=1/3 quit=1 commands=3/5",
            {
                "event.category": ["authentication", "network"],
                "event.type": ["connection", "end"],
                "event.outcome": "success",
                "event.action": "mail_login",
                "breach.auth.attempts": 1,
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/cleanup[9]: 4F2A61C0B3: warning: header Subject: hello from"
            " host.example[203.0.113.66]; from=<jo@b.example> to=<x@contoso.example> proto=ESMTP"
            " helo=<h>",
            {
                "event.action": "mail_warning",
                "source.ip": "203.0.113.66",
                "email.from.address": "jo@b.example",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/cleanup[9]: 4F2A61C0B3: warning: header Subject: x from"
            " h[192.0.2.9]; from=<y> from host.example[203.0.113.66]; from=<jo@b.example>",
            {"event.action": "mail_warning", "source.ip": None, "email.from.address": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtp[9]: 4F2A61C0B3: host mx.example[198.51.100.9] said: 432"
            " 4.3.2 limit exceeded (in reply to end of DATA command)",
            {"event.action": "mail_answer", "destination.ip": "198.51.100.9", "event.code": "432"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/anvil[9]: statistics: max connection rate 7/60s for"
            " (smtp:203.0.113.66) at Nov 22 01:04:15",
            {"event.action": "mail_statistics", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postfix/smtp[9]: Untrusted TLS connection established to"
            " mx.example[2001:DB8::9]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)",
            {"event.action": "mail_encrypted", "destination.ip": "2001:db8::9"},
        ),
        ParserExample("Nov 22 01:06:15 mail postfix/master[1]: daemon started", None),
    ),
)
