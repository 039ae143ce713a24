"""Parse access logs that servers write as JSON: nginx's `log_format escape=json`, Apache's, and others.

Each operator names the keys; the usual names of each value are known. A record counts as an access
if it has a status, a request and a client."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, json_lines, stamps, web_access

_STATUS = (
    "status",
    "status_code",
    "response_status",
    "http_status",
    "statuscode",
    "response_code",
    "responsecode",
    "response",
    "http_status_code",
    "final_status",
)
_LINE = (
    "request",
    "request_line",
    "requestline",
    "http_request",
    "firstline",
    "request_first_line",
)
_METHOD = ("request_method", "method", "http_method", "verb", "requestmethod", "httpmethod")
_TARGET = (
    "request_uri",
    "uri",
    "url",
    "request_url",
    "requesturi",
    "request_path",
    "uri_path",
    "path",
    "requestpath",
    "document_uri",
    "resource",
)
_QUERY = ("query_string", "args", "query", "querystring", "uri_query")
_CLIENT = (
    "remote_addr",
    "remote_ip",
    "client_ip",
    "clientip",
    "remoteip",
    "remoteaddr",
    "client",
    "remote_host",
    "remotehost",
    "remote",
    "src_ip",
    "ip",
    "client_address",
    "remote_address",
    "client_addr",
    "sourceip",
    "host_ip",
)
_FORWARDED = (
    "http_x_forwarded_for",
    "x_forwarded_for",
    "xff",
    "x-forwarded-for",
    "forwarded_for",
    "proxy_add_x_forwarded_for",
    "forwardedfor",
    "xforwardedfor",
    "http_x_real_ip",
    "x_real_ip",
    "real_ip",
    "http_cf_connecting_ip",
)
_PORT = ("remote_port", "client_port", "remoteport")
_USER = ("remote_user", "user", "username", "auth_user", "remoteuser", "authuser", "userid")
_AGENT = ("http_user_agent", "user_agent", "useragent", "agent", "user-agent", "http_useragent")
_REFERRER = ("http_referer", "http_referrer", "referer", "referrer")
_HOST = (
    "http_host",
    "host",
    "vhost",
    "server_name",
    "domain",
    "virtualhost",
    "servername",
    "virtual_host",
    "authority",
    "host_header",
)
_SIZE = (
    "body_bytes_sent",
    "bytes_sent",
    "bytes",
    "response_size",
    "bytes_out",
    "response_bytes",
    "size",
    "resp_body_size",
    "responsesize",
    "content_length",
    "byte",
)
_RECEIVED = ("request_length", "bytes_received", "bytes_in", "request_size")
_VERSION = (
    "server_protocol",
    "protocol",
    "http_version",
    "request_protocol",
    "proto",
    "httpversion",
)
_SCHEME = ("scheme", "request_scheme", "url_scheme", "http_scheme")
_TIME = (
    "time_iso8601",
    "@timestamp",
    "timestamp",
    "time_local",
    "time",
    "datetime",
    "date",
    "msec",
    "ts",
    "start_time",
    "timelocal",
    "event_time",
)
_SECONDS = ("request_time", "requesttime", "duration_s", "response_time")
_SERVER = ("server_addr", "server_ip", "local_addr")
_SERVER_PORT = ("server_port", "local_port")
_COMMON = re.compile(r"\[?([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}(?::[0-9]{2}){3}) ?([+-][0-9]{4})?\]?")
_NUMBER = re.compile(r"[0-9]{9,16}(?:\.[0-9]{1,9})?")
_LAST = 253_402_300_799

Record = dict[str, Value]


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    if not json_lines.is_object_start(text) or '"DownstreamStatus"' in text:
        return False
    if '"event_type"' in text and '"dest_ip"' in text:  # what a sensor saw, not a server
        return False
    if "stat" not in text and "respon" not in text:
        return False
    try:
        return _is_access(_read_record(text))
    except UnparseableRecord:
        return False


def _read_record(text: str) -> Record:
    """Read the object with its keys folded; of one level of nesting, the inner keys too."""
    document = json_lines.read_object(text)
    if json_lines.is_ecs(text) or any(isinstance(value, list) for value in document.values()):
        return {}
    record: Record = {}
    for key, value in document.items():
        if isinstance(value, dict):
            if key.casefold() not in {"nginx", "access", "httpd", "apache", "http", "log"}:
                return {}
            record.update({inner.casefold(): each for inner, each in value.items()})
        else:
            record[key.casefold()] = value
    return record


def _is_access(record: Record) -> bool:
    status = _get(record, _STATUS)
    if len(status) != 3 or not status.isdigit():
        return False
    method = _get(record, _METHOD)
    is_request = " " in _get(record, _LINE) or (method.isalpha() and method.isupper())
    return is_request and bool(_get(record, _CLIENT) or _get(record, _FORWARDED))


def _get(record: Record, names: tuple[str, ...]) -> str:
    for name in names:
        if name in record:
            value = record[name]
            text = str(value) if isinstance(value, float) else json_lines.to_word(value)
            if text not in {"", "-"}:
                return text
    return ""


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _read_record(line.text)
    if not _is_access(record):
        raise web_access.build_unreadable("json_access")
    fields = web_access.build_fields("web")
    web_access.put_status(fields, _get(record, _STATUS))
    _put_request(fields, record)
    _put_client(fields, record)
    web_access.put_number(fields, "http.response.body.bytes", _get(record, _SIZE))
    web_access.put_number(fields, "http.request.bytes", _get(record, _RECEIVED))
    web_access.put_agent(fields, _get(record, _AGENT))
    web_access.put_referrer(fields, _get(record, _REFERRER))
    web_access.put_user(fields, _get(record, _USER))
    web_access.put_duration(fields, _get(record, _SECONDS), 10**9)
    return ParsedEvent(_read_time(line, _get(record, _TIME)), fields)


def _put_request(fields: dict[str, Value], record: Record) -> None:
    request = _get(record, _LINE)
    if " " in request:
        web_access.put_request_line(fields, request)
    elif request.startswith("/"):
        web_access.put_target(fields, request)
    web_access.put_method(fields, _get(record, _METHOD))
    target, query = _get(record, _TARGET), _get(record, _QUERY)
    if target and "url.original" not in fields:
        has_query = "?" in target or not query
        web_access.put_target(fields, target if has_query else f"{target}?{query.lstrip('?')}")
    web_access.put_version(fields, _get(record, _VERSION))
    web_access.put_host(fields, _get(record, _HOST))
    web_access.put_text(fields, "url.scheme", _get(record, _SCHEME).casefold())


def _put_client(fields: dict[str, Value], record: Record) -> None:
    peer = _get(record, _CLIENT)
    endpoint = addresses.parse_endpoint(peer)
    web_access.put_clients(fields, peer, _get(record, _FORWARDED))
    port = addresses.parse_port(_get(record, _PORT))
    if port is not None and fields.get("source.ip") == endpoint.ip:
        fields["source.port"] = port
    if "source.ip" not in fields and peer and "," not in peer:
        fields["source.domain"] = peer.casefold()
    server = addresses.parse_address(_get(record, _SERVER))
    server_port = addresses.parse_port(_get(record, _SERVER_PORT))
    addresses.put_endpoint(fields, "destination", server, server_port)


def _read_time(line: SourceLine, stamp: str) -> datetime | None:
    common = _COMMON.fullmatch(stamp)
    if common is not None:
        day, offset = common.groups()
        if offset is None:
            return stamps.parse_common_local(day, line.zone)
        return stamps.parse_common_log(f"{day} {offset}")
    if _NUMBER.fullmatch(stamp):
        seconds = float(stamp)
        while seconds > _LAST:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC)
    try:
        return stamps.parse_iso(stamp, line.zone) if stamp[:4].isdigit() else None
    except UnparseableRecord:
        return None


PARSER = Parser(
    id="json_access",
    title="Web access logs in JSON (nginx, Apache and others)",
    hints=(b'"status', b'"response', b'"http_status', b'"final_status', b'"Status'),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format",
        "https://httpd.apache.org/docs/2.4/mod/mod_log_config.html",
    ),
    examples=(
        ParserExample(
            '{"time_local":"22/Nov/2026:01:06:15 +0100","remote_addr":"10.0.0.9","remote_user":"Jo",'
            '"request":"GET /a?b=c HTTP/1.1","status":"403","body_bytes_sent":"150",'
            '"request_time":"0.250","http_referrer":"","http_user_agent":"curl/8.5.0",'
            '"http_x_forwarded_for":"198.51.100.4, 203.0.113.66","host":"www.contoso.example"}',
            {
                "@timestamp": "2026-11-22T00:06:15+00:00",
                "event.outcome": "failure",
                "source.ip": "203.0.113.66",
                "user.name": "jo",
                "http.request.method": "GET",
                "http.response.status_code": 403,
                "http.response.body.bytes": 150,
                "http.version": "1.1",
                "url.path": "/a",
                "url.query": "b=c",
                "url.domain": "www.contoso.example",
                "user_agent.original": "curl/8.5.0",
                "event.duration": 250000000,
            },
        ),
        ParserExample(
            '{"time":"2026-11-22T01:06:15Z","remoteIP":"2001:db8::7","host":"www.contoso.example",'
            '"requestPath":"/login","query":"?a=1","method":"POST","status":200,'
            '"userAgent":"x","referer":"-"}',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "source.ip": "2001:db8::7",
                "url.original": "/login?a=1",
                "http.request.method": "POST",
                "event.outcome": "success",
            },
        ),
        ParserExample(
            '{"msec":1795309575.5,"remote_addr":"203.0.113.66","remote_port":"50100","request_method"'
            ':"GET","request_uri":"/\\",\\"remote_addr\\":\\"192.0.2.1","status":404,"scheme":"https",'
            '"server_protocol":"HTTP/2.0","http_x_forwarded_for":"192.0.2.1"}',
            {
                "@timestamp": "2026-11-22T01:06:15.500000+00:00",
                "source.ip": "203.0.113.66",
                "source.port": 50100,
                "http.version": "2.0",
                "url.scheme": "https",
            },
        ),
    ),
)
