"""Find one Windows event in the shapes that shippers give it: Winlogbeat, Wazuh, NXLog, Log
Analytics, OpenTelemetry's receiver, `Get-WinEvent | ConvertTo-Json`, event XML, Snare, Kiwi and OSSEC."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import SourceLine
from streams.parsers.windows_security import collected, former, messages
from streams.tokenizers import json_lines, syslog

_Document = Mapping[str, Value]


@dataclass(slots=True)
class WindowsEvent:
    """An event in Windows's own names."""

    code: int
    data: dict[str, str] = field(default_factory=dict, repr=False)
    stamp: str = ""
    computer: str = ""
    channel: str = ""
    provider: str = ""
    keywords: str = ""
    """Texts that say `Audit Failure` or `Audit Success`, or the number with their bits."""


_XML_START = re.compile(r"\s*+(?:<\?xml[^>]{0,100}\?>\s*+)?<Event(?: [^>]{0,200})?>\s*+<System>")
_XML_DATA = re.compile(r"<Data Name=[\"'](\w{1,64})[\"']\s*+(?:/>|>([^<]*+)</Data>)")
_XML_BARE = re.compile(r"<Data>([^<]*+)</Data>")
_XML_ELEMENT = re.compile(r"<([A-Za-z]\w{0,63})>([^<]*+)</")
_XML_PARTS = {
    "code": re.compile(r"<EventID(?: [^>]*+)?>([0-9]{1,5})</EventID>"),
    "stamp": re.compile(r"SystemTime=[\"']([^\"']{1,40})[\"']"),
    "computer": re.compile(r"<Computer>([^<]{1,255})</Computer>"),
    "channel": re.compile(r"<Channel>([^<]{1,255})</Channel>"),
    "provider": re.compile(r"<Provider Name=[\"']([^\"']{1,255})[\"']"),
    "keywords": re.compile(r"<Keywords>(0x[0-9A-Fa-f]{1,16})</Keywords>"),
}
_SOURCES = r"(?:Microsoft-Windows-)?Security-Auditing"
_HEADS = (
    re.compile(
        r"(?:WinEvtLog: )?(?P<channel>[A-Z][\w-]{2,40}): (?P<keywords>[A-Z_]{4,20})\((?P<code>[0-9]{1,5})\): "
        r"[^:]{1,100}: (?P<user>[^:]{0,300}): (?P<domain>[^:]{0,300}): (?P<computer>[\w.-]{1,255}): "
    ),
    re.compile(
        r"(?:(?!MSWinEventLog)[\w.-]{1,255}[\t ]++)?+MSWinEventLog[\t ]++[0-9]++[\t ]++(?P<channel>\w++)[\t ]++[0-9]++[\t ]++"
        r"(?P<stamp>[A-Z][a-z]{2} [A-Z][a-z]{2} ++[0-9]{1,2} [0-9:]{8}(?:\.[0-9]{1,6})?(?: [0-9]{4})?)[\t ]++(?P<code>[0-9]{1,5})[\t ]++"
        r"(?P<provider>[\w-]++)[\t ]"
    ),
    re.compile(
        rf"{_SOURCES}(?:\[[0-9]*\])?: (?:(?P<code>[0-9]{{1,5}}): )?(?P<keywords>(?:AUDIT_|Audit )\w+:? )?(?=[A-Z])"
    ),
    re.compile(r"(?P<code>[0-9]{4}): (?P<keywords>(?:AUDIT_|Audit )\w+:? )?(?=[A-Z])"),
    re.compile(
        r"(?P<stamp>[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9:]{7,8} [AP]M)\s++LogName=(?P<channel>\w++)\s"
    ),
    re.compile(r"(?:AgentDevice=WindowsLog[\t ]|EventID[ =:]{1,2}[0-9]{4}[ \t])"),
    re.compile(r"(?=[AU][a-z]{0,3} [a-zA-Z])"),
)
"""What may stand before the text that Windows renders."""
_NUMBERED_HEADS = (
    *_HEADS[:2],
    re.compile(
        r"AgentDevice=WindowsLog[\t ]++AgentLogFile=(?P<channel>Security)[\t ](?:[^\t\r\n]{1,60}\t)?+"
        r"Source=(?P<provider>Security)[\t ]++Computer=(?P<computer>[\w.-]{1,255})[\t ]"
        r"[^\r\n]{0,200}?EventID=(?P<code>[0-9]{3})[\t ]"
    ),
)
"""Those with the event's number."""
_PAIR = re.compile(
    r"(?<!\w)(EventCode|EventID|EventIDCode|ComputerName|Computer|Keywords|EventType|TimeGenerated)="
    r"((?:(?! \w{1,64}=)[^\t\r\n]){1,255})"
)
_AUDIT = r"((?:Failure|Success) Audit|AUDIT_(?:FAILURE|SUCCESS))"
_SNARE_COMPUTER = re.compile(rf"\t{_AUDIT}\t([\w.-]{{1,255}})\t")
_SNARE_AUDIT = re.compile(rf"[\t ]{_AUDIT}[\t ]")
_CODE_KEYS = ("#text", "value", "Value", "id")
_FLAT_CODES = ("EventID", "EventId", "event_id", "Id")
_FLAT_PARTS = {
    "stamp": ("EventTime", "TimeGenerated", "TimeCreated", "@timestamp", "timestamp"),
    "computer": ("Hostname", "Computer", "MachineName", "computer_name", "HostName"),
    "channel": ("Channel", "LogName", "log_name"),
    "provider": ("SourceName", "ProviderName", "EventSourceName", "source_name", "Provider"),
    "keywords": ("EventType", "KeywordsDisplayNames", "Keywords", "keywords"),
}
_SECURITY = "Microsoft-Windows-Security-Auditing"
_CHANNELS = frozenset({"security", "system"})
_FIRST_AUDIT, _LAST_AUDIT = 4608, 6423
_AUDIT_NAMES = ("TargetUserName", "SubjectUserName", "IpAddress", "LogonType", "EventData")
"""Numbers and names of the Security log, by which an event without its channel is known."""
_POSITIONS = {
    4624: "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId TargetUserSid TargetUserName"
    " TargetDomainName TargetLogonId LogonType LogonProcessName AuthenticationPackageName"
    " WorkstationName LogonGuid TransmittedServices LmPackageName KeyLength ProcessId ProcessName"
    " IpAddress IpPort",
    4625: "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId TargetUserSid TargetUserName"
    " TargetDomainName Status FailureReason SubStatus LogonType LogonProcessName"
    " AuthenticationPackageName WorkstationName TransmittedServices LmPackageName KeyLength ProcessId"
    " ProcessName IpAddress IpPort",
    4771: "TargetUserName TargetSid ServiceName TicketOptions Status PreAuthType IpAddress IpPort",
    4776: "PackageName TargetUserName Workstation Status",
    4740: "TargetUserName TargetDomainName TargetSid SubjectUserSid SubjectUserName SubjectDomainName",
}
"""Names of the values that `Get-WinEvent` gives without names."""


def find_event(line: SourceLine) -> WindowsEvent | None:
    """Return the event of a line, or None if it is not in one of these shapes."""
    text = line.text
    if json_lines.is_object_start(text):
        try:
            return _find_in_document(json_lines.read_shared_object(text))
        except UnparseableRecord:
            return None
    if _XML_START.match(text) is not None:
        return _read_xml(text)
    structured = line.frame.structured
    if structured is not None and 'EventID="' in structured:
        for pairs in syslog.parse_structured_data(structured).values():
            event = _read_flat(pairs)
            if event is not None:
                return event
    return _read_text(text)


def _find_in_document(document: _Document) -> WindowsEvent | None:
    if json_lines.get_nested(document, "event.category"):
        return None  # in ECS already
    winlog = document.get("winlog")
    if isinstance(winlog, dict):
        return _read_winlog(document, winlog)
    wazuh = document.get("win") or json_lines.get_nested(document, "data.win")
    if isinstance(wazuh, dict):
        return _read_wazuh(wazuh)
    inner = document.get("Event")
    if isinstance(inner, dict) and isinstance(inner.get("System"), dict):
        return _read_converted(inner)
    if isinstance(document.get("event_id"), dict):
        return _read_collected(document)
    return _read_flat(document)


def _parse_code(value: Value) -> int | None:
    if isinstance(value, dict):
        value = next((value[key] for key in _CODE_KEYS if value.get(key)), None)
    number = json_lines.to_number(value)
    return number if number is not None and 0 < number <= 0xFFFF else None


def _to_text(value: Value) -> str:
    if isinstance(value, list):
        return " ".join(_to_text(each) for each in value[:20])
    return json_lines.to_word(value)


def _collect(values: Value) -> dict[str, str]:
    """Collect named values; of `{"Data": [{"Name": …, "#text": …}]}` too. Values without a name are
    `param1`, `param2` and so on."""
    data = values.get("Data") if isinstance(values, dict) else None
    if isinstance(data, dict) and isinstance(data.get("#text"), list):
        data = data["#text"]
    if isinstance(data, list):
        named = {
            _to_text(each.get("Name") or each.get("@Name")): _to_text(each.get("#text"))
            for each in data
            if isinstance(each, dict)
        }
        bare = [_to_text(each) for each in data[:64] if not isinstance(each, dict)]
        return named | {f"param{number}": text for number, text in enumerate(bare, 1)}
    return {name: _to_text(value) for name, value in json_lines.to_mapping(values).items()}


def _read_winlog(document: _Document, winlog: _Document) -> WindowsEvent | None:
    code = _parse_code(winlog.get("event_id") or json_lines.get_nested(document, "event.code"))
    if code is None:
        return None
    data = _collect(winlog.get("user_data")) | _collect(winlog.get("event_data"))
    _add_message(data, document.get("message"))
    return WindowsEvent(
        code,
        data,
        _to_text(document.get("@timestamp")) or _to_text(winlog.get("time_created")),
        _to_text(winlog.get("computer_name")),
        _to_text(winlog.get("channel")),
        _to_text(winlog.get("provider_name")),
        _to_text(winlog.get("keywords")),
    )


def _read_wazuh(document: _Document) -> WindowsEvent | None:
    system = json_lines.to_mapping(document.get("system"))
    code = _parse_code(system.get("eventID"))
    if code is None:
        return None
    event_data = _collect(document.get("eventdata"))
    data = {
        name[:1].upper() + name[1:]: value.replace("\\\\", "\\")  # it escapes them twice
        for name, value in event_data.items()
    }
    _add_message(data, system.get("message"))
    return WindowsEvent(
        code,
        data,
        _to_text(system.get("systemTime")),
        _to_text(system.get("computer")),
        _to_text(system.get("channel")),
        _to_text(system.get("providerName")),
        _to_text(system.get("severityValue")) + " " + _to_text(system.get("keywords")),
    )


def _read_collected(document: _Document) -> WindowsEvent | None:
    """Read the map of OpenTelemetry's Windows event log receiver: its values are a list of objects
    with one name each."""
    code = _parse_code(document.get("event_id"))
    if code is None:
        return None
    values = json_lines.to_mapping(document.get("event_data"))
    data = _collect(values)
    for each in json_lines.to_mappings(values.get("data")):
        data |= _collect(each)
    _add_message(data, document.get("message"))
    return WindowsEvent(
        code,
        data,
        _to_text(document.get("system_time")),
        _to_text(document.get("computer")),
        _to_text(document.get("channel")),
        _to_text(json_lines.to_mapping(document.get("provider")).get("name")),
        _to_text(document.get("keywords")),
    )


def _read_converted(document: _Document) -> WindowsEvent | None:
    system = document["System"]
    code = _parse_code(system.get("EventID"))
    if code is None:
        return None
    data = _collect(document.get("EventData"))
    for inner in json_lines.to_mapping(document.get("UserData")).values():
        data |= _collect(inner)
    created = json_lines.to_mapping(system.get("TimeCreated"))
    created = json_lines.to_mapping(created.get("#attributes")) or created
    provider = json_lines.to_mapping(system.get("Provider"))
    provider = json_lines.to_mapping(provider.get("#attributes")) or provider
    return WindowsEvent(
        code,
        data,
        _to_text(created.get("SystemTime") or created.get("@SystemTime")),
        _to_text(system.get("Computer")),
        _to_text(system.get("Channel")),
        _to_text(provider.get("Name") or provider.get("@Name")),
        _to_text(system.get("Keywords")),
    )


def _read_flat(document: _Document) -> WindowsEvent | None:
    code = next((c for c in (_parse_code(document.get(k)) for k in _FLAT_CODES) if c), None)
    if code is None:
        return None
    parts = {
        part: next((t for t in (_to_text(document.get(k)) for k in keys) if t), "")
        for part, keys in _FLAT_PARTS.items()
    }
    is_named = bool(parts["provider"] and parts["channel"] and parts["computer"])
    is_audit = (
        not parts["channel"]
        and _FIRST_AUDIT <= code <= _LAST_AUDIT
        and sum(name in document for name in _AUDIT_NAMES) >= (1 if parts["computer"] else 2)
    )
    is_former = former.find_successor(code, parts["provider"]) is not None
    if (
        not is_former
        and parts["provider"] != _SECURITY
        and parts["channel"].casefold() not in _CHANNELS
        and not is_named
        and not is_audit
    ):
        return None
    if not parts["computer"] and not parts["provider"] and not is_audit:
        return None
    data = (
        _collect(document)
        | _collect(document.get("event_data"))
        | _collect(document.get("EventData"))
    )
    properties = document.get("Properties")
    if isinstance(properties, list) and code in _POSITIONS:
        values = [
            _to_text(each.get("Value")) if isinstance(each, dict) else "" for each in properties
        ]
        data |= dict(zip(_POSITIONS[code].split(), values, strict=False))
    elif is_former:
        text = _to_text(document.get("Message") or document.get("message"))
        data = former.parse_text(code, text)
    else:
        _add_message(data, document.get("Message") or document.get("message"))
    return WindowsEvent(code, data, **parts)


def _add_message(data: dict[str, str], message: Value) -> None:
    """Add what the rendered text says and the named data leave out."""
    if not isinstance(message, str) or any(name.endswith("UserName") for name in data):
        return
    for name, value in messages.parse_message(message).items():
        data.setdefault(name, value)


def _read_xml(text: str) -> WindowsEvent | None:
    matches = {part: pattern.search(text) for part, pattern in _XML_PARTS.items()}
    parts = {part: html.unescape(match[1]) for part, match in matches.items() if match is not None}
    code = _parse_code(parts.pop("code", None))
    if code is None:
        return None
    begin = text.find("<UserData>")
    pairs = [*(_XML_ELEMENT.findall(text, begin) if begin >= 0 else ()), *_XML_DATA.findall(text)]
    pairs += [(f"param{number}", bare) for number, bare in enumerate(_XML_BARE.findall(text), 1)]
    data: dict[str, str] = {}
    for name, value in pairs:
        data.setdefault(name, html.unescape(value))
    return WindowsEvent(code, data, **parts)


def _read_text(text: str) -> WindowsEvent | None:
    if (code := collected.find_code(text)) is not None:
        return _read_cef(code, text)
    numbered = _read_numbered(text)
    if numbered is not None and former.find_successor(numbered.code, numbered.provider):
        return numbered
    return _read_titled(text) or numbered


def _read_cef(code: int, text: str) -> WindowsEvent:
    data, keys = collected.read_data(text)
    return WindowsEvent(
        code,
        data,
        keys.get("rt", "") or keys.get("end", "") or keys.get("start", ""),
        keys.get("dvchost", "") or keys.get("dhost", ""),
        "Security",
        _SECURITY if code >= _FIRST_AUDIT else "Security",
        f"audit {keys.get('categoryOutcome', '').strip('/')} {keys.get('outcome', '')}",
    )


def _read_numbered(text: str) -> WindowsEvent | None:
    """Read an event by the number before its text: of Windows 2003, whose titles are too short to
    know it by, or with a title that is not known."""
    match = next((m for head in _NUMBERED_HEADS if (m := head.match(text)) is not None), None)
    code = None if match is None else _parse_code(match["code"])
    if match is None or code is None:
        return None
    parts = {name: value or "" for name, value in match.groupdict().items()}
    provider, rest = parts.get("provider") or parts["channel"], text[match.end() :]
    is_former = former.find_successor(code, provider) is not None
    computer, audit = _SNARE_COMPUTER.search(rest), _SNARE_AUDIT.search(rest[:400])
    return WindowsEvent(
        code,
        former.parse_text(code, rest) if is_former else messages.parse_message(rest),
        parts.get("stamp", ""),
        parts.get("computer", "") or (computer[2] if computer is not None else ""),
        parts["channel"],
        provider if is_former else parts.get("provider", ""),
        parts.get("keywords", "") or (audit[1] if audit is not None else ""),
    )


def _read_titled(text: str) -> WindowsEvent | None:
    title = messages.find_title(text)
    if title is None:
        return None
    code, at = title
    for head in _HEADS:
        match = head.match(text)
        if match is None or match.end() > at + 1:
            continue
        between = text[match.end() : at]
        if '"' in between or "<" in between or (head is _HEADS[-1] and at > 0):
            continue
        return _build_from_text(text, code, at, match)
    return None


def _build_from_text(text: str, code: int, at: int, match: re.Match[str]) -> WindowsEvent | None:
    data = messages.parse_message(text[at:])
    parts = {name: value or "" for name, value in match.groupdict().items()}
    if parts.get("user", "(no user)") != "(no user)":
        data.setdefault("TargetUserName", parts["user"])
        data.setdefault("TargetDomainName", parts["domain"])
    if not data:
        return None
    pairs = dict(_PAIR.findall(text[:at]))
    computer_name = (
        parts.get("computer") or pairs.get("ComputerName") or pairs.get("Computer") or ""
    )
    audit, computer = _SNARE_AUDIT.search(text[:at]), _SNARE_COMPUTER.search(text[:at])
    return WindowsEvent(
        _parse_code(parts.get("code")) or code,
        data,
        parts.get("stamp", "") or pairs.get("TimeGenerated", ""),
        computer[2] if computer is not None and not computer_name else str(computer_name),
        parts.get("channel", "") or "Security",
        parts.get("provider", ""),
        parts.get("keywords", "") or (audit[0] if audit else pairs.get("Keywords", "")),
    )
