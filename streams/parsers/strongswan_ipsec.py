"""Parse strongSwan's daemon (charon): `08[IKE] <con1|5> authentication of 'jo' with EAP successful`.

pfSense, OPNsense, Meraki, UniFi and most Linux gateways use it. A sign-in is told by the method that
checks it and again by the tunnel that opens; the lines of one connection share its number."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, field_tables

_SUBSYSTEMS = (
    *("APP", "ASN", "CFG", "CHD", "DMN", "ENC", "ESP", "IKE", "IMC", "IMV", "JOB", "KNL", "LIB"),
    *("MGR", "NET", "PTS", "TLS", "TNC"),
)
_START = re.compile(
    rf"\s*+[0-9]{{1,3}}\[(?:{'|'.join(_SUBSYSTEMS)})\] ++"
    r"(?:<(?P<name>[^<>]{1,128})> )?"
)
_IP = r"[0-9A-Fa-f.:]{2,45}"
_PACKET = re.compile(
    rf"(?:sending|received) packet: from (?P<source>{_IP})\[(?P<source_port>[0-9]{{1,5}})\]"
    rf" to (?P<destination>{_IP})\[(?P<destination_port>[0-9]{{1,5}})\]"
)
_TUNNEL = re.compile(
    r"(?:IKE_SA \S{1,160} (?P<what>established|deleted)|deleting IKE_SA \S{1,160}) between"
    rf" (?P<destination>{_IP})\[(?P<own>[^\]]{{0,320}})\]\.\.\.(?P<source>{_IP})\[(?P<user>.{{0,320}})\]"
)
_USER = r"(?P<user>.{1,320})"
_SIGN_INS = tuple(
    (re.compile(pattern, re.DOTALL), outcome)
    for pattern, outcome in (
        (rf"authentication of '{_USER}' with (?P<how>[^']{{1,80}}) successful", "success"),
        (rf"authentication of '{_USER}' with (?P<how>[^']{{1,80}}) failed", "failure"),
        (rf"(?P<how>XAuth|RADIUS|PAM) authentication of '{_USER}' successful", "success"),
        (rf"(?P<how>XAuth|RADIUS|PAM) authentication of '{_USER}' failed", "failure"),
        (
            rf"(?P<how>XAuth)-SCRIPT (?:failed|succeeded) for user '{_USER}' with return status: (?!0\.)-?[0-9]{{1,5}}\.?",
            "failure",
        ),
        (
            rf"(?P<how>XAuth)-SCRIPT succeeded for user '{_USER}'(?: with return status: 0)?\.?",
            "success",
        ),
        (
            rf"[Cc]ould not authenticate with (?P<how>XAuth) secrets for '[^']{{0,320}}' - '{_USER}'",
            "failure",
        ),
        (rf"EAP method (?P<how>\w{{2,40}}) failed for peer {_USER}", "failure"),
        (r"(?P<how>EAP[_-]\w{2,40}) verification failed.{0,80}", "failure"),
        (
            rf"tried [0-9]{{1,5}} shared keys? for '[^']{{0,320}}' - '{_USER}', but MAC mismatched",
            "failure",
        ),
        (
            rf"no (?:trusted RSA public key|shared key|EAP key|XAuth secret) found for '{_USER}'",
            "failure",
        ),
    )
)
_LEASE = re.compile(
    rf"assigning virtual IP (?P<ip>{_IP}) to peer '(?P<user>.{{1,320}})'", re.DOTALL
)


def _can_parse(line: SourceLine) -> bool:
    return _START.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None:
        raise UnparseableRecord(
            "no message of strongSwan's daemon",
            place="strongswan_ipsec",
            remedy="Send charon's syslog.",
        )
    body = line.text[start.end() :].rstrip()
    fields: dict[str, Value] = {"network.application": "vpn", "service.name": "charon"}
    is_retelling = _put_act(fields, body)
    if is_retelling is None:
        return IgnoredLine("strongSwan describes its own state")
    if line.frame.host is not None:
        fields["host.name"] = line.frame.host
    host, name = line.frame.host or line.source, start["name"]
    session = f"strongswan:{host}:{name}" if name is not None and "|" in name else None
    return ParsedEvent(
        line.frame.time, fields, session=session, is_retelling=is_retelling and session is not None
    )


def _put_act(fields: dict[str, Value], body: str) -> bool | None:
    """Set what the line tells; return whether another line tells it more fully, None: no act."""
    for pattern, outcome in _SIGN_INS:
        match = pattern.fullmatch(body)
        if match is not None:
            _put_sign_in(fields, match, outcome)
            return "user" not in match.groupdict() or body.startswith(
                ("EAP", "RADIUS", "PAM", "XAuth-SCRIPT", "Could", "could")
            )
    tunnel = _TUNNEL.match(body)
    if tunnel is not None:
        stage = "start" if tunnel["what"] == "established" else "end"
        _put_kind(fields, ["network", "session"], ["connection", stage], f"vpn-tunnel-{stage}")
        _put_ends(fields, tunnel)
        if addresses.parse_address(tunnel["user"]) is None:
            field_tables.put_account(fields, tunnel["user"])
        return False
    packet, lease = _PACKET.match(body), _LEASE.match(body)
    if packet is not None:
        _put_kind(fields, ["network"], ["connection", "info"], "ike-packet")
        _put_ends(fields, packet)
        return False
    if lease is not None:
        _put_kind(fields, ["network", "session"], ["info"], "vpn-address-assigned")
        field_tables.put_account(fields, lease["user"])
        fields["source.nat.ip"] = addresses.parse_address(lease["ip"])
        return False
    return None


def _put_kind(fields: dict[str, Value], category: list[str], types: list[str], action: str) -> None:
    fields |= {"event.category": category, "event.type": types, "event.action": action}
    fields["event.outcome"] = "unknown" if types == ["connection", "info"] else "success"


def _put_sign_in(fields: dict[str, Value], match: re.Match[str], outcome: str) -> None:
    groups = match.groupdict()
    _put_kind(fields, ["authentication"], ["start"], "vpn-login")
    fields["event.outcome"] = outcome
    user = (groups.get("user") or "").strip("'")
    if addresses.parse_address(user) is None:
        field_tables.put_account(fields, user)
    if groups.get("how"):
        fields["breach.auth.method"] = groups["how"].lower()
    if outcome == "failure":
        fields["event.reason"] = match[0][:254]


def _put_ends(fields: dict[str, Value], match: re.Match[str]) -> None:
    groups = match.groupdict()
    for side in ("source", "destination"):
        port = addresses.parse_port(groups.get(f"{side}_port") or "")
        addresses.put_endpoint(fields, side, addresses.parse_address(groups[side]), port)


PARSER = Parser(
    id="strongswan_ipsec",
    title="strongSwan IPsec daemon (charon)",
    hints=tuple(f"[{name}] ".encode() for name in _SUBSYSTEMS),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://docs.strongswan.org/docs/latest/config/logging.html",),
    examples=(
        ParserExample(
            "<30>Nov 22 09:14:07 gw1 charon[18610]: 08[IKE] <con1|5> authentication of"
            " 'jo@contoso.example' with EAP successful",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.email": "jo@contoso.example",
                "host.name": "gw1",
            },
        ),
        ParserExample(
            "Nov 22 09:14:08 gw1 charon: 12[IKE] <con1|6> XAuth authentication of 'eve' failed",
            {"event.outcome": "failure", "user.name": "eve", "breach.auth.method": "xauth"},
        ),
        ParserExample(
            "Nov 22 09:14:09 gw1 charon: 12[IKE] <con1|5> IKE_SA con1[5] established between"
            " 192.0.2.1[gw.example]...2001:db8::9[jo@contoso.example]",
            {
                "event.category": ["network", "session"],
                "event.type": ["connection", "start"],
                "source.ip": "2001:db8::9",
                "destination.ip": "192.0.2.1",
                "user.name": "jo@contoso.example",
            },
        ),
        ParserExample(
            "<30>1 2026-11-22T09:14:10-05:00 gw1 charon 18610 - - 14[NET] <con1|5> received packet:"
            " from 203.0.113.9[4500] to 192.0.2.1[4500] (464 bytes)",
            {
                "@timestamp": "2026-11-22T14:14:10+00:00",
                "source.ip": "203.0.113.9",
                "source.port": 4500,
                "destination.port": 4500,
            },
        ),
        ParserExample("Nov 22 09:14:11 gw1 charon: 08[CFG]   dpd_delay = 0", None),
        ParserExample(
            "Nov 22 09:14:12 gw1 charon: 08[IKE] <con1|7> tried 1 shared key for 'gw' - 'x' with EAP"
            " successful', but MAC mismatched",
            {"event.outcome": "failure", "user.name": "x' with eap successful"},
        ),
    ),
)
