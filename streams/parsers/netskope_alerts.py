"""Parse Netskope's alerts and events as its API, cloud exchange and CEF log shipper give them: flat JSON.

A DLP alert names who moved which object where, by which rule; the matched content itself is not kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, json_lines, people

_ACCESS = re.compile(r'"access_method"\s*:')
_TYPE = re.compile(r'"(?:alert_type|traffic_type|ccl|netskope_pop)"\s*:')
_CATEGORIES = {
    "dlp": ["file"],
    "malware": ["malware"],
    "malsite": ["web", "intrusion_detection"],
    "compromised credential": ["authentication"],
    "uba": ["intrusion_detection"],
    "quarantine": ["file"],
    "policy": ["web"],
    "security assessment": ["configuration"],
    "ctep": ["intrusion_detection"],
}
_STOPPED = frozenset({"block", "blocked", "quarantine", "denied", "deny", "drop", "encrypt"})
_TEXTS = {
    "alert_name": "rule.name",
    "policy": "rule.ruleset",
    "dlp_rule": "rule.id",
    "dlp_incident_id": "breach.dlp.incident_id",
    "object": "file.name",
    "file_path": "file.path",
    "md5": "file.hash.md5",
    "sha256": "file.hash.sha256",
    "local_sha256": "file.hash.sha256",
    "url": "url.original",
    "page": "url.full",
    "app": "service.name",
    "hostname": "host.name",
    "useragent": "user_agent.original",
    "referer": "http.request.referrer",
    "activity": "event.reason",
    "to_user": "user.target.email",
}
_NUMBERS = {
    "file_size": "file.size",
    "client_bytes": "source.bytes",
    "server_bytes": "destination.bytes",
    "numbytes": "network.bytes",
}
_SEVERITIES = {"low": 2, "med": 3, "medium": 3, "high": 4, "critical": 5}
_SIGN_INS = {
    "login attempt": "unknown",
    "login successful": "success",
    "login failed": "failure",
}


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    return (
        text.startswith("{") and _ACCESS.search(text) is not None and _TYPE.search(text) is not None
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no event of Netskope", place="netskope_alerts", remedy="Send the API's flat JSON."
        )
    document = json_lines.read_object(line.text)
    record = {
        key: word
        for key, value in document.items()
        if (word := json_lines.to_word(value)) and word.casefold() not in ("null", "none")
    }
    fields = _build_event(record)
    people.put_user(fields, record.get("user") or record.get("ur_normalized") or "")
    for key, name in _TEXTS.items():
        if key in record:
            fields.setdefault(name, record[key])
    for key, name in _NUMBERS.items():
        number = json_lines.to_number(document.get(key))
        if number is not None:
            fields[name] = number
    _put_ends(fields, record)
    return ParsedEvent(_parse_time(document), fields, id=record.get("_id"))


def _build_event(record: dict[str, str]) -> dict[str, Value]:
    kind = (record.get("alert_type") or record.get("type") or "").casefold()
    action = (record.get("action") or record.get("activity") or kind or "event").casefold()
    sign_in = _SIGN_INS.get(record.get("activity", "").casefold())
    is_stopped = action in _STOPPED
    fields: dict[str, Value] = {
        "event.kind": "alert" if "alert_type" in record or "alert_name" in record else "event",
        "event.category": _CATEGORIES.get(kind, ["web"]).copy(),
        "event.type": ["denied"] if is_stopped else ["info"],
        "event.outcome": "failure" if is_stopped else "unknown",
        "event.action": action,
        "observer.vendor": "Netskope",
    }
    if sign_in is not None and fields["event.kind"] == "event":
        fields |= {
            "event.category": ["authentication"],
            "event.type": ["start"],
            "event.outcome": sign_in,
            "breach.auth.attempts": 1,
        }
    severity = record.get("dlp_rule_severity") or record.get("severity") or ""
    if severity.casefold() in _SEVERITIES:
        fields["event.severity"] = _SEVERITIES[severity.casefold()]
    if kind == "dlp":
        fields["breach.dlp.actions"] = [action]
        profile = record.get("dlp_profile")
        fields |= {} if profile is None else {"breach.dlp.policy": profile}
    return fields


def _put_ends(fields: dict[str, Value], record: dict[str, str]) -> None:
    """Set both ends; the client's public address is `srcip`, its address at home `userip`."""
    for side, key in (("source", "src"), ("destination", "dst")):
        ip = addresses.parse_address(record.get(f"{key}ip", ""))
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(record.get(f"{key}port", "")))
    home = addresses.parse_address(record.get("userip", ""))
    if home is not None and "source.ip" not in fields:
        fields["source.ip"] = home
    domain = record.get("domain")
    if domain:
        fields["url.domain"] = domain.casefold()


def _parse_time(document: dict[str, Value]) -> datetime | None:
    seconds = json_lines.to_number(document.get("timestamp"))
    if seconds is None or not 0 < seconds < 2**33:
        return None
    return datetime.fromtimestamp(seconds, UTC)


PARSER = Parser(
    id="netskope_alerts",
    title="Netskope alerts and events",
    hints=(b'"access_method"',),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.netskope.com/en/rest-api-v2-overview-312207/",),
    examples=(
        ParserExample(
            '{"_id":"a1","access_method":"Client","action":"block","activity":"Upload","alert":"yes",'
            '"alert_name":"Customer data","alert_type":"DLP","app":"Cloud Drive","ccl":"low",'
            '"dlp_incident_id":45105,"dlp_profile":"UK PII","dlp_rule":"NINO","dlp_rule_severity":'
            '"High","object":"list.csv","file_size":1834,"srcip":"203.0.113.66","dstip":'
            '"2001:DB8::7","user":"Jo@contoso.example","url":"drive.example/up","timestamp":1795309575,'
            '"type":"nspolicy"}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.kind": "alert",
                "event.category": ["file"],
                "event.outcome": "failure",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "destination.ip": "2001:db8::7",
                "file.name": "list.csv",
                "file.size": 1834,
                "breach.dlp.incident_id": "45105",
                "event.severity": 4,
            },
        ),
        ParserExample(
            '{"_id":"a2","access_method":"API Connector","activity":"Login Failed","app":"CRM","ccl":'
            '"high","traffic_type":"CloudApp","user":"jo@contoso.example","srcip":"203.0.113.66",'
            '"timestamp":1795309575,"type":"connection"}',
            {"event.category": ["authentication"], "event.outcome": "failure"},
        ),
        ParserExample(
            '{"_id":"a3","access_method":"Client","alert_name":"bad.example/x","alert_type":"malsite",'
            '"action":"block","ccl":"unknown","userip":"192.0.2.30","timestamp":1795309575}',
            {"event.category": ["web", "intrusion_detection"], "source.ip": "192.0.2.30"},
        ),
    ),
)
