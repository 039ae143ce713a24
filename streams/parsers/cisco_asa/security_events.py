"""Read FTD's security events (430001 to 430005): `Key: value, Key: value, …`.

Values may hold `, `. Only keys that the format has begin a pair. What a stranger types (user agent,
URL, file name) stands behind the addresses, so the first of duplicate keys decides."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from streams.parsers.cisco_asa.persons import put_name
from streams.tokenizers import addresses, numbers

_PAIR = re.compile(r"(?:\A|, )([A-Z_a-z][A-Za-z_]{1,30}(?: [A-Za-z_]{1,20}){0,3}): ?")
_KNOWN_WORDS = frozenset({"Prefilter", "Security", "Tunnel", "Endpoint", "Destination", "Source"})
_TEXTS = {
    "AccessControlRuleName": "rule.name",
    "ACPolicy": "rule.ruleset",
    "IngressInterface": "observer.ingress.interface.name",
    "EgressInterface": "observer.egress.interface.name",
    "IngressZone": "observer.ingress.zone",
    "EgressZone": "observer.egress.zone",
    "URL": "url.original",
    "URI": "url.original",
    "UserAgent": "user_agent.original",
    "HTTPReferer": "http.request.referrer",
    "HTTP_Hostname": "url.domain",
    "DNSRecordType": "dns.question.type",
    "DNSQuery": "dns.question.name",
    "FileName": "file.name",
    "FileSHA256": "file.hash.sha256",
    "ThreatName": "threat.indicator.name",
    "AccessControlRuleReason": "event.reason",
    "ReferencedHost": "url.domain",
    "SSLServerName": "server.domain",
}
_COUNTS = {
    "InitiatorBytes": "source.bytes",
    "ResponderBytes": "destination.bytes",
    "InitiatorPackets": "source.packets",
    "ResponderPackets": "destination.packets",
    "HTTPResponse": "http.response.status_code",
    "FileSize": "file.size",
}
_NAMES_OF_PROTOCOLS = (
    ("Protocol", "network.transport"),
    ("ApplicationProtocol", "network.protocol"),
    ("Client", "network.application"),
    ("WebApplication", "network.application"),
)
"""The application that the client uses is named where no web application is."""
_NOBODY = frozenset({"no authentication required", "unknown", "not found", "n/a", "guest"})
_ACTIONS = {
    "430001": ("intrusion-detected", ["network", "intrusion_detection"], "info"),
    "430002": ("connection-started", ["network"], "start"),
    "430003": ("connection-finished", ["network"], "end"),
    "430004": ("file-detected", ["network", "file"], "access"),
    "430005": ("malware-detected", ["network", "malware"], "info"),
}


def is_security_event(code: str, body: str) -> bool:
    """Whether the message is a list of pairs with the ends of a connection."""
    return code in _ACTIONS or "SrcIP: " in body[:1500]


def put_security_event(fields: dict[str, Value], code: str, body: str) -> None:
    """Set the fields of a security event."""
    pairs = _parse_pairs(body)
    action, category, kind = _ACTIONS.get(code) or _ACTIONS[_guess_code(pairs)]
    denied = _is_denied(pairs)
    fields |= {"event.category": category.copy(), "event.action": action}
    fields["event.type"] = (["connection"] if "network" in category else []) + [kind]
    if denied is not None:
        fields["event.outcome"] = "failure" if denied else "success"
        fields["event.type"].append("denied" if denied else "allowed")
    for side, ip, port in (
        ("source", "SrcIP", "SrcPort"),
        ("destination", "DstIP", "DstPort"),
    ):
        where = addresses.parse_address(pairs.get(ip, ""))
        addresses.put_endpoint(fields, side, where, addresses.parse_port(pairs.get(port, "")))
    _put_values(fields, pairs)
    put_name(fields, "" if pairs.get("User", "").casefold() in _NOBODY else pairs.get("User", ""))


def _guess_code(pairs: dict[str, str]) -> str:
    if "SID" in pairs or "IntrusionPolicy" in pairs:
        return "430001"
    if "FileName" in pairs or "FileAction" in pairs:
        return "430005" if "ThreatName" in pairs else "430004"
    return "430003" if "ConnectionDuration" in pairs else "430002"


def _parse_pairs(body: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    begins = [
        match
        for match in _PAIR.finditer(body)
        if " " not in match[1] or match[1].split(" ", 1)[0] in _KNOWN_WORDS
    ]
    for number, match in enumerate(begins):
        end = begins[number + 1].start() if number + 1 < len(begins) else len(body)
        pairs.setdefault(match[1], body[match.end() : end].strip())
    return pairs


def _is_denied(pairs: dict[str, str]) -> bool | None:
    verdict = (
        pairs.get("AccessControlRuleAction")
        or pairs.get("FileAction")
        or pairs.get("InlineResult")
        or ""
    ).casefold()
    if not verdict:
        return None
    if verdict.startswith(("block", "deny", "malware block", "dropped", "interactive block")):
        return True
    allowed = ("allow", "trust", "monitor", "detect", "malware cloud lookup", "fastpath")
    return False if verdict.startswith(allowed) else None


def _put_values(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    for key, name in _TEXTS.items():
        value = pairs.get(key)
        if value and value not in {"N/A", "unknown", "Unknown"}:
            fields[name] = value
    counts = {name: numbers.parse_whole(pairs.get(key, "")) for key, name in _COUNTS.items()}
    fields |= {name: count for name, count in counts.items() if count is not None}
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]
    _put_protocol(fields, pairs)
    duration = numbers.parse_whole(pairs.get("ConnectionDuration", ""))
    if duration is not None and (nanoseconds := numbers.check_64_bits(duration * 1_000_000_000)):
        fields["event.duration"] = nanoseconds


def _put_protocol(fields: dict[str, Value], pairs: dict[str, str]) -> None:
    for key, name in _NAMES_OF_PROTOCOLS:
        if pairs.get(key):
            fields[name] = pairs[key].lower()
    for key, name in (("SID", "rule.id"), ("Classification", "rule.category")):
        if pairs.get(key):
            fields[name] = pairs[key]
    if pairs.get("Message"):
        fields["rule.name"] = pairs["Message"].strip('"')
