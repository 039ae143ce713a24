"""Parse Synology DSM: sign-ins, shared folders, blocked addresses, accounts and files of its log centre.

A stranger may type any name, so the fixed parts behind it are matched at the end of the line."""

from __future__ import annotations

import re
from collections.abc import Callable

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, directory_names, mail_sign_ins

_WHO = (
    r"User \[(?P<user>.*)\] from \[(?:(?P<name>[^\[\]()]{1,255})\((?P<inner>[0-9A-Fa-f.:]{2,45})\)"
    r"|(?P<ip>[0-9A-Fa-f.:]{2,45})|(?P<domain>[^\[\]]{1,255}))\]"
)
_FAILED = re.compile(
    rf"{_WHO} failed to (?:sign in to|log ?in via|log ?in to) \[(?P<service>[^\[\]]{{1,64}})\]"
    r"(?: via \[(?P<method>[^\[\]]{1,64})\])?(?: due to (?P<reason>[^\[\]]{1,200}?))?\.?\s*\Z",
    re.DOTALL,
)
_ACCEPTED = re.compile(
    rf"{_WHO} (?:signed in to|logged in successfully via|logged in to) \[(?P<service>[^\[\]]{{1,64}})\]"
    r"(?: successfully)?(?: via \[(?P<method>[^\[\]]{1,64})\])?\.?\s*\Z",
    re.DOTALL,
)
_ENDED = re.compile(
    rf"{_WHO} (?:signed out (?:of|from)|logged out(?: the server)? (?:via|from)) \[(?P<service>[^\[\]]{{1,64}})\]"
    r"[^\[\]]{0,200}\Z",
    re.DOTALL,
)
_SHARED = re.compile(
    rf"{_WHO} via \[(?P<service>[^\[\]]{{1,64}})\] (?P<act>accessed|disconnected from) shared folder"
    r" \[(?P<folder>[^\[\]]{1,255})\]\.?\s*\Z",
    re.DOTALL,
)
_BLOCKED = re.compile(
    r"Host \[(?P<ip>[0-9A-Fa-f.:]{2,45})\] (?:was|has been) blocked(?: via \[(?P<service>[^\[\]]{1,64})\])?"
    r"\.?\s*\Z"
)
_ACCOUNT = re.compile(
    r"User \[(?P<target>[^\[\]]{1,255})\] (?:was|has been)"
    r" (?P<act>created|deleted|modified|enabled|disabled)\.?\s*\Z"
)
_FILE = re.compile(
    r"Event: (?P<act>[\w -]{2,24}), Path: (?P<path>.*), File/Folder: (?P<kind>File|Folder), Size: [\w. ]{1,24},"
    r" User: (?P<user>[^,]{1,255}), IP: (?P<ip>[0-9A-Fa-f.:]{2,45})\s*\Z",
    re.DOTALL,
)
_APPS = re.compile(
    r"Connection|System|Backup|WinFileService|FTP(?: File Transfer)?|WebDAV|File ?Station|FileStation|AFP|SMB",
)
_FILE_TYPES = {"read": "access", "download": "access", "view": "access", "delete": "deletion",
               "create": "creation", "mkdir": "creation", "upload": "creation"}  # fmt: skip
_ACCOUNT_TYPES = {"created": "creation", "deleted": "deletion"}
_SIGNS = ("User [", "Host [", "Event: ")


def _can_parse(line: SourceLine) -> bool:
    app = line.frame.app
    if app is None or _APPS.fullmatch(app) is None:
        return False
    return any(sign in line.text for sign in _SIGNS)


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no line of Synology DSM",
            place="synology_dsm",
            remedy="Send the log centre's lines in the BSD format (RFC 3164).",
        )
    fields = _build_act(line.text)
    if fields is None:
        return IgnoredLine("describes the machine itself")
    fields |= {
        "observer.vendor": "Synology",
        "observer.product": "DSM",
        "event.provider": line.frame.app or "",
    }
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _build_act(text: str) -> dict[str, Value] | None:
    for sign, kinds in _KINDS:
        begin = text.find(sign)
        for pattern, build in kinds if begin >= 0 else ():
            match = pattern.match(text, begin)
            if match is not None:
                return build(match)
    return None


def _build_refusal(match: re.Match[str]) -> dict[str, Value]:
    return _build_sign_in(match, "failure")


def _build_acceptance(match: re.Match[str]) -> dict[str, Value]:
    return _build_sign_in(match, "success")


def _build_sign_in(match: re.Match[str], outcome: str) -> dict[str, Value]:
    fields = mail_sign_ins.build_sign_in(outcome, "dsm_login", method=match["method"])
    if outcome == "failure" and match["reason"]:
        fields["event.reason"] = match["reason"]
    _put_person(fields, match)
    return fields


def _build_end(match: re.Match[str]) -> dict[str, Value]:
    fields = mail_sign_ins.build_session_event("end", "dsm_logout")
    _put_person(fields, match)
    return fields


def _build_share(match: re.Match[str]) -> dict[str, Value]:
    begins = match["act"] == "accessed"
    fields: dict[str, Value] = {
        "event.category": ["file", "session"],
        "event.type": ["start" if begins else "end"],
        "event.outcome": "success",
        "event.action": "share-opened" if begins else "share-closed",
        "file.path": match["folder"],
    }
    _put_person(fields, match)
    return fields


def _build_file(match: re.Match[str]) -> dict[str, Value]:
    act = match["act"].strip().casefold()
    fields: dict[str, Value] = {
        "event.category": ["file"],
        "event.type": [_FILE_TYPES.get(act, "change")],
        "event.outcome": "success",
        "event.action": f"file-{act.replace(' ', '-')}",
        "file.path": match["path"],
        "file.type": "dir" if match["kind"] == "Folder" else "file",
    }
    directory_names.put_person(fields, match["user"])
    addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), None)
    return fields


def _build_block(match: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["intrusion_detection"],
        "event.type": ["denied"],
        "event.outcome": "failure",
        "event.action": "host-blocked",
    }
    if match["service"]:
        fields["service.name"] = match["service"].casefold()
    addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), None)
    return fields


def _build_account(match: re.Match[str]) -> dict[str, Value]:
    return {
        "event.category": ["iam"],
        "event.type": [_ACCOUNT_TYPES.get(match["act"], "change"), "user"],
        "event.outcome": "success",
        "event.action": f"user-{match['act']}",
        "user.target.name": match["target"].casefold(),
    }


def _put_person(fields: dict[str, Value], match: re.Match[str]) -> None:
    directory_names.put_person(fields, match["user"])
    ip = addresses.parse_address(match["inner"] or match["ip"] or "")
    addresses.put_endpoint(fields, "source", ip, None)
    name = match["name"] or match["domain"]
    if name:
        fields["source.domain"] = name.strip().casefold()
    fields["service.name"] = match["service"].casefold()


_Build = Callable[[re.Match[str]], dict[str, Value]]
_KINDS: tuple[tuple[str, tuple[tuple[re.Pattern[str], _Build], ...]], ...] = (
    (
        "User [",
        (
            (_FAILED, _build_refusal),
            (_ACCEPTED, _build_acceptance),
            (_ENDED, _build_end),
            (_SHARED, _build_share),
            (_ACCOUNT, _build_account),
        ),
    ),
    ("Event: ", ((_FILE, _build_file),)),
    ("Host [", ((_BLOCKED, _build_block),)),
)
"""Where an act may begin, and its shapes there."""
_REFUSED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "dsm_login",
}
PARSER = Parser(
    id="synology_dsm",
    title="Synology DSM",
    hints=(b"User [", b"Host [", b"File/Folder: "),
    claims=_can_parse,
    parse=_parse,
    references=("https://kb.synology.com/en-global/DSM/help/LogCenter/logcenter_client",),
    examples=(
        ParserExample(
            "<12>Nov 22 01:06:15 nas01 Connection: User [Admin] from [203.0.113.66] failed to sign in to"
            " [DSM] via [password] due to authorization failure.",
            _REFUSED
            | {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "user.name": "admin",
                "source.ip": "203.0.113.66",
                "service.name": "dsm",
                "breach.auth.method": "password",
                "event.reason": "authorization failure",
                "host.name": "nas01",
            },
        ),
        ParserExample(
            "<14>Nov 22 01:06:15 nas01 Connection: User [jo] from [2001:DB8::7] signed in to [DSM]"
            " successfully via [password].",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "<12>Nov 22 01:06:15 nas01 Connection: User [root] from [203.0.113.66] failed to log in via"
            " [SSH] due to authorization failure.",
            _REFUSED | {"service.name": "ssh", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "<12>Nov 22 01:06:15 nas01 Connection: User [x] from [192.0.2.1] signed in to [DSM]] from"
            " [203.0.113.66] failed to sign in to [DSM] via [password] due to authorization failure.",
            _REFUSED
            | {
                "source.ip": "203.0.113.66",
                "user.name": "x] from [192.0.2.1] signed in to [dsm]",
            },
        ),
        ParserExample(
            "<14>Nov 22 01:06:15 nas01 Connection: User [CONTOSO\\jo] from [PC-7(192.0.2.5)] via"
            " [CIFS(SMB3)] accessed shared folder [staff].",
            {
                "event.category": ["file", "session"],
                "user.name": "jo",
                "user.domain": "contoso",
                "source.ip": "192.0.2.5",
                "file.path": "staff",
            },
        ),
        ParserExample(
            "<14>Nov 22 01:06:15 nas01 WinFileService: Event: delete, Path: /staff/a, IP: 192.0.2.1.txt,"
            " File/Folder: File, Size: 12.40 KB, User: jo, IP: 192.0.2.5",
            {
                "event.category": ["file"],
                "event.type": ["deletion"],
                "file.path": "/staff/a, IP: 192.0.2.1.txt",
                "source.ip": "192.0.2.5",
            },
        ),
        ParserExample(
            "<12>Nov 22 01:06:15 nas01 Connection: Host [203.0.113.66] was blocked via [SSH].",
            {"event.type": ["denied"], "source.ip": "203.0.113.66", "service.name": "ssh"},
        ),
        ParserExample(
            "<14>Nov 22 01:06:15 nas01 System: User [eve] was created.",
            {"event.category": ["iam"], "user.target.name": "eve"},
        ),
    ),
)
