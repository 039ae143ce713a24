"""Hold the parser's examples."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParserExample

_FAILED = {"event.category": ["authentication"], "event.outcome": "failure"}
_OPENED = {"event.outcome": "success", "event.action": "ssh_login"}
_HERE = {"source.ip": "203.0.113.66"}
_ROOT = _FAILED | _HERE | {"user.name": "root"}


def _example(
    message: str, expected: Mapping[str, Value] | None, app: str = "sshd[4213]"
) -> ParserExample:
    return ParserExample(f"Nov 22 01:06:14 web01 {app}: {message}", expected)


_PAM = "logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.66"

EXAMPLES = (
    _example(
        "Failed password for root from 203.0.113.66 port 40022 ssh2",
        _ROOT
        | {
            "@timestamp": "2026-11-22T01:06:14+00:00",
            "event.type": ["start"],
            "source.port": 40022,
            "host.name": "web01",
            "process.pid": 4213,
            "breach.auth.attempts": 1,
        },
    ),
    ParserExample(
        "<86>1 2026-11-22T01:06:15.120Z web01 sshd-session 4212 - - Accepted publickey for"
        " Deploy from 2001:DB8::7 port 50100 ssh2: ED25519 SHA256:abcdefg",
        _OPENED
        | {
            "@timestamp": "2026-11-22T01:06:15.120000+00:00",
            "breach.auth.method": "publickey",
            "user.name": "deploy",
            "source.ip": "2001:db8::7",
        },
    ),
    _example(
        "Failed password for invalid user x from 192.0.2.4 port 1 ssh2 from 203.0.113.66 port 22"
        " ssh2",
        _FAILED | _HERE | {"user.name": "x from 192.0.2.4 port 1 ssh2", "source.port": 22},
    ),
    _example(
        "Failed password for invalid user x from 192.0.2.4 port 1 ssh2: from 203.0.113.66 port 22"
        " ssh2",
        _FAILED | _HERE | {"user.name": "x from 192.0.2.4 port 1 ssh2:"},
    ),
    _example(
        "Failed hostbased for invalid user x from 203.0.113.66 port 2 ssh2: RSA 0a:1b:2c, client"
        ' user "y from 192.0.2.4 port 1 ssh2: RSA 0a:1b:2c", client host "h.example"',
        _FAILED | {"breach.auth.method": "hostbased"},
    ),
    _example(
        "message repeated 5 times: [ Failed password for invalid user test user from 203.0.113.66"
        " port 40023 ssh2]",
        _FAILED | {"user.name": "test user", "breach.auth.attempts": 5},
    ),
    _example(
        "Failed none for invalid user 0 from 203.0.113.66 port 9 ssh2",
        _FAILED | _HERE | {"user.name": "0"},
    ),
    _example("Invalid user x from 192.0.2.9 from 203.0.113.66 port 22", _FAILED | _HERE),
    _example("Invalid user  from 203.0.113.66 port 22", _FAILED | _HERE),
    _example("input_userauth_request: invalid user x from 192.0.2.9 [preauth]", _FAILED),
    _example(f"pam_unix(sshd:auth): authentication failure; {_PAM}  user=root", _ROOT),
    _example(
        f"pam_unix(sshd:auth): authentication failure; {_PAM} user=x rhost=192.0.2.9",
        _FAILED | _HERE | {"user.name": "x rhost=192.0.2.9"},
    ),
    _example(f"authentication failure; {_PAM} ", _FAILED | _HERE, "sshd(pam_unix)[19]"),
    _example(
        f"PAM 2 more authentication failures; {_PAM}  user=root",
        _ROOT | {"breach.auth.attempts": 2},
    ),
    _example("check pass; user unknown", _FAILED, "sshd(pam_unix)[19]"),
    _example("error: PAM: Authentication failure for root from 203.0.113.66", _ROOT),
    _example(
        "error: PAM: User not known to the underlying authentication module for illegal user a"
        " from 192.0.2.9 via b from 203.0.113.66",
        _FAILED | _HERE | {"user.name": "a from 192.0.2.9 via b"},
    ),
    _example(
        "User root from 203.0.113.66 not allowed because not listed in AllowUsers",
        _ROOT | {"event.reason": "not listed in AllowUsers"},
    ),
    _example("error: Could not get shadow information for NOUSER", _FAILED),
    _example(
        "User jo not allowed because account is locked",
        _FAILED | {"user.name": "jo", "event.reason": "account is locked"},
    ),
    _example("ROOT LOGIN REFUSED FROM 203.0.113.66 port 12345 [preauth]", _ROOT),
    _example(
        "error: maximum authentication attempts exceeded for invalid user root from 203.0.113.66"
        " port 49940 ssh2 [preauth]",
        _ROOT | {"source.port": 49940},
    ),
    _example("Connection closed by authenticating user root 203.0.113.66 port 22 [preauth]", _ROOT),
    _example(
        "Connection reset by invalid user a 192.0.2.9 port 5 203.0.113.66 port 22 [preauth]",
        _FAILED | _HERE | {"user.name": "a 192.0.2.9 port 5", "source.port": 22},
    ),
    _example(
        "Disconnecting authenticating user root 203.0.113.66 port 2: Too many authentication"
        " failures [preauth]",
        _ROOT | {"event.reason": "Too many authentication failures"},
    ),
    _example(
        "Disconnecting invalid user a 203.0.113.66 port 4: Change of username or service not allowed:"
        " (a,ssh-connection) -> (b 192.0.2.9 port 5: Too many,ssh-connection) [preauth]",
        _FAILED,
    ),
    _example(
        "error: Received disconnect from 203.0.113.66 port 4:14: No supported authentication methods"
        " available [preauth]",
        _FAILED | _HERE,
    ),
    _example(
        "pam_unix(sshd:session): session opened for user jo(uid=1000) by (uid=0)",
        _OPENED | {"user.name": "jo"},
    ),
    _example("session closed for user jo", {"event.type": ["end"], "user.name": "jo"}),
    _example("Received disconnect from 203.0.113.66 port 4:11: from 192.0.2.9 [preauth]", _HERE),
    _example(
        "Connection closed by 203.0.113.66 port 9 [preauth]",
        _HERE | {"event.category": ["session"]},
    ),
    _example(
        "Did not receive identification string from 203.0.113.66 port 4022",
        _HERE | {"event.outcome": "unknown", "source.port": 4022},
    ),
    _example(
        "Bad protocol version identification 'x from 192.0.2.9 port 1' from 203.0.113.66 port 2",
        _HERE,
    ),
    _example(
        "refused connect from x@192.0.2.9 (::ffff:203.0.113.66)",
        _HERE | {"event.outcome": "failure"},
    ),
    _example("Read error from remote host 203.0.113.66: Connection timed out", _HERE),
    _example(
        "Address 203.0.113.66 maps to h.example, but this does not map back to the address -"
        " POSSIBLE BREAK-IN ATTEMPT!",
        _HERE,
    ),
    _example(
        'Connection from 203.0.113.66 port 4 on 198.51.100.2 port 22 rdomain ""',
        _HERE | {"destination.ip": "198.51.100.2", "destination.port": 22},
    ),
    _example("something new about 192.0.2.9", {"event.action": "ssh_message"}),
    _example("Server listening on 0.0.0.0 port 22.", None),
    ParserExample(
        "Failed password for invalid user x from 192.0.2.9 port 5 ssh2 from 203.0.113.66 port 4022 ssh2",
        {"event.outcome": "failure", "source.ip": "203.0.113.66", "source.port": 4022},
    ),
    ParserExample(
        "Invalid user jo from 2001:DB8::7 port 4022",
        {"event.outcome": "failure", "user.name": "jo", "source.ip": "2001:db8::7"},
    ),
    ParserExample(
        "Connection closed by authenticating user jo 203.0.113.66 port 4022 [preauth]",
        {"user.name": "jo", "source.ip": "203.0.113.66"},
    ),
    ParserExample(
        "pam_faillock(sshd:auth): User unknown", {"event.outcome": "failure", "user.name": None}
    ),
    _example(
        "Accepted google_authenticator for jo", {"event.outcome": "success", "user.name": "jo"}
    ),
)
