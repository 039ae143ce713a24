"""Parse sign-ins and changes of accounts of a Linux or Unix host outside sshd: PAM, sudo, su, login, passwd.

Programs that do routine work (cron, systemd, a session's end) write lines that describe no sign-in:
they are understood and ignored. A refusal of any of these programs is an event."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import (
    IgnoredLine,
    LineFrame,
    ParsedEvent,
    Parser,
    ParserExample,
    SourceLine,
)
from streams.tokenizers import account_changes, addresses, numbers, people

_ACCOUNT_APPS = (
    "useradd|usermod|userdel|groupadd|groupmod|groupdel|passwd|chpasswd|chage|chfn|chsh|gpasswd"
)
_SIGN_IN_APPS = (
    r"su|sudo|sudo-i|login|systemd-logind|gdm(?:-password)?|lightdm|sddm|xrdp-sesman|polkitd"
    r"(?:\(authority=local\))?|pkexec|rlogind|rshd|rexecd|telnetd|in\.telnetd|in\.rlogind|kdm"
    r"|xscreensaver|cockpit-session|polkit-agent-helper-1|remote|unix_chkpwd|runuser|sulogin|doas"
)
_ROUTINE_APPS = (
    r"CRON|cron|crond|anacron|atd|/usr/sbin/cron|systemd|systemd-user|dbus-daemon|NetworkManager"
    r"|systemd-(?:resolved|timesyncd|networkd|journald|udevd|sysctl)|rsyslogd|syslogd|syslog-ng|logrotate"
    r"|ntpd|chronyd|dhclient|dhcp6c|dhcpleases[46]?|snmpd|irqbalance|kernel-update|run-parts"
)
_APP = re.compile(
    rf"(?:{_ACCOUNT_APPS}|{_SIGN_IN_APPS}|{_ROUTINE_APPS})(?:\((?:pam_\w+|to [^()]*|root)\))?"
    r"|(?!sshd)[\w./-]+\(pam_unix\)"
)
_PAM = re.compile(
    r"(?:[\w.-]+\()?pam_(?P<module>\w+)(?:\((?P<service>[\w.@/-]+):(?P<phase>\w+)\)|\[[0-9]+\]|\))?:? "
)
_PAM_FAILED = re.compile(
    r"(?P<count>[0-9]{1,6} more )?authentication failures?;(?: logname=(?P<logname>\S*))?"
    r"(?: uid=(?P<uid>[0-9]*))?(?: euid=[0-9]*)?(?: tty=(?P<tty>\S*))?(?: ruser=(?P<ruser>\S*))?"
    r"(?: rhost=(?P<rhost>\S*))?(?: +user=(?P<user>.*))?\Z",
    re.DOTALL,
)
_TYPED = re.compile(r"ftp|dovecot|imap|pop3|smtp|saslauthd|exim")
"""Programs that give what the client typed as `ruser`; others give the account that runs them."""
_OPENED = re.compile(
    r"session opened for user (?P<user>[^\s(]+)(?:\(uid=[0-9]+\))?(?: by (?P<by>[^\s(]*))?"
)
_CLOSED = re.compile(r"session closed for user (?P<user>\S+)")
_UNKNOWN_USER = re.compile(r"check pass; user unknown")
_ACCOUNT_REFUSED = re.compile(
    r"(?:account (?P<user>\S+) has (?:expired|password changed)|User (?P<other>\S+) (?:is locked|account has"
    r" expired)|.*(?:access denied|not allowed|maximum number of tries|user (?P<third>\S+) denied))",
    re.IGNORECASE,
)
_SUDO = re.compile(
    r" *(?P<user>\S+) : (?:(?P<refusal>[^;=]*?) ; )?(?:TTY=(?P<tty>\S+) ; )?PWD=(?P<dir>.*?) ; USER=(?P<target>\S+)"
    r"(?: ; GROUP=\S+)?(?: ; TSID=\S+)?(?: ; ENV=.*?)?(?: ; COMMAND=(?P<command>.*))?\Z",
    re.DOTALL,
)
_SU_PLAIN = re.compile(
    r"(?:(?P<state>FAILED SU|Successful su|FAILED su|BAD SU)?)[: ]*(?:\(to (?P<to>\S+)\) |for (?P<for>\S+) by )"
    r"(?P<user>\S+)(?: on (?P<tty>\S+))?\Z"
)
_SU_BSD = re.compile(
    r"(?P<bad>BAD SU )?(?P<user>\S+) to (?P<to>\S+) on \S+\Z"
    r"|(?P<failed>failed): \S+ changing from (?P<from>\S+) to (?P<into>\S+)\Z"
)
_DOAS_REFUSED = re.compile(r"(?P<reason>failed (?:auth|command)) for (?P<user>[^\s:]+)")
_ILLEGAL_PORT = re.compile(r"Connection from (?P<host>\S+) on illegal port")
_PASSWORD_CHECK = re.compile(r"password check failed for user \((?P<user>[^()]*)\)\Z")
_SU_SIGN = re.compile(r"(?P<sign>[+-]) (?P<tty>\S+) (?P<user>[^\s:]+)[:-](?P<to>\S+)\Z")
_LOGIN_FAILED = re.compile(
    r"(?:FAILED LOGIN|TOO MANY LOGIN TRIES|LOGIN FAILURE|FAILED LOGIN SESSION)(?: \(?(?P<count>[0-9]{1,6})\)?)?"
    r"(?: on '?(?P<tty>[^\s']*)'?)?(?: FROM '?(?P<host>[^\s',]*)'?)?(?: FOR '?(?P<user>[^',]*)'?)?(?:, (?P<reason>.*))?\Z",
    re.IGNORECASE | re.DOTALL,
)
_LOGIN = re.compile(
    r"(?:(?P<root>ROOT) )?LOGIN (?:ON (?P<tty>\S+)(?: BY (?P<user>\S+))?|on '(?P<tty2>[^']*)')(?: FROM (?P<host>\S+))?",
    re.IGNORECASE,
)
_ROUTER = "failure for user "
"""What follows `login` in a line of RouterOS, whose first word a relay took for the program."""
_LOGIND = re.compile(r"New session (?P<id>\S+) of user (?P<user>[^\s.]+)")


def _can_parse(line: SourceLine) -> bool:
    app = line.frame.app
    if app is None or app.startswith("sshd"):
        return False
    if app == "login" and line.text.startswith(_ROUTER):
        return False
    return _APP.fullmatch(app) is not None or _PAM.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    frame = line.frame
    if frame.app is None or not _can_parse(line):
        raise UnparseableRecord(
            "no line of a sign-in, an account or a routine program",
            place="linux_auth",
            remedy="Check which parser the source names.",
        )
    fields = _parse_message(frame.app.partition("(")[0], line.text)
    if fields is None:
        return IgnoredLine("describes routine work of a host")
    fields["service.name"] = frame.app.partition("(")[0]
    _put_frame(fields, frame)
    session = f"{frame.host or ''}/{fields['service.name']}/{frame.pid}" if frame.pid else None
    is_retelling = fields.pop("is_retelling", False) is True
    return ParsedEvent(frame.time, fields, session=session, is_retelling=is_retelling)


def _put_frame(fields: dict[str, Value], frame: LineFrame) -> None:
    if frame.host:
        fields["host.name"] = frame.host
    pid = numbers.parse_whole(frame.pid or "")
    if pid is not None:
        fields["process.pid"] = pid


def _parse_message(app: str, text: str) -> dict[str, Value] | None:
    change = account_changes.read(text)
    if change is not None:
        return change
    pam = _PAM.match(text)
    message = text[pam.end() :] if pam is not None else text
    for build in (
        _build_pam,
        _build_sudo,
        _build_su,
        _build_doas,
        _build_remote_shell,
        _build_login,
    ):
        fields = build(app, message)
        if fields is not None:
            return fields
    return None


def _build_sign_in(outcome: str, action: str, user: str | None) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": outcome,
        "event.action": action,
        "breach.auth.attempts": 1,
    }
    people.put_user(fields, user or "")
    return fields


def _put_origin(fields: dict[str, Value], host: str | None) -> None:
    if not host:
        return
    ip = addresses.parse_address(host)
    if ip is not None:
        fields["source.ip"] = ip
    else:
        fields["source.domain"] = host.casefold()


def _find_pam_user(app: str, match: re.Match[str]) -> str | None:
    if match["user"] or app == "sudo":
        return match["user"] or match["logname"]
    return match["ruser"] if _TYPED.search(app) else None


def _build_pam(app: str, message: str) -> dict[str, Value] | None:
    match = _PAM_FAILED.match(message)
    if match is not None:
        fields = _build_sign_in("failure", f"{app}_login", _find_pam_user(app, match))
        if match["count"]:
            fields["breach.auth.attempts"] = int(match["count"].split()[0])
            fields["breach.auth.further_attempts"] = True
        _put_origin(fields, match["rhost"])
        fields["is_retelling"] = True
        return fields
    match = _PASSWORD_CHECK.match(message) if app == "unix_chkpwd" else None
    if match is not None:
        fields = _build_sign_in("failure", "password_check", match["user"])
        fields["is_retelling"] = True
        return fields
    if _UNKNOWN_USER.match(message):
        return _build_sign_in("failure", f"{app}_login", None) | {"is_retelling": True}
    match = _OPENED.match(message)
    if match is not None and app not in _ROUTINE and app not in ("sudo", "runuser"):
        fields = _build_sign_in("success", f"{app}_login", match["by"] or match["user"])
        if match["by"]:
            fields["user.target.name"] = match["user"].casefold()
        fields["is_retelling"] = True
        return fields
    match = _ACCOUNT_REFUSED.match(message)
    if match is not None and app not in _ROUTINE:
        user = match["user"] or match["other"] or match["third"]
        return _build_sign_in("failure", f"{app}_login", user) | {"event.reason": message}
    return None


_ROUTINE = frozenset(
    (
        "CRON",
        "cron",
        "crond",
        "anacron",
        "atd",
        "/usr/sbin/cron",
        "systemd",
        "systemd-user",
        "systemd-logind",
    )
)


def _build_sudo(app: str, message: str) -> dict[str, Value] | None:
    """Build a command that sudo ran, or refused."""
    match = _SUDO.match(message) if app.startswith("sudo") else None
    if match is None or not (match["refusal"] or match["command"]):
        return None
    target = {"user.target.name": match["target"].casefold()}
    if not match["refusal"]:
        fields = _build_sign_in("success", "sudo_command", match["user"]) | target
        del fields["breach.auth.attempts"]
        return fields | {
            "event.category": ["process"],
            "process.command_line": match["command"],
        }
    fields = _build_sign_in("failure", "sudo_login", match["user"]) | target
    fields["event.reason"] = match["refusal"]
    attempts = re.match(r"([0-9]{1,6}) incorrect password attempts?", match["refusal"])
    if attempts is not None:
        fields["breach.auth.attempts"] = int(attempts[1])
    if match["command"]:
        fields["process.command_line"] = match["command"]
    return fields


def _build_su(app: str, message: str) -> dict[str, Value] | None:
    match = _SU_PLAIN.match(message) if app == "su" else None
    if match is not None:
        state = (match["state"] or "").upper()
        outcome = "failure" if state.startswith(("FAILED", "BAD")) else "success"
        fields = _build_sign_in(outcome, "su_login", match["user"])
        fields["user.target.name"] = (match["to"] or match["for"] or "").casefold()
        return fields
    match = _SU_BSD.match(message) if app == "su" else None
    if match is not None:
        is_refused = match["bad"] or match["failed"]
        outcome = "failure" if is_refused else "success"
        fields = _build_sign_in(outcome, "su_login", match["user"] or match["from"])
        fields["user.target.name"] = (match["to"] or match["into"]).casefold()
        return fields
    match = _SU_SIGN.match(message) if app == "su" else None
    if match is None:
        return None
    fields = _build_sign_in(
        "success" if match["sign"] == "+" else "failure", "su_login", match["user"]
    )
    fields |= {"user.target.name": match["to"].casefold(), "is_retelling": True}
    return fields


def _build_doas(app: str, message: str) -> dict[str, Value] | None:
    match = _DOAS_REFUSED.match(message) if app == "doas" else None
    if match is None:
        return None
    fields = _build_sign_in("failure", "doas_login", match["user"])
    fields["event.reason"] = match["reason"]
    return fields


def _build_remote_shell(app: str, message: str) -> dict[str, Value] | None:
    """Build what rshd and rlogind refuse: a connection from a port that any account may use."""
    match = _ILLEGAL_PORT.match(message) if app in ("rshd", "rlogind", "in.rlogind") else None
    if match is None:
        return None
    fields = _build_sign_in("failure", f"{app}_login", None)
    fields["event.reason"] = "illegal port"
    _put_origin(fields, match["host"])
    return fields


def _build_login(app: str, message: str) -> dict[str, Value] | None:
    match = _LOGIN_FAILED.match(message)
    if match is not None:
        fields = _build_sign_in("failure", f"{app}_login", match["user"])
        _put_origin(fields, match["host"])
        if match["reason"]:
            fields["event.reason"] = match["reason"]
        return fields
    match = _LOGIN.match(message)
    if match is not None:
        fields = _build_sign_in("success", f"{app}_login", match["user"] or match["root"])
        _put_origin(fields, match["host"])
        return fields
    match = _LOGIND.match(message) if app == "systemd-logind" else None
    if match is None:
        return None
    fields = _build_sign_in("success", "session_opened", match["user"])
    fields["event.category"] = ["session"]
    return fields


_FAILED = {"event.category": ["authentication"], "event.outcome": "failure"}

PARSER = Parser(
    id="linux_auth",
    title="Linux and Unix sign-ins (PAM, sudo, su, login) and accounts",
    hints=(
        *(
            b"sudo",
            b"su:",
            b"su[",
            b"su(",
            b" SU ",
            b"login",
            b"passwd",
            b"user",
            b"group",
            b"pam_",
            b"chage",
        ),
        *(b"cron", b"CRON", b"systemd", b"dbus-daemon", b"gdm", b"polkit", b"pkexec", b"atd"),
        *(
            b"telnetd",
            b"rshd",
            b"in.",
            b"chronyd",
            b"ntpd",
            b"dhclient",
            b"dhcp6c",
            b"dhcpleases",
            b"rsyslogd",
            b"syslog",
        ),
        *(b"NetworkManager", b"logrotate", b"run-parts", b"lightdm", b"sddm", b"xrdp", b"doas"),
        *(b"snmpd", b"irqbalance", b"kdm", b"cockpit", b"xscreensaver", b"unix_chkpwd", b"remote"),
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://www.sudo.ws/docs/man/sudoers.man/",
        "https://github.com/linux-pam/linux-pam/tree/master/modules/pam_unix",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 web01 sudo:      jo : 3 incorrect password attempts ; TTY=pts/0 ;"
            " PWD=/home/jo ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow",
            _FAILED
            | {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.action": "sudo_login",
                "user.name": "jo",
                "user.target.name": "root",
                "breach.auth.attempts": 3,
                "event.reason": "3 incorrect password attempts",
                "process.command_line": "/usr/bin/cat /etc/shadow",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 sudo:      jo : TTY=pts/0 ; PWD=/home/jo ; USER=root ;"
            " COMMAND=/usr/bin/apt update",
            {
                "event.category": ["process"],
                "event.outcome": "success",
                "event.action": "sudo_command",
                "user.name": "jo",
                "user.target.name": "root",
                "process.command_line": "/usr/bin/apt update",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 su[4211]: FAILED SU (to root) jo on pts/0",
            _FAILED | {"user.name": "jo", "user.target.name": "root"},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 login[77]: FAILED LOGIN (1) on '/dev/tty1' FROM '203.0.113.66'"
            " FOR 'root', Authentication failure",
            _FAILED | {"user.name": "root", "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            "Nov 22 01:06:15 combo login(pam_unix)[2421]: authentication failure; logname= uid=0"
            " euid=0 tty=tty1 ruser= rhost=2001:DB8::7  user=root",
            _FAILED | {"user.name": "root", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 useradd[12]: new user: name=backup2, UID=1002, GID=1002,"
            " home=/home/backup2, shell=/bin/bash",
            {"event.category": ["iam"], "user.target.name": "backup2"},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 gpasswd[12]: user sam added by root to group sudo",
            {
                "event.category": ["iam"],
                "event.action": "group_member_added",
                "user.name": "root",
                "user.target.name": "sam",
                "group.name": "sudo",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 useradd[12]: failed adding user 'sam', exit code: 9",
            {
                "event.category": ["iam"],
                "event.outcome": "failure",
                "user.target.name": "sam",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 unix_chkpwd[12]: password check failed for user (sam)",
            _FAILED | {"user.name": "sam"},
        ),
        ParserExample(
            "Nov 22 01:06:15 bsd1 doas: failed auth for jo",
            _FAILED | {"user.name": "jo", "event.reason": "failed auth"},
        ),
        ParserExample(
            "Nov 22 01:06:15 bsd1 su[12]: BAD SU jo to root on /dev/ttyp0",
            _FAILED | {"user.name": "jo", "user.target.name": "root"},
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 CRON[99]: pam_unix(cron:session): session opened for user"
            " root(uid=0) by (uid=0)",
            None,
        ),
        ParserExample(
            "Nov 22 01:06:15 web01 systemd-logind[7]: New session 12 of user jo.",
            {"event.category": ["session"], "user.name": "jo"},
        ),
    ),
)
