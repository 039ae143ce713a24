"""Parse the access log of Nginx Proxy Manager, which has a format of its own.

[stamp] cache upstream status - method scheme host "target" [Client ip] [Length bytes] …"""

from __future__ import annotations

import re

from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, combined_log, stamps, web_access

_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_LINE = re.compile(
    r"\s*+\[(?P<stamp>[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4})\] "
    r"(?:(?P<cache>[A-Z-]{1,16}) (?P<upstream>[0-9]{3}|-) )?(?P<status>[0-9]{3}|-) - "
    r"(?P<method>[A-Za-z_-]{1,32}) (?P<scheme>https?|-) (?P<host>\S{1,260}) "
    rf"(?P<target>{_QUOTED}) \[Client (?P<client>[0-9A-Fa-f:.]{{2,45}})\] \[Length (?P<size>[0-9]{{1,18}}|-)\]"
    rf"(?: \[Gzip [^\]]{{0,16}}\])?(?: \[Sent-to (?P<sent>[^\]]{{1,254}})\])?(?: {_QUOTED} {_QUOTED})?",
    re.DOTALL,
)


def _can_parse(line: SourceLine) -> bool:
    return _LINE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = _LINE.match(line.text)
    if match is None:
        raise web_access.build_unreadable("nginx_proxy_manager")
    fields = web_access.build_fields("nginx")
    web_access.put_status(fields, match["status"])
    web_access.put_method(fields, match["method"])
    web_access.put_target(fields, combined_log.decode_escapes(match["target"][1:-1]))
    web_access.put_text(fields, "url.scheme", match["scheme"])
    web_access.put_host(fields, match["host"])
    web_access.put_number(fields, "http.response.body.bytes", match["size"])
    web_access.put_clients(fields, match["client"], "")
    ip = addresses.parse_address(match["sent"] or "")
    addresses.put_endpoint(fields, "destination", ip, None)
    agent, referrer = match.groups("")[-2:]
    web_access.put_agent(fields, combined_log.decode_escapes(agent))
    web_access.put_referrer(fields, combined_log.decode_escapes(referrer))
    return ParsedEvent(stamps.parse_common_log(match["stamp"]), fields)


PARSER = Parser(
    id="nginx_proxy_manager",
    title="Nginx Proxy Manager",
    hints=(b"[Client ",),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://nginxproxymanager.com/advanced-config/",),
    examples=(
        ParserExample(
            '[22/Nov/2026:01:06:15 +0000] - 200 200 - GET https www.contoso.example "/a?b=c" [Client'
            ' 203.0.113.66] [Length 1376] [Gzip 2.60] [Sent-to 10.0.0.7] "curl/8.5.0"'
            ' "https://example.com/"',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
                "destination.ip": "10.0.0.7",
                "http.request.method": "GET",
                "http.response.status_code": 200,
                "http.response.body.bytes": 1376,
                "url.domain": "www.contoso.example",
                "url.path": "/a",
                "url.query": "b=c",
                "user_agent.original": "curl/8.5.0",
                "http.request.referrer": "https://example.com/",
            },
        ),
        ParserExample(
            '[22/Nov/2026:01:06:15 +0000] 403 - GET http localhost "/[Client 192.0.2.1]" [Client'
            ' 2001:db8::7] [Length 111] [Gzip -] "x" "-"',
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "url.path": "/[Client 192.0.2.1]",
            },
        ),
    ),
)
