"""Parse pfSense's and OPNsense's own messages: sign-ins at the web interface, changes, blocked hosts."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, people, web_access

_SCRIPT = re.compile(r"\s*+(?P<script>/[\w./-]{1,128}): ")
_ORIGIN = r"(?P<ip>[0-9A-Fa-f:.%]{2,64})(?: \((?P<method>[^()]{1,128})\))?\s*\Z"
_ACTS = (
    (
        re.compile(rf"Successful login for user '(?P<user>.*)' from:? {_ORIGIN}"),
        "web-login",
        "success",
    ),
    (
        re.compile(
            r"(?:webConfigurator|Web GUI) authentication error for (?:user )?'(?P<user>.*)' from:? "
            + _ORIGIN
        ),
        "web-login",
        "failure",
    ),
    (
        re.compile(
            rf"(?:User|Session) (?:logged out|timed out) for user '(?P<user>.*)' from:? {_ORIGIN}"
        ),
        "web-logout",
        "success",
    ),
)
_SERVICE = re.compile(
    r"user '?(?P<user>.*?)'? (?P<verdict>authenticated successfully|could not authenticate"
    r"|failed authentication) for (?P<service>[\w-]{1,64})(?: \[using .*\]| on \S{1,128} via \S{1,256})\s*\Z"
)
_CHANGE = re.compile(
    r"(?:Configuration Change: |User )(?P<user>[^\s@]{1,128})@(?P<ip>[0-9A-Fa-f:.]{2,64})"
    r"(?: \([^()]{1,128}\))?:? (?P<what>.{1,500})\Z",
    re.DOTALL,
)
_BLOCKED = re.compile(
    r'\s*+Blocking "?(?P<ip>[0-9A-Fa-f:.]{2,64})(?:/[0-9]{1,3})?"? for (?:[0-9]{1,10} secs|ever)'
)
_PORTAL = re.compile(
    r"(?:(?P<act>AUTH|DENY) (?P<user>.{1,254}) \((?P<ip>[0-9A-Fa-f:.]{2,64})\) zone \S{1,64}"
    r"|Zone: .{1,64}? - (?P<state>[A-Z][A-Z -]{2,64}): (?P<name>.{0,254}), (?P<mac>[0-9A-Fa-f:]{0,17}), (?P<from>[0-9A-Fa-f:.]{2,64}))"
    r"(?:, (?P<reason>.{1,254}))?\s*\Z",
    re.DOTALL,
)
"""OPNsense's captive portal, and pfSense's."""
_PORTAL_APPS = frozenset({"captiveportal", "logportalauth"})
_PORTAL_ENDS = ("DISCONNECT", "LOGOUT", "TIMEOUT", "TERMINATED", "CONCURRENT")
_APPS = frozenset({"php-fpm", "php", "php-cgi", "audit", "opnsense", "configd.py", "api"})


def _can_parse(line: SourceLine) -> bool:
    text, app = line.text, line.frame.app
    if app in {"sshguard", "sshlockout", "sshlockout/webConfigurator"}:
        return _BLOCKED.match(text) is not None
    if app in _PORTAL_APPS:
        return _PORTAL.match(text) is not None
    if app not in _APPS:
        return False
    return _SCRIPT.match(text) is not None or _SERVICE.match(text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise web_access.build_unreadable("pfsense_system")
    is_portal = line.frame.app in _PORTAL_APPS
    fields = _build_portal(line.text) if is_portal else _build_act(line.text)
    fields |= {"observer.vendor": "Netgate", "observer.type": "firewall"}
    if line.frame.host:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(line.frame.time, fields)


def _build_portal(text: str) -> dict[str, Value]:
    match = _PORTAL.match(text)
    assert match is not None, "it is claimed"
    state = match["act"] or match["state"]
    is_end = state.startswith(_PORTAL_ENDS)
    outcome = "failure" if state in {"DENY", "FAILURE"} else "success"
    action = "portal-logout" if is_end else "portal-login"
    fields = _build_fields(["authentication"], ["end" if is_end else "start"], action, outcome)
    people.put_user(fields, match["user"] or match["name"] or "")
    ip = addresses.parse_address(match["ip"] or match["from"])
    addresses.put_endpoint(fields, "source", ip, None)
    if match["mac"]:
        fields["source.mac"] = match["mac"].upper().replace(":", "-")
    if match["reason"]:
        fields["event.reason"] = match["reason"]
    return fields | {"service.name": "captiveportal", "network.application": "web"}


def _build_act(text: str) -> dict[str, Value]:
    blocked = _BLOCKED.match(text)
    if blocked is not None:
        fields = _build_fields(
            ["network", "intrusion_detection"], ["denied"], "host-blocked", "failure"
        )
        ip = addresses.parse_address(blocked["ip"])
        addresses.put_endpoint(fields, "source", ip, None)
        return fields
    service = _SERVICE.match(text)
    if service is not None:
        outcome = "success" if service["verdict"] == "authenticated successfully" else "failure"
        fields = _build_fields(["authentication"], ["start"], "service-login", outcome)
        people.put_user(fields, service["user"])
        fields["service.name"] = service["service"].lower()
        return fields
    start = _SCRIPT.match(text)
    assert start is not None, "it is claimed"
    message = text[start.end() :]
    for pattern, action, outcome in _ACTS:
        match = pattern.match(message)
        if match is not None:
            return _build_sign_in(match, action, outcome)
    return _build_other(message)


def _build_sign_in(match: re.Match[str], action: str, outcome: str) -> dict[str, Value]:
    kind = "end" if action == "web-logout" else "start"
    fields = _build_fields(["authentication"], [kind], action, outcome)
    people.put_user(fields, match["user"])
    addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), None)
    if match["method"]:
        fields["breach.auth.method"] = match["method"]
    fields |= {"service.name": "webconfigurator", "network.application": "web"}
    return fields


def _build_other(message: str) -> dict[str, Value]:
    change = _CHANGE.match(message)
    if change is None:
        fields = _build_fields(["host"], ["info"], "system-message", "unknown")
        fields["message"] = message
        return fields
    fields = _build_fields(["configuration"], ["change"], "configuration-changed", "success")
    people.put_user(fields, change["user"])
    addresses.put_endpoint(fields, "source", addresses.parse_address(change["ip"]), None)
    fields["message"] = change["what"].strip()
    return fields


def _build_fields(
    categories: list[str], kinds: list[str], action: str, outcome: str
) -> dict[str, Value]:
    return {
        "event.category": categories,
        "event.type": kinds,
        "event.action": action,
        "event.outcome": outcome,
    }


PARSER = Parser(
    id="pfsense_system",
    title="pfSense and OPNsense web interface and system",
    hints=(
        b".php: ",
        b"/rc.",
        b" [using ",
        b" via OPNsense",
        b"Blocking ",
        b"/usr/local",
        b"captiveportal",
        b"logportalauth",
    ),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://docs.netgate.com/pfsense/en/latest/monitoring/logs/index.html",
        "https://docs.opnsense.org/manual/logging.html",
    ),
    examples=(
        ParserExample(
            "<38>Nov 22 01:06:15 fw01 php-fpm[99932]: /index.php: Successful login for user 'Admin'"
            " from: 192.0.2.77 (RADIUS/Head office)",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "success",
                "event.action": "web-login",
                "user.name": "admin",
                "source.ip": "192.0.2.77",
                "breach.auth.method": "RADIUS/Head office",
                "host.name": "fw01",
            },
        ),
        ParserExample(
            "<38>Nov 22 01:06:15 php-fpm[99932]: /index.php: webConfigurator authentication error for"
            " user 'x' from: 192.0.2.1' from: 2001:db8::7",
            {
                "event.outcome": "failure",
                "user.name": "x' from: 192.0.2.1",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            '<37>1 2026-11-22T01:06:15+01:00 opn.contoso.example audit 53126 - [meta sequenceId="1"]'
            " /index.php: Web GUI authentication error for 'root' from 203.0.113.66",
            {"event.outcome": "failure", "user.name": "root", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "<38>Nov 22 01:06:15 opn audit[7]: user jo could not authenticate for OpenVPN [using"
            " OPNsense\\Auth\\Services\\OpenVPN + OPNsense\\Auth\\Local]",
            {"event.outcome": "failure", "user.name": "jo", "service.name": "openvpn"},
        ),
        ParserExample(
            '<39>1 2026-11-22T01:06:15+00:00 opn.contoso.example audit 41095 - [meta sequenceId="18"] user jo'
            " failed authentication for login on OPNsense\\Auth\\Services\\System via OPNsense\\Auth\\Local",
            {"event.outcome": "failure", "user.name": "jo", "service.name": "login"},
        ),
        ParserExample(
            "<38>Nov 22 01:06:15 fw01 php-fpm[7]: /firewall_rules.php: Configuration Change:"
            " admin@192.0.2.77 (Local Database): Firewall: Rules - disabled a rule.",
            {
                "event.category": ["configuration"],
                "user.name": "admin",
                "source.ip": "192.0.2.77",
                "message": "Firewall: Rules - disabled a rule.",
            },
        ),
        ParserExample(
            '<38>Nov 22 01:06:15 fw01 sshguard[7]: Blocking "203.0.113.66/32" for 120 secs (3 attacks'
            " in 2 secs, after 1 abuses over 2 secs.)",
            {"event.action": "host-blocked", "source.ip": "203.0.113.66"},
        ),
    ),
)
