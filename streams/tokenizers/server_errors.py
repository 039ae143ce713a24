"""Match the error logs of Apache httpd and nginx: what stands around a message.

Apache writes the client before the message, nginx behind it. ModSecurity writes into both."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from streams.tokenizers import numbers, stamps, web_access

_APACHE = re.compile(
    r"\s*+(?:\[(?:[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2})"
    r" (?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?) (?P<year>[0-9]{4})"
    r"|(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]{8,18}(?: ?[+-][0-9]{2}:?[0-9]{2}|Z)?))\] )?+"
    r"\[(?P<module>[a-z0-9_]*+:)?(?P<level>emerg|alert|crit|error|warn|notice|info|debug|trace[1-8])\]"
    r"(?: \[pid (?P<pid>[0-9]{1,10})(?::tid [0-9a-fx]{1,20})?\])?"
    r"(?: \[(?:remote|host|server) [^\]]{0,254}\])*+(?: [\w-]{1,64}\.c\([0-9]{1,6}\):)?"
    r"(?: \([^()]{1,64}\)[^:\[]{0,200}:)?"
    r"(?: \[client (?P<client>\[[0-9A-Fa-f:.%]{2,64}\](?::[0-9]{1,5})?|[^\]\s]{1,254})\])?+ ?"
    r"(?: *(?P<code>AH[0-9]{5}):)? *"
)
_NGINX = re.compile(
    r"\s*+(?:(?P<day>[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) "
    r"|[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} )?+"
    r"\[(?P<level>emerg|alert|crit|error|warn|notice|info|debug)\] "
    r"(?P<pid>[0-9]{1,10})#[0-9]{1,10}: (?:\*(?P<connection>[0-9]{1,20}) )?"
)
_CLIENT = re.compile(r", client: ([^,\s]{1,254}), server: ([^,\"]{0,254})(?=[,\s]|\Z)")
_REQUEST = ', request: "'
_REQUEST_END = re.compile(r"\"(?=, [a-z]+: |\s*\Z)")
_PLACES = {
    "host": re.compile(r", host: \"([^\"]{0,254})\"(?=, referrer: |\s*\Z)"),
    "referrer": re.compile(r", referrer: \"([^\"]*+)\"\s*\Z"),
}


class ServerError(NamedTuple):
    """One line of an error log; `message` is all that follows what the server itself writes."""

    time: datetime | None
    level: str
    module: str | None
    pid: int | None
    client: str | None
    code: str | None
    message: str


class NginxContext(NamedTuple):
    """What nginx appends to a message. `client` is None where the line names several."""

    message: str
    client: str | None
    server: str
    request: str
    host: str
    referrer: str


@lru_cache(maxsize=2)
def match_apache(text: str, zone: tzinfo) -> ServerError | None:
    """Match a line of Apache's error log, or return None. A stamp on no calendar counts as none."""
    match = _APACHE.match(text)
    if (
        match is None
        or match["module"] is match["iso"] is match["month"] is match["client"] is None
    ):
        return None
    return ServerError(
        _read_apache_time(match, zone),
        match["level"],
        (match["module"] or "").rstrip(":") or None,
        numbers.parse_whole(match["pid"] or ""),
        match["client"],
        match["code"],
        text[match.end() :],
    )


def _read_apache_time(match: re.Match[str], zone: tzinfo) -> datetime | None:
    if match["iso"] is not None:
        return _parse_iso(match["iso"].replace(" +", "+").replace(" -", "-"), zone)
    month = stamps.MONTHS.get(match["month"] or "")
    if month is None:
        return None
    day, (whole, _, fraction) = int(match["day"]), match["clock"].partition(".")
    time = _parse_iso(f"{match['year']}-{month:02}-{day:02}T{whole}", zone)
    microsecond = int((fraction[:6] or "0").ljust(6, "0"))
    return None if time is None else time.replace(microsecond=microsecond)


def _parse_iso(text: str, zone: tzinfo) -> datetime | None:
    try:
        return stamps.parse_iso(text, zone)
    except UnparseableRecord:
        return None


@lru_cache(maxsize=2)
def match_nginx(text: str, zone: tzinfo) -> ServerError | None:
    """Match a line of nginx's error log, or return None. A stamp on no calendar counts as none."""
    match = _NGINX.match(text)
    if match is None:
        return None
    day = match["day"]
    time = None if day is None else _parse_iso(day.replace("/", "-"), zone)
    pid = numbers.parse_whole(match["pid"])
    return ServerError(time, match["level"], None, pid, None, None, text[match.end() :])


def read_context(message: str) -> NginxContext:
    """Read what nginx appends: client, server, request, host and referrer.

    Names of files and users may hold the same words. Where that makes several clients of a message
    that quotes a stranger, none of them is believed."""
    several = list(_CLIENT.finditer(message[:16_384]))
    if not several:
        return NginxContext(message, None, "", "", "", "")
    first = several[0]
    is_plain = '"' not in message[: first.start()]
    distinct = {match[1] for match in several}
    rest = message[first.end() :]
    values = {name: pattern.search(rest) for name, pattern in _PLACES.items()}
    return NginxContext(
        message[: first.start()] if is_plain else message[: several[-1].start()],
        first[1] if is_plain or len(distinct) == 1 else None,
        first[2],
        _read_request(rest),
        *("" if value is None else value[1] for value in values.values()),
    )


def _read_request(text: str) -> str:
    _, sign, rest = text.partition(_REQUEST)
    end = _REQUEST_END.search(rest) if sign else None
    return "" if end is None else rest[: end.start()]


def put_context(fields: dict[str, Value], context: NginxContext) -> None:
    """Set client, request, host and referrer."""
    if context.client is not None:
        web_access.put_clients(fields, context.client, "")
    if context.request:
        web_access.put_request_line(fields, context.request)
    host = context.host or context.server
    if host not in {"", "_"}:
        web_access.put_host(fields, host)
    web_access.put_referrer(fields, context.referrer)


def put_error(fields: dict[str, Value], error: ServerError) -> None:
    """Set level, process and Apache's number of the message."""
    fields["log.level"] = error.level
    if error.pid is not None:
        fields["process.pid"] = error.pid
    if error.code is not None:
        fields["event.code"] = error.code
