"""Parse Unbound's queries and replies: `[26931:0] info: 192.0.2.10 web.example. A IN`."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps

_OWN = r"\[[0-9]{1,10}:[0-9a-f]{1,4}\] (?:info|error|notice|warning|debug|fatal error): "
_START = re.compile(rf"(?:\[(?P<stamp>1[0-9]{{9}})\] unbound)?(?:{_OWN})?")
_FILE = re.compile(rf"\[1[0-9]{{9}}\] unbound{_OWN}")
_QUERY = re.compile(
    r"(?:query: |reply: )?(?P<ip>[0-9A-Fa-f.:]{2,45}) (?P<name>\S{1,1020}) (?P<type>[A-Z0-9]{1,12})"
    r" (?P<class>IN|CH|HS|ANY|CLASS[0-9]{1,5})(?: (?P<code>[A-Z]{4,10}) [0-9.]{1,16} [01] (?P<size>[0-9]{1,6}))?\s*\Z"
)


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app == "unbound" or _FILE.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no message of Unbound",
            place="unbound_dns",
            remedy="Set `log-queries: yes` and send Unbound's syslog or log file.",
        )
    start = _START.match(line.text)
    query = None if start is None else _QUERY.match(line.text, start.end())
    if start is None or query is None:
        return IgnoredLine("Unbound describes its own state")
    code = query["code"]
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["protocol"],
        "event.outcome": "unknown"
        if code is None
        else "success"
        if code == "NOERROR"
        else "failure",
        "event.action": "dns-query" if code is None else "dns-reply",
        "network.protocol": "dns",
        "service.name": "unbound",
        "dns.question.name": query["name"].removesuffix(".") or ".",
        "dns.question.type": query["type"],
        "dns.question.class": query["class"],
    }
    addresses.put_endpoint(fields, "source", addresses.parse_address(query["ip"]), None)
    if code is not None:
        fields |= {"dns.response_code": code, "destination.bytes": int(query["size"])}
    if line.frame.host is not None:
        fields["host.name"] = line.frame.host
    stamp = device_stamps.parse_stamp(start["stamp"] or "", line.arrived, line.zone)
    return ParsedEvent(stamp or line.frame.time, fields)


PARSER = Parser(
    id="unbound_dns",
    title="Unbound DNS resolver",
    hints=(b"unbound",),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=("https://unbound.docs.nlnetlabs.nl/en/latest/manpages/unbound.conf.html",),
    examples=(
        ParserExample(
            "<30>Nov 22 09:14:07 gw1 unbound[26931]: [26931:0] info: 192.0.2.10 web.example. A IN",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.action": "dns-query",
                "source.ip": "192.0.2.10",
                "dns.question.name": "web.example",
                "dns.question.type": "A",
                "host.name": "gw1",
            },
        ),
        ParserExample(
            "[1795338847] unbound[26931:1] info: 2001:db8::10 web.example. AAAA IN NXDOMAIN 0.02 0 45",
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.outcome": "failure",
                "source.ip": "2001:db8::10",
                "dns.response_code": "NXDOMAIN",
                "destination.bytes": 45,
            },
        ),
        ParserExample(
            "<30>Nov 22 09:14:08 unbound[26931]: [26931:0] notice: init module 0: validator", None
        ),
    ),
)
