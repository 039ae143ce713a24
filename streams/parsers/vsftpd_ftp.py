"""Parse vsftpd's own log: connections, sign-ins and transfers, and the xferlog that FTP servers share."""

from __future__ import annotations

import re
from datetime import datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, mail_sign_ins, numbers, people

_STAMP = r"(?P<stamp>[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]?[0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4})"
_ACTS = (
    "CONNECT|OK LOGIN|FAIL LOGIN|OK DOWNLOAD|FAIL DOWNLOAD|OK UPLOAD|FAIL UPLOAD|OK DELETE|FAIL DELETE"
    "|OK MKDIR|FAIL MKDIR|OK RMDIR|FAIL RMDIR|OK RENAME|FAIL RENAME|OK CHMOD|FAIL CHMOD"
)
_LINE = re.compile(
    rf"(?:{_STAMP} )?(?:\[pid (?P<pid>[0-9]{{1,10}})\] )?(?:\[(?P<user>.{{0,255}}?)\] )?(?P<act>{_ACTS}):"
    r' Client "(?P<ip>[0-9A-Fa-f.:]{2,45})"(?P<rest>.*)\Z',
    re.DOTALL,
)
_ANSWER = re.compile(
    rf"(?:{_STAMP} )?(?:\[pid (?P<pid>[0-9]{{1,10}})\] )?(?:\[(?P<user>.{{0,255}}?)\] )?FTP (?P<act>response|command):"
    r' Client "(?P<ip>[0-9A-Fa-f.:]{2,45})", "(?P<rest>.*)"\s*\Z',
    re.DOTALL,
)
"""What client and server say to each other (`log_ftp_protocol`)."""
_FILE = re.compile(
    r', "(?P<path>.*)"(?:, (?P<bytes>[0-9]{1,18}) bytes)?(?:, [0-9.]+Kbyte/sec)?\Z', re.DOTALL
)
_TRANSFER = re.compile(
    rf"{_STAMP} (?P<seconds>[0-9]{{1,9}}) (?P<ip>[0-9A-Fa-f.:]{{2,45}}) (?P<bytes>[0-9]{{1,18}})"
    r" (?P<path>\S+) (?P<kind>[ab]) (?P<special>\S+) (?P<direction>[oid]) (?P<access>[arg]) (?P<user>\S+)"
    r" (?P<service>\S+) (?P<method>[01]) (?P<authenticated>\S+) (?P<state>[ci])\Z"
)
_DIRECTIONS = {"o": "DOWNLOAD", "i": "UPLOAD", "d": "DELETE"}
_FILE_TYPES = {
    "DOWNLOAD": "access",
    "UPLOAD": "creation",
    "DELETE": "deletion",
    "RMDIR": "deletion",
}


def _match(line: SourceLine) -> re.Match[str] | None:
    if line.frame.app not in (None, "vsftpd"):
        return None
    return _LINE.match(line.text) or _TRANSFER.match(line.text) or _ANSWER.match(line.text)


def _can_parse(line: SourceLine) -> bool:
    return _match(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    match = _match(line)
    if match is None:
        raise UnparseableRecord(
            "no line of vsftpd", place="vsftpd_ftp", remedy="Check which parser the source names."
        )
    parts = match.groupdict()
    if match.re is _ANSWER and not (parts["rest"] or "").startswith("530 Permission denied"):
        return IgnoredLine("a word of the protocol; sign-ins and files have their own lines")
    if match.re is _ANSWER:
        fields = mail_sign_ins.build_sign_in("failure", "ftp_login", user=parts["user"])
        fields["event.reason"] = (parts["rest"] or "").removeprefix("530 ").rstrip(".")
    elif parts.get("direction"):
        fields = _build_file(_DIRECTIONS[parts["direction"]], parts["state"] == "c", parts)
    else:
        fields = _build_act(parts)
    mail_sign_ins.put_client(fields, parts["ip"])
    fields |= {"service.name": "vsftpd", "network.application": "ftp"}
    mail_sign_ins.put_frame(fields, line.frame)
    pid = numbers.parse_whole(parts.get("pid") or "")
    if pid is not None:
        fields["process.pid"] = pid
    return ParsedEvent(_parse_time(parts.get("stamp"), line), fields)


def _parse_time(stamp: str | None, line: SourceLine) -> datetime | None:
    if stamp is None:
        return line.frame.time
    return device_stamps.parse_stamp(stamp, line.arrived, line.zone)


def _build_act(parts: dict[str, str | None]) -> dict[str, Value]:
    outcome, _, act = (parts["act"] or "").rpartition(" ")
    if act == "LOGIN":
        result = "success" if outcome == "OK" else "failure"
        return mail_sign_ins.build_sign_in(result, "ftp_login", user=parts["user"])
    if act == "CONNECT":
        return mail_sign_ins.build_session_event("start", "ftp_connect")
    file = _FILE.match(parts["rest"] or "")
    return _build_file(act, outcome == "OK", parts | (file.groupdict() if file else {}))


def _build_file(act: str, is_done: bool, parts: dict[str, str | None]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["file"],
        "event.type": [_FILE_TYPES.get(act, "change")],
        "event.outcome": "success" if is_done else "failure",
        "event.action": f"ftp_{act.lower()}",
    }
    people.put_user(fields, parts.get("user") or "")
    if parts.get("path"):
        fields["file.path"] = parts["path"]
    size = numbers.parse_whole(parts.get("bytes") or "")
    if size is not None:
        fields["file.size"] = size
    return fields


PARSER = Parser(
    id="vsftpd_ftp",
    title="vsftpd, and the xferlog of FTP servers",
    hints=(b": Client ", b" c", b" i"),
    claims=_can_parse,
    parse=_parse,
    references=("https://security.appspot.com/vsftpd/vsftpd_conf.html",),
    examples=(
        ParserExample(
            'Sun Nov 22 01:06:15 2026 [pid 4211] [Jo] FAIL LOGIN: Client "203.0.113.66"',
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "failure",
                "event.action": "ftp_login",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "process.pid": 4211,
            },
        ),
        ParserExample(
            'Nov 22 01:06:15 ftp vsftpd[17]: [jo] OK DOWNLOAD: Client "::ffff:203.0.113.66",'
            ' "/home/jo/list of customers.csv", 1834 bytes, 12.30Kbyte/sec',
            {
                "event.category": ["file"],
                "event.action": "ftp_download",
                "source.ip": "203.0.113.66",
                "file.path": "/home/jo/list of customers.csv",
                "file.size": 1834,
            },
        ),
        ParserExample(
            "Sun Nov 22 01:06:15 2026 1 203.0.113.66 1834 /home/jo/list.csv b _ o r jo ftp 0 * c",
            {"event.action": "ftp_download", "event.outcome": "success", "user.name": "jo"},
        ),
        ParserExample(
            'Sun Nov 22 01:06:14 2026 [pid 4211] CONNECT: Client "2001:DB8::7"',
            {"event.category": ["session"], "source.ip": "2001:db8::7"},
        ),
    ),
)
