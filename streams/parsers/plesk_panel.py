"""Parse refused and accepted sign-ins of Plesk's panel log."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, people, web_access

_ACT = re.compile(
    r"\[(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}(?:\.[0-9]{1,6})?)\] (?:[0-9]{1,10}:\w{1,40} )?[A-Z]{3,8} "
    r"\[panel\] (?P<act>Failed login attempt|Successful login|Login attempt) (?:with|by|as) (?:login )?'(?P<user>.*)' "
    r"from IP '?(?P<address>[0-9A-Fa-f:.]{2,45})'?\.?\s*\Z",
    re.DOTALL,
)


def _can_parse(line: SourceLine) -> bool:
    return _ACT.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    match = _ACT.match(line.text)
    if match is None:
        raise web_access.build_unreadable("plesk_panel")
    outcome = {"Failed login attempt": "failure", "Successful login": "success"}.get(
        match["act"], "unknown"
    )
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.action": "logon-failed" if outcome == "failure" else "logged-in",
        "event.outcome": outcome,
        "service.name": "plesk",
    }
    people.put_user(fields, match["user"])
    end = addresses.parse_endpoint(match["address"])
    addresses.put_endpoint(fields, "source", end.ip, end.port)
    return ParsedEvent(device_stamps.parse_stamp(match["stamp"], line.arrived, line.zone), fields)


PARSER = Parser(
    id="plesk_panel",
    title="Plesk panel log",
    hints=(b" [panel] ",),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://docs.plesk.com/en-US/obsidian/administrator-guide/plesk-administration/protection-against-brute-force-attacks-fail2ban.73382/",
    ),
    examples=(
        ParserExample(
            "[2026-11-22 01:06:15.123] 12345:5f0c1a2b ERR [panel] Failed login attempt with login 'admin' from IP 198.51.100.7",
            {
                "event.outcome": "failure",
                "user.name": "admin",
                "source.ip": "198.51.100.7",
            },
        ),
        ParserExample(
            "[2026-11-22 01:06:15] ERR [panel] Failed login attempt with login 'x' from IP 192.0.2.66' from IP 2001:db8::7",
            {"source.ip": "2001:db8::7", "user.name": "x' from ip 192.0.2.66"},
        ),
    ),
)
