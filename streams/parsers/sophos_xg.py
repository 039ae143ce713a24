"""Parse Sophos Firewall (SFOS, XG, XGS) and Cyberoam: `device="SFW" date=… log_type="Firewall" …`.

The kind of act stands in log_type, log_component and log_subtype, the verdict in log_subtype and
status. The newer format has other keys for the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, field_tables, key_value, stamps

_STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
_START = re.compile(
    r"\s*+(?:device=\"?\w++\"?\s++date=|(?:device|device_name)=\"?[^\"]{1,64}\"?\s++timestamp="
    r"|timestamp=\"[^\"]{10,40}\"\s++device_(?:model|serial_id|name)="
    r"|date=\S++\s++time=\S++\s++(?:timezone=|device_name=))"
    rf"|\s*+(?:(?P<stamp>{_STAMP}) )?[A-Z][A-Za-z ]{{1,40}}?messageid=\"[0-9]{{1,8}}\"\s++(?=log_type=)"
)
"""The beginning of a record; the log viewer's export has its stamp and type without keys."""
_REAL = re.compile(r"(?<!\S)log_type=")
_TEXTS = {
    "event.code": ("log_id",),
    "observer.serial_number": ("device_id", "device_serial_id"),
    "observer.product": ("device_model",),
    "rule.id": ("fw_rule_id", "rule_id"),
    "rule.name": ("fw_rule_name", "rule_name", "signature_msg", "virus", "threatname"),
    "rule.ruleset": ("av_policy_name", "web_policy", "policy_name", "ips_policy_name"),
    "rule.category": ("category", "http_category", "classification", "app_category"),
    "observer.ingress.zone": ("srczone", "src_zone"),
    "observer.egress.zone": ("dstzone", "dst_zone"),
    "observer.ingress.interface.name": ("in_interface", "in_display_interface"),
    "observer.egress.interface.name": ("out_interface", "out_display_interface"),
    "network.application": ("application", "app_name", "application_name"),
    "user_agent.original": ("user_agent", "http_user_agent"),
    "http.request.method": ("method", "http_method", "httpmethod"),
    "http.request.referrer": ("referer",),
    "file.name": ("filename", "file_name"),
    "file.path": ("file_path", "FTP_url"),
    "file.hash.sha1": ("sha1sum",),
    "user.group.name": ("user_gp", "usergroupname", "user_group"),
    "message": ("message",),
    "email.from.address": ("from_email_address", "mail_from", "sender"),
    "email.message_id": ("mailid", "message_id"),
    "source.domain": ("reported_host", "client_host_name", "src_domainname"),
}
_NUMBERS = {
    "source.bytes": ("sent_bytes", "bytes_sent", "bytessent"),
    "destination.bytes": ("recv_bytes", "bytes_received", "bytesreceived"),
    "source.packets": ("sent_pkts", "packets_sent"),
    "destination.packets": ("recv_pkts", "packets_received"),
    "http.response.status_code": ("status_code", "statuscode", "http_status", "httpresponsecode"),
    "file.size": ("file_size", "mailsize"),
}
_ENDS = (
    (
        "source",
        (
            "src_ip",
            "sourceip",
            "srcip",
            "remote_ip",
            "remoteinterfaceip",
            "reported_ip",
            "ipaddress",
        ),
        ("src_port", "srcport"),
    ),
    (
        "destination",
        ("dst_ip", "destinationip", "dstip", "localinterfaceip"),
        ("dst_port", "dstport"),
    ),
    ("source.nat", ("tran_src_ip", "src_trans_ip"), ("tran_src_port", "src_trans_port")),
    ("destination.nat", ("tran_dst_ip", "dst_trans_ip"), ("tran_dst_port", "dst_trans_port")),
)
_DENYING = frozenset(
    {"denied", "drop", "dropped", "virus", "spam", "block", "blocked", "reject", "deny", "dos"}
)
_PASSING = frozenset({"allowed", "clean", "accept", "allow", "detect", "alert", "warned"})
_SUBJECTS = {
    "firewall": ["network"],
    "idp": ["network", "intrusion_detection"],
    "ips": ["network", "intrusion_detection"],
    "atp": ["network", "malware"],
    "anti-virus": ["network", "malware"],
    "anti-spam": ["network", "email"],
    "content filtering": ["network", "web"],
    "waf": ["web", "intrusion_detection"],
    "web server protection": ["web", "intrusion_detection"],
    "sandbox": ["network", "malware"],
    "sandstorm": ["network", "malware"],
    "ssl": ["network"],
}
_OUTCOMES = {
    "successful": "success",
    "success": "success",
    "allow": "success",
    "established": "success",
    "connected": "success",
    "failed": "failure",
    "failure": "failure",
    "deny": "failure",
}
_CONNECTION_TYPES = {
    "start": "start",
    "started": "start",
    "stop": "end",
    "end": "end",
    "interim": "info",
}
_UNSET_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what the device writes for none
_LEFT = re.compile(r"log(?:ged)? ?(?:out|off)", re.IGNORECASE)
_ARRIVED = re.compile(r"log(?:ged)? ?in\b", re.IGNORECASE)
_Act = tuple[list[str], list[str], str]


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None and _REAL.search(line.text, 0, 2000) is not None


@lru_cache(maxsize=2)
def _read(text: str) -> Mapping[str, str]:
    return key_value.select_first_values(key_value.parse_pairs(text))


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no message of a Sophos Firewall (log_type=)",
            place="sophos_xg",
            remedy="Send syslog in the device's standard format.",
        )
    pairs = _read(line.text)
    category, types, outcome = _choose_act(pairs)
    subtype = pairs.get("log_subtype", "").lower()
    fields: dict[str, Value] = {
        "event.category": category,
        "event.type": types,
        "event.outcome": outcome,
        "event.action": subtype or pairs.get("log_component", "").lower() or "device-message",
        "observer.vendor": "Sophos",
        "observer.type": "firewall",
    }
    field_tables.put_texts(fields, pairs, _TEXTS)
    field_tables.put_numbers(fields, pairs, _NUMBERS)
    field_tables.put_ends(fields, pairs, _ENDS)
    for name in ("source.ip", "destination.ip", "source.nat.ip", "destination.nat.ip"):
        if fields.get(name) in _UNSET_ADDRESS:
            del fields[name]
    _put_details(fields, pairs)
    return ParsedEvent(_parse_time(pairs, line), fields)


def _choose_act(pairs: Mapping[str, str]) -> _Act:
    kind = pairs.get("log_type", "").casefold()
    if kind in {"event", "system", "admin", "authentication"}:
        return _choose_event(pairs)
    category = _SUBJECTS.get(kind, ["network"]).copy()
    word = pairs.get("log_subtype", "").casefold()
    if kind == "anti-spam":
        word = pairs.get("spamaction", word).casefold()
        word = "drop" if word in {"tmpreject", "discard"} else word
    if kind == "content filtering" and "action" in pairs:
        word = pairs["action"].casefold()
    if "idp" in kind or kind == "ips":
        word = pairs.get("idp_action", word).casefold()
    denied, allowed = word in _DENYING, word in _PASSING
    outcome = "failure" if denied else "success" if allowed else "unknown"
    verdict = ["denied"] if denied else ["allowed"] if allowed else ["info"]
    if kind == "firewall":
        connection_type = _CONNECTION_TYPES.get(
            (pairs.get("connevent") or pairs.get("con_event") or "").casefold(), ""
        )
        return (
            category,
            ["connection", *([connection_type] if connection_type else []), *verdict],
            outcome,
        )
    return category, verdict, outcome


def _choose_event(pairs: Mapping[str, str]) -> _Act:
    component = pairs.get("log_component", "").casefold()
    status = pairs.get("status", "").casefold()
    outcome = _OUTCOMES.get(status, "unknown")
    message = pairs.get("message", "")
    if "authentication" in component or pairs.get("log_subtype", "").casefold() == "authentication":
        if _LEFT.search(message) and outcome != "failure":
            return ["authentication"], ["end"], "success"
        return ["authentication"], ["start"], outcome
    if pairs.get("log_subtype", "").casefold() == "admin" or component in {"gui", "cli", "console"}:
        return _choose_administration(message, outcome)
    if "vpn" in component or component in {"ipsec", "l2tp", "pptp", "red"}:
        ended = status in {"terminated", "disconnected", "deny", "failed", "expire"}
        connection_type = (
            "end" if ended else "start" if status in {"established", "connected"} else "info"
        )
        return ["network", "session"], ["connection", connection_type], outcome
    return ["host"], ["info"], outcome


def _choose_administration(message: str, outcome: str) -> _Act:
    if _ARRIVED.search(message):
        return ["authentication"], ["start"], outcome
    if _LEFT.search(message):
        return ["authentication"], ["end"], "success"
    return ["configuration"], ["change"], outcome


def _put_details(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    name = pairs.get("device_name", "")
    if "device" in pairs and name:
        fields["observer.name"] = fields["host.name"] = name
    field_tables.put_transport(fields, pairs.get("protocol", ""))
    for side, key in (("source", "src_mac"), ("destination", "dst_mac")):
        field_tables.put_mac(fields, side, pairs.get(key, ""))
    field_tables.put_seconds(fields, pairs.get("duration", ""))
    if pairs.get("url"):
        field_tables.put_url(fields, pairs["url"])
    domain = field_tables.find_value(pairs, ("domainname", "domain", "dstdomain", "sni"))
    if domain:
        fields["destination.domain"] = domain.lower()
        fields.setdefault("url.domain", domain.lower())
    field_tables.put_account(fields, field_tables.find_value(pairs, ("user_name", "user", "name")))
    _put_words(fields, pairs)


def _put_words(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    targets = pairs.get("to_email_address", "").strip()
    if targets:
        fields["email.to.address"] = [each.strip() for each in targets.split(",") if each.strip()]
    reason = field_tables.find_value(pairs, ("reason", "log_reason"))
    if reason:
        fields["event.reason"] = reason
    signature = pairs.get("signature_id", "")
    if signature:
        fields["rule.id"] = signature
    if fields.get("http.response.status_code") == 0:
        del fields["http.response.status_code"]


def _parse_time(pairs: Mapping[str, str], line: SourceLine) -> datetime | None:
    date, clock = pairs.get("date", ""), pairs.get("time", "")
    start = _START.match(line.text)
    if start is not None and start["stamp"]:
        return stamps.parse_iso(start["stamp"].replace(" ", "T"), line.zone)
    if not date or not clock:
        return device_stamps.parse_stamp(pairs.get("timestamp", ""), line.arrived, line.zone)
    zone = device_stamps.find_zone(pairs.get("timezone", ""), line.zone)
    return stamps.parse_iso(f"{date}T{clock}", zone)


PARSER = Parser(
    id="sophos_xg",
    title="Sophos Firewall (SFOS, XG, XGS)",
    hints=(b"log_type=",),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://docs.sophos.com/nsg/sophos-firewall/21.0/syslog/en-us/",
        "https://docs.sophos.com/nsg/sophos-firewall/18.5/PDF/SFOS-Syslog-Guide.pdf",
    ),
    examples=(
        ParserExample(
            '2026-11-22 10:14:07 Firewallmessageid="01001" log_type="Firewall" log_component="Invalid'
            ' Traffic" log_subtype="Denied" status="Deny" con_duration="0" fw_rule_id="0" user=""'
            ' in_interface="Port2" out_interface="" src_ip="203.0.113.66" src_port="40112"'
            ' dst_ip="192.0.2.1" dst_port="3389" protocol="TCP"',
            {
                "@timestamp": "2026-11-22T10:14:07+00:00",
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": 40112,
                "destination.port": 3389,
                "user.name": None,
            },
        ),
        ParserExample(
            '<30>device="SFW" date=2026-11-22 time=10:14:07 timezone="CET" device_name="XGS-HQ"'
            ' device_id=C01001 log_id=010101600001 log_type="Firewall" log_component="Firewall Rule"'
            ' log_subtype="Allowed" status="Allow" priority=Information duration=12 fw_rule_id=5'
            ' user_name="jo@contoso.example" user_gp="Staff" application="HTTPS" in_interface="Port1"'
            ' out_interface="Port2" src_ip=192.0.2.10 dst_ip=203.0.113.80 protocol="TCP"'
            " src_port=50112 dst_port=443 sent_pkts=5 recv_pkts=6 sent_bytes=500 recv_bytes=7000"
            ' tran_src_ip=198.51.100.2 tran_src_port=0 srczone="LAN" dstzone="WAN" connevent="Stop"',
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.type": ["connection", "end", "allowed"],
                "event.outcome": "success",
                "event.duration": 12_000_000_000,
                "source.ip": "192.0.2.10",
                "source.bytes": 500,
                "destination.bytes": 7000,
                "source.nat.ip": "198.51.100.2",
                "user.email": "jo@contoso.example",
                "host.name": "XGS-HQ",
                "rule.id": "5",
            },
        ),
        ParserExample(
            'Nov 22 09:15:00 fw device_name="SFW" timestamp="2026-11-22T09:15:00-0600"'
            ' device_model="XGS116" device_serial_id="X1" log_id=054402617051'
            ' log_type="Content Filtering" log_component="HTTP" log_subtype="Denied" log_version=1'
            ' severity="Information" fw_rule_id="12" http_category="Games"'
            ' url="https://games.example/a?b=1" src_ip="2001:db8::10" dst_ip="2001:db8::80"'
            ' protocol="TCP" src_port=50931 dst_port=443 bytes_sent=19 bytes_received=28'
            ' http_user_agent="x\' src_ip=192.0.2.1 y" http_status="403"',
            {
                "@timestamp": "2026-11-22T15:15:00+00:00",
                "event.type": ["denied"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::10",
                "url.domain": "games.example",
                "http.response.status_code": 403,
                "rule.category": "Games",
            },
        ),
        ParserExample(
            'device="SFW" date=2026-11-22 time=10:16:00 timezone="CET" device_name="XGS-HQ"'
            ' device_id=C01001 log_id=063110617711 log_type="Event"'
            ' log_component="SSL VPN Authentication" log_subtype="Authentication" status="Failed"'
            ' priority=Notice user_name="eve" usergroupname="" auth_client="N/A"'
            ' auth_mechanism="Local" reason="wrong credentials" src_ip=203.0.113.66'
            ' message="User eve failed to login to SSLVPN" name="" src_mac=',
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "wrong credentials",
                "source.ip": "203.0.113.66",
                "user.name": "eve",
            },
        ),
        ParserExample(
            'device="SFW" date=2026-11-22 time=10:17:00 timezone="CET" device_name="XGS-HQ"'
            ' device_id=C01001 log_id=062009617502 log_type="Event" log_component="GUI"'
            ' log_subtype="Admin" status="Successful" priority=Information user_name="admin"'
            " src_ip=192.0.2.5 message=\"Administrator 'admin' logged in successfully to Web Admin\"",
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "source.ip": "192.0.2.5",
                "user.name": "admin",
            },
        ),
        ParserExample(
            'timestamp="2026-11-22T10:18:00+0100" device_model="XGS136" device_serial_id="X1"'
            ' log_id="069010517719" log_type="Event" log_component="VPN Portal Authentication"'
            ' log_subtype="Authentication" status="Failed" user_name="eve" reason="wrong'
            ' credentials" src_ip="2001:db8::66" message="User eve failed to login"',
            {
                "@timestamp": "2026-11-22T09:18:00+00:00",
                "event.outcome": "failure",
                "source.ip": "2001:db8::66",
                "user.name": "eve",
            },
        ),
        ParserExample(
            'device="SFW" date=2026-11-22 time=10:19:00 timezone="CET" device_name="XGS-HQ"'
            ' device_id=C01001 log_id=062811617824 log_type="Event" log_component="SSL VPN"'
            ' log_subtype="System" user_name="jo" ipaddress=10.82.234.5 status="Established"'
            " message=\"SSL VPN User 'jo' connected\" timestamp=1589960866 remote_ip=203.0.113.9",
            {
                "@timestamp": "2026-11-22T09:19:00+00:00",
                "event.type": ["connection", "start"],
                "source.ip": "203.0.113.9",
            },
        ),
    ),
)
