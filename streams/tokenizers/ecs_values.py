"""Put texts of generic formats under their ECS names, as numbers, addresses and names; and find out
which kind of act they describe."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, numbers, people

_NUMBER_ENDS = (
    *(".bytes", ".packets", ".size", ".status_code", ".severity", ".pid", ".duration"),
    *(".iana_number", ".attempts"),
)
_LIST_NAMES = frozenset({"event.category", "event.type", "tags"})
_LOWER_CASE = frozenset(
    {"network.protocol", "network.application", "network.direction", "user.target.name"}
)
_UNSAID = frozenset({"", "-", "N/A", "n/a", "null", "none", "None", "(null)", "unknown", "Unknown"})
_TRANSPORTS = {"1": "icmp", "6": "tcp", "17": "udp", "47": "gre", "50": "esp", "58": "ipv6-icmp"}
OUTCOMES = {
    **dict.fromkeys(("success", "successful", "succeeded", "ok", "passed", "true", "1"), "success"),
    **dict.fromkeys(("failure", "failed", "fail", "error", "denied", "false", "0"), "failure"),
}
_DENIED = re.compile(
    r"\b(?:block(?:ed|ing)?|den(?:y|ied)|drop(?:ped)?|reject(?:ed)?|prevent(?:ed)?|quarantined?"
    r"|refused?|discard(?:ed)?|reset|terminated)\b",
    re.IGNORECASE,
)
_NOT_DENIED = re.compile(
    r"\bnot[- ](?:block|den[iy]|drop|reject|prevent|quarantin|refus|discard|reset|terminat)[a-z]{0,6}\b",
    re.IGNORECASE,
)
_NOT_ALLOWED = re.compile(
    r"\bnot[- ](?:allow|permit|accept|pass|forward)[a-z]{0,6}\b", re.IGNORECASE
)
_ALLOWED = re.compile(
    r"\b(?:allow(?:ed)?|permit(?:ted)?|accept(?:ed)?|pass(?:ed)?|forward(?:ed)?)\b", re.IGNORECASE
)
_SIGN_IN = re.compile(
    r"\b(?:log[- ]?(?:in|on)s?|logged[- ](?:in|on)|sign(?:ed)?[- ]?in|authenticat\w{1,6}|password"
    r"|auth(?=[- ](?:success|succeed|ok|fail|den|reject|error))"
    r"|login_\w{1,20}|\w{1,20}_login)\b",
    re.IGNORECASE,
)
_SIGN_OUT = re.compile(
    r"\b(?:log[- ]?(?:out|off)|logged[- ](?:out|off)|sign(?:ed)?[- ]?out)\b", re.IGNORECASE
)
_FAILED = re.compile(
    r"\b(?:fail\w{0,5}|invalid|incorrect|wrong|bad|unsuccessful|locked|denied|reject\w{0,3}|expired|refused?)\b",
    re.IGNORECASE,
)
_SUCCEEDED = re.compile(
    r"\b(?:success\w{0,5}|succeeded|(?:logged|signed)[- ](?:in|on)|accepted|granted|passed)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:(?:auth\w{0,12}|log[- ]?[io]n|sign[- ]?in)[- ](?:fail\w{0,5}|den\w{1,4}|reject\w{0,3}|error)"
    r"|(?:invalid|incorrect|wrong|bad|expired|unknown)[- ](?:user|pass|cred|log|token|otp|account))",
    re.IGNORECASE,
)
"""How a device's reason for a refused sign-in begins."""
_MALWARE = re.compile(r"\b(?:virus|malware|trojan|ransomware|spyware|worm)\b", re.IGNORECASE)
_INTRUSION = re.compile(
    r"\b(?:ips|ids|intrusion|threat|exploit|attack|scan|botnet|sql injection|xss|brute)\b",
    re.IGNORECASE,
)


_BY_FIELDS: tuple[tuple[tuple[str, ...], str, list[str]], ...] = (
    (("url.original",), "web", ["access"]),
    (("http.request.method",), "web", ["access"]),
    (("source.ip", "destination.ip"), "network", ["connection"]),
    (("file.path",), "file", []),
    (("file.name",), "file", []),
    (("source.ip",), "network", []),
    (("destination.ip",), "network", []),
)
"""Fields, and the category and first types of the act that has them."""


class GenericKind(NamedTuple):
    """The four fields that every event has."""

    category: list[str]
    types: list[str]
    outcome: str
    action: str


def put_value(fields: dict[str, Value], name: str, text: str) -> None:
    """Set one field, if the text says something and has the field's type; the first text stays."""
    text = text.strip()
    if text in _UNSAID or name in fields or _is_placeholder(text):
        return
    if name in {"user.name", "user.email"}:
        _put_account(fields, text)
    elif name.endswith(".ip"):
        ip, port = addresses.parse_endpoint(text)
        if ip is not None:
            fields[name] = ip
        if ip is not None and port is not None:
            fields.setdefault(f"{name[:-2]}port", port)
    elif (value := _convert(name, text)) is not None:
        fields[name] = value


def _is_placeholder(text: str) -> bool:
    """Whether the device has not replaced a variable of its template: `${Alert.username}`."""
    return text.startswith("${") and text.endswith("}")


def _put_account(fields: dict[str, Value], text: str) -> None:
    """Set the user; of a domain, a backslash and a name both parts."""
    domain, _, account = text.replace("\\\\", "\\").partition("\\")
    if not domain or not account or "\\" in account:
        people.put_user(fields, text)
        return
    people.put_user(fields, account)
    if "user.name" in fields:
        fields["user.domain"] = domain.casefold()


def put_addresses_of_names(fields: dict[str, Value]) -> None:
    """Set the address of an end whose name is an address."""
    for end in ("source", "destination"):
        name = fields.get(f"{end}.domain")
        if not isinstance(name, str) or f"{end}.ip" in fields:
            continue
        ip, _ = addresses.parse_endpoint(name)
        if ip is not None:
            fields[f"{end}.ip"] = ip
            del fields[f"{end}.domain"]


def _convert(name: str, text: str) -> Value:
    """Convert to the type of the field; None: the text is not of that type."""
    if name.endswith(_NUMBER_ENDS):
        return numbers.parse_whole(text)
    if name == "network.transport":
        return _TRANSPORTS.get(text, text.lower())
    if name in _LIST_NAMES:
        return [text.lower()]
    kind = name.rpartition(".")[2]
    if kind == "port":
        return addresses.parse_port(text)
    if kind == "mac":
        return text.upper().replace(":", "-")
    return text.lower() if name in _LOWER_CASE else text


def put_values(
    fields: dict[str, Value], texts: Mapping[str, str], names: Mapping[str, str]
) -> None:
    """Set the fields whose names `names` gives by key."""
    for key, name in names.items():
        if key in texts:
            put_value(fields, name, texts[key])


def put_total_bytes(fields: dict[str, Value]) -> None:
    """Set `network.bytes` to the sum of both ways, if both are known."""
    if "source.bytes" in fields and "destination.bytes" in fields:
        fields["network.bytes"] = fields["source.bytes"] + fields["destination.bytes"]


def choose_kind(
    fields: Mapping[str, Value], verdict: str, outcome: str, words: Iterable[str], reason: str = ""
) -> GenericKind:
    """Choose the kind of act from its verdict (`act=blocked`), its outcome (`outcome=failure`), and
    the device's own words for the message, never those of a stranger. The reason only says that a
    sign-in failed."""
    text = " ".join(word for word in (verdict, outcome, *words) if word).replace("_", " ")
    action = re.sub(r"[^a-z0-9]++", "-", (verdict or text).lower()).strip("-")[:80] or "unknown"
    known = OUTCOMES.get(outcome.strip().lower())
    has_ends = "source.ip" in fields and "destination.ip" in fields
    if _SIGN_OUT.search(text):
        return GenericKind(["authentication"], ["end"], known or "success", action)
    if _SIGN_IN.search(text) and not (has_ends and "user.name" not in fields):
        if known is None:
            known = "failure" if _FAILED.search(text) or _REFUSAL.match(reason) else None
        if known is None:
            known = "success" if _SUCCEEDED.search(text) else "unknown"
        return GenericKind(["authentication"], ["start"], known, action)
    return _choose_by_fields(fields, verdict, text, known, action)


def _read_verdict(text: str) -> tuple[bool, bool]:
    """Return whether the text denies, and whether it allows; `not blocked` allows."""
    text = _NOT_ALLOWED.sub("denied", _NOT_DENIED.sub("allowed", text))
    return _DENIED.search(text) is not None, _ALLOWED.search(text) is not None


def _choose_by_fields(
    fields: Mapping[str, Value], verdict: str, text: str, known: str | None, action: str
) -> GenericKind:
    denied, allowed = _read_verdict(verdict.replace("_", " "))
    if not denied and not allowed:
        denied, allowed = _read_verdict(text)
    types = ["denied"] if denied else ["allowed"] if allowed else []
    outcome = known or ("failure" if denied else "success" if allowed else "unknown")
    for words, category in ((_MALWARE, "malware"), (_INTRUSION, "intrusion_detection")):
        if words.search(text):
            return GenericKind([category], types or ["info"], outcome, action)
    for names, category, leading in _BY_FIELDS:
        if all(name in fields for name in names):
            return GenericKind([category], [*leading, *types] or ["info"], outcome, action)
    return GenericKind(["host"], types or ["info"], outcome, action)


def put_kind(fields: dict[str, Value], kind: GenericKind) -> None:
    """Set what the fields do not say themselves."""
    fields.setdefault("event.category", kind.category)
    fields.setdefault("event.type", kind.types)
    fields.setdefault("event.action", kind.action)
    outcome = fields.get("event.outcome")
    known = OUTCOMES.get(outcome.lower()) if isinstance(outcome, str) else None
    fields["event.outcome"] = known or kind.outcome
