"""Parse F5 BIG-IP's application firewall (ASM, Advanced WAF): its CEF, key="value" pairs and JSON.

The request is in the record as the client sent it, with its body and its cookies. None of it is
kept: method, target and browser are read from fields of their own, or from the request's head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    cef,
    device_stamps,
    json_lines,
    key_value,
    people,
    web_access,
)

_PAIRS = re.compile(r"(?:ASM:)?(?:unit_hostname|attack_type|violations|management_ip_address)=\"")
_OBJECT = re.compile(r"\s*+\{")
_TELEMETRY = '"telemetryEventCategory"'
_NAMES: Mapping[str, tuple[str, ...]] = {
    "client": ("ip_client", "src"),
    "client port": ("src_port", "spt"),
    "server": ("dest_ip", "dst"),
    "server port": ("dest_port", "dpt"),
    "forwarded": ("x_forwarded_for_header_value", "x_fwd_hdr_val"),
    "method": ("method", "requestMethod"),
    "uri": ("uri", "request"),
    "query": ("query_string", "query_str"),
    "status": ("response_code", "resp_code"),
    "verdict": ("request_status", "req_status", "act"),
    "user": ("username", "suser"),
    "attack": ("attack_type",),
    "violations": ("violations",),
    "signatures": ("sig_ids",),
    "names": ("sig_names",),
    "policy": ("policy_name",),
    "id": ("support_id", "externalId"),
    "unit": ("unit_hostname", "unit_host", "hostname", "dvchost"),
    "time": ("date_time", "rt"),
    "protocol": ("protocol", "app"),
    "sent": ("full_request", "req"),
}
_LINE_END = r"(?:\\{1,2}r\\{1,2}n|\r?\n)"
_HEAD_END = re.compile(rf"{_LINE_END}{_LINE_END}")
_HEADER = re.compile(
    rf"{_LINE_END}(Host|User-Agent|Referer): ((?:(?!\\{{1,2}}r|[\r\n]).){{1,4000}})"
)
_ABSENT = frozenset({"", "N/A", "-", "null"})
_CLASSES = (
    ("SQL", "sqli"),
    ("XSS", "xss"),
    ("Cross Site Scripting", "xss"),
    ("Path Traversal", "lfi"),
    ("Remote File Include", "rfi"),
    ("Command Execution", "rce"),
    ("Code Injection", "rce"),
)


def _can_parse(line: SourceLine) -> bool:
    header = cef.read_header(line.text)
    if header is not None:
        return header.vendor == "F5" and header.product == "ASM"
    if _OBJECT.match(line.text):
        return _TELEMETRY in line.text and '"ASM"' in line.text and "ip_client" in line.text
    return _PAIRS.match(line.text) is not None and "ip_client=" in line.text


def _read_values(text: str) -> dict[str, str]:
    """Read the record's values by the names of this file; a later one of the same name is a
    client's."""
    record = cef.read(text)
    if record is not None:
        values = {**cef.list_labelled(record.fields), **record.fields}
    elif _OBJECT.match(text):
        document = json_lines.read_object(text)
        values = {name: json_lines.to_word(value) for name, value in document.items()}
    else:
        pairs = key_value.parse_delimited_pairs(text.removeprefix("ASM:"), ",")
        values = key_value.select_first_values(pairs)
    by_name = {
        name: next((values[key] for key in keys if values.get(key) is not None), "")
        for name, keys in _NAMES.items()
    }
    return {name: value for name, value in by_name.items() if value not in _ABSENT}


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no record of F5 ASM",
            place="f5_asm",
            remedy="Use the logging profile's CEF or key-value format.",
        )
    values = _read_values(line.text)
    fields = _build_verdict(values)
    _put_request(fields, values)
    if unit := values.get("unit"):
        fields["observer.name"] = unit
    people.put_user(fields, values.get("user", ""))
    identity = values.get("id")
    return ParsedEvent(
        _read_time(values, line), fields, id=identity if identity and len(identity) > 9 else None
    )


def _build_verdict(values: Mapping[str, str]) -> dict[str, Value]:
    is_denied = values.get("verdict") == "blocked"
    is_attack = "violations" in values or "attack" in values or is_denied
    fields: dict[str, Value] = {
        "event.kind": "alert" if is_attack else "event",
        "event.category": ["web", "intrusion_detection"] if is_attack else ["web"],
        "event.type": ["access", "denied" if is_denied else "info"],
        "event.outcome": "failure" if is_denied else "unknown" if is_attack else "success",
        "event.action": f"request-{values.get('verdict', 'logged').lower()}",
        "observer.vendor": "F5",
        "observer.product": "ASM",
        "observer.type": "waf",
    }
    for name, key in (
        ("policy", "rule.ruleset"),
        ("signatures", "rule.id"),
        ("names", "rule.name"),
        ("violations", "event.reason"),
    ):
        if name in values:
            fields[key] = values[name]
    kind = values.get("attack", "")
    attack = next((name for word, name in _CLASSES if word in kind), None)
    if attack is not None:
        fields["breach.waf.attack"] = attack
    if kind:
        fields["rule.category"] = kind
    return fields


def _put_request(fields: dict[str, Value], values: Mapping[str, str]) -> None:
    web_access.put_method(fields, values.get("method", ""))
    target, query = values.get("uri", ""), values.get("query", "")
    if target:
        web_access.put_target(fields, f"{target}?{query}" if query else target)
    status = values.get("status", "")
    if len(status) == 3 and status.isdecimal():
        fields["http.response.status_code"] = int(status)
    web_access.put_clients(fields, values.get("client", ""), values.get("forwarded", ""))
    if "related.ip" not in fields:
        port = addresses.parse_port(values.get("client port", ""))
        addresses.put_endpoint(fields, "source", None, port)
    server = addresses.parse_address(values.get("server", ""))
    port = addresses.parse_port(values.get("server port", ""))
    addresses.put_endpoint(fields, "destination", server, port)
    _put_headers(fields, values.get("sent", ""))
    if protocol := values.get("protocol"):
        fields["network.protocol"] = protocol.lower()


def _put_headers(fields: dict[str, Value], sent: str) -> None:
    """Set host, browser and referrer from the request's head; a body may imitate them."""
    end = _HEAD_END.search(sent)
    headers: dict[str, str] = {}
    for name, value in _HEADER.findall(sent[: end.start()] if end else sent):
        headers.setdefault(name, value)
    web_access.put_agent(fields, headers.get("User-Agent", ""))
    web_access.put_referrer(fields, headers.get("Referer", ""))
    if headers.get("Host"):
        web_access.put_host(fields, headers["Host"])


def _read_time(values: Mapping[str, str], line: SourceLine) -> datetime | None:
    try:
        return device_stamps.parse_stamp(values.get("time", ""), line.arrived, line.zone)
    except UnparseableRecord:
        return None


PARSER = Parser(
    id="f5_asm",
    title="F5 BIG-IP application firewall (ASM, Advanced WAF)",
    hints=(b"|F5|", b"ip_client"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://techdocs.f5.com/en-us/bigip-15-1-0/big-ip-asm-implementations/logging-application-security-events.html",
    ),
    examples=(
        ParserExample(
            'ASM:unit_hostname="waf.contoso.example",management_ip_address="192.0.2.4",'
            'policy_name="/Common/shop",violations="Attack signature detected",'
            'support_id="18205860747014045721",request_status="blocked",response_code="0",'
            'ip_client="203.0.113.66",method="POST",protocol="HTTPS",query_string="q=1",'
            'x_forwarded_for_header_value="N/A",sig_ids="200002147",sig_names="SQL-INJ expressions",'
            'date_time="2026-11-22 01:06:15",severity="Critical",attack_type="SQL-Injection",'
            'username="N/A",src_port="50100",dest_port="443",dest_ip="198.51.100.9",uri="/form",'
            'full_request="POST /form HTTP/1.1\\r\\nHost: www.contoso.example\\r\\nUser-Agent: curl/8.5.0'
            '\\r\\nCookie: a=b\\r\\n\\r\\nx\\r\\nReferer: http://192.0.2.9/"',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["web", "intrusion_detection"],
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "source.port": 50100,
                "destination.ip": "198.51.100.9",
                "http.request.method": "POST",
                "http.response.status_code": None,
                "url.path": "/form",
                "url.domain": "www.contoso.example",
                "user_agent.original": "curl/8.5.0",
                "http.request.referrer": None,
                "url.query": "q=1",
                "rule.id": "200002147",
                "breach.waf.attack": "sqli",
                "user.name": None,
            },
        ),
        ParserExample(
            "CEF:0|F5|ASM|15.1.10|Successful Request|Successful Request|2|dvchost=waf.contoso.example"
            " dvc=192.0.2.4 cs1=/Common/shop cs1Label=policy_name externalId=1111111111111111 act=passed"
            " cn1=200 cn1Label=response_code src=2001:DB8::7 spt=51702 dst=198.51.100.9 dpt=443"
            " requestMethod=GET app=HTTPS cs5=N/A cs5Label=x_forwarded_for_header_value"
            " rt=Nov 22 2026 01:06:15 cs4=N/A cs4Label=attack_type suser=jo request=/a/b.json"
            " cs3Label=full_request cs3=GET /a/b.json HTTP/1.1\\r\\nCookie: secret\\r\\n",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
                "http.response.status_code": 200,
                "url.path": "/a/b.json",
                "user.name": "jo",
            },
        ),
        ParserExample(
            '{"hostname":"waf","violations":"Evasion technique detected","request_status":"alerted",'
            '"response_code":"200","ip_client":"203.0.113.66","method":"GET","uri":"/x",'
            '"date_time":"2026-11-22 01:06:15","attack_type":"Detection Evasion","src_port":"49804",'
            '"request":"GET /x HTTP/1.1","telemetryEventCategory":"ASM"}',
            {"event.outcome": "unknown", "source.ip": "203.0.113.66", "url.path": "/x"},
        ),
    ),
)
