"""Parse OpenSMTPD: sign-ins, refused commands, connections and deliveries of one session each.

Every message begins with the session's number. Only the connection names the client in all releases;
a refused sign-in names it where the release or the reporting filter does."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, mail_sign_ins

_SMTP_ACTS = (
    *(
        "connected",
        "disconnected",
        "authentication",
        "failed-command",
        "envelope",
        "message",
        "tls",
    ),
    *("bad-input", "cert-check", "reset"),
)
_MTA_ACTS = ("delivery", "connecting", "connected", "disconnected", "error", "tls", "cert-check")
_SESSION = re.compile(
    rf"(?:(?P<id>[0-9a-f]{{16}}) )?(?P<side>smtp|mta) (?P<act>{'|'.join(sorted({*_SMTP_ACTS, *_MTA_ACTS}, reverse=True))})(?: |\Z)"
)
_CLIENT = (
    r"(?P<client> address=(?:IPv6:)?(?P<ip>[0-9A-Fa-f.:\[\]]{2,60})(?: host=(?P<host>\S{1,255}))?)?"
)
_RESULT = re.compile(
    rf"user=(?P<user>.*?){_CLIENT} result=(?P<result>ok|permfail|tempfail)\Z", re.DOTALL
)
_CONNECTED = re.compile(
    r"(?:address=(?:IPv6:)?(?P<ip>[0-9A-Fa-f.:\[\]]{2,60})|address=local)(?: host=(?P<host>\S{1,255}))?"
)
_COMMAND = re.compile(
    r"(?:address=(?:IPv6:)?(?P<ip>[0-9A-Fa-f.:\[\]]{2,60}) (?:host=(?P<host>\S{1,255}) )?)?"
    r"command=\"(?P<command>.*)\" result=\"(?P<result>[0-9]{3}[^\"]{0,300})\"\Z",
    re.DOTALL,
)
_REPORTED = re.compile(
    r"(?:[\w-]{1,40}: )?failed authentication from user=(?P<user>.*)"
    r" address=(?P<ip>[0-9A-Fa-f.:\[\]]{2,60}) host=(?P<host>\S{1,255})\Z",
    re.DOTALL,
)
_ENVELOPE = re.compile(r"evpid=[0-9a-f]{16} from=<(?P<from>[^<>]*)> to=<(?P<to>[^<>]*)>")
_DELIVERY = re.compile(
    r"evpid=[0-9a-f]{16} from=<(?P<from>[^<>]*)> to=<(?P<to>[^<>]*)>.*? result=\"(?P<result>\w+)\"",
    re.DOTALL,
)
_REFUSED_CODES = ("530", "535", "550", "553", "554")
_OUTCOMES = {"ok": "success", "permfail": "failure", "tempfail": "unknown"}


def _can_parse(line: SourceLine) -> bool:
    if line.frame.app != "smtpd":
        return False
    text = line.text
    return _SESSION.match(text) is not None or _REPORTED.match(text) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    reported = _REPORTED.match(line.text)
    start = _SESSION.match(line.text)
    if line.frame.app != "smtpd" or (reported is None and start is None):
        raise UnparseableRecord(
            "no line of OpenSMTPD",
            place="opensmtpd_mail",
            remedy="Check which parser the source names.",
        )
    if start is None:
        fields = _build_reported(reported)
    else:
        fields = _build_act(start["side"], start["act"], line.text[start.end() :])
    if fields is None:
        return IgnoredLine("describes no sign-in, refusal or delivery")
    fields |= {"service.name": "opensmtpd", "network.application": "smtp"}
    mail_sign_ins.put_frame(fields, line.frame)
    is_attempt = fields["event.category"] == ["authentication"]
    session = (
        f"{line.frame.host or ''}/{start['id']}" if start and start["id"] and is_attempt else None
    )
    is_retelling = start is not None and start["act"] == "failed-command"
    return ParsedEvent(
        line.frame.time, fields, session=session, is_retelling=is_retelling and session is not None
    )


def _build_reported(match: re.Match[str] | None) -> dict[str, Value] | None:
    if match is None:
        return None
    fields = mail_sign_ins.build_sign_in("failure", "mail_login", user=match["user"])
    _put_client(fields, match)
    return fields


def _build_act(side: str, act: str, rest: str) -> dict[str, Value] | None:
    if side == "mta":
        return _build_mail(_DELIVERY.match(rest)) if act == "delivery" else None
    if act == "authentication":
        match = _RESULT.match(rest)
        if match is None:
            return None
        fields = mail_sign_ins.build_sign_in(
            _OUTCOMES[match["result"]], "mail_login", user=match["user"]
        )
        _put_client(fields, match)
        return fields
    if act == "connected":
        match = _CONNECTED.match(rest)
        fields = mail_sign_ins.build_session_event("start", "smtp_connect")
        if match is not None:
            _put_client(fields, match)
        return fields
    if act == "failed-command":
        return _build_refusal(_COMMAND.match(rest))
    return _build_mail(_ENVELOPE.match(rest)) if act == "envelope" else None


def _build_refusal(match: re.Match[str] | None) -> dict[str, Value] | None:
    """Build a refused command: one of AUTH is a refused sign-in."""
    if match is None or not match["result"].startswith(_REFUSED_CODES):
        return None
    if match["command"].upper().startswith("AUTH") or match["result"].startswith("535"):
        fields = mail_sign_ins.build_sign_in("failure", "mail_login")
    else:
        fields = {
            "event.category": ["email"],
            "event.type": ["denied"],
            "event.outcome": "failure",
            "event.action": "command-refused",
        }
    fields["event.reason"] = match["result"]
    _put_client(fields, match)
    return fields


def _build_mail(match: re.Match[str] | None) -> dict[str, Value] | None:
    if match is None:
        return None
    result = match.groupdict().get("result", "Ok")
    fields: dict[str, Value] = {
        "event.category": ["email"],
        "event.type": ["info"],
        "event.outcome": {"Ok": "success", "PermFail": "failure"}.get(result, "unknown"),
        "event.action": "message-accepted" if "result" not in match.groupdict() else "delivery",
    }
    if match["from"]:
        fields["email.from.address"] = match["from"].casefold()
    fields["email.to.address"] = [match["to"].casefold()]
    return fields


def _put_client(fields: dict[str, Value], match: re.Match[str]) -> None:
    ip = addresses.parse_address((match["ip"] or "").strip("[]"))
    addresses.put_endpoint(fields, "source", ip, None)
    host = match["host"]
    if (
        host
        and not host.startswith(("<", "["))
        and "." in host
        and addresses.parse_address(host) is None
    ):
        fields["source.domain"] = host.casefold()


_FAILED = {
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.action": "mail_login",
}
_ID = "f7a2e6aa567530c9"
PARSER = Parser(
    id="opensmtpd_mail",
    title="OpenSMTPD",
    hints=(
        *(f"smtp {act}".encode() for act in sorted({*_SMTP_ACTS, *_MTA_ACTS})),
        *(f"mta {act}".encode() for act in sorted({*_SMTP_ACTS, *_MTA_ACTS})),
        b"failed authentication from",
    ),
    claims=_can_parse,
    parse=_parse,
    references=("https://man.openbsd.org/smtpd.8",),
    examples=(
        ParserExample(
            f"Nov 22 01:06:15 mx smtpd[161]: {_ID} smtp authentication user=Jo@contoso.example"
            " result=permfail",
            _FAILED
            | {"@timestamp": "2026-11-22T01:06:15+00:00", "user.name": "jo@contoso.example"},
        ),
        ParserExample(
            f"Nov 22 01:06:15 mx smtpd[161]: {_ID} smtp authentication user=jo address=2001:DB8::7"
            " host=<unknown> result=ok",
            {"event.outcome": "success", "user.name": "jo", "source.ip": "2001:db8::7"},
        ),
        ParserExample(
            f"Nov 22 01:06:15 mx smtpd[161]: {_ID} smtp authentication user=x result=ok"
            " address=192.0.2.1 address=203.0.113.66 host=a.example result=permfail",
            _FAILED | {"source.ip": "203.0.113.66"},
        ),
        ParserExample(
            f"<22>Nov 22 01:06:15 mx smtpd[161]: {_ID} smtp failed-command address=203.0.113.66"
            ' host=a.example command="AUTH LOGIN" result="535 Authentication failed"',
            _FAILED | {"source.ip": "203.0.113.66", "event.reason": "535 Authentication failed"},
        ),
        ParserExample(
            "Nov 22 01:06:15 mx smtpd[161]: auth-reporter: failed authentication from user=jo"
            " address=203.0.113.66 host=host.fabrikam.example",
            _FAILED
            | {
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "source.domain": "host.fabrikam.example",
            },
        ),
        ParserExample(
            f"Nov 22 01:06:15 mx smtpd[161]: {_ID} smtp connected address=203.0.113.66 host=a.example",
            {"event.category": ["session"], "source.ip": "203.0.113.66"},
        ),
        ParserExample(f"Nov 22 01:06:15 mx smtpd[161]: {_ID} smtp disconnected reason=quit", None),
    ),
)
