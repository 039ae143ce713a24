"""Parse Windows' HTTP.sys error log (HTTPERR): requests that no application saw."""

from __future__ import annotations

import re

from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, stamps, web_access

_IP = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?|-)"
_LINE = re.compile(
    r"\s*+(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) "
    rf"(?P<client>{_IP}) (?P<port>[0-9]{{1,5}}|-) (?P<server>{_IP}) (?P<to>[0-9]{{1,5}}|-) "
    r"(?P<version>HTTP/[0-9.]{1,5}|-) (?P<method>[A-Za-z0-9_.-]{1,64}|-) (?P<target>\S++) "
    r"(?:[0-9]{1,10} |- )?(?P<status>[0-9]{3}|-) (?P<site>[0-9]{1,10}|-) (?P<reason>[\w-]{1,64}) "
    r"(?P<queue>\S{1,254})\s*\Z"
)


def _can_parse(line: SourceLine) -> bool:
    return _LINE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = _LINE.match(line.text)
    if match is None:
        raise web_access.build_unreadable("iis_error")
    fields = web_access.build_fields("http.sys")
    fields["event.type"] = ["access", "error"]
    fields |= {"event.outcome": "failure", "event.action": "request-rejected"}
    if match["reason"].startswith("Timer_"):
        fields |= {"event.outcome": "unknown", "event.action": "connection-closed"}
    fields["event.reason"] = match["reason"]
    web_access.put_status(fields, match["status"])
    web_access.put_method(fields, match["method"])
    web_access.put_target(fields, match["target"])
    web_access.put_version(fields, match["version"])
    for side, ip, port in (("source", "client", "port"), ("destination", "server", "to")):
        where = addresses.parse_address(match[ip])
        addresses.put_endpoint(fields, side, where, addresses.parse_port(match[port]))
    web_access.put_text(fields, "service.id", match["site"])
    return ParsedEvent(stamps.parse_iso(match["day"]), fields)


PARSER = Parser(
    id="iis_error",
    title="Windows HTTP.sys error log (HTTPERR)",
    hints=(b" HTTP/", b" - - -"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://learn.microsoft.com/en-us/troubleshoot/developer/webapps/aspnet/site-behavior-performance/error-logging-http-apis",
    ),
    examples=(
        ParserExample(
            "2026-11-22 01:06:15 203.0.113.66 12345 192.0.2.80 443 HTTP/1.1 GET /..\\win.ini 403 -"
            " Forbidden -",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "event.reason": "Forbidden",
                "source.ip": "203.0.113.66",
                "source.port": 12345,
                "destination.ip": "192.0.2.80",
                "destination.port": 443,
                "http.response.status_code": 403,
                "url.original": "/..\\win.ini",
            },
        ),
        ParserExample(
            "2026-11-22 01:06:15 2001:db8::7%3 51517 2001:db8::1 80 HTTP/2.0 GET /a 0 503 1"
            " AppOffline DefaultAppPool",
            {"source.ip": "2001:db8::7", "service.id": "1", "http.response.status_code": 503},
        ),
        ParserExample(
            "2026-11-22 01:06:15 203.0.113.66 12345 192.0.2.80 80 - - - - - Timer_ConnectionIdle -",
            {
                "event.outcome": "unknown",
                "source.ip": "203.0.113.66",
                "event.action": "connection-closed",
            },
        ),
    ),
)
