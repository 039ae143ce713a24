"""Choose what a line of Fortinet is about: traffic, a sign-in, a VPN session, an attack, a change."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, people

_DENYING = frozenset(
    [
        "deny",
        "denied",
        "block",
        "blocked",
        "blocked-ip",
        "reset",
        "reset_client",
        "reset_server",
        "drop",
        "dropped",
        "drop_session",
        "clear_session",
        "quarantine",
        "reject",
        "rejected",
        "exempt-hash",
        "ban",
        "ban-ip",
        "alert_deny",
        "period_block",
        "block-exempted",
        "ssl-login-fail",
    ]
)
_PASSING = frozenset(
    [
        "accept",
        "close",
        "pass",
        "passthrough",
        "permit",
        "permitted",
        "allow",
        "allowed",
        "start",
        "timeout",
        "client-rst",
        "server-rst",
        "dns",
        "ip-conn",
        "log-only",
        "monitored",
        "detected",
        "exempt",
        "perf",
    ]
)
_SUBJECTS: dict[str, list[str]] = {
    "ips": ["network", "intrusion_detection"],
    "anomaly": ["network", "intrusion_detection"],
    "waf": ["web", "intrusion_detection"],
    "attack": ["web", "intrusion_detection"],
    "virus": ["network", "malware"],
    "webfilter": ["network", "web"],
    "emailfilter": ["network", "email"],
    "spamfilter": ["network", "email"],
    "file-filter": ["network", "file"],
    "dlp": ["network", "file"],
    "icap": ["network", "web"],
}
_INSPECTIONS = frozenset(
    [
        "utm",
        "attack",
        "virus",
        "spam",
        "dns",
        "anomaly",
        "webfilter",
        "ips",
        "app-ctrl",
        "emailfilter",
        "dlp",
        "voip",
        "waf",
        "content",
    ]
)
"""Types of inspections: `utm`, or its subtype in the versions before it and on sibling devices."""
_SIGN_INS = frozenset(
    ["login", "authentication", "auth-logon", "fsso-logon", "ssl-login-fail", "ssl-web-pass"]
)
_SIGN_OUTS = frozenset(["logout", "auth-logout", "fsso-logoff", "ssl-web-close", "ssl-web-timeout"])
_FAILING = frozenset({"ssl-login-fail", "ssl-exit-fail", "ssl-exit-error"})
_SUCCEEDING = frozenset({"auth-logon", "fsso-logon", "ssl-web-pass"})
_UPS = frozenset(["tunnel-up", "phase2-up", "ssl-new-con"])
_DOWNS = frozenset(
    ["tunnel-down", "phase2-down", "ssl-exit-fail", "ssl-exit-error", "ssl-con-close"]
)
_CHANGES = frozenset(["add", "edit", "delete", "move", "clone", "rename", "set"])
_GOOD = frozenset(
    ["success", "succeeded", "ok", "logon", "up", "accepted", "successful", "pass", "passed"]
)
_BAD = re.compile(
    r"fail|error|denied|negotiate_error|invalid|lockout|refused|rejected", re.IGNORECASE
)
_BAD_WORDS = re.compile(
    r"\b(?:fail(?:ed|ure)?|denied|invalid|lockout|locked|rejected)\b", re.IGNORECASE
)
_GOOD_WORDS = re.compile(
    r"\b(?:success(?:ful|fully)?|succeeded|accepted|logged in)\b", re.IGNORECASE
)
_FROM = re.compile(r"(?:\w+|JSON|GUI|https?|ssh|telnet|jsconsole)\(\[?([0-9A-Fa-f.:]+)\]?\)")
_SSH = re.compile(
    r"Login from ssh: \w+ for (.*) from ([0-9A-Fa-f.:]+) port ([0-9]{1,5})\Z", re.DOTALL
)
_LOG_IN_WORDS = re.compile(r"log(?:ged)?[ /]?in|login|authenticat", re.IGNORECASE)
_LOG_OUT_WORDS = re.compile(r"log(?:ged)?[ /]?(?:out|off)", re.IGNORECASE)


def build_act(pairs: Mapping[str, str]) -> dict[str, Value]:
    """Build category, type, outcome and action."""
    kind = pairs.get("type", "").casefold()
    action = pairs.get("action", "").casefold()
    if kind == "traffic" or (kind == "ztna" and action):
        category, types, outcome = _choose_traffic(pairs, action)
    elif kind in _INSPECTIONS:
        category, types, outcome = _choose_inspection(pairs, action, kind)
    else:
        category, types, outcome = _choose_event(pairs, action)
    name = pairs.get("eventtype") if kind == "utm" else pairs.get("action")
    if category == ["authentication"] and not pairs.get("action"):
        name = "logout" if types == ["end"] else "login"
    name = name or pairs.get("action") or pairs.get("logdesc") or pairs.get("subtype") or kind
    return {
        "event.category": category,
        "event.type": types,
        "event.outcome": outcome,
        "event.action": name or "device-message",
        "observer.vendor": "Fortinet",
        "observer.type": "firewall",
    }


_Act = tuple[list[str], list[str], str]


def _choose_traffic(pairs: Mapping[str, str], action: str) -> _Act:
    verdict = action or pairs.get("status", "").casefold()  # `status` before FortiOS 5
    denied = verdict in _DENYING or pairs.get("utmaction") in {"block", "blocked", "reset"}
    types = ["connection", "start" if action == "start" else "end"]
    if not verdict:
        return ["network"], [*types, "info"], "unknown"
    allowance, outcome = ("denied", "failure") if denied else ("allowed", "success")
    return ["network"], [*types, allowance], outcome


def _choose_inspection(pairs: Mapping[str, str], action: str, kind: str) -> _Act:
    subject = pairs.get("subtype", "") if kind == "utm" else kind
    category = _SUBJECTS.get(subject, ["network"]).copy()
    action = action or pairs.get("status", "").casefold()
    if action in _DENYING:
        return category, ["denied"], "failure"
    if action in _PASSING:
        return category, ["allowed"], "success"
    return category, ["info"], "unknown"


def _choose_event(pairs: Mapping[str, str], action: str) -> _Act:
    subtype, outcome = pairs.get("subtype", "").casefold(), _choose_outcome(pairs, action)
    words = f"{pairs.get('logdesc', '')} {pairs.get('desc', '')}"
    is_about_login = _LOG_IN_WORDS.search(words) is not None
    if action in _SIGN_OUTS or (
        not action and "login/logout" not in words and _LOG_OUT_WORDS.search(words)
    ):
        return ["authentication"], ["end"], "success" if outcome == "unknown" else outcome
    if action in _SIGN_INS or (is_about_login and subtype not in {"vpn", "wireless"}):
        return ["authentication"], ["start"], outcome
    if subtype == "vpn":
        return _choose_tunnel(pairs, action, outcome)
    if "cfgpath" in pairs or (action in _CHANGES and "ui" in pairs):
        return ["configuration"], ["change"], "success" if outcome == "unknown" else outcome
    if subtype in {"user", "authentication"}:
        return ["authentication"], ["info"], outcome
    return (["network"] if "srcip" in pairs else ["host"]), ["info"], outcome


def _choose_tunnel(pairs: Mapping[str, str], action: str, outcome: str) -> _Act:
    if action in _UPS:
        began = action != "ssl-new-con"
        return (
            ["network", "session"],
            ["connection", "start"],
            "success" if began and outcome == "unknown" else outcome,
        )
    if action in _DOWNS:
        return ["network", "session"], ["connection", "end"], outcome
    if outcome == "failure" and "login" in pairs.get("logdesc", "").lower():
        return ["authentication", "network"], ["start"], outcome
    return ["network"], ["connection", "info"], outcome


def _choose_outcome(pairs: Mapping[str, str], action: str) -> str:
    for key in ("status", "result", "authmsg", "outcome"):
        verdict = pairs.get(key, "").casefold()
        if verdict in _GOOD:
            return "success"
        if verdict and _BAD.search(verdict):
            return "failure"
    if action in _FAILING:
        return "failure"
    return "success" if action in _SUCCEEDING else _read_outcome(pairs)


def _read_outcome(pairs: Mapping[str, str]) -> str:
    """Read the outcome from the description that the vendor wrote for the kind of event."""
    words = f"{pairs.get('logdesc', '')} {pairs.get('desc', '')}"
    if _BAD_WORDS.search(words):
        return "failure"
    return "success" if _GOOD_WORDS.search(words) else "unknown"


def put_words(fields: dict[str, Value], pairs: Mapping[str, str]) -> None:
    """Set the client that only words name (`ui="GUI(192.0.2.1)"`), the message and the reason."""
    if "source.ip" not in fields:
        for key in ("ui", "userfrom"):
            place = _FROM.match(pairs.get(key, ""))
            ip = addresses.parse_address(place[1]) if place is not None else None
            if ip is not None:
                fields["source.ip"] = ip
                break
    message = pairs.get("msg", "")
    shell = _SSH.match(message)
    if shell is not None:
        people.put_user(fields, pairs.get("user") or shell[1])
        port = addresses.parse_port(shell[3])
        ip = addresses.parse_address(shell[2])
        fields |= {} if "source.ip" in fields or ip is None else {"source.ip": ip}
        fields |= {} if "source.port" in fields or port is None else {"source.port": port}
    if message:
        fields["message"] = message
    reason = pairs.get("reason", "")
    if reason.casefold() not in {"", "n/a", "none"}:
        fields["event.reason"] = reason
    elif message and fields["event.outcome"] == "failure":
        fields["event.reason"] = message
