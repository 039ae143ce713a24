"""Parse records of the Linux Audit system about sign-ins and accounts.

A record is `type=USER_LOGIN msg=audit(stamp:serial): pid=… msg='op=… acct="…" … res=failed'`, from
auditd's file, its syslog plug-in or the kernel's log, which writes the type as a number. A name with
a blank or a quote is written in hexadecimal digits, so that no name imitates a field.

PAM, the program itself and the sign-in's end each write a record of one attempt, with one process
number. PAM's is the fuller one of a refusal, the end's of a success. Records of system calls and of
files describe no sign-in, and are ignored."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, numbers, people

_RECORD = re.compile(
    r"(?:audit: )?(?:node=(?P<node>\S+) )?type=(?P<type>[A-Z_]{3,40}|[0-9]{4}) (?:msg=)?"
    r"audit\((?P<seconds>[0-9]{9,11})\.(?P<parts>[0-9]{3}):[0-9]+\): ?",
)
_PAIR = re.compile(r"(?<![\w-])([A-Za-z_][\w-]{0,30})=(\"[^\"]*+\"|[^\s\"',()\x1d]*+)")
_OPERATION = re.compile(r"\bop=((?:(?! \w+=)[^'=]){1,60})")
_HEX = re.compile(r"(?:[0-9A-F]{2}){2,128}")
_DENIED = re.compile(r"avc: +denied +\{ ([\w ]{1,80}) \}")
_NUMBERS = {
    "1100": "USER_AUTH",
    "1101": "USER_ACCT",
    "1105": "USER_START",
    "1106": "USER_END",
    "1108": "USER_CHAUTHTOK",
    "1109": "USER_ERR",
    "1112": "USER_LOGIN",
    "1113": "USER_LOGOUT",
    "1114": "ADD_USER",
    "1115": "DEL_USER",
    "1116": "ADD_GROUP",
    "1117": "DEL_GROUP",
    "1123": "USER_CMD",
    "1136": "ACCT_LOCK",
    "1137": "ACCT_UNLOCK",
    "1400": "AVC",
    "2100": "ANOM_LOGIN_FAILURES",
    "2101": "ANOM_LOGIN_TIME",
    "2102": "ANOM_LOGIN_SESSIONS",
    "2103": "ANOM_LOGIN_ACCT",
    "2104": "ANOM_LOGIN_LOCATION",
}
_ATTEMPTS = {
    "USER_LOGIN": "audit_login",
    "USER_AUTH": "audit_authentication",
    "USER_ACCT": "audit_account_check",
    "USER_ERR": "audit_authentication",
    "USER_CMD": "audit_command",
    "ANOM_LOGIN_FAILURES": "audit_login_limit",
    "ANOM_LOGIN_TIME": "audit_login_time",
    "ANOM_LOGIN_SESSIONS": "audit_login_sessions",
    "ANOM_LOGIN_ACCT": "audit_login_account",
    "ANOM_LOGIN_LOCATION": "audit_login_location",
}
_SESSIONS = {
    "USER_START": ("start", "audit_session_started"),
    "USER_END": ("end", "audit_session_ended"),
    "USER_LOGOUT": ("end", "audit_logout"),
}
_CHANGES = {
    "ADD_USER": (["user", "creation"], "user_created"),
    "DEL_USER": (["user", "deletion"], "user_deleted"),
    "USER_MGMT": (["user", "change"], "user_changed"),
    "USER_CHAUTHTOK": (["user", "change"], "password_changed"),
    "ACCT_LOCK": (["user", "change"], "user_locked"),
    "ACCT_UNLOCK": (["user", "change"], "user_unlocked"),
    "ADD_GROUP": (["group", "creation"], "group_created"),
    "DEL_GROUP": (["group", "deletion"], "group_deleted"),
    "GRP_MGMT": (["group", "change"], "group_changed"),
    "GRP_CHAUTHTOK": (["group", "change"], "group_changed"),
}
_ONLY_REFUSED = frozenset({"USER_ACCT", "USER_ERR", "USER_CMD"})
"""Types of which only a refusal is an act: another record describes the success."""
_ROUTINE = frozenset({"cron", "crond", "atd", "anacron", "systemd"})
_UNKNOWN = frozenset({"", "?", "(unknown)", "(unknown user)", "(invalid user)", "unset"})


def _can_parse(line: SourceLine) -> bool:
    return _RECORD.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    record = _RECORD.match(line.text)
    if record is None:
        raise UnparseableRecord(
            "no record of the Linux Audit system",
            place="linux_audit",
            remedy="Check which parser the source names.",
        )
    kind = _NUMBERS.get(record["type"], record["type"])
    text = line.text[record.end() :]
    values: dict[str, str] = {}
    for name, value in _PAIR.findall(text):
        values.setdefault(name, value)
    fields = _build_event(kind, text, values)
    if fields is None:
        return IgnoredLine("describes work of the system")
    host = record["node"] or line.frame.host
    if host:
        fields["host.name"] = host
    time = datetime.fromtimestamp(int(record["seconds"]), UTC).replace(
        microsecond=int(record["parts"]) * 1000
    )
    is_attempt = "authentication" in fields["event.category"]
    session = f"{host or ''}/{values['pid']}" if is_attempt and "pid" in values else None
    is_fuller = (
        values.get("op") == "PAM:authentication"
        if fields["event.outcome"] == "failure"
        else kind == "USER_LOGIN"
    )
    return ParsedEvent(time, fields, session=session, is_retelling=bool(session) and not is_fuller)


def _build_event(kind: str, text: str, values: dict[str, str]) -> dict[str, Value] | None:
    """Build the fields of an act; None for a record that describes none."""
    if kind == "AVC":
        return _build_denial(text, values)
    program = values.get("exe", "").strip('"').rpartition("/")[2]
    outcome = _read_outcome(kind, values)
    if outcome != "failure" and program in _ROUTINE:
        return None
    fields: dict[str, Value]
    if kind in _ATTEMPTS:
        if outcome != "failure" and kind in _ONLY_REFUSED:
            return None
        fields = _build_attempt(kind, outcome)
        _put_user(fields, "user.name", values)
    elif kind in _SESSIONS:
        step, action = _SESSIONS[kind]
        fields = _build_fields(["session"], [step], outcome, action)
        _put_user(fields, "user.name", values)
    elif kind in _CHANGES:
        types, action = _CHANGES[kind]
        fields = _build_fields(["iam"], types.copy(), outcome, action)
        _put_target(fields, types[0], values)
    else:
        return None
    _put_origin(fields, text, values)
    if program:
        fields["service.name"] = program
    return fields


def _build_fields(
    category: list[str], types: list[str], outcome: str, action: str
) -> dict[str, Value]:
    return {
        "event.category": category,
        "event.type": types,
        "event.outcome": outcome,
        "event.action": action,
    }


def _build_attempt(kind: str, outcome: str) -> dict[str, Value]:
    fields = _build_fields(["authentication"], ["start"], outcome, _ATTEMPTS[kind])
    fields["breach.auth.attempts"] = 1
    return fields


def _build_denial(text: str, values: dict[str, str]) -> dict[str, Value] | None:
    """Build what SELinux or AppArmor refused a process."""
    match = _DENIED.search(text)
    if match is None:
        return None
    fields = _build_fields(["process"], ["denied"], "failure", "audit_access_denied")
    fields["event.reason"] = f"denied {{ {match[1].strip()} }}"
    if values.get("comm"):
        fields["process.name"] = _decode(values["comm"])
    pid = numbers.parse_whole(values.get("pid", ""))
    if pid is not None:
        fields["process.pid"] = pid
    return fields


def _read_outcome(kind: str, values: dict[str, str]) -> str:
    result = values.get("res", values.get("success", ""))
    if result.startswith(("success", "yes")) or result == "1":
        return "success"
    is_refused = result.startswith(("fail", "no")) or result == "0"
    return "failure" if is_refused or kind.startswith("ANOM_LOGIN") else "unknown"


def _put_origin(fields: dict[str, Value], text: str, values: dict[str, str]) -> None:
    """Set the client, the process and the operation."""
    ip = addresses.parse_address(values.get("addr", ""))
    if ip is None:
        ip = addresses.parse_address(values.get("hostname", ""))
    if ip is not None:
        fields["source.ip"] = ip
    elif values.get("hostname", "?") != "?" and values.get("addr", "?") != "?":
        fields["source.domain"] = values["hostname"].casefold()
    pid = numbers.parse_whole(values.get("pid", ""))
    if pid is not None:
        fields["process.pid"] = pid
    operation = _OPERATION.search(text)
    if operation is not None:
        fields["event.reason"] = operation[1].strip()


def _put_user(fields: dict[str, Value], name: str, values: dict[str, str]) -> None:
    """Set the account: as written, or of an enriched record by its number."""
    account = _decode(values.get("acct") or values.get("ID") or "")
    if account not in _UNKNOWN:
        if name == "user.name":
            people.put_user(fields, account)
        else:
            fields[name] = account.casefold()
    number = values.get("id", "")
    if number.isdecimal() and name == "user.name":
        fields["user.id"] = number


def _put_target(fields: dict[str, Value], kind: str, values: dict[str, str]) -> None:
    """Set whose account was changed, and by whom."""
    _put_user(fields, "user.target.name" if kind == "user" else "group.name", values)
    number = values.get("id", "")
    if number.isdecimal():
        fields["user.target.id" if kind == "user" else "group.id"] = number
    doer = _decode(values.get("AUID", ""))
    if doer not in _UNKNOWN:
        people.put_user(fields, doer)


def _decode(value: str) -> str:
    """Return the text of a value: quoted, or in hexadecimal digits."""
    if value.startswith('"'):
        return value.strip('"')
    if _HEX.fullmatch(value) is None:
        return value
    return bytes.fromhex(value).decode("utf-8", "replace").rstrip("\0")


_FAILED = {
    "event.category": ["authentication"],
    "event.type": ["start"],
    "event.outcome": "failure",
}

PARSER = Parser(
    id="linux_audit",
    title="Linux Audit (sign-ins, accounts, denials)",
    hints=(b" audit(", b"msg=audit("),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://github.com/linux-audit/audit-documentation/wiki/SPEC-User-Login-Lifecycle-Events",
        "https://github.com/linux-audit/audit-documentation/blob/main/specs/fields/field-dictionary.csv",
    ),
    examples=(
        ParserExample(
            "type=USER_LOGIN msg=audit(1795309575.120:4211): pid=77 uid=0 auid=4294967295"
            ' ses=4294967295 subj=system_u:system_r:sshd_t:s0 msg=\'op=login acct="Jo"'
            ' exe="/usr/sbin/sshd" hostname=? addr=203.0.113.66 terminal=ssh res=failed\'',
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15.120000+00:00",
                "event.action": "audit_login",
                "event.reason": "login",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "service.name": "sshd",
                "process.pid": 77,
            },
        ),
        ParserExample(
            "<13>Nov 22 01:06:15 web01 audispd: node=web01 type=USER_AUTH"
            " msg=audit(1795309575.120:4212): pid=77 uid=0 auid=4294967295 ses=4294967295"
            ' msg=\'op=PAM:authentication acct="root" exe="/usr/sbin/sshd"'
            " hostname=2001:DB8::7 addr=2001:DB8::7 terminal=ssh res=failed'",
            _FAILED | {"user.name": "root", "source.ip": "2001:db8::7", "host.name": "web01"},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 kernel: audit: type=1112 audit(1795309575.120:4213): pid=77 uid=0"
            ' auid=1000 ses=5 msg=\'op=login id=1000 exe="/usr/sbin/sshd" hostname=host.example'
            ' addr=203.0.113.66 terminal=/dev/pts/0 res=success\'UID="root" AUID="jo" ID="jo"',
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo",
                "user.id": "1000",
                "source.ip": "203.0.113.66",
            },
        ),
        ParserExample(
            "type=USER_ERR msg=audit(1795309575.120:4214): pid=77 uid=0 auid=4294967295"
            ' ses=4294967295 msg=\'op=PAM:bad_ident acct="?" exe="/usr/sbin/sshd"'
            " hostname=203.0.113.66 addr=203.0.113.66 terminal=ssh res=failed'",
            _FAILED | {"user.name": None, "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "type=USER_AUTH msg=audit(1795309575.120:4215): pid=77 uid=0 auid=4294967295"
            " ses=4294967295 msg='op=PAM:authentication"
            " acct=6A6F206164647269313D3139322E302E322E39"
            ' exe="/usr/sbin/sshd" hostname=203.0.113.66 addr=203.0.113.66 terminal=ssh'
            " res=failed'",
            _FAILED | {"user.name": "jo addri1=192.0.2.9", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "type=ADD_USER msg=audit(1795309575.120:4216): pid=88 uid=0 auid=1000 ses=5"
            ' msg=\'op=adding user id=1004 exe="/usr/sbin/useradd" hostname=web01 addr=?'
            ' terminal=pts/1 res=success\'UID="root" AUID="sam" ID="backup2"',
            {
                "event.category": ["iam"],
                "event.type": ["user", "creation"],
                "event.outcome": "success",
                "user.name": "sam",
                "user.target.name": "backup2",
                "user.target.id": "1004",
            },
        ),
        ParserExample(
            "type=AVC msg=audit(1795309575.120:4217): avc:  denied  { write } for  pid=99"
            ' comm="httpd" name="cache" dev=dm-0 ino=218171 tclass=dir',
            {
                "event.category": ["process"],
                "event.outcome": "failure",
                "process.name": "httpd",
                "source.ip": None,
            },
        ),
        ParserExample(
            'type=CWD msg=audit(1795309575.120:4218):  cwd="/home/jo"',
            None,
        ),
        ParserExample(
            "type=USER_ACCT msg=audit(1795309575.120:4219): pid=99 uid=0 auid=4294967295"
            ' ses=4294967295 msg=\'op=PAM:accounting acct="root" exe="/usr/sbin/crond"'
            " hostname=? addr=? terminal=cron res=success'",
            None,
        ),
    ),
)
