"""Parse Netskope's alerts and events as its API, cloud exchange and CEF log shipper give them: flat JSON.

A DLP alert names who moved which object where, by which rule; the matched content itself is not kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, field_tables, json_lines, people
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_word, to_words

_ACCESS = re.compile(r'"access_method"\s*:')
_TYPE = re.compile(
    r'"(?:alert_type|traffic_type|ccl|netskope_pop|dlp_incident_id|app_session_id)"\s*:'
)
_AUDIT = re.compile(r'"audit_log_event"\s*:')
_CATEGORIES = {
    "dlp": ["file"],
    "malware": ["malware"],
    "malsite": ["web", "intrusion_detection"],
    "compromised credential": ["authentication"],
    "uba": ["intrusion_detection"],
    "quarantine": ["file"],
    "policy": ["web"],
    "network": ["network"],
    "security assessment": ["configuration"],
    "ctep": ["intrusion_detection"],
}
_STOPPED = frozenset({"block", "blocked", "quarantine", "denied", "deny", "drop", "encrypt"})
_TEXTS = {
    "alert_name": "rule.name",
    "policy": "rule.ruleset",
    "policy_id": "rule.id",
    "dlp_incident_id": "breach.dlp.incident_id",
    "object": "file.name",
    "file_path": "file.path",
    "file_type": "file.mime_type",
    "md5": "file.hash.md5",
    "sha256": "file.hash.sha256",
    "local_sha256": "file.hash.sha256",
    "url": "url.original",
    "page": "url.original",
    "app": "service.name",
    "hostname": "host.name",
    "useragent": "user_agent.original",
    "referer": "http.request.referrer",
    "browser": "user_agent.name",
    "activity": "event.reason",
    "to_user": "user.target.email",
    "ip_protocol": "network.transport",
    "dst_country": "destination.geo.country_iso_code",
    "src_country": "source.geo.country_iso_code",
}
_LOWER_CASE = frozenset({"network.transport"})
_NUMBERS = {
    "file_size": "file.size",
    "client_bytes": "source.bytes",
    "server_bytes": "destination.bytes",
    "client_packets": "source.packets",
    "server_packets": "destination.packets",
    "numbytes": "network.bytes",
}
_SEVERITIES = {"low": 2, "med": 3, "medium": 3, "high": 4, "critical": 5}
_SIGN_INS = {
    "login attempt": "unknown",
    "login successful": "success",
    "login failed": "failure",
    "logout": "success",
    "logout successful": "success",
}
_VERDICTS = {"allow": "success", "allowed": "success", "bypass": "success"}


_ALERT = re.compile(r'"alert"\s*+:\s*+"yes"')


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if not text.startswith("{"):
        return False
    if _AUDIT.search(text) is not None:
        return '"supporting_data"' in text or '"severity_level"' in text
    if _ALERT.search(text) is not None and '"alert_type"' in text and '"alert_name"' in text:
        return True
    return _ACCESS.search(text) is not None and _TYPE.search(text) is not None


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
    person = record.get("user") or record.get("ur_normalized") or record.get("acting_user")
    people.put_user(fields, person or "")
    for key, name in _TEXTS.items():
        if key in record:
            text = record[key].lower() if name in _LOWER_CASE else record[key]
            fields.setdefault(name, text)
    if "rule.ruleset" in fields:
        fields.setdefault("rule.name", fields["rule.ruleset"])
    if "url.original" in fields:
        _put_url(fields, fields["url.original"])
    _put_matches(fields, record, document)
    _put_audit(fields, record, document)
    for key, name in _NUMBERS.items():
        number = json_lines.to_number(document.get(key))
        if number is not None:
            fields[name] = number
    _put_ends(fields, record)
    return ParsedEvent(_parse_time(document), fields, id=record.get("_id"))


def _put_url(fields: dict[str, Value], text: str) -> None:
    """Set an address of the web, which Netskope writes without its scheme."""
    has_scheme = "://" in text[:16]
    field_tables.put_url(fields, text if has_scheme else f"https://{text}")
    if not has_scheme:
        fields["url.original"] = text
        del fields["url.scheme"]


def _put_matches(
    fields: dict[str, Value], record: dict[str, str], document: dict[str, Value]
) -> None:
    """Set policies, rules and kinds of data of a DLP match, without what was matched."""
    if "dlp_incident_id" not in record and "dlp_rule" not in record:
        return
    fields |= {"event.kind": "alert", "event.category": ["file"]}
    matches = to_mappings(document.get("dlp_match_info"))
    matches += to_mappings(document.get("inline_dlp_match_info"))
    rules = [rule for match in matches for rule in to_mappings(match.get("dlp_rules"))]
    kinds: dict[str, int] = {}
    for rule in rules:
        for kind, count in to_mapping(rule.get("dlp_data_identifiers")).items():
            kinds[kind] = max(kinds.get(kind, 0), json_lines.to_number(count) or 0)
    lists = {
        "rule.name": [to_word(rule.get("dlp_rule_name")) for rule in rules]
        or [record.get("dlp_rule", "")],
        "rule.ruleset": [to_word(match.get("dlp_policy")) for match in matches],
        "breach.dlp.actions": [to_word(match.get("dlp_action")) for match in matches],
    }
    for name, values in lists.items():
        if several := list(dict.fromkeys(value for value in values if value)):
            fields[name] = several
    if kinds:
        fields["breach.dlp.sensitive_types"] = [
            {"id": kind, "name": kind, "count": count} for kind, count in kinds.items()
        ]


def _put_audit(
    fields: dict[str, Value], record: dict[str, str], document: dict[str, Value]
) -> None:
    """Set an act in the console: its name, and the address beside the name of who signed in."""
    act = record.get("audit_log_event")
    if act is None:
        return
    outcome = _SIGN_INS.get(act.casefold())
    fields |= {
        "event.kind": "event",
        "event.category": ["iam"] if outcome is None else ["authentication"],
        "event.type": ["change"],
        "event.action": act,
        "event.outcome": outcome or "success",
    }
    if outcome is None:
        return
    fields["event.type"] = ["end" if act.casefold().startswith("logout") else "start"]
    values = to_words(to_mapping(document.get("supporting_data")).get("data_values"))
    ip = addresses.parse_address(values[0]) if len(values) > 1 else None
    addresses.put_endpoint(fields, "source", ip, None)


def _build_event(record: dict[str, str]) -> dict[str, Value]:
    kind = (record.get("alert_type") or record.get("type") or "").casefold()
    action = (record.get("action") or record.get("activity") or kind or "event").casefold()
    sign_in = _SIGN_INS.get(record.get("activity", "").casefold())
    is_stopped = action in _STOPPED
    is_network = kind == "network"
    fields: dict[str, Value] = {
        "event.kind": "alert" if "alert_type" in record or "alert_name" in record else "event",
        "event.category": _CATEGORIES.get(kind, ["web"]).copy(),
        "event.type": ["denied"] if is_stopped else ["connection" if is_network else "info"],
        "event.outcome": "failure" if is_stopped else _VERDICTS.get(action, "unknown"),
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
        ip = addresses.parse_address(record.get(f"{key}ip") or record.get(f"{key}host", ""))
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(record.get(f"{key}port", "")))
    home = addresses.parse_address(record.get("userip", ""))
    if home is not None and "source.ip" not in fields:
        fields["source.ip"] = home
    domain = record.get("domain")
    if domain and "url.domain" not in fields:
        fields["url.domain"] = domain.casefold()


def _parse_time(document: dict[str, Value]) -> datetime | None:
    seconds = json_lines.to_number(document.get("timestamp"))
    if seconds is None or not 0 < seconds < 2**33:
        return None
    return datetime.fromtimestamp(seconds, UTC)


PARSER = Parser(
    id="netskope_alerts",
    title="Netskope alerts and events",
    hints=(b'"access_method"', b'"audit_log_event"', b'"alert_type"'),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.netskope.com/en/rest-api-v2-overview-312207/",),
    examples=(
        ParserExample(
            '{"_id":"a2","alert":"yes","alert_name":"Customer data","alert_type":"DLP","action":"block",'
            '"activity":"Upload","dlp_rule":"NINO","object":"list.csv","srcip":"203.0.113.66",'
            '"user":"jo@contoso.example","timestamp":1795309575}',
            {
                "event.outcome": "failure",
                "user.email": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "file.name": "list.csv",
            },
        ),
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
        ParserExample(
            '{"timestamp":1795309575,"type":"admin_audit_logs","user":"Jo","severity_level":1,'
            '"audit_log_event":"Login Failed","supporting_data":{"data_type":"user","data_values":'
            '["198.51.100.7","Jo"]},"ccl":"unknown","_id":"a4"}',
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
            },
        ),
        ParserExample(
            '{"_id":"a5","access_method":"Client","activity":"Upload","app":"Cloud Drive",'
            '"dlp_incident_id":451,"dlp_match_info":[{"dlp_action":"useralert","dlp_policy":"Cards out",'
            '"dlp_rules":[{"dlp_rule_name":"Card numbers","dlp_data_identifiers":{"finance/card":5}}]}],'
            '"object":"list.csv","severity":"High","user":"jo@contoso.example","timestamp":1795309575,'
            '"url":"drive.example/up/list.csv"}',
            {
                "event.kind": "alert",
                "event.category": ["file"],
                "rule.name": ["Card numbers"],
                "rule.ruleset": ["Cards out"],
                "breach.dlp.actions": ["useralert"],
                "breach.dlp.incident_id": "451",
                "breach.dlp.sensitive_types": [
                    {"id": "finance/card", "name": "finance/card", "count": 5}
                ],
                "url.domain": "drive.example",
                "url.path": "/up/list.csv",
            },
        ),
    ),
)
