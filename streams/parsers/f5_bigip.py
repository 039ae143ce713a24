"""Parse F5 BIG-IP's system messages: `01070417:6: AUDIT - user jo - RAW: httpd(pam_audit): …`.

Eight digits say what happened. Read are administrators' sign-ins and commands, the sign-ins of the
access policy manager (APM) and refused TLS. The lines of an APM session share its number; the module
that refuses a password names the account, and the policy's result repeats the refusal."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, field_tables, mail_sign_ins, numbers

_START = re.compile(r"\s*+(?P<code>[0-9a-f]{8}):(?P<level>[0-7]): ")
_LEVELS = frozenset({"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"})
_IP = r"[0-9A-Fa-f.:]{2,45}"
_ATTEMPT = re.compile(
    r"(?:AUDIT - user (?:(?! - RAW: ).){0,128}+ - RAW: )?+"
    r"(?P<app>[\w.-]{2,32}+)\((?:pam_audit|mod_auth_pam)\): "
    r"(?:user=(?P<user>.{1,128})\([^()]{0,128}+\) partition=\S{0,128}+ level=(?P<role>[\w-]{0,64}+(?: [\w-]{1,32}+){0,4})"
    rf" tty=\S{{0,64}}+ host=(?P<host>{_IP}(?= )|\S{{1,255}}+) attempts=(?P<count>[0-9]{{1,6}}+) start="
    r"|[Uu]ser=(?P<bad>.{0,128}) tty=\S{0,64}+ host=(?P<bad_host>\S{1,255}+) failed to login after"
    r" (?P<bad_count>[0-9]{1,6}+) attempts)",
    re.DOTALL,
)
_COMMAND = re.compile(
    r"AUDIT - pid=[0-9]{1,10} user=(?P<user>\S{1,128}) folder=\S{0,255} module=\S{0,64}# "
    r"status=\[(?P<status>[^\]]{0,255})\] cmd_data=(?P<command>.*)",
    re.DOTALL,
)
_CHANGE = re.compile(
    r"AUDIT - (?:client (?P<client>\S{1,128}), )?user (?>(?P<user>.{1,128}?) - )(?P<what>.*?)"
    r"(?: ?\[Status=(?P<status>[^\]]{0,255}+)\])?\Z",
    re.DOTALL,
)
_HANDSHAKE = re.compile(
    rf"SSL Handshake failed for (?P<transport>TCP|UDP) (?P<source>{_IP}):(?P<source_port>[0-9]{{1,5}})"
    rf" -> (?P<destination>{_IP}):(?P<destination_port>[0-9]{{1,5}})"
)
_SESSION = re.compile(r"(?P<profile>/\S{1,255}):(?P<part>[\w-]{1,64}):(?P<id>[0-9a-f]{8}): ")
_NEW = re.compile(
    rf"New session from client IP (?P<source>{_IP})(?: \([^()]{{0,255}}\))? at VIP (?P<destination>{_IP})"
)
_NAME = re.compile(r"Username '(?P<user>.*)'\s*\Z", re.DOTALL)
_RESULT = re.compile(r"Access policy result: (?P<result>\S{1,128})")
_MODULE = re.compile(
    r"(?P<module>[\w ]{2,32}) [Mm]odule: (?:Failed to authenticate user|authentication (?:with|for user)) '(?P<user>.*)'"
    r"(?: failed(?: in [\w ()-]{1,64})?: (?P<reason>.*)| (?P<good>successful|succeeded).*)",
    re.DOTALL,
)
_TUNNEL = re.compile(
    rf"Assigned PPP (?>.{{0,255}}? ?IPv[46]: )(?P<inner>{_IP}) .*Client IP: (?P<source>{_IP})"
)
_VOLUME = re.compile(
    r"Session statistics - bytes in: (?P<received>[0-9]{1,18}), bytes out: (?P<sent>[0-9]{1,18})"
)
_DELETED = re.compile(
    r"Session deleted(?: \([^()]{0,64}\))?(?: due to (?P<reason>.{1,128}?))?\.?\s*\Z"
)


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None:
        raise UnparseableRecord(
            "no message of F5 BIG-IP (eight digits and a level)",
            place="f5_bigip",
            remedy="Send BIG-IP's syslog.",
        )
    body = line.text[start.end() :].rstrip()
    session = _SESSION.match(body)
    if session is None:
        fields = _build_audit(body) or _build_traffic(body)
    else:
        fields = _build_access(body[session.end() :])
    if fields is None:
        return IgnoredLine("BIG-IP describes its own state")
    fields |= {
        "event.code": start["code"],
        "event.severity": int(start["level"]),
        "observer.vendor": "F5",
        "observer.product": "BIG-IP",
    }
    frame = line.frame
    if frame.host and frame.host not in _LEVELS:
        fields["host.name"] = fields["observer.name"] = frame.host
    pid = numbers.parse_whole(frame.pid or "")
    fields |= {} if pid is None else {"process.pid": pid}
    if session is None:
        return ParsedEvent(frame.time, fields)
    fields |= {"rule.ruleset": session["profile"], "network.application": "vpn"}
    key = f"f5:{fields.get('host.name', line.source)}:{session['id']}"
    return ParsedEvent(
        frame.time, fields, session=key, is_retelling=fields["event.action"] == "access-policy"
    )


def _build(category: list[str], types: list[str], outcome: str, action: str) -> dict[str, Value]:
    return {
        "event.category": category,
        "event.type": types,
        "event.outcome": outcome,
        "event.action": action,
    }


def _build_audit(body: str) -> dict[str, Value] | None:
    attempt = _ATTEMPT.match(body)
    if attempt is not None:
        outcome = "failure" if attempt["bad_host"] else "success"
        user = attempt["bad"] if outcome == "failure" else attempt["user"]
        fields = mail_sign_ins.build_sign_in(outcome, "admin-login", user=user)
        fields["breach.auth.attempts"] = int(attempt["bad_count"]) if attempt["bad_count"] else 1
        mail_sign_ins.put_client(fields, attempt["bad_host"] or attempt["host"])
        fields["network.application"] = attempt["app"]
        if attempt["role"]:
            fields["user.roles"] = [attempt["role"]]
        return fields
    command = _COMMAND.match(body)
    if command is not None:
        outcome = "success" if command["status"] == "Command OK" else "failure"
        fields = _build(["configuration"], ["change"], outcome, "command-executed")
        fields["process.command_line"] = command["command"].rstrip(" ;")
        if outcome == "failure":
            fields["event.reason"] = command["status"]
        field_tables.put_account(fields, command["user"])
        return fields
    change = _CHANGE.match(body)
    if change is None:
        return None
    status = change["status"]
    outcome = "unknown" if status is None else "success" if status == "Command OK" else "failure"
    fields = _build(["configuration"], ["change"], outcome, "configuration-changed")
    field_tables.put_account(fields, change["user"])
    fields["message"] = change["what"]
    return fields


def _build_traffic(body: str) -> dict[str, Value] | None:
    match = _HANDSHAKE.match(body)
    if match is None:
        return None
    fields = _build(["network"], ["connection", "denied"], "failure", "tls-handshake")
    fields["network.transport"] = match["transport"].lower()
    for side in ("source", "destination"):
        ip = addresses.parse_address(match[side])
        addresses.put_endpoint(fields, side, ip, addresses.parse_port(match[f"{side}_port"]))
    return fields


def _build_access(body: str) -> dict[str, Value] | None:
    """Build a step of an APM session."""
    module = _MODULE.match(body)
    if module is not None:
        outcome = "success" if module["good"] else "failure"
        fields = mail_sign_ins.build_sign_in(outcome, "access-login")
        field_tables.put_account(fields, module["user"])
        fields["breach.auth.method"] = module["module"].casefold()
        fields |= {"event.reason": module["reason"][:254]} if module["reason"] else {}
        return fields
    result = _RESULT.match(body)
    if result is not None:
        outcome = "failure" if "deny" in result["result"].casefold() else "success"
        fields = mail_sign_ins.build_sign_in(outcome, "access-policy")
        return fields | {"event.reason": result["result"]}
    return _build_session(body)


def _build_session(body: str) -> dict[str, Value] | None:
    opened, name, tunnel = _NEW.match(body), _NAME.match(body), _TUNNEL.match(body)
    volume, deleted = _VOLUME.match(body), _DELETED.match(body)
    if opened is not None:
        fields = _build(
            ["network", "session"], ["connection", "start"], "unknown", "session-opened"
        )
        for side in ("source", "destination"):
            addresses.put_endpoint(fields, side, addresses.parse_address(opened[side]), None)
    elif name is not None:
        fields = _build(["session"], ["info"], "unknown", "session-user")
        field_tables.put_account(fields, name["user"])
    elif tunnel is not None:
        fields = _build(["network", "session"], ["info"], "success", "vpn-address-assigned")
        addresses.put_endpoint(fields, "source", addresses.parse_address(tunnel["source"]), None)
        fields["source.nat.ip"] = addresses.parse_address(tunnel["inner"])
    elif volume is not None:
        fields = _build(["network", "session"], ["connection", "info"], "success", "session-volume")
        fields |= {
            "source.bytes": int(volume["received"]),
            "destination.bytes": int(volume["sent"]),
        }
    elif deleted is not None:
        fields = _build(["session"], ["end"], "success", "session-closed")
        fields |= {"event.reason": deleted["reason"]} if deleted["reason"] else {}
    else:
        return None
    return fields


_APM = "<141>Nov 22 01:06:15 bigip1.contoso.example notice apmd[11023]: "
_ACCESS = "/Common/vpn:Common:8c6be305: "
PARSER = Parser(
    id="f5_bigip",
    title="F5 BIG-IP (administrators, APM)",
    hints=(b": 010", b": 014", b": 012", b": 011", b": 015"),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://my.f5.com/manage/s/article/K16197",),
    examples=(
        ParserExample(
            "<166>Nov 22 01:06:15 bigip1.contoso.example info httpd(pam_audit)[16784]: 01070417:6: AUDIT -"
            " user jo - RAW: httpd(pam_audit): user=jo(jo) partition=[All] level=Administrator"
            ' tty=(unknown) host=192.0.2.77 attempts=1 start="Sun Nov 22 01:06:10 2026" end="Sun Nov 22'
            ' 01:06:15 2026".',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo",
                "source.ip": "192.0.2.77",
                "host.name": "bigip1.contoso.example",
                "network.application": "httpd",
            },
        ),
        ParserExample(
            "<166>Nov 22 01:06:15 bigip1.contoso.example info sshd(pam_audit)[21398]: 01070417:6: AUDIT -"
            " user x host=192.0.2.1 - RAW: sshd(pam_audit): User=x host=192.0.2.1 tty=ssh host=2001:db8::7"
            ' failed to login after 3 attempts (start="Sun Nov 22 01:06:10 2026" end="Sun Nov 22").',
            {
                "event.outcome": "failure",
                "user.name": "x host=192.0.2.1",
                "source.ip": "2001:db8::7",
                "breach.auth.attempts": 3,
            },
        ),
        ParserExample(
            "<133>Nov 22 01:06:15 bigip1.contoso.example notice tmsh[16322]: 01420002:5: AUDIT - pid=16322"
            " user=root folder=/Common module=(tmos)# status=[Command OK] cmd_data=modify auth user jo ;",
            {
                "event.category": ["configuration"],
                "event.outcome": "success",
                "user.name": "root",
                "process.command_line": "modify auth user jo",
            },
        ),
        ParserExample(
            f"{_APM}01490106:4: {_ACCESS}AD module: authentication with 'jo' failed: Preauthentication failed",
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "user.name": "jo",
                "breach.auth.method": "ad",
                "rule.ruleset": "/Common/vpn",
            },
        ),
        ParserExample(
            f"{_APM}01490500:5: {_ACCESS}New session from client IP 203.0.113.66 (ST=X/CC=GB/C=EU) at VIP"
            " 192.0.2.10 Listener /Common/vs1 (Reputation=Unknown)",
            {"source.ip": "203.0.113.66", "destination.ip": "192.0.2.10"},
        ),
        ParserExample(
            f"{_APM}01490102:5: {_ACCESS}Access policy result: Logon_Deny",
            {"event.outcome": "failure", "event.action": "access-policy"},
        ),
        ParserExample(
            "<164>Nov 22 01:06:15 bigip1 warning tmm[23068]: 01260013:4: SSL Handshake failed for TCP"
            " 203.0.113.66:50365 -> 192.0.2.10:443",
            {
                "event.type": ["connection", "denied"],
                "source.ip": "203.0.113.66",
                "source.port": 50365,
                "host.name": None,
            },
        ),
        ParserExample(
            "<133>Nov 22 01:06:15 bigip1 notice mcpd[10653]: 01070638:5: Pool /Common/p1 member"
            " /Common/n1:80 monitor status down.",
            None,
        ),
    ),
)
