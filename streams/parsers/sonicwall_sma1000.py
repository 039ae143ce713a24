"""Parse SonicWall SMA 1000: its system log, tunnels, web proxy and accesses to resources.

Who acts is `(name)@(realm)`. What the system log says of the appliance's own parts is no act."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, field_tables, numbers, stamps, web_access

_STAMP = r"(?P<stamp>[0-9]{1,2}/[0-9A-Za-z]{1,3}/[0-9]{4}[: ][0-9]{2}:[0-9]{2}:[0-9]{2}[0-9.]{0,7}(?: [+-][0-9]{4})?)"
_PARTS = re.compile(
    r"(?P<first>[0-9]{1,2})/(?P<second>[0-9A-Za-z]{1,3})/(?P<year>[0-9]{4})[: ](?P<clock>[0-9:.]{8,15})(?: (?P<zone>[+-][0-9]{4}))?"
)
_END = r"[0-9A-Fa-f.:\[\]]{2,60}"
_SYSTEM = re.compile(
    rf"\[{_STAMP}\] (?P<host>[^\[\]]{{1,64}}?) (?P<pid>[0-9]{{6}}) [a-z]{{2}} [0-9a-f]{{8}}"
    r" (?P<level>[A-Z][a-z]{2,15}) (?P<area>[A-Za-z]{2,20}) (?P<text>.*)",
    re.DOTALL,
)
_POLICY = re.compile(
    rf"User '(?P<user>.{{0,320}})' connecting from '(?P<source>{_END})' matched rule '(?P<rule>[^']{{0,254}})',"
    rf" access to '(?P<destination>{_END})' is (?P<verdict>permitted|denied)"
)
_RESOURCE = re.compile(
    rf"(?:EventMessage: )?Resource Access - User='(?P<user>.{{0,320}})', Src='(?P<source>{_END})', Dest_IP='(?P<destination>{_END})',"
    r" Rule Info='(?P<rule>[^']{0,254})', Full Destination='(?P<name>[^']{0,254})',.{0,254} Allowed='(?P<verdict>[01])'"
)
_TUNNEL = re.compile(
    rf"(?P<source>{_END}) - \"(?P<user>.{{0,320}})\" \"{_STAMP}\" [0-9.]{{1,8}} (?:tunnel|flow:(?P<transport>[a-z]{{2,5}}))"
    rf" (?P<destination>{_END}) (?P<code>-?[0-9]{{1,10}}) (?P<sent>[0-9]{{1,18}}) (?P<received>[0-9]{{1,18}}) (?P<seconds>[0-9]{{1,10}})\b"
)
_WEB = re.compile(
    rf"(?P<source>{_END}) - (?P<user>\(.{{0,254}}\)@\(.{{0,128}}\)) \[{_STAMP}\]"
    r" \"(?P<request>[^\"]{3,4000})\" (?P<status>[0-9]{3}) (?P<size>[0-9]{1,18})"
)
_ACCOUNT = re.compile(r"\((?P<name>[^()]{1,254})\)@\((?P<realm>[^()]{0,128})\)")


def _can_parse(line: SourceLine) -> bool:
    return any(form.match(line.text) for form in (_SYSTEM, _RESOURCE, _TUNNEL, _WEB))


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    system = _SYSTEM.match(line.text)
    text = line.text if system is None else system["text"]
    for form in (_POLICY, _RESOURCE, _TUNNEL, _WEB):
        match = form.match(text)
        if match is not None:
            fields = _build_fields(match)
            host = line.frame.host if system is None else system["host"]
            fields |= {} if host is None else {"observer.name": host, "host.name": host}
            stamp = match.groupdict().get("stamp") or (system and system["stamp"])
            return ParsedEvent(_parse_time(stamp, line.zone) if stamp else line.frame.time, fields)
    if system is None:
        raise UnparseableRecord(
            "no message of a SonicWall SMA 1000",
            place="sonicwall_sma1000",
            remedy="Send the appliance's system, tunnel and web proxy logs.",
        )
    return IgnoredLine("the appliance describes its own state")


def _parse_time(text: str, zone: tzinfo) -> datetime:
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise stamps.build_absurd_time()
    month, day = parts["first"], parts["second"]
    if not day.isdigit():
        month, day = str(stamps.MONTHS.get(day.capitalize(), 0)), month
    iso = f"{parts['year']}-{month:0>2}-{day:0>2}T{parts['clock']}{parts['zone'] or ''}"
    return stamps.parse_iso(iso, zone)


def _build_fields(match: re.Match[str]) -> dict[str, Value]:
    groups = match.groupdict()
    denied = groups.get("verdict") in {"denied", "0"}
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "denied" if denied else "allowed"],
        "event.outcome": "failure" if denied else "success",
        "event.action": "resource-access",
        "observer.vendor": "SonicWall",
        "observer.product": "Secure Mobile Access",
        "observer.type": "vpn",
    }
    account = _ACCOUNT.search(groups["user"])
    if account is not None:
        field_tables.put_account(fields, account["name"])
        fields |= {"user.domain": account["realm"]} if account["realm"] else {}
    for side in ("source", "destination"):
        addresses.put_endpoint(fields, side, *addresses.parse_endpoint(groups.get(side) or ""))
    if groups.get("rule", "-") not in ("-", "", None):
        fields["rule.name"] = groups["rule"]
    if groups.get("name"):
        fields["destination.domain"] = groups["name"].rpartition(":")[0] or groups["name"]
    if match.re is _TUNNEL:
        _put_traffic(fields, groups)
    if match.re is _WEB:
        fields |= {"event.category": ["web"], "event.type": ["access"], "event.action": "web-proxy"}
        web_access.put_request_line(fields, groups["request"])
        web_access.put_status(fields, groups["status"])
        web_access.put_number(fields, "http.response.body.bytes", groups["size"])
    return fields


def _put_traffic(fields: dict[str, Value], groups: dict[str, str]) -> None:
    fields |= {"event.type": ["connection", "end"], "event.action": "tunnel-closed"}
    field_tables.put_transport(fields, groups.get("transport") or "")
    sent, received = numbers.parse_whole(groups["sent"]), numbers.parse_whole(groups["received"])
    if sent is not None and received is not None:
        fields |= {"source.bytes": sent, "destination.bytes": received}
        fields["network.bytes"] = sent + received
    field_tables.put_seconds(fields, groups["seconds"])


PARSER = Parser(
    id="sonicwall_sma1000",
    title="SonicWall SMA 1000",
    hints=(b")@(", b" Resource Access - ", b" System ", b" Misc ", b" EWACL "),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://www.sonicwall.com/support/technical-documentation/",),
    examples=(
        ParserExample(
            '203.0.113.9:59260 - "(jo)@(contoso.example)" "22/Nov/2026:14:40:47.815 +0530" 1.2 flow:tcp'
            ' 192.0.2.20:443 0 5436 129963 125 W"42 1a 69 3a"',
            {
                "@timestamp": "2026-11-22T09:10:47.815000+00:00",
                "user.name": "jo",
                "user.domain": "contoso.example",
                "source.ip": "203.0.113.9",
                "source.port": 59260,
                "source.bytes": 5436,
                "destination.port": 443,
                "destination.bytes": 129963,
                "network.transport": "tcp",
                "event.duration": 125_000_000_000,
            },
        ),
        ParserExample(
            "[11/22/2026 00:32:36.115] SMA node 002421 ps 100004b3 Info EWACL User ' (192.0.2.4"
            " (Jo Doe)@(Staff)' connecting from '203.0.113.9:37975' matched rule 'accessRule(AV1:"
            "preauth)', access to '192.0.2.20:455' is denied.",
            {
                "@timestamp": "2026-11-22T00:32:36.115000+00:00",
                "event.outcome": "failure",
                "user.name": "jo doe",
                "source.ip": "203.0.113.9",
                "destination.port": 455,
                "host.name": "SMA node",
            },
        ),
        ParserExample(
            "<134>Nov 22 09:14:07 sma1 EventMessage: Resource Access - User='(jo@contoso.example)@(ORG)',"
            " Src='203.0.113.9:52532', Dest_IP='192.0.2.20:7680', Rule Info='-', Full Destination="
            "'host9.example:7680', Access Agent='-', Allowed='1'",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.outcome": "success",
                "user.email": "jo@contoso.example",
                "destination.domain": "host9.example",
                "source.port": 52532,
            },
        ),
        ParserExample(
            '203.0.113.9 - (jo)@(AD) [11/22/2026 00:32:36.115 +0000] "GET /workplace/home HTTP/1.1" 200 15424',
            {
                "@timestamp": "2026-11-22T00:32:36.115000+00:00",
                "user.name": "jo",
                "source.ip": "203.0.113.9",
                "url.path": "/workplace/home",
                "http.response.status_code": 200,
            },
        ),
        ParserExample(
            "[22/Nov/2026:14:02:38.051761 +0000] sma1 000000 kp 0000020a Internal Misc <KERNEL> created"
            " channel (pid=6268):0000000021ce9936",
            None,
        ),
    ),
)
