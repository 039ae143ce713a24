"""Read the sentences of a WatchGuard Firebox: sign-ins, attacks, leases, analysed files."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from streams.parsers.watchguard_firebox import tunnels
from streams.tokenizers import addresses, field_tables, leases

IP = r"[0-9A-Fa-f]*+[.:][0-9A-Fa-f:.]++"
_PERSON = re.compile(
    rf"(?P<kind>[\w /.-]{{0,60}}?)\b(?:[Uu]ser|TLS client):? \[?(?P<user>.*?)\]?,? (?:from|at)(?: IP)?(?: address)? (?P<ip>{IP})[, ]+"
    r"(?P<what>logged in|logged out|log ?in attempt was rejected|login attempt was rejected|was accepted"
    r"|was rejected|authenticated|authentication failed|log ?out)(?P<rest>.*)",
    re.DOTALL,
)
_REASON = re.compile(r"(?:\A, | - |, reason[: ]*|reason=|because )(.+?)\.?\Z")
_FAILED_LOGIN = ("authentication", "start", "failure", "login")
_ACCOUNTS: tuple[tuple[re.Pattern[str], tuple[str, str, str, str]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), kind)
    for pattern, kind in (
        (
            r"Authentication of [\w ./-]{1,60}\[(?P<user>[^\]]{1,256})\] failed\b[. ]*(?P<reason>.*)",
            _FAILED_LOGIN,
        ),
        (
            r"Authentication error\. (?P<reason>Domain not found) for (?P<user>.{1,256}?)\.?\Z",
            _FAILED_LOGIN,
        ),
        (
            r"VPN \(\w{2,12}\) connection by user (?P<user>.{1,256}) failed to meet (?P<reason>.*)",
            ("session", "denied", "failure", "vpn-connection"),
        ),
        (
            r"VPN \(\w{2,12}\) connection by user (?P<user>.{1,256}) met all",
            ("session", "allowed", "success", "vpn-connection"),
        ),
        (
            (
                r"Mobile VPN with [\w ]{2,20} user (?P<user>.{1,256}) logged in\."
                rf"(?: Virtual IP address is {IP})?(?: Real IP address is (?P<ip>{IP}))?\s*\Z"
            ),
            ("authentication", "start", "success", "login"),
        ),
        (
            (
                r"Mobile VPN with [\w ]{2,20} user (?P<user>.{1,256}) logged out\."
                rf"(?: Virtual IP address is {IP})?(?: Real IP address is (?P<ip>{IP}))?\s*\Z"
            ),
            ("authentication", "end", "success", "logout"),
        ),
        (
            r"User (?P<user>.{1,256}) is unlocked (?P<reason>.*)",
            ("iam", "change", "success", "user-unlocked"),
        ),
        (
            (
                r"Virtual IP address from '.{1,128}' address pool is not available for Mobile VPN with \w{1,20} user"
                r" '(?P<user>.{1,256})'"
            ),
            ("session", "denied", "failure", "vpn-connection"),
        ),
        (
            r"Mobile device [\w-]{1,64}: user (?P<user>.{1,256}) logged in",
            ("authentication", "start", "success", "login"),
        ),
        (
            r"Mobile device [\w-]{1,64}: user (?P<user>.{1,256}) logged out",
            ("authentication", "end", "success", "logout"),
        ),
        (
            r"User (?P<user>.{1,256}) is locked out (?P<reason>.*)",
            ("iam", "change", "success", "user-locked"),
        ),
    )
)
"""Sentences about an account without an address: category, type, outcome, action."""
_CHANGE = re.compile(
    rf"(?:Management user|WSM User) (?P<user>\S.{{0,255}}?) from (?P<ip>{IP}) (?P<what>(?:added|modified|removed|deleted"
    r"|created|changed|enabled|disabled|updated|imported|exported|restored|moved|reset|replaced|renamed|upgraded)\b.*)",
    re.DOTALL,
)
_KEY_CHANGE = re.compile(
    r"(?P<user>\S{1,256}) (?P<what>(?:added|removed) feature key\b.*)", re.DOTALL
)
"""Sentences about the device's settings."""
_OUT = frozenset({"logged out", "logout", "log out"})
_ATTACKS = (
    re.compile(
        rf"(?P<name>.{{1,60}}?) attack against (?P<destination>{IP}) from (?P<source>{IP}) detected"
    ),
    re.compile(rf"(?P<name>.{{1,60}}?) attack from (?P<source>{IP}) detected"),
    re.compile(rf"(?P<name>DDOS) from client (?P<source>{IP}) detected"),
    re.compile(rf"(?P<name>DDOS) against server (?P<destination>{IP}) detected"),
    re.compile(
        rf"(?P<name>Blocked site|Blocked port|IP spoofing): Traffic detected from (?P<source>{IP}) to"
        rf" (?P<destination>{IP})(?: on port (?P<port>[0-9]{{1,5}}))?"
    ),
    re.compile(rf"(?P<name>Temporarily blocking) host (?P<source>{IP})"),
    re.compile(
        rf"(?P<name>ARP spoofing|MAC spoofing)(?: attack detected)?, ip=(?P<source>{IP})(?:, mac=(?P<mac>[0-9A-Fa-f:]{{17}}))?"
    ),
)
_DETAIL = re.compile(r"(Source|Destination) (IP|Port)(?: Address)?: ([0-9A-Fa-f:.]{1,45})")


def put_sentence(fields: dict[str, Value], body: str) -> None:
    """Set what the sentence says."""
    fields["message"] = body
    person = _PERSON.search(body[:1000])
    if person is not None:
        _put_person(fields, person)
        return
    puts = (_put_account, _put_change, tunnels.put_negotiation)
    if any(put(fields, body) for put in puts):
        return
    for pattern in _ATTACKS:
        match = pattern.search(body[:400])
        if match is not None:
            _put_attack(fields, match)
            return
    leases.put_lease(fields, body)
    for side, what, value in _DETAIL.findall(body[:2000]):
        name = f"{side.lower()}.{what.lower()}"
        parsed = addresses.parse_address(value) if what == "IP" else addresses.parse_port(value)
        fields |= {} if parsed is None else {name: parsed}
    if "APT" in body[:40]:
        fields["event.category"] = ["network", "malware"]


def _put_account(fields: dict[str, Value], body: str) -> bool:
    """Set what a sentence about an account says; return whether it is one."""
    for pattern, (category, kind, outcome, action) in _ACCOUNTS:
        match = pattern.match(body)
        if match is not None:
            fields |= {"event.category": [category], "event.type": [kind]}
            fields |= {"event.outcome": outcome, "event.action": action}
            put_name(fields, match["user"])
            ip = addresses.parse_address((match.groupdict().get("ip") or "").rstrip("."))
            fields |= {} if ip is None else {"source.ip": ip}
            reason = match.groupdict().get("reason")
            fields |= {} if not reason else {"event.reason": reason.rstrip(".")}
            return True
    return False


def _put_change(fields: dict[str, Value], body: str) -> bool:
    """Set who changed a setting and from where; return whether the sentence tells it."""
    match = _CHANGE.match(body) or _KEY_CHANGE.match(body)
    if match is None:
        return False
    fields |= {"event.category": ["configuration"], "event.type": ["change"]}
    fields |= {"event.outcome": "success", "event.action": "configuration-changed"}
    put_name(fields, match["user"])
    ip = addresses.parse_address(match.groupdict().get("ip") or "")
    fields |= {} if ip is None else {"source.ip": ip}
    return True


def _put_person(fields: dict[str, Value], match: re.Match[str]) -> None:
    what = match["what"]
    rejected = "reject" in what or "fail" in what
    fields["event.category"] = ["authentication"]
    fields["event.type"] = ["end"] if what in _OUT else ["start"]
    fields["event.outcome"] = "failure" if rejected else "success"
    fields["event.action"] = "logout" if what in _OUT else "login"
    fields["source.ip"] = addresses.parse_address(match["ip"].rstrip("."))
    put_name(fields, match["user"])
    reason = _REASON.search(match["rest"][:300])
    if reason is not None and rejected:
        fields["event.reason"] = reason[1]


def put_name(fields: dict[str, Value], text: str) -> None:
    """Set the user of `name@server`, where a server without a dot is no part of a mail address."""
    text = text.strip("[]' ")
    name, at, domain = text.rpartition("@")
    is_server = bool(at) and "." not in domain
    field_tables.put_account(fields, name if is_server else text)
    fields |= {"user.domain": domain} if is_server else {}


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
    field_tables.put_mac(fields, "source", groups.get("mac") or "")
    port = addresses.parse_port(groups.get("port") or "")
    fields |= {} if port is None else {"destination.port": port}
