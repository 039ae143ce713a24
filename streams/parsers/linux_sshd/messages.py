"""List the messages of sshd: what each tells, and where user, address and port stand in it.

A person who signs in may type anything as a name, even ` from 192.0.2.1 port 22 ssh2`. A name that
the host does not know is matched greedily, between fixed words and the end of the line. Messages
with a second place for such text are read both ways, and where these differ no address is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PORT = r"(?: port (?P<port>[0-9]{1,5}))?"
_FROM = rf" from (?P<ip>\S++){_PORT}"
_UNKNOWN = r"(?:invalid|illegal) user "
_PAM_FACTS = (
    r"(?:(?:logname|uid|euid|tty|ruser)=\S*+ )*+rhost=(?P<ip>\S*+)(?:\s++user=(?P<user>.*))?"
)


@dataclass(frozen=True, slots=True)
class SshMessage:
    """One kind of message."""

    pattern: re.Pattern[str]
    outcome: str
    """failure, success or unknown."""
    categories: Sequence[str] = ("authentication",)
    types: Sequence[str] = ("start",)
    action: str = "ssh_login"
    reason: str | None = None
    user: str | None = None
    """The user whom the message means without a name."""
    other_reading: re.Pattern[str] | None = None
    """Reads the same message with the shortest name instead of the longest."""


def _build(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def _fail(pattern: str, reason: str | None = None, user: str | None = None) -> SshMessage:
    return SshMessage(_build(pattern), "failure", reason=reason, user=user)


def _describe(
    pattern: str, action: str, types: Sequence[str], *, outcome: str = "unknown"
) -> SshMessage:
    return SshMessage(_build(pattern), outcome, ("session",), types, action)


_DISCONNECTING = (
    r"Disconnecting (?:invalid|authenticating) user (?P<user>{name}) (?P<ip>\S+) port"
    r" (?P<port>[0-9]{{1,5}}): (?P<reason>.*)\Z"
)

REFUSALS = (
    _fail(rf"(?:Invalid|Illegal) user (?P<user>.*){_FROM}\Z", "unknown user"),
    _fail(rf"input_userauth_request: {_UNKNOWN}(?P<user>.*)\Z", "unknown user"),
    _fail(
        rf"(?:error: )?PAM: (?P<reason>(?:(?! for )[A-Za-z ,'.-])*+) for (?:{_UNKNOWN})?(?P<user>.*){_FROM}(?: via \S++)?\Z"
    ),
    _fail(rf"(?:PAM )?authentication failure; {_PAM_FACTS}\Z"),
    _fail(rf"(?:PAM )?(?P<attempts>[0-9]{{1,9}}) more authentication failures?; {_PAM_FACTS}\Z"),
    _fail(r"(?:PAM )?check pass; user unknown", "unknown user"),
    _fail(r"(?:PAM )?service\(sshd\) ignoring max retries; ", "too many retries"),
    _fail(rf"User (?P<user>.*){_FROM} not allowed because (?P<reason>.*)\Z"),
    _fail(r"User (?P<user>.*) not allowed because (?P<reason>.*)\Z"),
    _fail(rf"ROOT LOGIN REFUSED FROM (?P<ip>\S++){_PORT}\Z", "root may not sign in", user="root"),
    _fail(
        rf"(?:error: |fatal: )?[Mm]aximum authentication attempts exceeded for (?:{_UNKNOWN})?"
        rf"(?P<user>.*){_FROM}(?: ssh[0-9]?)?\Z",
        "maximum authentication attempts exceeded",
    ),
    _fail(
        r"(?:Connection (?:closed|reset) by|Disconnected from) (?:invalid|authenticating) user"
        r" (?P<user>.*) (?P<ip>\S++) port (?P<port>[0-9]{1,5})\Z"
    ),
    SshMessage(
        _build(_DISCONNECTING.format(name=".*")),
        "failure",
        other_reading=_build(_DISCONNECTING.format(name=".*?")),
    ),
    _fail(
        r"Disconnecting: Too many authentication failures(?: for (?P<user>.*))?\Z",
        "too many authentication failures",
    ),
    _fail(
        rf"(?:error: )?Received disconnect from (?P<ip>\S+?){_PORT}: ?14: ",
        "no supported authentication method",
    ),
    _fail(rf"(?:error: )?Received disconnect from (?P<ip>\S+?){_PORT}: ?[0-9]++: .*Auth fail\Z"),
    _fail(
        r"Authentication tried for (?P<user>.*) with correct key but not from a permitted host"
        r" \(host=\S*+, ip=(?P<ip>[0-9A-Fa-f.:%\w]++)[,)]",
        "not from a permitted host",
    ),
    _fail(r"(?:error: )?Could not get shadow information for (?:NOUSER\Z|(?P<user>.*)\Z)"),
    _fail(r"Authentication refused: (?P<reason>bad ownership or modes) for "),
    _fail(r"Login restricted for (?P<user>.*?): (?P<reason>.*)\Z"),
    _fail(
        r"(?:fatal: |error: )?Access denied for user (?P<user>.*) by PAM account configuration"
        r"\Z",
        "denied by PAM",
    ),
    _fail(r"account (?P<user>.*?) has (?P<reason>expired|password changed)"),
    _fail(r"(?:user )?(?P<user>\S+) \([0-9]+\) (?P<reason>tally [0-9]+, deny [0-9]+)"),
    _fail(
        r"Consecutive login failures for user (?P<user>.*) account (?P<reason>temporarily locked)"
    ),
    _fail(r"User unknown\Z", "unknown user"),
    _fail(r"received for user (?P<user>.*): [0-9]+ \((?P<reason>[^()]*)\)\Z"),
)
"""Refused sign-ins, each told more fully by a `Failed` line where sshd writes one."""

ADMISSIONS = (
    SshMessage(
        _build(r"session opened for user (?P<user>.*?)(?:\(uid=[0-9]+\))?(?: by .*)?\Z"),
        "success",
        ("authentication", "session"),
    ),
    SshMessage(
        _build(
            r"Starting session: .* for (?P<user>\S+) from (?P<ip>\S++) port (?P<port>[0-9]+)"
            r"(?: id [0-9]+)?\Z"
        ),
        "success",
        ("authentication", "session"),
    ),
    SshMessage(_build(rf"authentication success; {_PAM_FACTS}\Z"), "success"),
    # PAM's module for one-time passwords, between a password and its `Accepted` line.
    SshMessage(_build(r"Accepted google_authenticator for (?P<user>\S+)\Z"), "success"),
)
"""Sign-ins, each told more fully by an `Accepted` line."""

_NETWORK = ("network",)
REMARKS = (
    _describe(
        rf"(?:Postponed|Partial) (?P<method>[\w/.-]+) for (?:{_UNKNOWN})?(?P<user>.*){_FROM}(?: ssh[0-9]?)?\Z",
        "ssh_login_unfinished",
        ("info",),
    ),
    _describe(r"session closed for user (?P<user>.*)\Z", "ssh_logout", ("end",)),
    _describe(
        r"Close session: user (?P<user>\S+) from (?P<ip>\S++) port (?P<port>[0-9]+)",
        "ssh_logout",
        ("end",),
    ),
    _describe(
        r"Disconnected from user (?P<user>.*) (?P<ip>\S++) port (?P<port>[0-9]{1,5})\Z",
        "ssh_logout",
        ("end",),
    ),
    _describe(
        rf"(?:error: )?Received disconnect from (?P<ip>\S+?){_PORT}:", "ssh_disconnect", ("end",)
    ),
    _describe(
        rf"(?:Connection (?:closed|reset) by|Disconnected from) (?P<ip>\S++){_PORT}\Z",
        "ssh_disconnect",
        ("end",),
    ),
    _describe(
        rf"(?:fatal: )?Timeout before authentication for (?:connection from )?(?P<ip>[^\s,]+?)(?:{_PORT}| to .*)\.?\Z",
        "ssh_timeout",
        ("end",),
    ),
    _describe(
        r"(?:fatal: |error: )?(?:Read|Write) (?:error|failed)[\w :]*? (?:from|to) (?:remote host )?(?:user \S+ )?"
        rf"(?P<ip>[0-9A-Fa-f.:]+?){_PORT}(?:[: ].*)?\Z",
        "ssh_disconnect",
        ("end",),
    ),
    SshMessage(
        _build(
            r"SSH: Server;Ltype: Authname;Remote: (?P<ip>[0-9A-Fa-f.:]++)-(?P<port>[0-9]{1,5});Name: (?P<user>.*)\Z"
        ),
        "unknown",
        action="ssh_login_unfinished",
    ),
    SshMessage(
        _build(r"SSH: Server;Ltype: \w+;Remote: (?P<ip>[0-9A-Fa-f.:]++)-(?P<port>[0-9]{1,5});"),
        "unknown",
        _NETWORK,
        ("connection", "info"),
        "ssh_connection",
    ),
    SshMessage(
        _build(
            rf"Connection from (?P<ip>\S++){_PORT}(?: on (?P<own>\S+) port (?P<own_port>[0-9]{{1,5}}))?"
        ),
        "unknown",
        _NETWORK,
        ("connection", "start"),
        "ssh_connection",
    ),
    SshMessage(
        _build(rf"Did not receive identification string from (?P<ip>\S++){_PORT}"),
        "unknown",
        _NETWORK,
        ("connection", "info"),
        "ssh_probe",
    ),
    SshMessage(
        _build(rf"Bad protocol version identification .*{_FROM}\Z"),
        "unknown",
        _NETWORK,
        ("connection", "protocol"),
        "ssh_probe",
    ),
    SshMessage(
        _build(
            rf"(?:error: )?(?:banner exchange: Connection from|(?:fatal: )?Unable to negotiate with|ssh_dispatch_run_fatal: Connection from"
            rf"|Protocol major versions differ for) (?P<ip>\S+?){_PORT}: "
        ),
        "unknown",
        _NETWORK,
        ("connection", "protocol"),
        "ssh_probe",
    ),
    SshMessage(
        _build(r"refused connect from .*\((?P<ip>[0-9A-Fa-f.:]+)\)\Z"),
        "failure",
        _NETWORK,
        ("connection", "denied"),
        "ssh_connection_refused",
    ),
    SshMessage(
        _build(r"refused connect from (?:.*@)?(?P<ip>[^\s@()]+)\Z"),
        "failure",
        _NETWORK,
        ("connection", "denied"),
        "ssh_connection_refused",
    ),
    SshMessage(
        _build(
            r"(?:Address (?P<ip>\S++) maps to |reverse mapping checking getaddrinfo for \S++"
            r" \[(?P<ip2>[^\]\s]++)\] failed)"
        ),
        "unknown",
        _NETWORK,
        ("info",),
        "ssh_reverse_name_mismatch",
    ),
    SshMessage(
        _build(r"subsystem request for (?P<reason>\S+)(?: by user (?P<user>.*))?\Z"),
        "unknown",
        ("session",),
        ("info",),
        "ssh_subsystem",
    ),
)
"""Lines that tell of no attempt, each an event by itself."""

ROUTINE = re.compile(
    r"Server listening on |Received SIG\w+; |Received signal [0-9]+; |Exiting on signal|User child is on pid "
    r"|debug[0-9]: |Transferred: |rexec line |Starting session: $|lastlog_|error: Bind to port |Set /proc/self/oom"
)
