"""Parse Caddy's access log: JSON objects with a `request` object, written by zap.

A 401 to a request with credentials is a refused sign-in."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, json_lines, stamps, web_access

_REQUEST = re.compile(r'"request"\s*:\s*\{')
_LAST = 253_402_300_799
"""The end of the year 9999 in seconds."""


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    return (
        json_lines.is_object_start(text)
        and '"logger"' in text
        and '"http.' in text
        and '"status"' in text
        and '"method"' in text
        and _REQUEST.search(text) is not None
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    document = json_lines.read_object(line.text)
    request = json_lines.to_mapping(document.get("request"))
    if not request or "status" not in document:
        raise web_access.build_unreadable("caddy_access")
    fields = web_access.build_fields("caddy")
    web_access.put_status(fields, json_lines.to_word(document["status"]))
    for name, key in (
        ("http.response.body.bytes", "size"),
        ("http.request.body.bytes", "bytes_read"),
    ):
        web_access.put_number(fields, name, json_lines.to_word(document.get(key)))
    _put_request(fields, request)
    web_access.put_user(fields, json_lines.to_word(document.get("user_id")))
    headers = json_lines.to_mapping(request.get("headers"))
    if fields.get("http.response.status_code") == 401 and "Authorization" in headers:
        fields |= {
            "event.category": ["authentication", "web"],
            "event.type": ["start"],
            "event.action": "http-auth",
        }
    _put_duration(fields, document.get("duration"))
    return ParsedEvent(_read_time(line, document.get("ts")), fields)


def _put_request(fields: dict[str, Value], request: dict[str, Value]) -> None:
    get = {key: json_lines.to_word(value) for key, value in request.items()}.get
    web_access.put_method(fields, get("method", ""))
    web_access.put_target(fields, get("uri", ""))
    web_access.put_version(fields, get("proto", ""))
    web_access.put_host(fields, get("host", ""))
    headers = json_lines.to_mapping(request.get("headers"))
    web_access.put_agent(fields, _get_header(headers, "User-Agent"))
    web_access.put_referrer(fields, _get_header(headers, "Referer"))
    _put_client(fields, request, get("client_ip", ""))
    if "tls" in request:
        fields["url.scheme"] = "https"


def _put_client(fields: dict[str, Value], request: dict[str, Value], client: str) -> None:
    """Set the client: the one that Caddy found behind its trusted proxies, else the peer."""
    get = {key: json_lines.to_word(value) for key, value in request.items()}.get
    peer = addresses.parse_endpoint(get("remote_ip", "") or get("remote_addr", ""))
    port = addresses.parse_port(get("remote_port", "")) or peer.port
    host = addresses.parse_address(client) or peer.ip
    addresses.put_endpoint(fields, "source", host, port if host == peer.ip else None)
    web_access.put_related(fields, [ip for ip in (host, peer.ip) if ip is not None])


def _get_header(headers: dict[str, Value], name: str) -> str:
    return next(iter(json_lines.to_words(headers.get(name))), "")


def _put_duration(fields: dict[str, Value], duration: Value) -> None:
    if isinstance(duration, int | float) and 0 <= duration < 10**9:
        fields["event.duration"] = round(duration * 10**9)


def _read_time(line: SourceLine, stamp: Value) -> datetime | None:
    if isinstance(stamp, str):
        return stamps.parse_iso(stamp.replace("/", "-"), line.zone)
    if not isinstance(stamp, int | float):
        return None
    seconds = stamp / 1000 if stamp > 10**11 else stamp
    if not 0 < seconds <= _LAST:
        raise stamps.build_absurd_time()
    return datetime.fromtimestamp(seconds, UTC)


PARSER = Parser(
    id="caddy_access",
    title="Caddy access log (JSON)",
    hints=(b"http.log", b"http.handlers", b'"logger"'),
    claims=_can_parse,
    parse=_parse,
    references=("https://caddyserver.com/docs/caddyfile/directives/log",),
    examples=(
        ParserExample(
            '{"level":"info","ts":1795309575.5,"logger":"http.log.access.log0",'
            '"msg":"handled request","request":{"remote_ip":"203.0.113.66","remote_port":"50100",'
            '"client_ip":"203.0.113.66","proto":"HTTP/2.0","method":"GET",'
            '"host":"www.contoso.example","uri":"/a?b=c","headers":{"User-Agent":["curl/8.5.0"],'
            '"Referer":["https://example.com/"],"Cookie":["REDACTED"]},"tls":{"version":772}},'
            '"bytes_read":0,"user_id":"","duration":0.25,"size":12,"status":200,'
            '"resp_headers":{"Server":["Caddy"]}}',
            {
                "@timestamp": "2026-11-22T01:06:15.500000+00:00",
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
                "source.port": 50100,
                "http.request.method": "GET",
                "http.request.referrer": "https://example.com/",
                "http.response.status_code": 200,
                "http.response.body.bytes": 12,
                "http.version": "2.0",
                "url.domain": "www.contoso.example",
                "url.path": "/a",
                "url.query": "b=c",
                "url.scheme": "https",
                "user_agent.original": "curl/8.5.0",
                "event.duration": 250000000,
            },
        ),
        ParserExample(
            '{"level":"error","ts":"2026/11/22 01:06:15.500","logger":"http.log.access","msg":'
            '"handled request","request":{"remote_addr":"[2001:db8::7]:50100","proto":"HTTP/1.1",'
            '"method":"POST","host":"[2001:db8::1]:8443","uri":"/login"},"user_id":"Jo",'
            '"size":0,"status":403}',
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "source.port": 50100,
                "url.domain": "2001:db8::1",
                "url.port": 8443,
                "user.name": "jo",
            },
        ),
        ParserExample(
            '{"logger":"http.log.access","ts":1795309575,"msg":"handled request","request":{"remote_ip":'
            '"203.0.113.66","method":"GET","uri":"/","headers":{"Authorization":[]}},"status":401}',
            {
                "event.category": ["authentication", "web"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            '{"logger":"http.log.access","ts":1795309575,"msg":"handled request","request":'
            '{"remote_ip":"10.0.0.1","client_ip":"203.0.113.66","method":"GET",'
            '"uri":"/?a=\\"source.ip\\":\\"192.0.2.1\\""},"status":404}',
            {"source.ip": "203.0.113.66", "related.ip": ["203.0.113.66", "10.0.0.1"]},
        ),
    ),
)
