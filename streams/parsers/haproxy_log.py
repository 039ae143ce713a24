"""Parse HAProxy's logs: the HTTP, HTTPS and TCP formats, the default format, and connection errors."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, numbers, stamps, web_access

_START = (
    r"\s*+(?:haproxy(?:\[[0-9]{1,10}\])?: )?(?P<client>[^\s\[\]{}\"]{0,254}|\[[^\s\]]{1,64}\]):(?P<port>[0-9]{1,5}) "
    r"\[(?P<day>[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3})\.(?P<fraction>[0-9]{1,6})"
    r"(?P<offset> [+-][0-9]{4})?\] "
)
_COUNTS = r"[0-9]++/[0-9]++/[0-9]++/[0-9]++/\+?[0-9]++ [0-9]++/[0-9]++"
_HTTP = re.compile(
    _START + r"(?P<front>\S{1,254}) (?P<back>[^\s/]{1,254})/(?P<server>\S{0,254}) "
    r"(?:(?P<host>[^\s/]{1,254}) )?"
    r"(?P<times>-?[0-9]++(?:/-?[0-9]++){3})/\+?(?P<total>-?[0-9]++) (?P<status>-?[0-9]{1,3}) "
    r"\+?(?P<bytes>[0-9]{1,18}) (?P<request_cookie>\S++) (?P<response_cookie>\S++) "
    rf"(?P<state>\S{{4}}) {_COUNTS} (?P<headers>(?:\{{[^\}}]*+\}} )*+)"
    r"\"(?P<request>[^\"]*+)(?:\"(?P<rest>.*))?\Z",
    re.DOTALL,
)
_TLS = re.compile(r" (?:([^\s/]++)/)?(?:TLS|SSL)v([0-9.]{1,4})(?:/([A-Z0-9_-]{1,64}))?(?=\s|\Z)")
_TCP = re.compile(
    _START + r"(?P<front>\S{1,254}) (?P<back>[^\s/]{1,254})/(?P<server>\S{0,254}) "
    r"(?P<times>-?[0-9]++/-?[0-9]++)/\+?(?P<total>-?[0-9]++) \+?(?P<bytes>[0-9]{1,18}) "
    rf"(?P<state>\S{{2}}) {_COUNTS}\s*"
)
_FAILED = re.compile(
    _START + r"(?P<front>[^\s/]{1,254})/(?P<bind>\S{1,254}): (?P<reason>.{1,254})\Z"
)
_DEFAULT = re.compile(
    r"\s*+Connect from (?P<client>\S{1,254}):(?P<port>[0-9]{1,5}) to (?P<to>\S{1,254}):"
    r"(?P<to_port>[0-9]{1,5}) \((?P<front>[^/)]{1,254})/(?P<mode>[A-Z]{1,8})\)"
)
_OWN_STATE = re.compile(
    r"\s*+(?:\[[A-Z]+\]|Proxy |Server |Backup Server |backend |Stopping |Health check |Loading )"
)
_NO_SERVER = frozenset({"", "<NOSRV>", "<STATS>", "<lua>"})
_PARSER = "haproxy_log"


def _match(text: str) -> re.Match[str] | None:
    return _HTTP.match(text) or _TCP.match(text) or _FAILED.match(text)


def _can_parse(line: SourceLine) -> bool:
    if _match(line.text) or _DEFAULT.match(line.text):
        return True
    return line.frame.app == "haproxy" and _OWN_STATE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = _match(line.text)
    if match is not None:
        fields = _build_act(match)
        _put_client(fields, match)
        return _finish(fields, line, _read_time(match, line.zone))
    default = _DEFAULT.match(line.text)
    if default is not None:
        fields = _build_connection(default["front"], "unknown")
        fields["event.type"] = ["connection", "start"]
        _put_client(fields, default)
        target = addresses.parse_address(default["to"])
        addresses.put_endpoint(
            fields, "destination", target, addresses.parse_port(default["to_port"])
        )
        return _finish(fields, line, None)
    if line.frame.app == "haproxy" and _OWN_STATE.match(line.text):
        return IgnoredLine("HAProxy describes its own state")
    raise web_access.build_unreadable(_PARSER)


def _finish(fields: dict[str, Value], line: SourceLine, time: datetime | None) -> ParsedEvent:
    if line.frame.host:
        fields["host.name"] = line.frame.host
    pid = numbers.parse_whole(line.frame.pid or "")
    if pid is not None:
        fields["process.pid"] = pid
    return ParsedEvent(time or line.frame.time, fields)


def _build_act(match: re.Match[str]) -> dict[str, Value]:
    if match.re is _HTTP:
        return _build_request(match)
    if match.re is _TCP:
        fields = _build_connection(
            match["front"], "success" if match["state"] == "--" else "unknown"
        )
        fields["event.type"] = ["connection", "end"]
        _put_transfer(fields, match)
        web_access.put_number(fields, "destination.bytes", match["bytes"])
        return fields
    fields = _build_connection(match["front"], "failure")
    fields["event.type"] = ["connection", "error"]
    fields |= {"event.action": "connection-error", "event.reason": match["reason"].strip()}
    return fields


def _build_connection(front: str, outcome: str) -> dict[str, Value]:
    return {
        "event.category": ["network"],
        "event.type": ["connection"],
        "event.outcome": outcome,
        "event.action": "connection",
        "network.transport": "tcp",
        "service.name": "haproxy",
        "observer.type": "proxy",
        "observer.ingress.interface.name": front.rstrip("~"),
    }


def _build_request(match: re.Match[str]) -> dict[str, Value]:
    fields = web_access.build_fields("haproxy")
    fields["observer.type"] = "proxy"
    fields["observer.ingress.interface.name"] = match["front"].rstrip("~")
    status = match["status"]
    web_access.put_status(fields, status)
    web_access.put_number(fields, "http.response.bytes", match["bytes"])
    _put_transfer(fields, match)
    if match["request"] != "<BADREQ>":
        web_access.put_request_line(fields, match["request"])
    else:
        fields["event.reason"] = "no HTTP request"
    if match["host"]:
        web_access.put_host(fields, match["host"])
    tls = _TLS.search((match["rest"] or "")[:512])
    if tls is not None:
        name, fields["tls.version"], cipher = tls.groups()
        fields |= {"tls.cipher": cipher} if cipher else {}
        web_access.put_text(fields, "destination.domain", (name or "").casefold())
    if status == "401" and match["server"] == "<NOSRV>" and match["state"].startswith("PR"):
        fields |= {
            "event.category": ["authentication", "web"],
            "event.type": ["start"],
            "event.action": "http-auth",
        }
    elif match["state"].startswith("PR"):
        fields["event.type"] = ["access", "denied"]
    return fields


def _put_transfer(fields: dict[str, Value], match: re.Match[str]) -> None:
    web_access.put_duration(fields, match["total"], 10**6)
    if match["state"].strip("-"):
        fields["event.reason"] = f"termination state {match['state']}"
    if match["server"] not in _NO_SERVER:
        fields["destination.address"] = match["server"]
    fields["rule.name"] = match["back"]


def _put_client(fields: dict[str, Value], match: re.Match[str]) -> None:
    """Set the client; an IPv6 address stands without brackets before its port."""
    ip = addresses.parse_address(match["client"].strip("[]"))
    if ip is not None:
        addresses.put_endpoint(fields, "source", ip, addresses.parse_port(match["port"]))


def _read_time(match: re.Match[str], zone: tzinfo) -> datetime:
    """Read the stamp of acceptance, which is in local time."""
    if match["offset"]:
        time = stamps.parse_common_log(match["day"] + match["offset"])
    else:
        time = stamps.parse_common_local(match["day"], zone)
    return time.replace(microsecond=int(match["fraction"].ljust(6, "0")))


PARSER = Parser(
    id=_PARSER,
    title="HAProxy (HTTP, HTTPS and TCP log)",
    hints=(
        b"haproxy",
        b"Connect from ",
        *(f"/{month}/".encode() for month in stamps.MONTHS),
    ),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.haproxy.org/3.0/configuration.html#8.2",),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 lb01 haproxy[14389]: 203.0.113.66:33317 [22/Nov/2026:01:06:14.655]"
            " https-in~ static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0"
            ' {www.contoso.example} {} "GET /index.html?a=b HTTP/1.1"',
            {
                "@timestamp": "2026-11-22T01:06:14.655000+00:00",
                "event.category": ["web"],
                "event.outcome": "success",
                "event.duration": 109000000,
                "source.ip": "203.0.113.66",
                "source.port": 33317,
                "http.request.method": "GET",
                "http.response.status_code": 200,
                "http.response.bytes": 2750,
                "url.path": "/index.html",
                "url.query": "a=b",
                "destination.address": "srv1",
                "rule.name": "static",
                "process.pid": 14389,
                "host.name": "lb01",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 lb01 haproxy[760]: 2001:db8::1234:58430 [22/Nov/2026:01:06:11.608] main"
            ' main/<NOSRV> -1/-1/-1/-1/0 401 248 - - PR-- 0/0/0/0/0 0/0 "GET / HTTP/1.1"',
            {
                "event.category": ["authentication", "web"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::1234",
                "source.port": 58430,
                "destination.address": None,
            },
        ),
        ParserExample(
            "haproxy[14387]: 203.0.113.66:33313 [22/Nov/2026:01:06:11.443] fnt bck/srv1 0/0/5007 212"
            " -- 0/0/0/0/3 0/0",
            {
                "event.category": ["network"],
                "event.type": ["connection", "end"],
                "destination.bytes": 212,
                "event.duration": 5007000000,
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 lb01 haproxy[6103]: 203.0.113.66:56059 [22/Nov/2026:01:06:15.380]"
            " frt/f1: Connection error during SSL handshake",
            {
                "event.outcome": "failure",
                "event.reason": "Connection error during SSL handshake",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 lb01 haproxy[24551]: Connect from 203.0.113.66:40780 to"
            " 192.0.2.80:5000 (main/HTTP)",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "source.ip": "203.0.113.66",
                "destination.ip": "192.0.2.80",
                "destination.port": 5000,
            },
        ),
        ParserExample(
            "203.0.113.66:33317 [22/Nov/2026:01:06:14.655] in static/s 1/0/3/6/10 404 27 - - ----"
            ' 1/1/1/1/0 0/0 "GET /"x" 192.0.2.1:5 [22/Nov/2026:01:06:14.655] HTTP/1.1"',
            {"source.ip": "203.0.113.66", "http.response.status_code": 404},
        ),
        ParserExample(
            "Nov 22 01:06:15 lb01 haproxy[24551]: Server bck/srv1 is DOWN, reason: Layer4 timeout.",
            None,
        ),
    ),
)
