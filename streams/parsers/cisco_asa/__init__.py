"""Parse Cisco ASA and Secure Firewall (FTD, Firepower) messages: `%ASA-4-106023: Deny tcp src …`.

The six-digit number says what happened (messages.py); the text is a sentence of a common grammar
(bodies.py), but for FTD's security events, which are `Key: value` pairs (security_events.py). A
number that no table has is still an event, of its class."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.parsers.cisco_asa import bodies, messages, security_events
from streams.parsers.cisco_asa.examples import EXAMPLES
from streams.tokenizers import cisco

_FACILITY = re.compile(r"(ASA|FTD|PIX|FWSM|NGIPS|NGFW)(?:-\w+)*")
_CODE = re.compile(r"[0-9]{6}")
_UNTAGGED = re.compile(
    r"[\s:]*+(?P<body>AAA user (?:authentication|authorization) (?P<verdict>Rejected|Successful) : "
    r"(?:reason = [^:]{1,200} : )?(?P<where>server =|local database :) .*user = .*)",
    re.DOTALL,
)
"""What AAA says, where a relay left its tag out; the text has one number."""
_CODES = {
    ("Rejected", "server ="): "113005",
    ("Rejected", "local database :"): "113015",
    ("Successful", "server ="): "113004",
    ("Successful", "local database :"): "113012",
}


def _restore_message(line: SourceLine) -> cisco.CiscoMessage | None:
    match = _UNTAGGED.match(line.text)
    if match is None:
        return None
    code = _CODES[match["verdict"], match["where"]]
    host = line.frame.host or line.frame.app
    return cisco.CiscoMessage("ASA", 6, code, match["body"], host, line.frame.time)


def _split(line: SourceLine) -> cisco.CiscoMessage | None:
    message = cisco.split_message(line)
    if message is None:
        return _restore_message(line)
    if _FACILITY.fullmatch(message.facility) is None:
        return None
    has_code = _CODE.fullmatch(message.mnemonic) is not None
    return message if has_code or message.mnemonic == "" else None


def _can_parse(line: SourceLine) -> bool:
    return _split(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    message = _split(line)
    if message is None:
        raise UnparseableRecord(
            "no message of a Cisco ASA or FTD",
            place="cisco_asa",
            remedy="Send syslog with message numbers (`logging trap informational`).",
        )
    code, body = message.mnemonic, message.body
    category, types, outcome, action = messages.choose_kind(code, body)
    fields: dict[str, Value] = {
        "event.category": category.copy(),
        "event.type": types.copy(),
        "event.outcome": outcome,
        "event.action": action,
        "event.severity": message.severity,
        "observer.vendor": "Cisco",
        "observer.product": message.facility.partition("-")[0].lower(),
        "observer.type": "firewall",
    }
    if code:
        fields["event.code"] = code
    host = message.host or line.frame.host
    if host is not None:
        fields["observer.name"] = fields["host.name"] = host
    if security_events.is_security_event(code, body):
        security_events.put_security_event(fields, code, body)
    else:
        bodies.put_body(fields, code, body)
    return ParsedEvent(message.time, fields)


PARSER = Parser(
    id="cisco_asa",
    title="Cisco ASA and Secure Firewall (FTD)",
    hints=(b"%ASA", b"%FTD", b"%PIX", b"%FWSM", b"%NGIPS", b"%NGFW", b"AAA user "),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.cisco.com/c/en/us/td/docs/security/asa/syslog/b_syslog.html",
        "https://www.cisco.com/c/en/us/td/docs/security/firepower/Syslogs/b_fptd_syslog_guide.html",
    ),
    examples=EXAMPLES,
)
