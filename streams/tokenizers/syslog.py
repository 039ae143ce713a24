"""Parse syslog headers as devices and relays really write them: RFC 5424, RFC 3164 with and without
host, tag, year, fraction and zone, and Cisco's sequence numbers, clock marks and uptimes."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import MAX_FUTURE, NO_FRAME, LineFrame
from streams.tokenizers import device_stamps, stamps

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
BSD = rf"[A-Z][a-z]{{2}} {{1,2}}[0-9]{{1,2}} (?:[0-9]{{4}} )?{_CLOCK}(?:[.,][0-9]+)?"
ISO = (
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}"
    r"(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
PRI = r"(?:<[0-9]{1,3}>)"
HEADER = rf"{PRI}?\s*+(?:{BSD}|{ISO}):? ++"
"""Priority and stamp, before host and tag."""

_KNOWN_ZONE = (
    r"(?:UTC|GMT|WEST?|BST|CES?T|MES?T|EES?T|MSK|[ECMP][SD]T|AK[SD]T|HST|[AN][SD]T|BRT|SAST|IDT|PKT"
    r"|SGT|HKT|JST|KST|A[CEW][SD]T|NZ[SD]T|IST)(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?"
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY_NAME = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?"
_YEAR = r"(?:19|20)[0-9]{2}"
_FRACTION = r"(?:[.,]([0-9]{1,9}))?"
_BSD_PARTS = (
    rf"([A-Z][a-z]{{2}}) {{1,2}}([0-9]{{1,2}}),? (?:({_YEAR}),? )?({_CLOCK}){_FRACTION}"
    rf"(?: ({_KNOWN_ZONE}|(?!(?:DENY|DROP|BLOCK|ALLOW|PASS|LOG):)[A-Z]{{2,5}}(?=:)|[+-][0-9]{{4}})(?=[: ]|\Z))?"
    rf"(?: ({_YEAR})(?= |: |:?\Z))?"
)
_ISO_PARTS = (
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}: ?[0-9]{2}:[0-9]{2}"
    r"|[0-9]{4}:[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}:[0-9]{2})"
    rf"{_FRACTION}(?: ?(Z|[+-][0-9]{{2}}:?[0-9]{{2}}|UTC|GMT)(?=[: ]|\Z))?"
)
_LEAD = re.compile(
    r"[\s\ufeff]*+(?:[0-9]{1,7} (?=<[0-9]{1,3}>))?(?:<([0-9]{1,3})>\s*+(?:[0-9] (?=[0-9]{4}-|1[0-9]{9}[. ]))?)?\s*+"
)
"""An octet count that a relay has left in the line, the priority, and the version of RFC 5424."""
_STAMP = re.compile(
    rf"{_DAY_NAME}(?:{_BSD_PARTS}|{_ISO_PARTS}|(1[0-9]{{9}})(?:\.([0-9]{{1,9}}))?(?= ))(?=[: ]|\Z)"
)
_SEQUENCE = r"(?:[0-9]{1,10}:\s++)?+"
_CISCO_LEAD = re.compile(
    rf"(?::\s*+)?{_SEQUENCE}(?:([A-Za-z0-9_][\w.\-]{{0,254}}|[0-9A-Fa-f:.]{{3,45}}) ?:\s++(?=[*.:]?(?:{_SEQUENCE})"
    rf"[*.:]?(?:{_DAY_NAME}{_MONTH} |{_YEAR}[- ]|[0-9]++[wdhy:])))?+{_SEQUENCE}[*.:]?\s?(?:({_YEAR}) (?={_MONTH} ))?"
)
"""A message number, a host before the stamp, a mark of a clock that is not set, a year before the
month (NX-OS)."""
_UPTIME = re.compile(r"(?:[0-9]{1,3}[ywdh]){1,4}(?=:\s*+%)|[0-9]{1,4}:[0-9]{2}:[0-9]{2}(?=:\s*+%)")
_FACILITY = re.compile(
    r"<?(?:kern|user|mail|daemon|auth|authpriv|syslog|lpr|news|uucp|cron|ftp|security|local[0-7])"
    r"\.(?:emerg|alert|crit|err|error|warn|warning|notice|info|debug)>?:? +"
)
_CONTAINER = re.compile(r"(?:stdout|stderr) [FP] ")
_MNEMONIC = re.compile(r"(?:: ?)?(%[A-Za-z0-9_]{1,40}-[A-Za-z0-9_-]{1,80}) ?:(?=\s|\Z) ?")
_HOST = r"[^\s\[\]=\"'<>{}|;]{0,254}[^\s:\[\]=\"'<>{}|;,]"
_TAGGED = re.compile(
    rf"(?:\[?({_HOST})\]? ++(?:\[?({_HOST})\]? ++)??)??"
    r"(?:([^\s:\[\]=\"'<>{}|;]{1,64})(?:\[([^\]\s]{0,32})\])?|\[([\w./-]{1,48})\]) ?:(?=\s|\Z) ?"
)
_HOST_ONLY = re.compile(rf"\[?({_HOST})\]?(?: ++|\Z)")
_NAMES_A_HOST = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+\Z|[\w-]+(?:\.[\w-]+)+\Z")
_USUAL = re.compile(
    r"(?:<([0-9]{1,3})>)?"
    rf"(?:({_MONTH}) {{1,2}}([0-9]{{1,2}}) ({_CLOCK})"
    rf"|([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK})(?:\.([0-9]{{1,9}}))?(Z|[+-][0-9]{{2}}:[0-9]{{2}})?)"
    rf" (?!{_FACILITY.pattern}|{_KNOWN_ZONE} |{_YEAR} )([A-Za-z0-9][\w.-]*+)(?<!\.)"
    r" ([A-Za-z][\w./-]{0,62}+)(?:\[([0-9]{1,10})\])?: (?![:%])"
)
"""What most Unix systems write: stamp, host, tag and process."""
_MAY_BEGIN_STAMPED = re.compile(
    r"[A-Z][a-z]{2}[, ]|[0-9]{4}-|1[0-9]{9}[. ]|[0-9]{1,10}[:ywdh]|[0-9]{1,7} <|1 [0-9]{4}-"
    r"|[0-9]{4} [A-Z]|[\w.:-]{1,255}+(?: :|(?<=:))\s++(?:[*.:0-9]|[A-Z][a-z]{2}[, ])"
)
"""Text that begins with a letter or a figure may begin with a stamp, or with a number or a host
before it."""
_BEGINS_NO_HEADER = frozenset("-[(|/#=%,;!'~^+&@$\\\"")
_TAG_END = re.compile(r":(?=\s|\Z)")
_LONGEST_NAMES, _MOST_WORDS = 1_024, 3
"""Characters and words of two hosts, a tag and a process."""
_QUOTED = r"\"(?:[^\"\\]++|\\.)*+\""
_BLOCK = rf"\[(?:[^\]\"\\]++|\\.|{_QUOTED})*+\]"
_RFC5424 = re.compile(
    rf"[\s\ufeff]*+(?:[0-9]{{1,7}} (?=<))?(?:<([0-9]{{1,3}})>[1-9][0-9]{{0,2}} (-|{ISO})|1 ({ISO}))"
    rf" (\S++) ([^ ]*+) (\S++) (\S++) (?:(-|(?:{_BLOCK})++)(?: \ufeff?|(?=\Z))"
    r"|[^\x00-\x7f]{0,4}(?=(?:CEF|LEEF):))(.*)\Z",
    re.DOTALL,
)
"""Some devices leave out the structured data, even its `-`, before CEF and LEEF."""
_YEAR_ONLY = re.compile(_YEAR)
_BLOCKS = re.compile(_BLOCK, re.DOTALL)
_ELEMENT = re.compile(rf"\[([^\s\]=\"]++)((?: [^\s=\]\"]++={_QUOTED})*+)\]", re.DOTALL)
_PARAMETER = re.compile(r" ([^\s=\]\"]++)=\"((?:[^\"\\]++|\\.)*+)\"", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\\]])")


def read(
    text: str,
    arrived: datetime,
    zone: tzinfo,
    max_future: timedelta = MAX_FUTURE,
    *,
    needs_header: bool = False,
) -> tuple[LineFrame, str]:
    """Read any text as a frame and its message; at worst the message is all of it.

    A stamp that is on no calendar leaves the frame without a time. With `needs_header`, only a
    priority or a stamp begins a frame: a word before a colon may be part of the message."""
    frame, message, _ = read_parts(text, arrived, zone, max_future, needs_header=needs_header)
    return frame, message


def read_parts(
    text: str,
    arrived: datetime,
    zone: tzinfo,
    max_future: timedelta = MAX_FUTURE,
    *,
    needs_header: bool = False,
) -> tuple[LineFrame, str, int | None]:
    """Read like `read`, and say where a traditional stamp ends; None: there is none."""
    if not _may_begin_header(text, 0, is_inner=needs_header):
        if needs_header:
            return NO_FRAME, text, None
        host, app, pid, end = _parse_names(text, 0, has_stamp=False)
        return LineFrame(None, host, app, pid), text[end:], None
    modern = _RFC5424.match(text)
    if modern is not None:
        frame, message = _parse_modern(modern, zone)
        return frame, message, read_stamp_only(text) if frame.app is None else None
    header = _find_header(text)
    if header is None and needs_header:
        return NO_FRAME, text, None
    frame, end = _parse_traditional(text, header, arrived, zone, max_future)
    stamp_end = None if header is None or header[1] is None else header[2]
    return frame, text[end:], stamp_end


def _may_begin_header(text: str, at: int, *, is_inner: bool = False) -> bool:
    """Whether a priority or a stamp may begin at that place. `is_inner`: behind a header, where
    hosts longer than usual before a stamp are not looked for."""
    first = text[at : at + 1]
    if is_inner and first.isalpha() and ":" not in text[:_LONGEST_STAMP]:
        return False
    if first.isalnum():
        return _MAY_BEGIN_STAMPED.match(text, at) is not None
    return first not in _BEGINS_NO_HEADER


def read_usual(
    text: str, arrived: datetime, zone: tzinfo, max_future: timedelta = MAX_FUTURE
) -> tuple[LineFrame, int] | None:
    """Read the header of a usual line as `read` does, and return where the message begins; None: it
    is not usual. One pattern costs a third of the search for all shapes."""
    match = _USUAL.match(text)
    if match is None:
        return None
    priority, month, day, clock, iso, fraction, iso_zone, host, app, pid = match.groups()
    try:
        if iso is None:
            time = stamps.parse_yearless(month, day, clock, arrived, zone, max_future)
        else:
            used = device_stamps.find_zone(iso_zone, zone) if iso_zone else zone
            time = _add_fraction(stamps.parse_iso(iso, used), fraction)
    except UnparseableRecord:
        time = None
    number = None if priority is None else int(priority)
    return LineFrame(time, host, app, pid, number), match.end()


def has_header(text: str) -> bool:
    """Whether the text begins with a priority or a stamp."""
    return _find_header(text) is not None


def read_stamp_only(text: str) -> int | None:
    """Return where a traditional stamp ends; None: the text begins with none."""
    header = _find_header(text)
    return None if header is None or header[1] is None else header[2]


def skip_stamp(text: str, end: int) -> int:
    """Return where the text behind a stamp begins, for lines whose first word is not a host."""
    while text.startswith((":", " "), end):
        end += 1
    return end


def _parse_modern(match: re.Match[str], zone: tzinfo) -> tuple[LineFrame, str]:
    priority, stamp, bare_stamp, host, app, pid, _, structured, message = match.groups()
    stamp = stamp or bare_stamp
    tag, text = restore_tag(None if app in {"-", ""} else app, message or "")
    if tag is not None and _YEAR_ONLY.fullmatch(host):  # a traditional stamp had a year behind it
        host, tag = tag, None
    frame = LineFrame(
        time=None if stamp == "-" else _parse_iso_or_none(stamp, zone),
        host=None if host == "-" else host,
        app=tag,
        pid=None if pid == "-" else pid,
        priority=None if priority is None else int(priority),
        structured=None if structured == "-" else structured,
    )
    return frame, text


def restore_tag(app: str | None, message: str) -> tuple[str | None, str]:
    """Return tag and message. rsyslog keeps the space between a traditional tag and its message.

    A relay that knows no header of the message takes its first word for the tag: a pair
    (`date=2026-11-22`), or the version of RFC 5424. A tag ends at a colon, which is then gone."""
    text = message.lstrip(" ")
    if app is None or not text or (app != "1" and "=" not in app):
        return app, text
    is_cut = len(text) == len(message) and (app.count('"') % 2 or _HOUR_LAST.search(app))
    return None, f"{app}:{text}" if is_cut else f"{app} {text}"


_HOUR_LAST = re.compile(r"time=[0-9]{2}\Z")


_Header = tuple[re.Match[str], re.Match[str] | None, int, str | None, str | None]
"""The lead, the stamp, where both end, a host and a year before the stamp."""


def _find_header(text: str) -> _Header | None:
    """Find priority and stamp; None: there is neither."""
    lead = _LEAD.match(text)
    assert lead is not None, "every part is optional"
    at = lead.end()
    if at and not _may_begin_header(text, at):
        return None if lead[1] is None else (lead, None, at, None, None)
    stamp = _STAMP.match(text, at)
    if stamp is not None:
        return lead, stamp, stamp.end(), None, None
    cisco = _CISCO_LEAD.match(text, at)
    if cisco is not None and cisco.end() > at:
        stamp = _STAMP.match(text, cisco.end())
        if stamp is not None:
            return lead, stamp, stamp.end(), cisco[1], cisco[2]
        uptime = _UPTIME.match(text, cisco.end())
        if uptime is not None:
            return lead, None, uptime.end(), cisco[1], None
    uptime = _UPTIME.match(text, at)
    if uptime is not None:
        return lead, None, uptime.end(), None, None
    return None if lead[1] is None else (lead, None, at, None, None)


def _parse_traditional(
    text: str, header: _Header | None, arrived: datetime, zone: tzinfo, max_future: timedelta
) -> tuple[LineFrame, int]:
    """Return the frame, and where the message begins."""
    time, priority, host, end = None, None, None, 0
    if header is None:
        lead = _LEAD.match(text)
        end = 0 if lead is None else lead.end()
    else:
        lead, stamp, end, host, year = header
        priority = None if lead[1] is None else int(lead[1])
        if stamp is not None:
            time = _parse_time(stamp, year, arrived, zone, max_future)
    has_stamp = header is not None and (header[1] is not None or end > header[0].end())
    if has_stamp:
        if text.startswith(":", end):
            end += 1
        while text.startswith(" ", end):
            end += 1
        container = _CONTAINER.match(text, end)
        if container is not None:
            return LineFrame(time, priority=priority), container.end()
        facility = _FACILITY.match(text, end)
        end = end if facility is None else facility.end()
    frame_host, app, pid, end = _parse_names(text, end, has_stamp=has_stamp)
    return LineFrame(time, frame_host or host, app, pid, priority), end


_LONGEST_STAMP = 64
"""Characters, a host before it among them."""
_Names = tuple[str | None, str | None, str | None, int]
"""Host, tag, process id, and where the message begins."""


def _parse_names(text: str, begin: int, *, has_stamp: bool) -> _Names:
    mnemonic = _MNEMONIC.match(text, begin)
    if mnemonic is not None:
        return None, mnemonic[1], None, mnemonic.end()
    # Looking for the end of a tag, and for too many words before it, costs less than a match that
    # fails.
    tag_end = _TAG_END.search(text, begin, begin + _LONGEST_NAMES)
    tagged = None
    if tag_end is not None and len(text[begin : tag_end.start()].split(None, 3)) <= _MOST_WORDS:
        tagged = _TAGGED.match(text, begin)
    if tagged is not None and _is_tag(tagged):
        return _parse_tagged(text, tagged)
    host_only = _HOST_ONLY.match(text, begin) if has_stamp else None
    return (None, None, None, begin) if host_only is None else _parse_untagged(text, host_only)


def _parse_tagged(text: str, tagged: re.Match[str]) -> _Names:
    host, second, app, pid, bracketed = tagged.groups()
    if second is not None and host is not None and not _is_host(host):
        host = second
    mnemonic = _MNEMONIC.match(text, tagged.end())
    if mnemonic is not None:
        nearest = app if host is None or (app is not None and app[0].isalpha()) else host
        return nearest, mnemonic[1], None, mnemonic.end()
    return host, app or bracketed, pid or None, tagged.end()


def _parse_untagged(text: str, host_only: re.Match[str]) -> _Names:
    host, end = host_only[1], host_only.end()
    mnemonic = _MNEMONIC.match(text, end)
    if mnemonic is not None:
        return host, mnemonic[1], None, mnemonic.end()
    # A relay that does not recognise the device's header repeats the name.
    again = _HOST_ONLY.match(text, end)
    if again is not None and again[1] == host:
        end = again.end()
    return None if host in _LEVELS else host, None, None, end


_LEVELS = frozenset({"TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "FATAL"})
"""What programs that write their own stamp put where syslog has the host."""


def _is_tag(tagged: re.Match[str]) -> bool:
    """Whether the words before the tag are hosts: one, or two of which one surely is."""
    host, second, _, pid, _ = tagged.groups()
    if host is None or second is None:
        return True
    return host == second or pid is not None or _is_host(host) or _is_host(second)


def _is_host(word: str) -> bool:
    return _NAMES_A_HOST.match(word) is not None


def _parse_time(
    stamp: re.Match[str],
    year_before: str | None,
    arrived: datetime,
    zone: tzinfo,
    max_future: timedelta,
) -> datetime | None:
    month, day, year, clock, fraction, zone_name, late_year, *others = stamp.groups()
    iso, iso_fraction, iso_zone, epoch, epoch_fraction = others
    try:
        if epoch is not None:
            return _EPOCH + timedelta(
                seconds=int(epoch), microseconds=_parse_fraction(epoch_fraction)
            )
        if iso is not None:
            time = stamps.parse_iso(
                _restore_iso(iso),
                device_stamps.find_zone(iso_zone, zone) if iso_zone else zone,
            )
            return _add_fraction(time, iso_fraction)
        used = device_stamps.find_zone(zone_name, zone) if zone_name else zone
        year = year or late_year or year_before
        if year is None:
            time = stamps.parse_yearless(month, day, clock, arrived, used, max_future)
        elif month in stamps.MONTHS:
            number = stamps.MONTHS[month]
            time = stamps.parse_iso(f"{year}-{number:02}-{int(day):02}T{clock}", used)
        else:
            return None
    except UnparseableRecord:
        return None
    return _add_fraction(time, fraction)


def _restore_iso(stamp: str) -> str:
    """Restore what relays (`16: 05`) and Astaro (`2026:11:22-09:14:07`) write otherwise."""
    if stamp[4] == ":":
        return f"{stamp[:10].replace(':', '-')}T{stamp[11:]}"
    return stamp.replace(": ", ":")


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _add_fraction(time: datetime, fraction: str | None) -> datetime:
    if fraction is None:
        return time
    return time + timedelta(microseconds=_parse_fraction(fraction))


@lru_cache(maxsize=4096)
def _parse_fraction(fraction: str | None) -> int:
    return int((fraction + "000000")[:6]) if fraction else 0


def _parse_iso_or_none(stamp: str, zone: tzinfo) -> datetime | None:
    try:
        return stamps.parse_iso(stamp, zone)
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
