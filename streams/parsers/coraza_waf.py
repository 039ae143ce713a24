"""Parse Coraza's messages as its connectors log them: plain text, Caddy's JSON, and OCSF audit records.

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
    device_stamps,
    json_lines,
    modsecurity,
    numbers,
    web_access,
)

_MESSAGE = re.compile(r'\s*+(?:\[client "([^"]{1,64})"\] )?Coraza: (?=Access |Warning|\[)')
_VENDOR = "OWASP Coraza Web Application Firewall"
_KEYS = ("msg", "message", "error")
_STAMPS = ("ts", "time", "timestamp", "@timestamp", "timereported", "ISODATE")

Record = dict[str, Value]


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if json_lines.is_object_start(text):
        return ("Coraza: " in text and '\\"] Coraza: ' in text) or (
            _VENDOR in text and '"class_uid"' in text
        )
    return _MESSAGE.match(text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not json_lines.is_object_start(line.text):
        return _parse_message(line.text, line.frame.time)
    document = json_lines.read_object(line.text)
    if "class_uid" in document:
        return _parse_finding(line, document)
    message = next((text for key in _KEYS if isinstance(text := document.get(key), str)), "")
    stamp = next(
        (
            json_lines.to_word(document[key]) or str(document[key])
            for key in _STAMPS
            if key in document
        ),
        "",
    )
    return _parse_message(message, device_stamps.parse_stamp(stamp, line.arrived, line.zone))


def _parse_message(text: str, time: datetime | None) -> ParsedEvent:
    start = _MESSAGE.match(text)
    if start is None:
        raise web_access.build_unreadable("coraza_waf")
    match = modsecurity.read_message(text[start.end() :])
    fields = modsecurity.build_fields("Coraza", is_denied=match.is_denied)
    modsecurity.put_matches(fields, [match])
    modsecurity.put_place(fields, match)
    if start[1]:
        web_access.put_clients(fields, start[1], "")
    if match.transaction is None:
        return ParsedEvent(time, fields, is_retelling=not match.is_denied)
    transaction = modsecurity.build_session(match.transaction)
    if match.is_denied:
        return ParsedEvent(time, fields, id=transaction)
    return ParsedEvent(time, fields, session=transaction, is_retelling=True)


def _parse_finding(line: SourceLine, document: Record) -> ParsedEvent:
    """Parse an audit record in OCSF (Web Resources Activity)."""
    request = json_lines.to_mapping(document.get("http_request"))
    response = json_lines.to_mapping(document.get("http_response"))
    metadata = json_lines.to_mapping(document.get("metadata"))
    is_denied = document.get("action") == "Denied"
    fields = modsecurity.build_fields("Coraza", is_denied=is_denied)
    web_access.put_status(fields, json_lines.to_word(response.get("code")))
    if is_denied:
        fields["event.outcome"] = "failure"
    details = [_read_detail(each) for each in json_lines.to_mappings(document.get("enrichments"))]
    modsecurity.put_matches(fields, details)
    web_access.put_method(fields, json_lines.to_word(request.get("http_method")))
    url = json_lines.to_mapping(request.get("url"))
    web_access.put_target(fields, json_lines.to_word(url.get("url_string")))
    web_access.put_version(fields, json_lines.to_word(request.get("version")))
    web_access.put_agent(fields, json_lines.to_word(request.get("user_agent")))
    web_access.put_referrer(fields, json_lines.to_word(request.get("referrer")))
    _put_endpoints(fields, document, ", ".join(json_lines.to_words(request.get("x_forwarded_for"))))
    stamp = json_lines.to_word(document.get("time"))
    time = device_stamps.parse_stamp(stamp, line.arrived, line.zone)
    transaction = json_lines.to_word(metadata.get("uid"))
    session = modsecurity.build_session(transaction) if transaction else None
    return ParsedEvent(time, fields, id=session, session=session)


def _read_detail(detail: Record) -> modsecurity.RuleMatch:
    data = json_lines.to_mapping(detail.get("data"))
    rule = json_lines.to_word(data.get("id"))
    text = json_lines.to_word(data.get("msg")) or json_lines.to_word(detail.get("name"))
    severity = data.get("severity")
    return modsecurity.RuleMatch(
        is_denied=False,
        status=None,
        rule=rule or None,
        text=text or None,
        severity=severity
        if isinstance(severity, int) and numbers.check_64_bits(severity)
        else None,
        version=json_lines.to_word(data.get("ver")) or None,
        attack=modsecurity.choose_class(rule, json_lines.to_words(data.get("tags")), text),
        score=modsecurity.parse_score(text),
        host=None,
        uri=None,
        transaction=None,
    )


def _put_endpoints(fields: dict[str, Value], document: Record, forwarded: str) -> None:
    source = json_lines.to_mapping(document.get("src_endpoint"))
    destination = json_lines.to_mapping(document.get("dst_endpoint"))
    web_access.put_clients(fields, json_lines.to_word(source.get("ip")), forwarded)
    if "related.ip" not in fields:
        port = addresses.parse_port(json_lines.to_word(source.get("port")))
        addresses.put_endpoint(fields, "source", None, port)
    ip = addresses.parse_address(json_lines.to_word(destination.get("ip")))
    port = addresses.parse_port(json_lines.to_word(destination.get("port")))
    addresses.put_endpoint(fields, "destination", ip, port)


PARSER = Parser(
    id="coraza_waf",
    title="Coraza application firewall (Caddy, HAProxy, OCSF)",
    hints=(b"Coraza: ", b"OWASP Coraza"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://github.com/corazawaf/coraza-caddy",
        "https://coraza.io/docs/seclang/directives/#secauditlogformat",
    ),
    examples=(
        ParserExample(
            '{"level":"error","ts":1795309575.5,"logger":"http.handlers.waf","msg":"[client'
            ' \\"203.0.113.66\\"] Coraza: Access denied (phase 2). Inbound Anomaly Score Exceeded'
            ' (Total Score: 10) [file \\"/r.conf\\"] [line \\"1\\"] [id \\"949110\\"] [rev \\"\\"] [msg'
            ' \\"Inbound Anomaly Score Exceeded (Total Score: 10)\\"] [data \\"\\"] [severity'
            ' \\"emergency\\"] [ver \\"OWASP_CRS/4.0.0\\"] [maturity \\"0\\"] [accuracy \\"0\\"] [tag'
            ' \\"anomaly-evaluation\\"] [hostname \\"\\"] [uri \\"/?q=1\\"] [unique_id \\"JGQhmMaJ\\"]"}',
            {
                "@timestamp": "2026-11-22T01:06:15.500000+00:00",
                "event.outcome": "failure",
                "event.type": ["access", "denied"],
                "source.ip": "203.0.113.66",
                "breach.waf.anomaly_score": 10,
                "rule.id": "949110",
                "url.path": "/",
                "url.query": "q=1",
            },
        ),
        ParserExample(
            '<11>Nov 22 01:06:15 lb01 coraza-spoa[7]: [client "2001:db8::7"] Coraza: Warning. SQL'
            ' Injection [file "/r.conf"] [line "1"] [id "942431"] [msg "SQL Injection"] [data "\\"]'
            ' [id \\"1\\"]"] [severity "warning"] [tag "attack-sqli"] [hostname ""] [uri "/x"]'
            ' [unique_id "JGQhmMaJ"]',
            {
                "event.outcome": "unknown",
                "source.ip": "2001:db8::7",
                "rule.id": "942431",
                "breach.waf.attack": "sqli",
                "event.severity": 4,
            },
        ),
        ParserExample(
            '{"class_uid":6001,"action":"Denied","time":1795309575500,"metadata":{"uid":"JGQhmMaK",'
            '"product":{"vendor_name":"OWASP Coraza Web Application Firewall"}},"enrichments":[{"name":'
            '"XSS","data":"{\\"id\\":941100,\\"msg\\":\\"XSS\\",\\"severity\\":2,\\"tags\\":'
            '[\\"attack-xss\\"]}"}],"http_request":{"version":"HTTP/1.1","http_method":"GET","url":'
            '{"url_string":"/a?b"},"user_agent":"x"},"http_response":{"code":403},"src_endpoint":'
            '{"ip":"203.0.113.66","port":5000},"dst_endpoint":{"ip":"192.0.2.80","port":443}}',
            {
                "event.outcome": "failure",
                "breach.waf.attack": "xss",
                "rule.id": "941100",
                "source.port": 5000,
                "destination.port": 443,
            },
        ),
    ),
)
