"""Read the fields of Postfix's messages, whatever daemon writes them."""

from __future__ import annotations

import re

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, numbers, people

_CLIENT = r"(?P<host>[^\s\[\]]*)\[(?P<ip>[0-9A-Fa-f.:%]+|unknown)\](?::(?P<port>[0-9]{1,5}))?"
_SASL_FAILED = re.compile(
    rf"(?:warning: )?{_CLIENT}: SASL (?P<method>[\w-]+) authentication (?P<state>failed|aborted)"
    r"(?:: (?P<rest>.*))?\Z",
    re.DOTALL,
)
_ACCEPTED = re.compile(
    rf"(?P<queue>[0-9A-Za-z]{{5,20}}): client={_CLIENT}(?:, sasl_method=(?P<method>[^,\s]+))?"
    r"(?:, sasl_username=(?P<user>[^,]*))?(?:, sasl_sender=[^,]*)?(?:, orig_\w+=[^,]*)*\Z"
)
_REFUSED = re.compile(
    rf"(?P<queue>[0-9A-Za-z]{{5,20}}): (?:milter-)?(?P<kind>reject|reject_warning|discard|hold|warn|filter|redirect|prepend|replace|info|bcc):"
    rf" (?P<stage>[\w-]+)(?: command)? from {_CLIENT}: (?P<reason>.*)\Z",
    re.DOTALL,
)
_CHECKED = re.compile(
    r"(?P<queue>[0-9A-Za-z]{5,20}): (?P<kind>warning|reject|discard|hold|filter|redirect|replace|prepend|info|strip|bcc):"
    r" (?P<part>header|body|milter-\w+) (?P<rest>.*)\Z",
    re.DOTALL,
)
_CHECKED_END = re.compile(rf" from {_CLIENT}; from=<")
_ANSWER = re.compile(
    r"(?P<queue>[0-9A-Za-z]{5,20}): host (?P<host>[^\s\[\]]{1,255})"
    r"\[(?P<ip>[0-9A-Fa-f.:%]+)\] (?:said|refused to talk to me): (?P<reason>.*)\Z",
    re.DOTALL,
)
_STATISTICS = re.compile(
    r"statistics: max (?P<what>[a-z ]{1,60}) (?P<number>[0-9/s]{1,30}) for \((?P<service>\w+):(?P<ip>[0-9A-Fa-f.:]+)\)"
)
_ENCRYPTED = re.compile(
    r"(?:Anonymous|Untrusted|Trusted|Verified) TLS connection (?P<act>established to|established from|reused to)"
    rf" {_CLIENT}: (?P<rest>.*)\Z"
)
_CONNECTION = re.compile(
    rf"(?:warning: )?(?P<act>connect|disconnect|lost connection after [\w-]+(?: \([^()]*\))?"
    r"|timeout after [\w-]+(?: \([^()]*\))?|too many errors after [\w-]+(?: \([^()]*\))?"
    r"|improper command pipelining after [\w-]+|SSL_accept error|non-SMTP command"
    rf"|setting up TLS connection) from {_CLIENT}(?P<rest>.*)\Z",
    re.DOTALL,
)
_RATE = re.compile(
    rf"(?:warning: )?(?P<act>[A-Z][\w ]+ limit exceeded: [0-9]+) from {_CLIENT} for "
)
_SCREENED = re.compile(
    r"(?:(?P<queue>NOQUEUE): reject: (?:RCPT|CONNECT) from|(?P<act>CONNECT from|DISCONNECT|PASS (?:NEW|OLD)"
    r"|HANGUP after [0-9.]+ from|PREGREET [0-9]+ after [0-9.]+ from|DNSBL rank [0-9]+ for"
    r"|BARE NEWLINE from|COMMAND [\w ]+ LIMIT from|ALLOWLISTED|WHITELISTED|DENYLISTED|BLACKLISTED))"
    r" \[(?P<ip>[0-9A-Fa-f.:]+)\]:(?P<port>[0-9]{1,5})(?P<rest>.*)\Z",
    re.DOTALL,
)
_QUEUE = re.compile(
    r"(?P<queue>[0-9A-Za-z]{5,20}): (?P<rest>(?:from|to|message-id|uid)=.*)\Z", re.DOTALL
)
_ADDRESS = re.compile(r"(?:\A|[ ,;])(from|to|orig_to|message-id|helo)=<([^<>]*)>")
_RELAY = re.compile(r", relay=([^\s\[\],]+)(?:\[([0-9A-Fa-f.:]+)\])?(?::([0-9]+))?")
_STATUS = re.compile(r", dsn=([0-9.]+), status=(\w+) \((.*)\)\Z", re.DOTALL)
_SIZE = re.compile(r", size=([0-9]{1,18})")
_STATUS_CODE = re.compile(r"[245][0-9]{2}(?= )")
_SIGN_INS = re.compile(r" auth=(?:([0-9]{1,6})/)?([0-9]{1,6})(?![0-9/])")
"""Of a connection's end: the accepted ones where some were refused, and all."""
_NO_USER = "(unavailable)"
_MAIL_FIELDS = {
    "from": "email.from.address",
    "to": "email.to.address",
    "message-id": "email.message_id",
    "helo": "source.domain",
}


def is_refused_sign_in(text: str) -> bool:
    """Whether the message describes a refused attempt to sign in, each in a line of its own."""
    return _SASL_FAILED.match(text) is not None


def parse_message(daemon: str | None, text: str) -> dict[str, Value] | None:
    """Parse a daemon's message; None: it describes no act."""
    if daemon == "postscreen" or (daemon is None and _SCREENED.match(text) is not None):
        match = _SCREENED.match(text)
        return None if match is None else _build_screened(match)
    for pattern, build in (
        (_SASL_FAILED, _build_failed_login),
        (_ACCEPTED, _build_accepted),
        (_REFUSED, _build_refused),
        (_CHECKED, _build_checked),
        (_CONNECTION, _build_connection),
        (_RATE, _build_limited),
        (_QUEUE, _build_queued),
        (_ANSWER, _build_answer),
        (_STATISTICS, _build_statistics),
        (_ENCRYPTED, _build_encryption),
    ):
        match = pattern.match(text)
        if match is not None:
            return build(match)
    return None


def _put_client(fields: dict[str, Value], match: re.Match[str]) -> None:
    ip = addresses.parse_address(match["ip"])
    addresses.put_endpoint(fields, "source", ip, addresses.parse_port(match["port"] or ""))
    host = match.groupdict().get("host")
    if host and host != "unknown":
        fields["source.domain"] = host.casefold()


def _build_failed_login(match: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["authentication"],
        "event.type": ["start"],
        "event.outcome": "failure",
        "event.action": "mail_login",
        "breach.auth.attempts": 1,
        "breach.auth.method": match["method"].lower(),
    }
    # What the server says stands before the name, and what a stranger typed is the name's end.
    reason, _, user = (match["rest"] or "").partition(", sasl_username=")
    if reason:
        fields["event.reason"] = reason
    if user != _NO_USER:
        people.put_user(fields, user)
    _put_client(fields, match)
    return fields


def _build_accepted(match: re.Match[str]) -> dict[str, Value]:
    """Build a client's mail: with a user it is a sign-in too."""
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": "success",
        "event.action": "mail_accepted",
        "email.local_id": match["queue"],
    }
    if match["user"]:
        fields |= {
            "event.category": ["authentication", "email"],
            "event.type": ["start"],
            "event.action": "mail_login",
            "breach.auth.attempts": 1,
        }
        people.put_user(fields, match["user"])
    if match["method"]:
        fields["breach.auth.method"] = match["method"].lower()
    _put_client(fields, match)
    return fields


def _build_refused(match: re.Match[str]) -> dict[str, Value]:
    is_refused = match["kind"] in ("reject", "discard")
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["denied"] if is_refused else ["info"],
        "event.outcome": "failure" if is_refused else "unknown",
        "event.action": f"mail_{match['kind']}",
        "event.reason": match["reason"].partition("; from=<")[0],
    }
    _put_mail(fields, "; from=<" + match["reason"].partition("; from=<")[2])
    _put_client(fields, match)
    code = _STATUS_CODE.match(match["reason"])
    if code is not None:
        fields["event.code"] = code[0]
    return fields


def _build_checked(match: re.Match[str]) -> dict[str, Value]:
    """Build what a check of headers or bodies says. Its text is the mail's, so there is no client
    where a mail imitates one."""
    rest = match["rest"]
    is_refused = match["kind"] in ("reject", "discard")
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["denied"] if is_refused else ["info"],
        "event.outcome": "failure" if is_refused else "unknown",
        "event.action": f"mail_{match['kind']}",
        "email.local_id": match["queue"],
    }
    ends = list(_CHECKED_END.finditer(rest))
    if len(ends) == 1:
        _put_client(fields, ends[0])
        _put_mail(fields, rest[ends[0].end() - len("; from=<") :])
    return fields


def _build_answer(match: re.Match[str]) -> dict[str, Value]:
    """Build what another server answers while a mail is sent to it."""
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "mail_answer",
        "event.reason": match["reason"],
        "email.local_id": match["queue"],
        "destination.domain": match["host"].casefold(),
    }
    addresses.put_endpoint(fields, "destination", addresses.parse_address(match["ip"]), None)
    code = _STATUS_CODE.match(match["reason"])
    if code is not None:
        fields["event.code"] = code[0]
    return fields


def _build_statistics(match: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "mail_statistics",
        "event.reason": f"max {match['what']} {match['number']}",
    }
    addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), None)
    return fields


def _build_encryption(match: re.Match[str]) -> dict[str, Value]:
    """Build an encrypted connection, to another server or from a client."""
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "info"],
        "event.outcome": "success",
        "event.action": "mail_encrypted",
        "event.reason": match["rest"],
    }
    if match["act"].endswith("from"):
        _put_client(fields, match)
        return fields
    ip, port = addresses.parse_address(match["ip"]), addresses.parse_port(match["port"] or "")
    addresses.put_endpoint(fields, "destination", ip, port)
    if match["host"] and match["host"] != "unknown":
        fields["destination.domain"] = match["host"].casefold()
    return fields


def _put_mail(fields: dict[str, Value], text: str) -> None:
    for key, value in _ADDRESS.findall(text):
        name = _MAIL_FIELDS.get(key)
        if name is None or not value or name in fields:
            continue
        fields[name] = [value.casefold()] if name == "email.to.address" else value.casefold()


def _build_connection(match: re.Match[str]) -> dict[str, Value]:
    act = match["act"]
    kind = "start" if act == "connect" else "end" if act == "disconnect" else "info"
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", kind],
        "event.outcome": "unknown",
        "event.action": f"mail_{act.partition(' after ')[0].replace(' ', '_').lower()}",
    }
    _put_client(fields, match)
    counts = _SIGN_INS.search(match["rest"]) if kind == "end" else None
    if counts is not None:
        _put_sign_ins(fields, counts)
    return fields


def _put_sign_ins(fields: dict[str, Value], counts: re.Match[str]) -> None:
    """Set what a connection's end says of sign-ins: an accepted one, or how many were refused."""
    accepted = int(counts[2] if counts[1] is None else counts[1])
    fields |= {
        "event.category": ["authentication", "network"],
        "event.outcome": "success" if accepted else "failure",
        "event.action": "mail_login",
        "breach.auth.attempts": accepted or int(counts[2]),
    }


def _build_limited(match: re.Match[str]) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "event.category": ["network"],
        "event.type": ["connection", "denied"],
        "event.outcome": "failure",
        "event.action": "mail_limit_exceeded",
        "event.reason": match["act"],
    }
    _put_client(fields, match)
    return fields


def _build_screened(match: re.Match[str]) -> dict[str, Value]:
    is_refused = match["queue"] is not None
    fields: dict[str, Value] = {
        "event.category": ["email"] if is_refused else ["network"],
        "event.type": ["denied"] if is_refused else ["connection", "info"],
        "event.outcome": "failure" if is_refused else "unknown",
        "event.action": "mail_reject" if is_refused else "mail_screened",
        "event.reason": (match["act"] or match["rest"].lstrip(": ")).partition("; from=<")[0],
    }
    if is_refused:
        _put_mail(fields, match["rest"])
    _put_client(fields, match)
    return fields


def _build_queued(match: re.Match[str]) -> dict[str, Value]:
    text = match["rest"]
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": "unknown",
        "event.action": "mail_queued",
        "email.local_id": match["queue"],
    }
    _put_mail(fields, text)
    relay, status, size = _RELAY.search(text), _STATUS.search(text), _SIZE.search(text)
    if relay is not None and relay[1] != "none":
        fields["destination.domain"] = relay[1].casefold()
        ip = addresses.parse_address(relay[2] or "")
        addresses.put_endpoint(fields, "destination", ip, addresses.parse_port(relay[3] or ""))
    if status is not None:
        fields |= {
            "event.action": f"mail_{status[2].lower()}",
            "event.outcome": "success" if status[2] == "sent" else "failure",
            "event.code": status[1],
            "event.reason": status[3],
        }
    if size is not None and (length := numbers.parse_whole(size[1])) is not None:
        fields["network.bytes"] = length
    return fields
