"""Parse Sendmail: sign-ins by SMTP AUTH, refused and delivered mail.

`relay=` is the client as the server sees it; it stands behind every address that a client types, so
the last one counts."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import mail_sign_ins, numbers, people

_APP = re.compile(
    r"sendmail|sm-mta(?:-rx|-in)?|sm-acceptingconnections|sm-msp-queue|sm-que|sm-client"
)
_QUEUE = re.compile(r"(?:(?P<queue>[0-9A-Za-z]{8,20}): )?")
_RELAY = re.compile(
    r"relay=(?P<host>[^\s\[\],=]{0,255}+) ?\[(?:IPv6:)?(?P<ip>[0-9A-Fa-f.:]{2,45})\](?: \(may be forged\))?(?:,|\s|\Z)"
)
_PEER = re.compile(
    r"(?P<host>[^\s\[\],=]{0,255}+) ?\[(?:IPv6:)?(?P<ip>[0-9A-Fa-f.:]{2,45})\](?: \(may be forged\))?"
    r"(?:: (?P<act>possible SMTP attack: command=AUTH|Connection rate limit)| (?P<idle>did not issue) )"
)
_AUTHENTICATED = re.compile(r"AUTH=server, .*, authid=(?P<user>[^,\s]+), mech=(?P<method>[\w-]+)")
_FAILED = re.compile(
    r"AUTH failure \((?P<method>[\w-]+)\): (?P<reason>.*?)(?:, user=(?P<user>[^\s,]++))?, relay=",
    re.DOTALL,
)
_ATTACK = re.compile(r"possible SMTP attack: command=AUTH, count=([0-9]{1,6})")
_REFUSED = re.compile(r"ruleset=(?P<ruleset>\w+), .*reject=(?P<reason>.*)\Z", re.DOTALL)
_SENDER = re.compile(r"from=<([^<>\s]*)>")
_RECIPIENT = re.compile(r"\bto=<([^<>\s]*)>")
_ARGUMENT = re.compile(r"arg1=<([^<>\s]*)>")
_SIZE = re.compile(r", size=([0-9]{1,18})")
_STATE = re.compile(r", dsn=(?P<code>[0-9.]+), stat=(?P<state>[^(:,]+)(?P<detail>.*)\Z", re.DOTALL)


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app is not None and _APP.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no line of Sendmail",
            place="sendmail_mail",
            remedy="Check which parser the source names.",
        )
    start = _QUEUE.match(line.text)
    queue = start["queue"] if start else None
    text = line.text[start.end() if start else 0 :]
    fields = _parse_message(text)
    if fields is None:
        return IgnoredLine("describes the mail service itself")
    fields |= {"service.name": "sendmail", "network.application": "smtp"}
    if queue:
        fields["email.local_id"] = queue
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _parse_message(text: str) -> dict[str, Value] | None:
    client = None
    for relay in _RELAY.finditer(text):
        client = relay
    client = client or _PEER.match(text)
    fields = _build_sign_in(text) or _build_refusal(text) or _build_mail(text)
    if fields is None and client is not None and client.groupdict().get("idle"):
        # Connections without a mail: what looks for servers, and who gave up after a refusal.
        fields = mail_sign_ins.build_session_event("end", "mail_idle_connection")
    if fields is None:
        return None
    if client is not None and "destination.ip" not in fields:
        side = (
            "destination" if fields["event.action"] in ("mail_sent", "mail_deferred") else "source"
        )
        _put_peer(fields, side, client)
    return fields


def _put_peer(fields: dict[str, Value], side: str, client: re.Match[str]) -> None:
    peer: dict[str, Value] = {}
    mail_sign_ins.put_client(peer, client["ip"])
    if client["host"]:
        peer["source.domain"] = client["host"].casefold().rstrip(".")
    for name, value in peer.items():
        fields[name.replace("source", side)] = value


def _build_sign_in(text: str) -> dict[str, Value] | None:
    match = _AUTHENTICATED.match(text)
    if match is not None:
        return mail_sign_ins.build_sign_in(
            "success", "mail_login", user=match["user"], method=match["method"]
        )
    match = _FAILED.match(text)
    if match is not None:
        fields = mail_sign_ins.build_sign_in(
            "failure", "mail_login", user=match["user"], method=match["method"]
        )
        return fields | {"event.reason": match["reason"]}
    match = _ATTACK.search(text)
    if match is None:
        return None
    fields = mail_sign_ins.build_sign_in("failure", "mail_login")
    return fields | {"breach.auth.attempts": int(match[1]), "event.reason": match[0]}


def _build_refusal(text: str) -> dict[str, Value] | None:
    match = _REFUSED.match(text)
    if match is None:
        return None
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["denied"],
        "event.outcome": "failure",
        "event.action": "mail_reject",
        "event.reason": match["reason"],
    }
    argument = _ARGUMENT.search(text)
    if argument is not None and match["ruleset"] == "check_rcpt":
        fields["email.to.address"] = [argument[1].casefold()]
    elif argument is not None and match["ruleset"] == "check_mail":
        fields["email.from.address"] = argument[1].casefold()
    return fields


def _build_mail(text: str) -> dict[str, Value] | None:
    sender, recipient = _SENDER.match(text), _RECIPIENT.match(text)
    if sender is None and recipient is None:
        return None
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "mail_accepted",
    }
    state, size = _STATE.search(text), _SIZE.search(text)
    if sender is not None and sender[1]:
        fields["email.from.address"] = sender[1].casefold()
    if recipient is not None:
        fields |= {"email.to.address": [recipient[1].casefold()], "event.action": "mail_deferred"}
    if state is not None:
        sent = state["state"].strip() == "Sent"
        fields |= {
            "event.action": "mail_sent" if sent else "mail_deferred",
            "event.outcome": "success" if sent else "failure",
            "event.code": state["code"],
            "event.reason": f"{state['state']}{state['detail']}".strip(),
        }
    if size is not None and (length := numbers.parse_whole(size[1])) is not None:
        fields["network.bytes"] = length
    people.put_user(fields, "")
    return fields


PARSER = Parser(
    id="sendmail_mail",
    title="Sendmail (SMTP AUTH, refused and delivered mail)",
    hints=(b"sendmail", b"sm-"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://www.proofpoint.com/us/products/email-protection/open-source-email-solution",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 mail sm-mta[4211]: 2AM16FaB004211: AUTH failure (LOGIN): authentication"
            " failure (-13) SASL(-13): authentication failure: checkpass failed, user=jo,"
            " relay=[203.0.113.66]",
            {
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "breach.auth.method": "login",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail sendmail[4211]: AUTH=server, relay=host.example [IPv6:2001:DB8::7],"
            " authid=Jo, mech=PLAIN, bits=0",
            {
                "event.outcome": "success",
                "user.name": "jo",
                "source.ip": "2001:db8::7",
                "source.domain": "host.example",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail sm-mta[4211]: 2AM16FaB004211: ruleset=check_rcpt,"
            " arg1=<x@other.example>, relay=host.example [203.0.113.66], reject=550 5.7.1"
            " <x@other.example>... Relaying denied",
            {"event.action": "mail_reject", "email.to.address": ["x@other.example"]},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail sm-mta[17]: 2AM16FaB004211: to=<x@other.example>, delay=00:00:02,"
            " mailer=esmtp, pri=30000, relay=mx.other.example. [198.51.100.9], dsn=2.0.0, stat=Sent"
            " (OK)",
            {"event.action": "mail_sent", "destination.ip": "198.51.100.9", "source.ip": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail sm-mta[17]: starting daemon (8.17.1): SMTP+queueing@00:15:00",
            None,
        ),
    ),
)
