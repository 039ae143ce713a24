"""What rsyslog and syslog-ng make of a line, whatever its header: `from relay_models import MODELS`.

Written from their documentation of how they parse, and held to the real programs by
tests/integration/test_relay_models.py. The relay's own host is `localhost`, its own stamp STAMP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

STAMP = "2026-11-22T11:59:58"
_PRIORITY = re.compile(r"<([0-9]{1,3})>")
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9:]{8})(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})(?: |:|\Z)"
)
_BSD = re.compile(
    r"([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) (?:[0-9]{4} )?([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?:? ?"
)
_ISO_CLOCK = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9:]{8})(?:[.,][0-9]+)?Z?")
_HOST = re.compile(r"[\w.-]{0,254}[A-Za-z0-9_-] ", re.ASCII)
_MODERN = re.compile(r"1 \S+ \S+ \S+ \S+ \S+ (?:-|\[)")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_LONGEST_TAG = 32


@dataclass(frozen=True)
class RelayedLine:
    """The parts into which a relay took the line."""

    priority: str
    stamp: str
    host: str
    tag: str
    """As rsyslog keeps it: with its process and its colon."""
    message: str
    headed: str = ""
    """The message with its tag as the line had them."""


def take_apart_by_rsyslog(line: str) -> RelayedLine | None:
    """Take a line apart as pmrfc3164 does; None: it is RFC 5424, which is kept."""
    priority, text = _cut_priority(line.replace("\t", "#011"))
    if _MODERN.match(text) is not None:
        return None
    stamp, text = _cut_stamp(text, (_ISO, _BSD))
    host = "localhost"
    if stamp is None and text[:1] in {"[", "{"}:
        return RelayedLine(priority, STAMP, host, "", text)
    named = _HOST.match(text)
    if named is not None:
        host, text = named[0][:-1], text[named.end() :]
    end = next((at for at, sign in enumerate(text) if sign in ": "), len(text))
    end += text[end : end + 1] == ":"
    return RelayedLine(priority, stamp or STAMP, host, text[:end], text[end:])


def take_apart_by_syslog_ng(line: str) -> RelayedLine | None:
    """Take a line apart as syslog-ng does without flags; None: it is RFC 5424."""
    priority, text = _cut_priority(line)
    if _MODERN.match(text) is not None:
        return None
    stamp, text = _cut_stamp(text, (_ISO_CLOCK, _BSD))
    host = "localhost"
    if stamp is not None:
        text = text.lstrip(" ")
        named = re.match(r"([^ :\[\]]+) +", text)
        if named is not None:
            host, text = named[1], text[named.end() :]
    parts = re.match(r"([^ :\[]*)(?:\[([^\] :]*)\]?)?(:)?( ?)", text)
    assert parts is not None, "every part is optional"
    tag = parts[1] + (f"[{parts[2]}]" if parts[2] is not None else "") + ":"
    return RelayedLine(priority, stamp or STAMP, host, tag, text[parts.end() :], text)


def _cut_priority(line: str) -> tuple[str, str]:
    match = _PRIORITY.match(line)
    return ("134", line) if match is None else (match[1], line[match.end() :])


def _cut_stamp(text: str, patterns: tuple[re.Pattern[str], ...]) -> tuple[str | None, str]:
    for pattern in patterns:
        match = pattern.match(text)
        if match is None:
            continue
        groups = match.groups()
        if len(groups) == 3:
            month = _MONTHS.index(groups[0]) + 1 if groups[0] in _MONTHS else 0
            day = f"2026-{month:02}-{int(groups[1]):02}"
            return f"{day}T{groups[2]}", text[match.end() :]
        return f"{groups[0]}T{groups[1]}", text[match.end() :]
    return None, text


def by_rsyslog_modern(line: str) -> str:
    """RSYSLOG_SyslogProtocol23Format: a program ends at a slash, a bracket or a colon."""
    parts = take_apart_by_rsyslog(line)
    if parts is None:
        return line
    match = re.match(r"([^\s:\[/]*)[^\[]*(?:\[([^\] :]*))?", parts.tag)
    assert match is not None, "every part is optional"
    return _write_modern(parts, match[1], match[2])


def _write_modern(parts: RelayedLine, app: str, pid: str | None) -> str:
    header = f"<{parts.priority}>1 {parts.stamp}+00:00 {parts.host} {app or '-'} {pid or '-'}"
    return f"{header} - - {parts.message}"


def by_rsyslog_forward(line: str) -> str:
    """RSYSLOG_ForwardFormat: no more than 32 characters of the tag, and a blank behind it."""
    parts = take_apart_by_rsyslog(line)
    if parts is None:
        return line
    blank = "" if parts.message.startswith(" ") else " "
    header = f"<{parts.priority}>{parts.stamp}+00:00 {parts.host} {parts.tag[:_LONGEST_TAG]}"
    return f"{header}{blank}{parts.message}"


def by_rsyslog_json(line: str) -> str:
    """A list template with option.jsonf."""
    parts = take_apart_by_rsyslog(line)
    if parts is None:
        return line
    names = {
        "timereported": f"{parts.stamp}+00:00",
        "host": parts.host,
        "syslogtag": parts.tag,
        "message": parts.message,
    }
    return json.dumps(names, ensure_ascii=False).replace("/", "\\/")


def by_syslog_ng_modern(line: str) -> str:
    """Destination `syslog()`."""
    parts = take_apart_by_syslog_ng(line)
    return line if parts is None else _write_modern(parts, *_cut_tag(parts.tag))


def _cut_tag(tag: str) -> tuple[str, str | None]:
    match = re.match(r"([^\[]*?)(?:\[(.*)\])?:\Z", tag)
    assert match is not None, "a tag ends at a colon"
    return match[1], match[2]


def by_syslog_ng_bsd(line: str) -> str:
    """Destination `network()`: the message keeps its tag as it was."""
    parts = take_apart_by_syslog_ng(line)
    if parts is None:
        return line
    _, month, day = parts.stamp[:10].split("-")
    clock = f"{_MONTHS[int(month) - 1]} {int(day):2} {parts.stamp[11:]}"
    return f"<{parts.priority}>{clock} {parts.host} {parts.headed}"


def by_syslog_ng_unparsed(line: str) -> str:
    """Destination `network()` of a source with flags(no-parse)."""
    priority, text = _cut_priority(line)
    return f"<13>Nov 22 11:59:58 localhost <{priority}>{text}"


def by_syslog_ng_json(line: str) -> str:
    """$(format-json --scope rfc5424 --key ISODATE)."""
    parts = take_apart_by_syslog_ng(line)
    if parts is None:
        return line
    app, pid = _cut_tag(parts.tag)
    names = {"PROGRAM": app, "PID": pid, "MESSAGE": parts.message}
    more = {"ISODATE": f"{parts.stamp}+00:00", "HOST": parts.host, "FACILITY": "local0"}
    return json.dumps({n: v for n, v in {**names, **more}.items() if v}, ensure_ascii=False)


MODELS: dict[str, Callable[[str], str]] = {
    "rsyslog RFC 5424": by_rsyslog_modern,
    "rsyslog forward": by_rsyslog_forward,
    "rsyslog JSON": by_rsyslog_json,
    "syslog-ng syslog()": by_syslog_ng_modern,
    "syslog-ng network()": by_syslog_ng_bsd,
    "syslog-ng network() no-parse": by_syslog_ng_unparsed,
    "syslog-ng JSON": by_syslog_ng_json,
}
