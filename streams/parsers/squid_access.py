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
_EXTENDED = re.compile(
    r"\s*+([0-9]{9,10})\.([0-9]{3}) ++(-?[0-9]{1,10}) ([0-9A-Fa-f.:]{2,45})(?: ([0-9]{1,5}))? "
    r"([A-Z]{2,4}_[A-Z_]{2,40}|NONE|NONE_NONE)/([0-9]{3}) ([0-9]{1,18})(?: (?:[0-9]{1,18}|-)){1,8} ([A-Z]{1,32}) "
    r"(\S++)(?: ([0-9]\.[0-9]))? (\S++) ([A-Z_]{2,40})/(\S{1,254})(?: ([0-9]{1,5}|-))? (\S++)(.*)\Z",
    re.DOTALL,
)
"""The native format with more numbers: the client's port, sizes, the protocol's version."""
_COMBINED = re.compile(r" ([A-Z_]++)(?:/[0-9]{3})?:([A-Z_]++)\s*\Z")
_QUOTED = re.compile(r'"([^"]*+)"')
_DENIED = ("DENIED", "DENIED_REPLY")


def _can_parse(line: SourceLine) -> bool:
    if _NATIVE.match(line.text) or _EXTENDED.match(line.text):
        return True
    match = combined_log.match(line.text)
    return match is not None and combined_log.choose_server(line.text, match) == "squid"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    native = _NATIVE.match(line.text)
    if native is not None:
        return _parse_native(native)
    extended = _EXTENDED.match(line.text)
    if extended is not None:
        return _parse_extended(extended)
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
    fields = _build_fields(elapsed, client, verdict, status, size)
    _put_request(fields, method, url, user, peer)
    _put_headers(fields, rest)
    return ParsedEvent(_read_time(seconds, milliseconds), fields)


def _parse_extended(match: re.Match[str]) -> ParsedEvent:
    seconds, milliseconds, elapsed, client, port, verdict, status, size = match.groups()[:8]
    method, url, version, user, _, peer, peer_port, _, rest = match.groups()[8:]
    fields = _build_fields(elapsed, client, verdict, status, size)
    _put_request(fields, method, url, user, peer)
    _put_headers(fields, rest)
    web_access.put_version(fields, version or "")
    addresses.put_endpoint(fields, "source", None, addresses.parse_port(port or ""))
    addresses.put_endpoint(fields, "destination", None, addresses.parse_port(peer_port or ""))
    return ParsedEvent(_read_time(seconds, milliseconds), fields)


def _read_time(seconds: str, milliseconds: str) -> datetime:
    time = datetime.fromtimestamp(int(seconds), UTC)
    return time.replace(microsecond=int(milliseconds) * 1000)


def _build_fields(
    elapsed: str, client: str, verdict: str, status: str, size: str
) -> dict[str, Value]:
    fields = web_access.build_fields("squid")
    web_access.put_status(fields, status)
    web_access.put_number(fields, "http.response.bytes", size)
    web_access.put_duration(fields, elapsed, 10**6)
    if web_access.parse_list(client):
        web_access.put_clients(fields, client, "")
    else:
        web_access.put_text(fields, "source.domain", client.casefold())
    _put_verdict(fields, verdict)
    return fields


def _put_request(fields: dict[str, Value], method: str, url: str, user: str, peer: str) -> None:
    web_access.put_method(fields, method)
    _put_url(fields, method, url)
    web_access.put_user(fields, user)
    addresses.put_endpoint(fields, "destination", addresses.parse_address(peer), None)


def _put_headers(fields: dict[str, Value], rest: str) -> None:
    """Set referrer and browser, where they follow in quotes."""
    quoted = _QUOTED.findall(rest)
    if len(quoted) >= 2:
        web_access.put_referrer(fields, quoted[0])
        web_access.put_agent(fields, quoted[1])


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
            "1795309575.391    104 203.0.113.66 58938 TCP_MISS/200 904 123 364 123 528 GET"
            " http://www.example.com/a 1.1 jo HIER_DIRECT/198.51.100.10 80 text/html - -"
            ' "-" "curl/8.14.1" "www.example.com" "-" 53 -',
            {
                "@timestamp": "2026-11-22T01:06:15.391000+00:00",
                "source.ip": "203.0.113.66",
                "source.port": 58938,
                "user.name": "jo",
                "url.path": "/a",
                "http.response.status_code": 200,
                "http.version": "1.1",
                "destination.ip": "198.51.100.10",
                "destination.port": 80,
                "user_agent.original": "curl/8.14.1",
            },
        ),
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
