"""Parse syslog frames: RFC 3164 as it is really sent (no host, no tag, ISO stamps), and RFC
5424."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from streams.tokenizers import stamps

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
BSD = rf"[A-Z][a-z]{{2}} {{1,2}}[0-9]{{1,2}} (?:[0-9]{{4}} )?{_CLOCK}(?:[.,][0-9]+)?"
ISO = (
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}"
    r"(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
PRI = r"(?:<[0-9]{1,3}>)"
HEADER = rf"{PRI}?\s*+(?:{BSD}|{ISO}):? ++"
"""Priority and stamp, before host and tag."""
RFC5424_START = rf"{PRI}1 (?:{ISO}|-) "

_FRAME = re.compile(
    r"(?:<(?P<pri>[0-9]{1,3})>)?\s*"
    r"(?:(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2}) (?:(?P<year>[0-9]{4}) )?"
    rf"(?P<clock>{_CLOCK})(?:[.,][0-9]+)?(?: (?P<late_year>[0-9]{{4}})(?= ))?(?=[: ])"
    rf"|(?P<iso>{ISO})(?=[: ]))?:? *"
)
_TAGGED = re.compile(
    r"(?:(?P<host>[^\s\[]*[^\s:\[\]]) +)?"
    r"(?P<app>[^\s:\[\]]{1,64})(?:\[(?P<pid>[^\]\s]{0,32})\])?:(?=\s|$) ?"
)
_QUOTED = r"\"(?:[^\"\\]++|\\.)*+\""
_BLOCK = rf"\[(?:[^\]\"\\]++|\\.|{_QUOTED})*+\]"
_RFC5424 = re.compile(
    r"<([0-9]{1,3})>[1-9][0-9]{0,2} (\S+) (\S+) (\S+) (\S+) (\S+) "
    rf"(-|(?:{_BLOCK})++)(?: \ufeff?(.*))?\Z",
    re.DOTALL,
)
_BLOCKS = re.compile(_BLOCK, re.DOTALL)
_ELEMENT = re.compile(rf"\[([^\s\]=\"]++)((?: [^\s=\]\"]++={_QUOTED})*+)\]", re.DOTALL)
_PARAMETER = re.compile(r" ([^\s=\]\"]++)=\"((?:[^\"\\]++|\\.)*+)\"", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\\]])")


@dataclass(slots=True)
class SyslogFrame:
    """A frame. Empty text: not said. `time` is aware UTC."""

    priority: int | None
    time: datetime | None
    host: str
    app: str
    pid: str
    message: str
    structured: str = ""
    """RFC 5424 structured data as sent; `parse_structured_data` reads it."""


def read(text: str, arrived: datetime, zone: tzinfo) -> SyslogFrame:
    """Read any text as a frame, at worst one that has only a message. Raises UnparseableRecord for
    a stamp that is on no calendar."""
    if text.startswith("<"):
        modern = _RFC5424.match(text)
        if modern is not None:
            return _parse_modern(modern, zone)
    return _parse_traditional(text, arrived, zone)


def _parse_modern(match: re.Match[str], zone: tzinfo) -> SyslogFrame:
    priority, stamp, host, app, pid, _, structured, message = match.groups()
    return SyslogFrame(
        priority=int(priority),
        time=None if stamp == "-" else stamps.parse_iso(stamp, zone),
        host="" if host == "-" else host,
        app="" if app == "-" else app,
        pid="" if pid == "-" else pid,
        message=message or "",
        structured="" if structured == "-" else structured,
    )


def _parse_traditional(text: str, arrived: datetime, zone: tzinfo) -> SyslogFrame:
    frame = _FRAME.match(text)
    assert frame is not None, "every part of the frame is optional"
    pri, month, day, year, clock, late_year, iso = frame.groups()
    time = None
    if month is not None:
        time = _parse_bsd_time(month, day, clock, year or late_year, arrived, zone)
    elif iso is not None:
        time = stamps.parse_iso(iso, zone)
    priority = None if pri is None else int(pri)
    end = frame.end()
    tagged = _TAGGED.match(text, end)
    if tagged is not None:
        host, app, pid = tagged.groups("")
        return SyslogFrame(priority, time, host, app, pid, text[tagged.end() :])
    if time is None:
        return SyslogFrame(priority, None, "", "", "", text[end:])
    host, _, message = text[end:].partition(" ")
    return SyslogFrame(priority, time, host, "", "", message)


def _parse_bsd_time(
    month: str, day: str, clock: str, year: str | None, arrived: datetime, zone: tzinfo
) -> datetime:
    if year is None:
        return stamps.parse_yearless(month, day, clock, arrived, zone)
    if month not in stamps.MONTHS:
        raise stamps.build_absurd_time()
    return stamps.parse_iso(f"{year}-{stamps.MONTHS[month]:02}-{int(day):02}T{clock}", zone)


def parse_structured_data(text: str) -> dict[str, dict[str, str]]:
    """Parse `[id name="value" …]…` to {id: {name: value}}, escapes undone."""
    blocks = map(_ELEMENT.fullmatch, _BLOCKS.findall(text))
    elements = [block.groups() for block in blocks if block is not None]
    return {
        name: {key: _ESCAPED.sub(r"\1", value) for key, value in _PARAMETER.findall(parameters)}
        for name, parameters in elements
    }


def build_tag_test(app: str) -> Callable[[str], bool]:
    """Build a test whether a frame's tag matches `app` (a regular expression). Anchored: the tag's
    words inside a message, where a stranger may type them, do not count."""
    pattern = re.compile(
        rf"(?:{HEADER}(?:[^\s\[]*[^\s:\[\]] +)?|{PRI}?\s*)(?:{app})(?:\[[^\]\s]{{0,32}}\])?:(?=\s|$)"
        rf"|{RFC5424_START}\S+ (?:{app}) "
    )
    return lambda text: pattern.match(text) is not None
