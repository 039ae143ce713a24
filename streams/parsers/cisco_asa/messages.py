"""Say what an ASA's or FTD's message number means: category, type, outcome, action."""

from __future__ import annotations

import re

_NET, _AUTH, _CONF = ["network"], ["authentication", "network"], ["configuration"]
_VPN, _IAM, _IDS = ["network", "session"], ["iam"], ["network", "intrusion_detection"]
Kind = tuple[list[str], list[str], str, str]
_DENIED: Kind = (_NET, ["connection", "denied"], "failure", "firewall-rule")
_STARTED: Kind = (_NET, ["connection", "start"], "success", "flow-creation")
_ENDED: Kind = (_NET, ["connection", "end"], "success", "flow-expiration")
_LOGIN: Kind = (_AUTH, ["start", "allowed"], "success", "logged-in")
_REFUSED: Kind = (_AUTH, ["start", "denied"], "failure", "logon-failed")
_LOGOUT: Kind = (_AUTH, ["end"], "success", "logged-out")
_CONNECTED: Kind = (_VPN, ["connection", "start"], "success", "client-vpn-connected")
_DISCONNECTED: Kind = (_VPN, ["connection", "end"], "success", "client-vpn-disconnected")
_VPN_ERROR: Kind = (_VPN, ["connection", "denied"], "failure", "client-vpn-error")
_VPN_STEP: Kind = (_VPN, ["connection", "info"], "success", "client-vpn-step")
_FILTERED: Kind = (_NET, ["connection", "info"], "unknown", "dynamic-filter")
_FILTER_DENIED: Kind = (_NET, ["connection", "denied"], "failure", "dynamic-filter")
_SIGNATURE: Kind = (_IDS, ["info"], "unknown", "intrusion-detected")
_COMMAND: Kind = (_CONF, ["change"], "success", "command-executed")
_KINDS: tuple[tuple[Kind, str], ...] = (
    (
        _DENIED,
        (
            "106001 106002 106006 106007 106010 106012 106013 106014 106015 106016 106017 106018"
            " 106020 106021 106022 106023 106025 106026 106027 106103 107001 107002 108002 201002"
            " 108003 214001 201003 201009 201010 201011 201012 201013 305013 209003 209004 209005 313001 313004 313005"
            " 313008 313009 322001 322003 402117 405001 405002 406001 406002 407001 407002 407003"
            " 410001 410002 415011 416001 418001 419001 420002 421001 431001 434002 500003 500004"
            " 710003 710004 710005 710006 733102"
        ),
    ),
    ((_NET, ["connection", "allowed"], "success", "firewall-rule"), "710001 710002"),
    (
        _STARTED,
        (
            "302003 302009 302013 302015 302017 302020 302022 302024 302026 302033 302303 302305"
            " 609001"
        ),
    ),
    (
        _ENDED,
        (
            "302004 302014 302016 302018 302021 302023 302025 302027 302034 302036 302304 302306"
            " 609002"
        ),
    ),
    ((_NET, ["connection", "start"], "success", "flow-offload-started"), "805001"),
    ((_NET, ["connection", "end"], "success", "flow-offload-ended"), "805002 805003"),
    ((_NET, ["connection", "end"], "unknown", "flow-termination"), "507001 507002"),
    ((_NET, ["connection", "end", "denied"], "failure", "flow-termination"), "507003"),
    ((_NET, ["connection", "info"], "failure", "firewall-rule"), "110002 110003 305005 305006"),
    ((["network", "configuration"], ["creation"], "success", "nat-slot"), "305009 305011"),
    ((["network", "configuration"], ["deletion"], "success", "nat-slot"), "305010 305012"),
    ((["network", "file"], ["access"], "success", "ftp"), "303002"),
    ((["network", "web"], ["access", "allowed"], "success", "url-access"), "304001 304007"),
    ((["network", "web"], ["access", "denied"], "failure", "url-access"), "304002"),
    (
        _LOGIN,
        "109005 109007 113004 113008 113012 605005 611101 716038 734001 109101",
    ),
    (
        _REFUSED,
        (
            "107003 109006 109008 109010 109017 109022 109023 109024 109025 109031 109032 109033"
            " 109034 109102 113005 113006 113013 113014 113015 113016 113017 113021 308001 315003"
            " 605004 611102 713167 713185 713198 716039 717009 717010 717027 719014 719022 751011"
        ),
    ),
    ((_AUTH, ["info"], "success", "group-policy-retrieved"), "113003 113009 113011"),
    (_LOGOUT, "109012 109013 113007 611103 109103"),
    ((_AUTH, ["start", "info"], "unknown", "login-session"), "109011 315001 315002"),
    ((_VPN, ["connection", "end"], "unknown", "ssh-session-ended"), "315011"),
    (_CONNECTED, "113039 716001 721016 722022 722032 722033 722034 716043"),
    ((_VPN, ["connection", "start"], "success", "client-vpn-resumed"), "716059"),
    (_DISCONNECTED, "113019 716002 716058 721018 722023 722028 722030 722037 722012 722031"),
    (
        _VPN_ERROR,
        (
            "113029 113030 113031 113032 113033 113034 113035 113036 113037 113038 113040 716023"
            " 716007 722003 722004 722007 722008 722009 722020 734002 713060 713061 713251"
        ),
    ),
    (_VPN_STEP, "722010 722011 722029 722036 722041 722053 722055 734003 751025 113028"),
    (
        (["network", "web", "session"], ["access", "allowed"], "success", "webvpn-access"),
        "716003",
    ),
    ((["network", "web", "session"], ["access", "denied"], "failure", "webvpn-access"), "716004"),
    ((_IAM, ["user", "change"], "success", "user-locked"), "113007"),
    ((_IAM, ["user", "creation"], "success", "user-added"), "502101"),
    ((_IAM, ["user", "deletion"], "success", "user-deleted"), "502102"),
    ((_IAM, ["user", "change"], "success", "privilege-level-changed"), "502103"),
    ((_IAM, ["group", "creation"], "success", "group-policy-added"), "502111"),
    ((_IAM, ["group", "deletion"], "success", "group-policy-deleted"), "502112"),
    (_COMMAND, "111001 111002 111003 111005 111007 111008 111010 112001 208005 771002"),
    ((_CONF, ["access"], "success", "command-executed"), "111009"),
    ((_CONF, ["info"], "success", "configuration"), "111004"),
    (_FILTERED, "338001 338002 338003 338004 338101 338102 338103 338104 338201 338202 338301"),
    (_FILTER_DENIED, "338005 338006 338007 338008 338203 338204"),
    ((_NET, ["connection", "start"], "success", "sa-created"), "602303 713049 713119 713120"),
    ((_NET, ["connection", "end"], "success", "sa-deleted"), "602304 713050 713259"),
    ((_NET, ["connection", "start"], "success", "connection-started"), "750002 750006 725001"),
    ((_NET, ["connection", "start"], "failure", "connection-aborted"), "750003 725006 725014"),
    ((_NET, ["connection", "end"], "success", "connection-ended"), "750007 725007"),
    ((_NET, ["connection", "info"], "success", "ssl-handshake"), "725002 725003 725016"),
    ((_NET, ["connection", "info"], "success", "address-assigned"), "722051 737006 737016 737026"),
    ((_NET, ["connection", "info"], "failure", "address-unassigned"), "737003 737034"),
    ((_NET, ["connection", "info"], "failure", "client-vpn-error"), "713901 713902"),
    ((_IDS, ["info"], "unknown", "threat-rate-exceeded"), "733100 733104 733105"),
    ((_IDS, ["info"], "unknown", "host-attacking"), "733101"),
    ((_IDS, ["info"], "unknown", "host-unshunned"), "733103"),
    ((_NET, ["connection", "denied"], "failure", "host-shunned"), "401002 401004"),
    ((_NET, ["connection", "info"], "unknown", "duplicate-syn"), "419002 713202"),
    ((_NET, ["info"], "unknown", "bypass"), "434004"),
    ((_NET, ["info"], "failure", "aaa-server-failed"), "113022"),
    ((_NET, ["info"], "success", "aaa-server-active"), "113023"),
    ((_NET, ["info"], "success", "connection-count"), "302010"),
    ((_NET, ["info"], "success", "secondary-channel"), "607001"),
    ((_AUTH, ["info"], "success", "certificate-validated"), "717022 717028"),
)
_BY_CODE = {code: kind for kind, codes in _KINDS for code in codes.split()}
_CLASSES: dict[str, tuple[list[str], list[str]]] = {
    "109": (_AUTH, ["info"]),
    "113": (_AUTH, ["info"]),
    "111": (_CONF, ["info"]),
    "112": (_CONF, ["info"]),
    "208": (_CONF, ["info"]),
    "308": (_CONF, ["info"]),
    "502": (_IAM, ["user", "info"]),
    "611": (_AUTH, ["info"]),
    "605": (_AUTH, ["info"]),
    "713": (_VPN, ["connection", "info"]),
    "716": (_VPN, ["connection", "info"]),
    "722": (_VPN, ["connection", "info"]),
    "746": (_IAM, ["user", "info"]),
    "750": (_VPN, ["connection", "info"]),
    "751": (_VPN, ["connection", "info"]),
}
"""What messages of a class are about, by the number's first three digits."""
_VERDICTS: dict[str, Kind] = {
    "permitted": (_NET, ["connection", "allowed"], "success", "firewall-rule"),
    "est-allowed": (_NET, ["connection", "allowed"], "success", "firewall-rule"),
    "denied": _DENIED,
}
_VERDICT = re.compile(r"access-list \S++ (permitted|denied|est-allowed) ")
_DENYING = re.compile(
    r"(?:Deny|Denied|Dropped|Dropping|Drop|Blocked|Rejected|Discarded)\b"
    r"|\S++ (?:access|request) (?:denied|discarded)"
    r"|[^:]{0,60}\b(?:denied|dropped|blocked)\b",
    re.IGNORECASE,
)


def choose_kind(code: str, body: str) -> Kind:
    """Choose by number; a number that is not in the table, by its class and first words."""
    if code in {"106100", "106102"}:
        verdict = _VERDICT.match(body)
        return _DENIED if verdict is None else _VERDICTS[verdict[1]]
    if code == "113004" and not body.startswith("AAA user authentication"):
        return (
            _AUTH,
            ["info"],
            "success",
            "aaa-accounted" if "accounting" in body[:20] else "aaa-authorized",
        )
    if code == "111004" and not body.casefold().endswith("ok"):
        return (_CONF, ["info"], "failure", "configuration")
    return _BY_CODE.get(code) or _choose_by_class(code, body)


def _choose_by_class(code: str, body: str) -> Kind:
    if code.startswith("400"):
        return _SIGNATURE
    known = _CLASSES.get(code[:3])
    if known is not None:
        return (*known, "unknown", "device-message")
    if _DENYING.match(body):
        return _DENIED
    return (_NET, ["info"], "unknown", "device-message")
