"""Parse IIS's own log file format: fifteen values between commas, in the server's local time.

Client, user, date, time, service, server's name, server's address, milliseconds, bytes received, bytes
sent, status, Windows's status, request type, target, parameters. A comma in a name or a target is
written as it is, so the request's four values are found from the fixed ones before them."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, web_access

_LINE = re.compile(
    r"(?P<client>[0-9A-Fa-f.:%]{2,60}), (?P<user>[^,]{1,256}), (?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{2,4}),"
    r" (?P<clock>[0-9]{1,2}:[0-9]{2}:[0-9]{2}), (?P<service>[A-Z0-9]{3,20}), (?P<computer>[\w.-]{1,255}),"
    r" (?P<server>[0-9A-Fa-f.:%]{2,60}|-), (?P<took>[0-9]{1,12}), (?P<received>[0-9]{1,18}), (?P<sent>[0-9]{1,18}),"
    r" (?P<status>[0-9]{1,3}), (?P<windows>[0-9]{1,10}), (?P<method>[A-Z-]{1,20}), (?P<target>.*?), (?P<query>[^,]*),?\s*\Z",
    re.DOTALL,
)


def _can_parse(line: SourceLine) -> bool:
    return _LINE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = _LINE.match(line.text)
    if match is None:
        raise web_access.build_unreadable("iis_native")
    fields = web_access.build_fields("iis")
    web_access.put_status(fields, match["status"])
    web_access.put_method(fields, match["method"])
    query = "" if match["query"] == "-" else f"?{match['query']}"
    web_access.put_target(fields, match["target"] + query)
    web_access.put_user(fields, match["user"])
    web_access.put_number(fields, "http.request.bytes", match["received"])
    web_access.put_number(fields, "http.response.bytes", match["sent"])
    web_access.put_duration(fields, match["took"], 10**6)
    for side, name in (("source", "client"), ("destination", "server")):
        addresses.put_endpoint(fields, side, addresses.parse_address(match[name]), None)
    fields |= {"host.name": match["computer"].casefold(), "service.id": match["service"]}
    if match["windows"] != "0":
        fields["event.reason"] = f"Windows error {match['windows']}"
    return ParsedEvent(_read_time(match, line), fields)


def _read_time(match: re.Match[str], line: SourceLine) -> datetime | None:
    """Read a stamp in the server's zone; one on no calendar counts as none."""
    year = int(match["year"])
    hour, minute, second = map(int, match["clock"].split(":"))
    try:
        return datetime(
            year + 2000 if year < 100 else year,
            int(match["month"]),
            int(match["day"]),
            hour,
            minute,
            second,
            tzinfo=line.zone,
        )
    except ValueError:
        return None


_EXAMPLE: dict[str, Value] = {
    "@timestamp": "2026-11-22T01:06:15+00:00",
    "event.outcome": "success",
    "source.ip": "203.0.113.66",
    "destination.ip": "192.0.2.4",
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.request.bytes": 769,
    "http.response.bytes": 143,
    "url.path": "/a,b",
    "url.query": "c=d",
    "event.duration": 2000000,
    "host.name": "web01",
}

PARSER = Parser(
    id="iis_native",
    title="IIS log file format (commas)",
    hints=(b", W3SVC", b", MSFTPSVC", b", SMTPSVC"),
    claims=_can_parse,
    parse=_parse,
    references=("https://learn.microsoft.com/previous-versions/iis/6.0-sdk/ms525807(v=vs.90)",),
    examples=(
        ParserExample(
            "203.0.113.66, -, 11/22/2026, 1:06:15, W3SVC1, WEB01, 192.0.2.4, 2, 769, 143, 200, 0, GET,"
            " /a,b, c=d,",
            _EXAMPLE,
        ),
        ParserExample(
            "2001:DB8::7, CONTOSO\\jo, 11/22/26, 01:06:15, W3SVC2, WEB01, ::1, 15, 30, 0, 401, 5, POST,"
            " /x, -,",
            {"event.outcome": "failure", "source.ip": "2001:db8::7", "user.name": "jo"},
        ),
    ),
)
