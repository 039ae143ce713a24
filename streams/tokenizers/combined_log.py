r"""Parse the Common and Combined Log Formats as servers and their operators really write them.

[vhost[:port] ] ["forwarded, …" ] client[, client…] ident user [stamp] ["more" …] "request" status
bytes [more …] ["referrer" "user agent"] [more …]

One grammar serves all servers; `choose_server` distinguishes them by what only one of them writes:
Apache a `vhost:port ` prefix, named fields, no referrer, and any escape but `\xNN` in capitals;
Traefik the duration at the end; Squid its cache's verdict. A line that shows none of them counts as
nginx's unless the source is configured otherwise."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, stamps, web_access

_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_PLAIN_QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_DAY = r"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3}"
_STAMP = re.compile(
    rf"\[({_DAY})(?:[.,:]([0-9]{{1,9}}))?( [+-][0-9]{{4}})? ?\] ++(?:[\w.:-]{{1,254}} ++)?(?=\")"
)
_RECORD = re.compile(
    rf"(?:{_PLAIN_QUOTED} ++){{0,3}}?{_QUOTED} ++([0-9]{{3}}|-)(?: ++([0-9]{{1,18}}|-))?(?=\s|\Z)",
    re.DOTALL,
)
_UNESCAPED = re.compile(r"\"(.*?)\" ([0-9]{3}|-) ([0-9]{1,18}|-)(?=\s|\Z)")
"""A request whose server escapes no quotes in it."""
_TAIL = re.compile(rf"([\w-]{{1,64}}=)?+(?:{_QUOTED}|\"([^\"]*+)\Z)|(\S++)", re.DOTALL)
_HOST_NAME = r"(?=[^\s,]*[A-Za-z])[A-Za-z0-9_*][A-Za-z0-9_.*-]*+"
_IPV4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5})?"
_IPV6 = (
    r"\[[0-9A-Fa-f:.%]++\](?::[0-9]{1,5})?|[0-9A-Fa-f]*+:[0-9A-Fa-f]*+:[0-9A-Fa-f:.]*+(?:%\w++)?"
)
_ITEM = re.compile(
    rf"(?:\"(?P<quoted>[^\"]*+)\"|(?P<addresses>(?:{_IPV4}|{_IPV6}|unknown)"
    rf"(?:, ?(?:{_IPV4}|{_IPV6}|unknown|(?:{_HOST_NAME})))*+)|(?P<unix>unix:\S*+)|(?P<absent>-)"
    rf"|(?P<name>{_HOST_NAME}(?::[0-9]{{1,5}})?(?:, ?(?:{_HOST_NAME}|{_IPV4}|{_IPV6}))*+))(?:\s++|\Z)"
)
_NOT_NGINX = re.compile(r"\\(?!x[0-9A-F]{2})")
_ESCAPES = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|(["\\abfnrtv]))')
_LETTERS = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_ADDRESS_LIST = re.compile(r"[0-9A-Fa-f:.\[\]]+(?:, ?[0-9A-Fa-f:.\[\]]+)*")
_SQUID = re.compile(r" (?:[A-Z]++_)++[A-Z]++(?:/[0-9]{3})?:[A-Z_]++\Z")
_TRAEFIK = re.compile(r' [0-9]++ "[^"]*+" "[^"]*+" [0-9]++ms\s*\Z')
_INGRESS = re.compile(r'" ([0-9]++) ([0-9]++\.[0-9]{3}) \[[^\]]*+\] \[')
_LONGEST_HEAD = 2_000


class ServerHead(NamedTuple):
    """What stands before the stamp."""

    server: str
    clients: tuple[str, ...]
    """Addresses, and names where the server looks them up, the farthest first."""
    user: str


class AccessLine(NamedTuple):
    """The parts of one line; `tail` is what follows status and bytes."""

    head: ServerHead
    stamp: str
    fraction: str
    request: str
    status: str
    size: str
    tail: str


@lru_cache(maxsize=2)
def match(text: str) -> AccessLine | None:
    """Match the line's parts, or return None. A parser that claims a line then reads it, so the
    last match is kept."""
    stamp = _STAMP.search(text)
    if stamp is None or stamp.start() > _LONGEST_HEAD:
        return None
    record = _RECORD.match(text, stamp.end()) or _UNESCAPED.match(text, stamp.end())
    head = None if record is None else _parse_head(text[: stamp.start()])
    if record is None or head is None:
        return None
    request, status, size = record.groups()
    day, fraction, offset = stamp.groups()
    return AccessLine(
        head,
        day + (offset or ""),
        fraction or "",
        request,
        status,
        size or "-",
        text[record.end() :],
    )


@lru_cache(maxsize=4096)
def _parse_head(head: str) -> ServerHead | None:
    """Parse `[vhost] clients ident user`.

    The user is the only part that a stranger may type at will: it is the rest after the ident."""
    at = len(head) - len(head.lstrip())
    items: list[re.Match[str]] = []
    while len(items) < 4 and (item := _ITEM.match(head, at)) is not None:
        if not _continues_hosts(item, items, head):
            break
        items.append(item)
        at = item.end()
    rest = head[at:].strip()
    if not items:
        return None
    if not rest and len(items) > 1:
        rest = items.pop()[0].strip() if items[-1]["name"] or items[-1]["absent"] else ""
    ident, _, user = rest.partition(" ")
    if ident not in {"-", ""} and (" " in user or "=" in ident or ":" in ident):
        return None
    user = user or ident
    return _sort_hosts(items, user if user.strip("- ") else "")


def _continues_hosts(item: re.Match[str], items: list[re.Match[str]], head: str) -> bool:
    """Whether the item is still one of the hosts, and not the ident."""
    if item["absent"]:
        return not items
    if item["name"] is None or not items:
        return True
    return len(items) == 1 and head[item.end() :].startswith("- ")


def _sort_hosts(items: list[re.Match[str]], user: str) -> ServerHead:
    """Sort the items into the server's own name and the clients.

    With several items the first is the server, except for an address of the internet without a port
    before hops of our own: that is a forwarded client."""
    server = ""
    if len(items) > 1 and items[0]["quoted"] is None and not items[0]["absent"]:
        first = items[0][0].strip()
        others = " ".join(item[0] for item in items[1:])
        if "," not in first and not _is_forwarded(first, others):
            server, items = first, items[1:]
    texts = [item["quoted"] or item["addresses"] or item["name"] or "" for item in items]
    parts = [part.strip() for text in texts for part in text.split(",")]
    return ServerHead(server, tuple(part for part in parts if part not in {"", "unknown"}), user)


def _is_forwarded(first: str, others: str) -> bool:
    ip = addresses.parse_address(first)
    inside = web_access.parse_list(",".join(others.replace(",", " ").split()))
    return (
        ip is not None
        and addresses.is_public(ip)
        and bool(inside)
        and not any(addresses.is_public(each) for each in inside)
    )


def choose_server(text: str, line: AccessLine) -> str:
    """Choose whose line it is: `apache`, `traefik`, `squid` or `nginx`."""
    tail = line.tail
    if tail.endswith("ms") and _TRAEFIK.search(tail):
        return "traefik"
    if "_" in tail and _SQUID.search(tail):
        return "squid"
    is_common = not tail.strip()
    if is_common or ":" in line.head.server.rpartition("]")[2] or '="' in tail:
        return "apache"
    return "apache" if "\\" in text and _NOT_NGINX.search(text) else "nginx"


def read(line: AccessLine, service: str, zone: tzinfo = UTC) -> tuple[datetime, dict[str, Value]]:
    """Time and ECS fields of a matched line; `zone` applies to a stamp without an offset.

    Raises UnparseableRecord for an absurd stamp."""
    fields = web_access.build_fields(service)
    web_access.put_status(fields, line.status)
    web_access.put_number(fields, "http.response.body.bytes", line.size)
    quoted = _read_tail(fields, line.tail)
    _put_head(fields, line.head, quoted)
    web_access.put_request_line(fields, decode_escapes(line.request))
    return _read_stamp(line, zone), fields


def _read_stamp(line: AccessLine, zone: tzinfo) -> datetime:
    if " " in line.stamp:
        time = stamps.parse_common_log(line.stamp)
    else:
        time = stamps.parse_common_local(line.stamp, zone)
    if not line.fraction:
        return time
    return time.replace(microsecond=int(line.fraction[:6].ljust(6, "0")))


def _read_tail(fields: dict[str, Value], tail: str) -> str:
    """Read what follows the bytes, and return the list of forwarded addresses in it, if any."""
    if not tail:
        return ""
    quoted: list[str] = []
    bare: list[str] = []
    forwarded = ""
    for part in _TAIL.finditer(tail, 0, 16_384):
        key, text, unclosed, word = part.groups()
        text = unclosed if text is None else text
        if word is not None:
            if not quoted:
                bare.append(word)
        elif key is None:
            quoted.append(text)
        elif "forwarded" in key.casefold():
            forwarded = forwarded or text
    if (len(quoted) == 1 and bare[-1:] == ["-"]) or (
        quoted and bare == ["-"] and tail[:4] == ' - "'
    ):
        quoted.insert(0, "-")
    _put_quoted(fields, quoted)
    _put_ingress(fields, tail)
    return forwarded or next((text for text in quoted[2:] if _ADDRESS_LIST.fullmatch(text)), "")


def _put_quoted(fields: dict[str, Value], quoted: list[str]) -> None:
    if len(quoted) == 1:
        is_place = quoted[0].startswith(("http://", "https://", "/"))
        quoted = [quoted[0], ""] if is_place else ["", quoted[0]]
    if quoted:
        web_access.put_referrer(fields, decode_escapes(quoted[0]))
        web_access.put_agent(fields, decode_escapes(quoted[1]))


def _put_ingress(fields: dict[str, Value], tail: str) -> None:
    """Set what the ingress controller of Kubernetes appends: request bytes, seconds, upstream."""
    match = _INGRESS.search(tail) if "] [" in tail else None
    if match is not None:
        web_access.put_number(fields, "http.request.bytes", match[1])
        web_access.put_duration(fields, match[2], 10**9)


def _put_head(fields: dict[str, Value], head: ServerHead, forwarded: str) -> None:
    if head.server:
        _put_server(fields, head.server)
    endpoints = [addresses.parse_endpoint(client) for client in head.clients]
    several = [each.ip for each in endpoints if each.ip is not None]
    if several and not addresses.is_public(several[-1]):
        several = [*web_access.parse_list(forwarded), *several]
    client = web_access.choose_client(several)
    if client is not None:
        port = next((each.port for each in endpoints if each.ip == client), None)
        addresses.put_endpoint(fields, "source", client, port)
        web_access.put_related(fields, several)
    elif head.clients:
        fields["source.domain"] = head.clients[0].partition(":")[0].casefold()
    web_access.put_user(fields, decode_escapes(head.user))


def _put_server(fields: dict[str, Value], server: str) -> None:
    web_access.put_host(fields, server)
    domain, port = fields.get("url.domain"), fields.get("url.port")
    ip = addresses.parse_address(str(domain)) if domain else None
    if domain is not None:
        fields["destination.ip" if ip else "destination.domain"] = ip or domain
    if port is not None:
        fields["destination.port"] = port


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
