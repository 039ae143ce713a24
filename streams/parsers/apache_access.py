r"""Parse Apache httpd access logs: combined, and vhost_combined with `vhost:port ` in front.

Claims only what nginx never writes (tokenizers/combined_log.py): that prefix, or escapes such as
`\"` and lower-case `\xnn`, or named fields; the common format, and mod_ssl's request log. Name the parser in the source's settings to read every line as
Apache's."""

from __future__ import annotations

import re

from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import combined_log, stamps, web_access

_SSL_REQUEST = re.compile(
    r"\[([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3} [+-][0-9]{4})\] (\S{1,254}) "
    r"((?:TLS|SSL)v[0-9.]{1,4}|-) ([A-Z0-9_-]{1,64}) "
    r'"([^"\\]*+(?:\\.[^"\\]*+)*+)" ([0-9]{1,18}|-)\s*\Z'
)


def _can_parse(line: SourceLine) -> bool:
    if _SSL_REQUEST.match(line.text):
        return True
    match = combined_log.match(line.text)
    return match is not None and combined_log.choose_server(line.text, match) == "apache"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    request = _SSL_REQUEST.match(line.text)
    if request is not None:
        return _parse_ssl_request(request)
    match = combined_log.match(line.text)
    if match is None:
        raise web_access.build_unreadable("apache_access")
    return ParsedEvent(*combined_log.read(match, "apache", line.zone))


def _parse_ssl_request(request: re.Match[str]) -> ParsedEvent:
    """Parse a line of mod_ssl's request log: stamp, client, protocol, cipher, request, bytes."""
    stamp, client, protocol, cipher, line, size = request.groups()
    fields = web_access.build_fields("apache")
    web_access.put_clients(fields, client, "")
    web_access.put_request_line(fields, combined_log.decode_escapes(line))
    web_access.put_number(fields, "http.response.body.bytes", size)
    if protocol != "-":
        fields |= {"tls.version": protocol.partition("v")[2], "tls.cipher": cipher}
    return ParsedEvent(stamps.parse_common_log(stamp), fields)


PARSER = Parser(
    id="apache_access",
    title="Apache access log (combined, vhost_combined)",
    hints=(b'] "', b" HTTP/", b" TLSv", b" SSLv"),
    claims=_can_parse,
    parse=_parse,
    references=("https://httpd.apache.org/docs/2.4/mod/mod_log_config.html",),
    examples=(
        ParserExample(
            'www.contoso.example:443 203.0.113.66 - - [22/Nov/2026:01:06:15 +0000] "GET'
            ' /wp-login.php HTTP/1.1" 200 5123 "-" "Mozilla/5.0"',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "url.domain": "www.contoso.example",
                "url.port": 443,
                "url.path": "/wp-login.php",
                "source.ip": "203.0.113.66",
                "user_agent.original": "Mozilla/5.0",
            },
        ),
        ParserExample(
            '203.0.113.66 - frank [22/Nov/2026:01:06:15 +0000] "GET /?q=\\"x\\" HTTP/1.0" 500 -'
            ' "http://www.example.com/start" "a \\"quoted\\" agent"',
            {
                "user.name": "frank",
                "event.outcome": "failure",
                "url.original": '/?q="x"',
                "user_agent.original": 'a "quoted" agent',
                "http.response.body.bytes": None,
            },
        ),
        ParserExample(
            "[22/Nov/2026:09:45:56 +0200] 192.0.2.119 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256"
            ' "GET /a?b=c HTTP/1.1" 1375',
            {
                "@timestamp": "2026-11-22T07:45:56+00:00",
                "source.ip": "192.0.2.119",
                "url.path": "/a",
                "http.response.body.bytes": 1375,
                "tls.version": "1.2",
            },
        ),
        ParserExample(
            '192.0.2.80:80 203.0.113.66 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 5',
            {"source.ip": "203.0.113.66", "destination.ip": "192.0.2.80", "destination.port": 80},
        ),
        ParserExample(
            '10.0.0.1 - - [22/Nov/2026:01:06:15 +0000] "GET / HTTP/1.1" 200 5 12 "-" "x"'
            ' X-Forwarded-For="198.51.100.4, 203.0.113.66, 10.0.0.9"',
            {"source.ip": "203.0.113.66"},
        ),
        ParserExample(
            '::1 - - [22/Nov/2026:01:06:15 +0000] "\\x16\\x03\\x01\\x02\\xfe" 400 226 "-" "-"',
            {"source.ip": "::1", "http.request.method": None},
        ),
    ),
)
