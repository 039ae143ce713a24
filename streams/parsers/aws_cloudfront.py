"""Parse CloudFront's standard access log: values between tabs, in the order of its `#Fields` line.

The client is the viewer whose address CloudFront saw. A viewer may send any X-Forwarded-For, so that
column is not read."""

from __future__ import annotations

import re
from urllib.parse import unquote

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, stamps, web_access

_COLUMNS = (
    "date", "time", "edge", "sent", "client", "method", "domain", "path", "status", "referrer",
    "agent", "query", "cookie", "result", "id", "host", "scheme", "received", "took", "forwarded",
    "tls", "cipher", "response", "version", "fle", "encrypted", "port",
)  # fmt: skip
_START = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}\t[0-9]{2}:[0-9]{2}:[0-9]{2}\t[A-Z]{3}[\w-]{1,12}\t(?:[0-9]{1,18}|-)\t"
    r"[0-9A-Fa-f.:]{2,45}\t[A-Z-]{1,20}\t\S{1,200}\.cloudfront\.net\t"
)
_FEWEST = 19
_BROKEN = "000"
"""The status where the viewer closed the connection before the answer."""


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    values = line.text.rstrip("\r\n").split("\t")
    if _START.match(line.text) is None or len(values) < _FEWEST:
        raise web_access.build_unreadable("aws_cloudfront")
    row = dict(zip(_COLUMNS, values, strict=False))
    fields = web_access.build_fields("cloudfront")
    fields |= {"observer.vendor": "AWS", "observer.type": "proxy", "observer.name": row["edge"]}
    web_access.put_status(fields, "" if row["status"] == _BROKEN else row["status"])
    if row["status"] == _BROKEN:
        fields["event.outcome"] = "unknown"
    _put_request(fields, row)
    ip = addresses.parse_address(row["client"])
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(row.get("port", "")))
    fields["event.action"] = f"http-request-{row['result'].lower()}"
    return ParsedEvent(stamps.parse_iso(f"{row['date']}T{row['time']}Z"), fields, id=_get_id(row))


def _get_id(row: dict[str, str]) -> str | None:
    return row["id"] if len(row["id"]) > 20 else None


def _put_request(fields: dict[str, Value], row: dict[str, str]) -> None:
    web_access.put_method(fields, row["method"])
    query = row["query"]
    web_access.put_target(fields, row["path"] if query == "-" else f"{row['path']}?{query}")
    host = row["host"] if row["host"] != "-" else row["domain"]
    web_access.put_host(fields, host)
    if row["scheme"] != "-":
        fields["url.scheme"] = row["scheme"]
    web_access.put_version(fields, row.get("version", ""))
    web_access.put_referrer(fields, row["referrer"])
    web_access.put_agent(fields, unquote(row["agent"]))
    web_access.put_number(fields, "http.response.bytes", row["sent"])
    web_access.put_number(fields, "http.request.bytes", row["received"])
    web_access.put_duration(fields, row["took"], 10**9)
    tls = row.get("tls", "-")
    if tls.startswith("TLSv"):
        fields |= {"tls.version": tls[4:], "tls.cipher": row.get("cipher", "-")}


PARSER = Parser(
    id="aws_cloudfront",
    title="AWS CloudFront (standard access log)",
    hints=(b".cloudfront.net",),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html",
    ),
    examples=(
        ParserExample(
            "2026-11-22\t01:06:15\tLHR52-C1\t392\t203.0.113.66\tGET\td111111abcdef8.cloudfront.net"
            "\t/index.html\t200\t-\tMozilla/5.0%20(X11;%20Linux)\ta=b\t-\tHit"
            "\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\twww.contoso.example\thttps"
            "\t23\t0.001\t192.0.2.9\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "source.ip": "203.0.113.66",
                "source.port": 11040,
                "http.response.status_code": 200,
                "http.response.bytes": 392,
                "http.request.bytes": 23,
                "http.version": "2.0",
                "url.domain": "www.contoso.example",
                "url.path": "/index.html",
                "url.query": "a=b",
                "user_agent.original": "Mozilla/5.0 (X11; Linux)",
                "event.duration": 1000000,
            },
        ),
        ParserExample(
            "2026-11-22\t01:06:15\tLHR52-C1\t900\t2001:DB8::7\tPOST\td1.cloudfront.net\t/\t502\t-"
            "\tcurl/8.5.0\t-\t-\tError\t1pkpNfBQ39sYMnjjUQjmH2w1wdJnbHYTbag21o_3Of\tw.example\thttp"
            "\t675\t0.102",
            {"event.outcome": "failure", "source.ip": "2001:db8::7", "http.request.method": "POST"},
        ),
        ParserExample(
            "2026-11-22\t01:06:15\tLHR52-C1\t0\t203.0.113.66\tGET\td1.cloudfront.net\t/\t000\t-"
            "\tcurl/8.5.0\t-\t-\tError\t1pkpNfBQ39sYMnjjUQjmH2w1wdJnbHYTbag21o_3Of\tw.example\thttp"
            "\t675\t0.102",
            {"event.outcome": "unknown", "http.response.status_code": None},
        ),
    ),
)
