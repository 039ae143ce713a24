"""Parse FreeRADIUS: accepted and refused sign-ins (`auth = yes`), from its own log and from syslog.

With `auth_badpass` the password that was tried stands behind the account: it is never kept."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, directory_names, mail_sign_ins, numbers

_START = re.compile(
    r"\s*+(?:(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9:]{8} [0-9]{4}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,16}(?:Z|[+-][0-9:]{4,6})?) ?:? ?)?"
    r"(?P<kind>Auth: )?(?:\([0-9]{1,12}\) {1,4})?(?=Login (?:OK|incorrect))"
)
_LOGIN = re.compile(
    r"Login (?P<act>OK|incorrect)(?: \((?P<reason>.{1,300}?)\))?: \[(?P<user>.*)\]"
    r" \(from client (?P<client>[^\s()]{1,128})(?: port (?P<port>[0-9]{1,12}))?(?: cli (?P<cli>[^\s()]{1,64}))?"
    r"(?P<tunnel> via TLS tunnel)?\)(?: .*)?\Z",
    re.DOTALL,
)
_METHOD = re.compile(r"([a-z][a-z0-9_]{1,20}):")
_HIDDEN = re.compile(
    r"/<(?:via Auth-Type = [\w-]{1,40}|no User-Password attribute|CHAP-Password)>\Z"
)
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[-:.]?){5}[0-9A-Fa-f]{2}")


def _can_parse(line: SourceLine) -> bool:
    start = _START.match(line.text)
    if start is None or _LOGIN.match(line.text, start.end()) is None:
        return False
    return start["time"] is not None or (line.frame.app or "") in {"radiusd", "freeradius"}


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _START.match(line.text)
    match = None if start is None else _LOGIN.match(line.text, start.end())
    if start is None or match is None:
        raise UnparseableRecord(
            "no sign-in of FreeRADIUS",
            place="freeradius_auth",
            remedy="Set auth = yes in the log section of radiusd.conf.",
        )
    accepted = match["act"] == "OK"
    fields = mail_sign_ins.build_sign_in("success" if accepted else "failure", "radius_login")
    directory_names.put_person(fields, _find_account(match["user"]))
    _put_origin(fields, match)
    reason = match["reason"]
    if reason and not accepted:
        fields["event.reason"] = reason
        method = _METHOD.match(reason)
        if method is not None:
            fields["breach.auth.method"] = method[1]
    fields |= {"service.name": "radius", "network.application": "radius"}
    mail_sign_ins.put_frame(fields, line.frame)
    time = None
    if start["time"] is not None:
        time = device_stamps.parse_stamp(start["time"], line.arrived, line.zone)
    return ParsedEvent(time or line.frame.time, fields)


def _find_account(text: str) -> str:
    """Cut a password, or what stands in its place, from the account; a machine's begins with
    `host/`."""
    hidden = _HIDDEN.search(text)
    if hidden is not None:
        return text[: hidden.start()]
    if text.startswith("host/"):
        return "host/" + text[len("host/") :].partition("/")[0]
    return text.partition("/")[0]


def _put_origin(fields: dict[str, Value], match: re.Match[str]) -> None:
    """Set the device of the person, and the access point or gateway that asks."""
    station = match["cli"] or ""
    ip = addresses.parse_address(station)
    addresses.put_endpoint(fields, "source", ip, None)
    if ip is None and _MAC.fullmatch(station) is not None:
        digits = re.sub(r"[^0-9A-Fa-f]", "", station).upper()
        fields["source.mac"] = "-".join(digits[at : at + 2] for at in range(0, 12, 2))
    fields["observer.name"] = match["client"]
    port = numbers.parse_whole(match["port"] or "")
    if port:
        fields["observer.ingress.interface.id"] = str(port)


_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "radius_login",
}
PARSER = Parser(
    id="freeradius_auth",
    title="FreeRADIUS",
    hints=(b"Login OK", b"Login incorrect"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://www.freeradius.org/documentation/freeradius-server/3.2.6/raddb/radiusd.conf.html",
    ),
    examples=(
        ParserExample(
            "Sun Nov 22 01:06:15 2026 : Auth: (14872) Login incorrect (mschap: MS-CHAP2-Response is"
            " incorrect): [CONTOSO\\Jo/<via Auth-Type = eap>] (from client wifi port 0 cli"
            " 02-00-53-aa-bb-cc)",
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "user.name": "jo",
                "user.domain": "contoso",
                "source.mac": "02-00-53-AA-BB-CC",
                "observer.name": "wifi",
                "event.reason": "mschap: MS-CHAP2-Response is incorrect",
                "breach.auth.method": "mschap",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 rad01 radiusd[77]: (12) Login OK: [jo] (from client vpn port 3 cli"
            " 2001:DB8::7 via TLS tunnel)",
            {
                "event.outcome": "success",
                "user.name": "jo",
                "source.ip": "2001:db8::7",
                "host.name": "rad01",
            },
        ),
        ParserExample(
            "Sun Nov 22 01:06:15 2026 : Auth: Login incorrect: [jo/Hunter/2] (from client vpn port 0 cli"
            " 203.0.113.66)",
            _FAILED | {"user.name": "jo", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Sun Nov 22 01:06:15 2026 : Auth: (1) Login incorrect: [x] (from client a port 0 cli"
            " 192.0.2.1)] (from client vpn port 0 cli 203.0.113.66)",
            _FAILED | {"source.ip": "203.0.113.66", "observer.name": "vpn"},
        ),
    ),
)
