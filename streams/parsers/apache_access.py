r"""Parse Apache httpd access logs: combined, and vhost_combined with `vhost:port ` in front.

Claims only what nginx never writes (tokenizers/combined_log.py): that prefix, or escapes such as
`\"` and lower-case `\xnn`. Name the parser in the source's settings to read every line as
Apache's."""

from __future__ import annotations

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import combined_log


def _can_parse(line: SourceLine) -> bool:
    match = combined_log.match(line.text)
    return match is not None and combined_log.is_apache(line.text, match)


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = combined_log.match(line.text)
    if match is None:
        raise UnparseableRecord(
            "no line of the combined log format",
            place="apache_access",
            remedy="Set the server's LogFormat to combined or vhost_combined.",
        )
    time, fields = combined_log.read(match)
    fields["service.name"] = "apache"
    return ParsedEvent(time, fields)


PARSER = Parser(
    id="apache_access",
    title="Apache access log (combined, vhost_combined)",
    hints=(b'] "',),
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
            '::1 - - [22/Nov/2026:01:06:15 +0000] "\\x16\\x03\\x01\\x02\\xfe" 400 226 "-" "-"',
            {"source.ip": "::1", "http.request.method": None},
        ),
    ),
)
