"""Parse Postfix: sign-ins by SASL, refused and accepted mail, connections.

A client's host name and address stand in `host[address]`, which the server writes. What a client
may type (addresses, HELO, the name that it signs in with) stands behind it.

A sign-in that is accepted is told by the first mail after it, and by the counts at the connection's
end (`auth=1`): a client that only tries whether a password is right sends no mail. So both are
retellings of one sign-in. A server process serves one client after the other."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, numbers, people

_APP = re.compile(r"postfix(?:-[\w-]+)?/(?:[\w-]+/)*(?P<daemon>[\w-]+)")
_CLIENT = r"(?P<host>[^\s\[\]]*)\[(?P<ip>[0-9A-Fa-f.:%]+|unknown)\](?::(?P<port>[0-9]{1,5}))?"
_SASL_FAILED = re.compile(
    rf"(?:warning: )?{_CLIENT}: SASL (?P<method>[\w-]+) authentication (?P<state>failed|aborted)"
    r"(?:: (?P<rest>.*))?\Z",
    re.DOTALL,
)
_ACCEPTED = re.compile(
    rf"(?P<queue>[0-9A-Za-z]{{5,20}}): client={_CLIENT}(?:, sasl_method=(?P<method>[^,\s]+))?"
    r"(?:, sasl_username=(?P<user>[^,]*))?(?:, sasl_sender=[^,]*)?(?:, orig_\w+=[^,]*)*\Z"
)
_REFUSED = re.compile(
    rf"(?P<queue>[0-9A-Za-z]{{5,20}}): (?:milter-)?(?P<kind>reject|reject_warning|discard|hold|warn):"
    rf" (?P<stage>[\w-]+)(?: command)? from {_CLIENT}: (?P<reason>.*)\Z",
    re.DOTALL,
)
_CONNECTION = re.compile(
    rf"(?:warning: )?(?P<act>connect|disconnect|lost connection after [\w-]+(?: \([^()]*\))?"
    r"|timeout after [\w-]+(?: \([^()]*\))?|too many errors after [\w-]+(?: \([^()]*\))?"
    r"|improper command pipelining after [\w-]+|SSL_accept error|non-SMTP command"
    rf"|setting up TLS connection) from {_CLIENT}(?P<rest>.*)\Z",
    re.DOTALL,
)
_RATE = re.compile(
    rf"(?:warning: )?(?P<act>[A-Z][\w ]+ limit exceeded: [0-9]+) from {_CLIENT} for "
)
_SCREENED = re.compile(
    r"(?:(?P<queue>NOQUEUE): reject: (?:RCPT|CONNECT) from|(?P<act>CONNECT from|DISCONNECT|PASS (?:NEW|OLD)"
    r"|HANGUP after [0-9.]+ from|PREGREET [0-9]+ after [0-9.]+ from|DNSBL rank [0-9]+ for"
    r"|BARE NEWLINE from|COMMAND [\w ]+ LIMIT from|ALLOWLISTED|WHITELISTED|DENYLISTED|BLACKLISTED))"
    r" \[(?P<ip>[0-9A-Fa-f.:]+)\]:(?P<port>[0-9]{1,5})(?P<rest>.*)\Z",
    re.DOTALL,
)
_QUEUE = re.compile(
    r"(?P<queue>[0-9A-Za-z]{5,20}): (?P<rest>(?:from|to|message-id|uid)=.*)\Z", re.DOTALL
)
_ADDRESS = re.compile(r"(?:\A|[ ,;])(from|to|orig_to|message-id|helo)=<([^<>]*)>")
_RELAY = re.compile(r", relay=([^\s\[\],]+)(?:\[([0-9A-Fa-f.:]+)\])?(?::([0-9]+))?")
_STATUS = re.compile(r", dsn=([0-9.]+), status=(\w+) \((.*)\)\Z", re.DOTALL)
_SIZE = re.compile(r", size=([0-9]{1,18})")
_STATUS_CODE = re.compile(r"[245][0-9]{2}(?= )")
_SIGN_INS = re.compile(r" auth=(?:([0-9]{1,6})/)?([0-9]{1,6})(?![0-9/])")
"""Of a connection's end: the accepted ones where some were refused, and all."""
_NO_USER = "(unavailable)"
_MAIL_FIELDS = {
    "from": "email.from.address",
    "to": "email.to.address",
    "message-id": "email.message_id",
    "helo": "source.domain",
}


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
    fields = _parse_message(app["daemon"], line.text)
    if fields is None:
        return IgnoredLine("describes the mail service itself")
    fields |= {"service.name": "postfix", "network.application": "smtp"}
    if line.frame.host:
        fields["host.name"] = line.frame.host
    if fields["event.action"] != "mail_login":
        return ParsedEvent(line.frame.time, fields)
    refused = _SASL_FAILED.match(line.text) is not None
    session = f"{line.frame.host or ''}/{line.frame.pid}/{fields.get('source.ip')}"
    return ParsedEvent(line.frame.time, fields, session=session, is_retelling=not refused)


def _parse_message(daemon: str, text: str) -> dict[str, Value] | None:
    if daemon == "postscreen":
        match = _SCREENED.match(text)
        return None if match is None else _build_screened(match)
    for pattern, build in (
        (_SASL_FAILED, _build_failed_login),
        (_ACCEPTED, _build_accepted),
        (_REFUSED, _build_refused),
        (_CONNECTION, _build_connection),
        (_RATE, _build_limited),
        (_QUEUE, _build_queued),
    ):
        match = pattern.match(text)
        if match is not None:
            return build(match)
    return None


def _put_client(fields: dict[str, Value], match: re.Match[str]) -> None:
    ip = addresses.parse_address(match["ip"])
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(match["port"] or ""))
    host = match.groupdict().get("host")
    if host and host != "unknown":
        fields["source.domain"] = host.casefold()


def _build_failed_login(match: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": "failure",
        "event.action": "mail_login",
        "breach.auth.attempts": 1,
        "breach.auth.method": match["method"].lower(),
    }
    # What the server says stands before the name, and what a stranger typed is the name's end.
    reason, _, user = (match["rest"] or "").partition(", sasl_username=")
    if reason:
        fields["event.reason"] = reason
    if user != _NO_USER:
        people.put_user(fields, user)
    _put_client(fields, match)
    return fields


def _build_accepted(match: re.Match[str]) -> dict[str, Value]:
    """Build a client's mail: with a user it is a sign-in too."""
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": "success",
        "event.action": "mail_accepted",
        "email.local_id": match["queue"],
    }
    if match["user"]:
        fields |= {
            "event.category": ["authentication", "email"],
            "event.type": ["start"],
            "event.action": "mail_login",
            "breach.auth.attempts": 1,
        }
        people.put_user(fields, match["user"])
    if match["method"]:
        fields["breach.auth.method"] = match["method"].lower()
    _put_client(fields, match)
    return fields


def _build_refused(match: re.Match[str]) -> dict[str, Value]:
    is_refused = match["kind"] in ("reject", "discard")
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["denied"] if is_refused else ["info"],
        "event.outcome": "failure" if is_refused else "unknown",
        "event.action": f"mail_{match['kind']}",
        "event.reason": match["reason"].partition("; from=<")[0],
    }
    _put_mail(fields, "; from=<" + match["reason"].partition("; from=<")[2])
    _put_client(fields, match)
    code = _STATUS_CODE.match(match["reason"])
    if code is not None:
        fields["event.code"] = code[0]
    return fields


def _put_mail(fields: dict[str, Value], text: str) -> None:
    for key, value in _ADDRESS.findall(text):
        name = _MAIL_FIELDS.get(key)
        if name is None or not value or name in fields:
            continue
        fields[name] = [value.casefold()] if name == "email.to.address" else value.casefold()


def _build_connection(match: re.Match[str]) -> dict[str, Value]:
    act = match["act"]
    kind = "start" if act == "connect" else "end" if act == "disconnect" else "info"
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", kind],
        "event.outcome": "unknown",
        "event.action": f"mail_{act.partition(' after ')[0].replace(' ', '_').lower()}",
    }
    _put_client(fields, match)
    counts = _SIGN_INS.search(match["rest"]) if kind == "end" else None
    if counts is not None:
        _put_sign_ins(fields, counts)
    return fields


def _put_sign_ins(fields: dict[str, Value], counts: re.Match[str]) -> None:
    """Set what a connection's end says of sign-ins: an accepted one, or how many were refused."""
    accepted = int(counts[2] if counts[1] is None else counts[1])
    fields |= {
        "event.category": ["authentication", "network"],
        "event.outcome": "success" if accepted else "failure",
        "event.action": "mail_login",
        "breach.auth.attempts": accepted or int(counts[2]),
    }


def _build_limited(match: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "denied"],
        "event.outcome": "failure",
        "event.action": "mail_limit_exceeded",
        "event.reason": match["act"],
    }
    _put_client(fields, match)
    return fields


def _build_screened(match: re.Match[str]) -> dict[str, Value]:
    is_refused = match["queue"] is not None
    fields: dict[str, Value] = {
        "event.category": ["email"] if is_refused else ["network"],
        "event.type": ["denied"] if is_refused else ["connection", "info"],
        "event.outcome": "failure" if is_refused else "unknown",
        "event.action": "mail_reject" if is_refused else "mail_screened",
        "event.reason": (match["act"] or match["rest"].lstrip(": ")).partition("; from=<")[0],
    }
    if is_refused:
        _put_mail(fields, match["rest"])
    _put_client(fields, match)
    return fields


def _build_queued(match: re.Match[str]) -> dict[str, Value]:
    text = match["rest"]
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "mail_queued",
        "email.local_id": match["queue"],
    }
    _put_mail(fields, text)
    relay, status, size = _RELAY.search(text), _STATUS.search(text), _SIZE.search(text)
    if relay is not None and relay[1] != "none":
        fields["destination.domain"] = relay[1].casefold()
        ip = addresses.parse_address(relay[2] or "")
        addresses.put_endpoint(fields, "destination", ip, addresses.parse_port(relay[3] or ""))
    if status is not None:
        fields |= {
            "event.action": f"mail_{status[2].lower()}",
            "event.outcome": "success" if status[2] == "sent" else "failure",
            "event.code": status[1],
            "event.reason": status[3],
        }
    if size is not None and (length := numbers.parse_whole(size[1])) is not None:
        fields["network.bytes"] = length
    return fields


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
        ParserExample("Nov 22 01:06:15 mail postfix/master[1]: daemon started", None),
    ),
)
