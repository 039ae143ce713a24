"""Parse Squid's access log: its native format, and the combined format with the cache's verdict."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, combined_log, web_access

_NATIVE = re.compile(
    r"\s*+([0-9]{9,10})\.([0-9]{3}) ++(-?[0-9]{1,10}) (\S{1,254}) "
    r"([A-Z]{2,4}_[A-Z_]{2,40}|NONE|NONE_NONE)/([0-9]{3}) ([0-9]{1,18}) ([A-Za-z_-]{1,32}) "
    r"(\S++) (\S++) ([A-Z_]{2,40})/(\S{1,254}) (\S++)(.*)\Z",
    re.DOTALL,
)
_COMBINED = re.compile(r" ([A-Z_]++)(?:/[0-9]{3})?:([A-Z_]++)\s*\Z")
_QUOTED = re.compile(r'"([^"]*+)"')
_DENIED = ("DENIED", "DENIED_REPLY")


def _can_parse(line: SourceLine) -> bool:
    if _NATIVE.match(line.text):
        return True
    match = combined_log.match(line.text)
    return match is not None and combined_log.choose_server(line.text, match) == "squid"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    native = _NATIVE.match(line.text)
    if native is not None:
        return _parse_native(native)
    match = combined_log.match(line.text)
    verdict = None if match is None else _COMBINED.search(match.tail)
    if match is None or verdict is None:
        raise web_access.build_unreadable("squid_access")
    time, fields = combined_log.read(match, "squid", line.zone)
    _put_verdict(fields, verdict[1])
    return ParsedEvent(time, fields)


def _parse_native(native: re.Match[str]) -> ParsedEvent:
    (seconds, milliseconds, elapsed, client, verdict, status, size) = native.groups()[:7]
    method, url, user, _, peer, _, rest = native.groups()[7:]
    fields = web_access.build_fields("squid")
    web_access.put_status(fields, status)
    web_access.put_number(fields, "http.response.bytes", size)
    web_access.put_duration(fields, elapsed, 10**6)
    web_access.put_method(fields, method)
    _put_url(fields, method, url)
    if web_access.parse_list(client):
        web_access.put_clients(fields, client, "")
    else:
        web_access.put_text(fields, "source.domain", client.casefold())
    web_access.put_user(fields, user)
    ip = addresses.parse_address(peer)
    addresses.put_endpoint(fields, "destination", ip, None)
    _put_verdict(fields, verdict)
    quoted = _QUOTED.findall(rest)
    if len(quoted) >= 2:
        web_access.put_referrer(fields, quoted[0])
        web_access.put_agent(fields, quoted[1])
    time = datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(milliseconds) * 1000)
    return ParsedEvent(time, fields)


def _put_url(fields: dict[str, Value], method: str, url: str) -> None:
    """Set the target: a tunnel's is `host:port`."""
    if method == "CONNECT" and "/" not in url:
        fields["url.original"] = url
        web_access.put_host(fields, url)
    elif url != "-" and not url.startswith("error:"):
        web_access.put_target(fields, url)


def _put_verdict(fields: dict[str, Value], verdict: str) -> None:
    """Set the proxy's verdict, such as `TCP_DENIED`."""
    fields["event.action"] = verdict.lower()
    fields["observer.type"] = "proxy"
    fields["observer.product"] = "Squid"
    if verdict.endswith(_DENIED):
        fields["event.type"] = ["access", "denied"]
        fields["event.outcome"] = "failure"


PARSER = Parser(
    id="squid_access",
    title="Squid proxy (native and combined access log)",
    hints=(b"TCP_", b"NONE", b"UDP_", b"TAG_"),
    claims=_can_parse,
    parse=_parse,
    references=("https://wiki.squid-cache.org/Features/LogFormat",),
    examples=(
        ParserExample(
            "1795309575.049   5006 192.0.2.199 TCP_MISS/200 19763 CONNECT www.example.com:443"
            " JSmith DIRECT/198.51.100.115 -",
            {
                "@timestamp": "2026-11-22T01:06:15.049000+00:00",
                "event.outcome": "success",
                "source.ip": "192.0.2.199",
                "user.name": "jsmith",
                "http.request.method": "CONNECT",
                "http.response.status_code": 200,
                "http.response.bytes": 19763,
                "url.domain": "www.example.com",
                "url.port": 443,
                "destination.ip": "198.51.100.115",
                "event.duration": 5006000000,
            },
        ),
        ParserExample(
            "<182>Nov 22 01:06:15 proxy (squid-1)[712]: 1795309575.049      4 2001:db8::7"
            " TCP_DENIED/407 1661 GET http://www.example.com/a?b=c - HIER_NONE/- text/html",
            {
                "event.outcome": "failure",
                "event.type": ["access", "denied"],
                "event.action": "tcp_denied",
                "source.ip": "2001:db8::7",
                "url.domain": "www.example.com",
                "url.path": "/a",
                "url.query": "b=c",
                "user.name": None,
            },
        ),
        ParserExample(
            '192.0.2.199 - jo [22/Nov/2026:01:06:15 +0000] "GET http://www.example.com/ HTTP/1.1"'
            ' 200 512 "-" "x" TCP_MISS:HIER_DIRECT',
            {"user.name": "jo", "event.action": "tcp_miss", "url.domain": "www.example.com"},
        ),
        ParserExample(
            "1795309575.049      0 192.0.2.199 TCP_DENIED/403 3900 GET"
            " http://www.example.com/?x=192.0.2.1%20TCP_MISS/200 - HIER_NONE/- text/html",
            {"source.ip": "192.0.2.199", "http.response.status_code": 403},
        ),
    ),
)
