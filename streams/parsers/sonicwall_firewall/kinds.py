"""Choose the kind of act of a SonicWall's record: by its message number, and by its sentence where the
number has none or the sentence says how a sign-in ended.

Releases disagree about what a number means: of a sign-in the sentence decides."""

from __future__ import annotations

import re
from collections.abc import Mapping

_AUTH, _NET, _CONF = ["authentication"], ["network"], ["configuration"]
_IDS, _IAM = ["network", "intrusion_detection"], ["iam"]
Kind = tuple[list[str], list[str], str, str]
_REFUSED = (
    "32 33 34 243 244 245 246 329 486 549 557 583 744 745 746 747 748 749 750 751 752 753 754 755"
    " 756 757 759 986 987 988 989 990 991 1035 1048 1117 1118 1119 1120 1121 1122 1123 1243 1517"
    " 1572 1585 1655 1672"
)
_KINDS: tuple[tuple[Kind, str], ...] = (
    ((_AUTH, ["start"], "success", "admin-login"), "29 199 235 236"),
    ((_AUTH, ["start"], "success", "user-login"), "31 237 238 1080"),
    ((_AUTH, ["start"], "failure", "admin-login"), "30 35 200"),
    ((_AUTH, ["start"], "failure", "user-login"), _REFUSED),
    ((_IAM, ["user", "change"], "success", "user-locked"), "1570"),
    ((_IAM, ["user", "change"], "success", "user-unlocked"), "438 439 1571"),
    ((_AUTH, ["end"], "success", "logout"), "24 261 262 263 264 265 520 998 1008 1124"),
    ((_NET, ["connection", "start"], "success", "connection-opened"), "98"),
    ((_NET, ["connection", "allowed"], "success", "management-allowed"), "526"),
    ((_NET, ["connection", "end"], "success", "connection-closed"), "537"),
    (
        (_NET, ["connection", "denied"], "failure", "connection-denied"),
        "36 38 173 267 524 712 713 760",
    ),
    ((["network", "web"], ["access", "denied"], "failure", "web-site-denied"), "14"),
    ((["network", "web"], ["access"], "success", "web-site-hit"), "97"),
    ((_NET, ["connection", "denied"], "failure", "country-denied"), "1198 1199"),
    ((_NET, ["connection", "denied"], "failure", "botnet-denied"), "1200 1201"),
    ((_IDS, ["info"], "unknown", "intrusion-detected"), "608 789"),
    ((_IDS, ["denied"], "failure", "intrusion-prevented"), "609 790"),
    ((_NET, ["info"], "unknown", "application-detected"), "1154"),
    ((_NET, ["denied"], "failure", "application-prevented"), "1155"),
    ((["network", "file"], ["access"], "unknown", "file-transferred"), "1574"),
    ((_NET, ["error"], "failure", "vpn-failed"), "1388"),
    ((_IDS, ["info"], "unknown", "port-scan"), "82 83 177 178 179"),
    ((_IDS, ["denied"], "failure", "attack-dropped"), "22 23 27 81"),
    ((_IDS, ["info"], "unknown", "syn-flood"), "25 859 860 861 866 867 1369 1370 1371"),
    ((_CONF, ["change"], "success", "configuration-changed"), "1382 440 441 442"),
    ((_CONF, ["change"], "failure", "configuration-refused"), "1383"),
    ((_IAM, ["user", "change"], "success", "user-changed"), "1333 1334 1335 1336 1337 1338"),
)
_BY_CODE = {code: kind for kind, codes in _KINDS for code in codes.split()}
_OTHER: Kind = (_NET, ["info"], "unknown", "device-message")
_ALLOWED: Kind = (_NET, ["connection", "allowed"], "success", "connection-allowed")
_SUCCESSFUL_CONNECTIONS = frozenset({"97", "98", "526", "1574"})
_DENIED: Kind = (_NET, ["connection", "denied"], "failure", "connection-denied")
_DENYING = frozenset({"drop", "deny", "block", "reject"})
_DROPPED = re.compile(r"\b(?:dropped|denied|blocked|rejected)\b", re.IGNORECASE)
_MESSAGE_KINDS = (
    (re.compile(r"login (?:successful|allowed)|logged in", re.IGNORECASE), _BY_CODE["31"]),
    (
        re.compile(r"login (?:failed|denied|attempt failed)|invalid (?:user|pass)", re.IGNORECASE),
        _BY_CODE["32"],
    ),
    (re.compile(r"logged out|logout", re.IGNORECASE), _BY_CODE["24"]),
)
_REFUSING = re.compile(
    r"\b(?:denied|failed|failure|incorrect|invalid|rejected|not allowed|refused|exceeded|timed out|bad"
    r" (?:credentials|password)|locked out)\b",
    re.IGNORECASE,
)
_ACCEPTING = re.compile(
    r"\b(?:allowed|successful|successfully|succeeded|logged in)\b", re.IGNORECASE
)


def choose_kind(pairs: Mapping[str, str]) -> Kind:
    message = pairs.get("msg", "")
    if pairs.get("id") == "sslvpn":
        return next((kind for words, kind in _MESSAGE_KINDS if words.search(message)), _OTHER)
    code = pairs.get("m", "")
    kind = _BY_CODE.get(code)
    dropped = pairs.get("fw_action") in _DENYING
    if kind is not None:
        if dropped and code in _SUCCESSFUL_CONNECTIONS:
            return _BY_CODE["14"] if code == "97" else _DENIED
        return _correct_outcome(kind, message)
    if pairs.get("fw_action") == "forward":
        return _ALLOWED
    return _DENIED if dropped or _DROPPED.search(message) else _OTHER


def _correct_outcome(kind: Kind, message: str) -> Kind:
    """Return a sign-in with the outcome of its sentence, if that says one."""
    category, types, outcome, action = kind
    if category is not _AUTH or types != ["start"]:
        return kind
    if _REFUSING.search(message) is not None:
        outcome = "failure"
    elif _ACCEPTING.search(message) is not None:
        outcome = "success"
    return category, types, outcome, action
