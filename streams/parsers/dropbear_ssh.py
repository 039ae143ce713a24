"""Parse Dropbear's sign-ins: the SSH server of routers and small devices.

The account stands in single quotes, and the client's address is the line's end, so the last one
counts: what a stranger types stands before it."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, mail_sign_ins

_CLIENT = r" from (?P<client>[0-9A-Fa-f.:\[\]]{2,60})\Z"
_REFUSED = re.compile(
    r"(?P<reason>Bad (?:PAM )?(?:password|pwd) attempt|Login attempt) (?:for|with wrong user)"
    rf"(?P<missing> nonexistent user)?(?: '(?P<user>.*)')?{_CLIENT}",
    re.DOTALL,
)
_ENDED = re.compile(
    r"Exit before auth(?: from <(?P<client>[0-9A-Fa-f.:\[\]]{2,60})>)?:? "
    r"\(user '(?P<user>.*)', (?P<fails>[0-9]{1,6}) fails\)",
    re.DOTALL,
)
_ACCEPTED = re.compile(
    rf"(?:PAM )?(?P<method>Password|password|Pubkey) auth succeeded for '(?P<user>.*)'(?: with key \S+ \S+)?{_CLIENT}",
    re.DOTALL,
)
_BARE = re.compile(
    r"(?:Bad (?:PAM )?(?:password|pwd) attempt for (?:nonexistent user|'.*')|Login attempt for nonexistent user"
    r"|(?:PAM )?(?:[Pp]assword|Pubkey) auth succeeded for '.*'(?: with key \S+ \S+)?)"
    + _CLIENT.replace("?P<client>", "?:"),
    re.DOTALL,
)
_CONNECTED = re.compile(rf"Child connection{_CLIENT}")


def _can_parse(line: SourceLine) -> bool:
    if line.frame.app is None:  # a shipper took the tag away
        return _BARE.match(line.text) is not None
    return line.frame.app == "dropbear"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no line of Dropbear",
            place="dropbear_ssh",
            remedy="Check which parser the source names.",
        )
    fields = _parse_message(line.text)
    if fields is None:
        return IgnoredLine("describes the server itself")
    fields |= {"service.name": "dropbear", "network.application": "ssh"}
    mail_sign_ins.put_frame(fields, line.frame)
    session = f"{line.frame.host or ''}/{line.frame.pid}" if line.frame.pid else None
    is_retelling = line.text.startswith("Exit before auth")
    return ParsedEvent(line.frame.time, fields, session=session, is_retelling=is_retelling)


def _parse_message(text: str) -> dict[str, Value] | None:
    match = _REFUSED.match(text)
    if match is not None:
        fields = _build(match, "failure")
        fields["event.reason"] = "unknown user" if match["missing"] else match["reason"]
        return fields
    match = _ACCEPTED.match(text)
    if match is not None:
        return _build(match, "success") | {"breach.auth.method": match["method"].lower()}
    match = _ENDED.match(text)
    if match is not None and int(match["fails"]):
        return _build(match, "failure") | {"breach.auth.attempts": int(match["fails"])}
    match = _CONNECTED.match(text)
    if match is None:
        return None
    fields = mail_sign_ins.build_session_event("start", "ssh_connect")
    _put_client(fields, match["client"])
    return fields


def _build(match: re.Match[str], outcome: str) -> dict[str, Value]:
    fields = mail_sign_ins.build_sign_in(outcome, "ssh_login", user=match["user"])
    _put_client(fields, match["client"])
    return fields


def _put_client(fields: dict[str, Value], client: str | None) -> None:
    """Set the client: Dropbear writes `address:port`, an IPv6 address without brackets."""
    host, _, port = (client or "").rpartition(":")
    ip = addresses.parse_address(host.strip("[]"))
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(port))


_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "ssh_login",
}

PARSER = Parser(
    id="dropbear_ssh",
    title="Dropbear SSH (routers, access points, small devices)",
    hints=(b"dropbear", b" attempt for ", b" auth succeeded for "),
    claims=_can_parse,
    parse=_parse,
    references=("https://matt.ucc.asn.au/dropbear/dropbear.html",),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 router dropbear[77]: Bad password attempt for 'root' from"
            " 203.0.113.66:48629",
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "user.name": "root",
                "source.ip": "203.0.113.66",
                "source.port": 48629,
                "host.name": "router",
            },
        ),
        ParserExample(
            "<38>Nov 22 01:06:15 router dropbear[77]: Login attempt for nonexistent user from"
            " 2001:DB8::7:4328",
            _FAILED | {"source.ip": "2001:db8::7", "source.port": 4328, "user.name": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 router dropbear[77]: Pubkey auth succeeded for 'root' with key md5"
            " 78:d6:41:ca from 198.51.100.9:51737",
            {
                "event.outcome": "success",
                "user.name": "root",
                "source.ip": "198.51.100.9",
                "breach.auth.method": "pubkey",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 router dropbear[77]: Bad password attempt for 'x' from 192.0.2.9:5' from"
            " 203.0.113.66:48629",
            _FAILED | {"source.ip": "203.0.113.66", "user.name": "x' from 192.0.2.9:5"},
        ),
        ParserExample(
            "Nov 22 01:06:15 router dropbear[77]: Exit before auth from <203.0.113.66:48629>: (user"
            " 'root', 3 fails): Exited normally",
            _FAILED | {"source.ip": "203.0.113.66", "breach.auth.attempts": 3},
        ),
        ParserExample(
            "Nov 22 01:06:15 router dropbear[77]: Child connection from 203.0.113.66:48629",
            {"event.outcome": "unknown", "source.ip": "203.0.113.66"},
        ),
        ParserExample("Nov 22 01:06:15 router dropbear[77]: Running in background", None),
    ),
)
