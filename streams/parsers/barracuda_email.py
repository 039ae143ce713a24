"""Parse the Barracuda Email Security Gateway: `host[ip] id start end RECV|SCAN|SEND …`.

The numbers of what it did mean other things for SEND than for RECV and SCAN. Texts that a client or a
server types stand last."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, field_tables, numbers

_LINE = re.compile(
    r"\s*+(?:(?:inbound/pass[0-9]|scan|outbound/smtp|notify/smtp)(?:\[[0-9]+\])?: +)?"
    r"(?:(?P<name>[^\s\[\]{}\"]{1,256})\[(?P<bracketed>[0-9A-Fa-f:.]{2,45})\]|(?P<ip>[0-9A-Fa-f:.]{2,45}))"
    r" (?P<id>[\w.-]{8,80}) (?P<start>[0-9]{1,12}) (?P<end>[0-9]{1,12}) (?P<service>RECV|SCAN|SEND) "
)
_RECEIVED = re.compile(
    r"(?P<sender>\S{1,512}) (?P<recipient>\S{1,512}) (?P<act>[0-9]{1,2}) (?P<reason>[0-9]{1,3})(?: (?P<rest>.*))?",
    re.DOTALL,
)
_SCANNED = re.compile(
    r"(?P<encrypted>\S{1,32}) (?P<sender>\S{1,512}) (?P<recipient>\S{1,512}) (?P<score>-|-?[0-9.]{1,12})"
    r" (?P<act>[0-9]{1,2}) (?P<reason>[0-9]{1,3})(?: (?P<rest>.*))?",
    re.DOTALL,
)
_SENT = re.compile(
    r"(?P<encrypted>\S{1,32}) (?P<act>[0-9]{1,2}) (?P<queue>\S{1,80})(?: (?P<rest>.*))?", re.DOTALL
)
_FORMS = {"RECV": _RECEIVED, "SCAN": _SCANNED, "SEND": _SENT}
_SUBJECT = re.compile(r"(?:\A|\s)(?:SZ:(?P<size>[0-9]{1,15}) )?SUBJ:", re.IGNORECASE)
_REFUSED_CODE = re.compile(r"\b535 ")
_REFUSED_LOGIN = re.compile(r"authentication failed(?: \[(?P<user>.+)\])?", re.DOTALL)
_Act = tuple[str, str, str]
_TAKEN: dict[str, _Act] = {
    "0": ("allowed", "success", "message-allowed"),
    "1": ("info", "failure", "message-aborted"),
    "2": ("denied", "failure", "message-blocked"),
    "3": ("denied", "failure", "message-quarantined"),
    "4": ("allowed", "success", "message-tagged"),
    "5": ("info", "failure", "message-deferred"),
    "6": ("denied", "failure", "message-quarantined"),
    "7": ("allowed", "success", "message-allowed"),
    "8": ("allowed", "success", "message-encrypted"),
    "9": ("info", "success", "message-redirected"),
}
_SENT_ACTS: dict[str, _Act] = {
    "1": ("info", "success", "message-delivered"),
    "2": ("denied", "failure", "message-rejected"),
    "3": ("info", "failure", "message-deferred"),
    "4": ("info", "failure", "message-expired"),
}
_OTHER: _Act = ("info", "unknown", "message-handled")


def _can_parse(line: SourceLine) -> bool:
    return _LINE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _LINE.match(line.text)
    form = None if start is None else _FORMS[start["service"]].match(line.text, start.end())
    if start is None or form is None:
        raise UnparseableRecord(
            "no message of a Barracuda Email Security Gateway",
            place="barracuda_email",
            remedy="Set the Mail Syslog of the gateway to this intake.",
        )
    service, groups = start["service"], form.groupdict()
    acts = _SENT_ACTS if service == "SEND" else _TAKEN
    kind, outcome, action = acts.get(groups["act"], _OTHER)
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": [kind],
        "event.outcome": outcome,
        "event.action": action,
        "email.local_id": start["id"],
        "observer.vendor": "Barracuda",
        "observer.product": "Email Security Gateway",
        "observer.type": "email",
    }
    if groups.get("reason"):
        fields["event.code"] = groups["reason"]
    if line.frame.host:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    if service != "SEND":
        # For SEND the gateway writes itself and no times.
        _put_client(fields, start)
        _put_envelope(fields, groups)
    _put_rest(fields, (groups["rest"] or "").strip())
    moment = numbers.parse_whole(start["end"])
    time = datetime.fromtimestamp(moment, UTC) if moment and moment < 10_000_000_000 else None
    return ParsedEvent(time or line.frame.time, fields)


def _put_client(fields: dict[str, Value], start: re.Match[str]) -> None:
    ip = addresses.parse_address(start["bracketed"] or start["ip"])
    addresses.put_endpoint(fields, "source", ip, None)
    if start["name"] and start["name"] != "unknown":
        fields["source.domain"] = start["name"].lower()


def _put_envelope(fields: dict[str, Value], groups: dict[str, str | None]) -> None:
    sender, recipient = groups["sender"] or "-", groups["recipient"] or "-"
    if "@" in sender:
        fields["email.from.address"] = sender.casefold()
    if "@" in recipient:
        fields["email.to.address"] = [recipient.casefold()]


def _put_rest(fields: dict[str, Value], rest: str) -> None:
    """Set the reason, the size and the subject, which is whatever the sender typed."""
    subject = _SUBJECT.search(rest)
    reason = rest if subject is None else rest[: subject.start()].strip()
    if subject is not None:
        fields["email.subject"] = rest[subject.end() :]
    if reason.strip("- "):
        fields["message"] = reason
        if fields["event.outcome"] == "failure":
            fields["event.reason"] = reason
    code = _REFUSED_CODE.search(reason)
    refused = None if code is None else _REFUSED_LOGIN.search(reason, code.end())
    if refused is not None:
        field_tables.put_account(fields, refused["user"] or "")
        fields |= {"event.category": ["authentication"], "event.type": ["start"]}
        fields |= {"event.outcome": "failure", "event.action": "login-failed"}


PARSER = Parser(
    id="barracuda_email",
    title="Barracuda Email Security Gateway",
    hints=(b" RECV ", b" SCAN ", b" SEND "),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.ibm.com/docs/en/qsip/7.5.0?topic=firewall-barracuda-spam-virus-sample-event-messages",
        "https://campus.barracuda.com/product/emailsecuritygateway/doc/12193950/syslog-and-the-barracuda-email-security-gateway/",
    ),
    examples=(
        ParserExample(
            "Nov 22 09:14:07 mx-hq inbound/pass1[25713]: unknown[198.51.100.77]"
            " 1795338847-03f828647122cb90001-hUkLV9 1795338847 1795338847 RECV eve@fabrikam.example"
            " nobody@contoso.example 2 8 No such user (nobody@contoso.example)",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.category": ["email"],
                "event.type": ["denied"],
                "event.outcome": "failure",
                "event.code": "8",
                "event.reason": "No such user (nobody@contoso.example)",
                "source.ip": "198.51.100.77",
                "source.domain": None,
                "email.from.address": "eve@fabrikam.example",
                "email.to.address": ["nobody@contoso.example"],
            },
        ),
        ParserExample(
            "<23>scan[9097]: mail.fabrikam.example[2001:db8::66] 1795338850-05f5cb11fe1b9a50001-wlKzrS"
            " 1795338850 1795338852 SCAN - eve@fabrikam.example jo@contoso.example 7.2 3 70"
            " fabrikam.example SZ:3117 SUBJ:Invoice SUBJ: x RECV a b 0 0",
            {
                "event.action": "message-quarantined",
                "event.reason": "fabrikam.example",
                "source.ip": "2001:db8::66",
                "source.domain": "mail.fabrikam.example",
                "email.subject": "Invoice SUBJ: x RECV a b 0 0",
            },
        ),
        ParserExample(
            "Nov 22 09:16:00 mx-hq outbound/smtp[2201]: 127.0.0.1 1795338850-05f5cb11fe1b9a50001-wlKzrS"
            " 0 0 SEND - 2 4F2B1C8D99 550 5.1.1 no such mailbox",
            {
                "event.action": "message-rejected",
                "event.outcome": "failure",
                "source.ip": None,
                "event.reason": "550 5.1.1 no such mailbox",
            },
        ),
        ParserExample(
            "Nov 22 09:17:00 mx-hq inbound/pass1: unknown[203.0.113.66] 1795339020-1920756-20844-1"
            " 1795339020 1795339020 RECV - - 2 83 535 Error: authentication failed [eve@contoso.example]",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.email": "eve@contoso.example",
            },
        ),
    ),
)
