"""Parse ModSecurity's and Coraza's audit records: JSON of both versions, and whole native records.

One record is one transaction with all its messages. Bodies, cookies, credentials and matched data
are not kept."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    device_stamps,
    json_lines,
    modsecurity,
    web_access,
)
from streams.tokenizers.modsecurity import RuleMatch

_OBJECT = re.compile(r"\s*+\{\s*\"transaction\"\s*:\s*\{")
_PART = re.compile(r"(-{2,3}[0-9A-Za-z]{8,12}-{1,3})([A-Z])--[ \t\r]*(?:\n|\Z)")
_HEADER = re.compile(
    r"\[([^\]]{20,40})\]? ([\w@.-]{10,64}) ([0-9A-Fa-f:.]{2,45}) ([0-9]{1,5}) (\S{1,64}) ([0-9]{1,5})"
)
_NATIVE_MESSAGE = re.compile(r"(?m)^(?:Message|ModSecurity): (.*)$")
_SCORE_RULES = ("949", "959")

Record = dict[str, Value]


def _can_parse(line: SourceLine) -> bool:
    if _OBJECT.match(line.text):
        return any(
            key in line.text for key in ('"unique_id"', '"transaction_id"', '"is_interrupted"')
        )
    return _is_native(line.text)


def _is_native(text: str) -> bool:
    """Whether it is a whole native record: its parts stand on several lines."""
    if "\n" not in text:
        return False
    first = _PART.match(text)
    return first is not None and first[2] == "A" and _HEADER.match(text, first.end()) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if _is_native(line.text):
        return _parse_native(line)
    document = json_lines.read_object(line.text)
    transaction = json_lines.to_mapping(document.get("transaction"))
    if "transaction_id" in transaction:
        return _parse_second(line, document, transaction)
    if "unique_id" in transaction or "is_interrupted" in transaction:
        return _parse_third(line, document, transaction)
    raise web_access.build_unreadable("modsecurity_audit")


def _parse_second(line: SourceLine, document: Record, transaction: Record) -> ParsedEvent:
    """Parse the JSON of version 2, whose messages are text."""
    request = json_lines.to_mapping(document.get("request"))
    response = json_lines.to_mapping(document.get("response"))
    audit = json_lines.to_mapping(document.get("audit_data"))
    messages = json_lines.to_words(audit.get("messages"))
    matches = [modsecurity.read_message(message) for message in messages]
    action = json_lines.to_mapping(audit.get("action"))
    is_denied = action.get("intercepted") is True or any(match.is_denied for match in matches)
    fields = _build_fields(
        "ModSecurity", matches, json_lines.to_word(response.get("status")), is_denied=is_denied
    )
    web_access.put_request_line(fields, json_lines.to_word(request.get("request_line")))
    _put_headers(
        fields, json_lines.to_mapping(request.get("headers")), transaction, "remote_address"
    )
    _put_ports(fields, transaction, "remote_port", "local_address", "local_port")
    _put_length(fields, response)
    time = _read_time(line, json_lines.to_word(transaction.get("time")))
    return _build_event(fields, time, json_lines.to_word(transaction["transaction_id"]))


def _parse_third(line: SourceLine, document: Record, transaction: Record) -> ParsedEvent:
    """Parse the JSON of version 3, and Coraza's."""
    request = json_lines.to_mapping(transaction.get("request"))
    response = json_lines.to_mapping(transaction.get("response"))
    is_coraza = "unique_id" not in transaction
    messages = json_lines.to_mappings(document.get("messages") or transaction.get("messages"))
    matches = [_read_match(message) for message in messages]
    status = json_lines.to_word(response.get("http_code") or response.get("status"))
    is_denied = transaction.get("is_interrupted") is True or (
        status.startswith("4")
        and any((match.rule or "").startswith(_SCORE_RULES) for match in matches)
    )
    fields = _build_fields(
        "Coraza" if is_coraza else "ModSecurity", matches, status, is_denied=is_denied
    )
    web_access.put_method(fields, json_lines.to_word(request.get("method")))
    web_access.put_target(fields, json_lines.to_word(request.get("uri")))
    version = request.get("http_version") or request.get("protocol")
    web_access.put_version(fields, str(version) if version else "")
    _put_headers(fields, json_lines.to_mapping(request.get("headers")), transaction, "client_ip")
    _put_ports(fields, transaction, "client_port", "host_ip", "host_port")
    _put_length(fields, response)
    stamp = (
        transaction.get("unix_timestamp")
        or transaction.get("time_stamp")
        or transaction.get("timestamp")
    )
    identity = json_lines.to_word(transaction.get("unique_id") or transaction.get("id"))
    return _build_event(fields, _read_time(line, json_lines.to_word(stamp)), identity)


def _read_match(message: Record) -> RuleMatch:
    details = json_lines.to_mapping(message.get("details") or message.get("data"))
    get = {key: json_lines.to_word(value) for key, value in details.items()}.get
    rule = get("ruleId", "") or get("id", "")
    text = json_lines.to_word(message.get("message")) or get("msg", "")
    if text.startswith(("Warning.", "Access ", "Coraza: ")) and get("msg"):
        text = get("msg", "")
    tags = json_lines.to_words(details.get("tags"))
    return RuleMatch(
        is_denied=False,
        status=None,
        rule=rule or None,
        text=text or None,
        severity=modsecurity.parse_severity(get("severity", "")),
        version=get("ver") or None,
        attack=modsecurity.choose_class(rule, tags, text),
        score=modsecurity.parse_score(text),
        host=None,
        uri=None,
        transaction=None,
    )


def _build_fields(
    product: str, matches: list[RuleMatch], status: str, *, is_denied: bool
) -> dict[str, Value]:
    fields = modsecurity.build_fields(product, is_denied=is_denied)
    if not matches:
        fields |= {"event.kind": "event", "event.action": "request-audited"}
    web_access.put_status(fields, status)
    if is_denied:
        fields |= {"event.outcome": "failure", "event.action": "request-denied"}
    modsecurity.put_matches(fields, matches)
    return fields


def _put_headers(
    fields: dict[str, Value], headers: Record, transaction: Record, client: str
) -> None:
    """Set what headers say of browser, host, and the client behind our own proxies."""
    several = {name.casefold(): _join(value) for name, value in headers.items()}
    web_access.put_agent(fields, several.get("user-agent", ""))
    web_access.put_referrer(fields, several.get("referer", ""))
    if several.get("host") and "url.domain" not in fields:
        web_access.put_host(fields, several["host"])
    peer = json_lines.to_word(transaction.get(client))
    web_access.put_clients(fields, peer, several.get("x-forwarded-for", ""))


def _put_length(fields: dict[str, Value], response: Record) -> None:
    """Set the size of the response as its header says it."""
    headers = json_lines.to_mapping(response.get("headers"))
    for name, value in headers.items():
        if name.casefold() == "content-length":
            number = next(iter(json_lines.to_words(value)), "")
            web_access.put_number(fields, "http.response.bytes", number)


def _join(value: Value) -> str:
    return ", ".join(json_lines.to_words(value))


def _put_ports(
    fields: dict[str, Value], transaction: Record, client: str, server: str, port: str
) -> None:
    if "related.ip" not in fields:
        number = addresses.parse_port(json_lines.to_word(transaction.get(client)))
        addresses.put_endpoint(fields, "source", None, number)
    ip = addresses.parse_address(json_lines.to_word(transaction.get(server)))
    number = addresses.parse_port(json_lines.to_word(transaction.get(port)))
    addresses.put_endpoint(fields, "destination", ip, number)


def _read_time(line: SourceLine, stamp: str) -> datetime | None:
    try:
        return device_stamps.parse_stamp(
            stamp.replace("/", "-") if stamp[4:5] == "/" else stamp, line.arrived, line.zone
        )
    except UnparseableRecord:
        return None


def _build_event(fields: dict[str, Value], time: datetime | None, transaction: str) -> ParsedEvent:
    if not transaction:
        return ParsedEvent(time, fields)
    session = modsecurity.build_session(transaction)
    return ParsedEvent(time, fields, id=session, session=session)


def _parse_native(line: SourceLine) -> ParsedEvent:
    """Parse the parts A (client), B (request), F (response) and H (messages)."""
    parts = _read_parts(line.text)
    header = _HEADER.match(parts["A"])
    if header is None:
        raise web_access.build_unreadable("modsecurity_audit")
    stamp, transaction, client, port, server, server_port = header.groups()
    messages = _NATIVE_MESSAGE.findall(parts.get("H", ""))
    matches = [modsecurity.read_message(message) for message in messages]
    is_denied = any(match.is_denied for match in matches) or "\nAction: Intercepted" in parts.get(
        "H", ""
    )
    status = parts.get("F", "").partition("\n")[0].split(" ")
    fields = _build_fields(
        "ModSecurity", matches, status[1] if len(status) > 1 else "", is_denied=is_denied
    )
    request, *lines = parts.get("B", "").splitlines() or [""]
    web_access.put_request_line(fields, request)
    headers = {
        name: [value.strip()]
        for name, colon, value in (each.partition(":") for each in lines)
        if colon
    }
    transaction_fields: Record = {
        "client_ip": client,
        "client_port": port,
        "host_ip": server,
        "host_port": server_port,
    }
    _put_headers(fields, headers, transaction_fields, "client_ip")
    _put_ports(fields, transaction_fields, "client_port", "host_ip", "host_port")
    return _build_event(fields, _read_time(line, stamp), transaction)


def _read_parts(text: str) -> dict[str, str]:
    """Read the parts by their letters. A body may hold lines like boundaries; those of the record
    begin with its own id, which no client knows beforehand. Of a letter the first part counts."""
    first = _PART.match(text)
    if first is None:
        raise web_access.build_unreadable("modsecurity_audit")
    parts: dict[str, str] = {}
    # The id is escaped: it may hold nothing but letters, digits and dashes.
    pieces = re.split(rf"(?m)^{re.escape(first[1])}([A-Z])--[ \t\r]*$\n?", text)
    for letter, content in zip(pieces[1::2], pieces[2::2], strict=True):
        parts.setdefault(letter, content)
    return parts


PARSER = Parser(
    id="modsecurity_audit",
    title="ModSecurity and Coraza audit log (JSON, native)",
    hints=(b'"transaction"', b"-A--"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://github.com/owasp-modsecurity/ModSecurity/wiki/ModSecurity-2-Data-Formats",
        "https://github.com/owasp-modsecurity/ModSecurity/wiki/Reference-Manual-(v3.x)",
        "https://coraza.io/docs/seclang/directives/",
    ),
    examples=(
        ParserExample(
            '{"transaction":{"client_ip":"203.0.113.66","time_stamp":"Sun Nov 22 01:06:15 2026",'
            '"server_id":"2946","client_port":41836,"host_ip":"192.0.2.80","host_port":443,'
            '"unique_id":"165215832450.639870","request":{"method":"POST","http_version":1.1,'
            '"uri":"/login?a=b","body":"user=jo&password=x","headers":{"Host":"www.contoso.example",'
            '"User-Agent":"curl/8.5.0","Cookie":"SID=1","Authorization":"Basic am86eA=="}},'
            '"response":{"http_code":403,"headers":{}},"producer":{"modsecurity":"ModSecurity v3.0.9"},'
            '"messages":[{"message":"SQL Injection Attack Detected via libinjection","details":{'
            '"match":"detected SQLi","ruleId":"942100","severity":"2","data":"jo@contoso.example",'
            '"ver":"OWASP_CRS/3.3.4","tags":["attack-sqli","OWASP_CRS"]}},{"message":"Inbound Anomaly'
            ' Score Exceeded (Total Score: 5)","details":{"ruleId":"949110","severity":"2"}}]}}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["web", "intrusion_detection"],
                "event.type": ["access", "denied"],
                "event.outcome": "failure",
                "event.severity": 2,
                "source.ip": "203.0.113.66",
                "source.port": 41836,
                "destination.ip": "192.0.2.80",
                "destination.port": 443,
                "http.request.method": "POST",
                "http.response.status_code": 403,
                "http.version": "1.1",
                "url.path": "/login",
                "url.domain": "www.contoso.example",
                "user_agent.original": "curl/8.5.0",
                "rule.id": "942100",
                "breach.waf.attack": "sqli",
                "breach.waf.anomaly_score": 5,
            },
        ),
        ParserExample(
            '{"transaction":{"time":"22/Nov/2026:01:06:15 +0100","transaction_id":"YospAAAU",'
            '"remote_address":"10.0.0.9","remote_port":43790,"local_address":"192.0.2.80",'
            '"local_port":80},"request":{"request_line":"GET /?x=/bin/bash HTTP/1.1","headers":{'
            '"Host":"www.contoso.example","X-Forwarded-For":"203.0.113.66"}},"response":{"status":403},'
            '"audit_data":{"messages":["Warning. Matched phrase \\"bin/bash\\" at ARGS:x. [file'
            ' \\"/r.conf\\"] [line \\"485\\"] [id \\"932160\\"] [msg \\"Unix Shell Code Found\\"]'
            ' [severity \\"CRITICAL\\"] [tag \\"attack-rce\\"]"],"action":{"intercepted":true}}}',
            {
                "@timestamp": "2026-11-22T00:06:15+00:00",
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": None,
                "breach.waf.attack": "rce",
                "rule.name": "Unix Shell Code Found",
                "url.query": "x=/bin/bash",
            },
        ),
        ParserExample(
            '{"transaction":{"timestamp":"2026/11/22 01:06:15","unix_timestamp":1795309575500000000,'
            '"id":"JGQhmMaJBBvIfVF","client_ip":"2001:db8::7","client_port":5000,"host_ip":"",'
            '"host_port":0,"server_id":"www","request":{"method":"GET","protocol":"HTTP/2.0",'
            '"uri":"/","http_version":"","headers":{"host":["www.contoso.example"]}},"is_interrupted":'
            'false,"response":{"status":200}},"messages":[{"actionset":"","message":"XSS","data":{'
            '"id":941100,"msg":"XSS","severity":2,"tags":["attack-xss"]}}]}',
            {
                "@timestamp": "2026-11-22T01:06:15.500000+00:00",
                "event.outcome": "success",
                "observer.product": "Coraza",
                "source.ip": "2001:db8::7",
                "breach.waf.attack": "xss",
                "rule.id": "941100",
                "http.version": "2.0",
            },
        ),
        ParserExample(
            "--6ef24602-A--\n[22/Nov/2026:01:06:15 +0000] V6BEawUs8J4AACcb 203.0.113.66 43077"
            " 192.0.2.80 80\n--6ef24602-B--\nPOST /command.php HTTP/1.0\nHost: www.contoso.example\n"
            "Cookie: SID=1\n\n--6ef24602-C--\ncmd=x\n--6ef24602-F--\nHTTP/1.1 500 Internal\n\n"
            '--6ef24602-H--\nMessage: Access denied with code 500 (phase 2). Pattern match "x" at'
            ' REQUEST_BODY. [file "/r.conf"] [line "127"] [id "440002"] [msg "Shell access"]\n'
            "Action: Intercepted (phase 2)\n\n--6ef24602-Z--",
            {
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": 43077,
                "http.request.method": "POST",
                "http.response.status_code": 500,
                "rule.id": "440002",
                "url.path": "/command.php",
            },
        ),
    ),
)
