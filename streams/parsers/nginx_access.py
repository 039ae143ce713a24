"""Parse nginx access logs in the combined format.

Claims every combined line without anything that only Apache writes (tokenizers/combined_log.py); a
source configured as apache_access is read by that parser first."""

from __future__ import annotations

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import combined_log


def _can_parse(line: SourceLine) -> bool:
    match = combined_log.match(line.text)
    return match is not None and not combined_log.is_apache(line.text, match)


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = combined_log.match(line.text)
    if match is None:
        raise UnparseableRecord(
            "no line of the combined log format",
            place="nginx_access",
            remedy="Set the server's log format to combined.",
        )
    time, fields = combined_log.read(match)
    fields["service.name"] = "nginx"
    return ParsedEvent(time, fields)


PARSER = Parser(
    id="nginx_access",
    title="nginx access log (combined)",
    hints=(b'] "',),
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
    ),
)
