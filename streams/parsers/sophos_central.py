"""Parse events and alerts of Sophos Central: JSON of its API, or of Sophos's SIEM script, which calls
some keys by their CEF names.

What a policy saw (a file that left, a site, a threat) stands in the text of the event, between words
that Sophos writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, field_tables, json_records, numbers
from streams.tokenizers.json_records import get_text

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_PREFIX = "Event::"
_GROUPS = {
    "malware": (["malware"], "alert"),
    "pua": (["malware"], "alert"),
    "runtime_detections": (["intrusion_detection"], "alert"),
    "data_loss_prevention": (["file"], "alert"),
    "web": (["web"], "event"),
    "application_control": (["process"], "event"),
    "endpoint_firewall": (["network"], "event"),
    "peripherals": (["host"], "event"),
    "policy": (["configuration"], "event"),
    "xgemail": (["email"], "event"),
    "wireless": (["network"], "event"),
}
"""Categories and kind by what Sophos calls the event's group."""
_WORDS = (
    ("datalossprevention", "data_loss_prevention"),
    ("webfilter", "web"),
    ("webcontrol", "web"),
    ("pua", "pua"),
    ("threat", "malware"),
    ("hmpa", "runtime_detections"),
    ("ips", "runtime_detections"),
    ("application", "application_control"),
)
"""Words within the type of an alert, which has no group."""
_VERDICTS = (
    ("automaticallyallowed", "allowed", "success"),
    ("userallowed", "allowed", "success"),
    ("blocked", "denied", "failure"),
    ("denied", "denied", "failure"),
    ("quarantined", "denied", "failure"),
    ("cleanupfailed", "info", "unknown"),
    ("cleaned", "denied", "failure"),
    ("allowed", "allowed", "success"),
    ("warn", "info", "unknown"),
    ("fail", "error", "failure"),
    ("success", "info", "success"),
)
"""Words within the case-folded type: ECS type and outcome, the first that matches."""
_SEVERITIES = {"low": 2, "medium": 3, "high": 4, "critical": 5}
_TEXTS = (
    ("event.reason", ("name", "description")),
    ("rule.name", ("threat",)),
    ("host.name", ("location", "dhost")),
    ("host.id", ("endpoint_id",)),
    ("user.id", ("user_id", "duid")),
    ("cloud.account.id", ("customer_id",)),
    ("file.hash.sha256", ("appSha256",)),
    ("file.path", ("full_file_path", "filePath")),
    (
        "process.executable",
        (
            *("ips_threat_data.executablePath", "data.ips_threat.executable_path"),
            *("amsi_threat_data.processPath", "data.hmpa_exploit.process_path"),
        ),
    ),
    ("process.name", ("amsi_threat_data.processName",)),
    ("process.parent.executable", ("amsi_threat_data.parentProcessPath",)),
)
_SOURCES = ("source_info.ip", "data.source_info.ip")
_PROCESSES = ("ips_threat_data.executablePid", "data.ips_threat.executable_pid")
_REMOTES = ("ips_threat_data.remoteIp", "data.ips_threat.remote_ip")
_REMOTE_PORTS = ("ips_threat_data.remotePort", "data.ips_threat.remote_port")
_LOCAL_PORTS = ("ips_threat_data.localPort", "data.ips_threat.local_port")
_TRANSFER = re.compile(
    r"An .(?P<action>[a-z ]{1,60}). action was taken\. {1,2}Username: (?P<user>.{1,256}?)"
    r" {1,2}Rule names: (?P<rules>.{1,512}?) {1,2}User action: (?P<act>[^:]{1,100}?)"
    r" {1,2}Application Name: (?P<application>.{1,256}?) {1,2}Data Control action: (?P<verdict>[A-Za-z ]{1,40}?)"
    r" {1,2}File type: (?P<type>.{1,256}?) {1,2}File size: (?P<size>[0-9]{1,18})"
    r" {1,2}Source path: (?P<path>.{1,2048}?)"
    r"(?: {1,2}Destination path: (?P<target>.{1,2048}?))?(?: {1,2}Destination type: (?P<kind>[^:]{1,100}))?"
)
_DETECTION = re.compile(r"[^']{1,100}'([^']{1,256})' at '(.{1,2048})'")
_SITE = re.compile(
    r"[^\"']{0,100}([\"'])([^\"'\s]{1,2048})\1([^\"']{0,100}[\"']([^\"']{1,256})[\"'])?"
)
_MARKS = "\u2032\u2033'\" "
"""Primes and quotes, which Sophos sets around names."""


def _find_record(text: str) -> _Record | None:
    record = json_records.read_record(text)
    if record is None or not get_text(record, "type").startswith(_PREFIX):
        return None
    return record if "customer_id" in record or "endpoint_id" in record else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no event of Sophos Central",
            place="sophos_central",
            remedy="Send events and alerts whole, one JSON object each.",
        )
    kind = get_text(record, "type")
    group = _find_group(record, kind.casefold())
    fields = _build_act(kind, group)
    json_records.put_texts(fields, record, _TEXTS)
    field_tables.put_account(fields, get_text(record, "source", "suser"))
    process = numbers.parse_whole(get_text(record, *_PROCESSES))
    fields |= {} if process is None else {"process.pid": process}
    severity = _SEVERITIES.get(get_text(record, "severity").casefold())
    if severity is not None:
        fields["event.severity"] = severity
    _put_ends(fields, record)
    _put_object(fields, group)
    if path := fields.get("file.path"):
        fields["file.name"] = path.replace("\\", "/").rpartition("/")[2]
    return ParsedEvent(_find_time(record, line), fields, id=get_text(record, "id") or None)


def _find_group(record: _Record, kind: str) -> str:
    group = get_text(record, "group").casefold()
    return group or next((name for word, name in _WORDS if word in kind), "")


def _build_act(kind: str, group: str) -> _Fields:
    lowered = kind.casefold()
    types, outcome = next(
        (([each], result) for word, each, result in _VERDICTS if word in lowered),
        (["info"], "unknown"),
    )
    categories, event_kind = _GROUPS.get(group, (["host"], "event"))
    fields: _Fields = {
        "event.kind": event_kind,
        "event.category": categories.copy(),
        "event.type": types,
        "event.outcome": outcome,
        "event.action": kind.rpartition("::")[2] or kind,
        "event.code": kind,
        "observer.vendor": "Sophos",
        "observer.product": "Sophos Central",
    }
    if "userallowed" in lowered:
        fields["breach.dlp.override"] = True
    return fields


def _put_ends(fields: _Fields, record: _Record) -> None:
    """Set the endpoint's address, and the other end of an intrusion."""
    ip = addresses.parse_address(get_text(record, *_SOURCES))
    if ip is not None:
        fields["host.ip"] = [ip]
    local = addresses.parse_port(get_text(record, *_LOCAL_PORTS))
    addresses.put_endpoint(fields, "source", ip, local)
    remote = addresses.parse_address(get_text(record, *_REMOTES))
    number = addresses.parse_port(get_text(record, *_REMOTE_PORTS))
    addresses.put_endpoint(fields, "destination", remote, number)


def _put_object(fields: _Fields, group: str) -> None:
    """Set what the text tells of the file or the site."""
    text = fields.get("event.reason", "")
    if group == "data_loss_prevention":
        _put_transfer(fields, text)
    elif group == "web":
        site = _SITE.match(text)
        if site is not None and "." in site[2]:
            has_scheme = "://" in site[2][:16]
            field_tables.put_url(fields, site[2] if has_scheme else f"https://{site[2]}")
            fields["url.original"] = site[2]
            if site[4]:
                fields.setdefault("rule.name", site[4])
    else:
        detection = _DETECTION.fullmatch(text)
        if detection is not None:
            fields.setdefault("rule.name", detection[1])
            fields.setdefault("file.path", detection[2])


def _put_transfer(fields: _Fields, text: str) -> None:
    transfer = _TRANSFER.fullmatch(text)
    if transfer is None:
        return
    if "user.name" not in fields:
        field_tables.put_account(fields, transfer["user"])
    rules = [rule.strip(_MARKS) for rule in transfer["rules"].split(",")]
    fields |= {
        "rule.name": [rule for rule in rules if rule],
        "breach.dlp.actions": [transfer["verdict"]],
        "process.name": transfer["application"],
        "file.path": transfer["path"],
    }
    size = numbers.parse_whole(transfer["size"])
    fields |= {} if size is None else {"file.size": size}
    if transfer["target"]:
        fields["file.target_path"] = transfer["target"]


def _find_time(record: _Record, line: SourceLine) -> datetime | None:
    for name in ("when", "end", "rt", "created_at"):
        stamp = get_text(record, name)
        time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
        if time is not None:
            return time
    return None


_EVENT: dict[str, Value] = {
    "id": "e1",
    "type": "Event::Endpoint::WebFilteringBlocked",
    "group": "WEB",
    "severity": "low",
    "customer_id": "c1",
    "endpoint_id": "p7",
    "source_info": {"ip": "2001:DB8::7"},
    "suser": "PC-7\\Jo",
    "dhost": "PC-7",
    "end": "2026-11-22T01:06:15.000Z",
    "name": 'Access was blocked to "phish.example/a" because of "Mal/Phish-A".',
}
_TRANSFER_TEXT = (
    "An \u2033allow file transfer\u2033 action was taken.  Username: CONTOSO\\Jo  Rule names: \u2032Accounts\u2032"
    "  User action: File copy  Application Name: Explorer  Data Control action: Allow  File type: Text"
    "  File size: 2048  Source path: C:\\Users\\jo\\a b.csv  Destination path: D:\\a b.csv"
    "  Destination type: Removable storage"
)
PARSER = Parser(
    id="sophos_central",
    title="Sophos Central events and alerts (API, SIEM script)",
    hints=(b'"Event::',),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://developer.sophos.com/docs/siem-v1/1/overview",
        "https://github.com/sophos/Sophos-Central-SIEM-Integration",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_EVENT).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["web"],
                "event.outcome": "failure",
                "user.name": "jo",
                "user.domain": "PC-7",
                "host.name": "PC-7",
                "source.ip": "2001:db8::7",
                "url.domain": "phish.example",
                "url.path": "/a",
                "rule.name": "Mal/Phish-A",
            },
        ),
        ParserExample(
            orjson.dumps(
                _EVENT
                | {
                    "type": "Event::Endpoint::DataLossPreventionAutomaticallyAllowed",
                    "group": "DATA_LOSS_PREVENTION",
                    "suser": "n/a",
                    "name": _TRANSFER_TEXT,
                }
            ).decode(),
            {
                "event.kind": "alert",
                "event.category": ["file"],
                "event.outcome": "success",
                "user.name": "jo",
                "rule.name": ["Accounts"],
                "breach.dlp.actions": ["Allow"],
                "file.name": "a b.csv",
                "file.size": 2048,
                "file.target_path": "D:\\a b.csv",
            },
        ),
        ParserExample(
            orjson.dumps(
                {
                    "id": "a1",
                    "type": "Event::Endpoint::CorePuaDetection",
                    "severity": "medium",
                    "customer_id": "c1",
                    "source": "PC-7\\Jo",
                    "location": "PC-7",
                    "when": "2026-11-22T01:06:15.000Z",
                    "description": "PUA detected: 'Gen A' at 'C:\\Users\\jo\\it' at 'x'.zip'",
                    "data": {"ips_threat": {"remote_ip": "198.51.100.7", "remote_port": "445"}},
                }
            ).decode(),
            {
                "event.kind": "alert",
                "event.category": ["malware"],
                "event.outcome": "unknown",
                "event.severity": 3,
                "rule.name": "Gen A",
                "file.path": "C:\\Users\\jo\\it' at 'x'.zip",
                "destination.ip": "198.51.100.7",
                "destination.port": 445,
            },
        ),
        ParserExample(
            orjson.dumps(
                _EVENT
                | {
                    "type": "Event::Endpoint::UpdateSuccess",
                    "group": "UPDATING",
                    "name": 'Update " src=192.0.2.66 succeeded',
                }
            ).decode(),
            {
                "event.category": ["host"],
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
            },
        ),
    ),
)
