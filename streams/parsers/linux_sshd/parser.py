"""Parse one line of sshd.

Several lines tell of one attempt. `Failed` and `Accepted` tell most, and sshd does not write them for every
attempt: on a server that takes keys only there are none. Lines that tell less are retellings. Refusals and
admissions of one connection are two sessions: neither is told by the other."""

from __future__ import annotations

import re
from collections.abc import Iterable

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, LineFrame, ParsedEvent, Parser, SourceLine
from streams.parsers.linux_sshd.examples import EXAMPLES
from streams.parsers.linux_sshd.messages import (
    ADMISSIONS,
    REFUSALS,
    REMARKS,
    ROUTINE,
    SshMessage,
)
from streams.tokenizers import addresses, numbers, people

_APP = re.compile(r"sshd(?:-session|-auth)?(?:\(pam_\w+\))?")
_REPEATED = re.compile(r"message repeated ([0-9]{1,9}) times?: \[ ?")
_SOLARIS = re.compile(r"\[ID [0-9]+ [\w.]+\] ")
_PAM = re.compile(
    r"(?:error: )?pam_\w+\(sshd[\w-]*(?::\w+)?\)(?:\[[0-9]+\])?: |\(pam_\w+\) |kernel: ?\[ *[0-9.]+\]:? "
)
"""What stands before the message: PAM's module, and what some journals write."""
_VERB = r"(?P<verb>Failed|Accepted) (?P<method>[\w/.-]+) for "
_FROM = r" from (?P<ip>\S++)(?: port (?P<port>[0-9]+))?"
_KEY = r": [\w-]+ (?:ID .*|(?:SHA256|MD5):\S+.*|[0-9a-fx]{2}(?::[0-9a-fx]{2})+.*)"
_KNOWN = re.compile(
    rf"{_VERB}(?:user (?=\S+ from ))?(?P<user>.*?){_FROM}(?: (?:ssh[0-9]?|on \S+.*?))?(?:: .*)?\Z",
    re.DOTALL,
)
_UNKNOWN = re.compile(
    rf"{_VERB}(?:invalid|illegal) user (?P<user>.*){_FROM}(?: ssh[0-9]?(?:{_KEY})?)?\Z",
    re.DOTALL,
)
_UNKNOWN_SHORTEST = re.compile(_UNKNOWN.pattern.replace("(?P<user>.*)", "(?P<user>.*?)"), re.DOTALL)


_BARE = re.compile(
    r"(?:Failed|Accepted) [\w/.-]+ for .+ from [0-9A-Fa-f.:]+ port [0-9]+ ssh2(?:: .*)?(?: \[preauth\])?\Z"
    r"|Invalid user .* from [0-9A-Fa-f.:]+(?: port [0-9]+)?\Z"
    r"|(?:Connection (?:closed|reset)|Disconnected|Disconnecting|Received disconnect|error: maximum auth).*"
    r" \[preauth\]\Z|pam_\w+\(sshd(?:-\w+)?:\w+\): ",
    re.DOTALL,
)
"""What only sshd writes, where a shipper took the tag away."""


def _can_parse(line: SourceLine) -> bool:
    if line.frame.app is None:
        return _BARE.match(line.text) is not None
    if line.frame.app.endswith("(pam_audit)"):  # F5 tells of its own sign-ins
        return False
    return _APP.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    frame = line.frame
    if not _can_parse(line):
        raise UnparseableRecord(
            "no line of sshd", place="linux_sshd", remedy="Check which parser the source names."
        )
    message, attempts = _drop_prefix(_SOLARIS, line.text), 1
    repeated = _REPEATED.match(message)
    if repeated is not None:
        attempts = int(repeated[1])
        message = message[repeated.end() :].rstrip().removesuffix("]")
    message = _drop_prefix(_PAM, message.rstrip().removesuffix(" [preauth]").rstrip())
    if message.startswith(("Failed ", "Accepted ")):
        fields = _parse_attempt(message, attempts)
        if fields is not None:
            # The client's first question, which asks what methods there are, names the user.
            return _build_act(fields, frame, is_retelling=fields["breach.auth.method"] == "none")
    for messages, is_retelling in ((REFUSALS, True), (ADMISSIONS, True), (REMARKS, False)):
        fields = _parse_message(message, messages, attempts)
        if fields is not None:
            return _build_act(fields, frame, is_retelling=is_retelling)
    if ROUTINE.match(message):
        return IgnoredLine("describes the server, and no act of a client")
    return _build_act(_build_unknown(message), frame, is_retelling=False)


def _drop_prefix(prefix: re.Pattern[str], message: str) -> str:
    match = prefix.match(message)
    return message if match is None else message[match.end() :]


def _build_act(fields: dict[str, Value], frame: LineFrame, *, is_retelling: bool) -> ParsedEvent:
    session = None
    if frame.pid and "authentication" in fields["event.category"]:
        session = f"{frame.host or ''}/{frame.pid}/{fields['event.outcome']}"
    fields |= _build_host_fields(frame)
    return ParsedEvent(frame.time, fields, session=session, is_retelling=is_retelling)


def _parse_attempt(message: str, attempts: int) -> dict[str, Value] | None:
    match = _UNKNOWN.match(message)
    sure = True
    if match is not None:
        other = _UNKNOWN_SHORTEST.match(message)
        # Only a host's name and user, which the client gives too, may follow the address.
        sure = "client user " not in message or (other is not None and other["ip"] == match["ip"])
    else:
        match = _KNOWN.match(message)
    if match is None:
        return None
    failed = match["verb"] == "Failed"
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": "failure" if failed else "success",
        "event.action": "ssh_login",
        "breach.auth.method": match["method"],
        "breach.auth.attempts": attempts,
    }
    if sure:
        people.put_user(fields, match["user"])
        _put_source(fields, match["ip"], match["port"])
    return fields


def _parse_message(
    message: str, messages: Iterable[SshMessage], attempts: int
) -> dict[str, Value] | None:
    for kind in messages:
        match = kind.pattern.match(message)
        if match is not None:
            return _build_fields(message, kind, match.groupdict(), attempts)
    return None


def _build_fields(
    message: str, kind: SshMessage, values: dict[str, str | None], attempts: int
) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": list(kind.categories),
        "event.type": list(kind.types),
        "event.outcome": kind.outcome,
        "event.action": kind.action,
        "message": message,
    }
    if "authentication" in kind.categories:
        _put_attempts(fields, numbers.parse_whole(values.get("attempts") or ""), attempts)
    if reason := values.get("reason") or kind.reason:
        fields["event.reason"] = reason
    if method := values.get("method"):
        fields["breach.auth.method"] = method
    if kind.other_reading is not None:
        other = kind.other_reading.match(message)
        if other is None or other["ip"] != values["ip"]:
            return fields
    people.put_user(fields, values.get("user") or kind.user or "")
    if where := values.get("ip") or values.get("ip2"):
        _put_source(fields, where, values.get("port"))
    if own := addresses.parse_address(values.get("own") or ""):
        port = addresses.parse_port(values.get("own_port") or "")
        addresses.put_endpoint(fields, "destination", own, port)
    return fields


def _put_attempts(fields: dict[str, Value], more: int | None, repeats: int) -> None:
    fields["breach.auth.attempts"] = more or repeats
    if more or repeats > 1:
        fields["breach.auth.further_attempts"] = True


def _put_source(fields: dict[str, Value], where: str, port: str | None) -> None:
    where = where.rstrip(".:")
    ip = addresses.parse_address(where)
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(port or ""))
    if ip is None and where and where != "UNKNOWN":
        fields["source.domain"] = where


def _build_unknown(message: str) -> dict[str, Value]:
    """Build an event of a message that is in no list: what may be an address in it may be what a
    stranger typed."""
    return {
        "event.category": ["session"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "ssh_message",
        "message": message,
    }


def _build_host_fields(frame: LineFrame) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "service.name": "sshd",
        "network.application": "ssh",
        "network.transport": "tcp",
    }
    if frame.host:
        fields["host.name"] = frame.host
    pid = numbers.parse_whole(frame.pid or "")
    if pid is not None:
        fields["process.pid"] = pid
    return fields


PARSER = Parser(
    id="linux_sshd",
    title="OpenSSH server (sshd)",
    hints=(b"sshd", b" ssh2", b"[preauth]", b"Invalid user "),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://github.com/openssh/openssh-portable/blob/master/auth.c",
        "https://www.rfc-editor.org/rfc/rfc3164",
    ),
    examples=EXAMPLES,
)
