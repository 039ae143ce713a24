"""Choose what a log of PAN-OS is about, and read the sentences of its system log."""

from __future__ import annotations

import re
from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.parsers.paloalto_panos.values import put_name
from streams.tokenizers import addresses

_DENYING = re.compile(r"(?:deny|drop|reset|block|sinkhole|discard)", re.IGNORECASE)
_SUBJECTS: dict[str, list[str]] = {
    "url": ["network", "web"],
    "file": ["network", "file"],
    "data": ["network", "file"],
    "virus": ["network", "malware"],
    "ml-virus": ["network", "malware"],
    "wildfire": ["network", "malware"],
    "wildfire-virus": ["network", "malware"],
}
_SENTENCES = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), outcome)
    for pattern, outcome in (
        (
            r"failed authentication for user '?(?P<user>.*?)'?(?:\. {1,3}Reason: (?P<reason>.*)|\.?)",
            "failure",
        ),
        (r"authenticated for user '?(?P<user>.*?)'?\.(?: .*)?", "success"),
        (
            r"When authenticating user '?(?P<user>.*?)'? from '?(?P<ip>[0-9A-Fa-f.:]+)'?,.*",
            "success",
        ),
        (
            r"User (?P<user>.*) logged in via .*?(?: from (?P<ip>[0-9A-Fa-f.:]+))?(?: using .*)?",
            "success",
        ),
        (
            r"User (?P<user>.*) (?:logged out|session timed out).*?(?: from (?P<ip>[0-9A-Fa-f.:]+))?.*",
            "end",
        ),
        (
            r"(?:authentication failed|failed login) for user '?(?P<user>.*?)'?(?: via .*)? from '?(?P<ip>[0-9A-Fa-f.:]+).*",
            "failure",
        ),
        (
            (
                r"GlobalProtect \w+ user (?:authentication|login) succeeded\. Login from: (?P<ip>[0-9A-Fa-f.:]+),.*?"
                r" User name: (?P<user>[^,]*+).*"
            ),
            "success",
        ),
        (
            (
                r"GlobalProtect \w+ user (?:authentication|login) failed\. Login from: (?P<ip>[0-9A-Fa-f.:]+),.*?"
                r" User name: (?P<user>[^,]*+).*?(?: Reason: (?P<reason>[^,]*+).*)?"
            ),
            "failure",
        ),
        (r"GlobalProtect \w+ user logout succeeded\. User name: (?P<user>[^,]*+).*", "end"),
    )
)
_LINK = re.compile(
    r"connected to server (?P<there>[0-9A-Fa-f.:]{2,45}?)(?::(?P<port>[0-9]{1,5}))?,"
    r" initiated by: (?P<here>[0-9A-Fa-f.:]{2,45})"
)
_FROM = re.compile(r"From: ?([0-9A-Fa-f.:]{2,45}?)\.?\s*\Z")
_REASON_END = re.compile(r" auth profile '| From: |,? vsys '")
_SERVER = re.compile(r"[Ss]erver [Aa]ddress '?([0-9A-Fa-f.:]{2,45})")
_GOOD = re.compile(r"\b(?:success\w*|succeed\w*|accept\w*|allow\w*|authenticated)\b", re.IGNORECASE)
_BAD = re.compile(
    r"\b(?:fail\w*|invalid|reject\w*|den(?:y|ied)|timed? ?out|not allow\w*|locked)\b", re.IGNORECASE
)
_Act = tuple[list[str], list[str], str, str]


def build_act(record: Mapping[str, str]) -> dict[str, Value]:
    """Build category, type, outcome and action."""
    kind = record["type"]
    choose = _CHOICES.get(kind, _choose_other)
    category, types, outcome, action = choose(record)
    return {
        "event.category": category.copy(),
        "event.type": types.copy(),
        "event.outcome": outcome,
        "event.action": action or kind.lower(),
        "observer.vendor": "Palo Alto Networks",
        "observer.product": "PAN-OS",
        "observer.type": "firewall",
    }


def _choose_traffic(record: Mapping[str, str]) -> _Act:
    subtype, action = record.get("subtype", "").lower(), record.get("action", "")
    denied = _DENYING.match(action) is not None or (not action and subtype in {"drop", "deny"})
    names = {
        "start": "flow_started",
        "end": "flow_terminated",
        "drop": "flow_dropped",
        "deny": "flow_denied",
    }
    name = names.get(subtype, action)
    if denied:
        return (
            ["network"],
            ["connection", "end", "denied"] if subtype == "end" else ["connection", "denied"],
            "failure",
            name,
        )
    stage = "start" if subtype == "start" else "end"
    return ["network"], ["connection", stage, "allowed"], "success", name


def _choose_threat(record: Mapping[str, str]) -> _Act:
    subtype, action = record.get("subtype", "").lower(), record.get("action", "").lower()
    category = _SUBJECTS.get(subtype, ["network", "intrusion_detection"])
    denied = _DENYING.match(action) is not None
    names = {"url": "url_filtering", "data": "data_match", "file": "file_match"}
    name = names.get(subtype) or f"{subtype or 'threat'}_detected"
    verdict, outcome = ("denied", "failure") if denied else ("allowed", "success")
    return category, [verdict] if action else ["info"], outcome if action else "unknown", name


def _choose_portal(record: Mapping[str, str]) -> _Act:
    name, status = record.get("eventid", ""), record.get("status", "").lower()
    outcome = status if status in {"success", "failure"} else "unknown"
    if name.endswith("-auth") or record.get("stage") == "login":
        return ["authentication", "session"], ["start"], outcome, name
    if "logout" in name or record.get("stage") == "logout":
        return ["authentication", "session"], ["end"], outcome, name
    if name.endswith(("-connected", "-setup-ipsec", "-setup-ssl", "-tunnel-up")):
        return ["network", "session"], ["connection", "start"], outcome, name
    return ["network", "session"], ["info"], outcome, name


def _choose_authentication(record: Mapping[str, str]) -> _Act:
    words = f"{record.get('event', '')} {record.get('desc', '')} {record.get('opaque', '')}"
    outcome = "failure" if _BAD.search(words) else "success" if _GOOD.search(words) else "unknown"
    return ["authentication"], ["start"], outcome, record.get("event") or "authentication"


def _choose_configuration(record: Mapping[str, str]) -> _Act:
    result = record.get("result", "").lower()
    outcome = (
        "failure"
        if _BAD.search(result) or result == "unauthorized"
        else "success"
        if result
        else "unknown"
    )
    return ["configuration"], ["change"], outcome, record.get("cmd") or "config"


def _choose_mapping(record: Mapping[str, str]) -> _Act:
    subtype = record.get("subtype", "").lower()
    return (
        ["iam"],
        ["user", "info"],
        "success",
        f"user-mapping-{subtype}" if subtype else "user-mapping",
    )


def _choose_system(record: Mapping[str, str]) -> _Act:
    name, subtype = record.get("eventid", ""), record.get("subtype", "").lower()
    match, outcome = match_sentence(record.get("opaque", ""))
    if match is not None:
        if outcome == "end":
            return ["authentication"], ["end"], "success", name
        return ["authentication"], ["start"], outcome, name
    if subtype == "auth" or name.startswith("auth-"):
        words = f"{name} {record.get('opaque', '')[:200]}"
        outcome = (
            "failure" if _BAD.search(words) else "success" if _GOOD.search(words) else "unknown"
        )
        return ["authentication"], ["start"] if outcome != "unknown" else ["info"], outcome, name
    subject = (
        ["network"] if subtype in {"vpn", "dhcp", "routing", "globalprotect", "ras"} else ["host"]
    )
    return subject, ["info"], "unknown", name or subtype


def _choose_other(record: Mapping[str, str]) -> _Act:
    if record.get("action"):
        return _choose_traffic(record)
    return ["network"], ["info"], "unknown", record.get("subtype", "").lower()


_CHOICES = {
    "TRAFFIC": _choose_traffic,
    "THREAT": _choose_threat,
    "GLOBALPROTECT": _choose_portal,
    "AUTHENTICATION": _choose_authentication,
    "CONFIG": _choose_configuration,
    "AUDIT": _choose_configuration,
    "USERID": _choose_mapping,
    "SYSTEM": _choose_system,
}


def match_sentence(text: str) -> tuple[re.Match[str] | None, str]:
    """Match a system log's sentence of a sign-in or its end, and return its outcome."""
    short = text[:2000]
    for pattern, outcome in _SENTENCES:
        match = pattern.fullmatch(short)
        if match is not None:
            return match, outcome
    return None, "unknown"


def put_sentence(fields: dict[str, Value], record: Mapping[str, str]) -> None:
    """Set who signed in and from where, as the system log's sentence says it."""
    text = record.get("opaque", "")
    if not text:
        return
    fields.setdefault("message", text)
    match, _ = match_sentence(text)
    if record["type"] != "SYSTEM":
        return
    link = _LINK.search(text[:1000])
    if link is not None:
        port = addresses.parse_port(link["port"] or "")
        addresses.put_endpoint(fields, "destination", addresses.parse_address(link["there"]), port)
        addresses.put_endpoint(fields, "source", addresses.parse_address(link["here"]), None)
    if match is None:
        return
    groups = match.groupdict()
    put_name(fields, groups["user"] or "")
    sender = _FROM.search(text[-80:])
    ip = addresses.parse_address(groups.get("ip") or (sender[1] if sender is not None else ""))
    if ip is not None:
        fields["source.ip"] = ip
    server = _SERVER.search(text[-600:])
    server_ip = addresses.parse_address(server[1]) if server is not None else None
    if server_ip is not None:
        fields["destination.ip"] = server_ip
    reason = groups.get("reason")
    if reason:
        fields["event.reason"] = _REASON_END.split(reason, maxsplit=1)[0].rstrip(".")
