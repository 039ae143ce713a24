"""Classes of the Open Cybersecurity Schema Framework, and what their activities are."""

from __future__ import annotations

Kind = tuple[list[str], dict[int, tuple[list[str], str]]]
"""Categories, and types and action by activity."""
_FINDING: dict[int, tuple[list[str], str]] = {
    1: (["info"], "finding-created"),
    2: (["change"], "finding-updated"),
    3: (["end"], "finding-closed"),
}
_GROUP: dict[int, tuple[list[str], str]] = {
    1: (["group", "change"], "privileges-assigned"),
    2: (["group", "change"], "privileges-revoked"),
    3: (["group", "change"], "member-added"),
    4: (["group", "change"], "member-removed"),
    5: (["group", "deletion"], "group-deleted"),
    6: (["group", "creation"], "group-created"),
}
_CLASSES: dict[int, Kind] = {
    1001: (
        ["file"],
        {
            1: (["creation"], "file-created"),
            2: (["access"], "file-read"),
            3: (["change"], "file-updated"),
            4: (["deletion"], "file-deleted"),
            5: (["change"], "file-renamed"),
            14: (["access"], "file-opened"),
        },
    ),
    1007: (
        ["process"],
        {1: (["start"], "process-started"), 2: (["end"], "process-ended")},
    ),
    2001: (["intrusion_detection"], _FINDING),
    2004: (["intrusion_detection"], _FINDING),
    2002: (["vulnerability"], _FINDING),
    2003: (["configuration"], _FINDING),
    2005: (["intrusion_detection"], _FINDING),
    2006: (["file"], _FINDING),
    3001: (
        ["iam"],
        {
            1: (["user", "creation"], "account-created"),
            2: (["user", "change"], "account-enabled"),
            3: (["user", "change"], "password-changed"),
            4: (["user", "change"], "password-reset"),
            5: (["user", "change"], "account-disabled"),
            6: (["user", "deletion"], "account-deleted"),
            7: (["user", "change"], "policy-attached"),
            8: (["user", "change"], "policy-detached"),
            9: (["user", "change"], "account-locked"),
            10: (["user", "change"], "second-factor-enabled"),
            11: (["user", "change"], "second-factor-disabled"),
            12: (["user", "change"], "account-unlocked"),
        },
    ),
    3002: (
        ["authentication"],
        {
            1: (["start"], "logon"),
            2: (["end"], "logoff"),
            3: (["start"], "authentication-ticket"),
            4: (["start"], "service-ticket-request"),
            5: (["start"], "service-ticket-renew"),
            6: (["start"], "preauthentication"),
            7: (["start"], "account-switched"),
        },
    ),
    4001: (
        ["network"],
        {
            1: (["connection", "start"], "connection-opened"),
            2: (["connection", "end"], "connection-closed"),
            3: (["connection", "end"], "connection-reset"),
            4: (["connection", "error"], "connection-failed"),
            5: (["connection", "denied"], "connection-refused"),
            6: (["connection"], "traffic"),
        },
    ),
    3003: (["iam"], {1: (["admin", "change"], "privileges-assigned")}),
    3005: (["iam"], {1: (["user", "change"], "rights-assigned")}),
    3006: (["iam"], _GROUP),
    4002: (["web", "network"], {}),
    4003: (["network"], {}),
    4007: (["network"], {}),
    4009: (["email"], {}),
    6001: (["web"], {}),
    6003: (
        ["api"],
        {
            1: (["creation"], "create"),
            2: (["access"], "read"),
            3: (["change"], "update"),
            4: (["deletion"], "delete"),
        },
    ),
    6004: (["web"], {}),
}
_BY_CATEGORY = {
    1: ["host"],
    2: ["intrusion_detection"],
    3: ["iam"],
    4: ["network"],
    5: ["host"],
    6: ["api"],
}
"""Of classes that are not listed, by the thousands of their number."""


def find_kind(number: int) -> Kind | None:
    """Find what a class tells; None: it is no class of this schema. Those of extensions have five
    digits, whose last four are a class."""
    known = _CLASSES.get(number)
    if known is not None:
        return known
    category = _BY_CATEGORY.get(number % 10_000 // 1000)
    return None if category is None else (category, {})
