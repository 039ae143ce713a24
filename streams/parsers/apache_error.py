"""Parse Apache httpd error logs: refused passwords, refused addresses, missing files.

A line without a client describes the server's own state."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import people, server_errors, web_access
from streams.tokenizers.server_errors import ServerError

_REFERRER = re.compile(r", referer: (\S++)\s*\Z")
_SIGN_INS = (
    (re.compile(r"user ([^:]*+): authentication failure for \"(.*)\": (.*)\Z", re.DOTALL), None),
    (
        re.compile(r"(?:Digest: )?user `(.*)' in realm `.*' not found(?:: (.*))?\Z", re.DOTALL),
        "unknown user",
    ),
    (
        re.compile(
            r"(?:AUDIT: )?authentication failure for principal \"(.*)\": ([\w ]+)", re.DOTALL
        ),
        "refused by a sign-in service",
    ),
    (re.compile(r"user ([^:]*?) not found(?:: (.*))?\Z", re.DOTALL), "unknown user"),
    (
        re.compile(r"(?:Digest: )?user ([^:]*+): password mismatch: (.*)\Z", re.DOTALL),
        "password mismatch",
    ),
    (re.compile(r"(?:Digest: )?()user .* attempted time travel()\Z", re.DOTALL), "invalid nonce"),
    (re.compile(r"()client used wrong authentication scheme: (.*)\Z", re.DOTALL), "wrong scheme"),
    (
        re.compile(
            r"(?:Digest: )?()(?:invalid (?:qop|nonce)|realm mismatch|unknown algorithm).*()\Z"
        ),
        "digest",
    ),
)
"""User, target, and in the first the reason."""
_REFUSALS = (
    re.compile(r"user ([^:]*+): authorization failure for \"(.*)\": ?.*\Z", re.DOTALL),
    re.compile(r"Authorization of user (.*) to access (.*) failed, reason: .*\Z", re.DOTALL),
    re.compile(r"()client denied by server configuration: (.*)\Z", re.DOTALL),
    re.compile(r"()access to (\S++) failed, reason: .*\Z", re.DOTALL),
    re.compile(r"()(?:Directory index forbidden by|Cannot serve directory) (.*)\Z", re.DOTALL),
)
_MISSING = re.compile(
    r"File does not exist: (.*)\Z|script '(.*)' not found or unable to stat\Z|"
    r"Attempt to serve directory: (.*)\Z|script not found or unable to stat: (.*)\Z",
)


def _match(line: SourceLine) -> ServerError | None:
    error = server_errors.match_apache(line.text, line.zone)
    if error is None or "ModSecurity: " in error.message[:400]:
        return None
    return error


def _can_parse(line: SourceLine) -> bool:
    return _match(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    error = _match(line)
    if error is None:
        raise web_access.build_unreadable("apache_error")
    if error.client is None:
        return IgnoredLine("Apache describes its own state")
    message, referrer = error.message.rstrip(), ""
    end = _REFERRER.search(message)
    if end is not None:
        message, referrer = message[: end.start()], end[1]
    fields = _build_act(message)
    web_access.put_clients(fields, error.client, "")
    web_access.put_referrer(fields, referrer)
    server_errors.put_error(fields, error)
    fields["message"] = f"{error.code}: {message}" if error.code else message
    if line.frame.host:
        fields["host.name"] = line.frame.host
    return ParsedEvent(error.time, fields)


def _build_act(message: str) -> dict[str, Value]:
    fields = web_access.build_fields("apache")
    for pattern, reason in _SIGN_INS:
        match = pattern.match(message)
        if match is not None:
            _put_sign_in(fields, match, reason or match[3])
            return fields
    for pattern in _REFUSALS:
        match = pattern.match(message)
        if match is not None:
            people.put_user(fields, match[1])
            fields["event.type"] = ["access", "denied"]
            fields |= {"event.action": "access-forbidden", "event.outcome": "failure"}
            _put_path(fields, match[2] if match[1] else "")
            return fields
    fields |= {"event.type": ["access", "error"], "event.action": "server-error"}
    missing = _MISSING.match(message)
    if missing is not None:
        file = next(part for part in missing.groups() if part is not None)
        fields |= {"event.action": "file-not-found", "event.outcome": "failure", "file.path": file}
    return fields


def _put_sign_in(fields: dict[str, Value], match: re.Match[str], reason: str) -> None:
    people.put_user(fields, match[1])
    _put_path(fields, match[2] or "")
    fields |= {
        "event.category": ["authentication", "web"],
        "event.type": ["start"],
        "event.action": "http-auth",
        "event.outcome": "failure",
        "event.reason": reason.casefold(),
    }


def _put_path(fields: dict[str, Value], path: str) -> None:
    if path.startswith("/"):
        web_access.put_target(fields, path)


PARSER = Parser(
    id="apache_error",
    title="Apache error log",
    hints=(b"error] ", b"[client ", b"[pid "),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://httpd.apache.org/docs/2.4/mod/core.html#errorlogformat",
        "https://httpd.apache.org/docs/2.4/mod/mod_auth_basic.html",
    ),
    examples=(
        ParserExample(
            "[Sun Nov 22 01:06:15.078080 2026] [auth_basic:error] [pid 17512:tid 140123053950720]"
            ' [client 203.0.113.66:51390] AH01617: user JSmith: authentication failure for "/a/b":'
            " Password Mismatch, referer: https://www.contoso.example/",
            {
                "@timestamp": "2026-11-22T01:06:15.078080+00:00",
                "event.category": ["authentication", "web"],
                "event.outcome": "failure",
                "event.reason": "password mismatch",
                "event.code": "AH01617",
                "user.name": "jsmith",
                "source.ip": "203.0.113.66",
                "source.port": 51390,
                "url.path": "/a/b",
                "http.request.referrer": "https://www.contoso.example/",
                "process.pid": 17512,
            },
        ),
        ParserExample(
            "[Sun Nov 22 01:06:15 2026] [error] [client 2001:db8::7] user from 192.0.2.1 not"
            " found: /",
            {
                "event.outcome": "failure",
                "event.reason": "unknown user",
                "user.name": "from 192.0.2.1",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 apache2[18154]: [authz_core:error] [pid 18154] [client"
            " [2001:db8::7]:48154] AH01630: client denied by server configuration: /srv/www/x",
            {
                "event.type": ["access", "denied"],
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "source.port": 48154,
                "host.name": "web01",
            },
        ),
        ParserExample(
            "[Sun Nov 22 01:06:15 2026] [error] [client 203.0.113.66] File does not exist:"
            " /srv/http/[client 192.0.2.1] user root not found",
            {
                "event.category": ["web"],
                "source.ip": "203.0.113.66",
                "event.action": "file-not-found",
                "user.name": None,
            },
        ),
        ParserExample(
            "[2026-11-22 01:06:15.323610 +0200] [core:notice] [pid 1:tid 139958433106048] AH00094:"
            " Command line: 'httpd -D FOREGROUND'",
            None,
        ),
    ),
)
