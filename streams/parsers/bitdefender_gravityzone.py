"""Parse Bitdefender GravityZone's events, as CEF and as the JSON of its push service."""

from __future__ import annotations

from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    cef,
    device_stamps,
    field_tables,
    json_lines,
    links,
    numbers,
    people,
)
from streams.tokenizers.json_lines import to_word

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
    "BitdefenderGZMalwareName": "rule.name",
    "BitdefenderGZDetectionName": "rule.name",
    "malware_name": "rule.name",
    "detection_name": "rule.name",
    "BitdefenderGZMalwareType": "rule.category",
    "malware_type": "rule.category",
    "detection_threatName": "rule.name",
    "blocking_rule_name": "rule.name",
    "threatType": "rule.category",
    "exploit_type": "rule.name",
    "exploit_path": "process.executable",
    "detection_path": "process.executable",
    "process_info_path": "process.executable",
    "process_command_line": "process.command_line",
    "process_info_command_line": "process.command_line",
    "parent_process_path": "process.parent.executable",
    "detection_parentPath": "process.parent.executable",
    "user_sid": "user.id",
    "computer_id": "host.id",
    "incident_id": "event.reference",
    "deviceExternalId": "host.id",
    "endpointId": "host.id",
    "process_path": "process.executable",
    "sproc": "process.executable",
    "BitdefenderGZProcessCommandLine": "process.command_line",
    "BitdefenderGZParentPath": "process.parent.executable",
    "BitdefenderGZCompanyId": "cloud.account.id",
    "companyId": "cloud.account.id",
    "suid": "user.id",
    "userSid": "user.id",
}
_HASHES = (
    *("BitdefenderGZFileHashSha256", "fileHash", "BitdefenderGZMalwareHash", "filehash", "hash"),
    *("file_hash_sha256", "file_hash_md5", "file_hash"),
)
_PROCESSES = ("spid", "process_pid", "detection_pid")
_HASH_LENGTHS = {32: "file.hash.md5", 40: "file.hash.sha1", 64: "file.hash.sha256"}
_STAMPS = (
    *("detection_time", "detectionTime", "detected_on", "date", "startDate"),
    "start",
    "rt",
    "end",
    "BitdefenderGZLastAccessTime",
    "timestamp",
    "last_blocked",
    "created",
)
_USERS = ("suser", "duser", "userName", "username", "detection_username", "user")
_PEERS = (
    ("source", ("src", "source_ip", "attack_source"), ("spt",)),
    ("destination", ("dst", "victim_ip"), ("dpt", "local_port")),
)


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
    event_name = record.get("", "")
    fields = _build_event(module, event_name, record)
    fields |= {"observer.vendor": "Bitdefender", "observer.product": "GravityZone"}
    _put_device(fields, record)
    for key, field in _TEXTS.items():
        if record.get(key):
            fields.setdefault(field, record[key])
    _put_object(fields, record)
    links.put_link(fields, record.get("request") or record.get("url") or "")
    for name, key in (("email.from.address", "sender"), ("email.to.address", "recipients")):
        if mail_addresses := people.find_mail_addresses(record.get(key, "")):
            fields[name] = mail_addresses
    field_tables.put_ends(fields, record, _PEERS)
    return ParsedEvent(_parse_time(record, line), fields)


def _put_object(fields: dict[str, Value], record: dict[str, str]) -> None:
    """Set the digest of the file and the number of the process."""
    for key in _HASHES:
        name = _HASH_LENGTHS.get(len(record.get(key, "")))
        if name is not None:
            fields.setdefault(name, record[key].casefold())
    processes = (numbers.parse_whole(record.get(key, "")) for key in _PROCESSES)
    process = next((each for each in processes if each is not None), None)
    if process is not None:
        fields["process.pid"] = process


def _read_record(text: str) -> dict[str, str]:
    """Read the fields; the event's name has the empty key, its number the key `code`."""
    if text.startswith("{"):
        return _read_push(json_lines.read_object(text))
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


def _read_push(document: dict[str, Value]) -> dict[str, str]:
    """Read an event of the push service: alone, or inside the call that brings it. Of a call with
    several, the first."""
    several = json_lines.to_mappings(json_lines.to_mapping(document.get("params")).get("events"))
    inner = json_lines.to_mapping(document.get("event")) or (several[0] if several else document)
    inner = inner | json_lines.to_mapping(inner.get("data"))
    record = {key: word for key, value in inner.items() if (word := to_word(value))}
    user = json_lines.to_mapping(inner.get("user"))
    malware = next(iter(json_lines.to_mappings(inner.get("malware"))), {})
    paths = json_lines.to_words(inner.get("filePaths"))
    more = {
        "user": to_word(user.get("name")) or to_word(user.get("userName")),
        "userSid": to_word(user.get("sid")) or to_word(user.get("userSid")),
        "malware_name": to_word(malware.get("malwareName")),
        "final_status": to_word(malware.get("actionTaken")),
        "file_path": paths[0] if paths else "",
        "recipients": ",".join(json_lines.to_words(inner.get("recipients"))),
    }
    return {key: text for key, text in more.items() if text} | record


def _build_event(module: str, name: str, record: dict[str, str]) -> dict[str, Value]:
    act = (
        record.get("act")
        or record.get("final_status")
        or record.get("BitdefenderGZMainAction")
        or ""
    )
    act = act or record.get("status", "") or record.get("action", "")
    act = act or record.get("actionTaken", "") or record.get("detection_action", "")
    act = "" if act.isdigit() else act
    is_sign_in = "login" in name.casefold() or module == "login"
    is_stopped = any(word in act.casefold() for word in _STOPPED)
    outcome = "success" if is_sign_in else "failure" if is_stopped else "unknown"
    fields: dict[str, Value] = {
        "event.kind": "event" if is_sign_in or module not in _CATEGORIES else "alert",
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
    user = user or record.get("user_name", "")
    field_tables.put_account(fields, user.replace("\\\\", "\\"))
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
        or record.get("computerName")
        or record.get("BitdefenderGZComputerFQDN")
    )
    if host:
        fields["host.name"] = host.casefold()
    device = record.get("dvc") or record.get("computer_ip") or record.get("computerIp") or ""
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
                "user.domain": "CONTOSO",
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
            '{"jsonrpc":{"version":"2.0","method":"addEvents"},"id":7,"event":{"companyId":"c1",'
            '"module":"network-monitor","computer_name":"pc-7","actionTaken":"reportOnly","user":'
            '{"userName":"Jo@contoso.example","userSid":"S-1-5-21-7"},"source_ip":"2001:DB8::66",'
            '"victim_ip":"192.0.2.30","local_port":"80","timestamp":"2026-11-22T01:06:15.000Z"}}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "unknown",
                "user.name": "jo@contoso.example",
                "source.ip": "2001:db8::66",
                "destination.ip": "192.0.2.30",
                "destination.port": 80,
            },
        ),
        ParserExample(
            "CEF:0|Bitdefender|GravityZone|6.71.0-1|1000|Web Control|9|BitdefenderGZModule=uc dvchost=pc-7"
            " request=https://phish.example/a?b act=uc_site_blocked end=2026-11-22T01:06:15.000Z"
            " suser=jo@contoso.example suid=S-1-5-21-7 fileHash=d41d8cd98f00b204e9800998ecf8427e",
            {
                "event.outcome": "failure",
                "url.domain": "phish.example",
                "url.path": "/a",
                "user.name": "jo@contoso.example",
                "user.id": "S-1-5-21-7",
                "file.hash.md5": "d41d8cd98f00b204e9800998ecf8427e",
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
