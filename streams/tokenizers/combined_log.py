r"""Parse the Common and Combined Log Formats as nginx and Apache really write them.

[vhost[:port] ]address[, address…] ident user [stamp] "request" status bytes ["referrer" "user
agent" ["more" …]]

One grammar serves both servers; `is_apache` distinguishes them by what nginx never writes: a
`vhost:port ` prefix, and any escape but `\xNN` in capitals. A line that shows neither counts as
nginx's unless the source is configured otherwise."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, people, stamps

_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_ADDRESS = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.%]*)"
_LINE = re.compile(
    r"(?:(?P<vhost>[A-Za-z0-9_*.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<vport>[0-9]{1,5}))? +)??"
    rf"(?P<client>{_ADDRESS}(?:, ?(?:{_ADDRESS}|unknown))*"
    r"|-|[A-Za-z0-9_][A-Za-z0-9_.-]*(?= +\S+ \S* \[))"
    r" +(?P<ident>[^\s=]+) (?P<user>.{0,512}?) \[(?P<stamp>[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3}"
    rf" [+-][0-9]{{4}})\] {_QUOTED} (?P<status>[0-9]{{3}}|-) (?P<bytes>[0-9]{{1,18}}|-)"
    rf"(?: {_QUOTED} {_QUOTED})?(?P<more>.*)",
    re.DOTALL,
)
_REQUEST = re.compile(r"([A-Za-z][A-Za-z_-]{0,31}) (.*?)(?: HTTP/([0-9.]{1,5}))?\Z", re.DOTALL)
_NOT_NGINX = re.compile(r"\\(?!x[0-9A-F]{2})")
_ESCAPES = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|(["\\abfnrtv]))')
_LETTERS = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_ADDRESS_LIST = re.compile(r'"([0-9A-Fa-f:.]+(?:, ?[0-9A-Fa-f:.]+)*)"')


@lru_cache(maxsize=2)
def match(text: str) -> re.Match[str] | None:
    """Match the line's parts, or return None. A parser that claims a line then reads it, so the
    last match is kept."""
    return _LINE.match(text)


def is_apache(text: str, line_match: re.Match[str]) -> bool:
    """Whether the line shows what only Apache writes."""
    if line_match["vport"] is not None:
        return True
    return "\\" in text and _NOT_NGINX.search(text) is not None


def read(line_match: re.Match[str]) -> tuple[datetime, dict[str, Value]]:
    """Time and ECS fields of a matched line. Raises UnparseableRecord for an absurd stamp."""
    (vhost, vport, client, _, user, stamp, request, status, size, referrer, agent, more) = (
        line_match.groups()
    )
    fields: dict[str, Value] = {
        "event.category": ["web"],
        "event.type": ["access"],
        "event.outcome": "unknown",
        "event.action": "http-request",
    }
    if status != "-":
        fields["http.response.status_code"] = int(status)
        fields["event.outcome"] = "failure" if status >= "400" else "success"
    if size != "-":
        fields["http.response.body.bytes"] = int(size)
    _put_client(fields, client, more)
    _put_request(fields, decode_escapes(request))
    if vhost:
        fields["url.domain"] = vhost.casefold()
        port = addresses.parse_port(vport or "")
        fields |= {} if port is None else {"url.port": port}
    if referrer and referrer != "-":
        fields["http.request.referrer"] = decode_escapes(referrer)
    if agent and agent != "-":
        fields["user_agent.original"] = decode_escapes(agent)
    people.put_user(fields, decode_escapes(user))
    return stamps.parse_common_log(stamp), fields


def _put_request(fields: dict[str, Value], request: str) -> None:
    request_match = _REQUEST.match(request)
    if request_match is None:
        if request not in {"", "-"}:
            fields["event.reason"] = "no HTTP request"
        return
    method, target, version = request_match.groups()
    fields["http.request.method"] = method
    fields["url.original"] = target
    if version:
        fields["http.version"] = version
    if "://" in target[:10]:
        scheme, _, rest = target.partition("://")
        domain, slash, target = rest.partition("/")
        fields |= {"url.scheme": scheme.lower(), "url.domain": domain.casefold()}
        target = slash + target
    path, separator, query = target.partition("?")
    fields["url.path"] = path
    if separator:
        fields["url.query"] = query


def _put_client(fields: dict[str, Value], client: str, more: str) -> None:
    """Set the client: the address nearest to us that is public is the real one, because a proxy
    appends it, while a stranger's own entries in X-Forwarded-For are further left."""
    seen = [ip for ip in map(addresses.parse_address, client.split(",")) if ip is not None]
    trailing = _ADDRESS_LIST.search(more) if seen and not addresses.is_public(seen[-1]) else None
    if trailing is not None:
        forwarded = map(addresses.parse_address, trailing[1].split(","))
        seen = [*(ip for ip in forwarded if ip is not None), *seen]
    if not seen:
        fields |= {} if client == "-" else {"source.domain": client.casefold()}
        return
    public = [ip for ip in seen if addresses.is_public(ip)]
    fields["source.ip"] = public[-1] if public else seen[-1]
    if len(seen) > 1:
        fields["related.ip"] = list(dict.fromkeys(seen))


def decode_escapes(text: str) -> str:
    r"""Decode the escapes of a logged value; bytes that are not UTF-8 stay visible as \xNN."""
    if "\\" not in text:
        return text
    raw = _ESCAPES.sub(_replace_escape, text).encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")


def _replace_escape(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return _LETTERS.get(escape[2], escape[0])
    byte = int(escape[1], 16)
    return chr(byte) if byte < 128 else chr(0xDC00 + byte)
