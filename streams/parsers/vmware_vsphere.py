"""Parse VMware ESXi's and vCenter's sign-ins, refusals and locked accounts.

ESXi tells a refusal twice: the password's and the event's. The event is the fuller line. The address is
the end of a sentence, so what a stranger types stands before it."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, directory_names, mail_sign_ins

_ORIGIN = re.compile(
    r"(?:(?:(?:info|warning|error|verbose|trivia) )?(?P<app>[\w-]{2,16})\[[0-9A-Fa-f]{1,12}\]:? )?"
    r"\[Originator@6876 sub=(?P<sub>[\w.\-/: ]{1,80}?)(?P<rest>(?: \w+=[^\]\s]{1,120})*+)\] ?"
    r"(?:\[[\w.:/-]{1,80}\] ?)?"
)
_OPERATION = re.compile(r" opID=([\w:-]{1,80})")
_NUMBERED = re.compile(r"Event [0-9]{1,10} : ")
_VCENTER = re.compile(
    r"(?:\[[^\[\]]{0,60}\] )?Event \[(?P<id>[0-9]{1,12})\] \[[0-9]{1,4}-[0-9]{1,4}\] \[(?P<time>[^\[\]]{10,40})\]"
    r" \[(?P<kind>[\w.]{3,120})\] \[(?P<level>\w{2,12})\] \[(?P<user>[^\[\]]{0,255})\] \[[^\[\]]{0,255}\]"
    r" \[[^\[\]]{0,64}\] \[(?P<message>.*)\]\s*\Z",
    re.DOTALL,
)
_ADDRESS = r"(?P<ip>[0-9A-Fa-f.:]{2,45}?)"
_LOCKED = (
    r"Remote access for ESXi local user account '(?P<user>.*)' has been locked for [0-9]{1,9} seconds"
    r" after (?P<fails>[0-9]{1,9}) failed login attempts\.?\s*\Z"
)
_SENTENCES = tuple(
    (re.compile(pattern, re.DOTALL), outcome, action, fuller)
    for pattern, outcome, action, fuller in (
        (rf"Cannot login (?P<user>.*)@{_ADDRESS}(?:: .*)?\s*\Z", "failure", "vsphere_login", True),
        (
            rf"User (?P<user>.*)@{_ADDRESS} logged in as (?P<agent>[^\n]{{1,200}})\s*\Z",
            "success",
            "vsphere_login",
            True,
        ),
        (
            rf"User (?P<user>.*)@{_ADDRESS} logged out(?: \(.*\))?\s*\Z",
            "unknown",
            "vsphere_logout",
            True,
        ),
        (
            rf"Rejected password for user (?P<user>.*) from {_ADDRESS}\s*\Z",
            "failure",
            "vsphere_login",
            False,
        ),
        (
            rf"Accepted password for user (?P<user>.*) from {_ADDRESS}\s*\Z",
            "success",
            "vsphere_login",
            False,
        ),
        (
            _LOCKED,
            "failure",
            "account-locked",
            True,
        ),
    )
)
_LEVELS = frozenset({"info", "warning", "error", "verbose", "trivia"})
"""What `hostd.log` has where syslog has the host."""
_APPS = frozenset({"hostd", "vpxd", "vpxa", "vobd", "vpxd-svcs", "rhttpproxy", "fdm", "esxupdate"})
_ITSELF = frozenset({"dcui", "vpxuser"})
_LOCAL = "127.0.0.1"


def _can_parse(line: SourceLine) -> bool:
    origin = _ORIGIN.match(line.text)
    app = line.frame.app or (None if origin is None else origin["app"])
    if app is None or app.casefold() not in _APPS:
        return False
    return origin is not None or _VCENTER.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    origin, event = _ORIGIN.match(line.text), _VCENTER.match(line.text)
    if not _can_parse(line) or (origin is None and event is None):
        raise UnparseableRecord(
            "no line of vSphere",
            place="vmware_vsphere",
            remedy="Check which parser the source names.",
        )
    text, operation = line.text, None
    if event is not None:
        text = event["message"]
    elif origin is not None:
        numbered = _NUMBERED.match(text, origin.end())
        text = text[(numbered or origin).end() :]
        operation = _OPERATION.search(origin["rest"])
    fields, is_fuller = _build_act(text)
    if fields is None:
        return IgnoredLine("describes the host itself")
    return _complete(fields, line, event, operation, is_fuller=is_fuller)


def _complete(
    fields: dict[str, Value],
    line: SourceLine,
    event: re.Match[str] | None,
    operation: re.Match[str] | None,
    *,
    is_fuller: bool,
) -> ParsedEvent:
    fields |= {"observer.vendor": "VMware", "observer.product": "vCenter" if event else "ESXi"}
    if line.frame.host not in _LEVELS:
        mail_sign_ins.put_frame(fields, line.frame)
    time = line.frame.time
    if event is not None:
        fields["event.code"] = event["kind"].rpartition(".")[2]
        time = device_stamps.parse_stamp(event["time"], line.arrived, line.zone) or time
    host = line.frame.host or ""
    attempt = operation[1] if operation else f"{fields.get('user.name')}/{fields.get('source.ip')}"
    is_attempt = fields["event.action"] == "vsphere_login"
    return ParsedEvent(
        time,
        fields,
        session=f"{host}/{attempt}" if is_attempt else None,
        is_retelling=not is_fuller,
    )


def _build_act(text: str) -> tuple[dict[str, Value] | None, bool]:
    """Build the act of a sentence, and return whether it is the fuller line of it."""
    for pattern, outcome, action, is_fuller in _SENTENCES:
        match = pattern.match(text)
        if match is None:
            continue
        parts = match.groupdict()
        if (parts.get("user") or "").casefold() in _ITSELF and parts.get("ip") == _LOCAL:
            return None, True
        return _build_sentence(parts, outcome, action), is_fuller
    return None, True


def _build_sentence(parts: dict[str, str | None], outcome: str, action: str) -> dict[str, Value]:
    if action == "vsphere_logout":
        fields = mail_sign_ins.build_session_event("end", action)
    else:
        fields = mail_sign_ins.build_sign_in(outcome, action)
    if action == "account-locked":
        del fields["breach.auth.attempts"]
        fields["event.type"] = ["info"]
        fields["event.reason"] = f"{parts['fails']} refused sign-ins"
    directory_names.put_person(fields, parts["user"] or "")
    addresses.put_endpoint(fields, "source", addresses.parse_address(parts.get("ip") or ""), None)
    if parts.get("agent"):
        fields["user_agent.original"] = parts["agent"]
    return fields


_REFUSED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "vsphere_login",
}
_EVENT = "[Originator@6876 sub=Vimsvc.ha-eventmgr opID=esxui-d48c-26a4] Event"
PARSER = Parser(
    id="vmware_vsphere",
    title="VMware ESXi and vCenter",
    hints=(b"Originator@6876", b"] [vim.event.", b"Event ["),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://knowledge.broadcom.com/external/article/321927",
        "https://techdocs.broadcom.com/us/en/vmware-cis/vsphere.html",
    ),
    examples=(
        ParserExample(
            f"<166>2026-11-22T01:06:15.712Z esx01 Hostd: info hostd[2101004] {_EVENT} 175 : Cannot login"
            " root@203.0.113.66",
            _REFUSED
            | {
                "@timestamp": "2026-11-22T01:06:15.712000+00:00",
                "user.name": "root",
                "source.ip": "203.0.113.66",
                "host.name": "esx01",
                "observer.product": "ESXi",
            },
        ),
        ParserExample(
            f"2026-11-22T01:06:15.712Z info hostd[2101004] {_EVENT} 175 : Cannot login root@2001:db8::9",
            _REFUSED | {"user.name": "root", "source.ip": "2001:db8::9", "host.name": None},
        ),
        ParserExample(
            "<164>2026-11-22T01:06:15.712Z esx01 Hostd: warning hostd[2101004] [Originator@6876"
            " sub=Default opID=esxui-d48c-26a4] Rejected password for user root from 203.0.113.66",
            _REFUSED | {"user.name": "root", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            f"<166>2026-11-22T01:06:15Z esx01 Hostd[2099566]: {_EVENT} 112 : User jo@2001:DB8::7 logged in as"
            " VMware-client/8.0.3",
            {
                "event.outcome": "success",
                "user.name": "jo",
                "source.ip": "2001:db8::7",
                "user_agent.original": "VMware-client/8.0.3",
            },
        ),
        ParserExample(
            f"<166>2026-11-22T01:06:15Z esx01 Hostd[2099566]: {_EVENT} 112 : Cannot login x@192.0.2.1 logged"
            " in as y@203.0.113.66",
            _REFUSED | {"source.ip": "203.0.113.66", "user.name": "x@192.0.2.1 logged in as y"},
        ),
        ParserExample(
            "<14>1 2026-11-22T01:06:15.712Z vc01 vpxd 4321 - - Event [12345] [1-1]"
            " [2026-11-22T01:06:15.123456Z] [vim.event.BadUsernameSessionEvent] [error] [] [] [12345]"
            " [Cannot login CONTOSO\\Eve@203.0.113.66]",
            _REFUSED
            | {
                "user.name": "eve",
                "user.domain": "contoso",
                "source.ip": "203.0.113.66",
                "event.code": "BadUsernameSessionEvent",
            },
        ),
        ParserExample(
            f"<166>2026-11-22T01:06:15Z esx01 Hostd[2099566]: {_EVENT} 9 : Remote access for ESXi local user"
            " account 'root' has been locked for 900 seconds after 5 failed login attempts.",
            {"event.action": "account-locked", "user.name": "root", "breach.auth.attempts": None},
        ),
        ParserExample(
            f"<166>2026-11-22T01:06:15Z esx01 Hostd[2099566]: {_EVENT} 9 : Virtual machine web01 powered on",
            None,
        ),
    ),
)
