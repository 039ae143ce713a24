"""Parse the protocol logs of Exchange Server: IMAP and POP sign-ins, and SMTP submission."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, csv_lines, directory_names, stamps

_Fields = dict[str, Value]
_STAMP = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,7})?Z)"
_END = r"(?:\[[0-9A-Fa-f:.%]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}):[0-9]{1,5}"
_MAILBOX = re.compile(
    rf"{_STAMP},([0-9A-Fa-f]{{1,20}}),([0-9]{{1,9}}),({_END}),({_END}),(.*)\Z", re.DOTALL
)
_SMTP = re.compile(
    rf"{_STAMP},([^,]{{1,200}}),([0-9A-F]{{16}}),([0-9]{{1,9}}),({_END})?,({_END})?,([+<>*-]),(.*)\Z",
    re.DOTALL,
)
_HEADER = re.compile(
    r"#Log-type: [\w ]{3,60}|#Fields: (?:dateTime,sessionId,seqNumber,|date-time,connector-id,session-id,)"
)
_SIGN_IN_WORDS = frozenset({"authenticate", "login", "auth", "pass"})
_ANSWER = re.compile(r"\bR=\"?([^\";]{0,200})")
_REASON = re.compile(r"(?:Msg=\"?|ErrMsg=)([^\";]{1,200})")
_REFUSED = re.compile(r"-ERR|\bNO\b|\bBAD\b", re.ASCII)
_PORTS = {143: "imap", 993: "imap", 110: "pop3", 995: "pop3", 1993: "imap", 1995: "pop3"}
_AUTHENTICATED = re.compile(r"([^,]{1,256}),authenticated\s*\Z")
_FAILED = re.compile(
    r"\"?Inbound authentication failed (?:with error (\w{1,64})|because)", re.ASCII
)
_DENIED = re.compile(r"\"?(5[0-9]{2}) (5\.[0-9]\.[0-9]{1,3}) ")


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if text.startswith("#"):
        return _HEADER.match(text) is not None
    return _MAILBOX.match(text) is not None or _SMTP.match(text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if _HEADER.match(line.text):
        return IgnoredLine("names the kind of an Exchange protocol log")
    mailbox = _MAILBOX.match(line.text)
    if mailbox is not None:
        return _parse_mailbox(mailbox)
    smtp = _SMTP.match(line.text)
    if smtp is not None:
        return _parse_smtp(smtp)
    raise UnparseableRecord(
        "no row of an Exchange protocol log",
        place="exchange_protocol",
        remedy="Send the files of Logging\\Imap4, Logging\\Pop3 and SmtpReceive as they are.",
    )


def _build_fields(server: str | None, client: str | None, protocol: str) -> _Fields:
    fields: _Fields = {"service.name": "Exchange", "network.transport": "tcp"}
    for side, text in (("source", client), ("destination", server)):
        end = addresses.parse_endpoint(text or "")
        addresses.put_endpoint(fields, side, end.ip, end.port)
    if protocol:
        fields["network.protocol"] = protocol
    return fields


def _parse_mailbox(match: re.Match[str]) -> ParsedEvent | IgnoredLine:
    """Read `user,duration,rqsize,rpsize,command,parameters,context[,puid]`."""
    stamp, session, _, server, client, rest = match.groups()
    cells = [*csv_lines.split_fields(rest), *[""] * 7]
    user, command, parameters, context = cells[0], cells[4], cells[5], cells[6]
    if command.casefold() not in _SIGN_IN_WORDS:
        return IgnoredLine("a step of a mailbox session")
    port = addresses.parse_endpoint(server).port
    fields = _build_fields(server, client, _PORTS.get(port or 0, ""))
    answer = _ANSWER.search(context)
    answer_text = answer[1].strip() if answer is not None else ""
    refused = _REFUSED.search(answer_text) is not None or "AuthFailed" in context
    accepted = (
        answer_text.casefold() == "ok" or answer_text.startswith("+OK") or " OK" in answer_text
    )
    outcome = "failure" if refused else "success" if accepted else "unknown"
    fields |= _describe_sign_in(outcome)
    name = user or (parameters.split(" ", 1)[0] if command.casefold() == "login" else "")
    directory_names.put_person(fields, name.strip('"'))
    reason = _REASON.search(context)
    if outcome == "failure" and reason is not None:
        fields["event.reason"] = reason[1].strip()
    if command.casefold() == "authenticate" and parameters:
        fields["breach.auth.method"] = parameters.split(" ", 1)[0].casefold()
    return ParsedEvent(stamps.parse_iso(stamp), fields, session=f"{session} {client}")


def _describe_sign_in(outcome: str) -> Mapping[str, Value]:
    return {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.action": {"success": "logged-in", "failure": "logon-failed"}.get(outcome, "logon"),
        "event.outcome": outcome,
    }


def _parse_smtp(match: re.Match[str]) -> ParsedEvent | IgnoredLine:
    """Read the act of one step. A refusal is told twice: by its cause, and by the answer `535`."""
    stamp, connector, session, _, server, client, direction, rest = match.groups()
    fields = _build_fields(server, client, "smtp")
    fields["observer.name"] = connector.partition("\\")[0]
    time = stamps.parse_iso(stamp)
    signed_in, failed = _AUTHENTICATED.match(rest), _FAILED.match(rest.lstrip(","))
    if direction == "*" and signed_in is not None:
        fields |= _describe_sign_in("success")
        directory_names.put_person(fields, signed_in[1].strip('"'))
        return ParsedEvent(time, fields, session=session)
    if direction == "*" and failed is not None:
        fields |= _describe_sign_in("failure")
        if failed[1]:
            fields["event.reason"] = failed[1]
        return ParsedEvent(time, fields, session=session, is_retelling=True)
    denied = _DENIED.match(rest) if direction == ">" else None
    if denied is None:
        return IgnoredLine("a step of an SMTP session")
    code = denied[1]
    if code == "535":
        fields |= _describe_sign_in("failure")
    else:
        fields |= {
            "event.category": ["email"],
            "event.type": ["denied"],
            "event.action": "message-refused",
            "event.outcome": "failure",
        }
    fields |= {"event.code": code, "event.reason": rest.rstrip(",").strip('"')[:200]}
    return ParsedEvent(time, fields, session=session if code == "535" else None)


_START = "2026-11-22T01:06:15.123Z"
PARSER = Parser(
    id="exchange_protocol",
    title="Exchange Server protocol logs (IMAP, POP, SMTP receive)",
    hints=(b"Z,", b"#Log-type:", b"#Fields: date"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/exchange/clients/pop3-and-imap4/configure-pop3-imap4-protocol-logging",
        "https://learn.microsoft.com/exchange/mail-flow/connectors/protocol-logging",
    ),
    examples=(
        ParserExample(
            f"{_START},0000000000000A01,2,10.0.0.5:143,198.51.100.7:35070,Jo,12,34,56,authenticate,PLAIN,"
            '"R=""2 NO AUTHENTICATE failed."";Msg=""AuthFailed:LogonDenied"""',
            {
                "@timestamp": "2026-11-22T01:06:15.123000+00:00",
                "event.outcome": "failure",
                "event.reason": "AuthFailed:LogonDenied",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
                "source.port": 35070,
                "destination.ip": "10.0.0.5",
                "network.protocol": "imap",
            },
        ),
        ParserExample(
            f"{_START},0000000000000A02,3,[2001:db8::5]:995,[2001:db8::7]:35071,CONTOSO\\Jo,12,34,56,pass,*****,R=ok;",
            {
                "event.outcome": "success",
                "user.name": "jo",
                "user.domain": "contoso",
                "source.ip": "2001:db8::7",
                "network.protocol": "pop3",
            },
        ),
        ParserExample(
            f"{_START},0000000000000A02,4,10.0.0.5:143,198.51.100.7:35070,Jo,1,2,3,fetch,1:*,R=ok;",
            None,
        ),
        ParserExample(
            f"{_START},EX01\\Client Frontend EX01,08D9A1B2C3D4E5F6,9,10.0.0.5:587,198.51.100.7:50123,*,"
            "CONTOSO\\jo,authenticated",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "198.51.100.7"},
        ),
        ParserExample(
            f"{_START},EX01\\Client Frontend EX01,08D9A1B2C3D4E5F6,8,10.0.0.5:587,198.51.100.7:50123,>,"
            "535 5.7.3 Authentication unsuccessful,",
            {"event.outcome": "failure", "event.code": "535", "source.port": 50123},
        ),
        ParserExample(
            f"{_START},EX01\\Client Frontend EX01,08D9A1B2C3D4E5F6,7,10.0.0.5:587,198.51.100.7:50123,<,"
            "EHLO 535 5.7.3 192.0.2.66,",
            None,
        ),
    ),
)
