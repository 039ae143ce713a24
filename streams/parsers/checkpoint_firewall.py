r"""Parse Check Point's Log Exporter: `[action:"Accept"; src:"192.0.2.10"; …]`, CEF, LEEF and pairs.

The syslog format puts its pairs where RFC 5424 has structured data; values escape `"` and `]` with a
backslash. Product and action say what the line is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, cef, device_stamps, field_tables, key_value, leef

_BRACKETS = re.compile(
    r"(?:\s*+(?:<[0-9]{1,3}>)?1 \S+ (?P<host>\S+) CheckPoint \S+ \S+ )?\s*+\[(?=[A-Za-z_]\w{0,60}:{1,2}\")"
)
_FIELDS = re.compile(
    r"(?:\s*+(?:<[0-9]{1,3}>)?1 (?P<stamp>[0-9-]{10}T[0-9:]{8}(?:\.[0-9]{1,9})?)(?P<zone>[+-]{1,2}[0-9]{1,2}:[0-9]{2}|Z)?"
    r" (?P<host>\S+) \S+ \S+ \S+ )?\[Fields@1\.3\.6\.1\.4\.1\.2620 (?P<pairs>.*)",
    re.DOTALL,
)
"""CPLogToSyslog, the exporter before Log Exporter. It writes an offset as `--5:00`."""
_FIELD = re.compile(r"(?<!\S)([A-Za-z_]\w*+)=\"((?:[^\"\\]++|\\.)*+)\"", re.DOTALL)
_FIELD_NAMES = {
    "sport_svc": "s_port",
    "svc": "service",
    "xlatesport_svc": "xlatesport",
    "xlatedport_svc": "xlatedport",
    "ProductName": "product",
}
_DROPPED = re.compile(
    r"<([0-9A-Fa-f.:]{2,45}),([0-9]{1,5}),([0-9A-Fa-f.:]{2,45}),([0-9]{1,5}),([0-9]{1,3})"
)
"""Of packets that one record sums up: both ends and the protocol."""
_PAIR = re.compile(r"(?<!\w)([A-Za-z_]\w*+):{1,2}\"((?:[^\"\\]++|\\.)*+)\"", re.DOTALL)
_PLAIN = re.compile(r"\s*+(?:time|hostname|loguid|action|product|flags|ifdir|version)=")
_PLAIN_KEYS = re.compile(r"(?:\A|[\s|;])loguid=")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_VENDOR = "Check Point"
_CEF_NAMES = {
    "act": "action",
    "spt": "s_port",
    "dpt": "service",
    "srcPort": "s_port",
    "dstPort": "service",
    "sourceTranslatedAddress": "xlatesrc",
    "sourceTranslatedPort": "xlatesport",
    "destinationTranslatedAddress": "xlatedst",
    "destinationTranslatedPort": "xlatedport",
    "deviceInboundInterface": "ifname",
    "suser": "user",
    "duser": "dst_user_name",
    "usrName": "user",
    "request": "resource",
    "requestMethod": "method",
    "requestClientApplication": "user_agent",
    "fname": "file_name",
    "fileHash": "file_sha256",
    "rt": "time",
    "devTime": "time",
    "out": "sent_bytes",
    "in": "received_bytes",
    "shost": "src_machine_name",
    "reason": "reason",
    "msg": "description",
}
_LABELS = {
    "Rule Name": "rule_name",
    "Protection Name": "protection_name",
    "Application Name": "appi_name",
    "Threat Prevention Rule Name": "rule_name",
    "User Name": "user",
}
_TEXTS = {
    "event.code": ("logid",),
    "observer.product": ("product",),
    "rule.name": ("rule_name", "protection_name", "attack"),
    "rule.uuid": ("rule_uid",),
    "rule.id": ("protection_id", "match_id"),
    "rule.ruleset": ("layer_name", "policy"),
    "rule.category": ("appi_category", "matched_category", "protection_type", "primary_category"),
    "observer.ingress.zone": ("inzone",),
    "observer.egress.zone": ("outzone",),
    "network.application": ("appi_name",),
    "network.protocol": ("service_id",),
    "source.domain": ("src_machine_name", "machine"),
    "destination.domain": ("dst_domain_name", "dst_machine_name"),
    "user_agent.original": ("user_agent", "web_client_type"),
    "http.request.method": ("method",),
    "http.request.referrer": ("referrer",),
    "file.name": ("file_name", "scan_file"),
    "file.hash.sha256": ("file_sha256",),
    "file.hash.md5": ("file_md5",),
    "user.group.name": ("src_user_group", "user_group"),
    "email.from.address": ("from",),
    "message": ("additional_info", "sys_message", "description", "reason"),
}
_NUMBERS = {
    # Directions are the gateway's: what comes in from the client is what the client sends.
    "source.bytes": ("sent_bytes", "client_inbound_bytes"),
    "destination.bytes": ("received_bytes", "client_outbound_bytes"),
    "source.packets": ("client_inbound_packets",),
    "destination.packets": ("client_outbound_packets",),
    "network.packets": ("packets",),
    "network.bytes": ("bytes",),
    "event.severity": ("severity_number",),
}
_ENDS = (
    ("source", ("src", "client_ip", "endpoint_ip", "source"), ("s_port", "src_port")),
    ("destination", ("dst", "destination"), ("service", "dst_port")),
    ("source.nat", ("xlatesrc",), ("xlatesport",)),
    ("destination.nat", ("xlatedst",), ("xlatedport",)),
)
_UNSET_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what the device writes for none
_DENYING = frozenset({"drop", "reject", "block", "prevent", "deny", "quarantine", "ip-block"})
_PASSING = frozenset(
    {"accept", "allow", "detect", "monitor", "bypass", "encrypt", "decrypt", "inspect", "forward"}
)
_INSPECTING = re.compile(r"ips|smartdefense|anti.?bot|threat|anti.?virus|ddos|zero", re.IGNORECASE)
_MALWARE = re.compile(r"anti.?virus|anti.?malware|threat emulation|anti.?bot", re.IGNORECASE)
_LOGIN = re.compile(r"[^()]{1,120} \(([^()\s]{1,120})\)\s*")
"""A person as `Jo Doe (jdoe)`."""
_FAILED = re.compile(r"fail|wrong|denied|invalid|reject", re.IGNORECASE)


def _find_content(line: SourceLine) -> str:
    """Find the pairs, in the message or where a reader of frames sees structured data."""
    structured = line.frame.structured
    if (
        structured is not None
        and not line.text.strip()
        and (_BRACKETS.match(structured) or _FIELDS.match(structured))
    ):
        return structured
    return line.text


def _can_parse(line: SourceLine) -> bool:
    return _read(_find_content(line)) is not None


@lru_cache(maxsize=2)
def _read(text: str) -> Mapping[str, str] | None:
    start, older = _BRACKETS.match(text), _FIELDS.match(text)
    if start is not None:
        return _read_brackets(text[start.end() :])
    if older is not None or text.startswith("{"):
        return _read_json(text) if older is None else _read_fields(older)
    header = cef.read_header(text)
    if header is not None:
        record = cef.read(text) if header.vendor == _VENDOR else None
        return None if record is None else _rename(record.fields, record.header.product)
    leef_header = leef.read_header(text)
    if leef_header is not None:
        leef_record = leef.read(text) if leef_header.vendor == _VENDOR else None
        return None if leef_record is None else _rename(leef_record.fields, leef_header.product)
    if _PLAIN.match(text) is None or _PLAIN_KEYS.search(text[:3000]) is None:
        return None
    pairs = (
        key_value.parse_delimited_pairs(text, "|")
        if "|loguid=" in text
        else key_value.parse_pairs(text)
    )
    return key_value.select_first_values(pairs)


def _read_json(text: str) -> Mapping[str, str] | None:
    """Read an object with the names of the syslog format; of a list the first value counts."""
    if '"origin"' not in text or '"product"' not in text:
        return None
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict) or not {"loguid", "sequencenum", "ifdir"} & record.keys():
        return None
    firsts = ((k, v[0] if isinstance(v, list) and v else v) for k, v in record.items())
    return {key: str(value) for key, value in firsts if isinstance(value, str | int)}


def _read_brackets(text: str) -> Mapping[str, str] | None:
    pairs: dict[str, str] = {}
    for key, value in _PAIR.findall(text):
        pairs.setdefault(key, _ESCAPE.sub(r"\1", value) if "\\" in value else value)
    known = {"origin", "product", "action", "loguid", "flags", "ifdir"}
    return pairs if known & pairs.keys() else None


def _read_fields(match: re.Match[str]) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for key, value in _FIELD.findall(match["pairs"]):
        text = _ESCAPE.sub(r"\1", value) if "\\" in value else value
        pairs.setdefault(_FIELD_NAMES.get(key, key), text)
    if match["stamp"] is not None:
        zone = (match["zone"] or "Z").replace("--", "-").replace("+-", "-")
        offset = zone if zone == "Z" else f"{zone[0]}{zone[1:].zfill(5)}"
        pairs.setdefault("time", f"{match['stamp']}{offset}")
        pairs.setdefault("hostname", match["host"])
    return pairs


def _rename(fields: Mapping[str, str], product: str) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for key, value in fields.items():
        pairs.setdefault(_CEF_NAMES.get(key, key), value)
    for label, value in cef.list_labelled(fields).items():
        if label in _LABELS:
            pairs[_LABELS[label]] = value
    pairs.setdefault("product", product)
    direction = {"0": "inbound", "1": "outbound"}.get(fields.get("deviceDirection", ""))
    if direction is not None:
        pairs.setdefault("ifdir", direction)
    return pairs


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    pairs = _read(_find_content(line))
    if pairs is None:
        raise UnparseableRecord(
            "no message of Check Point's Log Exporter",
            place="checkpoint_firewall",
            remedy="Export logs in the syslog, CEF or LEEF format.",
        )
    category, types, outcome, action = _choose_act(pairs)
    fields: dict[str, Value] = {
        "event.category": category,
        "event.type": types,
        "event.outcome": outcome,
        "event.action": action,
        "observer.vendor": "Check Point",
        "observer.type": "firewall",
    }
    field_tables.put_texts(fields, pairs, _TEXTS)
    field_tables.put_numbers(fields, pairs, _NUMBERS)
    field_tables.put_ends(fields, pairs, _ENDS)
    _put_dropped(fields, pairs.get("packets", ""))
    _clean_ends(fields)
    _put_details(fields, pairs)
    start = _BRACKETS.match(_find_content(line))
    host = (start["host"] if start is not None else pairs.get("hostname")) or line.frame.host
    if host:
        fields["host.name"] = fields["observer.name"] = host
    return ParsedEvent(_parse_time(pairs, line), fields)


_Act = tuple[list[str], list[str], str, str]


def _choose_act(pairs: Mapping[str, str]) -> _Act:
    action, operation = pairs.get("action", ""), pairs.get("operation", "")
    word = action.casefold()
    for text in (action, operation):
        sign_in = _choose_sign_in(text.casefold(), pairs)
        if sign_in is not None:
            return (*sign_in, text.lower())
    product = f"{pairs.get('product', '')} {pairs.get('fw_subproduct', '')}"
    if operation or pairs.get("subject", "").startswith("Object"):
        failed = _FAILED.search(pairs.get("audit_status", "")) is not None
        return (
            ["configuration"],
            ["change"],
            "failure" if failed else "success",
            operation.lower() or "audit",
        )
    denied, allowed = word in _DENYING, word in _PASSING
    outcome = "failure" if denied else "success" if allowed else "unknown"
    verdict = "denied" if denied else "allowed" if allowed else "info"
    category = ["network"]
    if _MALWARE.search(product):
        category.append("malware")
    elif _INSPECTING.search(product) or "protection_name" in pairs:
        category.append("intrusion_detection")
    elif pairs.get("resource"):
        category.append("web")
    types = ["connection", verdict] if category == ["network"] and "src" in pairs else [verdict]
    return category, types, outcome, action or product.strip().lower() or "device-message"


def _choose_sign_in(word: str, pairs: Mapping[str, str]) -> tuple[list[str], list[str], str] | None:
    if word in {"log out", "logout"}:
        return ["authentication"], ["end"], "success"
    if word in {"failed log in", "failed login"}:
        return ["authentication"], ["start"], "failure"
    if word not in {"log in", "login", "authcrypt"}:
        return None
    status = " ".join(pairs.get(key, "") for key in ("audit_status", "auth_status", "status"))
    failed = _FAILED.search(status) or "failed to log in" in pairs.get("additional_info", "")
    return ["authentication"], ["start"], "failure" if failed else "success"


def _put_dropped(fields: dict[str, Value], text: str) -> None:
    """Set what all packets of a summed up record have in common."""
    packets = _DROPPED.findall(text[:8000]) if "<" in text[:3] else []
    for names, column in (("source.ip", 0), ("source.port", 1), ("destination.ip", 2)):
        values = {packet[column] for packet in packets}
        if len(values) == 1 and names not in fields:
            value = values.pop()
            parse = addresses.parse_port if names.endswith("port") else addresses.parse_address
            parsed = parse(value)
            fields |= {} if parsed is None else {names: parsed}


def _clean_ends(fields: dict[str, Value]) -> None:
    """Remove translations that the device writes as zero where there is none."""
    for side in ("source.nat", "destination.nat"):
        if fields.get(f"{side}.ip") in _UNSET_ADDRESS:
            del fields[f"{side}.ip"]
        if fields.get(f"{side}.port") == 0:
            del fields[f"{side}.port"]


def _put_details(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    field_tables.put_transport(fields, pairs.get("proto", ""))
    direction = pairs.get("ifdir", "")
    if direction in {"inbound", "outbound"}:
        fields["network.direction"] = direction
    name = pairs.get("ifname", "")
    if name:
        way = "egress" if direction == "outbound" else "ingress"
        fields[f"observer.{way}.interface.name"] = name
    if pairs.get("resource"):
        field_tables.put_url(fields, pairs["resource"].split(",")[0])
    name = field_tables.find_value(pairs, ("src_user_name", "user", "user_name", "snx_user"))
    login = _LOGIN.fullmatch(name)
    administrator = pairs.get("administrator", "")
    field_tables.put_account(fields, administrator or (name if login is None else login[1]))
    reason = field_tables.find_value(
        pairs, ("reason", "action_reason", "drop_reason", "tcp_packet_out_of_state", "fail_reason")
    )
    if not reason and fields["event.outcome"] == "failure":
        reason = pairs.get("additional_info", "").removeprefix("Administrator failed to log in: ")
    if reason:
        fields["event.reason"] = reason
    for key in ("elapsed", "duration"):
        field_tables.put_seconds(fields, pairs.get(key, ""))


def _parse_time(pairs: Mapping[str, str], line: SourceLine) -> datetime | None:
    stamp = pairs.get("time", "")
    moment = device_stamps.parse_stamp(stamp, line.arrived, line.zone) if stamp else None
    return moment or line.frame.time


PARSER = Parser(
    id="checkpoint_firewall",
    title="Check Point (Log Exporter)",
    hints=(b':"', b'": "', b"|Check Point|", b"loguid=", b"[Fields@1.3.6.1.4.1.2620 "),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://support.checkpoint.com/results/sk/sk122323",
        "https://support.checkpoint.com/results/sk/sk144192",
    ),
    examples=(
        ParserExample(
            '<134>1 2026-11-22T09:14:07Z gw-hq CheckPoint 1930 - [action:"Drop"; flags:"425984";'
            ' ifdir:"inbound"; ifname:"eth0"; loguid:"{0x5e818e17,0x0}"; origin:"192.0.2.1";'
            ' time:"1795338847"; version:"5"; __policy_id_tag:"product=VPN-1[policy_name=Std\\]";'
            ' dst:"192.0.2.10"; rule_name:"Cleanup \\"rule\\""; product:"VPN-1 & FireWall-1";'
            ' proto:"6"; s_port:"65488"; service:"3389"; src:"198.51.100.77"; xlatesrc:"0.0.0.0"]',
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "source.ip": "198.51.100.77",
                "source.nat.ip": None,
                "destination.port": 3389,
                "network.transport": "tcp",
                "rule.name": 'Cleanup "rule"',
                "host.name": "gw-hq",
            },
        ),
        ParserExample(
            '<134>1 2026-11-22T09:15:00Z mgmt CheckPoint 10547 - [action:"Accept"; flags:"163872";'
            ' ifdir:"outbound"; loguid:"{0x658bf0ed,0x0}"; origin:"192.0.2.1"; time:"1795338900";'
            ' version:"5"; additional_info:"Administrator failed to log in: Wrong Password";'
            ' administrator:"eve@contoso.example"; audit_status:"Failure"; client_ip:"2001:db8::66";'
            ' operation:"Log In"; product:"SmartConsole"; subject:"Administrator Login"]',
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "Wrong Password",
                "source.ip": "2001:db8::66",
                "user.email": "eve@contoso.example",
            },
        ),
        ParserExample(
            "Nov 22 09:16:00 gw-hq CEF:0|Check Point|VPN-1 & FireWall-1|Check Point|Log|https|Unknown|"
            "act=Accept deviceDirection=0 rt=1795338960000 spt=50112 dpt=443 cs2Label=Rule Name"
            " cs2=Out layer_name=Network ifname=eth1 inzone=Internal outzone=External"
            " product=VPN-1 & FireWall-1 proto=6 src=192.0.2.10 dst=203.0.113.80 in=7000 out=500",
            {
                "event.outcome": "success",
                "source.ip": "192.0.2.10",
                "source.bytes": 500,
                "destination.bytes": 7000,
                "rule.name": "Out",
                "observer.egress.zone": "External",
            },
        ),
        ParserExample(
            "time=1795339020|hostname=gw-hq|product=Mobile Access|action=Log In|ifdir=inbound"
            "|loguid={0x1,0x0}|origin=192.0.2.1|src=203.0.113.9|user=jo|status=Success",
            {"event.category": ["authentication"], "event.outcome": "success", "user.name": "jo"},
        ),
        ParserExample(
            "<85>1 2026-11-22T04:15:00--5:00 192.0.2.1 CP-GW - Log [Fields@1.3.6.1.4.1.2620"
            ' inzone="DMZ" outzone="External" service_id="https" src="192.0.2.10" dst="203.0.113.80"'
            ' proto="6" xlatesrc="198.51.100.1" user="jo" rule_name="Web" ProductName="VPN-1"'
            ' svc="443" sport_svc="56530" xlatesport_svc="28493" ]',
            {
                "@timestamp": "2026-11-22T09:15:00+00:00",
                "source.ip": "192.0.2.10",
                "source.port": 56530,
                "source.nat.port": 28493,
                "destination.port": 443,
                "rule.name": "Web",
                "user.name": "jo",
            },
        ),
        ParserExample(
            '<134>1 2026-11-22T09:16:00Z cp-hq CheckPoint 1 - [action:"Drop"; flags:"1";'
            ' ifdir:"inbound"; origin:"192.0.2.1"; time:"1795338960"; rule_name:"Cleanup";'
            ' drop_reason:"optimized"; packets:" <198.51.100.7,59912,192.0.2.10,1990,6;eth0>'
            ' <198.51.100.7,40252,192.0.2.11,999,6;eth0>"]',
            {
                "event.type": ["denied"],
                "event.reason": "optimized",
                "source.ip": "198.51.100.7",
                "source.port": None,
                "destination.ip": None,
            },
        ),
    ),
)
