"""Parse Dovecot's sign-ins (IMAP, POP3, submission, ManageSieve), from syslog and its own log files.

The login process describes a whole connection, with the number of its refused attempts; the
authentication process describes each of them, once for each password database that it asks. Both
name the session, and the login process's line is the fuller one. A client of another server, such
as Postfix, has no session: what the authentication process says of it counts by itself. Dovecot 1
names no session at all, and its lines belong together by account and address.

A client may type any name. In a line of the login process the real fields follow the name, so the
last end of a name counts. The authentication process restricts names but may log the password that
was tried, so there the first client counts."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, numbers, people

_LOGIN = re.compile(r"(imap|pop3|submission|managesieve|lmtp)(?:-urlauth)?-login")
_MAIL = re.compile(r"imap|pop3|submission|managesieve|lmtp|lda|imap-hibernate")
_SERVICE = (
    r"IMAP|POP3|(?:imap|pop3|submission|managesieve|lmtp)(?:-urlauth)?-login|auth(?:-worker)?|imap-hibernate"
    r"|imap|pop3|submission|managesieve|lmtp|lda|indexer-worker|master|config|log|stats|anvil|doveadm"
)
_ITSELF = re.compile(r"(?P<service>)(?P<names>)(?:Info: |Warning: |Error: |Fatal: |Dovecot v)")
"""What Dovecot 1 says of itself by syslog, without a service."""
_LEVEL = re.compile(r"(?:Info|Warning|Error|Debug|Fatal|Panic): ")
_START = re.compile(
    rf"(?:dovecot: )?(?P<service>{_SERVICE})(?P<names>(?:\([^()]*+\)|<[^<>]*+>)*+): "
    r"(?:(?:Info|Warning|Error|Debug|Fatal|Panic): )?"
)
_FORMER_LEVELS = frozenset({"Info", "Warn", "Warning", "Error", "Fatal"})
"""What Dovecot 1 writes before the service in its own log, where a frame has its tag."""
_APP = re.compile(rf"dovecot|(?:{_SERVICE})(?:\([^()]*\)|<[^<>]*>)*")
_USER_START = "user=<"
_USER_END = re.compile(r">, (?:method|rip|lip|secured|TLS|session)\b")
_FIELD = re.compile(r"(?:^|[ ,:])(method|rip|lip|rport|lport|mpid|session)=<?([^\s,<>]*+)")
_ATTEMPTS = re.compile(
    r"auth failed, ([0-9]{1,9}) attempts?|\(([0-9]{1,9}) authentication attempts\)"
)
_LOGIN_ACCEPTED = re.compile(r"Login: |(?:proxy\([^()]*\)|proxying): started proxying ")
_LOGIN_REFUSED = re.compile(
    r"auth_failed|disallowed|unsupported auth|\A(?:Login|Authenticate [\w-]+) failed"
    r"|\Aproxy\([^()]*\): Login failed"
)
_PRECEDING = re.compile(r"(?:Login|Authenticate [\w-]+) failed")
"""What the end of the same connection describes again."""
_CLIENT = re.compile(
    r"(?:conn unix:\S*+ \(pid=[0-9]+,uid=[0-9]+\): )?(?:auth-worker<[0-9]+>: )?"
    r"(?P<driver>[a-z][\w-]{1,30})\((?P<user>[^()]*?),(?P<ip>[0-9A-Fa-f.:]{2,45})"
    r"(?:,[^,()<>]*+)?(?:,<(?P<session>[^<>]*+)>)?\):? "
)
_REFUSED = re.compile(
    r"password mismatch|unknown user|authentication failure|pam_authenticate\(\) failed"
    r"|user not found|invalid password|invalid credentials|login (?:not allowed|disabled)"
    r"|user (?:disabled|not allowed)|account (?:disabled|locked|expired)|pam_acct_mgmt\(\) failed"
    r"|disallowed|expired|too many invalid|mismatch",
    re.IGNORECASE,
)
_NAMED_USER = re.compile(r"\(([^()]*)\)")
_VOLUME = re.compile(r"\bin=([0-9]+) out=([0-9]+)")
_PROTOCOLS = {"managesieve": "sieve", "submission": "smtp"}
_NO_USER = "?"
"""In the place of a name that is empty or holds a character that Dovecot refuses."""
_FORMER = "(default)"
"""What Dovecot 1 writes behind the name of its authentication process."""
_NOT_OURS = "no line of Dovecot"


def _match_start(line: SourceLine) -> tuple[re.Match[str], str] | None:
    """Match the service that a line begins with, and return it with the text that it is part of.

    In Dovecot's own log the service is the tag of the frame."""
    app = line.frame.app
    if app in _FORMER_LEVELS:
        match = _START.match(line.text)
        return None if match is None else (match, line.text)
    if app is not None and _APP.fullmatch(app) is None:
        return None
    if app not in (None, "dovecot") and (line.frame.pid or _LEVEL.match(line.text) is None):
        return None  # Cyrus has programs of the same names
    text = line.text if app in (None, "dovecot") else f"{app}: {line.text}"
    match = _START.match(text)
    if match is None and app == "dovecot":
        match = _ITSELF.match(text)
    return None if match is None else (match, text)


def _can_parse(line: SourceLine) -> bool:
    return _match_start(line) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    start = _match_start(line)
    if start is None:
        raise UnparseableRecord(
            _NOT_OURS, place="dovecot_mail", remedy="Check which parser the source names."
        )
    match, text = start
    service, message = match["service"].lower(), text[match.end() :]
    fields: dict[str, Value] = {"service.name": "dovecot"}
    if line.frame.host:
        fields["host.name"] = line.frame.host
    login = _LOGIN.fullmatch(service)
    if login is not None:
        fields["network.application"] = _PROTOCOLS.get(login[1], login[1])
        return _parse_login(line, message, fields)
    if service.startswith("auth"):
        return _parse_attempt(line, message, fields, is_former=match["names"] == _FORMER)
    if _MAIL.fullmatch(service):
        fields["network.application"] = _PROTOCOLS.get(service, service)
        return _parse_mail(line, match["names"], message, fields)
    return IgnoredLine("describes the service itself")


def _parse_login(
    line: SourceLine, message: str, fields: dict[str, Value]
) -> ParsedEvent | IgnoredLine:
    """Parse what the login process says at the end of a connection or at a sign-in."""
    begin = message.find(_USER_START)
    ends = list(_USER_END.finditer(message, begin + 1)) if begin >= 0 else []
    user = message[begin + len(_USER_START) : ends[-1].start()] if ends else None
    rest = message[ends[-1].start() + 1 :] if ends else message
    state = message[:begin] if begin >= 0 else message
    pairs = dict(_FIELD.findall(rest))
    if "rip" not in pairs:
        return IgnoredLine("describes the service itself")
    people.put_user(fields, user or "")
    client = _put_ends(fields, pairs)
    if pairs.get("method"):
        fields["breach.auth.method"] = pairs["method"].lower()
    fields |= _build_outcome(state)
    session = pairs.get("session") or f"{user or ''},{client}"
    is_lesser = fields["event.outcome"] == "unknown" or _PRECEDING.match(state) is not None
    return ParsedEvent(line.frame.time, fields, session=session, is_retelling=is_lesser)


def _build_outcome(state: str) -> dict[str, Value]:
    attempts = _ATTEMPTS.search(state)
    outcome = "unknown"
    if attempts is not None or _LOGIN_REFUSED.search(state):
        outcome = "failure"
    elif _LOGIN_ACCEPTED.match(state):
        outcome = "success"
    if outcome == "unknown":
        return {
            "event.category": ["session"],
            "event.type": ["end"],
            "event.outcome": "unknown",
            "event.action": "mail_disconnect",
        }
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": outcome,
        "event.action": "mail_login",
        "breach.auth.attempts": int(attempts[1] or attempts[2]) if attempts else 1,
    }
    if outcome == "failure":
        fields["event.reason"] = state.strip(" :")
    return fields


def _put_ends(fields: dict[str, Value], pairs: dict[str, str]) -> str | None:
    """Set both ends of the connection, and return the client's address."""
    client = addresses.parse_address(pairs.get("rip", ""))
    server = addresses.parse_address(pairs.get("lip", ""))
    port = addresses.parse_port
    addresses.put_endpoint(fields, "source", client, port(pairs.get("rport", "")))
    addresses.put_endpoint(fields, "destination", server, port(pairs.get("lport", "")))
    process = numbers.parse_whole(pairs.get("mpid", ""))
    if process is not None:
        fields["process.pid"] = process
    return client


def _parse_attempt(
    line: SourceLine, message: str, fields: dict[str, Value], *, is_former: bool
) -> ParsedEvent | IgnoredLine:
    """Parse one attempt as the authentication process describes it, `is_former` of Dovecot 1."""
    match = _CLIENT.match(message)
    if match is None:
        return IgnoredLine("describes the service itself")
    reason = message[match.end() :].partition(" (given password")[0].strip()
    refused = _REFUSED.search(reason) is not None
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["start"] if refused else ["info"],
        "event.outcome": "failure" if refused else "unknown",
        "event.action": "mail_login" if refused else "mail_authentication",
        "event.reason": reason,
    }
    if refused:
        fields["breach.auth.attempts"] = 1
    user = "" if match["user"] == _NO_USER else match["user"]
    people.put_user(fields, user)
    ip = addresses.parse_address(match["ip"])
    if ip is not None:
        fields["source.ip"] = ip
    session = match["session"] or (f"{user},{ip}" if is_former else None)
    return ParsedEvent(line.frame.time, fields, session=session, is_retelling=session is not None)


def _parse_mail(
    line: SourceLine, names: str, message: str, fields: dict[str, Value]
) -> ParsedEvent | IgnoredLine:
    """Parse what a signed-in user's process says: the end of the session, with its volume."""
    ended = message.startswith(("Logged out", "Disconnected", "Connection closed"))
    if not ended:
        return IgnoredLine("describes a mailbox process")
    user = _NAMED_USER.search(names)
    people.put_user(fields, user[1] if user else "")
    volume = _VOLUME.search(message)
    if volume is not None:
        fields |= {"source.bytes": int(volume[1][:18]), "destination.bytes": int(volume[2][:18])}
    fields |= {
        "event.category": ["session"],
        "event.type": ["end"],
        "event.outcome": "success",
        "event.action": "mail_logout",
    }
    return ParsedEvent(line.frame.time, fields)


_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "mail_login",
}

PARSER = Parser(
    id="dovecot_mail",
    title="Dovecot (IMAP, POP3, submission, ManageSieve)",
    hints=(
        b"dovecot",
        b"-login: ",
        b"auth: ",
        b"auth-worker(",
        b"imap(",
        b"pop3(",
        b"lmtp(",
        b"master: ",
        b"auth(",
        b"IMAP(",
        b"POP3(",
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://doc.dovecot.org/main/core/admin/logging.html",
        "https://github.com/dovecot/core/blob/main/src/login-common/client-common.c",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 mail dovecot: imap-login: Login: user=<Jo@contoso.example>,"
            " method=PLAIN, rip=203.0.113.66, lip=192.0.2.4, mpid=12161, TLS, session=<VZ5eQNNgXB>",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "event.action": "mail_login",
                "user.name": "jo@contoso.example",
                "user.domain": "contoso.example",
                "source.ip": "203.0.113.66",
                "destination.ip": "192.0.2.4",
                "network.application": "imap",
                "breach.auth.method": "plain",
            },
        ),
        ParserExample(
            "2026-11-22T01:06:15 imap-login: Info: Disconnected: Connection closed (auth failed,"
            " 3 attempts in 9 secs): user=<x>, rip=192.0.2.9, lip=192.0.2.9>, method=PLAIN,"
            " rip=2001:DB8::7, lip=2001:db8::1, secured, session=<a1>",
            _FAILED
            | {
                "user.name": "x>, rip=192.0.2.9, lip=192.0.2.9",
                "source.ip": "2001:db8::7",
                "breach.auth.attempts": 3,
            },
        ),
        ParserExample(
            "<22>Nov 22 01:06:15 mail dovecot[77]: pop3-login: Login aborted: Connection closed"
            " (auth failed, 1 attempts in 2 secs) (auth_failed): user=<jo>, method=LOGIN,"
            " rip=203.0.113.66, lip=192.0.2.4, session=<b2>",
            _FAILED | {"user.name": "jo", "breach.auth.attempts": 1, "network.application": "pop3"},
        ),
        ParserExample(
            "2026-11-22T01:06:14 auth: Info: passwd-file(jo@contoso.example,203.0.113.66,<b2>):"
            " Password mismatch",
            _FAILED | {"user.name": "jo@contoso.example", "event.reason": "Password mismatch"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail dovecot: auth-worker(4211): conn unix:auth-worker"
            " (pid=99,uid=109): auth-worker<7>: pam(jo,203.0.113.66): pam_authenticate() failed:"
            " Authentication failure (given password: a,192.0.2.9): b)",
            _FAILED
            | {
                "source.ip": "203.0.113.66",
                "event.reason": "pam_authenticate() failed: Authentication failure",
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail dovecot: imap-login: Disconnected (no auth attempts in 1 secs):"
            " user=<>, rip=203.0.113.66, lip=192.0.2.4, session=<c3>",
            {"event.outcome": "unknown", "source.ip": "203.0.113.66", "user.name": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail dovecot: imap(jo@contoso.example)<12161><d4>: Logged out in=50"
            " out=734",
            {"event.action": "mail_logout", "source.bytes": 50, "destination.bytes": 734},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail dovecot: imap-login: Login failed: Plaintext authentication"
            " disabled: user=<>, rip=203.0.113.66, lip=192.0.2.4, session=<e5>",
            _FAILED | {"source.ip": "203.0.113.66", "user.name": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail dovecot: auth: plain(?,203.0.113.66,<f6>): Username character"
            " disallowed by auth_username_chars: 0x3e (username: x,192.0.2.9): y)",
            _FAILED | {"source.ip": "203.0.113.66", "user.name": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap",
            None,
        ),
        ParserExample(
            "Nov 22 01:06:15 Info: auth(default): passwd-file(jo,::ffff:203.0.113.66): unknown user",
            _FAILED | {"user.name": "jo", "source.ip": "203.0.113.66"},
        ),
        ParserExample("Nov 22 01:06:15 mail dovecot: Dovecot v1.2.9 starting up", None),
        ParserExample("Nov 22 01:06:15 mail dovecot: master: Warning: Killed with signal 15", None),
    ),
)
