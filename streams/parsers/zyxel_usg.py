"""Parse Zyxel USG, USG FLEX, ATP, VPN and ZyWALL (ZLD, uOS): `src="ip:port" … msg="…" cat="…"`, or CEF.

The category says what the line is about; the year stands after the time. What a person typed at a
sign-in is read up to the last end that it can have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, cef, field_tables, key_value

_START = re.compile(r"\s*+(?:src|dst|ob|msg|note|user|devID|cat)=\"")
_CUT = re.compile(r"src=\"[0-9A-Fa-f.\[\]]{0,45}")
_DEVICE = re.compile(r" (?:devID|devid|note)=\"")
_CATEGORY = re.compile(r" cat=\"")
_VENDOR = "zyxel"
_CEF_NAMES = {
    "act": "action",
    "suser": "user",
    "out": "sent",
    "in": "rcvd",
    "proto": "protoID",
    "app": "proto",
    "ZYduration": "duration",
    "ZYdir": "dir",
    "ZYnote": "note",
    "smac": "mac",
    "dvchost": "host",
}
_TEXTS = {
    "message": ("msg",),
    "rule.name": ("rule", "class"),
    "rule.category": ("cat",),
    "network.protocol": ("proto", "service"),
    "network.application": ("app_name", "appname"),
    "url.domain": ("dhost", "hostname"),
    "observer.serial_number": ("devID", "devid"),
    "observer.version": ("version",),
}
_NUMBERS = {"source.bytes": ("sent",), "destination.bytes": ("rcvd",)}
_ENDS = (
    ("source", ("src",), ("spt",)),
    ("destination", ("dst",), ("dpt",)),
    ("source.nat", ("sourceTranslatedAddress",), ("sourceTranslatedPort",)),
    ("destination.nat", ("destinationTranslatedAddress",), ("destinationTranslatedPort",)),
)
_SESSION = re.compile(
    r"(?:Administrator|User|Guest|Admin|Limited-Admin|Ext-User|Access user) (?P<user>.*)"
    r" from (?P<from>\S+) has (?:been )?(?:forced to )?log(?:ged)? ?(?P<way>in|out)\b",
    re.DOTALL | re.IGNORECASE,
)
_MAC = re.compile(r"\(MAC=([0-9A-Fa-f:-]{11,17}|-|)\)\Z")
_FAILED = re.compile(
    r"(?:Failed login attempt|Login attempt|Login failed|User \S{1,128} failed to log ?in)"
    r"[^(]{0,200}(?:\((?P<reason>[^()]{1,200})\))?",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(
    r"\A(?>.*?note=\"Account: )(?P<user>.*)\" user=\"[^\"]*+\" (?:devID|devid|ser|cat)=\"",
    re.DOTALL,
)
_ACCOUNT_ALONE = re.compile(
    r"\A(?>.*?note=\"Account: )(?P<user>.*)\" (?:devID|devid|ser|cat)=\"", re.DOTALL
)
_DENIED = re.compile(
    r"\b(?:drop|dropped|reject|rejected|deny|denied|block|blocked)\b", re.IGNORECASE
)
_ALLOWED = re.compile(r"\b(?:accept|allow|allowed|forward|permit|pass)\b", re.IGNORECASE)
_CATEGORIES = (
    (re.compile(r"ips|idp|adp|anomaly|botnet|reputation", re.IGNORECASE), "intrusion_detection"),
    (re.compile(r"malware|virus|sandbox", re.IGNORECASE), "malware"),
    (re.compile(r"web|url|content|dns filter|safesearch", re.IGNORECASE), "web"),
    (re.compile(r"configuration|file manage", re.IGNORECASE), "configuration"),
)
_NETWORKS = re.compile(r"traffic|policy|firewall|session|limit|app", re.IGNORECASE)


def _find_text(line: SourceLine) -> str:
    """Put back what a relay took for a program's name and cut off."""
    app = line.frame.app or ""
    return f"{app}:{line.text}" if _CUT.fullmatch(app) else line.text


def _can_parse(line: SourceLine) -> bool:
    return _read(_find_text(line)) is not None


@lru_cache(maxsize=2)
def _read(text: str) -> Mapping[str, str] | None:
    header = cef.read_header(text)
    if header is not None:
        record = cef.read(text) if header.vendor.casefold() == _VENDOR else None
        return None if record is None else _rename(record)
    if _START.match(text) is None or "msg=" not in text:
        return None
    if _DEVICE.search(text) is None or _CATEGORY.search(text) is None:
        return None
    pairs = key_value.select_first_values(key_value.parse_pairs(text))
    return pairs if "cat" in pairs else None


def _rename(record: cef.CefRecord) -> Mapping[str, str]:
    pairs = {"cat": record.header.name, "version": record.header.version}
    for key, value in record.fields.items():
        pairs.setdefault(_CEF_NAMES.get(key, key), value)
    return pairs


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    text = _find_text(line)
    pairs = _read(text)
    if pairs is None:
        raise UnparseableRecord(
            "no message of a Zyxel firewall (src=, msg=, cat=, devID=)",
            place="zyxel_usg",
            remedy="Send syslog in the VRPT/Syslog or the CEF/Syslog format.",
        )
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": pairs["cat"].lower() or "device-message",
        "observer.vendor": "Zyxel",
        "observer.type": "firewall",
    }
    field_tables.put_texts(fields, pairs, _TEXTS)
    field_tables.put_numbers(fields, pairs, _NUMBERS)
    field_tables.put_ends(fields, pairs, _ENDS)
    _put_details(fields, pairs)
    message = pairs.get("msg", "")
    if not _put_session(fields, message) and not _put_failure(fields, message, text):
        _put_verdict(fields, pairs)
    host = line.frame.host or pairs.get("host")
    if host:
        fields["host.name"] = fields["observer.name"] = host
    return ParsedEvent(line.frame.time, fields)


def _put_details(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    for name in ("source.port", "destination.port", "source.nat.port", "destination.nat.port"):
        if fields.get(name) == 0:
            # The device writes zero where there is no packet or no translation.
            del fields[name]
    field_tables.put_transport(fields, pairs.get("protoID", ""))
    field_tables.put_seconds(fields, pairs.get("duration", ""))
    field_tables.put_mac(fields, "source", pairs.get("mac") or pairs.get("client_mac", ""))
    field_tables.put_account(fields, pairs.get("user", ""))
    ingress, _, egress = pairs.get("dir", "").partition(":")
    for way, name in (("ingress", ingress), ("egress", egress)):
        if name:
            fields[f"observer.{way}.interface.name"] = name


def _put_session(fields: dict[str, Value], message: str) -> bool:
    """Set who signed in or out; return whether the message tells of it."""
    session = _SESSION.match(message)
    if session is None:
        return False
    user, mac = session["user"], _MAC.search(session["user"])
    if mac is not None:
        user = user[: mac.start()]
        field_tables.put_mac(fields, "source", mac[1])
    came_from = addresses.parse_address(session["from"])
    if came_from is not None:
        fields["source.ip"] = came_from
    field_tables.put_account(fields, user)
    begins = session["way"].lower() == "in"
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["start" if begins else "end"],
        "event.outcome": "success",
        "event.action": "login" if begins else "logout",
    }
    return True


def _put_failure(fields: dict[str, Value], message: str, text: str) -> bool:
    """Set who failed to sign in; return whether the message tells of it."""
    failed = _FAILED.match(message)
    if failed is None:
        return False
    account = _ACCOUNT.search(text) or _ACCOUNT_ALONE.search(text)
    if account is not None:
        field_tables.put_account(fields, account["user"])
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": "failure",
        "event.action": "login-failed",
        "event.reason": failed["reason"] or message,
    }
    return True


def _put_verdict(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    category = pairs["cat"]
    special = next((name for words, name in _CATEGORIES if words.search(category)), None)
    if special is not None:
        fields["event.category"] = [special] if special == "configuration" else ["network", special]
    verdict_text = " ".join(pairs.get(key, "") for key in ("action", "note"))
    if category == "Traffic Log":
        fields |= {"event.type": ["connection", "end"], "event.outcome": "success"}
        return
    message = pairs.get("msg", "") if special is not None or not verdict_text.strip() else ""
    is_network = _NETWORKS.search(category) is not None
    if special is None and not is_network:
        return
    verdict = None
    if _DENIED.search(verdict_text) or _DENIED.search(message):
        verdict, fields["event.outcome"] = "denied", "failure"
        fields["event.reason"] = pairs.get("msg") or verdict_text.strip()
    elif _ALLOWED.search(verdict_text) or _ALLOWED.search(message):
        verdict, fields["event.outcome"] = "allowed", "success"
    if verdict is not None:
        fields["event.type"] = ["connection", verdict] if special is None else [verdict]


PARSER = Parser(
    id="zyxel_usg",
    title="Zyxel USG, USG FLEX, ATP and ZyWALL",
    hints=(b' cat="', b"|ZyXEL|", b"|Zyxel|"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.manualsdir.com/manuals/227660/zyxel-communications-zywall-2-plus.html?page=445",
        "https://webhelp.zyxel.com/wohView/help_docs/USG%20FLEX%20500H_V1.32_ABZH/uOS1.32/h_System.html",
    ),
    examples=(
        ParserExample(
            '<142>Nov 22 09:14:07 2026 usg-hq src="198.51.100.77:11031" dst="192.0.2.45:23"'
            ' msg="Match default rule DROP" note="ACCESS BLOCK" user="" devID="020053000001"'
            ' cat="Security Policy Control" action="Drop"',
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "event.reason": "Match default rule DROP",
                "source.ip": "198.51.100.77",
                "source.port": 11031,
                "destination.port": 23,
                "host.name": "usg-hq",
            },
        ),
        ParserExample(
            '<142>Nov 22 09:15:00 2026 usg-hq src="192.0.2.61:53090" dst="203.0.113.80:443"'
            ' msg="Traffic Log" note="" user="jo" devID="020053000001" cat="Traffic Log" action=""'
            " sourceTranslatedAddress=198.51.100.1 sourceTranslatedPort=53091 suser=jo duration=12"
            " sent=930790 rcvd=35808 dir=P5-LAN:P2-WAN protoID=6 proto=https mac=02:00:53:00:00:2a",
            {
                "event.type": ["connection", "end"],
                "event.duration": 12_000_000_000,
                "user.name": "jo",
                "source.bytes": 930790,
                "source.nat.port": 53091,
                "source.mac": "02-00-53-00-00-2A",
                "network.transport": "tcp",
                "network.protocol": "https",
                "observer.egress.interface.name": "P2-WAN",
            },
        ),
        ParserExample(
            '<142>Nov 22 09:16:00 2026 usg-hq src="203.0.113.66:0" dst="192.0.2.1:0"'
            ' msg="Failed login attempt to Device from http/https (incorrect password or inexistent'
            ' username)" note="Account: eve" user="jo" user="" devID="020053000001" cat="User"',
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "incorrect password or inexistent username",
                "source.ip": "203.0.113.66",
                "source.port": None,
                "user.name": 'eve" user="jo',
            },
        ),
        ParserExample(
            '<142>Nov 22 09:17:00 2026 usg-hq src="192.0.2.61:0" dst="192.0.2.1:0"'
            ' msg="Administrator jo from x(MAC=02:00:53:00:00:2a) from http/https has logged in'
            ' Device" note="Account: jo from x" user="jo from x" devID="020053000001" cat="User"',
            {
                "event.category": ["authentication"],
                "event.type": ["start"],
                "event.outcome": "success",
                "user.name": "jo from x",
                "source.mac": "02-00-53-00-00-2A",
            },
        ),
        ParserExample(
            "Nov 22 09:18:00 192.0.2.1 CEF:0|ZyXEL|USG FLEX 200|5.39(ABUI.1)|0|Traffic Log|4|"
            "devID=020053000001 src=192.0.2.62 dst=203.0.113.123 spt=62126 dpt=123 dvchost=usg-hq"
            " msg=Traffic Log ZYduration=300 out=76 in=48 proto=17 app=ntp ZYdir=LAN1:WAN",
            {
                "event.type": ["connection", "end"],
                "source.port": 62126,
                "source.bytes": 76,
                "network.transport": "udp",
                "event.duration": 300_000_000_000,
                "observer.ingress.interface.name": "LAN1",
            },
        ),
    ),
)
