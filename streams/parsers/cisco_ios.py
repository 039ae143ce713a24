"""Parse Cisco IOS, IOS XE, IOS XR and NX-OS: `%SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: jo] …`.

The facility and mnemonic say what happened; the text is read by sentences that share few forms. What a
person typed is read greedily between fixed words. A message that no sentence covers is an event with
its facility, severity and mnemonic."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, cisco, field_tables, numbers

_IP = r"[0-9A-Fa-f]*+[.:][0-9A-Fa-f:.]*+"
_HOST = r"[0-9A-Fa-f.:]{2,45}?"
_ASA = re.compile(r"(?:ASA|FTD|PIX|FWSM|NGIPS|NGFW)(?:-\w+)*+")
_NESTED = re.compile(r"%([A-Z][A-Z0-9_-]*)-([0-7])-([A-Z0-9_]+): ")
_ACCESS = re.compile(
    r"(?:^|\s)(?:access-)?list (?P<rule>\S++) (?P<verdict>denied|permitted|deny|permit) "
    rf"(?:(?P<transport>[a-z0-9-]++) )?(?:[0-9A-Fa-f.-]{{14,17}} )?(?P<source>{_IP})(?:\((?P<source_port>[0-9]++)\))?"
    rf"(?: ?\(?[\w/. -]{{1,60}}?\)?)?(?: ?-> ?(?P<destination>{_IP})(?:\((?P<destination_port>[0-9]++)\))?)?"
    r"(?: \([0-9/]++\))?,? (?P<packets>[0-9]{1,18}) packets?"
)
_AUDIT = re.compile(
    rf"(?P<stage>Start|Stop) (?P<protocol>\S++) session: initiator \((?P<source>{_HOST}):(?P<source_port>[0-9]++)\)"
    rf"(?: sent (?P<sent>[0-9]{{1,18}}) bytes)? -- responder \((?P<destination>{_HOST}):(?P<destination_port>[0-9]++)\)"
    r"(?: sent (?P<received>[0-9]{1,18}) bytes)?"
)
_DROPPED = re.compile(
    rf"Dropping (?P<transport>\w++) (?:pkt|session|packet)(?: from)? (?:(?P<interface>[A-Z]\S++) )?(?P<source>{_HOST}):(?P<source_port>[0-9]++)"
    rf" (?:=> )?(?P<destination>{_HOST}):(?P<destination_port>[0-9]++)(?P<reason>.{{0,200}})"
)
_BAD_DIGEST = re.compile(
    r"(?:No|Invalid) MD5 digest from (?P<source>[0-9A-Fa-f.]++)[(:](?P<source_port>[0-9]++)\)?"
    r" to (?P<destination>[0-9A-Fa-f.]++)[(:](?P<destination_port>[0-9]++)"
)
_SIGNATURE = re.compile(
    rf"Sig:(?P<rule_id>[0-9]{{1,8}}) Subsig:[0-9]{{1,8}} Sev:[0-9]{{1,8}} (?P<rule>.{{1,254}}) \[(?P<source>{_HOST}):(?P<source_port>[0-9]++)"
    rf" -> (?P<destination>{_HOST}):(?P<destination_port>[0-9]++)\]"
)
_FLOWS: tuple[tuple[re.Pattern[str], str | None], ...] = (
    (_ACCESS, None),
    (_AUDIT, "success"),
    (_DROPPED, "failure"),
    (_BAD_DIGEST, "failure"),
    (_SIGNATURE, "unknown"),
)
_NAMES = (
    ("rule.name", "rule"),
    ("rule.id", "rule_id"),
    ("observer.ingress.interface.name", "interface"),
)
_CIPHER = r"'(?: using [^']*'[^']*')?(?: at [^']*)?\s*\Z"
_AUTH, _CONF = ["authentication"], ["configuration"]
_Act = tuple[list[str], list[str], str]
_IN_OK: _Act = (_AUTH, ["start"], "success")
_IN_BAD: _Act = (_AUTH, ["start"], "failure")
_OUT: _Act = (_AUTH, ["end"], "success")
_CHANGED: _Act = (_CONF, ["change"], "success")
_SENTENCES: tuple[tuple[re.Pattern[str], _Act], ...] = tuple(
    (re.compile(pattern, re.DOTALL), act)
    for pattern, act in (
        (
            rf"Login Success \[user: ?(?P<user>.*)\] \[Source: (?P<ip>{_IP}|\S*)\](?: \[localport: (?P<port>[0-9]+)\])?",
            _IN_OK,
        ),
        (
            (
                rf"Login failed \[user: ?(?P<user>.*)\] \[Source: (?P<ip>{_IP}|\S*)\](?: \[localport: (?P<port>[0-9]+)\])?"
                r"(?: \[Reason: (?P<reason>[^\]]*)\])?"
            ),
            _IN_BAD,
        ),
        (
            (
                rf".*\[user: ?(?P<user>.*)\] \[Source: (?P<ip>{_IP}|\S*)\] \[localport: (?P<port>[0-9]+)\]"
                r"(?: \[Reason: (?P<reason>[^\]]*)\])?"
            ),
            (_AUTH, ["info"], "failure"),
        ),
        (rf"User (?P<user>.*) has exited tty session \S*?\((?P<ip>{_IP})\)", _OUT),
        (rf"\(exec timer expired, tty \S+ \((?P<ip>{_IP})\)\), user (?P<user>.*)", _OUT),
        (rf"Configured from \S+ by (?P<user>.*) on \S+ \((?P<ip>{_IP})\)", _CHANGED),
        (r"Configured from (?:\S+) by (?P<user>\S+)", _CHANGED),
        (
            (
                rf"Configured programmatically by process .{{1,80}} from \S+ as (?P<user>.*)"
                rf" on \S+(?: \((?P<ip>{_IP})\))?"
            ),
            _CHANGED,
        ),
        (
            r"Username: (?P<user>.*) Privilege level: [0-9]+ Command: (?P<command>.*)",
            (_CONF, ["info"], "success"),
        ),
        (
            rf".{{0,60}}Authentication failure from (?P<ip>{_HOST}):(?P<source_port>[0-9]+) for ",
            _IN_BAD,
        ),
        (
            (
                rf"Duplicate address (?P<ip>{_IP}) on (?P<interface>[^\s,]+), sourced by"
                r" (?P<mac>[0-9A-Fa-f.:-]{12,17})"
            ),
            (["network"], ["info"], "unknown"),
        ),
        (
            r"DHCP_SNOOPING drop message .*MAC sa: (?P<mac>[0-9A-Fa-f.:-]{12,17})",
            (["network"], ["connection", "denied"], "failure"),
        ),
        (r"User:(?P<user>\S*) +logged command: ?(?P<command>.*)", _CHANGED),
        (
            rf"User '(?P<user>.*)' authentication for SSH2 Session from (?P<ip>{_IP}) .*'?(?P<verdict>Succeeded|Failed)",
            _IN_OK,
        ),
        (rf"SSH2 Session from (?P<ip>{_IP}) .*for user '(?P<user>.*)' using .*closed", _OUT),
        (
            rf"SSH2 Session request from (?P<ip>{_IP}) .*(?P<verdict>Succeeded|Failed)",
            (["network"], ["connection", "start"], "success"),
        ),
        (
            rf".*User '(?P<user>.*)' authenticated successfully from (?P<ip>{_HOST}):(?P<source_port>[0-9]+) ",
            _IN_OK,
        ),
        (
            rf".*Login Successful from host (?P<ip>{_IP}) by user '(?P<user>.*?){_CIPHER}",
            _IN_OK,
        ),
        (
            rf".*(?:Login (?:Un-Successful|Failed)|Failed login) from host (?P<ip>{_IP}) by user '(?P<user>.*?){_CIPHER}",
            _IN_BAD,
        ),
        (rf".*User '(?P<user>.*)' auth(?:entication)? failed.* from (?P<ip>{_IP})", _IN_BAD),
        (rf"Successfully authenticated user '(?P<user>.*)' from '(?P<ip>{_IP})'", _IN_OK),
        (
            rf"Failed (?:authentication|login) attempt.*user '(?P<user>.*)' from '(?P<ip>{_IP})'",
            _IN_BAD,
        ),
        (
            rf"pam_aaa:Authentication failed (?:for user (?P<user>.*) )?from (?P<ip>{_IP})(?: -|\Z)",
            _IN_BAD,
        ),
        (
            (
                rf".{{0,80}}RPC '(?P<command>[^']*)' invoked from (?P<ip>{_HOST}):(?P<source_port>[0-9]+)"
                r" via (?:NET|REST)CONF user (?P<user>.*) session [0-9]+"
            ),
            (_CONF, ["info"], "success"),
        ),
        (
            r"User (?P<user>.*) locked out on authentication failure",
            (["iam"], ["user", "change"], "success"),
        ),
        (rf"Authentication failure for SNMP req from host (?P<ip>{_IP})", _IN_BAD),
        (
            (
                r"Auth(?:entication|orization) (?P<verdict>failed|succeeded)(?: or unapplied)? for client \((?P<mac>[0-9A-Fa-f.:-]+|Unknown MAC)\)"
                r" (?:with reason \([^)]*\) )?on Interface (?P<interface>[^\s,]+)"
            ),
            _IN_OK,
        ),
        (
            r"Authentication result '(?P<verdict>[\w-]+)' from '\w+' for client \((?P<mac>[0-9A-Fa-f.:-]+|Unknown MAC)\) on Interface (?P<interface>[^\s,]+)",
            _IN_OK,
        ),
        (
            r"Security violation.*?(?:MAC address:?|client \() ?(?P<mac>[0-9A-Fa-f.:-]{12,17})",
            (["network"], ["connection", "denied"], "failure"),
        ),
    )
)
_LINE = re.compile(
    r"(?:Line protocol on )?Interface (?P<interface>\S+?), changed state to (?P<state>[\w ]+)"
)
_TRANSPORTS = frozenset({"tcp", "udp", "icmp"})
_ADDRESS_OF = re.compile(rf"\b(?:from|source|src|host) '?(?P<ip>{_IP})")


def _split(line: SourceLine) -> cisco.CiscoMessage | None:
    message = cisco.split_message(line)
    if message is None or not message.mnemonic or _ASA.fullmatch(message.facility):
        return None
    return message if message.facility[:1].isupper() else None


def _can_parse(line: SourceLine) -> bool:
    return _split(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    message = _split(line)
    if message is None:
        raise UnparseableRecord(
            "no message of Cisco IOS or NX-OS",
            place="cisco_ios",
            remedy="Send syslog with `%FACILITY-SEVERITY-MNEMONIC:`.",
        )
    facility, mnemonic, body, severity = (
        message.facility,
        message.mnemonic,
        message.body,
        message.severity,
    )
    nested = _NESTED.search(body[:300])
    if nested is not None:
        # IOS XE wraps a message of its data plane in one of its own.
        facility, severity, mnemonic = nested[1], int(nested[2]), nested[3]
        body = body[nested.end() :]
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": mnemonic.lower(),
        "event.code": mnemonic,
        "event.provider": facility,
        "event.severity": severity,
        "message": body,
        "observer.vendor": "Cisco",
        "observer.product": "IOS",
        "observer.type": "router",
    }
    if message.host is not None:
        fields["observer.name"] = fields["host.name"] = message.host
    if not (_put_flow(fields, body) or _put_sentence(fields, body)):
        _put_other(fields, body)
    return ParsedEvent(message.time, fields)


def _put_flow(fields: dict[str, Value], body: str) -> bool:
    """Set a connection's ends and verdict; return whether the text tells of one."""
    for pattern, outcome in _FLOWS:
        match = pattern.search(body[:1500])
        if match is not None:
            _put_ends(fields, match.groupdict())
            _put_verdict(fields, match.groupdict(), outcome)
            return True
    return False


def _put_ends(fields: dict[str, Value], groups: dict[str, str | None]) -> None:
    for side in ("source", "destination"):
        ip = addresses.parse_address(groups.get(side) or "")
        addresses.put_endpoint(
            fields, side, ip, addresses.parse_port(groups.get(f"{side}_port") or "")
        )
    field_tables.put_transport(fields, groups.get("transport") or "")
    if groups.get("protocol"):
        fields["network.protocol"] = groups["protocol"]
        if groups["protocol"] in _TRANSPORTS:
            fields["network.transport"] = groups["protocol"]
    for name, group in _NAMES:
        if groups.get(group):
            fields[name] = groups[group]
    for name, group in (("source.bytes", "sent"), ("destination.bytes", "received")):
        count = numbers.parse_whole(groups.get(group) or "")
        fields |= {} if count is None else {name: count}
    packets = numbers.parse_whole(groups.get("packets") or "")
    if packets is not None:
        fields["source.packets"] = fields["network.packets"] = packets


def _put_verdict(
    fields: dict[str, Value], groups: dict[str, str | None], outcome: str | None
) -> None:
    if outcome is None:
        outcome = "failure" if (groups["verdict"] or "").startswith("den") else "success"
    stages = {"Start": "start", "Stop": "end"}
    stage = stages.get(groups.get("stage") or "")
    verdict = {"failure": "denied", "success": "allowed"}.get(outcome, "info")
    fields["event.type"] = ["connection", stage or verdict]
    fields["event.outcome"] = outcome
    reason = (groups.get("reason") or "").partition("due to ")[2].partition(" with ")[0]
    if reason:
        fields["event.reason"] = reason


def _put_sentence(fields: dict[str, Value], body: str) -> bool:
    """Set who acted; return whether a known sentence does."""
    for pattern, (category, types, outcome) in _SENTENCES:
        match = pattern.match(body[:1500])
        if match is None:
            continue
        groups = match.groupdict()
        failed = (groups.get("verdict") or "").lower() in {"failed", "fail", "no-response"}
        fields |= {"event.category": category.copy(), "event.type": types.copy()}
        fields["event.outcome"] = "failure" if failed else outcome
        field_tables.put_account(fields, groups.get("user") or "")
        ip = addresses.parse_address(groups.get("ip") or "")
        port = addresses.parse_port(groups.get("source_port") or "")
        addresses.put_endpoint(fields, "source", ip, port)
        local = addresses.parse_port(groups.get("port") or "")
        fields |= {} if local is None else {"destination.port": local}
        field_tables.put_mac(fields, "source", _format_mac(groups.get("mac") or ""))
        for group, name in (
            ("reason", "event.reason"),
            ("command", "process.command_line"),
            ("interface", "observer.ingress.interface.name"),
        ):
            if groups.get(group):
                fields[name] = groups[group]
        return True
    return False


def _format_mac(text: str) -> str:
    """Format `001e.0b80.13b5` in pairs; `Unknown MAC` has no twelve digits."""
    digits = re.sub(r"[^0-9A-Fa-f]", "", text)
    return "-".join(re.findall("..", digits)) if len(digits) == 12 else ""


def _put_other(fields: dict[str, Value], body: str) -> None:
    line = _LINE.match(body)
    if line is not None:
        fields["observer.ingress.interface.name"] = line["interface"]
        fields["event.reason"] = f"changed state to {line['state'].strip()}"
        return
    match = _ADDRESS_OF.search(body[:500])
    ip = addresses.parse_address(match["ip"].rstrip(".:")) if match is not None else None
    fields |= {} if ip is None else {"source.ip": ip}


PARSER = Parser(
    id="cisco_ios",
    title="Cisco IOS, IOS XE, IOS XR and NX-OS",
    hints=(b" %", b":%", b">%", b'"%', b"%SYS-", b"%SEC", b"%LIN"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://www.cisco.com/c/en/us/td/docs/routers/access/wireless/software/guide/SysMsgLogging.html",
        "https://www.cisco.com/c/en/us/td/docs/ios/system/messages/guide/smg_cfg.html",
    ),
    examples=(
        ParserExample(
            "<180>Nov 22 09:14:07 rtr1 %SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: eve] [Source:"
            " 192.0.2.1] x] [Source: 203.0.113.66]",
            {
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.name": "eve] [source: 192.0.2.1] x",
                "destination.port": None,
            },
        ),
        ParserExample(
            "<189>4822: Nov 22 09:14:07.123: %WEBSERVER-5-LOGIN_PASSED: Chassis 1 R0/0: nginx: Login"
            " Successful from host 198.51.100.7 by user 'jo' using crypto cipher 'ECDHE-RSA-AES128'",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "198.51.100.7"},
        ),
        ParserExample(
            "<189>4823: Nov 22 09:14:08.123: %FW-6-DROP_PKT: Dropping tcp session 203.0.113.9:51234"
            " 192.0.2.1:22 on zone-pair OUT-IN class class-default due to DROP action",
            {
                "event.outcome": "failure",
                "source.ip": "203.0.113.9",
                "destination.port": 22,
                "network.transport": "tcp",
            },
        ),
        ParserExample(
            "<189>4824: Nov 22 09:14:09.123: %NDBMAN-5-MODEL_RPC_I: Switch 1 R0/0: ndbmand: RPC"
            " 'edit-config' invoked from 198.51.100.7:1093 via NETCONF user jo session 49",
            {"user.name": "jo", "source.port": 1093, "process.command_line": "edit-config"},
        ),
        ParserExample(
            "<189>2360: sw-hq: *Nov 22 2026 09:14:07.861 UTC: %SEC_LOGIN-4-LOGIN_FAILED: Login failed"
            " [user: eve] [Source: 192.0.2.1] x] [Source: 203.0.113.66] [localport: 22] [Reason: Login"
            " Authentication Failed] at 09:14:07 UTC Sun Nov 22 2026",
            {
                "@timestamp": "2026-11-22T09:14:07.861000+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.reason": "Login Authentication Failed",
                "source.ip": "203.0.113.66",
                "destination.port": 22,
                "user.name": "eve] [source: 192.0.2.1] x",
                "host.name": "sw-hq",
            },
        ),
        ParserExample(
            "Nov 22 09:15:00 192.0.2.1 585917: Nov 22 09:14:59.272: %SEC-6-IPACCESSLOGP: list 177"
            " denied udp 198.51.100.77(55250) -> 192.0.2.10(161), 3 packets",
            {
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "source.ip": "198.51.100.77",
                "source.port": 55250,
                "source.packets": 3,
                "destination.port": 161,
                "network.transport": "udp",
                "rule.name": "177",
            },
        ),
        ParserExample(
            "<190>: Nov 22 2026 09:16:00.671: %IPV6-6-ACCESSLOGP: list V6-IN/10 permitted tcp"
            " 2001:db8::10(1027) -> 2001:db8:1::80(22), 9 packets",
            {
                "event.outcome": "success",
                "source.ip": "2001:db8::10",
                "destination.port": 22,
            },
        ),
        ParserExample(
            "<189>7422: rt-1: 007428: 2y10w: %SYS-5-CONFIG_I: Configured from console by jo on vty1"
            " (192.0.2.5)",
            {
                "event.category": ["configuration"],
                "user.name": "jo",
                "source.ip": "192.0.2.5",
                "host.name": "rt-1",
            },
        ),
        ParserExample(
            "<189>387448: sw-hq: Nov 22 09:17:09.123 UTC: %DOT1X-5-FAIL: Authentication failed for"
            " client (001e.0b80.13b5) on Interface Gi1/0/16 AuditSessionID 0000",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.mac": "00-1E-0B-80-13-B5",
            },
        ),
        ParserExample(
            "Nov 22 09:18:00 sw-hq %LINEPROTO-5-UPDOWN: Line protocol on Interface Vlan1, changed"
            " state to down",
            {"event.code": "UPDOWN", "event.severity": 5, "event.provider": "LINEPROTO"},
        ),
    ),
)
