"""Read the rule messages of ModSecurity and Coraza, and classify them by the OWASP Core Rule Set.

What a rule matched is a stranger's text and may be personal data: it is read past and never kept.
It may also imitate the fields beside it, so a field that has two different values is absent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from schemas.pipeline.event import Value
from streams.tokenizers import numbers, web_access

_FIELD = re.compile(
    r"\[(file|line|id|rev|msg|severity|ver|tag|hostname|uri|unique_id) \"((?:[^\"\\]++|\\.)*+)\"\]",
    re.DOTALL,
)
_VERDICT = re.compile(r"(Access denied|Access allowed|Access to phase allowed|Warning)\b")
_CODE = re.compile(r"Access denied with code ([1-5][0-9]{2})\b")
_SCORE = re.compile(r"Total (?:Inbound |Outbound )?Score: ?([0-9]{1,6})|blocking=([0-9]{1,6})")
_CLASS_SCORES = re.compile(r"\b(SQLI|XSS|RFI|LFI|RCE|PHPI|SESS)=([0-9]{1,6})")
_SCORE_RULES = ("949", "959", "980")
_CLASS_NAMES = {"phpi": "injection-php", "sess": "fixation"}
_CLASSES = {
    "911": "protocol",
    "912": "dos",
    "913": "reputation-scanner",
    "920": "protocol",
    "921": "protocol",
    "922": "protocol",
    "930": "lfi",
    "931": "rfi",
    "932": "rce",
    "933": "injection-php",
    "934": "injection-generic",
    "941": "xss",
    "942": "sqli",
    "943": "fixation",
    "944": "injection-java",
    "950": "disclosure",
    "951": "disclosure",
    "952": "disclosure",
    "953": "disclosure",
    "954": "disclosure",
    "958": "xss",
    "973": "xss",
}
"""Attack class by the first three digits of a rule of the Core Rule Set 3 and 4, and of version 2 where the digits mean
one class."""
_FORMER_CLASSES = (
    ("SQL_INJECTION", "sqli"),
    ("XSS", "xss"),
    ("COMMAND_INJECTION", "rce"),
    ("PHP_INJECTION", "injection-php"),
    ("REMOTE_FILE", "rfi"),
    ("/RFI", "rfi"),
    ("FILE_INJECTION", "lfi"),
    ("DIR_TRAVERSAL", "lfi"),
    ("SESSION_FIXATION", "fixation"),
    ("SECURITY_SCANNER", "reputation-scanner"),
    ("PROTOCOL_VIOLATION", "protocol"),
    ("LEAKAGE", "disclosure"),
)
"""Attack class by a part of a tag of the Core Rule Set 2."""
_UNSPECIFIC = frozenset({"protocol", "generic", "disclosure", "reputation-scanner"})
_SEVERITIES = {
    name: level
    for level, name in enumerate(
        ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
    )
}


class RuleMatch(NamedTuple):
    """One message: a rule that matched. None: the message does not say it, or says two things."""

    is_denied: bool
    status: str | None
    rule: str | None
    text: str | None
    severity: int | None
    version: str | None
    attack: str | None
    score: int | None
    host: str | None
    uri: str | None
    transaction: str | None


def read_message(text: str) -> RuleMatch:
    """Read a message from `Access denied …` or `Warning. …` on."""
    values: dict[str, list[str]] = {}
    for key, value in _FIELD.findall(text[:32_768]):
        values.setdefault(key, []).append(value)
    rule = _get_only(values, "id")
    message = _get_only(values, "msg")
    tags = values.get("tag", []) if rule is not None else []
    verdict, code = _VERDICT.search(text), _CODE.search(text)
    is_denied = verdict is not None and verdict[1] == "Access denied"
    return RuleMatch(
        is_denied=is_denied,
        status=code[1] if is_denied and code is not None else None,
        rule=rule,
        text=message,
        severity=parse_severity(_get_only(values, "severity") or ""),
        version=_get_only(values, "ver"),
        attack=choose_class(rule or "", tags, message or ""),
        score=parse_score(message or ""),
        host=_get_only(values, "hostname"),
        uri=_get_only(values, "uri"),
        transaction=_get_only(values, "unique_id"),
    )


def _get_only(values: dict[str, list[str]], key: str) -> str | None:
    """Return a field's value if it has one only, and is not empty."""
    distinct = set(values.get(key, ()))
    return (next(iter(distinct)) or None) if len(distinct) == 1 else None


def parse_severity(text: str) -> int | None:
    """Parse a severity as number or word: 0 emergency to 7 debug."""
    number = numbers.parse_whole(text)
    return _SEVERITIES.get(text.casefold()) if number is None else number


def parse_score(message: str) -> int | None:
    """Parse the anomaly score in the message of a rule that evaluates it."""
    match = _SCORE.search(message)
    return None if match is None else int(match[1] or match[2])


def choose_class(rule: str, tags: Iterable[str], message: str) -> str | None:
    """Choose the attack class: by the tag `attack-…`, the rule's number, or the highest score."""
    if rule.startswith(_SCORE_RULES):
        scores = [(int(score), name.lower()) for name, score in _CLASS_SCORES.findall(message)]
        highest = max(scores, default=(0, ""))
        return _CLASS_NAMES.get(highest[1], highest[1]) if highest[0] else None
    for tag in tags:
        if tag.startswith("attack-"):
            return tag[7:71]
        former = next((name for part, name in _FORMER_CLASSES if part in tag), None)
        if former is not None:
            return former
    return _CLASSES.get(rule[:3]) if len(rule) == 6 else None


def put_matches(fields: dict[str, Value], matches: list[RuleMatch]) -> None:
    """Set rule, attack class, score and severity of a transaction's messages.

    The rule is the first that says what the attack is; the rules that add up scores come last."""
    attacks = [match.attack for match in matches if match.attack is not None]
    specific = [attack for attack in attacks if attack not in _UNSPECIFIC]
    attack = next(iter(specific or attacks), None)
    main = next((each for each in matches if each.attack == attack and attack), None)
    main = main or next((each for each in matches if each.rule is not None), None)
    if main is not None:
        described = {"rule.id": main.rule, "rule.name": main.text, "rule.version": main.version}
        fields |= {name: value for name, value in described.items() if value is not None}
    if attack is not None:
        fields["breach.waf.attack"] = fields["rule.category"] = attack
    scores = [match.score for match in matches if match.score is not None]
    if scores:
        fields["breach.waf.anomaly_score"] = max(scores)
    severities = [match.severity for match in matches if match.severity is not None]
    if severities:
        fields["event.severity"] = min(severities)


def build_fields(product: str, *, is_denied: bool) -> dict[str, Value]:
    """Build the fields that any message of an application firewall has."""
    return {
        "event.kind": "alert",
        "event.category": ["web", "intrusion_detection"],
        "event.type": ["access", "denied"] if is_denied else ["access", "info"],
        "event.outcome": "failure" if is_denied else "unknown",
        "event.action": "request-denied" if is_denied else "rule-matched",
        "observer.type": "waf",
        "observer.product": product,
    }


def put_place(fields: dict[str, Value], match: RuleMatch) -> None:
    """Set host and target of a message, where no fuller request stands beside it."""
    if match.host and "url.domain" not in fields:
        web_access.put_host(fields, match.host)
    if match.uri and "url.original" not in fields:
        web_access.put_target(fields, match.uri)
    if match.status is not None:
        web_access.put_status(fields, match.status)


def build_session(transaction: str) -> str:
    """Build the key that all messages of one transaction share."""
    return f"modsecurity:{transaction}"
