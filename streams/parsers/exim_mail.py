"""Parse Exim's main and reject logs: sign-ins by SMTP AUTH, refused and accepted mail, deliveries.

A line begins with Exim's own stamp, also within a syslog frame unless the server leaves it out
there. `H=name (helo) [address]:port` is the client; what stands in round brackets is its own word."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, mail_sign_ins, numbers, people, stamps

_STAMP = (
    r"(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?: [+-][0-9]{4})?) (?:\[[0-9]+\] )?"
)
_ID = r"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) "
_MARK = (
    r"(?:<=|=>|->|\*\*|==|>>|\*>|Completed\b)|[\w.-]{1,64} authenticator (?:failed|refused)\b"
    r"|(?:no host name found|SMTP (?:connection|call|command|protocol|syntax|data)|TLS (?:error|session)"
    r"|unexpected disconnection|rejected |H=|F=<|Warning: |Authentication-Results|Unable to|Sender "
    r"|no MAIL in SMTP|auth_|DKIM|End queue|Start queue|exim |re-exec |login_|too many|Connection from|SIGHUP|daemon)"
)
_OWN = re.compile(rf"{_STAMP}(?:{_ID}|(?={_MARK}))")
_TAGGED = re.compile(rf"(?:\[[0-9]{{1,10}}\] )?(?:{_ID})?(?=.)", re.DOTALL)
_CLIENT = re.compile(
    r"(?<!\S)(?:H=)?(?!(?:from|on) )(?P<host>[^\s()\[\]=]{1,255}+)?(?: ?\((?P<helo>[^()]{0,255}+)\))? ?"
    r"\[(?P<ip>[0-9A-Fa-f.:]{2,45}+)\](?::(?P<port>[0-9]{1,5}))?"
)
_LOCAL = re.compile(r" I=\[(?P<ip>[0-9A-Fa-f.:]{2,45}+)\](?::(?P<port>[0-9]{1,5}))?")
_FAILED = re.compile(
    r"(?P<method>[\w.-]{1,64})\s{1,4}authenticator (?P<state>failed|refused) for (?P<rest>.*)\Z",
    re.DOTALL,
)
_REASON = re.compile(
    r": (?P<code>[0-9]{3}) (?P<reason>[^()]*?)(?: \(set_id=(?:(?P<user>.*)\)|(?P<deferred>[^()]{0,254})\): .*))?\Z",
    re.DOTALL,
)
_UNKNOWN_METHOD = re.compile(
    r'SMTP protocol error in "AUTH ([\w-]{1,40})[^"]*" H=.* (?P<reason>authentication mechanism not supported'
    r"|AUTH command used when not advertised)\Z"
)
_ARRIVAL = re.compile(r"<= (?P<sender><>|\S+)(?P<rest>.*)\Z", re.DOTALL)
_AUTHENTICATED = re.compile(r" A=(?P<method>[^\s:]+)(?::(?P<user>\S+))?")
_SIZE = re.compile(r" S=([0-9]{1,18})\b")
_MESSAGE_ID = re.compile(r" id=(\S+)")
_DELIVERY = re.compile(
    r"(?P<mark>=>|->|>>|\*>|\*\*|==) (?P<recipient>\S+)(?P<rest>.*)\Z", re.DOTALL
)
_REJECTED = re.compile(
    r"(?P<before>.*?)(?P<act>rejected .*|dropped: .*|temporarily rejected .*|sender verify fail for .*"
    r"|closed by DROP in ACL)\Z",
    re.DOTALL,
)
_RECIPIENT = re.compile(r"(?:rejected|RCPT) (?:RCPT )?<([^<>\s]+)>")
_ENVELOPE_SENDER = re.compile(r"\bF=<([^<>\s]*)>")
_DELIVERIES = {"**": ("mail_bounced", "failure"), "==": ("mail_deferred", "failure")}


def _match_start(line: SourceLine) -> re.Match[str] | None:
    part = _PART.match(line.text) if line.frame.app in ("exim", "exim4") else None
    own = _OWN.match(line.text, part.end() if part else 0)
    if own is not None or line.frame.app not in ("exim", "exim4"):
        return own
    start = part.end() if part else 0
    return None if _STAMPED.match(line.text, start) else _TAGGED.match(line.text, start)


_STAMPED = re.compile(_STAMP)
_PART = re.compile(r"\[(?P<number>[0-9]{1,3})[\\/][0-9]{1,3}\] ")
"""The number of a piece of a message that is too long for one line of syslog."""


def _can_parse(line: SourceLine) -> bool:
    return _match_start(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _match_start(line)
    if start is None:
        raise UnparseableRecord(
            "no line of Exim", place="exim_mail", remedy="Check which parser the source names."
        )
    piece = _PART.match(line.text)
    if piece is not None and piece["number"] != "1":
        return IgnoredLine("continues the message of the line before")
    parts = start.groupdict()
    fields = _parse_message(line.text[start.end() :])
    if fields is None:
        return IgnoredLine("describes the mail service itself")
    fields |= {"service.name": "exim", "network.application": "smtp"}
    if parts.get("id"):
        fields["email.local_id"] = parts["id"]
    if line.frame.host and line.frame.app is not None:
        fields["host.name"] = line.frame.host
    session = _get_session(fields)
    return ParsedEvent(
        _parse_time(parts.get("stamp"), line), fields, session=session, is_retelling=bool(session)
    )


def _get_session(fields: dict[str, Value]) -> str | None:
    """Return the connection of a mail after a sign-in: each further mail describes it again."""
    if fields["event.action"] != "mail_login" or fields["event.outcome"] != "success":
        return None
    address, port = fields.get("source.ip"), fields.get("source.port")
    return None if address is None or port is None else f"{address}:{port}"


def _parse_time(stamp: str | None, line: SourceLine) -> datetime | None:
    if stamp is None:
        return line.frame.time
    date, clock, *zone = stamp.split(" ")
    return stamps.parse_iso(f"{date}T{clock}{''.join(zone)}", line.zone)


def _parse_message(text: str) -> dict[str, Value] | None:
    match = _FAILED.match(text)
    if match is not None:
        return _build_failed_login(match)
    match = _ARRIVAL.match(text)
    if match is not None:
        return _build_arrival(match)
    match = _DELIVERY.match(text)
    if match is not None:
        return _build_delivery(match)
    client = _CLIENT.search(text)
    if client is None or text.startswith("exim "):
        return None
    fields = (
        _build_refusal(text)
        or _build_unknown_method(text)
        or {
            "event.category": ["network"],
            "event.type": ["connection", "info"],
            "event.outcome": "unknown",
            "event.action": "mail_connection",
            "event.reason": text[:200],
        }
    )
    if _may_be_typed(text):
        return fields
    _put_client(fields, client)
    return fields


def _may_be_typed(text: str) -> bool:
    """Whether a client may have typed an address: its command stands in quotes before its own."""
    if '"' not in text:
        return False
    return len({client["ip"] for client in _CLIENT.finditer(text)}) > 1


def _build_unknown_method(text: str) -> dict[str, Value] | None:
    """Build a sign-in by a method that the server does not offer."""
    match = _UNKNOWN_METHOD.match(text)
    if match is None:
        return None
    return mail_sign_ins.build_sign_in("failure", "mail_login", method=match[1]) | {
        "event.reason": match["reason"]
    }


def _put_client(fields: dict[str, Value], client: re.Match[str]) -> None:
    """Set the client, and the server's own end where it stands behind it."""
    local = _LOCAL.match(client.string, client.end())
    if local is not None:
        port = addresses.parse_port(local["port"] or "")
        addresses.put_endpoint(fields, "destination", addresses.parse_address(local["ip"]), port)
    ip = addresses.parse_address(client["ip"])
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(client["port"] or ""))
    if client["host"] and "=" not in client["host"]:
        fields["source.domain"] = client["host"].casefold()


def _get_typed_user(reason: re.Match[str]) -> str:
    """Return the name that the client gave; the cause of a temporary failure follows it."""
    user = reason["user"] or reason["deferred"] or ""
    return user.partition("): ")[0] if reason["code"].startswith("4") else user


def _build_failed_login(match: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": "failure",
        "event.action": "mail_login",
        "breach.auth.method": match["method"].lower(),
        "breach.auth.attempts": 1,
    }
    client = _CLIENT.match(match["rest"])
    if client is not None:
        _put_client(fields, client)
    reason = _REASON.search(match["rest"], client.end() if client else 0)
    if reason is not None:
        fields |= {"event.code": reason["code"], "event.reason": reason["reason"]}
        people.put_user(fields, _get_typed_user(reason))
    return fields


def _build_arrival(match: re.Match[str]) -> dict[str, Value]:
    """Build a message's arrival: from a client that signed in, it is a sign-in too."""
    rest = match["rest"]
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": "success",
        "event.action": "mail_accepted",
    }
    if match["sender"] != "<>":
        fields["email.from.address"] = match["sender"].casefold()
    signed_in, size = _AUTHENTICATED.search(rest), _SIZE.search(rest)
    message_id, client = _MESSAGE_ID.search(rest), _CLIENT.search(rest)
    if client is not None:
        _put_client(fields, client)
    if signed_in is not None:
        fields |= {
            "event.category": ["authentication", "email"],
            "event.type": ["start"],
            "event.action": "mail_login",
            "breach.auth.method": signed_in["method"].lower(),
            "breach.auth.attempts": 1,
        }
        people.put_user(fields, signed_in["user"] or "")
    if size is not None and (length := numbers.parse_whole(size[1])) is not None:
        fields["network.bytes"] = length
    if message_id is not None:
        fields["email.message_id"] = message_id[1]
    return fields


def _build_delivery(match: re.Match[str]) -> dict[str, Value]:
    action, outcome = _DELIVERIES.get(match["mark"], ("mail_sent", "success"))
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": outcome,
        "event.action": action,
        "email.to.address": [match["recipient"].strip("<>:").casefold()],
    }
    server = _CLIENT.search(match["rest"])
    if server is not None:
        ip = addresses.parse_address(server["ip"])
        port = addresses.parse_port(server["port"] or "")
        addresses.put_endpoint(fields, "destination", ip, port)
        if server["host"]:
            fields["destination.domain"] = server["host"].casefold()
    if outcome == "failure":
        fields["event.reason"] = match["rest"].partition(": ")[2] or match["rest"].strip()
    return fields


def _build_refusal(text: str) -> dict[str, Value] | None:
    match = _REJECTED.match(text)
    if match is None:
        return None
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["denied"],
        "event.outcome": "failure",
        "event.action": "mail_reject",
        "event.reason": match["act"],
    }
    sender = _ENVELOPE_SENDER.search(match["before"])
    recipient = _RECIPIENT.match(match["act"])
    if sender is not None and sender[1]:
        fields["email.from.address"] = sender[1].casefold()
    if recipient is not None:
        fields["email.to.address"] = [recipient[1].casefold()]
    return fields


PARSER = Parser(
    id="exim_mail",
    title="Exim (SMTP AUTH, refused and delivered mail)",
    hints=(
        b"exim",
        b"authenticator ",
        b" H=",
        b"<= ",
        b"=> ",
        b"** ",
        b"== ",
        b" [",
        b"SMTP ",
        b"Completed",
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://www.exim.org/exim-html-current/doc/html/spec_html/ch-log_files.html",
        "https://www.exim.org/exim-html-current/doc/html/spec_html/ch-smtp_authentication.html",
    ),
    examples=(
        ParserExample(
            "<22>1 2026-11-22T09:14:07+00:00 mx exim 12 - - [1\\4] 2026-11-22 09:14:06 login authenticator"
            " failed for (x) [203.0.113.66]: 435 Unable to authenticate at present"
            " (set_id=jo@contoso.example): cannot open a file (see [192.0.2.1])",
            {
                "@timestamp": "2026-11-22T09:14:06+00:00",
                "event.outcome": "failure",
                "user.email": "jo@contoso.example",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 dovecot_login authenticator failed for (from [192.0.2.9])"
            " [203.0.113.66]:50100 I=[192.0.2.4]:587: 535 Incorrect authentication data"
            " (set_id=Jo@contoso.example)",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.code": "535",
                "event.reason": "Incorrect authentication data",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "source.port": 50100,
                "breach.auth.method": "dovecot_login",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail exim[4211]: 2026-11-22 01:06:15 +0100 plain authenticator failed"
            " for host.example (ylmf-pc) [2001:DB8::7]: 535 Incorrect authentication data",
            {
                "@timestamp": "2026-11-22T00:06:15+00:00",
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "source.domain": "host.example",
                "host.name": "mail",
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 1hAbCd-0001Ef-Gh <= jo@contoso.example H=host.example (laptop)"
            " [203.0.113.66]:50100 P=esmtpsa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no"
            " A=dovecot_plain:jo@contoso.example S=1834 id=m1@contoso.example",
            {
                "event.category": ["authentication", "email"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "network.bytes": 1834,
                "email.from.address": "jo@contoso.example",
                "email.message_id": "m1@contoso.example",
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 H=(user) [203.0.113.66] F=<a@b.example> rejected RCPT"
            " <x@other.example>: relay not permitted",
            {
                "event.action": "mail_reject",
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "email.from.address": "a@b.example",
                "email.to.address": ["x@other.example"],
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 1hAbCd-0001Ef-Gh => x@other.example R=dnslookup T=remote_smtp"
            ' H=mx.other.example [198.51.100.9] C="250 OK"',
            {"event.action": "mail_sent", "destination.ip": "198.51.100.9"},
        ),
        ParserExample(
            "2026-11-22 01:06:15.029 [77] SMTP connection from [203.0.113.66]:50100 (TCP/IP"
            " connection count = 1)",
            {"source.ip": "203.0.113.66", "source.port": 50100, "source.domain": None},
        ),
        ParserExample(
            '2026-11-22 01:06:15 SMTP protocol error in "AUTH CRAM-MD5" H=(laptop) [203.0.113.66]'
            " CRAM-MD5 authentication mechanism not supported",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "breach.auth.method": "cram-md5",
            },
        ),
        ParserExample(
            '2026-11-22 01:06:15 SMTP protocol error in "X H=(laptop) [192.0.2.9] y" H=(laptop)'
            " [203.0.113.66] unrecognized command",
            {"event.outcome": "unknown", "source.ip": None},
        ),
        ParserExample("2026-11-22 01:06:15 1hAbCd-0001Ef-Gh Completed", None),
    ),
)
