"""Parse what policy services beside Postfix decide of a mail: Postgrey and policyd-spf.

A mail's sender and recipient are its own words. They stand behind the client, so the first value of
each name counts."""

from __future__ import annotations

import re

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, mail_sign_ins

_APP = re.compile(r"postgrey|policyd-spf|(?:postfix/)?policy-spf")
_GREYLIST = re.compile(
    r"(?:[0-9A-Za-z]{5,20}: )?action=(?P<action>\w{1,20}), reason=(?P<reason>[^,]{1,200})(?:, delay=[0-9]+)?"
    r", client_name=(?P<host>[^,\s]{1,255}), client_address=(?P<ip>[0-9A-Fa-f.:]{2,45})(?:/[0-9]+)?"
    r"(?:, sender=(?P<sender>[^,\s]*))?(?:, recipient=(?P<recipient>[^,\s]*))?"
)
_RESULT = re.compile(r"Received-SPF: (\w{1,20})")
_PAIR = re.compile(r"\b(client-ip|helo|envelope-from)=([^;\s<>]+)")
_REJECTED = re.compile(r"55[0-9] |(?:Action: )?(?:reject|Reject)\b")


def _can_parse(line: SourceLine) -> bool:
    return line.frame.app is not None and _APP.fullmatch(line.frame.app) is not None


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if line.frame.app is None or not _can_parse(line):
        raise UnparseableRecord(
            "no line of Postgrey or policyd-spf",
            place="postfix_policy",
            remedy="Check which parser the source names.",
        )
    fields = _build_greylist(line.text) or _build_sender_policy(line.text)
    if fields is None:
        return IgnoredLine("describes the policy service itself")
    fields |= {"service.name": line.frame.app, "network.application": "smtp"}
    mail_sign_ins.put_frame(fields, line.frame)
    return ParsedEvent(line.frame.time, fields)


def _build_fields(action: str, *, is_refused: bool) -> dict[str, Value]:
    return {
        "event.category": ["email"],
        "event.type": ["denied"] if is_refused else ["info"],
        "event.outcome": "failure" if is_refused else "success",
        "event.action": f"mail_{action.lower()}",
    }


def _build_greylist(text: str) -> dict[str, Value] | None:
    match = _GREYLIST.match(text)
    if match is None:
        return None
    fields = _build_fields(match["action"], is_refused=match["action"] in ("greylist", "reject"))
    fields["event.reason"] = match["reason"]
    addresses.put_endpoint(fields, "source", addresses.parse_address(match["ip"]), None)
    if match["host"] != "unknown":
        fields["source.domain"] = match["host"].casefold()
    if match["sender"]:
        fields["email.from.address"] = match["sender"].casefold()
    if match["recipient"]:
        fields["email.to.address"] = [match["recipient"].casefold()]
    return fields


def _build_sender_policy(text: str) -> dict[str, Value] | None:
    pairs: dict[str, str] = {}
    for name, value in _PAIR.findall(text):
        pairs.setdefault(name, value)
    if "client-ip" not in pairs:
        return None
    fields = _build_fields("sender_policy", is_refused=_REJECTED.match(text) is not None)
    result = _RESULT.search(text)
    if result is not None:
        fields["event.reason"] = f"SPF {result[1].lower()}"
    addresses.put_endpoint(fields, "source", addresses.parse_address(pairs["client-ip"]), None)
    for name, key in (("helo", "source.domain"), ("envelope-from", "email.from.address")):
        if pairs.get(name):
            fields[key] = pairs[name].casefold()
    return fields


PARSER = Parser(
    id="postfix_policy",
    title="Policy services of Postfix (Postgrey, policyd-spf)",
    hints=(b"postgrey", b"policyd-spf", b"policy-spf"),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://www.postfix.org/SMTPD_POLICY_README.html",
        "https://www.rfc-editor.org/rfc/rfc7208#section-9.1",
    ),
    examples=(
        ParserExample(
            "Nov 22 01:06:15 mail postgrey[77]: action=greylist, reason=new, client_name=host.example,"
            " client_address=203.0.113.66/32, sender=jo@b.example, recipient=x@contoso.example",
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["email"],
                "event.outcome": "failure",
                "event.action": "mail_greylist",
                "event.reason": "new",
                "source.ip": "203.0.113.66",
                "source.domain": "host.example",
                "email.from.address": "jo@b.example",
                "email.to.address": ["x@contoso.example"],
            },
        ),
        ParserExample(
            "Nov 22 01:06:15 mail postgrey[77]: 4F2A61C0B3: action=pass, reason=triplet found,"
            " delay=2400, client_name=unknown, client_address=2001:DB8::7,"
            " sender=jo@b.example, recipient=x@contoso.example",
            {"event.outcome": "success", "source.ip": "2001:db8::7", "source.domain": None},
        ),
        ParserExample(
            "Nov 22 01:06:15 mail policyd-spf[77]: prepend Received-SPF: Pass (mailfrom)"
            " identity=mailfrom; client-ip=203.0.113.66; helo=host.example;"
            " envelope-from=jo@b.example; receiver=x@contoso.example",
            {
                "event.outcome": "success",
                "event.reason": "SPF pass",
                "source.ip": "203.0.113.66",
                "email.from.address": "jo@b.example",
            },
        ),
        ParserExample(
            "<20>1 2026-11-22T01:06:15Z mail policyd-spf 77 - - 550 5.7.23 Message rejected due to:"
            " SPF fail. Received-SPF: Fail (mailfrom) client-ip=203.0.113.66;"
            " envelope-from=client-ip=192.0.2.9; helo=x",
            {"event.outcome": "failure", "source.ip": "203.0.113.66"},
        ),
        ParserExample("Nov 22 01:06:15 mail postgrey[77]: cleaning up old logs...", None),
    ),
)
