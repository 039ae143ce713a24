"""Parse sign-ins to Proxmox VE, Backup Server and Mail Gateway, as their daemons write them to
syslog."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, people, stamps, web_access

_APPS = frozenset(
    {"pvedaemon", "pveproxy", "pvestatd", "proxmox-backup-proxy", "proxmox-backup-api", "pmgdaemon"}
)
_FAILED = re.compile(
    r"(?:(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:Z|[+-][0-9:]{5})): )?authentication failure; rhost=(?P<address>\S*+) user=(?P<user>.*?) msg=(?P<reason>.*)\Z",
    re.DOTALL,
)
_SUCCEEDED = re.compile(r"<(?P<by>[^>]{1,128})> successful auth for user '(?P<user>.{1,128})'\s*\Z")
_TASK = re.compile(
    r"<(?P<user>[^>]{1,128})> (?P<step>starting|end) task UPID:[^:]{1,64}:(?:[0-9A-F]++:){3}(?P<kind>\w{1,64}):"
    r"(?P<guest>[^:]{0,128}):[^:]{1,128}:(?: (?P<status>.*))?\Z"
)


def _can_parse(line: SourceLine) -> bool:
    """Whether a daemon's name stands before the line, or it is of the Backup Server's own log."""
    if line.frame.app in _APPS:
        return True
    return line.frame.app is None and _FAILED.match(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if not _can_parse(line):
        raise web_access.build_unreadable("proxmox_daemon")
    fields: dict[str, Value] = {"service.name": line.frame.app or "proxmox-backup-proxy"}
    if line.frame.host:
        fields["host.name"] = line.frame.host
    text = line.text.strip()
    failed, succeeded, task = _FAILED.match(text), _SUCCEEDED.match(text), _TASK.match(text)
    sign_in = failed or succeeded
    if sign_in is not None:
        fields |= {
            "event.category": ["authentication"],
            "event.type": ["start"],
            "event.action": "logon-failed" if failed else "logged-in",
            "event.outcome": "failure" if failed else "success",
        }
        people.put_user(fields, sign_in["user"])
        if failed is not None:
            end = addresses.parse_endpoint(failed["address"])
            addresses.put_endpoint(fields, "source", end.ip, end.port)
            fields["event.reason"] = failed["reason"].strip()
            stamp = failed["stamp"]
            if stamp:
                return ParsedEvent(stamps.parse_iso(stamp, line.zone), fields)
        return ParsedEvent(line.frame.time, fields)
    if task is None:
        return IgnoredLine("a message about the daemon's own work")
    status = (task["status"] or "").strip()
    ended = task["step"] == "end"
    fields |= {
        "event.category": ["configuration"],
        "event.type": ["end" if ended else "start"],
        "event.action": task["kind"],
        "event.outcome": "unknown" if not ended else "success" if status == "OK" else "failure",
    }
    people.put_user(fields, task["user"])
    return ParsedEvent(line.frame.time, fields)


_HEAD = "Nov 22 01:06:15 pve1"
PARSER = Parser(
    id="proxmox_daemon",
    title="Proxmox VE, Backup Server and Mail Gateway sign-ins and tasks",
    hints=(*(app.encode() for app in sorted(_APPS)), b"authentication failure; rhost="),
    claims=_can_parse,
    parse=_parse,
    references=("https://pve.proxmox.com/wiki/Fail2ban",),
    examples=(
        ParserExample(
            f"{_HEAD} pvedaemon[1234]: authentication failure; rhost=::ffff:198.51.100.7 user=root@pam "
            "msg=Authentication failure",
            {
                "event.outcome": "failure",
                "user.name": "root@pam",
                "source.ip": "198.51.100.7",
                "event.reason": "Authentication failure",
                "host.name": "pve1",
            },
        ),
        ParserExample(
            f"{_HEAD} proxmox-backup-proxy[9]: authentication failure; rhost=[2001:db8::7]:36344 user=x rhost=192.0.2.66"
            " msg=wrong password",
            {"source.ip": "2001:db8::7", "source.port": 36344, "user.name": "x rhost=192.0.2.66"},
        ),
        ParserExample(
            f"{_HEAD} pvedaemon[1234]: <root@pam> successful auth for user 'jo@pve'",
            {"event.outcome": "success", "user.name": "jo@pve"},
        ),
        ParserExample(f"{_HEAD} pvedaemon[1234]: worker exit", None),
    ),
)
