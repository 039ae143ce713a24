"""Parse nginx error logs: refused passwords and addresses, limits, missing files, failed upstreams.

A line without a client describes the server's own state."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import people, server_errors, web_access
from streams.tokenizers.server_errors import NginxContext, ServerError

_LEVELS = ("error", "crit", "warn", "alert", "emerg", "notice", "info", "debug")
_USER = re.compile(
    r"(?:PAM: )?user \"?(.*?)\"?(?:: password mismatch| was not found in \".++(?<=\")| - not authenticated.*)\Z",
    re.DOTALL,
)
_ACTS = (
    (re.compile(r"access forbidden by rule"), "access-forbidden", ["access", "denied"]),
    (re.compile(r"limiting (?:requests|connections)"), "rate-limited", ["access", "denied"]),
    (
        re.compile(r"client (?:sent|intended to send|prematurely)"),
        "bad-request",
        ["access", "error"],
    ),
    (re.compile(r"directory index of "), "access-forbidden", ["access", "denied"]),
    (re.compile(r"[^,]*SSL_|[^,]*handshak"), "tls-error", ["protocol", "error"]),
)
_REFUSED = re.compile(
    r"no user/password was provided for basic authentication|client used invalid token|"
    r"auth request unexpected status|invalid JWT|JWT "
)
_REASON = re.compile(r" \(([0-9]{1,4}: [^()]{1,128})\)(?: while [^,()]*+)?\Z")


def _can_parse(line: SourceLine) -> bool:
    error = server_errors.match_nginx(line.text, line.zone)
    return error is not None and "ModSecurity: " not in error.message[:300]


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    error = server_errors.match_nginx(line.text, line.zone)
    if error is None or "ModSecurity: " in error.message[:300]:
        raise web_access.build_unreadable("nginx_error")
    context = server_errors.read_context(error.message)
    if context.client is None and ", client: " not in error.message:
        return IgnoredLine("nginx describes its own state")
    fields = _build_act(context, error)
    server_errors.put_context(fields, context)
    server_errors.put_error(fields, error)
    if line.frame.host:
        fields["host.name"] = line.frame.host
    return ParsedEvent(error.time, fields)


def _build_act(context: NginxContext, error: ServerError) -> dict[str, Value]:
    fields = web_access.build_fields("nginx")
    message = context.message
    user = _USER.match(message)
    if user is not None or _REFUSED.match(message):
        fields |= {
            "event.category": ["authentication", "web"],
            "event.type": ["start"],
            "event.action": "http-auth",
            "event.outcome": "failure",
        }
        if user is not None and context.client is not None:
            people.put_user(fields, user[1])
            reason = "password mismatch" if message.endswith("mismatch") else "unknown user"
            fields["event.reason"] = reason
        return fields
    for pattern, action, kinds in _ACTS:
        if pattern.match(message):
            fields |= {"event.action": action, "event.type": kinds, "event.outcome": "failure"}
            return fields
    reason_match = _REASON.search(message)
    fields |= {"event.type": ["access", "error"], "event.action": "server-error"}
    if error.level not in {"warn", "notice", "info", "debug"}:
        fields["event.outcome"] = "failure"
    if reason_match is not None:
        fields["event.reason"] = reason_match[1].partition(": ")[2]
    return fields


PARSER = Parser(
    id="nginx_error",
    title="nginx error log",
    hints=tuple(f"[{level}] ".encode() for level in _LEVELS),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://nginx.org/en/docs/ngx_core_module.html#error_log",
        "https://nginx.org/en/docs/http/ngx_http_auth_basic_module.html",
    ),
    examples=(
        ParserExample(
            '2026/11/22 01:06:15 [error] 2865#0: *66647 user "JSmith": password mismatch, client:'
            ' 203.0.113.66, server: www.contoso.example, request: "GET /admin HTTP/1.1", host:'
            ' "www.contoso.example:8443", referrer: "https://www.contoso.example/"',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication", "web"],
                "event.outcome": "failure",
                "event.reason": "password mismatch",
                "user.name": "jsmith",
                "source.ip": "203.0.113.66",
                "url.path": "/admin",
                "url.domain": "www.contoso.example",
                "url.port": 8443,
                "http.request.method": "GET",
                "http.request.referrer": "https://www.contoso.example/",
                "process.pid": 2865,
            },
        ),
        ParserExample(
            '2026/11/22 01:06:15 [error] 28#28: *6 user "x" was not found in "/etc/nginx/users",'
            ' client: 2001:db8::7, server: , request: "GET / HTTP/1.1", host: "localhost"',
            {"event.reason": "unknown user", "user.name": "x", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "<187>Nov 22 01:06:15 web01 nginx: 2026/11/22 01:06:15 [error] 28#28: *6 access"
            ' forbidden by rule, client: 203.0.113.66, server: _, request: "GET /.git HTTP/1.1"',
            {
                "event.category": ["web"],
                "event.type": ["access", "denied"],
                "event.outcome": "failure",
                "event.action": "access-forbidden",
                "host.name": "web01",
            },
        ),
        ParserExample(
            '2026/11/22 01:06:15 [error] 28#28: *6 open() "/srv/www/x", client: 192.0.2.1, server:'
            ' a, request: "" failed (2: No such file or directory), client: 203.0.113.66, server:'
            ' www.contoso.example, request: "GET /x%22,%20client:%20192.0.2.1 HTTP/1.1"',
            {"source.ip": None, "event.outcome": "failure"},
        ),
        ParserExample(
            '2026/11/22 01:06:15 [error] 28#28: *6 open() "/srv/www/favicon.ico" failed (2: No such'
            " file or directory), client: 203.0.113.66, server: www.contoso.example, request:"
            ' "GET /favicon.ico HTTP/1.1", host: "www.contoso.example"',
            {"event.reason": "No such file or directory", "url.path": "/favicon.ico"},
        ),
        ParserExample(
            "2026/11/22 01:06:15 [notice] 1#1: start worker process 28",
            None,
        ),
    ),
)
