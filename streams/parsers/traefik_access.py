"""Parse Traefik's access log: its common format, and JSON with Traefik's field names."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, combined_log, json_lines, stamps, web_access

_TAIL = re.compile(r' [0-9]++ "([^"]*+)" "([^"]*+)" ([0-9]++)ms\s*\Z')
_STAMPS = ("StartUTC", "StartLocal", "time")


def _is_object(text: str) -> bool:
    return (
        json_lines.is_object_start(text)
        and '"DownstreamStatus"' in text
        and '"RequestMethod"' in text
        and '"ecs' not in text
    )


def _can_parse(line: SourceLine) -> bool:
    if _is_object(line.text):
        return True
    match = combined_log.match(line.text)
    return match is not None and combined_log.choose_server(line.text, match) == "traefik"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if _is_object(line.text):
        return _parse_object(line)
    match = combined_log.match(line.text)
    tail = None if match is None else _TAIL.search(match.tail)
    if match is None or tail is None:
        raise web_access.build_unreadable("traefik_access")
    time, fields = combined_log.read(match, "traefik", line.zone)
    router, upstream, duration = tail.groups()
    web_access.put_duration(fields, duration, 10**6)
    _put_router(fields, router, upstream.rpartition("://")[2])
    return ParsedEvent(time, fields)


def _put_router(fields: dict[str, Value], router: str, upstream: str) -> None:
    web_access.put_text(fields, "rule.name", router)
    endpoint = addresses.parse_endpoint(upstream.partition("/")[0])
    if endpoint.ip is not None:
        addresses.put_endpoint(fields, "destination", endpoint.ip, endpoint.port)


def _parse_object(line: SourceLine) -> ParsedEvent:
    document = json_lines.read_object(line.text)
    get = {key: json_lines.to_word(value) for key, value in document.items()}.get
    fields = web_access.build_fields("traefik")
    web_access.put_status(fields, get("DownstreamStatus", ""))
    web_access.put_number(fields, "http.response.body.bytes", get("DownstreamContentSize", ""))
    web_access.put_number(fields, "http.request.body.bytes", get("RequestContentSize", ""))
    web_access.put_number(fields, "event.duration", get("Duration", ""))
    web_access.put_method(fields, get("RequestMethod", ""))
    web_access.put_target(fields, get("RequestPath", ""))
    web_access.put_version(fields, get("RequestProtocol", ""))
    web_access.put_host(fields, get("RequestAddr", "") or get("RequestHost", ""))
    web_access.put_text(fields, "url.scheme", get("RequestScheme", ""))
    web_access.put_agent(fields, get("request_User-Agent", ""))
    web_access.put_referrer(fields, get("request_Referer", ""))
    web_access.put_user(fields, get("ClientUsername", ""))
    _put_client(fields, get("ClientAddr", ""), get("ClientHost", ""))
    _put_router(fields, get("RouterName", "") or get("FrontendName", ""), get("ServiceAddr", ""))
    return ParsedEvent(_read_time(line, [get(name, "") for name in _STAMPS]), fields)


def _put_client(fields: dict[str, Value], peer: str, client: str) -> None:
    """Set the client: Traefik takes its address from a trusted proxy's header, else the peer's."""
    host = addresses.parse_address(client)
    endpoint = addresses.parse_endpoint(peer)
    if host is None or host == endpoint.ip:
        addresses.put_endpoint(fields, "source", *endpoint)
    else:
        addresses.put_endpoint(fields, "source", host, None)
        web_access.put_related(fields, [ip for ip in (host, endpoint.ip) if ip is not None])


def _read_time(line: SourceLine, several: list[str]) -> datetime | None:
    stamp = next((stamp for stamp in several if stamp), None)
    return None if stamp is None else stamps.parse_iso(stamp, line.zone)


PARSER = Parser(
    id="traefik_access",
    title="Traefik access log (common format and JSON)",
    hints=(b'] "', b"DownstreamStatus"),
    claims=_can_parse,
    parse=_parse,
    references=("https://doc.traefik.io/traefik/observability/access-logs/",),
    examples=(
        ParserExample(
            '203.0.113.66 - - [22/Nov/2026:01:06:15 +0000] "GET /ui/a.png HTTP/1.1" 304 0'
            ' "http://www.contoso.example/login" "Mozilla/5.0" 262 "shop@docker"'
            ' "http://10.0.0.3:5601" 2ms',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "source.ip": "203.0.113.66",
                "http.response.status_code": 304,
                "http.request.referrer": "http://www.contoso.example/login",
                "user_agent.original": "Mozilla/5.0",
                "event.duration": 2000000,
                "rule.name": "shop@docker",
                "destination.ip": "10.0.0.3",
                "destination.port": 5601,
            },
        ),
        ParserExample(
            '2001:db8::7 - jo [22/Nov/2026:01:06:15 +0000] "GET /en/ HTTP/2.0" 401 17 -'
            ' "Mozilla/5.0" 13 "shop@docker" "-" 247ms',
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "user.name": "jo",
                "user_agent.original": "Mozilla/5.0",
                "http.request.referrer": None,
            },
        ),
        ParserExample(
            '192.0.2.9 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" - - "-" "-" 27 "-" "-"'
            " 0ms",
            {"event.outcome": "unknown", "http.response.status_code": None},
        ),
        ParserExample(
            '{"ClientAddr":"10.0.8.105:48376","ClientHost":"203.0.113.66","ClientPort":"48376",'
            '"ClientUsername":"-","DownstreamContentSize":88,"DownstreamStatus":403,"Duration":59518,'
            '"RequestAddr":"api.contoso.example:8443","RequestContentSize":12,'
            '"RequestHost":"api.contoso.example","RequestMethod":"POST",'
            '"RequestPath":"/v1/login?a=b","RequestPort":"8443","RequestProtocol":"HTTP/1.1",'
            '"RequestScheme":"https","RouterName":"api@docker","ServiceAddr":"10.1.25.243:80",'
            '"StartUTC":"2026-11-22T01:06:15.123456789Z","level":"info","msg":"",'
            '"request_User-Agent":"curl/8.5.0","time":"2026-11-22T01:06:16Z"}',
            {
                "@timestamp": "2026-11-22T01:06:15.123456+00:00",
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": None,
                "related.ip": ["203.0.113.66", "10.0.8.105"],
                "url.path": "/v1/login",
                "url.query": "a=b",
                "url.domain": "api.contoso.example",
                "http.version": "1.1",
                "http.response.body.bytes": 88,
                "user.name": None,
            },
        ),
        ParserExample(
            '{"ClientAddr":"[2001:db8::7]:56348","DownstreamStatus":200,"RequestMethod":"GET",'
            '"RequestPath":"/","time":"2026-11-22T01:06:16Z"}',
            {"source.ip": "2001:db8::7", "source.port": 56348, "event.outcome": "success"},
        ),
    ),
)
