"""Parse syslog frames: RFC 3164 as it is really sent (no host, no tag, ISO stamps), and RFC
5424."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import LineFrame
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


def read(text: str, arrived: datetime, zone: tzinfo) -> tuple[LineFrame, str]:
    """Read any text as a frame and its message; at worst the message is all of it.

    A stamp that is on no calendar leaves the frame without a time."""
    if text.startswith("<"):
        modern = _RFC5424.match(text)
        if modern is not None:
            return _parse_modern(modern, zone)
    return _parse_traditional(text, arrived, zone)


def _parse_modern(match: re.Match[str], zone: tzinfo) -> tuple[LineFrame, str]:
    priority, stamp, host, app, pid, _, structured, message = match.groups()
    frame = LineFrame(
        time=None if stamp == "-" else _parse_iso_or_none(stamp, zone),
        host=None if host == "-" else host,
        app=None if app == "-" else app,
        pid=None if pid == "-" else pid,
        priority=int(priority),
        structured=None if structured == "-" else structured,
    )
    return frame, message or ""


def _parse_traditional(text: str, arrived: datetime, zone: tzinfo) -> tuple[LineFrame, str]:
    header = _FRAME.match(text)
    assert header is not None, "every part of the frame is optional"
    pri, month, day, year, clock, late_year, iso = header.groups()
    time = None
    if month is not None:
        time = _parse_bsd_time(month, day, clock, year or late_year, arrived, zone)
    elif iso is not None:
        time = _parse_iso_or_none(iso, zone)
    priority = None if pri is None else int(pri)
    end = header.end()
    tagged = _TAGGED.match(text, end)
    if tagged is not None:
        host, app, pid = tagged.groups()
        return LineFrame(time, host, app, pid or None, priority), text[tagged.end() :]
    if month is None and iso is None:
        return LineFrame(priority=priority), text[end:]
    host, _, message = text[end:].partition(" ")
    return LineFrame(time, host or None, priority=priority), message


def _parse_iso_or_none(stamp: str, zone: tzinfo) -> datetime | None:
    try:
        return stamps.parse_iso(stamp, zone)
    except UnparseableRecord:
        return None


def _parse_bsd_time(
    month: str, day: str, clock: str, year: str | None, arrived: datetime, zone: tzinfo
) -> datetime | None:
    try:
        if year is None:
            return stamps.parse_yearless(month, day, clock, arrived, zone)
        if month not in stamps.MONTHS:
            return None
        return stamps.parse_iso(f"{year}-{stamps.MONTHS[month]:02}-{int(day):02}T{clock}", zone)
    except UnparseableRecord:
        return None


def parse_structured_data(text: str) -> dict[str, dict[str, str]]:
    """Parse `[id name="value" …]…` to {id: {name: value}}, escapes undone."""
    blocks = map(_ELEMENT.fullmatch, _BLOCKS.findall(text))
    elements = [block.groups() for block in blocks if block is not None]
    return {
        name: {key: _ESCAPED.sub(r"\1", value) for key, value in _PARAMETER.findall(parameters)}
        for name, parameters in elements
    }
