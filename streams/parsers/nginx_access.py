"""Parse nginx access logs in the combined format.

Claims every combined line without anything that only Apache writes (tokenizers/combined_log.py); a
source configured as apache_access is read by that parser first."""

from __future__ import annotations

from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import combined_log, web_access


def _can_parse(line: SourceLine) -> bool:
    match = combined_log.match(line.text)
    return match is not None and combined_log.choose_server(line.text, match) == "nginx"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = combined_log.match(line.text)
    if match is None:
        raise web_access.build_unreadable("nginx_access")
    return ParsedEvent(*combined_log.read(match, "nginx", line.zone))


PARSER = Parser(
    id="nginx_access",
    title="nginx access log (combined)",
    hints=(b'] "', b" HTTP/"),
    claims=_can_parse,
    parse=_parse,
    references=("https://nginx.org/en/docs/http/ngx_http_log_module.html",),
    examples=(
        ParserExample(
            '203.0.113.66 - - [22/Nov/2026:01:06:15 +0100] "GET /portal?id=1%27 HTTP/1.1" 403 555'
            ' "-" "Mozilla/4.0 \\x22Havij\\x22"',
            {
                "@timestamp": "2026-11-22T00:06:15+00:00",
                "event.category": ["web"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "http.request.method": "GET",
                "http.response.status_code": 403,
                "http.response.body.bytes": 555,
                "http.version": "1.1",
                "url.original": "/portal?id=1%27",
                "url.path": "/portal",
                "url.query": "id=1%27",
                "user_agent.original": 'Mozilla/4.0 "Havij"',
                "http.request.referrer": None,
            },
        ),
        ParserExample(
            '2001:DB8::7 - Jo Smith [22/Nov/2026:01:06:15 +0000] "-" 400 0 "-" "-"',
            {"source.ip": "2001:db8::7", "user.name": "jo smith", "url.original": None},
        ),
        ParserExample(
            '203.0.113.66 - - [22/Nov/2026:01:06:15 +0000] "\\x16\\x03\\x01\\x00\\xEE" 400 150'
            ' "-" "-"',
            {"http.request.method": None, "http.response.status_code": 400},
        ),
        ParserExample(
            '8.8.8.8, 203.0.113.66, 10.0.0.2 - - [22/Nov/2026:01:06:15 +0000] "POST /login'
            ' HTTP/2.0" 200 10 "https://www.contoso.example/" "curl/8.5.0"',
            {
                "source.ip": "203.0.113.66",
                "related.ip": ["8.8.8.8", "203.0.113.66", "10.0.0.2"],
                "event.outcome": "success",
                "http.request.referrer": "https://www.contoso.example/",
            },
        ),
        ParserExample(
            "www.contoso.example 10.0.0.2, 203.0.113.66, 127.0.0.1 - -"
            ' [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x" rt=0.001',
            {"source.ip": "203.0.113.66", "url.domain": "www.contoso.example"},
        ),
        ParserExample(
            "<190>Nov 22 01:06:15 web01 nginx: 10.0.0.3, 127.0.0.1 - x [01/Jan/2020:00:00:00 +0000]"
            ' 192.0.2.1 [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 401 5 "-" "x"',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "source.ip": "10.0.0.3",
                "user.name": "x [01/jan/2020:00:00:00 +0000] 192.0.2.1",
            },
        ),
        ParserExample(
            ' 203.0.113.66 - [22/Nov/2026:01:06:15 +0000] "www.contoso.example"'
            ' "GET / HTTP/1.1" 200 5 "-" "x"',
            {"source.ip": "203.0.113.66", "user.name": None, "url.path": "/"},
        ),
        ParserExample(
            'unix: - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x"',
            {"source.ip": None, "source.domain": None, "user.name": None},
        ),
        ParserExample(
            '192.0.2.4 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 59 "-" "x" 89 0.250'
            " [shop-web-8080] [] 10.0.0.5:8080 59 0.249 200 5290",
            {"http.request.bytes": 89, "event.duration": 250000000},
        ),
    ),
)
