"""Parse Vaultwarden (and its former name bitwarden_rs): accepted and refused sign-ins of the vault and of
its administration."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, mail_sign_ins

_START = re.compile(
    r"(?:\[(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.,]{8,16}(?: ?[+-][0-9:]{4,6}|Z)?)\])?"
    r"\[(?P<module>(?:vaultwarden|bitwarden_rs)(?:::\w{1,40}){0,5}|error|request|response|auth|start|panic)\]"
    r"\[(?P<level>ERROR|WARN|INFO|DEBUG|TRACE)\] "
)
_IP = r"IP: (?P<ip>[0-9A-Fa-f.:]{2,45}?)"
_REFUSED = re.compile(
    rf"(?P<reason>.{{3,300}}?)(?:\. Try again)?\.? {_IP}\.(?: Username: (?P<user>.*))?\Z"
    rf"|(?P<bare>.{{3,300}}?)\.? {_IP.replace('<ip>', '<bare_ip>')}\Z",
    re.DOTALL,
)
_ACCEPTED = re.compile(rf"User (?P<user>.*) logged in successfully\. {_IP}\Z", re.DOTALL)
_SECOND_FACTOR = re.compile(
    r"TOTP|two.?factor|2FA|YubiKey|WebAuthn|Duo|[Rr]ecovery code", re.IGNORECASE
)


def _can_parse(line: SourceLine) -> bool:
    match = _START.match(line.text)
    return match is not None and (
        match["time"] is not None or match["module"].startswith(("vault", "bitw"))
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    if start is None or not _can_parse(line):
        raise UnparseableRecord(
            "no line of Vaultwarden",
            place="vaultwarden_log",
            remedy="Leave EXTENDED_LOGGING at its default.",
        )
    fields = _build_act(line.text[start.end() :].rstrip(), start["level"])
    if fields is None:
        return IgnoredLine("describes no sign-in")
    fields["service.name"] = "vaultwarden"
    if line.frame.host:
        fields["host.name"] = line.frame.host
    stamp = start["time"]
    time = None if stamp is None else device_stamps.parse_stamp(stamp, line.arrived, line.zone)
    return ParsedEvent(time or line.frame.time, fields)


def _build_act(text: str, level: str) -> dict[str, Value] | None:
    match = _ACCEPTED.match(text)
    if match is not None and level == "INFO":
        fields = mail_sign_ins.build_sign_in("success", "vault_login", user=match["user"])
        addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), None)
        return fields
    match = _REFUSED.match(text) if level in {"ERROR", "WARN"} else None
    if match is None:
        return None
    reason = match["reason"] or match["bare"]
    is_admin = "admin token" in reason.casefold()
    action = "vault_admin_login" if is_admin else "vault_login"
    user = (match["user"] or "").removesuffix(".")
    fields = mail_sign_ins.build_sign_in("failure", action, user=user)
    fields["event.reason"] = reason.strip().rstrip(".")
    if _SECOND_FACTOR.search(reason) is not None:
        fields["breach.auth.method"] = "second factor"
    client = addresses.parse_address(match["ip"] or match["bare_ip"] or "")
    addresses.put_endpoint(fields, "source", client, None)
    return fields


_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "vault_login",
}
_IDENTITY = "[vaultwarden::api::identity]"
PARSER = Parser(
    id="vaultwarden_log",
    title="Vaultwarden",
    hints=(b"][INFO] ", b"][ERROR] ", b"][WARN] ", b"][DEBUG] ", b"][TRACE] "),
    claims=_can_parse,
    parse=_parse,
    references=("https://github.com/dani-garcia/vaultwarden/wiki/Logging",),
    examples=(
        ParserExample(
            f"[2026-11-22 01:06:15.101]{_IDENTITY}[ERROR] Username or password is incorrect. Try again."
            " IP: 203.0.113.66. Username: Jo@contoso.example.",
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15.101000+00:00",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
                "event.reason": "Username or password is incorrect",
            },
        ),
        ParserExample(
            f"[2026-11-22 01:06:15.101]{_IDENTITY}[INFO] User jo@contoso.example logged in successfully."
            " IP: 2001:DB8::7",
            {"event.outcome": "success", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "[2026-11-22 01:06:15.101][vaultwarden::api::admin][ERROR] Invalid admin token. IP:"
            " 203.0.113.66",
            _FAILED
            | {
                "event.action": "vault_admin_login",
                "source.ip": "203.0.113.66",
                "event.reason": "Invalid admin token",
            },
        ),
        ParserExample(
            "[2026-11-22 01:06:15.101][vaultwarden::api::core::two_factor::authenticator][ERROR] Invalid"
            " TOTP code! Server time: 2026-11-22 01:06:15 UTC IP: 203.0.113.66",
            _FAILED | {"source.ip": "203.0.113.66", "breach.auth.method": "second factor"},
        ),
        ParserExample(
            f"Nov 22 01:06:15 vault01 vaultwarden[7]: [2026-11-22 01:06:15.101]{_IDENTITY}[ERROR] Username or"
            " password is incorrect. Try again. IP: 203.0.113.66. Username: x. IP: 192.0.2.1.",
            _FAILED | {"source.ip": "203.0.113.66", "user.name": "x. ip: 192.0.2.1"},
        ),
        ParserExample("[2026-11-22 01:06:15.101][start][INFO] Rocket has launched", None),
    ),
)
