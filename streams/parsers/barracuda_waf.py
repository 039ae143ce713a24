"""Parse the Barracuda Web Application Firewall: access (TR), attacks (WF), network (NF), audit, system.

`2026-11-22 10:14:07.959 +0100  unit TR …`: the fields are positional and mostly unquoted. What clients
type is read between fields that they cannot type."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, field_tables

_IP = r"[0-9A-Fa-f]*+[.:][0-9A-Fa-f:.]*+"
_LEVEL = r"(?:EMER|ALER|CRIT|ERRO|ERR|WARN|NOTI|INFO|DEBU)\w*"
_START = re.compile(
    r"\s*+(?:<[0-9]{1,3}>)?\s*+(?:(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,15}) (?=[+-]))?"
    r"(?:(?P<zone>[+-][0-9]{4}) +)?(?:(?P<unit>[\w.-]{1,64}) )?"
    rf"(?=TR {_IP} [0-9]+ {_IP} [0-9]+ |WF {_LEVEL} \w+ {_IP} [0-9]+ |NF {_LEVEL} \w+ {_IP} [0-9]+ "
    rf"|AUDIT \S+ \w+ {_IP} [0-9]+ |SYS \w+ {_LEVEL} [0-9]+ )"
)
_ACCESS = re.compile(
    rf"TR (?P<app_ip>{_IP}) (?P<app_port>[0-9]+) (?P<ip>{_IP}) (?P<port>[0-9]+) "
    r"(?:\"[^\"]*+\"|\S++) (?P<user>\"-\"|.{1,200}?) (?P<method>\"-\"|\S{1,64}) "
    r"(?:HTTPS?|TLS\S*|SSL\S*|FTPS?|\"-\") (?P<host>\S{1,512}) (?P<version>\"-\"|[A-Z]{3,8}/[0-9.]+) "
    r"(?P<status>[0-9]{3}) (?P<sent>[0-9]+) (?P<received>[0-9]+) [01] (?P<took>[0-9]+) "
    rf"(?P<server_ip>{_IP}) (?P<server_port>[0-9]+) [0-9]+ (?P<session>.{{0,400}}?)(?<! ) ++"
    r"(?P<from>SERVER|INTERNAL) (?:DEFAULT|PROFILED) (?P<protected>\w+) (?P<valid>VALID|INVALID) ",
    re.DOTALL,
)
_REQUEST = re.compile(
    r"(?P<url>\"-\"|\S*+) (?P<query>\"-\"|\S*+) (?P<referrer>\"-\"|\S*+) (?P<cookie>.*) "
    rf"\"(?P<agent>[^\"]*+)\"+ (?P<proxy>{_IP}) [0-9]+ (?P<account>\"-\"|.{{1,200}}?) ",
    re.DOTALL,
)
_ATTACK = re.compile(
    rf"WF (?P<level>\w+) (?P<attack>\w+) (?P<ip>{_IP}) (?P<port>[0-9]+) (?P<app_ip>{_IP}) (?P<app_port>[0-9]+) "
    r"(?P<rule>\S+) (?P<kind>\S+) (?P<action>[A-Z_]+) [^\[\]]{1,80}?\[.{0,4000}?\] "
    r"(?P<method>[A-Z-]{1,32}|\"-\") (?P<url>\S+) (?:HTTPS?|TLS\S*|SSL\S*|\"-\") \S+ \"(?P<agent>[^\"]*+)\""
    rf"(?: {_IP} [0-9]+ (?:\"-\"|\S+) (?P<referrer>\S+))?",
    re.DOTALL,
)
_PACKET = re.compile(
    rf"NF (?P<level>\w+) (?P<transport>\w+) (?P<ip>{_IP}) (?P<port>[0-9]+) (?P<app_ip>{_IP})"
    r" (?P<app_port>[0-9]+) (?P<action>\w+) (?P<rule>\S+) ?(?P<rest>.*)",
    re.DOTALL,
)
_AUDIT = re.compile(
    rf"AUDIT (?P<user>\S+) (?P<client>\w+) (?P<ip>{_IP}) (?P<port>[0-9]+) (?P<what>[A-Z_ ]+?) [0-9-]+ (?P<rest>.*)",
    re.DOTALL,
)
_SYSTEM = re.compile(r"SYS (?P<module>\w+) (?P<level>\w+) (?P<code>[0-9]+) (?P<rest>.*)", re.DOTALL)
_ZONE = re.compile(r"[+-][0-9]{4}")
_SIGN_INS = {"LOGIN": "success", "UNSUCCESSFUL_LOGIN": "failure", "UNSUCCESSFUL LOGIN": "failure"}
_CLASSES = (
    ("SQL", "sqli"),
    ("XSS", "xss"),
    ("CROSS_SITE", "xss"),
    ("DIRECTORY_TRAVERSAL", "lfi"),
    ("OS_CMD", "rce"),
    ("REMOTE_FILE", "rfi"),
)


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None:
        raise UnparseableRecord(
            "no message of a Barracuda WAF (TR, WF, NF, AUDIT, SYS)",
            place="barracuda_waf",
            remedy="Export logs in the default format.",
        )
    body = line.text[start.end() :]
    fields: dict[str, Value] = {
        "event.category": ["web"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "device-message",
        "observer.vendor": "Barracuda",
        "observer.product": "WAF",
        "observer.type": "waf",
    }
    unit = start["unit"] or line.frame.host
    if unit and not _ZONE.fullmatch(unit):
        fields["observer.name"] = fields["host.name"] = unit
    _READERS[body[:2]](fields, body)
    return ParsedEvent(_parse_time(start, line), fields)


def _parse_time(start: re.Match[str], line: SourceLine) -> datetime | None:
    if start["stamp"]:
        stamp = f"{start['stamp']} {start['zone'] or ''}".strip()
        return device_stamps.parse_stamp(stamp, line.arrived, line.zone)
    zone = start["zone"] or line.frame.host or ""
    time = line.frame.time
    if time is None or not _ZONE.fullmatch(zone):
        return time
    # The reader of frames took the stamp without its offset.
    ahead = device_stamps.find_zone(zone, line.zone)
    return time.astimezone(line.zone).replace(tzinfo=ahead).astimezone(UTC)


def _put_ends(fields: dict[str, Value], match: re.Match[str]) -> None:
    for side, ip, port in (("source", "ip", "port"), ("destination", "app_ip", "app_port")):
        where = addresses.parse_address(match[ip])
        addresses.put_endpoint(fields, side, where, addresses.parse_port(match[port]))


def _put_access(fields: dict[str, Value], body: str) -> None:
    match = _ACCESS.match(body)
    if match is None:
        return
    _put_ends(fields, match)
    status = int(match["status"])
    fields |= {
        "event.type": ["access"],
        "event.outcome": "failure" if status >= 400 else "success",
        "event.action": "http-request",
        "http.response.status_code": status,
    }
    counts = {"destination.bytes": ("sent",), "source.bytes": ("received",)}
    field_tables.put_numbers(fields, match.groupdict(), counts)
    if match["method"] != '"-"':
        fields["http.request.method"] = match["method"]
    if match["version"].startswith("HTTP/"):
        fields["http.version"] = match["version"][5:]
    request = _REQUEST.match(body[:20_000], match.end())
    if request is not None:
        _put_request(fields, request)
    if match["host"] != '"-"':
        fields["url.domain"] = match["host"].lower()
    if match["user"] != '"-"':
        field_tables.put_account(fields, match["user"])


def _put_request(fields: dict[str, Value], request: re.Match[str]) -> None:
    url, query = request["url"], request["query"]
    if url not in {'"-"', ""}:
        field_tables.put_url(fields, url if query == '"-"' else f"{url}?{query}")
    if request["referrer"] != '"-"':
        fields["http.request.referrer"] = request["referrer"]
    if request["agent"] not in {"-", "", "Unknown"}:
        fields["user_agent.original"] = request["agent"]
    if request["account"] != '"-"':
        field_tables.put_account(fields, request["account"])


def _put_attack(fields: dict[str, Value], body: str) -> None:
    match = _ATTACK.match(body)
    if match is None:
        return
    _put_ends(fields, match)
    denied = match["action"] in {"DENY", "CLOAK", "BLOCK", "DROP"}
    fields |= {
        "event.category": ["web", "intrusion_detection"],
        "event.type": ["denied" if denied else "info"],
        "event.outcome": "failure" if denied else "unknown",
        "event.action": match["attack"].lower(),
        "rule.name": match["attack"],
        "rule.id": match["rule"],
        "rule.ruleset": match["kind"],
        "http.request.method": match["method"],
    }
    field_tables.put_url(fields, match["url"])
    attack = next((name for word, name in _CLASSES if word in match["attack"]), None)
    fields |= {} if attack is None else {"breach.waf.attack": attack}
    if match["agent"] not in {"-", ""}:
        fields["user_agent.original"] = match["agent"]
    if match["referrer"] not in {None, '"-"', "-"}:
        fields["http.request.referrer"] = match["referrer"]


def _put_packet(fields: dict[str, Value], body: str) -> None:
    match = _PACKET.match(body)
    if match is None:
        return
    _put_ends(fields, match)
    denied = match["action"] in {"DENY", "DROP", "BLOCK", "REJECT"}
    fields |= {
        "event.category": ["network"],
        "event.type": ["connection", "denied" if denied else "allowed"],
        "event.outcome": "failure" if denied else "success",
        "event.action": match["action"].lower(),
        "rule.name": match["rule"],
        "network.transport": match["transport"].lower(),
    }


def _put_audit(fields: dict[str, Value], body: str) -> None:
    match = _AUDIT.match(body)
    if match is None:
        return
    what = match["what"]
    port = addresses.parse_port(match["port"])
    addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), port)
    field_tables.put_account(fields, match["user"])
    fields |= {"event.action": what.lower(), "event.category": ["configuration"]}
    if what in _SIGN_INS:
        fields |= {"event.category": ["authentication"], "event.type": ["start"]}
        fields["event.outcome"] = _SIGN_INS[what]
    elif what == "LOGOUT":
        fields |= {"event.category": ["authentication"], "event.type": ["end"]}
        fields["event.outcome"] = "success"
    else:
        fields |= {"event.type": ["change"], "event.outcome": "success"}


def _put_system(fields: dict[str, Value], body: str) -> None:
    match = _SYSTEM.match(body)
    fields["event.category"] = ["host"]
    if match is not None:
        fields |= {"event.code": match["code"], "event.action": match["module"].lower()}
        fields["message"] = match["rest"].strip()


_READERS = {
    "TR": _put_access,
    "WF": _put_attack,
    "NF": _put_packet,
    "AU": _put_audit,
    "SY": _put_system,
}

PARSER = Parser(
    id="barracuda_waf",
    title="Barracuda Web Application Firewall",
    hints=(b" TR ", b" WF ", b" NF ", b" AUDIT ", b" SYS "),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://campus.barracuda.com/product/webapplicationfirewall/doc/92767349/exporting-log-formats/",
    ),
    examples=(
        ParserExample(
            '<134>2026-11-22 10:14:07.959 +0100  waf-1 TR 192.0.2.80 443 203.0.113.66 8210 "-" "-"'
            ' GET TLSv1.2 shop.example HTTP/1.1 404 791 293 0 3 192.0.2.90 443 0 "-" INTERNAL DEFAULT'
            ' PROTECTED INVALID /a b=1 "-" "-" "x\' 192.0.2.1 1 y" 203.0.113.66 8210 "-" "-" "-" "-"'
            " 186ffd5d3fc-db6c9f3",
            {
                "@timestamp": "2026-11-22T09:14:07.959000+00:00",
                "event.outcome": "failure",
                "http.response.status_code": 404,
                "source.ip": "203.0.113.66",
                "source.bytes": 293,
                "destination.bytes": 791,
                "url.path": "/a",
                "url.query": "b=1",
                "url.domain": "shop.example",
                "host.name": "waf-1",
            },
        ),
        ParserExample(
            "<129>2026-11-22 10:15:00.502 +0100  waf-1 WF ALER SQL_INJECTION_IN_PARAM 2001:db8::66 61507"
            ' 2001:db8::80 443 shop:deny GLOBAL DENY NONE [type\\="sql" token\\="\\] GET /x"] POST /a'
            ' TLSv1.2 "-" "curl/8" 2001:db8::66 61507 "-" "-" 1869d743696-dfcf8d96',
            {
                "event.type": ["denied"],
                "source.ip": "2001:db8::66",
                "breach.waf.attack": "sqli",
            },
        ),
        ParserExample(
            "<129>2026-11-22 10:16:00.404 +0100  waf-1 NF ALER TCP 198.51.100.77 57296 192.0.2.80 22"
            " DENY SSH_SOURCES MGMT/LAN/WAN interface traffic:deny",
            {"event.outcome": "failure", "destination.port": 22, "rule.name": "SSH_SOURCES"},
        ),
        ParserExample(
            "<134>2026-11-22 10:17:00.484 +0100  waf-1 AUDIT admin GUI 192.0.2.5 64197 LOGIN 0 login "
            ' global - - "" "" []',
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "admin",
                "source.ip": "192.0.2.5",
            },
        ),
        ParserExample(
            "<129>2026-11-22 10:18:00.502 +0100  waf-hq WF ALER NO_PARAM_PROFILE_MATCH 198.51.100.77"
            ' 61507 192.0.2.80 443 shop URL_PROFILE LOG NONE [Parameter\\="0x\\\\[\\\\]" value\\="x"]'
            ' POST / TLSv1.2 "-" "curl/8" 192.0.2.1 61507 "-" https://shop.example/ 1869d743696',
            {
                "source.ip": "198.51.100.77",
                "http.request.method": "POST",
                "http.request.referrer": "https://shop.example/",
                "url.path": "/",
                "user_agent.original": "curl/8",
            },
        ),
    ),
)
