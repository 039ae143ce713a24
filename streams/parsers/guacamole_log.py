"""Parse Apache Guacamole: accepted and refused sign-ins, and the connections to machines.

The addresses stand before the account in a refusal and at the end of an acceptance."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, json_records, mail_sign_ins, numbers

_START = re.compile(
    r"\s*+(?:(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}-[A-Z][a-z]{2}-[0-9]{4})[ T])?"
    r"(?:(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,6})?) )?"
    r"(?:\[[^\[\]]{1,120}\] )?(?P<level>TRACE|DEBUG|INFO|WARN|ERROR) {1,3}"
    r"(?:o\.a\.g\.|org\.apache\.guacamole\.)(?P<class>[\w.$]{1,160}) {1,3}- "
)
_ADDRESSES = r"\[?(?P<clients>[0-9A-Fa-f.:]{1,44}[0-9A-Fa-f:](?:, ?[0-9A-Fa-f.:]{1,44}[0-9A-Fa-f:]){0,20})\]?"
_REFUSED = re.compile(
    rf"(?:Anonymous a|A)uthentication attempt from {_ADDRESSES}(?: for user \"(?P<user>.*)\")? failed\.?\s*\Z",
    re.DOTALL,
)
_ACCEPTED = re.compile(
    rf"User \"(?P<user>.*)\" successfully authenticated from {_ADDRESSES}\.?\s*\Z", re.DOTALL
)
_BLOCKED = re.compile(
    rf"(?:Authentication attempt from|Address|Blocking authentication attempt from) {_ADDRESSES}"
    r"(?: rejected| is currently blocked| because address is blocked| has been blocked).*\Z",
    re.DOTALL,
)
_CONNECTION = re.compile(
    r"User \"(?P<user>.*)\" (?P<act>connected to|disconnected from) (?P<kind>connection|connection group) "
    r"\"(?P<target>[^\"]{1,200})\"\.?(?: Duration: (?P<duration>[0-9]{1,15}) milliseconds)?\s*\Z",
    re.DOTALL,
)


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None:
        raise UnparseableRecord(
            "no line of Guacamole",
            place="guacamole_log",
            remedy="Keep the pattern of logback.xml.",
        )
    fields = _build_act(line.text[start.end() :])
    if fields is None:
        return IgnoredLine("describes neither a sign-in nor a connection")
    fields |= {"service.name": "guacamole"}
    if line.frame.host:
        fields["host.name"] = line.frame.host
    time = line.frame.time
    if start["day"] and start["clock"]:
        stamp = f"{start['day']} {start['clock'].replace(',', '.')}"
        time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) or time
    return ParsedEvent(time, fields)


def _build_act(text: str) -> dict[str, Value] | None:
    for pattern, outcome in ((_REFUSED, "failure"), (_ACCEPTED, "success"), (_BLOCKED, "failure")):
        match = pattern.match(text)
        if match is None:
            continue
        user = match.groupdict().get("user")
        fields = mail_sign_ins.build_sign_in(outcome, "guacamole_login", user=user)
        json_records.put_client(fields, match["clients"].replace(" ", "").split(","))
        if pattern is _BLOCKED:
            fields["event.reason"] = "address blocked"
        return fields
    match = _CONNECTION.match(text)
    return None if match is None else _build_connection(match)


def _build_connection(match: re.Match[str]) -> dict[str, Value]:
    begins = match["act"].startswith("connected")
    fields = mail_sign_ins.build_session_event(
        "start" if begins else "end", "remote-connection", match["user"]
    )
    fields |= {"event.outcome": "success", "service.target.name": match["target"]}
    duration = numbers.parse_whole(match["duration"] or "")
    if duration is not None:
        fields["event.duration"] = duration * 1_000_000
    return fields


_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "guacamole_login",
}
_CLASS = "o.a.g.r.auth.AuthenticationService -"
PARSER = Parser(
    id="guacamole_log",
    title="Apache Guacamole",
    hints=(b" o.a.g.", b"org.apache.guacamole"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://guacamole.apache.org/doc/gug/configuring-guacamole.html#logging-within-the-web-application",
    ),
    examples=(
        ParserExample(
            f"01:06:15.762 [http-nio-8080-exec-1] WARN  {_CLASS} Authentication attempt from [203.0.113.66,"
            ' 10.0.0.2] for user "Jo" failed.',
            _FAILED | {"user.name": "jo", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            f'2026-11-22 01:06:15.762 [http-nio-8080-exec-1] INFO  {_CLASS} User "jo" successfully'
            " authenticated from 2001:DB8::7.",
            {
                "@timestamp": "2026-11-22T01:06:15.762000+00:00",
                "event.outcome": "success",
                "user.name": "jo",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            f"Nov 22 01:06:15 gw01 tomcat9[77]: 01:06:15.762 [http-nio-8080-exec-1] WARN  {_CLASS}"
            ' Authentication attempt from 203.0.113.66 for user "x" failed. from 192.0.2.1 for user'
            ' "y" failed.',
            _FAILED
            | {
                "source.ip": "203.0.113.66",
                "user.name": 'x" failed. from 192.0.2.1 for user "y',
                "host.name": "gw01",
            },
        ),
        ParserExample(
            '01:06:15.762 [http-nio-8080-exec-1] INFO  o.a.g.tunnel.TunnelRequestService - User "jo"'
            ' disconnected from connection "3". Duration: 1500 milliseconds',
            {
                "event.category": ["session"],
                "event.type": ["end"],
                "user.name": "jo",
                "event.duration": 1_500_000_000,
            },
        ),
        ParserExample(
            '01:06:15.762 [main] INFO  o.a.g.environment.LocalEnvironment - GUACAMOLE_HOME is "/etc".',
            None,
        ),
    ),
)
