"""Parse access logs of AWS load balancers: application, network (TLS) and classic ones."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, stamps, web_access

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,9}Z"
_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_LINE = re.compile(
    rf"\s*+(?:(?P<kind>https?|h2|grpcs|wss?) )?(?P<time>{_STAMP}) (?P<name>\S{{1,254}}) "
    r"(?P<client>\S{1,64}:[0-9]{1,5}) (?P<target>\S{1,64}:[0-9]{1,5}|-) "
    r"(?P<times>-?[0-9.]{1,12} -?[0-9.]{1,12} -?[0-9.]{1,12}) (?P<status>[0-9]{3}|-) (?P<backend>[0-9]{3}|-) "
    r'(?P<received>[0-9]{1,18}) (?P<sent>[0-9]{1,18}) "(?P<request>[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    rf"(?: \"(?P<agent>[^\"\\]*+(?:\\.[^\"\\]*+)*+)\" (?P<cipher>\S++) (?P<tls>\S++)(?: (?P<group>\S++) {_QUOTED} {_QUOTED})?)?",
    re.DOTALL,
)


_NETWORK = re.compile(
    r"tls [12]\.0 (?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}) (?P<name>net/\S{1,254}) \S{1,64} "
    r"(?P<client>\S{1,64}:[0-9]{1,5}) (?P<target>\S{1,64}:[0-9]{1,5}|-) (?P<took>[0-9]{1,12}|-) (?P<handshake>[0-9]{1,12}|-) "
    r"(?P<received>[0-9]{1,18}) (?P<sent>[0-9]{1,18}) (?P<alert>\S++) \S++ \S++ (?P<cipher>\S++) (?P<tls>\S++) \S++ "
    r"(?P<domain>\S++)"
)
"""A connection of a network load balancer that ends TLS."""


def _can_parse(line: SourceLine) -> bool:
    return _LINE.match(line.text) is not None or _NETWORK.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    connection = _NETWORK.match(line.text)
    if connection is not None:
        return _parse_connection(connection, line)
    match = _LINE.match(line.text)
    if match is None:
        raise web_access.build_unreadable("aws_elb")
    fields = web_access.build_fields("elb")
    fields |= {"observer.vendor": "AWS", "observer.type": "proxy", "observer.name": match["name"]}
    web_access.put_status(fields, match["status"])
    web_access.put_request_line(fields, match["request"].removesuffix(" -"))
    web_access.put_number(fields, "http.request.bytes", match["received"])
    web_access.put_number(fields, "http.response.bytes", match["sent"])
    for side in ("source", "destination"):
        endpoint = addresses.parse_endpoint(match["client" if side == "source" else "target"])
        addresses.put_endpoint(fields, side, *endpoint)
    _put_tls(fields, match)
    _put_duration(fields, match["times"].split())
    return ParsedEvent(stamps.parse_iso(match["time"]), fields)


def _parse_connection(match: re.Match[str], line: SourceLine) -> ParsedEvent:
    is_open = match["handshake"] != "-"
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "end"],
        "event.outcome": "success" if is_open else "failure",
        "event.action": "tls-connection",
        "service.name": "elb",
        "observer.vendor": "AWS",
        "observer.type": "proxy",
        "observer.name": match["name"],
        "network.transport": "tcp",
    }
    for side, name in (("source", "client"), ("destination", "target")):
        addresses.put_endpoint(fields, side, *addresses.parse_endpoint(match[name]))
    web_access.put_number(fields, "source.bytes", match["received"])
    web_access.put_number(fields, "destination.bytes", match["sent"])
    if match["took"] != "-":
        fields["event.duration"] = int(match["took"]) * 10**6
    if match["tls"] != "-":
        fields |= {"tls.version": match["tls"].partition("v")[2], "tls.cipher": match["cipher"]}
    if match["alert"] != "-":
        fields["event.code"] = match["alert"]
    web_access.put_text(fields, "tls.client.server_name", match["domain"])
    return ParsedEvent(stamps.parse_iso(match["time"], line.zone), fields)


def _put_tls(fields: dict[str, Value], match: re.Match[str]) -> None:
    web_access.put_agent(fields, match["agent"] or "")
    if match["tls"] and match["tls"] != "-":
        fields |= {"tls.version": match["tls"].partition("v")[2], "tls.cipher": match["cipher"]}


def _put_duration(fields: dict[str, Value], times: list[str]) -> None:
    """Set the sum of the three times; -1 means that no target answered."""
    try:
        seconds = [float(time) for time in times]
    except ValueError:
        return
    if min(seconds) >= 0:
        fields["event.duration"] = round(sum(seconds) * 10**9)


PARSER = Parser(
    id="aws_elb",
    title="AWS application and classic load balancers",
    hints=(b" net/", b" app/", b" HTTP/", b"- - - "),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html",
    ),
    examples=(
        ParserExample(
            "tls 2.0 2026-11-22T01:06:15 net/shop/c6e77e28c25b2234 g3d4b5e8bb8464cd"
            " 203.0.113.66:51341 10.0.0.1:443 5 2 98 246 - arn:aws:acm:eu-west-2:1:certificate/2a -"
            " ECDHE-RSA-AES128-SHA tlsv12 - shop.contoso.example h2 h2 -"
            " 2026-11-22T01:06:10",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["network"],
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
                "source.port": 51341,
                "source.bytes": 98,
                "destination.ip": "10.0.0.1",
                "destination.bytes": 246,
                "tls.client.server_name": "shop.contoso.example",
            },
        ),
        ParserExample(
            "https 2026-11-22T01:06:15.186641Z app/shop/50dc6c495c0c9188 203.0.113.66:2817"
            " 10.0.0.1:80 0.086 0.048 0.037 403 200 34 366"
            ' "GET https://www.contoso.example:443/a?b=c HTTP/1.1" "curl/8.5.0"'
            " ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"
            ' arn:aws:elasticloadbalancing:eu-west-2:123456789012:targetgroup/t/1 "Root=1-58337281"'
            ' "www.contoso.example" "-" 0 2026-11-22T01:06:15.000000Z "forward" "-" "-"',
            {
                "@timestamp": "2026-11-22T01:06:15.186641+00:00",
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": 2817,
                "destination.ip": "10.0.0.1",
                "http.response.status_code": 403,
                "http.request.bytes": 34,
                "http.response.bytes": 366,
                "url.domain": "www.contoso.example",
                "url.port": 443,
                "url.path": "/a",
                "user_agent.original": "curl/8.5.0",
                "tls.version": "1.2",
                "event.duration": 171000000,
            },
        ),
        ParserExample(
            "2026-11-22T01:06:15.1Z lb 203.0.113.66:2817 - -1 -1 -1 503 - 0 0"
            ' "GET http://www.contoso.example:80/ HTTP/1.1"',
            {"event.outcome": "failure", "destination.ip": None, "event.duration": None},
        ),
    ),
)
