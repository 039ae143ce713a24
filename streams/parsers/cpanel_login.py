"""Parse cPanel & WHM's login_log (refused sign-ins) and session_log (sessions that begin and end)."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, device_stamps, key_value, people, web_access

_HEAD = (
    r"\[(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [+-][0-9]{4})\] info \[(?P<app>\w{1,32})\] "
)
_LOGIN = re.compile(
    _HEAD
    + r"(?P<address>[0-9A-Fa-f:.]{2,45}) - (?P<user>.*) \"(?P<request>[A-Z]{3,10} \S*+ HTTP/[0-9.]{1,4})\" "
    r"(?P<verdict>FAILED|DEFERRED) LOGIN (?P<daemon>\w{1,32}): (?P<reason>.*)\Z",
    re.DOTALL,
)
_OLDER = re.compile(
    r"(?P<address>[0-9A-Fa-f:.]{2,45}) - (?P<user>.*) \[(?P<month>[0-9]{2})/(?P<day>[0-9]{2})/(?P<year>[0-9]{4}):"
    r"(?P<clock>[0-9:]{8}) (?P<offset>[+-][0-9]{4})\] \"(?P<request>[A-Z]{3,10} \S*+ HTTP/[0-9.]{1,4})\" "
    r"(?P<verdict>FAILED|DEFERRED) LOGIN (?P<app>\w{1,32}): (?P<reason>.*)\Z",
    re.DOTALL,
)
"""The form of login_log before the daemon's name moved to the front."""
_SUCCESS = re.compile(
    _HEAD
    + r"(?P<address>[0-9A-Fa-f:.]{2,45}) - (?P<user>\S{1,256})(?: \(possessor: (?P<by>[^)]{1,256})\))? - "
    r"SUCCESS LOGIN (?P<daemon>\w{1,32})\s*\Z"
)
_SESSION = re.compile(
    _HEAD
    + r"(?P<address>[0-9A-Fa-f:.]{2,45}|internal) (?P<verb>[A-Z]{3,12}) (?P<user>[^:\s]{1,256}):(?P<token>\S{1,64})"
    r"(?: (?P<rest>.*))?\Z",
    re.DOTALL,
)


def _can_parse(line: SourceLine) -> bool:
    return any(each.match(line.text) is not None for each in (_LOGIN, _OLDER, _SUCCESS, _SESSION))


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    success = _SUCCESS.match(line.text)
    if success is not None:
        return _parse_success(success, line)
    login, session = _LOGIN.match(line.text), _SESSION.match(line.text)
    login = login or _OLDER.match(line.text)
    match = login or session
    if match is None:
        raise web_access.build_unreadable("cpanel_login")
    verb = "" if session is None else session["verb"]
    rest = "" if session is None else session["rest"] or ""
    if login is None and verb not in {"NEW", "PURGE"}:
        return IgnoredLine("changes a session that exists")
    refused = login is not None and login["verdict"] == "FAILED"
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["end" if verb == "PURGE" else "start"],
        "event.action": "logon-failed"
        if refused
        else "logged-out"
        if verb == "PURGE"
        else "logged-in",
        "event.outcome": "failure" if refused else "success",
        "service.name": match["app"],
    }
    if login is not None:
        fields["event.reason"] = login["reason"].strip()
        web_access.put_request_line(fields, login["request"])
        if not refused:
            fields |= {"event.outcome": "unknown", "event.action": "logon-deferred"}
    people.put_user(fields, match["user"])
    pairs = key_value.select_first_values(key_value.parse_delimited_pairs(rest, ","))
    address = pairs.get("address") or match["address"]
    end = addresses.parse_endpoint(address)
    addresses.put_endpoint(fields, "source", end.ip, end.port)
    if "app" in pairs:
        fields["service.name"] = pairs["app"]
    if "method" in pairs:
        fields["breach.auth.method"] = pairs["method"]
    return ParsedEvent(_parse_time(match, line), fields)


def _parse_time(match: re.Match[str], line: SourceLine) -> datetime | None:
    parts = match.groupdict()
    stamp = parts.get("stamp") or "{year}-{month}-{day} {clock} {offset}".format_map(parts)
    return device_stamps.parse_stamp(stamp, line.arrived, line.zone)


def _parse_success(match: re.Match[str], line: SourceLine) -> ParsedEvent:
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.action": "logged-in",
        "event.outcome": "success",
        "service.name": match["daemon"],
    }
    people.put_user(fields, match["user"])
    if match["by"]:
        fields["related.user"] = [match["user"].casefold(), match["by"].casefold()]
    end = addresses.parse_endpoint(match["address"])
    addresses.put_endpoint(fields, "source", end.ip, end.port)
    return ParsedEvent(device_stamps.parse_stamp(match["stamp"], line.arrived, line.zone), fields)


_STAMP = "[2026-11-22 01:06:15 +0000] info"
PARSER = Parser(
    id="cpanel_login",
    title="cPanel & WHM login_log and session_log",
    hints=(b"] info [", b" LOGIN "),
    claims=_can_parse,
    parse=_parse,
    references=("https://docs.cpanel.net/knowledge-base/cpanel-product/the-cpanel-log-files/",),
    examples=(
        ParserExample(
            f'{_STAMP} [cpaneld] 198.51.100.7 - jo "POST /login/?login_only=1 HTTP/1.1" FAILED LOGIN cpaneld: '
            "user password incorrect",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "event.reason": "user password incorrect",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
                "url.path": "/login/",
            },
        ),
        ParserExample(
            f'{_STAMP} [whostmgrd] 2001:db8::7 - x 192.0.2.66 - root "GET / HTTP/1.1" FAILED LOGIN whostmgrd: '
            "access denied",
            {"source.ip": "2001:db8::7", "event.outcome": "failure"},
        ),
        ParserExample(
            f"{_STAMP} [cpaneld] 198.51.100.7 NEW jo:AbCdEf address=198.51.100.7,app=cpaneld,creator=jo,"
            "method=handle_form_login,path=form,possessed=0",
            {
                "event.outcome": "success",
                "user.name": "jo",
                "source.ip": "198.51.100.7",
                "breach.auth.method": "handle_form_login",
            },
        ),
        ParserExample(
            '198.51.100.7 - jo [11/22/2026:01:06:15 -0000] "POST / HTTP/1.1" FAILED LOGIN cpaneld: user password hash is miss',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "user.name": "jo",
                "service.name": "cpaneld",
            },
        ),
        ParserExample(
            f"{_STAMP} [cpsrvd] 198.51.100.7 - eve (possessor: root) - SUCCESS LOGIN cpaneld",
            {"event.outcome": "success", "user.name": "eve", "related.user": ["eve", "root"]},
        ),
        ParserExample(
            f"{_STAMP} [cpaneld] 198.51.100.7 PURGE jo:AbCdEf logout", {"event.type": ["end"]}
        ),
    ),
)
