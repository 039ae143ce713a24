"""Parse Sophos UTM (Astaro): `2026:11:22-09:14:07 host ulogd[4]: id="2001" severity="info" sys=…`.

The four-digit id and `sub` say what the line is about, `action` the verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import field_tables, key_value

_START = re.compile(
    r"\s*+(?:[0-9]{2}:[0-9]{2}-[0-9:]{8} \S{1,255} [\w./-]{1,64}(?:\[[0-9-]*+\])?: )?"
    r"(?:\[[^\]]{0,200}+\] )?(?=id=\"[0-9]{4}\" )"
)
"""A line without its frame, or behind the rest of a stamp whose year a relay took for a tag."""
_REAL = re.compile(r" (?:sys|srcip|name)=\"")
_TEXTS = {
    "event.code": ("id",),
    "rule.id": ("fwrule", "sid"),
    "rule.ruleset": ("profile", "group"),
    "rule.category": ("categoryname", "class"),
    "observer.ingress.interface.name": ("initf",),
    "observer.egress.interface.name": ("outitf",),
    "network.application": ("application", "caller"),
    "user_agent.original": ("ua",),
    "http.request.method": ("method",),
    "http.request.referrer": ("referer",),
    "user.group.name": ("group",),
    "file.name": ("filename",),
    "message": ("name", "message"),
    "email.from.address": ("from",),
    "email.subject": ("subject",),
}
_NUMBERS = {
    "http.response.status_code": ("statuscode",),
    "http.response.body.bytes": ("size",),
}
_ENDS = (
    ("source", ("srcip", "client"), ("srcport",)),
    ("destination", ("dstip", "localip"), ("dstport", "port")),
)
_SUBJECTS = {
    "packetfilter": ["network"],
    "ips": ["network", "intrusion_detection"],
    "http": ["network", "web"],
    "smtp": ["network", "email"],
    "auth": ["authentication"],
    "vpn": ["network", "session"],
}
_DENYING = frozenset({"drop", "reject", "block", "deny", "blocked"})
_PASSING = frozenset({"pass", "accept", "allow", "nat", "log", "warn"})
_SIGN_INS = {"3004": "success", "3005": "failure", "3006": "failure"}
_WORDS = re.compile(r"\b(?:authentication|login|logon)\b", re.IGNORECASE)
_BAD = re.compile(r"\b(?:fail\w*|denied|invalid|wrong|reject\w*)\b", re.IGNORECASE)


def _can_parse(line: SourceLine) -> bool:
    match = _START.match(line.text)
    return match is not None and (
        _REAL.search(line.text, match.end(), match.end() + 200) is not None
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = _START.match(line.text)
    if match is None or not _can_parse(line):
        raise UnparseableRecord(
            'no message of a Sophos UTM (id="…" sys="…")',
            place="sophos_utm",
            remedy="Send the UTM's own syslog.",
        )
    pairs = key_value.select_first_values(key_value.parse_pairs(line.text[match.end() :]))
    fields = _build_act(pairs)
    _put_pairs(fields, pairs)
    _put_query(fields, pairs)
    if line.frame.host:
        fields["host.name"] = fields["observer.name"] = line.frame.host
    return ParsedEvent(line.frame.time, fields)


def _put_pairs(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    field_tables.put_texts(fields, pairs, _TEXTS)
    field_tables.put_numbers(fields, pairs, _NUMBERS)
    field_tables.put_ends(fields, pairs, _ENDS)
    field_tables.put_transport(fields, pairs.get("proto", ""))
    for side, key in (("source", "srcmac"), ("destination", "dstmac")):
        field_tables.put_mac(fields, side, pairs.get(key, ""))
    field_tables.put_account(fields, pairs.get("user", ""))
    if pairs.get("ad_domain"):
        fields["user.domain"] = pairs["ad_domain"]
    if pairs.get("url"):
        field_tables.put_url(fields, pairs["url"])
    if pairs.get("sub") == "packetfilter":
        field_tables.put_numbers(fields, pairs, {"network.bytes": ("length",)})
    reason = pairs.get("reason", "")
    if reason not in {"", "-"}:
        fields["event.reason"] = reason


def _put_query(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    """Set what the web application firewall writes apart from the path: server and query."""
    server, query = pairs.get("server", ""), pairs.get("query", "")
    if server not in {"", "-"}:
        fields.setdefault("url.domain", server.lower())
    if query.startswith("?") and "url.original" in fields:
        fields["url.query"] = query[1:]


def _build_act(pairs: Mapping[str, str]) -> dict[str, Value]:
    action, subject = pairs.get("action", "").casefold(), pairs.get("sub", "")
    category = _SUBJECTS.get(subject, ["web"] if "statuscode" in pairs else ["host"]).copy()
    name = pairs.get("name", "")
    denied, allowed = action in _DENYING, action in _PASSING
    outcome = "failure" if denied else "success" if allowed else "unknown"
    types = ["denied"] if denied else ["allowed"] if allowed else ["info"]
    if category == ["network"]:
        types.insert(0, "connection")
    elif category == ["web"]:
        types, outcome = ["access"], "failure" if pairs["statuscode"] >= "400" else "success"
    known = _SIGN_INS.get(pairs["id"]) if subject == "auth" else None
    if known is not None or (subject in {"auth", "webadmin"} and _WORDS.search(name)):
        category, types = ["authentication"], ["start"]
        outcome = known or ("failure" if _BAD.search(name) else "success")
    return {
        "event.category": category,
        "event.type": types,
        "event.outcome": outcome,
        "event.action": action or name.lower() or "device-message",
        "observer.vendor": "Sophos",
        "observer.product": "UTM",
        "observer.type": "firewall",
    }


PARSER = Parser(
    id="sophos_utm",
    title="Sophos UTM (SG, Astaro)",
    hints=(b'id="',),
    claims=_can_parse,
    parse=_parse,
    is_sure=True,
    references=(
        "https://docs.sophos.com/nsg/sophos-utm/utm-on-aws/9.7/help/en-us/Content/utm/utmAdminGuide/LoggingReporting.htm",
    ),
    examples=(
        ParserExample(
            '2026:11:22-09:14:07 utm-hq ulogd[12511]: id="2001" severity="info" sys="SecureNet"'
            ' sub="packetfilter" name="Packet dropped" action="drop" fwrule="60001" initf="eth6"'
            ' srcmac="1a:fc:2b:33:4d:5f" srcip="198.51.100.77" dstip="192.0.2.10" proto="17"'
            ' length="438" srcport="5319" dstport="5060"',
            {
                "@timestamp": "2026-11-22T09:14:07+00:00",
                "event.type": ["connection", "denied"],
                "event.outcome": "failure",
                "source.ip": "198.51.100.77",
                "destination.port": 5060,
                "network.transport": "udp",
                "host.name": "utm-hq",
            },
        ),
        ParserExample(
            '<30>2026:11:22-09:15:00 utm-hq httpproxy[6267]: id="0002" severity="info"'
            ' sys="SecureWeb" sub="http" name="web request blocked" action="block" method="GET"'
            ' srcip="2001:db8::10" dstip="2001:db8::80" user="jo" ad_domain="CONTOSO"'
            ' statuscode="403" size="311" url="https://games.example/a?x=%22+srcip=192.0.2.1"'
            ' ua="curl/8" categoryname="Games" reason="category"',
            {
                "event.category": ["network", "web"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::10",
                "user.name": "jo",
                "user.domain": "CONTOSO",
                "url.domain": "games.example",
                "http.response.status_code": 403,
            },
        ),
        ParserExample(
            'Nov 22 09:16:01 relay1 2026:11:22-09:16:00 utm-hq aua[4]: id="3005" severity="warn"'
            ' sys="System" sub="auth" name="Authentication failed" srcip="203.0.113.66" host=""'
            ' user="eve" caller="webadmin" reason="DENIED"',
            {
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.name": "eve",
                "event.reason": "DENIED",
            },
        ),
        ParserExample(
            '11:22-09:18:00 rproxy httpd: id="0299" srcip="203.0.113.66" localip="192.0.2.5"'
            ' size="112" user="-" host="203.0.113.66" method="POST" statuscode="200" reason="-"'
            ' extra="-" exceptions="-" time="18059" url="/mapi/" server="mail.example" port="443"'
            ' query="?Mailbox=1" referer="-" cookie="-" set-cookie="-"',
            {
                "event.category": ["web"],
                "source.ip": "203.0.113.66",
                "destination.port": 443,
                "url.path": "/mapi/",
                "url.domain": "mail.example",
                "url.query": "Mailbox=1",
                "http.response.status_code": 200,
            },
        ),
        ParserExample(
            'id="3004" severity="info" sys="System" sub="auth" name="Authentication successful"'
            ' srcip="192.0.2.5" host="" user="jo" caller="portal" engine="local"',
            {"event.outcome": "success", "user.name": "jo", "source.ip": "192.0.2.5"},
        ),
    ),
)
