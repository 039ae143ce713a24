"""Parse Cyrus IMAP's sign-ins: IMAP, POP3, sieve, LMTP."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import mail_sign_ins

_APP = re.compile(
    r"cyrus|(?:cyrus/)?(?P<service>imaps?|pop3s?|sieve|timsieved|nntps?|httpd?s?|lmtp|lmtpunix)"
)
_SIGN_IN = re.compile(
    r"(?P<act>badlogin|login): (?P<host>[^\s\[\]]*) ?\[(?P<ip>[0-9A-Fa-f.:]{2,45})\]\s(?P<rest>.*)\Z",
    re.DOTALL,
)
_SUCCESS = re.compile(
    r"(?P<user>\S+) (?P<method>\S+) (?:User logged in|GUID logged in)?(?: SESSIONID=<(?P<session>[^<>]*)>)?"
)
_FAILURE = re.compile(
    r"(?P<method>[\w.+-]+)(?: (?P<user>\S+))? (?:SASL|\[SASL)\(-?(?P<code>[0-9]{1,4})\): (?P<reason>[^\]]*)",
    re.DOTALL,
)
_NOT_OURS = "no sign-in of Cyrus"


def _can_parse(line: SourceLine) -> bool:
    app = line.frame.app
    return (
        app is not None
        and _APP.fullmatch(app) is not None
        and _SIGN_IN.match(line.text) is not None
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    app = _APP.fullmatch(line.frame.app or "")
    match = _SIGN_IN.match(line.text)
    if app is None or match is None:
        raise UnparseableRecord(
            _NOT_OURS, place="cyrus_mail", remedy="Check which parser the source names."
        )
    fields = (
        _build_failure(match["rest"])
        if match["act"] == "badlogin"
        else _build_success(match["rest"])
    )
    mail_sign_ins.put_client(fields, match["ip"])
    if match["host"]:
        fields["source.domain"] = match["host"].casefold()
    fields["service.name"] = "cyrus"
    if app["service"]:  # a relay cuts a tag at its slash
        fields["network.application"] = app["service"].rstrip("s")
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _build_failure(rest: str) -> dict[str, Value]:
    match = _FAILURE.match(rest)
    if match is None:
        method, _, reason = rest.partition(" ")
        return mail_sign_ins.build_sign_in("failure", "mail_login", method=method) | {
            "event.reason": reason
        }
    fields = mail_sign_ins.build_sign_in(
        "failure", "mail_login", user=match["user"], method=match["method"]
    )
    return fields | {"event.code": f"-{match['code']}", "event.reason": match["reason"].strip()}


def _build_success(rest: str) -> dict[str, Value]:
    match = _SUCCESS.match(rest)
    if match is None:
        return mail_sign_ins.build_sign_in("success", "mail_login")
    return mail_sign_ins.build_sign_in(
        "success", "mail_login", user=match["user"], method=match["method"]
    )


PARSER = Parser(
    id="cyrus_mail",
    title="Cyrus IMAP (IMAP, POP3, sieve)",
    hints=(b"login: ",),
    claims=_can_parse,
    parse=_parse,
    references=("https://www.cyrusimap.org/imap/reference/admin/monitoring.html",),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 mail cyrus/imaps[4211]: badlogin: host.example [203.0.113.66] plaintext"
            " Jo@contoso.example SASL(-13): authentication failure: checkpass failed",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "event.code": "-13",
                "breach.auth.method": "plaintext",
                "network.application": "imap",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail imap[4211]: badlogin: [2001:DB8::7] DIGEST-MD5 [SASL(-13):"
            " authentication failure: client response doesn't match what we generated]",
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "breach.auth.method": "digest-md5",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail imaps[4211]: login: host.example [203.0.113.66] jo plaintext+TLS"
            " User logged in SESSIONID=<cyrus-4211-1>",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "203.0.113.66"},
        ),
    ),
)
