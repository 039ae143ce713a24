"""Parse what Kiwi Syslog Server puts before a message: columns of its log files, and the address of
the first sender in what it forwards.

Formats: https://documentation.solarwinds.com/en/success_center/kss/ (log file formats, "Retain the
original source address of the message")."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import NamedTuple

from schemas.errors import UnparseableRecord
from streams.tokenizers import addresses, stamps

_COLUMNS = re.compile(
    r"([0-9]{2,4}-[0-9]{2}-[0-9]{2,4})[\t ]([0-9]{2}:[0-9]{2}:[0-9]{2})[\t ]{1,4}+"
    r"[A-Za-z]{2,9}[0-9]{0,2}\.(?:Emerg|Alert|Crit|Error|Warning|Notice|Info|Debug)[a-z]{0,10}[\t ]{1,4}+"
    r"([^\s]{1,255}+)[\t ]{1,4}+(?:Original Address=([0-9A-Fa-f.:]{3,45}+)[\t ]{1,4}+)?"
)
_ORIGINAL = re.compile(r"Original Address=([0-9A-Fa-f.:]{3,45}+)[\t ]{1,4}+")
_DATE = re.compile(r"(?:([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{2})-([0-9]{2})-([0-9]{4}))")


class KiwiColumns(NamedTuple):
    """What stands before the message, and where the message begins."""

    time: datetime | None
    host: str
    end: int


def read_columns(text: str, zone: tzinfo) -> KiwiColumns | None:
    """Read date, time, priority and host; None: these are no such columns.

    A date such as 03-04-2026 may begin with the day or with the month, as the machine's country
    writes it: then the columns give no time."""
    match = _COLUMNS.match(text)
    if match is None:
        return None
    date, clock, host, original = match.groups()
    return KiwiColumns(_parse_time(date, clock, zone), original or host, match.end())


def read_original_address(text: str) -> tuple[str, int] | None:
    """Read the first sender's address, and where the message begins."""
    match = _ORIGINAL.match(text)
    if match is None or addresses.parse_address(match[1]) is None:
        return None
    return match[1], match.end()


def _parse_time(date: str, clock: str, zone: tzinfo) -> datetime | None:
    match = _DATE.fullmatch(date)
    if match is None:
        return None
    year, month, day, first, second, late_year = match.groups()
    if year is None:
        readings = {
            (month, day) for month, day in ((first, second), (second, first)) if int(month) <= 12
        }
        if len(readings) != 1:
            return None
        ((month, day),) = readings
        year = late_year
    try:
        return stamps.parse_iso(f"{year}-{month}-{day}T{clock}", zone)
    except UnparseableRecord:
        return None
