"""Parse sign-ins to Webmin, Usermin and Virtualmin, as miniserv writes them to syslog."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, people, web_access

_APPS = frozenset({"webmin", "usermin", "miniserv.pl", "perl/webmin"})
_ACT = re.compile(
    r"(?P<act>Successful login|Invalid login|Non-existent login|Expired login|Logout|Timeout of session) "
    r"(?:as|by|for) (?P<user>.*) from (?P<address>\S++)\s*\Z",
    re.DOTALL,
)
_BLOCKED = re.compile(
    r"Security alert: Host (?P<address>\S++) blocked after (?P<count>[0-9]{1,9}) failed"
)
_KINDS = {
    "Successful login": ("logged-in", "start", "success"),
    "Invalid login": ("logon-failed", "start", "failure"),
    "Non-existent login": ("logon-failed", "start", "failure"),
    "Expired login": ("logon-failed", "start", "failure"),
    "Logout": ("logged-out", "end", "success"),
    "Timeout of session": ("session-timeout", "end", "success"),
}


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app in _APPS


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if line.frame.app not in _APPS:
        raise web_access.build_unreadable("webmin_log")
    fields: dict[str, Value] = {"service.name": line.frame.app}
    if line.frame.host:
        fields["host.name"] = line.frame.host
    act, blocked = _ACT.match(line.text), _BLOCKED.match(line.text)
    match = act or blocked
    if match is None:
        return IgnoredLine("a message about the program's own work")
    end = addresses.parse_endpoint(match["address"])
    addresses.put_endpoint(fields, "source", end.ip, end.port)
    if end.ip is None:
        fields["source.domain"] = match["address"]
    if act is None:
        fields |= {
            "event.category": ["intrusion_detection"],
            "event.type": ["denied"],
            "event.action": "host-blocked",
            "event.outcome": "success",
        }
        return ParsedEvent(line.frame.time, fields)
    action, kind, outcome = _KINDS[act["act"]]
    fields |= {
        "event.category": ["authentication"],
        "event.type": [kind],
        "event.action": action,
        "event.outcome": outcome,
    }
    people.put_user(fields, act["user"])
    if outcome == "failure":
        fields["event.reason"] = act["act"].casefold()
    return ParsedEvent(line.frame.time, fields)


PARSER = Parser(
    id="webmin_log",
    title="Webmin and Usermin sign-ins",
    hints=(b"webmin", b"usermin", b"miniserv.pl"),
    claims=_can_parse,
    parse=_parse,
    references=("https://webmin.com/docs/modules/webmin-configuration/",),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 web1 webmin[25875]: Invalid login as root from 198.51.100.7",
            {
                "event.outcome": "failure",
                "user.name": "root",
                "source.ip": "198.51.100.7",
                "host.name": "web1",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web1 webmin[25876]: Successful login as jo from 2001:db8::7",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "Nov 22 01:06:15 web1 webmin[7]: Non-existent login as x from 192.0.2.66 from 198.51.100.7",
            {"source.ip": "198.51.100.7", "user.name": "x from 192.0.2.66"},
        ),
        ParserExample("Nov 22 01:06:15 web1 webmin[7]: Webmin starting", None),
    ),
)
