"""Parse Pure-FTPd: sign-ins, sessions and transfers.

The server writes the client as `(user@address)` before its message; `?` is a client that has not
signed in."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import mail_sign_ins, numbers, people

_LINE = re.compile(
    r"\((?P<user>[^()]{0,255}?)@(?P<host>[^\s()@]{1,255})\) \[(?P<level>\w+)\] (?P<message>.*)\Z",
    re.DOTALL,
)
_FAILED = re.compile(r"Authentication failed for user \[(?P<user>.*)\]\Z", re.DOTALL)
_SIGNED_IN = re.compile(r"(?P<user>.*) is now logged in\Z", re.DOTALL)
_TRANSFER = re.compile(
    r"(?P<path>.*) (?P<act>uploaded|downloaded) +\((?P<bytes>[0-9]{1,18}) bytes, [0-9.]+[KMG]?B/sec\)\Z",
    re.DOTALL,
)
_DELETED = re.compile(r"Deleted (?P<path>.*)\Z", re.DOTALL)
_SESSION = re.compile(r"(?P<new>New connection from)|Logout\.|Timeout")
_ACTIONS = {"uploaded": ("ftp_upload", "creation"), "downloaded": ("ftp_download", "access")}


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app == "pure-ftpd"


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise UnparseableRecord(
            "no line of Pure-FTPd",
            place="pureftpd_ftp",
            remedy="Check which parser the source names.",
        )
    match = _LINE.match(line.text)
    fields = None if match is None else _parse_message(match["message"], match["user"])
    if match is None or fields is None:
        return IgnoredLine("describes the file server itself")
    mail_sign_ins.put_client(fields, match["host"])
    fields |= {"service.name": "pure-ftpd", "network.application": "ftp"}
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _parse_message(text: str, user: str) -> dict[str, Value] | None:
    match = _FAILED.match(text)
    if match is not None:
        return mail_sign_ins.build_sign_in("failure", "ftp_login", user=match["user"])
    match = _SIGNED_IN.match(text)
    if match is not None:
        return mail_sign_ins.build_sign_in("success", "ftp_login", user=match["user"])
    match = _TRANSFER.match(text)
    if match is not None:
        action, kind = _ACTIONS[match["act"]]
        return _build_file(action, kind, match["path"], user) | {
            "file.size": numbers.parse_whole(match["bytes"])
        }
    match = _DELETED.match(text)
    if match is not None:
        return _build_file("ftp_delete", "deletion", match["path"], user)
    match = _SESSION.match(text)
    if match is None:
        return None
    kind = "start" if match["new"] else "end"
    return mail_sign_ins.build_session_event(kind, f"ftp_session_{kind}", user.replace("?", ""))


def _build_file(action: str, kind: str, path: str, user: str) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["file"],
        "event.type": [kind],
        "event.outcome": "success",
        "event.action": action,
        "file.path": path,
    }
    people.put_user(fields, user)
    return fields


PARSER = Parser(
    id="pureftpd_ftp",
    title="Pure-FTPd",
    hints=(b"pure-ftpd",),
    claims=_can_parse,
    parse=_parse,
    references=("https://www.pureftpd.org/project/pure-ftpd/doc/",),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 web01 pure-ftpd: (?@203.0.113.66) [WARNING] Authentication failed for"
            " user [Jo@contoso.example]",
            {
                "event.outcome": "failure",
                "user.name": "jo@contoso.example",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 pure-ftpd: (?@2001:DB8::7) [INFO] jo is now logged in",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 pure-ftpd: (jo@203.0.113.66) [NOTICE] /home/jo/list.csv downloaded "
            " (1834 bytes, 12.30KB/sec)",
            {"event.action": "ftp_download", "file.path": "/home/jo/list.csv", "file.size": 1834},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 pure-ftpd: (?@203.0.113.66) [INFO] New connection from 203.0.113.66",
            {"event.category": ["session"], "source.ip": "203.0.113.66"},
        ),
    ),
)
