"""Parse lighttpd's error log: refused passwords; the rest describes the server's own state."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, people, stamps, web_access

_START = re.compile(
    r"\s*+(?:(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}): )?\(?(?P<file>(?:http_auth|mod_\w{2,32}|server"
    r"|connections|network\w{0,32}|response|request|configfile|log|gw_backend|plugin|fdevent\w{0,16})\.c)"
    r"\.[0-9]{1,5}\) "
)
_IP = r",? IP: (?P<ip>[0-9A-Fa-f:.]{2,45})\s*\Z"
_REFUSALS = (
    re.compile(r"password doesn't match for (?P<path>/\S*) username: (?P<user>.*?)" + _IP),
    re.compile(r"digest: auth failed for ++(?P<user>.*?) : wrong password" + _IP),
    re.compile(r"(?:get_password failed|(?>.*?(?:auth failed|no authorized))).*?" + _IP),
)


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None:
        raise web_access.build_unreadable("lighttpd_error")
    message = line.text[start.end() :]
    refusal = next((match for each in _REFUSALS if (match := each.match(message))), None)
    if refusal is None:
        return IgnoredLine("lighttpd describes its own state")
    several = refusal.groupdict()
    fields: dict[str, Value] = web_access.build_fields("lighttpd")
    fields |= {
        "event.category": ["authentication", "web"],
        "event.type": ["start"],
        "event.action": "http-auth",
        "event.outcome": "failure",
    }
    people.put_user(fields, several.get("user") or "")
    web_access.put_target(fields, several.get("path") or "")
    addresses.put_endpoint(fields, "source", addresses.parse_address(refusal["ip"]), None)
    if line.frame.host:
        fields["host.name"] = line.frame.host
    day = start["day"]
    return ParsedEvent(stamps.parse_iso(day, line.zone) if day else line.frame.time, fields)


PARSER = Parser(
    id="lighttpd_error",
    title="lighttpd error log",
    hints=(b".c.",),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://redmine.lighttpd.net/projects/lighttpd/wiki/Mod_auth",),
    examples=(
        ParserExample(
            "2026-11-22 01:06:15: (mod_auth.c.525) password doesn't match for /admin username: JSmith, IP:"
            " 203.0.113.66",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication", "web"],
                "event.outcome": "failure",
                "user.name": "jsmith",
                "source.ip": "203.0.113.66",
                "url.path": "/admin",
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15: (http_auth.c.1136) digest: auth failed for  x, IP: 192.0.2.1 : wrong"
            " password, IP: 2001:db8::7",
            {
                "event.outcome": "failure",
                "user.name": "x, ip: 192.0.2.1",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15: (server.c.1500) server started (lighttpd/1.4.69)", None
        ),
    ),
)
