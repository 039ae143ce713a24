"""Parse events of Windows's Security log, and of its other channels what shows a sign-in, in every
shape in which they are shipped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, SourceLine
from streams.parsers.windows_security import acts, former, shapes
from streams.parsers.windows_security.examples import EXAMPLES
from streams.tokenizers import device_stamps

_JSON_DATE = re.compile(r"/Date\((-?[0-9]{1,14})\)/\Z")
_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]++")
_AMERICAN = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}) ")
_FAILURE_BIT, _SUCCESS_BIT = 0x10000000000000, 0x20000000000000
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def _can_parse(line: SourceLine) -> bool:
    return shapes.find_event(line) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    event = shapes.find_event(line)
    if event is None:
        raise UnparseableRecord(
            "no event of a Windows log",
            place="windows_security",
            remedy="Send events as Winlogbeat, NXLog or Snare write them, or as event XML.",
        )
    fields: dict[str, Value] = {
        "event.code": str(event.code),
        "event.provider": event.provider or "Microsoft-Windows-Security-Auditing",
        "host.os.type": "windows",
    }
    computer = event.computer or line.frame.host
    if computer:
        fields["host.name"] = computer
    if event.channel:
        fields["winlog.channel"] = event.channel
    logged_by = (event.provider, event.channel)
    code = former.find_successor(event.code, event.provider)
    if code is not None:
        logged_by = ("", "Security")
    acts.put_act(fields, code or event.code, event.data, _read_keywords(event.keywords), logged_by)
    return ParsedEvent(_parse_time(event.stamp, line), fields)


def _read_keywords(keywords: str) -> str | None:
    lowered = keywords.casefold().replace("_", " ")
    if "audit failure" in lowered or "failure audit" in lowered:
        return "failure"
    if "audit success" in lowered or "success audit" in lowered:
        return "success"
    text = lowered.strip()
    try:
        bits = int(text, 16 if text.startswith("0x") else 10) if len(text) <= 20 else 0
    except ValueError:
        return None
    if bits & _FAILURE_BIT:
        return "failure"
    return "success" if bits & _SUCCESS_BIT else None


def _parse_time(stamp: str, line: SourceLine) -> datetime | None:
    if not stamp:
        return None
    wrapped = _JSON_DATE.match(stamp)
    if wrapped is not None:
        milliseconds = int(wrapped[1])
        return _BEGIN + timedelta(milliseconds=milliseconds) if 0 < milliseconds < 10**14 else None
    american = _AMERICAN.match(stamp)
    if american is not None:
        month, day, year = american.groups()
        stamp = f"{year}-{month:0>2}-{day:0>2} {stamp[american.end() :]}"
    return device_stamps.parse_stamp(_FRACTION.sub(r"\1", stamp), line.arrived, line.zone)


PARSER = Parser(
    id="windows_security",
    title="Windows Security log and other channels (Winlogbeat, NXLog, event XML, Get-WinEvent, Snare, Wazuh)",
    hints=(
        *(b'"winlog"', b'"win"', b'"EventID"', b'"event_id"', b'"ProviderName"', b"<Event"),
        *(b"MSWinEventLog", b"EventID=", b"Account Name:", b"ccount:", b"Logon ID:", b'"System"'),
        b"Security-Auditing:",
        b"|Security:",
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/windows/security/threat-protection/auditing/event-4625",
        "https://learn.microsoft.com/windows/win32/wes/eventschema-schema",
        "https://docs.nxlog.co/integrate/windows-eventlog.html",
    ),
    examples=EXAMPLES,
)
