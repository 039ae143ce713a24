"""Parse Bitdefender GravityZone's events, as CEF and as the JSON of its push service."""

from __future__ import annotations

from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, cef, device_stamps, json_lines, people

_CATEGORIES = {
    "av": ["malware"],
    "antiexploit": ["intrusion_detection"],
    "hd": ["malware"],
    "network-sandboxing": ["malware"],
    "avc": ["malware"],
    "fw": ["network"],
    "network-monitor": ["network", "intrusion_detection"],
    "aph": ["web"],
    "uc": ["web"],
    "dp": ["file"],
    "exchange-malware": ["email", "malware"],
    "new-incident": ["intrusion_detection"],
    "new-extended-incident": ["intrusion_detection"],
    "ransomware-mitigation": ["malware"],
    "device-control": ["host"],
    "login": ["authentication"],
}
_STOPPED = ("block", "quarantin", "delet", "disinfect", "clean", "denied", "killed", "isolat")
_TEXTS = {
    "filePath": "file.path",
    "file_path": "file.path",
    "fname": "file.name",
    "request": "url.original",
    "url": "url.original",
    "BitdefenderGZMalwareName": "rule.name",
    "BitdefenderGZDetectionName": "rule.name",
    "malware_name": "rule.name",
    "detection_name": "rule.name",
    "BitdefenderGZMalwareType": "rule.category",
    "malware_type": "rule.category",
    "deviceExternalId": "host.id",
    "endpointId": "host.id",
    "fileHash": "file.hash.sha256",
    "BitdefenderGZMalwareHash": "file.hash.sha256",
    "filehash": "file.hash.sha256",
    "process_path": "process.executable",
    "sproc": "process.executable",
}
_STAMPS = (
    "start",
    "rt",
    "end",
    "BitdefenderGZLastAccessTime",
    "timestamp",
    "last_blocked",
    "created",
)
_USERS = ("suser", "duser", "userName", "username", "user")
_PEERS = (("source", "src", "spt"), ("destination", "dst", "dpt"))


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if text.startswith("{"):
        return '"module"' in text and ('"companyId"' in text or '"computer_name"' in text)
    header = cef.read_header(text)
    return header is not None and header.vendor == "Bitdefender"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no event of GravityZone",
            place="bitdefender_gravityzone",
            remedy="Send CEF, or the JSON of the push service.",
        )
    record = _read_record(line.text)
    module = (record.get("BitdefenderGZModule") or record.get("module") or "").casefold()
    name = record.get("", "")
    fields = _build_event(module, name, record)
    fields |= {"observer.vendor": "Bitdefender", "observer.product": "GravityZone"}
    _put_device(fields, record)
    for key, field in _TEXTS.items():
        if record.get(key):
            fields.setdefault(field, record[key])
    for side, ip_key, port_key in _PEERS:
        ip = addresses.parse_address(record.get(ip_key, ""))
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(record.get(port_key, "")))
    return ParsedEvent(_parse_time(record, line), fields)


def _read_record(text: str) -> dict[str, str]:
    """Read the fields; the event's name has the empty key, its number the key `code`."""
    if text.startswith("{"):
        document = json_lines.read_object(text)
        record = {
            key: word for key, value in document.items() if (word := json_lines.to_word(value))
        }
        user = json_lines.to_mapping(document.get("user"))
        return {"user": json_lines.to_word(user.get("name")), **record} if user else record
    whole = cef.read(text)
    if whole is None:
        return {}
    header = whole.header
    return {
        **whole.fields,
        "": header.name or "",
        "code": header.code or "",
        "severity": header.severity or "",
    }


def _build_event(module: str, name: str, record: dict[str, str]) -> dict[str, Value]:
    act = (
        record.get("act")
        or record.get("final_status")
        or record.get("BitdefenderGZMainAction")
        or ""
    )
    act = act or record.get("status", "") or record.get("action", "")
    is_sign_in = "login" in name.casefold() or module == "login"
    is_stopped = any(word in act.casefold() for word in _STOPPED)
    outcome = "success" if is_sign_in else "failure" if is_stopped else "unknown"
    fields: dict[str, Value] = {
        "event.kind": "event" if is_sign_in else "alert",
        "event.category": ["authentication"]
        if is_sign_in
        else _CATEGORIES.get(module, ["host"]).copy(),
        "event.type": ["start"] if is_sign_in else ["denied"] if is_stopped else ["info"],
        "event.outcome": outcome,
        "event.action": (act or name or module or "event").casefold(),
    }
    if is_sign_in:
        fields |= {"event.action": "console_login", "breach.auth.attempts": 1}
    user = next((record[key] for key in _USERS if record.get(key)), "")
    people.put_user(fields, user.rpartition("\\")[2])
    if record.get("code"):
        fields["event.code"] = record["code"]
    severity = cef.parse_severity(record.get("severity", ""))
    if severity is not None:
        fields["event.severity"] = severity
    return fields


def _put_device(fields: dict[str, Value], record: dict[str, str]) -> None:
    host = (
        record.get("dvchost")
        or record.get("computer_name")
        or record.get("BitdefenderGZComputerFQDN")
    )
    if host:
        fields["host.name"] = host.casefold()
    device = record.get("dvc") or record.get("computer_ip") or ""
    host_addresses = [ip for part in device.split(",") if (ip := addresses.parse_address(part))]
    if host_addresses:
        fields["host.ip"] = host_addresses


def _parse_time(record: dict[str, str], line: SourceLine) -> datetime | None:
    for key in _STAMPS:
        if record.get(key):
            time = device_stamps.parse_stamp(record[key], line.arrived, line.zone)
            if time is not None:
                return time
    return None


PARSER = Parser(
    id="bitdefender_gravityzone",
    title="Bitdefender GravityZone (CEF, push JSON)",
    hints=(b"|Bitdefender|", b'"module"'),
    claims=_can_parse,
    parse=_parse,
    references=("https://www.bitdefender.com/business/support/en/77209-135324-event-types.html",),
    examples=(
        ParserExample(
            "<134>Nov 22 01:06:15 gz CEF:0|Bitdefender|GravityZone|6.50.0-27|10|AntiMalware|9|"
            "BitdefenderGZModule=av dvchost=PC-7 dvc=192.0.2.30, 2001:db8::30 act=blocked"
            " filePath=C:\\\\Users\\\\jo\\\\a b.exe BitdefenderGZMalwareName=Gen.X"
            " start=Nov 22 2026 02:06:15+01:00 suser=CONTOSO\\\\Jo",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["malware"],
                "event.outcome": "failure",
                "event.action": "blocked",
                "host.name": "pc-7",
                "host.ip": ["192.0.2.30", "2001:db8::30"],
                "rule.name": "Gen.X",
                "user.name": "jo",
            },
        ),
        ParserExample(
            '{"module":"fw","companyId":"c1","computer_name":"pc-7","computer_ip":"192.0.2.30",'
            '"status":"portscan_blocked","timestamp":"2026-11-22T01:06:15.000Z","user":{"name":"Jo"},'
            '"src":"203.0.113.66"}',
            {
                "event.category": ["network"],
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "CEF:0|Bitdefender|GravityZone|6.50.0-27|6|Login from new device|3|"
            "BitdefenderGZModule=login suser=jo@contoso.example src=203.0.113.66"
            " start=Nov 22 2026 01:06:15 Z",
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
            },
        ),
    ),
)
