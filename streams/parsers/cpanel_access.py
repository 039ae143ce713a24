"""Parse the access log of cPanel, WHM and Webmail (cpsrvd): combined with an American date.

A POST to /login/ is a sign-in; 401 refuses it."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import combined_log, stamps, web_access

_QUOTED = r'"((?:[^"\\]++|\\.)*+)"'
_LINE = re.compile(
    r"\s*+(\S{1,254}) - (\S{0,512}) "
    r"\[([0-9]{2})/([0-9]{2})/([0-9]{4}):([0-9]{2}:[0-9]{2}:[0-9]{2}) ([+-][0-9]{4})\] "
    rf"{_QUOTED} ([0-9]{{3}}|-)(?: ([0-9]{{1,18}}|-)"
    rf"(?: {_QUOTED} {_QUOTED}(?: {_QUOTED} {_QUOTED}(?: ([0-9]{{1,5}}))?)?)?)?",
    re.DOTALL,
)
_SIGN_IN = re.compile(r"/login/?\Z")


def _can_parse(line: SourceLine) -> bool:
    return _LINE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = _LINE.match(line.text)
    if match is None:
        raise web_access.build_unreadable("cpanel_access")
    client, user, month, day, year, clock, offset, request, status, size = match.groups()[:10]
    referrer, agent, _, forwarded, port = match.groups("")[10:]
    fields = web_access.build_fields("cpanel")
    web_access.put_status(fields, status)
    web_access.put_number(fields, "http.response.body.bytes", size or "")
    web_access.put_request_line(fields, combined_log.decode_escapes(request))
    web_access.put_referrer(fields, combined_log.decode_escapes(referrer))
    web_access.put_agent(fields, combined_log.decode_escapes(agent))
    web_access.put_clients(fields, client, forwarded)
    web_access.put_user(fields, unquote(user))
    web_access.put_number(fields, "destination.port", port)
    _put_sign_in(fields, status)
    return ParsedEvent(_read_time(f"{year}-{month}-{day}T{clock}{offset}"), fields)


def _put_sign_in(fields: dict[str, Value], status: str) -> None:
    path = fields.get("url.path")
    is_post = fields.get("http.request.method") == "POST"
    if is_post and isinstance(path, str) and _SIGN_IN.search(path) and status in {"200", "401"}:
        outcome = "failure" if status == "401" else "success"
        fields |= {
            "event.category": ["authentication", "web"],
            "event.type": ["start"],
            "event.action": "panel-login",
            "event.outcome": outcome,
        }


def _read_time(stamp: str) -> datetime:
    return stamps.parse_iso(stamp)


PARSER = Parser(
    id="cpanel_access",
    title="cPanel and WHM access log",
    hints=(b'] "',),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.cpanel.net/knowledge-base/cpanel-product/the-cpanel-log-files/",),
    examples=(
        ParserExample(
            '203.0.113.66 - jo%40contoso.example [11/22/2026:01:06:15 -0000] "POST'
            ' /cpsess0123456789/login/?login_only=1 HTTP/1.1" 200 0 "https://www.example.com:2083/"'
            ' "Mozilla/5.0" "s" "-" 2083',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication", "web"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "destination.port": 2083,
            },
        ),
        ParserExample(
            '2001:db8::7 - root [11/22/2026:01:06:15 -0000] "POST /login/?login_only=1 HTTP/1.1"'
            ' 401 0 "-" "Mozilla/5.0" "-" "-" 2087',
            {"event.outcome": "failure", "event.action": "panel-login", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            '127.0.0.1 - - [11/22/2026:01:06:15 +0100] "GET /.env HTTP/1.1" 404 0 "-" "curl"'
            ' "-" "203.0.113.66" 2082',
            {
                "@timestamp": "2026-11-22T00:06:15+00:00",
                "event.category": ["web"],
                "source.ip": "203.0.113.66",
                "url.path": "/.env",
            },
        ),
        ParserExample(
            '203.0.113.66 - 192.0.2.1 [11/22/2026:01:06:15 -0000] "GET / HTTP/1.1" 200 5',
            {"source.ip": "203.0.113.66", "user.name": "192.0.2.1"},
        ),
    ),
)
