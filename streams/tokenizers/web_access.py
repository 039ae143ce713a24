"""Build the ECS fields that every web server's access record has: client, request, target, status."""

from __future__ import annotations

import re
from collections.abc import Iterable

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from streams.tokenizers import addresses, numbers, people

_REQUEST = re.compile(
    r"([A-Za-z][A-Za-z_-]{0,31}) (\S*+(?:\s++(?!HTTP/[0-9.]{1,5}\s*\Z)\S++)*+)"
    r"(?:\s++HTTP/([0-9.]{1,5}))?\s*\Z"
)
_METHOD = re.compile(r"[A-Za-z][A-Za-z_-]{0,31}", re.ASCII)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]++\]|[^:]++)(?::([0-9]{1,5}))?")
_ABSENT = frozenset({"", "-"})


def build_unreadable(parser: str) -> UnparseableRecord:
    """Build the error for a line that is not in the parser's format; it repeats nothing of it."""
    return UnparseableRecord(
        "not in the format that this parser reads",
        place=parser,
        remedy="Check which parser the source names, and the log format of the server.",
    )


def build_fields(service: str) -> dict[str, Value]:
    """Build the fields that any access record has, before its status is known."""
    return {
        "event.category": ["web"],
        "event.type": ["access"],
        "event.outcome": "unknown",
        "event.action": "http-request",
        "service.name": service,
    }


def put_status(fields: dict[str, Value], status: str) -> None:
    """Set the status, and the outcome that follows from it; `-`, 0 and -1 are none."""
    if len(status) == 3 and status.isdigit() and status.isascii() and status >= "100":
        fields["http.response.status_code"] = int(status)
        fields["event.outcome"] = "failure" if status >= "400" else "success"


def put_number(fields: dict[str, Value], name: str, text: str) -> None:
    number = numbers.parse_whole(text)
    if number is not None:
        fields[name] = number


def put_duration(fields: dict[str, Value], text: str, unit: int) -> None:
    """Set `event.duration` from a decimal number of units of so many nanoseconds."""
    whole, _, part = text.partition(".")
    seconds = numbers.parse_whole(whole)
    if seconds is None or seconds > 10**9 or (part and not (part.isdigit() and part.isascii())):
        return
    fields["event.duration"] = seconds * unit + int((part[:9] or "0").ljust(9, "0")) * unit // 10**9


def put_text(fields: dict[str, Value], name: str, text: str) -> None:
    """Set a text that is neither empty nor `-`."""
    if text not in _ABSENT:
        fields[name] = text


def put_request_line(fields: dict[str, Value], request: str) -> None:
    """Set method, target and version of `GET /a?b HTTP/1.1`; other bytes are no HTTP request."""
    match = _REQUEST.match(request)
    if match is None:
        if request.strip() not in _ABSENT:
            fields["event.reason"] = "no HTTP request"
        return
    method, target, version = match.groups()
    fields["http.request.method"] = method
    put_target(fields, target)
    if version:
        fields["http.version"] = version


def put_method(fields: dict[str, Value], method: str) -> None:
    if _METHOD.fullmatch(method):
        fields["http.request.method"] = method


def put_version(fields: dict[str, Value], protocol: str) -> None:
    """Set the version of `HTTP/1.1`, or of `1.1`."""
    version = protocol.upper().removeprefix("HTTP/")
    if version[:1].isdigit() and len(version) <= 5:
        fields["http.version"] = version


def put_target(fields: dict[str, Value], target: str) -> None:
    """Set the target as sent, and its path, query, and of an absolute one scheme and domain."""
    if target in _ABSENT:
        return
    fields["url.original"] = target
    if "://" in target[:10]:
        scheme, _, rest = target.partition("://")
        host, slash, target = rest.partition("/")
        fields["url.scheme"] = scheme.lower()
        put_host(fields, host)
        target = slash + target
    path, separator, query = target.partition("?")
    if path:
        fields["url.path"] = path
    if separator:
        fields["url.query"] = query


def put_host(fields: dict[str, Value], host: str) -> None:
    """Set domain and port of `www.example.com:443`, as the client or the server names itself."""
    match = _HOST.fullmatch(host) if len(host) <= 260 else None
    if match is None or match[1] in _ABSENT:
        whole = addresses.parse_address(host)
        fields |= {} if whole is None else {"url.domain": whole}
        return
    fields["url.domain"] = match[1].strip("[]").casefold()
    port = addresses.parse_port(match[2] or "")
    if port is not None:
        fields["url.port"] = port


def put_agent(fields: dict[str, Value], agent: str) -> None:
    put_text(fields, "user_agent.original", agent)


def put_referrer(fields: dict[str, Value], referrer: str) -> None:
    put_text(fields, "http.request.referrer", referrer)


def put_user(fields: dict[str, Value], name: str) -> None:
    r"""Set the user, and the domain of a Windows account (`contoso\jo`)."""
    domain, separator, account = name.partition("\\")
    if separator and domain and account and "\\" not in account:
        people.put_user(fields, account)
        fields["user.domain"] = domain.casefold()
        return
    people.put_user(fields, name)


def choose_client(several: Iterable[str]) -> str | None:
    """Choose the client of a list of addresses that ends with our own hop.

    The public address nearest to us is the real one: a proxy appends it, while a stranger's own
    entries are further left. Without a public one, the first that is no loopback is; loopback is
    the client only where nothing else stands."""
    candidates = list(several)
    public = [ip for ip in candidates if addresses.is_public(ip)]
    if public:
        return public[-1]
    inside = [ip for ip in candidates if not is_loopback(ip)]
    return next(iter(inside or candidates), None)


def is_loopback(ip: str) -> bool:
    return ip == "::1" or ip.startswith("127.")


def parse_list(text: str) -> list[str]:
    """Parse the addresses of a forwarded list (`192.0.2.1, [2001:db8::1]:80, unknown`)."""
    if "," not in text:
        ip = addresses.parse_endpoint(text).ip
        return [] if ip is None else [ip]
    several = [addresses.parse_endpoint(part).ip for part in text.split(",")[:64]]
    return [ip for ip in several if ip is not None]


def put_clients(fields: dict[str, Value], peer: str, forwarded: str) -> None:
    """Set the client of a connection: the peer, or behind a proxy of our own the one it forwards.

    A list from a public peer is that stranger's own word."""
    endpoint = addresses.parse_endpoint(peer)
    several = [] if endpoint.ip is None else [endpoint.ip]
    if endpoint.ip is None or not addresses.is_public(endpoint.ip):
        several = [*parse_list(forwarded), *several]
    client = choose_client(several)
    addresses.put_endpoint(
        fields, "source", client, endpoint.port if client == endpoint.ip else None
    )
    put_related(fields, several)


def put_related(fields: dict[str, Value], several: list[str]) -> None:
    """Set `related.ip` where more than one address takes part."""
    distinct = list(dict.fromkeys(several))
    if len(distinct) > 1:
        fields["related.ip"] = distinct
