"""Parse ModSecurity's messages in the error logs of Apache (version 2) and nginx (version 3), and the
single lines of its native audit log.

One request makes several messages, which share a transaction's id. Its warnings count once: the
first, which says what the attack is, until an audit record comes. Its denial counts once, together
with the audit record, whose id it has."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    combined_log,
    modsecurity,
    server_errors,
    stamps,
    web_access,
)
from streams.tokenizers.server_errors import ServerError

_APACHE = re.compile(r"(?:\[client [^\]]{1,254}\] ?)?ModSecurity: ?")
_NGINX = re.compile(r"(?:\[client ([^\]\s]{1,254})\] )?ModSecurity: ")
_NATIVE = re.compile(r"\s*+(?:Message: |ModSecurity: )(?=Access |Warning\.)")
_BOUNDARY = re.compile(r"-{2,3}[0-9A-Za-z]{8,12}-{1,3}[A-Z]-{2,3}\s*\Z")
_HEADER = re.compile(
    r"\[([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3})(?:\.[0-9]{1,9})?( [+-][0-9]{4})?\]? "
    r"([\w@.-]{10,64}) ([0-9A-Fa-f:.]{2,45}) ([0-9]{1,5}) ([0-9A-Fa-f:.]{2,45}|\S{1,64}) ([0-9]{1,5})\s*\Z"
)
_ENDS = re.compile(r"\[unique_id \"[^\"]*+\"\](?: \[ref \"[^\"]*+\"\])?")


def _match_apache(line: SourceLine) -> tuple[ServerError, str] | None:
    error = server_errors.match_apache(line.text, line.zone)
    start = None if error is None else _APACHE.match(error.message)
    return None if error is None or start is None else (error, error.message[start.end() :])


def _match_nginx(line: SourceLine) -> tuple[ServerError, str | None, str] | None:
    error = server_errors.match_nginx(line.text, line.zone)
    start = None if error is None else _NGINX.match(error.message)
    return (
        None if error is None or start is None else (error, start[1], error.message[start.end() :])
    )


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if _HEADER.match(text) or _BOUNDARY.match(text) or _NATIVE.match(text):
        return True
    return _match_apache(line) is not None or _match_nginx(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    text = line.text
    if _BOUNDARY.match(text):
        return IgnoredLine("boundary of an audit log")
    header = _HEADER.match(text)
    if header is not None:
        return _parse_header(header, line)
    apache = _match_apache(line)
    if apache is not None:
        return _parse_apache(*apache, line)
    nginx = _match_nginx(line)
    if nginx is not None:
        return _parse_nginx(*nginx, line)
    native = _NATIVE.match(text)
    if native is None:
        raise web_access.build_unreadable("modsecurity_error")
    fields, match = _build_fields(text[native.end() :])
    return _build_event(fields, match, line.frame.time)


def _build_fields(message: str) -> tuple[dict[str, Value], modsecurity.RuleMatch]:
    match = modsecurity.read_message(message)
    fields = modsecurity.build_fields("ModSecurity", is_denied=match.is_denied)
    modsecurity.put_matches(fields, [match])
    return fields, match


def _build_event(
    fields: dict[str, Value], match: modsecurity.RuleMatch, time: datetime | None
) -> ParsedEvent:
    if match.host:
        match = match._replace(host=combined_log.decode_escapes(match.host))
    modsecurity.put_place(fields, match)
    if match.transaction is None:
        return ParsedEvent(time, fields, is_retelling=not match.is_denied)
    transaction = modsecurity.build_session(match.transaction)
    if match.is_denied:
        return ParsedEvent(time, fields, id=transaction)
    return ParsedEvent(time, fields, session=transaction, is_retelling=True)


def _parse_apache(error: ServerError, message: str, line: SourceLine) -> ParsedEvent | IgnoredLine:
    if message.startswith("Audit log:") or (error.client is None and "[id " not in message):
        return IgnoredLine("ModSecurity describes its own state")
    fields, match = _build_fields(message)
    if error.client is not None:
        web_access.put_clients(fields, error.client, "")
    server_errors.put_error(fields, error)
    if line.frame.host:
        fields["host.name"] = line.frame.host
    return _build_event(fields, match, error.time)


def _parse_nginx(
    error: ServerError, client: str | None, message: str, line: SourceLine
) -> ParsedEvent | IgnoredLine:
    """Parse nginx's line: what follows the message's last field is appended by nginx.

    Where a stranger's text imitates that field, the whole line is searched."""
    if client is None and "[id " not in message:
        return IgnoredLine("ModSecurity describes its own state")
    ends = [end.end() for end in _ENDS.finditer(message)]
    end = ends[0] if len(ends) == 1 else 0
    fields, match = _build_fields(message[:end] or message)
    context = server_errors.read_context(message[end:])
    if client is not None:
        context = context._replace(client=client)
    server_errors.put_context(fields, context)
    server_errors.put_error(fields, error)
    if line.frame.host:
        fields["host.name"] = line.frame.host
    return _build_event(fields, match._replace(host=None), error.time)


def _parse_header(header: re.Match[str], line: SourceLine) -> ParsedEvent:
    """Parse part A of a native record: a transaction with its client."""
    day, offset, transaction, client, port, server, server_port = header.groups()
    fields = modsecurity.build_fields("ModSecurity", is_denied=False)
    fields["event.action"] = "request-audited"
    ip = addresses.parse_address(client)
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(port))
    ip = addresses.parse_address(server)
    addresses.put_endpoint(fields, "destination", ip, addresses.parse_port(server_port))
    if offset:
        time = stamps.parse_common_log(day + offset)
    else:
        time = stamps.parse_common_local(day, line.zone)
    session = modsecurity.build_session(transaction)
    return ParsedEvent(time, fields, session=session, is_retelling=True)


PARSER = Parser(
    id="modsecurity_error",
    title="ModSecurity 2 and 3 (error logs of Apache and nginx)",
    hints=(
        b"ModSecurity:",
        b"Message: ",
        *(f"-{part}--".encode() for part in "ABCDEFGHIJKZ"),
        *(f"/{month}/".encode() for month in stamps.MONTHS),
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://github.com/owasp-modsecurity/ModSecurity/wiki/ModSecurity-2-Data-Formats",
        "https://coreruleset.org/docs/",
    ),
    examples=(
        ParserExample(
            "[Sun Nov 22 01:06:15.009964 2026] [:error] [pid 2560:tid 139821] [client"
            " 203.0.113.66:37752] [client 203.0.113.66] ModSecurity: Warning. detected SQLi using"
            " libinjection with fingerprint 's&sos' [file \"/etc/crs/rules/REQUEST-942.conf\"] [line"
            ' "65"] [id "942100"] [msg "SQL Injection Attack Detected via libinjection"] [data'
            ' "Matched Data: s&sos found within ARGS:q: jo@contoso.example"] [severity "CRITICAL"]'
            ' [ver "OWASP_CRS/3.3.4"] [tag "application-multi"] [tag "attack-sqli"] [hostname'
            ' "www.contoso.example"] [uri "/search"] [unique_id "YVXEo0@AAAB"], referer: https://x/',
            {
                "@timestamp": "2026-11-22T01:06:15.009964+00:00",
                "event.category": ["web", "intrusion_detection"],
                "event.kind": "alert",
                "event.outcome": "unknown",
                "event.severity": 2,
                "rule.id": "942100",
                "rule.name": "SQL Injection Attack Detected via libinjection",
                "rule.version": "OWASP_CRS/3.3.4",
                "breach.waf.attack": "sqli",
                "source.ip": "203.0.113.66",
                "source.port": 37752,
                "url.path": "/search",
                "url.domain": "www.contoso.example",
            },
        ),
        ParserExample(
            "2026/11/22 01:06:15 [error] 86596#86596: *1083 [client 2001:db8::7] ModSecurity: Access"
            " denied with code 403 (phase 2). Matched \"Operator `Ge' with parameter `5' against"
            " variable `TX:ANOMALY_SCORE' (Value: `15' ) [file \"/etc/crs/REQUEST-949.conf\"] [line"
            ' "80"] [id "949110"] [rev ""] [msg "Inbound Anomaly Score Exceeded (Total Score: 15)"]'
            ' [data ""] [severity "2"] [ver "OWASP_CRS/3.3.4"] [maturity "0"] [accuracy "0"] [tag'
            ' "attack-generic"] [hostname "192.0.2.80"] [uri "/"] [unique_id "163722806783.126"]'
            ' [ref ""], client: 2001:db8::7, server: www.contoso.example, request:'
            ' "GET /?q=1%27 HTTP/1.1", host: "www.contoso.example"',
            {
                "event.type": ["access", "denied"],
                "event.outcome": "failure",
                "http.response.status_code": 403,
                "breach.waf.anomaly_score": 15,
                "breach.waf.attack": None,
                "rule.id": "949110",
                "source.ip": "2001:db8::7",
                "url.query": "q=1%27",
                "url.domain": "www.contoso.example",
            },
        ),
        ParserExample(
            "2026/11/22 01:06:15 [info] 86596#86596: *1083 ModSecurity: Warning. Matched"
            ' "Operator `Rx\' with parameter `x\' against variable `ARGS:a\' (Value: `"] [id "1"]'
            ' [unique_id "x"], client: 192.0.2.1, server: a\' ) [file "/r.conf"] [line "1"] [id'
            ' "941100"] [msg "XSS"] [data ""] [severity "2"] [tag "attack-xss"] [hostname "h"] [uri'
            ' "/"] [unique_id "163722806783.127"] [ref ""], client: 203.0.113.66, server: b,'
            ' request: "GET / HTTP/1.1"',
            {"source.ip": None, "rule.id": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 apache2[7]: [error] [client 203.0.113.66] ModSecurity: [file"
            ' "/etc/r.conf"] [line "635"] [id "340069"] [msg "Scanner"] [severity "CRITICAL"] [tag'
            ' "OWASP_CRS/WEB_ATTACK/SQL_INJECTION"] Access denied with code 403 (phase 2). Pattern'
            ' match "x" at REQUEST_URI. [hostname "192.0.2.80"] [uri "/w00t"] [unique_id "4Q6RdsAA"]',
            {"event.outcome": "failure", "breach.waf.attack": "sqli", "url.path": "/w00t"},
        ),
        ParserExample(
            "[22/Nov/2026:01:06:15 +0000] V6BEawUs8J4AACcbno4AAAAE 203.0.113.66 43077 192.0.2.80 80",
            {"event.action": "request-audited", "source.ip": "203.0.113.66", "source.port": 43077},
        ),
        ParserExample("--6ef24602-A--", None),
    ),
)
