"""Parse ESET PROTECT's syslog export in JSON: threats, firewall, HIPS, web filter, ESET Inspect, audit.

The time is `occured` (so spelt), in UTC. An audit event describes an act in the console; the others
describe what an endpoint did."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, json_lines, links, people, stamps

_MARK = re.compile(r'"event_type"\s*:\s*"')
_OCCURRED = re.compile(r'"occured"\s*:')
_STAMP = re.compile(r"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}:[0-9]{2}:[0-9]{2})\Z")
_SEVERITIES = {
    "debug": 1, "information": 2, "notice": 3, "warning": 4, "error": 5, "high": 5, "critical": 6, "fatal": 7,
}  # fmt: skip
_NAMED = re.compile(
    r"(?:authenticating|logging out) (?:native|domain) user '(.{1,256})'\.?", re.IGNORECASE
)
"""How the details of a sign-in name the person; the target is a number for people of a domain."""
_STOPPED = re.compile(r"block|clean|delet|quarantin|terminat|drop|denied", re.IGNORECASE)
_CATEGORIES = {
    "threat_event": ["malware"],
    "firewallaggregated_event": ["network", "intrusion_detection"],
    "hipsaggregated_event": ["intrusion_detection"],
    "filteredwebsites_event": ["web"],
    "blockedfiles_event": ["file"],
    "enterpriseinspectoralert_event": ["intrusion_detection"],
    "eset inspect alert": ["intrusion_detection"],
}
_SIGN_INS = {"login attempt": "console_login", "login": "console_login", "logout": "console_logout"}
_TEXTS = {
    "source_uuid": "host.id",
    "os_name": "host.os.full",
    "threat_name": "rule.name",
    "rule_id": "rule.name",
    "rulename": "rule.name",
    "threat_type": "rule.category",
    "command_line": "process.command_line",
    "eiconsolelink": "event.reference",
    "circumstances": "event.reason",
    "detail": "message",
}


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    return (
        text.startswith("{")
        and _MARK.search(text) is not None
        and _OCCURRED.search(text) is not None
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no event of ESET PROTECT", place="eset_protect", remedy="Export syslog in JSON."
        )
    record = {
        key: text for key, value in json_lines.read_object(line.text).items()
        if (text := _to_text(value))
    }  # fmt: skip
    kind = record.get("event_type", "device-message").casefold()
    fields = _build_audit(record) if kind == "audit_event" else _build_detection(kind, record)
    fields |= {
        "observer.vendor": "ESET",
        "observer.product": "ESET PROTECT",
    }
    if "event_type" in record:
        fields["event.code"] = record["event_type"]
    _put_device(fields, record)
    return ParsedEvent(_parse_time(record.get("occured", "")), fields)


def _to_text(value: Value) -> str:
    return "true" if value is True else "" if value is False else json_lines.to_word(value)


def _parse_time(text: str) -> datetime | None:
    match = _STAMP.match(text)
    month = match[2].capitalize() if match is not None else ""
    if match is None or month not in stamps.MONTHS:
        return None
    stamp = f"{match[3]}-{stamps.MONTHS[month]:02}-{int(match[1]):02}T{match[4]}"
    return stamps.parse_iso(stamp, UTC)


def _put_device(fields: dict[str, Value], record: dict[str, str]) -> None:
    if record.get("hostname"):
        fields["host.name"] = record["hostname"].casefold()
    host_addresses = [
        ip for key in ("ipv4", "ipv6") if (ip := addresses.parse_address(record.get(key, "")))
    ]
    if host_addresses:
        fields["host.ip"] = host_addresses
    for key, name in _TEXTS.items():
        if record.get(key):
            fields.setdefault(name, record[key])
    severity = _SEVERITIES.get(record.get("severity", "").casefold())
    if severity is not None:
        fields["event.severity"] = severity


def _build_audit(record: dict[str, str]) -> dict[str, Value]:
    """Build an act in the console; the target of a sign-in is the person who signs in."""
    action = record.get("action", "").casefold()
    result = record.get("result", "").casefold()
    outcome = "success" if result == "success" else "failure" if result else "unknown"
    sign_in = _SIGN_INS.get(action)
    fields: dict[str, Value] = {
        "event.category": ["authentication"] if sign_in else ["configuration"],
        "event.type": ["end"] if action == "logout" else ["start"] if sign_in else ["change"],
        "event.outcome": outcome,
        "event.action": sign_in or action or "console_act",
    }
    named = _NAMED.fullmatch(record.get("detail", "")) if sign_in else None
    user = record.get("user") or (named[1] if named is not None else "")
    user = user or (record.get("target", "") if sign_in else "")
    _put_account(fields, user)
    if sign_in and action != "logout":
        fields["breach.auth.attempts"] = 1
    elif record.get("target"):
        fields["user.target.name"] = record["target"].casefold()
    return fields


def _put_account(fields: dict[str, Value], account: str) -> None:
    domain, separator, name = account.rpartition("\\")
    people.put_user(fields, name)
    if separator and domain:
        fields["user.domain"] = domain.casefold()


def _build_detection(kind: str, record: dict[str, str]) -> dict[str, Value]:
    response = record.get("action_taken") or record.get("action") or ""
    is_stopped = _STOPPED.search(response) is not None
    fields: dict[str, Value] = {
        "event.kind": "alert",
        "event.category": _CATEGORIES.get(kind, ["intrusion_detection"]).copy(),
        "event.type": ["denied"] if is_stopped else ["info"],
        "event.outcome": "failure" if is_stopped else "unknown",
        "event.action": (
            response or record.get("event") or record.get("operation") or kind
        ).casefold(),
    }
    _put_account(fields, record.get("username") or record.get("account") or "")
    process = record.get("processname") or record.get("process_name") or record.get("application")
    if process:
        fields["process.executable"] = process
    _put_connection(fields, record)
    _put_object(fields, record)
    return fields


def _put_connection(fields: dict[str, Value], record: dict[str, str]) -> None:
    for side, key in (("source", "source"), ("destination", "target")):
        ip = addresses.parse_address(record.get(f"{key}_address", ""))
        port = addresses.parse_port(record.get(f"{key}_port", ""))
        addresses.put_endpoint(fields, side, ip, port)
    if record.get("protocol"):
        fields["network.transport"] = record["protocol"].casefold()
    if "inbound" in record:
        fields["network.direction"] = "inbound"


def _put_object(fields: dict[str, Value], record: dict[str, str]) -> None:
    uri = record.get("object_uri", "").replace("\\/", "/")
    if uri.startswith("file:"):
        fields["file.path"] = uri.removeprefix("file:").lstrip("/")
    elif "://" in uri[:16]:
        links.put_link(fields, uri)
    digest = record.get("hash", "").casefold()
    if len(digest) == 40:
        fields["file.hash.sha1"] = digest
    elif len(digest) == 64:
        fields["file.hash.sha256"] = digest


PARSER = Parser(
    id="eset_protect",
    title="ESET PROTECT (syslog export in JSON)",
    hints=(b'"occured"',),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://help.eset.com/protect_admin/latest/en-US/events-exported-to-json-format.html",
    ),
    examples=(
        ParserExample(
            '<14>1 2026-11-22T01:06:20Z protect ERAServer 5032 - - {"event_type":"Audit_Event",'
            '"ipv4":"192.0.2.4","hostname":"PROTECT","occured":"22-Nov-2026 01:06:15","severity":'
            '"Information","domain":"Native user","action":"Login attempt","target":"Jo","detail":'
            '"Authenticating native user.","user":"","result":"Failed"}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.action": "console_login",
                "user.name": "jo",
                "host.name": "protect",
            },
        ),
        ParserExample(
            '{"event_type":"Threat_Event","ipv4":"192.0.2.30","hostname":"pc-7","occured":'
            '"22-Nov-2026 01:06:15","severity":"Warning","threat_type":"Trojan","threat_name":"X/Y.A",'
            '"object_uri":"file:///C:/Users/jo/a.lnk","action_taken":"Cleaned by deleting",'
            '"threat_handled":true,"username":"PC-7\\\\Jo","processname":"C:\\\\a.exe","hash":'
            '"1A45EBA0F9EF909E6F3C87B0D5CEDAD27BDB6CF2"}',
            {
                "event.kind": "alert",
                "event.category": ["malware"],
                "event.outcome": "failure",
                "rule.name": "X/Y.A",
                "file.path": "C:/Users/jo/a.lnk",
                "user.name": "jo",
                "user.domain": "pc-7",
                "event.severity": 4,
                "file.hash.sha1": "1a45eba0f9ef909e6f3c87b0d5cedad27bdb6cf2",
            },
        ),
        ParserExample(
            '{"event_type":"FirewallAggregated_Event","ipv4":"192.0.2.30","hostname":"pc-7","occured":'
            '"22-Nov-2026 01:06:15","severity":"High","event":"Denial of Service Attack",'
            '"source_address":"2001:DB8::7","source_port":8080,"target_address":"192.0.2.30",'
            '"target_port":80,"protocol":"TCP","inbound":true,"threat_name":"DoS.X"}',
            {
                "source.ip": "2001:db8::7",
                "source.port": 8080,
                "destination.port": 80,
                "network.transport": "tcp",
                "network.direction": "inbound",
            },
        ),
    ),
)
