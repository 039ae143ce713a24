"""Parse WatchGuard Firebox: `host serial (time) firewall[4]: msg_id="3000-0148" Deny In Out tcp …`.

The time in parentheses is UTC. Traffic is positional up to the ports and key="value" behind them; all
other messages are sentences, of which those of sign-ins and attacks are read. LEEF has the same as pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, field_tables, key_value, stamps, syslog

_IP = r"[0-9A-Fa-f]*+[.:][0-9A-Fa-f:.]++"
_START = re.compile(
    rf"\s*+(?:(?P<host>[^\s(]{{1,255}}) )??(?:(?P<serial>[A-Z0-9]{{6,20}}) )?(?:\((?P<stamp>{syslog.ISO})\) )?"
    r"(?:(?P<app>[\w.-]{1,64})(?:\[[0-9]*+\])?: )?(?=msg_id=\"[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}\")"
)
_CODE = re.compile(r"msg_id=\"([0-9A-Fa-f]{4}-[0-9A-Fa-f]{4})\" ?")
_TRAFFIC = re.compile(
    r"(?P<verdict>Allow|Deny|Drop|Block|Strip|Lock|Reset|Log|Pass|Quarantine|Tag|Scan|ProxyAllow"
    r"|ProxyDeny|ProxyDrop|ProxyStrip|ProxyBlock|ProxyInspect|ProxyAvScan|ProxyReplace|ProxyRedirect)"
    r" (?P<interfaces>[^\"=|]{1,160}?) (?:(?P<length>[0-9]{1,6}) )?(?P<transport>[a-z][a-z0-9/+_-]{1,20}|[0-9]{1,3})"
    rf" (?:[0-9]{{1,5}} [0-9]{{1,3}} )?(?P<source>{_IP}) (?P<destination>{_IP})"
    r"(?: (?P<source_port>[0-9]{1,5}) (?P<destination_port>[0-9]{1,5}))?(?=\s|\Z)"
)
_POLICY = re.compile(r" \(([^()]{1,120}+)\)\s*\Z")
_REMARK = re.compile(
    r"\A(?:\s*(?:offset [0-9]+|[AFPRSU]{1,6} [0-9]+|win [0-9]+))*+\s*([^\"=()]{3,120}?)\s*\Z"
)
_LEEF = re.compile(
    r"\s*+(?:LEEF: ?)?[12]\.0\|WatchGuard\|(?P<model>[^|]{0,60})\|(?P<version>[^|]{0,60})\|"
    r"(?P<code>[0-9A-Fa-f]{8})\|"
)
_TAB = re.compile(r"\t|#011")
"""What stands between pairs of LEEF; a relay writes `#011` for a tab."""
_LEEF_TEXTS = {
    "observer.serial_number": ("serial",),
    "rule.name": ("rule_name", "policy"),
    "rule.ruleset": ("policy",),
    "rule.category": ("cats", "signature_cat", "app_cat"),
    "observer.ingress.interface.name": ("in_if",),
    "observer.egress.interface.name": ("out_if",),
    "network.application": ("app", "app_name"),
    "dns.question.name": ("question",),
    "dns.question.type": ("query_type",),
    "http.response.mime_type": ("content_type",),
}
_LEEF_NUMBERS = {"source.packets": ("sent_pkts",), "destination.packets": ("rcvd_pkts",)}
_LEEF_ENDS = (
    ("source", ("src",), ("srcPort",)),
    ("destination", ("dst",), ("dstPort",)),
    ("source.nat", ("srcPostNAT",), ("srcPostNATPort",)),
    ("destination.nat", ("dstPostNAT",), ("dstPostNATPort",)),
)
_TEXTS = {
    "observer.product": ("model",),
    "network.application": ("app_name",),
    "rule.category": ("cats", "signature_cat", "cat_name", "app_cat_name"),
    "rule.name": ("signature_name", "virus", "rule_name"),
    "rule.id": ("signature_id",),
    "rule.ruleset": ("proxy_act",),
    "http.request.method": ("op", "method"),
    "url.domain": ("dstname", "host", "sni"),
    "file.hash.md5": ("md5",),
    "file.name": ("filename", "file_name"),
    "email.from.address": ("sender",),
    "message": ("msg",),
}
_NUMBERS = {
    "source.bytes": ("sent_bytes",),
    "destination.bytes": ("rcvd_bytes",),
}
_NATS = (
    ("source.nat", ("src_ip_nat",), ("src_port_nat",)),
    ("destination.nat", ("dst_ip_nat",), ("dst_port_nat",)),
)
_DENYING = frozenset({"deny", "drop", "block", "reset", "lock", "quarantine"})
_ELAPSED = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))? sec")
_PERSON = re.compile(
    rf"(?P<kind>[\w /.-]{{0,60}}?)\b[Uu]ser:? \[?(?P<user>.*?)\]?,? (?:from|at)(?: IP)?(?: address)? (?P<ip>{_IP})[, ]+"
    r"(?P<what>logged in|logged out|log ?in attempt was rejected|login attempt was rejected|was accepted"
    r"|was rejected|authenticated|authentication failed|log ?out)(?P<rest>.*)",
    re.DOTALL,
)
_REASON = re.compile(r"(?: - |, reason[: ]*|reason=|because )(.+?)\.?\Z")
_OUT = frozenset({"logged out", "logout", "log out"})
_ATTACKS = (
    re.compile(
        rf"(?P<name>.{{1,60}}?) attack against (?P<destination>{_IP}) from (?P<source>{_IP}) detected"
    ),
    re.compile(rf"(?P<name>.{{1,60}}?) attack from (?P<source>{_IP}) detected"),
    re.compile(rf"(?P<name>DDOS) from client (?P<source>{_IP}) detected"),
    re.compile(rf"(?P<name>DDOS) against server (?P<destination>{_IP}) detected"),
    re.compile(
        rf"(?P<name>Blocked site|Blocked port|IP spoofing): Traffic detected from (?P<source>{_IP}) to"
        rf" (?P<destination>{_IP})(?: on port (?P<port>[0-9]{{1,5}}))?"
    ),
    re.compile(rf"(?P<name>Temporarily blocking) host (?P<source>{_IP})"),
    re.compile(rf"(?P<name>ARP spoofing) attack detected, ip=(?P<source>{_IP})"),
)
_LEASE = re.compile(
    r"DHCP(?:ACK|REQUEST|OFFER|RELEASE|DECLINE|NAK|INFORM) (?:on|for|of|from) (?P<ip>[0-9A-Fa-f.:]{2,45}) "
    r"(?:\([0-9.]{7,15}\) )?(?:to|from) (?P<mac>[0-9A-Fa-f:]{17})(?: \((?P<name>[^()]{1,253})\))?"
)
_DETAIL = re.compile(r"(Source|Destination) (IP|Port)(?: Address)?: ([0-9A-Fa-f:.]{1,45})")


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None or _LEEF.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _LEEF.match(line.text)
    if record is not None:
        return _parse_leef(line, record)
    start = _START.match(line.text)
    code = _CODE.match(line.text, start.end()) if start is not None else None
    if start is None or code is None:
        raise UnparseableRecord(
            "no message of a WatchGuard Firebox (msg_id=)",
            place="watchguard_firebox",
            remedy="Send syslog with message numbers, or IBM LEEF.",
        )
    body = line.text[code.end() :].strip()
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "device-message",
        "event.code": code[1].upper(),
        "observer.vendor": "WatchGuard",
        "observer.type": "firewall",
    }
    serial, host = start["serial"], line.frame.host or start["host"]
    if serial is not None:
        fields["observer.serial_number"] = serial
    if host:
        fields["observer.name"] = fields["host.name"] = host
    traffic = _TRAFFIC.match(body)
    if traffic is not None:
        _put_traffic(fields, body, traffic)
    else:
        _put_sentence(fields, body)
    time = stamps.parse_iso(start["stamp"], UTC) if start["stamp"] else line.frame.time
    return ParsedEvent(time, fields)


def _parse_leef(line: SourceLine, record: re.Match[str]) -> ParsedEvent:
    pairs: dict[str, str] = {}
    for part in _TAB.split(line.text[record.end() :]):
        key, equals, value = part.partition("=")
        if equals:
            pairs.setdefault(key.strip(), value.strip())
    verdict = pairs.get("disp", "")
    denied = verdict.lower().removeprefix("proxy") in _DENYING
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "denied" if denied else "allowed"] if verdict else ["info"],
        "event.outcome": "failure" if denied else "success" if verdict else "unknown",
        "event.action": verdict.lower() or "device-message",
        "event.code": record["code"].upper(),
        "observer.vendor": "WatchGuard",
        "observer.product": record["model"] or "Firebox",
        "observer.version": record["version"],
        "observer.type": "firewall",
    }
    field_tables.put_texts(fields, pairs, _TEXTS | _LEEF_TEXTS)
    field_tables.put_numbers(fields, pairs, _NUMBERS | _LEEF_NUMBERS)
    field_tables.put_ends(fields, pairs, _LEEF_ENDS)
    field_tables.put_transport(fields, pairs.get("proto", ""))
    field_tables.put_account(fields, pairs.get("src_user", ""))
    field_tables.put_seconds(fields, pairs.get("duration", "").partition(" ")[0])
    _put_content(fields, pairs)
    message, host = pairs.get("msg", ""), pairs.get("host_name") or line.frame.host
    if not verdict:
        _put_sentence(fields, message)
    elif denied and message:
        fields["event.reason"] = message
    if host:
        fields["observer.name"] = fields["host.name"] = host
    return ParsedEvent(line.frame.time, fields)


def _put_traffic(fields: dict[str, Value], body: str, match: re.Match[str]) -> None:
    verdict = match["verdict"].removeprefix("Proxy").lower()
    denied = verdict in _DENYING
    rest = body[match.end() :]
    policy = _POLICY.search(rest[-200:])
    pairs = key_value.select_first_values(key_value.parse_pairs(rest))
    fields["event.action"] = match["verdict"].lower()
    fields["event.outcome"] = "failure" if denied else "success"
    fields["event.type"] = ["connection", "denied" if denied else "allowed"]
    field_tables.put_texts(fields, pairs, _TEXTS)
    if policy is not None:
        fields.setdefault("rule.name", policy[1].strip())
        fields["rule.ruleset"] = policy[1].strip()
    for side in ("source", "destination"):
        ip = addresses.parse_address(match[side])
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(match[f"{side}_port"] or ""))
    words = match["interfaces"].split()
    fields["observer.ingress.interface.name"] = words[0]
    if len(words) > 1:
        fields["observer.egress.interface.name"] = words[-1]
    _put_transport(fields, match["transport"])
    field_tables.put_numbers(fields, pairs, _NUMBERS)
    field_tables.put_ends(fields, pairs, _NATS)
    field_tables.put_account(fields, pairs.get("src_user", ""))
    field_tables.put_seconds(fields, pairs.get("duration", ""))
    _put_content(fields, pairs)
    remark = pairs.get("msg") or _find_remark(rest)
    if remark and denied:
        fields["event.reason"] = remark


def _put_content(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    elapsed = _ELAPSED.match(pairs.get("elapsed_time", ""))
    if elapsed is not None:
        rest = int((elapsed[2] or "0").ljust(9, "0"))
        fields["event.duration"] = int(elapsed[1]) * 1_000_000_000 + rest
    path = pairs.get("arg") or pairs.get("path")
    if path:
        field_tables.put_url(fields, path)
    if "virus" in pairs:
        fields["event.category"] = ["network", "malware"]
    elif "signature_name" in pairs:
        fields["event.category"] = ["network", "intrusion_detection"]
    elif path or "op" in pairs:
        fields["event.category"] = ["network", "web"]


def _put_transport(fields: dict[str, Value], text: str) -> None:
    transport, _, port = text.partition("/")
    known = {"tcp", "udp", "icmp", "gre", "esp", "ah", "igmp", "icmpv6", "sctp"}
    if transport in known or transport.isdigit():
        field_tables.put_transport(fields, transport)
    else:
        fields["network.protocol"] = transport
        if port in known:
            fields["network.transport"] = port


def _find_remark(rest: str) -> str | None:
    """Find the words between the packet's figures and the policy, such as `blocked sites`."""
    head = rest[:400].partition(" (")[0]
    match = _REMARK.match(head)
    return None if match is None else match[1]


def _put_sentence(fields: dict[str, Value], body: str) -> None:
    fields["message"] = body
    person = _PERSON.search(body[:1000])
    if person is not None:
        _put_person(fields, person)
        return
    for pattern in _ATTACKS:
        match = pattern.search(body[:400])
        if match is not None:
            _put_attack(fields, match)
            return
    lease = _LEASE.match(body)
    if lease is not None:
        fields["event.action"] = "dhcp"
        addresses.put_endpoint(fields, "source", addresses.parse_address(lease["ip"]), None)
        field_tables.put_mac(fields, "source", lease["mac"])
        fields |= {} if lease["name"] is None else {"source.domain": lease["name"]}
    for side, what, value in _DETAIL.findall(body[:2000]):
        name = f"{side.lower()}.{what.lower()}"
        parsed = addresses.parse_address(value) if what == "IP" else addresses.parse_port(value)
        fields |= {} if parsed is None else {name: parsed}
    if "APT" in body[:40]:
        fields["event.category"] = ["network", "malware"]


def _put_person(fields: dict[str, Value], match: re.Match[str]) -> None:
    what = match["what"]
    rejected = "reject" in what or "fail" in what
    fields["event.category"] = ["authentication"]
    fields["event.type"] = ["end"] if what in _OUT else ["start"]
    fields["event.outcome"] = "failure" if rejected else "success"
    fields["event.action"] = "logout" if what in _OUT else "login"
    fields["source.ip"] = addresses.parse_address(match["ip"].rstrip("."))
    name, at, domain = match["user"].strip("[]' ").rpartition("@")
    field_tables.put_account(
        fields, name if at and "." not in domain else match["user"].strip("[]' ")
    )
    if at and "." not in domain:
        fields["user.domain"] = domain
    reason = _REASON.search(match["rest"][:300])
    if reason is not None and rejected:
        fields["event.reason"] = reason[1]


def _put_attack(fields: dict[str, Value], match: re.Match[str]) -> None:
    groups = match.groupdict()
    fields["event.category"] = ["network", "intrusion_detection"]
    fields["event.type"] = ["denied"]
    fields["event.outcome"] = "failure"
    fields["event.action"] = groups["name"].strip().lower().replace(" ", "-")
    fields["rule.name"] = groups["name"].strip()
    for side in ("source", "destination"):
        ip = addresses.parse_address((groups.get(side) or "").rstrip("."))
        fields |= {} if ip is None else {f"{side}.ip": ip}
    port = addresses.parse_port(groups.get("port") or "")
    fields |= {} if port is None else {"destination.port": port}


PARSER = Parser(
    id="watchguard_firebox",
    title="WatchGuard Firebox (Fireware)",
    hints=(b'msg_id="', b"|WatchGuard|"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.watchguard.com/help/docs/fireware/12/en-US/log_catalog/12_10_Log-Catalog.pdf",
        "https://www.watchguard.com/help/docs/help-center/en-US/Content/en-US/Fireware/logging/log_messages_read_c.html",
    ),
    examples=(
        ParserExample(
            "<142>Nov 22 09:14:07 fb-hq FVE6035FD3AE3 (2026-11-22T09:14:05) firewall[10]:"
            ' msg_id="3000-0148" Deny 0-External Firebox 52 tcp 20 127 198.51.100.77 192.0.2.1'
            " 62443 3389 offset 8 S 832026162 win 8192 blocked sites (Internal Policy)",
            {
                "@timestamp": "2026-11-22T09:14:05+00:00",
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "event.reason": "blocked sites",
                "source.ip": "198.51.100.77",
                "destination.port": 3389,
                "observer.ingress.interface.name": "0-External",
                "rule.name": "Internal Policy",
                "host.name": "fb-hq",
            },
        ),
        ParserExample(
            'Nov 22 09:15:00 fb-hq (2026-11-22T09:15:00) http-proxy[4]: msg_id="1AFF-0024" Allow'
            ' 1-Trusted 0-External tcp 2001:db8::10 2001:db8:1::80 64425 80 msg="HTTP request"'
            ' proxy_act="HTTP-Client.1" op="GET" dstname="web.example" arg="/a?b=1"'
            ' sent_bytes="339" rcvd_bytes="2000" elapsed_time="5.037750 sec(s)"'
            ' src_user="CONTOSO\\jo" (HTTP-proxy-00)',
            {
                "event.type": ["connection", "allowed"],
                "event.duration": 5_037_750_000,
                "source.ip": "2001:db8::10",
                "source.bytes": 339,
                "url.domain": "web.example",
                "url.path": "/a",
                "user.name": "jo",
                "user.domain": "CONTOSO",
            },
        ),
        ParserExample(
            'Nov 22 09:16:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:16:00) admd[2]: msg_id="1100-0005"'
            " Authentication of Firewall user [eve@Firebox-DB] from 203.0.113.66 was rejected, user"
            " doesn't exist",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.name": "eve",
                "user.domain": "Firebox-DB",
            },
        ),
        ParserExample(
            "Nov 22 09:17:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:17:00) sessiond[2]:"
            ' msg_id="3E00-0002" Management user admin@Firebox-DB from 192.0.2.5 logged in',
            {"event.outcome": "success", "event.action": "login", "user.name": "admin"},
        ),
        ParserExample(
            'Nov 22 09:18:00 fb-hq FVE6035FD3AE3 (2026-11-22T09:18:00) firewall: msg_id="3000-0153"'
            " SYN flood attack against 192.0.2.1 from 198.51.100.77 detected. 500 SYN packets"
            " dropped since last alarm. (IPS)",
            {
                "event.category": ["network", "intrusion_detection"],
                "source.ip": "198.51.100.77",
                "destination.ip": "192.0.2.1",
            },
        ),
        ParserExample(
            "Nov 22 09:19:00 192.0.2.1 LEEF:1.0|WatchGuard|XTM|12.8.2.B666661|30000151|"
            "host_name=fb-hq\tserial=X1\tpolicy=Outgoing-00\tdisp=Allow\tin_if=LAN\tout_if=WAN\t"
            "src=192.0.2.10\tsrcPort=31232\tsrcPostNAT=198.51.100.1\tdst=203.0.113.80\tdstPort=443\t"
            "proto=tcp\tsrc_user=jo@Firebox-DB\tduration=42 seconds\tsent_bytes=218\trcvd_bytes=204\t",
            {
                "event.type": ["connection", "allowed"],
                "event.duration": 42_000_000_000,
                "source.port": 31232,
                "source.bytes": 218,
                "source.nat.ip": "198.51.100.1",
                "rule.name": "Outgoing-00",
                "host.name": "fb-hq",
            },
        ),
        ParserExample(
            "<140>Nov 22 09:20:00 192.0.2.1 1.0|WatchGuard|XTM|12.10.2.B692269|11000005|host_name=fb-hq"
            "#011serial=X1#011msg=Authentication of SSLVPN user [jo@contoso.example@radius] from"
            " 203.0.113.66 was rejected, Recv timeout",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.email": "jo@contoso.example",
            },
        ),
    ),
)
