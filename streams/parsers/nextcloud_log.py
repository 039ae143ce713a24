"""Parse Nextcloud's and ownCloud's log: refused sign-ins, and the acts of the audit app (`admin_audit`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, json_records, people
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_KEYS = {"reqId", "remoteAddr", "app", "message", "level"}
_REFUSED = re.compile(
    r"(?:Login failed|Two-factor challenge failed|Failed login): '?(?P<user>.*?)'?(?P<disabled> disabled)?"
    r" ?\(Remote IP: '?(?P<ip>[0-9A-Fa-f.:]{0,45})'?\)\s*\Z",
    re.DOTALL,
)
_ATTEMPT = re.compile(r"Login (?P<act>attempt|successful): \"(?P<user>.*)\"\s*\Z", re.DOTALL)
_FACTOR = re.compile(
    r"(?P<verdict>Successful|Failed) two factor attempt by user (?P<user>.*) \(.*\) with provider (?P<method>.*)\Z"
    r"|Two factor (?P<done>succeeded|failed) for user (?P<who>.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_FILE = re.compile(
    r"(?:The )?[Ff]ile(?: with id \"[0-9]{1,20}\")?(?: \"(?P<before>[^\"]*)\")?(?: has been| was)?"
    r" (?P<act>accessed|created|written to|written|deleted|read|copied|renamed|restored|downloaded)"
    r"(?: from)?:? \"(?P<path>.*?)\"(?: to \"(?P<into>.*)\")?\s*\Z",
    re.DOTALL,
)
_SHARED = re.compile(
    r"The (?P<kind>file|folder) \"(?P<path>.*)\" with ID \"[0-9]{1,20}\" has been (?P<act>shared|unshared)"
    r" (?:via|to|from) (?:the )?(?P<how>link|public link|user|group|email|federated\w*|remote\w*|room|circle)\b(?P<rest>.*)",
    re.DOTALL,
)
_ACCOUNT = re.compile(
    r"User (?P<act>created|deleted|enabled|disabled): \"(?P<user>.*)\"\s*\Z"
    r"|Password of user \"(?P<changed>.*)\" has been changed\s*\Z"
    r"|User \"(?P<member>.*)\" (?P<moved>added to|removed from) group \"(?P<group>[^\"]*)\"\s*\Z",
    re.DOTALL,
)
_FILE_TYPES = {"created": "creation", "deleted": "deletion", "accessed": "access", "read": "access",
               "downloaded": "access"}  # fmt: skip
_NOBODY = frozenset({"--", "-", ""})
_NAMES = json_records.RecordNames(
    texts=(
        ("http.request.method", ("method",)),
        ("url.original", ("url",)),
        ("user_agent.original", ("userAgent",)),
        ("event.provider", ("app",)),
    ),
    person=(),
    clients=(),
    stamps=("time",),
    acts=(),
)


def _find_record(text: str) -> _Record | None:
    if '"reqId"' not in text or '"remoteAddr"' not in text:
        return None
    record = json_records.read_record(text)
    return record if record is not None and record.keys() >= _KEYS else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no line of Nextcloud",
            place="nextcloud_log",
            remedy="Send nextcloud.log and audit.log as they are, one JSON object a line.",
        )
    message = get_text(record, "message")
    fields = _build_act(message)
    if fields is None:
        return IgnoredLine("describes neither a sign-in nor an act on files or accounts")
    user = get_text(record, "user")
    if "user.name" not in fields and user not in _NOBODY:
        people.put_user(fields, user)
    fields["service.name"] = "nextcloud"
    client = addresses.parse_endpoint(get_text(record, "remoteAddr"))
    addresses.put_endpoint(fields, "source", client.ip, client.port)
    event = json_records.build_event(fields, record, line, _NAMES)
    is_attempt = fields["event.action"] == "nextcloud_login"
    is_tried = is_attempt and fields["event.outcome"] == "unknown"
    session = f"{get_text(record, 'reqId')}/{fields.get('user.name')}" if is_attempt else None
    return ParsedEvent(event.time, fields, session=session, is_retelling=is_tried)


def _build_act(message: str) -> dict[str, Value] | None:
    match = _REFUSED.match(message)
    if match is not None:
        fields = _build_sign_in("failure", match["user"])
        if match["disabled"]:
            fields["event.reason"] = "account disabled"
        return fields
    match = _ATTEMPT.match(message)
    if match is not None:
        return _build_sign_in("unknown" if match["act"] == "attempt" else "success", match["user"])
    match = _FACTOR.match(message)
    if match is not None:
        good = (match["verdict"] or match["done"]).casefold() in {"successful", "succeeded"}
        fields = _build_sign_in("success" if good else "failure", match["user"] or match["who"])
        fields["breach.auth.mfa"] = good
        return fields
    if message.startswith("Logout occurred"):
        return _build("session", ["end"], "logout")
    return _build_file_act(message) or _build_account_act(message)


def _build(category: str, types: list[str], action: str) -> dict[str, Value]:
    return {
        "event.category": [category],
        "event.type": types,
        "event.outcome": "success",
        "event.action": action,
    }


def _build_sign_in(outcome: str, user: str) -> dict[str, Value]:
    fields = _build("authentication", ["start"], "nextcloud_login")
    fields |= {"event.outcome": outcome, "breach.auth.attempts": 1}
    people.put_user(fields, user)
    return fields


def _build_file_act(message: str) -> dict[str, Value] | None:
    match = _FILE.match(message)
    if match is not None:
        kind = match["act"].partition(" ")[0]
        fields = _build("file", [_FILE_TYPES.get(kind, "change")], f"file-{kind}")
        fields["file.path"] = match["into"] or match["path"]
        return fields
    match = _SHARED.match(message)
    if match is None:
        return None
    fields = _build(
        "file", ["access" if match["act"] == "shared" else "change"], f"file-{match['act']}"
    )
    fields["file.path"] = match["path"]
    fields["event.reason"] = f"{match['act']} by {match['how']}"
    return fields


def _build_account_act(message: str) -> dict[str, Value] | None:
    match = _ACCOUNT.match(message)
    if match is None:
        return None
    if match["group"] is not None:
        fields = _build("iam", ["change", "group"], "group-membership-changed")
        fields["group.name"] = match["group"]
        target = match["member"]
    elif match["changed"] is not None:
        fields = _build("iam", ["change", "user"], "password-changed")
        target = match["changed"]
    else:
        kind = {"created": "creation", "deleted": "deletion"}.get(match["act"], "change")
        fields = _build("iam", [kind, "user"], f"user-{match['act']}")
        target = match["user"]
    fields["user.target.name"] = target.casefold()
    return fields


_LINE: dict[str, Value] = {
    "reqId": "r1",
    "level": 2,
    "time": "2026-11-22T01:06:15+00:00",
    "remoteAddr": "203.0.113.66",
    "user": "--",
    "app": "core",
    "method": "POST",
    "url": "/login",
    "message": "Login failed: Jo (Remote IP: 203.0.113.66)",
    "userAgent": "Mozilla/5.0",
    "version": "29.0.0.1",
}


def _write(message: str, user: str = "jo") -> str:
    more = {"message": message, "user": user, "app": "admin_audit", "level": 1}
    return orjson.dumps(_LINE | more).decode()


PARSER = Parser(
    id="nextcloud_log",
    title="Nextcloud and ownCloud",
    hints=(b'"reqId"',),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://docs.nextcloud.com/server/latest/admin_manual/configuration_server/logging_configuration.html",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_LINE).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "failure",
                "event.action": "nextcloud_login",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "user_agent.original": "Mozilla/5.0",
            },
        ),
        ParserExample(
            orjson.dumps(
                _LINE
                | {
                    "remoteAddr": "2001:DB8::7",
                    "message": "Login failed: 'x (Remote IP: '192.0.2.1')' (Remote IP: '2001:DB8::7')",
                }
            ).decode(),
            {
                "event.outcome": "failure",
                "source.ip": "2001:db8::7",
                "user.name": "x (remote ip: '192.0.2.1')",
            },
        ),
        ParserExample(
            _write('Login successful: "jo"', "--"),
            {"event.outcome": "success", "user.name": "jo", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            _write('File with id "12" accessed: "/staff/list.csv"'),
            {
                "event.category": ["file"],
                "event.type": ["access"],
                "file.path": "/staff/list.csv",
                "user.name": "jo",
            },
        ),
        ParserExample(
            _write(
                'The file "/staff/list.csv" with ID "12" has been shared via link with permissions "1"'
                " (Share ID: 3)"
            ),
            {"event.action": "file-shared", "event.reason": "shared by link", "user.name": "jo"},
        ),
        ParserExample(
            _write('User "eve" added to group "admin"'),
            {"event.category": ["iam"], "user.target.name": "eve", "group.name": "admin"},
        ),
        ParserExample(_write("Console command executed: background-job"), None),
    ),
)
