"""Find out from a device's own words which kind of act a record of a generic format describes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.pipeline.event import Value

OUTCOMES = {
    **dict.fromkeys(("success", "successful", "succeeded", "ok", "passed", "true", "1"), "success"),
    **dict.fromkeys(("accept", "accepted", "granted", "allow", "allowed", "/success"), "success"),
    **dict.fromkeys(("failure", "failed", "fail", "error", "denied", "false", "0"), "failure"),
    **dict.fromkeys(("reject", "rejected", "deny", "refused", "unsuccessful"), "failure"),
    **dict.fromkeys(("/failure", "block", "blocked"), "failure"),
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
    r"|auth(?=[- ](?:success|succeed|ok|fail|den|reject|error))|authn|radius auth"
    r"|mfa(?= (?:fail|success|succe|den|reject|challenge|push|verif|timeout))|single sign[- ]?on|sso(?= ?\Z|[ -]log)"
    r"|login_\w{1,20}|\w{1,20}_login)\b",
    re.IGNORECASE,
)
_TOLD_SIGN_IN = re.compile(
    r"\b(?:log[- ]?(?:in|on)|sign[- ]?in|authentication)s? (?:attempt )?(?:has |was )?"
    r"(?:fail|success|succeed|denied|reject|refus)\w{0,6}\b",
    re.IGNORECASE,
)
"""Words of a sign-in, where two addresses might be those of a connection."""
_SIGN_OUT = re.compile(
    r"\b(?:log[- ]?(?:out|off)|logged[- ](?:out|off)|sign(?:ed)?[- ]?out)\b", re.IGNORECASE
)
_BOTH_WAYS = re.compile(
    r"\b(?:log|sign)[- ]?(?:in|on) ?(?:/|and|or) ?(?:log|sign)?[- ]?(?:out|off)\b", re.IGNORECASE
)
"""A heading over sign-ins and sign-outs."""
_PASSWORD_ACT = re.compile(
    r"\bpassword (?:display|view|copi|cop[yi]|retriev|reveal|show|chang|reset|set\b|updat|export|access|rotat)"
    r"|\b(?:display|view|copy|retriev|reveal|show|chang|reset|set|updat|export|rotat)\w{0,4}"
    r" (?:\w{1,10} )?password\b",
    re.IGNORECASE,
)
"""What is done to a password that is no sign-in with it."""
_ACCOUNT = re.compile(
    r"\b(?:lock(?:ed)?[- ]?out|account lock(?:ed)?|(?:user|account|group|member|permission|privilege|user role|admin role)s?"
    r" (?:was |were |has been )?(?:add|creat|delet|remov|disabl|enabl|modif|chang|updat|grant|revok|unlock|lock)\w{0,4}"
    r"|(?:add|creat|delet|remov|disabl|enabl|modif|chang|updat|grant|revok|unlock|lock)\w{0,4} (?:the |an? |new )?"
    r"(?:user|account|group|member|permission|privilege)s?)\b",
    re.IGNORECASE,
)
_ON_FILES = re.compile(r"\b(?:files?|folders?|director(?:y|ies)) permissions?\b", re.IGNORECASE)
"""Rights that a file has, not an account."""
_SETTING = re.compile(
    r"\b(?:settings?|configurations?|config|rules?|polic(?:y|ies)) (?:was |were |has been )?"
    r"(?:add|creat|delet|remov|modif|chang|updat)\w{0,4}|\bsettings? event\b"
    r"|\b(?:add|creat|delet|remov|modif|chang|updat)\w{0,4} (?:the )?(?:settings?|configurations?|config|rules?|polic(?:y|ies))\b",
    re.IGNORECASE,
)
_KINDS = (("creation", "add", "creat", "grant"), ("deletion", "delet", "remov", "revok"))
_FAILED = re.compile(
    r"\b(?:fail\w{0,5}|invalid|incorrect|wrong|bad|unsuccessful|locked|denied|reject\w{0,3}|expired|refused?)\b",
    re.IGNORECASE,
)
_SUCCEEDED = re.compile(
    r"\b(?:success\w{0,5}|succeeded|(?:logged|signed)[- ](?:in|on)|accept(?:ed)?|granted|passed)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:(?:auth\w{0,12}|log[- ]?[io]n|sign[- ]?in)[- ](?:fail\w{0,5}|den\w{1,4}|reject\w{0,3}|error)"
    r"|(?:invalid|incorrect|wrong|bad|expired|unknown)[- ](?:user|pass|cred|log|token|otp|account))",
    re.IGNORECASE,
)
"""How a device's reason for a refused sign-in begins."""
_MALWARE = re.compile(
    r"\b(?:virus|malware|trojan|ransomware|spyware|worm|malicious file)\b", re.IGNORECASE
)
_INTRUSION = re.compile(
    r"\b(?:ips|ids|intrusion|threat|exploit|attack|scan|botnet|sql ?injection|xss|brute)\b",
    re.IGNORECASE,
)
_CONNECTION = re.compile(
    r"\b(?:network|connections?|firewall|traffic|packets?|port scan)\b", re.IGNORECASE
)
_PROCESS = re.compile(
    r"\bprocess (?:was |has been )?(?:creat|start|execut|launch)\w{0,4}", re.IGNORECASE
)
_MAIL = re.compile(
    r"\b(?:e-?mails?|mailbox|messages? (?:block|quarantin|deliver)\w{0,4})\b", re.IGNORECASE
)
_BY_WORDS = (
    (_MALWARE, "malware", "info"),
    (_INTRUSION, "intrusion_detection", "info"),
    (_PROCESS, "process", "start"),
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where `userAuthenticate` and `SQLInjection` are divided."""
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


def divide_words(text: str) -> str:
    """Divide a name that a program gives, `userAuthenticate` or `login_failed`, to words."""
    return _HUMP.sub(" ", text[:200]).replace("_", " ").replace(".", " ")


def choose_kind(
    fields: Mapping[str, Value],
    verdict: str,
    outcome: str,
    words: Iterable[str],
    reason: str = "",
    names: Iterable[str] = (),
) -> GenericKind:
    """Choose the kind of act from its verdict (`act=blocked`), its outcome (`outcome=failure`), and
    the device's own words for the message, never those of a stranger. The reason only says that a
    sign-in failed. `names`: ids that a program gives the act."""
    heading = " ".join(word for word in (verdict, outcome, *words) if word).replace("_", " ")
    action = re.sub(r"[^a-z0-9]++", "-", (verdict or heading).lower()).strip("-")[:80] or "unknown"
    text = " ".join((heading, *map(divide_words, (verdict, *names))))
    known = OUTCOMES.get(outcome.strip().lower())
    has_ends = "source.ip" in fields and "destination.ip" in fields
    if _BOTH_WAYS.search(text):
        return GenericKind(["authentication"], ["info"], known or "unknown", action)
    if _PASSWORD_ACT.search(text):
        return GenericKind(["iam"], ["user", "change"], known or _read_success(text), action)
    if _SIGN_OUT.search(text):
        return GenericKind(["authentication"], ["end"], known or "success", action)
    is_told = _TOLD_SIGN_IN.search(text) is not None and _INTRUSION.search(text) is None
    is_connection = has_ends and "user.name" not in fields and not is_told
    if _SIGN_IN.search(text) and not is_connection:
        if known is None:
            known = "failure" if _FAILED.search(text) or _REFUSAL.match(reason) else None
        return GenericKind(["authentication"], ["start"], known or _read_success(text), action)
    return _choose_by_change(text, known, action) or _choose_by_fields(
        fields, verdict, text, known, action
    )


def _read_success(text: str) -> str:
    return "success" if _SUCCEEDED.search(text) else "unknown"


def _choose_by_change(text: str, known: str | None, action: str) -> GenericKind | None:
    """Choose that of a change of an account, or of a setting; None: the words name none."""
    for pattern, category, leading in (
        (_ACCOUNT, "iam", ["user"]),
        (_SETTING, "configuration", []),
    ):
        match = pattern.search(text)
        if match is not None:
            change = match[0].casefold()
            kinds = (kind for kind, *begins in _KINDS if any(each in change for each in begins))
            outcome = known or ("failure" if _FAILED.search(text[match.end() :]) else "unknown")
            if category == "iam" and _ON_FILES.search(text):
                return GenericKind(["file"], ["change"], outcome, action)
            return GenericKind([category], [*leading, next(kinds, "change")], outcome, action)
    return None


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
    for words, category, kind in _BY_WORDS:
        if words.search(text):
            more = ["web"] if "http.request.method" in fields else []
            return GenericKind([category, *more], types or [kind], outcome, action)
    for names, category, leading in _BY_FIELDS:
        if all(name in fields for name in names):
            return GenericKind([category], [*leading, *types] or ["info"], outcome, action)
    for words, category in ((_MAIL, "email"), (_CONNECTION, "network")):
        if words.search(text):
            return GenericKind([category], types or ["info"], outcome, action)
    return GenericKind(["host"], types or ["info"], outcome, action)


def put_kind(fields: dict[str, Value], kind: GenericKind) -> None:
    """Set what the fields do not say themselves."""
    fields.setdefault("event.category", kind.category)
    fields.setdefault("event.type", kind.types)
    fields.setdefault("event.action", kind.action)
    outcome = fields.get("event.outcome")
    known = OUTCOMES.get(outcome.lower()) if isinstance(outcome, str) else None
    fields["event.outcome"] = known or kind.outcome
