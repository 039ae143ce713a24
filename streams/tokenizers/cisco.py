"""Parse the header of Cisco's messages: `seq: host: *stamp zone: %FACILITY-SEVERITY-MNEMONIC: text`.

IOS, NX-OS and ASA share it. Every part before the percent sign is optional, and the order of sequence
number, host and stamp varies with `service sequence-numbers`, `logging origin-id` and the platform."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import SourceLine
from streams.tokenizers import device_stamps, stamps, syslog

_ZONE_HOURS = {
    "UTC": 0.0,
    "GMT": 0.0,
    "WET": 0.0,
    "WEST": 1.0,
    "BST": 1.0,
    "CET": 1.0,
    "MET": 1.0,
    "CEST": 2.0,
    "MEST": 2.0,
    "EET": 2.0,
    "SAST": 2.0,
    "EEST": 3.0,
    "MSK": 3.0,
    "GST": 4.0,
    "SGT": 8.0,
    "HKT": 8.0,
    "AWST": 8.0,
    "JST": 9.0,
    "AEST": 10.0,
    "AEDT": 11.0,
    "NZST": 12.0,
    "NZDT": 13.0,
    "BRT": -3.0,
    "ART": -3.0,
    "EST": -5.0,
    "EDT": -4.0,
    "CST": -6.0,
    "CDT": -5.0,
    "MST": -7.0,
    "MDT": -6.0,
    "PST": -8.0,
    "PDT": -7.0,
}
ZONES = {name: timezone(timedelta(hours=hours)) for name, hours in _ZONE_HOURS.items()}
"""Names as Cisco's `clock timezone` examples and the devices' presets use them."""

_STAMP = (
    rf"(?P<stamp>{syslog.BSD}(?: [0-9]{{4}}(?= |:))?|{syslog.ISO}"
    r"|[0-9]{4} [A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)"
    r"(?: [AP]M)?(?: (?P<zone>[A-Za-z]{2,6}(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?)(?=\s*:))?"
)
_WORD = (
    r"(?:(?![0-9]{4}-[0-9]{2}-[0-9]{2}[T ])[^\s%\"'=,;]{1,128}+(?:(?<=:)| :)\s*+"
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3} )"
)
"""A host, a sequence number, an uptime, a program with its pid, or a zone's name, and a colon."""
_TAG = (  # a device may write its state after the name: `%FTD<Up>-4-…`
    r"%(?P<facility>[A-Za-z][A-Za-z0-9_]*+(?:-(?![ACEWNID]-)[A-Za-z][A-Za-z0-9_]*+|-(?=-))*+)"
    r"(?:<\w{1,16}>)?-+(?P<severity>[0-7ACEWNID])-(?P<mnemonic>[A-Za-z0-9_]*+)(?:\s*+:\s?|\s|\Z)"
)
_MESSAGE = re.compile(
    rf"[\s:]*+(?:<[0-9]{{1,3}}>)?[\s:]*+(?:(?:RP|LC)/[\w/]{{1,40}}+:)?(?P<before>{_WORD}{{0,4}}+)"
    rf"(?:[*.]?{_STAMP}\s?+:?\s*+)?(?P<after>{_WORD}{{0,4}}+)(?P<bare>[\w.<>-]{{1,64}}+ )?{_TAG}"
)
_LETTERS = {"A": 1, "C": 2, "E": 3, "W": 4, "N": 5, "I": 6, "D": 7}
_OFFSET = re.compile(r"[+-][0-9]")
_YEAR_FIRST = re.compile(r"([0-9]{4}) ([A-Z].*)")
_BSD_STAMP = re.compile(
    r"([A-Z][a-z]{2}) +([0-9]{1,2}) (?:([0-9]{4}) )?([0-9:]{8})([.,][0-9]+)?(?: ([0-9]{4}))?"
)
_HOST = re.compile(r"(?=[0-9:_-]*[A-Za-z.])[A-Za-z0-9][A-Za-z0-9_.:-]*+")
_NO_HOST = re.compile(r"[0-9]+[ywdhms][0-9wdhms]*|CiscoASA|[0-9:.]*:[0-9:.]*")


class CiscoMessage(NamedTuple):
    facility: str
    severity: int
    mnemonic: str
    body: str
    host: str | None
    time: datetime | None


def split_message(line: SourceLine) -> CiscoMessage | None:
    """Split the header from the message, or return None if the text is no such message.

    A reader of frames may have taken the tag (`%ASA-4-106023`) for a program's."""
    app = line.frame.app
    text = f"{app}: {line.text}" if app is not None and app.startswith("%") else line.text
    if "%" not in text[:400]:
        return None
    match = _MESSAGE.match(text)
    if match is None:
        return None
    return CiscoMessage(
        match["facility"].rstrip("-"),
        _read_severity(match["severity"]),
        match["mnemonic"],
        text[match.end() :].strip(),
        _find_host(match, line),
        _find_time(match, line),
    )


def _read_severity(sign: str) -> int:
    """Read `0` to `7`, or the letters of small switches."""
    return int(sign) if sign.isdigit() else _LETTERS[sign]


def _find_zone(name: str, line: SourceLine) -> tzinfo | None:
    if name.upper() in ZONES:
        return ZONES[name.upper()]
    return device_stamps.find_zone(name, line.zone) if _OFFSET.search(name) else None


def _find_host(match: re.Match[str], line: SourceLine) -> str | None:
    """Find the device: the name nearest to the tag, then what the frames say."""
    frame = line.frame
    named = f"{match['before']} {match['after']}".split()
    tag = None if frame.pid is not None else frame.app
    for word in (*reversed(named), tag, frame.host, match["bare"]):
        name = (word or "").strip(": ")
        if (
            name
            and name.upper() not in ZONES
            and _HOST.fullmatch(name)
            and not _NO_HOST.fullmatch(name)
        ):
            return name
    return None


def _find_time(match: re.Match[str], line: SourceLine) -> datetime | None:
    """Return the device's own stamp, else the frame's; a zone's name beside either decides."""
    stamp, zone = match["stamp"], _find_zone(match["zone"] or "", line)
    if stamp is None:
        before = match["before"].rstrip(" :")
        named = ZONES.get(before) or ZONES.get(line.frame.app or "")
        time = line.frame.time
        if time is None or named is None:
            return time
        return time.astimezone(line.zone).replace(tzinfo=named).astimezone(UTC)
    try:
        return _parse_stamp(stamp, line, zone)
    except UnparseableRecord:
        return line.frame.time


def _parse_stamp(stamp: str, line: SourceLine, named: tzinfo | None) -> datetime | None:
    zone = named or line.zone
    first = _YEAR_FIRST.fullmatch(stamp)
    if first is not None:
        stamp = f"{first[2]} {first[1]}"
    parts = _BSD_STAMP.fullmatch(stamp)
    if parts is None:
        return stamps.parse_iso(stamp.replace(",", "."), zone)
    month, day, year, clock, fraction, late_year = parts.groups()
    year = year or late_year
    if year is None:
        time = stamps.parse_yearless(month, day, clock, line.arrived, zone)
    else:
        number = stamps.MONTHS.get(month)
        if number is None:
            return None
        time = stamps.parse_iso(f"{year}-{number:02}-{int(day):02}T{clock}", zone)
    if fraction:
        time += timedelta(microseconds=int(fraction[1:7].ljust(6, "0")))
    return time
