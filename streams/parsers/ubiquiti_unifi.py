"""Parse the events of Ubiquiti's UniFi applications (CEF): threats, sign-ins, clients, changes.

UniFi OS leaves out a field of the header and keeps the act in words. Packets of a UniFi gateway are
netfilter's (streams.parsers.linux_iptables)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, cef, device_stamps, numbers, people, web_access

_SOURCE = re.compile(r"(?:Source IP|IP address|from IP|from): ?([0-9A-Fa-f:.]{2,45}?)\.?\s*\Z")
_FAILED_SIGN_IN = re.compile(
    r"(?P<user>.*?) ?(?:failed to (?:log ?in|sign ?in|access|authenticate)|(?:login|sign-in) (?:failed|attempt failed))",
    re.IGNORECASE | re.DOTALL,
)
_SIGN_IN = re.compile(
    r"(?P<user>.*) (?:accessed|logged in(?:to)?|signed in(?:to)?|opened) (?:the )?UniFi .*",
    re.DOTALL,
)
_CHANGE = re.compile(
    r"(?P<user>.*?) (?:changed|enabled|disabled|created|deleted|removed|added|updated|restarted|edited|set) (?:the )?.*",
    re.DOTALL,
)
_BY_NAME = (
    (
        re.compile(
            r"\A(?>.*?failed).*(?:log ?in|sign|access|auth)|(?:login|sign-in|authentication) failed"
            r"|invalid",
            re.IGNORECASE | re.DOTALL,
        ),
        "sign-in-failed",
    ),
    (re.compile(r"\baccessed\b|\blogged in\b|\bsigned in\b", re.IGNORECASE), "signed-in"),
    (
        re.compile(r"\A(?>.*?\bvpn\b).*\bconnected\b", re.IGNORECASE | re.DOTALL),
        "vpn-connected",
    ),
    (
        re.compile(r"\A(?>.*?\bvpn\b).*\bdisconnected\b", re.IGNORECASE | re.DOTALL),
        "vpn-disconnected",
    ),
    (
        re.compile(
            r"\bthreat|intrusion|honeypot|malware|blocked by firewall|firewall", re.IGNORECASE
        ),
        "threat",
    ),
    (re.compile(r"\bdisconnected\b", re.IGNORECASE), "client-disconnected"),
    (re.compile(r"\bconnected\b|\broamed\b", re.IGNORECASE), "client-connected"),
    (
        re.compile(
            r"\bconfig|changed\b|\bupdated\b|\bcreated\b|\bdeleted\b|\badded\b|\bremoved\b",
            re.IGNORECASE,
        ),
        "changed",
    ),
)
_ACTS: dict[str, tuple[list[str], list[str], str]] = {
    "sign-in-failed": (["authentication"], ["start"], "failure"),
    "signed-in": (["authentication"], ["start"], "success"),
    "vpn-connected": (["authentication", "session"], ["start"], "success"),
    "vpn-disconnected": (["session"], ["end"], "success"),
    "threat": (["network", "intrusion_detection"], ["info"], "unknown"),
    "client-disconnected": (["session", "network"], ["end"], "success"),
    "client-connected": (["session", "network"], ["start"], "success"),
    "changed": (["configuration"], ["change"], "success"),
}
_BLOCKED = frozenset({"blocked", "block", "drop", "dropped", "denied", "deny", "reject"})
_ALLOWED = frozenset({"allowed", "allow", "accept", "accepted", "detected"})


def _can_parse(line: SourceLine) -> bool:
    header = cef.read_header(line.text)
    return header is not None and header.vendor == "Ubiquiti"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = cef.read(line.text) if _can_parse(line) else None
    if record is None:
        raise web_access.build_unreadable("ubiquiti_unifi")
    header, get = record.header, record.fields
    message = get.get("msg", "")
    action = _choose_action(header.name, message, header.code)
    fields = _build_act(action, get.get("act", "").casefold())
    fields |= {"observer.vendor": "Ubiquiti", "observer.product": header.product}
    fields["observer.type"] = "firewall"
    web_access.put_text(fields, "event.code", header.code)
    severity = cef.parse_severity(header.severity)
    if severity is not None:
        fields["event.severity"] = severity
    if message:
        fields["message"] = message
    _put_addresses(fields, record.pairs, get, message)
    _put_person(fields, action, get, message)
    _put_rule(fields, get)
    if line.frame.host:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(_read_time(line, get), fields)


def _choose_action(name: str, message: str, code: str) -> str:
    """Choose the act by the event's name; UniFi OS has only a message."""
    by_name = next((action for pattern, action in _BY_NAME if pattern.search(name)), None)
    if by_name is not None:
        return by_name
    if _FAILED_SIGN_IN.match(message):
        return "sign-in-failed"
    if _SIGN_IN.fullmatch(_SOURCE.sub("", message).strip()):
        return "signed-in"
    if _CHANGE.fullmatch(message) and (code == "admins" or not name.strip("0123456789")):
        return "changed"
    return "unifi-message"


def _build_act(action: str, verdict: str) -> dict[str, Value]:
    categories, kinds, outcome = _ACTS.get(action, (["host"], ["info"], "unknown"))
    fields: dict[str, Value] = {
        "event.category": [*categories],
        "event.type": [*kinds],
        "event.outcome": outcome,
        "event.action": action,
    }
    if action == "threat":
        fields["event.kind"] = "alert"
        if verdict in _BLOCKED:
            fields |= {"event.type": ["denied"], "event.outcome": "failure"}
        elif verdict in _ALLOWED:
            fields |= {"event.type": ["allowed"], "event.outcome": "success"}
    return fields


def _put_addresses(
    fields: dict[str, Value],
    pairs: Sequence[tuple[str, str]],
    get: Mapping[str, str],
    message: str,
) -> None:
    doubtful = cef.list_contradictory(pairs)
    for side, ip, port in (("source", "src", "spt"), ("destination", "dst", "dpt")):
        where = None if ip in doubtful else addresses.parse_address(get.get(ip, ""))
        addresses.put_endpoint(fields, side, where, addresses.parse_port(get.get(port, "")))
    if "source.ip" not in fields:
        client = get.get("UNIFIclientIp") or get.get("UNIFIclientIP") or ""
        source = _SOURCE.search(message)
        where = addresses.parse_address(client) or (
            addresses.parse_address(source[1]) if source else None
        )
        addresses.put_endpoint(fields, "source", where, None)
    mac = get.get("UNIFIclientMac") or get.get("smac") or ""
    if mac.count(":") == 5:
        fields["source.mac"] = mac.upper().replace(":", "-")
    protocol = get.get("proto", "").casefold()
    if protocol:
        fields["network.transport"] = {"icmpv6": "ipv6-icmp"}.get(protocol, protocol)
    web_access.put_text(fields, "network.protocol", get.get("app", "").casefold())
    web_access.put_text(fields, "source.domain", get.get("UNIFIclientHostname", ""))
    for name, key in (("source.bytes", "UNIFIusageUp"), ("destination.bytes", "UNIFIusageDown")):
        number = numbers.parse_whole(get.get(key, ""))
        if number is not None:
            fields[name] = number


def _put_person(
    fields: dict[str, Value], action: str, get: Mapping[str, str], message: str
) -> None:
    user = (
        get.get("UNIFIadmin")
        or get.get("suser")
        or get.get("UNIFIvpnUser")
        or get.get("duser")
        or ""
    )
    if not user and action in {"sign-in-failed", "signed-in", "changed"}:
        pattern = {"sign-in-failed": _FAILED_SIGN_IN, "signed-in": _SIGN_IN, "changed": _CHANGE}[
            action
        ]
        match = pattern.match(message)
        user = "" if match is None else match["user"]
    if not user and action.startswith("vpn-"):
        user = get.get("UNIFIclientAlias", "")
    if len(user) <= 254:
        people.put_user(fields, user)
    web_access.put_text(fields, "network.application", get.get("UNIFIaccessMethod", ""))


def _put_rule(fields: dict[str, Value], get: Mapping[str, str]) -> None:
    for name, keys in (
        ("rule.name", ("UNIFIipsSignature", "UNIFIpolicyName", "UNIFIfirewallPolicyName")),
        ("rule.id", ("UNIFIipsSignatureId", "UNIFIpolicyId")),
        ("rule.category", ("UNIFIsubCategory",)),
        ("rule.ruleset", ("UNIFIpolicyType",)),
    ):
        value = next((get[key] for key in keys if get.get(key)), "")
        web_access.put_text(fields, name, value)


def _read_time(line: SourceLine, get: Mapping[str, str]) -> datetime | None:
    stamp = get.get("UNIFIutcTime") or get.get("rt") or ""
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return time or line.frame.time


PARSER = Parser(
    id="ubiquiti_unifi",
    title="Ubiquiti UniFi (Network, OS, Protect)",
    hints=(b"|Ubiquiti|",),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://help.ui.com/hc/en-us/articles/33349041044119-UniFi-System-Logs-SIEM-Integration",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 UDM-HQ CEF:0|Ubiquiti|UniFi Network|10.0.140|201|Threat Detected and"
            " Blocked|7|proto=TCP src=203.0.113.66 spt=46621 dst=192.0.2.25 dpt=80 act=blocked app=HTTP"
            " UNIFIcategory=Security UNIFIsubCategory=Intrusion Prevention"
            " UNIFIipsSignature=ET SCAN Probe UNIFIipsSignatureId=2024792"
            " UNIFIutcTime=2026-11-22T00:06:15.458Z msg=A network intrusion attempt was blocked",
            {
                "@timestamp": "2026-11-22T00:06:15.458000+00:00",
                "event.kind": "alert",
                "event.category": ["network", "intrusion_detection"],
                "event.type": ["denied"],
                "event.outcome": "failure",
                "event.code": "201",
                "event.severity": 7,
                "source.ip": "203.0.113.66",
                "source.port": 46621,
                "destination.ip": "192.0.2.25",
                "destination.port": 80,
                "network.transport": "tcp",
                "network.protocol": "http",
                "rule.name": "ET SCAN Probe",
                "rule.id": "2024792",
                "host.name": "UDM-HQ",
            },
        ),
        ParserExample(
            "CEF:0|Ubiquiti|UniFi Network|9.4.19|544|Admin Accessed UniFi Network|1|"
            "UNIFIcategory=System UNIFIsubCategory=Admin UNIFIhost=HQ UNIFIaccessMethod=web"
            " UNIFIadmin=Jo Smith src=2001:db8::7 UNIFIutcTime=2026-11-22T00:06:15Z msg=Jo Smith accessed"
            " UniFi Network using the web. Source IP: 2001:db8::7",
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo smith",
                "source.ip": "2001:db8::7",
                "network.application": "web",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 unifi CEF: 0|Ubiquiti|UniFi OS|4.3.5|admins|1|msg=Jo Smith changed the SSH"
            ' access setting from "undefined" to "disabled". Source IP: 192.0.2.167',
            {
                "event.category": ["configuration"],
                "user.name": "jo smith",
                "source.ip": "192.0.2.167",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 unifi CEF:0|Ubiquiti|UniFi OS|4.3.6|admins|1|msg=jo accessed the UniFi OS via"
            " unifi.ui.com. Source IP: 203.0.113.66",
            {
                "event.outcome": "success",
                "event.action": "signed-in",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 unifi CEF:0|Ubiquiti|UniFi Network|9.3.45|400|WiFi Client Connected|1|"
            "UNIFIcategory=Monitoring UNIFIclientIp=192.0.2.9 UNIFIclientMac=00:53:00:aa:bb:cc"
            " UNIFIclientAlias=Phone UNIFIwifiName=Guest msg=Phone connected to Guest",
            {
                "event.action": "client-connected",
                "source.ip": "192.0.2.9",
                "source.mac": "00-53-00-AA-BB-CC",
            },
        ),
    ),
)
