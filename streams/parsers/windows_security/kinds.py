"""Map the number of a Windows event, and who logged it, to the kind of act that it tells."""

from __future__ import annotations

from typing import NamedTuple

from streams.parsers.windows_security.accesses import ACCESSES
from streams.parsers.windows_security.providers import DATABASE, FEDERATION


class ActKind(NamedTuple):
    """What an event number tells. `user`: whose name is the actor's (`Target` or `Subject`)."""

    categories: tuple[str, ...]
    types: tuple[str, ...]
    action: str
    user: str = "Subject"
    outcome: str | None = None
    """None: the event's keywords or its status decide."""


_SIGN_IN = (("authentication",), ("start",))
_SIGN_OUT = (("authentication",), ("end",))
_ACCOUNT = (("iam",), ("user", "change"))
_IAM, _SETTING, _BOTH = ("iam",), ("configuration",), ("iam", "configuration")
_SESSION = ("authentication", "session")
_NETWORK, _FILE, _PROCESS, _DRIVER = ("network",), ("file",), ("process",), ("driver",)
_SHARE = ("network", "file")
ACTS = {
    4624: ActKind(*_SIGN_IN, "logged-in", "Target", "success"),
    4625: ActKind(*_SIGN_IN, "logon-failed", "Target", "failure"),
    4627: ActKind(_IAM, ("info",), "group-membership-info", "Target", "success"),
    4634: ActKind(*_SIGN_OUT, "logged-out", "Target", "success"),
    4647: ActKind(*_SIGN_OUT, "logged-out", "Target", "success"),
    4648: ActKind(*_SIGN_IN, "logged-in-explicit"),
    4672: ActKind(_IAM, ("admin",), "logged-in-special", outcome="success"),
    4768: ActKind(*_SIGN_IN, "kerberos-authentication-ticket-requested", "Target"),
    4769: ActKind(*_SIGN_IN, "kerberos-service-ticket-requested", "Target"),
    4770: ActKind(*_SIGN_IN, "kerberos-service-ticket-renewed", "Target"),
    4771: ActKind(*_SIGN_IN, "kerberos-preauth-failed", "Target", "failure"),
    4776: ActKind(*_SIGN_IN, "credential-validated", "Target"),
    4777: ActKind(*_SIGN_IN, "credential-validated", "Target", "failure"),
    4649: ActKind(*_SIGN_IN, "replay-attack-detected", "Target", "failure"),
    4675: ActKind(("authentication",), ("info",), "sids-filtered", "Target"),
    4772: ActKind(*_SIGN_IN, "kerberos-authentication-ticket-requested", "Target", "failure"),
    4773: ActKind(*_SIGN_IN, "kerberos-service-ticket-requested", "Target", "failure"),
    4774: ActKind(*_SIGN_IN, "account-mapped-for-logon", "Target"),
    4775: ActKind(*_SIGN_IN, "account-mapped-for-logon", "Target", "failure"),
    4820: ActKind(*_SIGN_IN, "kerberos-ticket-denied-by-device", "Target", "failure"),
    4821: ActKind(*_SIGN_IN, "kerberos-service-ticket-denied", "Target", "failure"),
    4822: ActKind(*_SIGN_IN, "protected-user-sign-in-denied", "Target", "failure"),
    4823: ActKind(*_SIGN_IN, "sign-in-denied-by-policy", "Target", "failure"),
    4824: ActKind(*_SIGN_IN, "protected-user-preauth-failed", "Target", "failure"),
    4825: ActKind(*_SIGN_IN, "remote-desktop-denied", "Account", "failure"),
    4765: ActKind(*_ACCOUNT, "added-sid-history"),
    4766: ActKind(*_ACCOUNT, "added-sid-history", outcome="failure"),
    4780: ActKind(*_ACCOUNT, "administrators-permissions-set"),
    4782: ActKind(_IAM, ("user", "access"), "password-hash-accessed"),
    4793: ActKind(_IAM, ("user", "info"), "password-policy-checked"),
    4794: ActKind(*_ACCOUNT, "restore-mode-password-set"),
    4797: ActKind(_IAM, ("user", "info"), "blank-password-queried"),
    4802: ActKind(("session",), ("end",), "screen-saver-invoked", "Target", "success"),
    4803: ActKind(("session",), ("start",), "screen-saver-dismissed", "Target", "success"),
    5376: ActKind(*_ACCOUNT, "credentials-backed-up"),
    5377: ActKind(*_ACCOUNT, "credentials-restored"),
    5378: ActKind(*_SIGN_IN, "credentials-delegation-denied", outcome="failure"),
    5632: ActKind(*_SIGN_IN, "wireless-authentication-requested"),
    5633: ActKind(*_SIGN_IN, "wired-authentication-requested"),
    6275: ActKind(*_SIGN_IN, "network-policy-discarded-request", outcome="failure"),
    6276: ActKind(*_SIGN_IN, "network-policy-quarantined-user", outcome="failure"),
    6277: ActKind(*_SIGN_IN, "network-policy-granted-probation", outcome="success"),
    6278: ActKind(*_SIGN_IN, "network-policy-granted-full-access", outcome="success"),
    6279: ActKind(*_ACCOUNT, "locked-out-user-account", outcome="success"),
    6280: ActKind(*_ACCOUNT, "unlocked-user-account", outcome="success"),
    4704: ActKind(_IAM, ("user", "change"), "user-right-assigned"),
    4705: ActKind(_IAM, ("user", "change"), "user-right-removed"),
    6272: ActKind(*_SIGN_IN, "network-policy-granted-access", outcome="success"),
    6273: ActKind(*_SIGN_IN, "network-policy-denied-access", outcome="failure"),
    6274: ActKind(*_SIGN_IN, "network-policy-discarded-request", outcome="failure"),
    4778: ActKind(_SESSION, ("start",), "session-reconnected", "Account", "success"),
    4779: ActKind(_SESSION, ("end",), "session-disconnected", "Account", "success"),
    4800: ActKind(("session",), ("end",), "workstation-locked", "Target", "success"),
    4801: ActKind(("session",), ("start",), "workstation-unlocked", "Target", "success"),
    4964: ActKind(_IAM, ("admin", "group"), "logged-in-special"),
    1100: ActKind(_PROCESS, ("end",), "logging-service-shutdown", outcome="success"),
    1102: ActKind(_IAM, ("admin", "change"), "audit-log-cleared", outcome="success"),
    1104: ActKind(_IAM, ("admin",), "logging-full"),
    1105: ActKind(_IAM, ("admin",), "auditlog-archived", outcome="success"),
    1108: ActKind(_IAM, ("admin",), "logging-processing-error"),
    4610: ActKind(_SETTING, ("access",), "authentication-package-loaded"),
    4611: ActKind(_SETTING, ("change",), "trusted-logon-process-registered"),
    4614: ActKind(_SETTING, ("access",), "notification-package-loaded"),
    4616: ActKind(_SETTING, ("change",), "system-time-changed"),
    4622: ActKind(_SETTING, ("access",), "security-package-loaded"),
    4657: ActKind(("registry", "configuration"), ("change",), "registry-value-modified"),
    4663: ActKind(_FILE, ("access",), "object-accessed"),
    4670: ActKind(_BOTH, ("admin", "change"), "permissions-changed"),
    4673: ActKind(_IAM, ("admin",), "privileged-service-called"),
    4674: ActKind(_IAM, ("admin",), "privileged-operation"),
    4688: ActKind(_PROCESS, ("start",), "created-process", outcome="success"),
    4689: ActKind(_PROCESS, ("end",), "exited-process", outcome="success"),
    4697: ActKind(_BOTH, ("admin", "change"), "service-installed"),
    4698: ActKind(_BOTH, ("creation", "admin"), "scheduled-task-created"),
    4699: ActKind(_BOTH, ("deletion", "admin"), "scheduled-task-deleted"),
    4700: ActKind(_BOTH, ("change", "admin"), "scheduled-task-enabled"),
    4701: ActKind(_BOTH, ("change", "admin"), "scheduled-task-disabled"),
    4702: ActKind(_BOTH, ("change", "admin"), "scheduled-task-updated"),
    4706: ActKind(_SETTING, ("creation",), "domain-trust-added"),
    4707: ActKind(_SETTING, ("deletion",), "domain-trust-removed"),
    4713: ActKind(_SETTING, ("change",), "kerberos-policy-changed"),
    4714: ActKind(_SETTING, ("change",), "encrypted-data-recovery-policy-changed"),
    4715: ActKind(_SETTING, ("change",), "object-audit-policy-changed"),
    4716: ActKind(_SETTING, ("change",), "trusted-domain-information-changed"),
    4717: ActKind(_BOTH, ("admin", "change"), "system-security-access-granted"),
    4718: ActKind(_BOTH, ("admin", "deletion"), "system-security-access-removed"),
    4719: ActKind(_BOTH, ("admin", "change"), "changed-audit-config"),
    4720: ActKind(_IAM, ("user", "creation"), "added-user-account"),
    4722: ActKind(*_ACCOUNT, "enabled-user-account"),
    4723: ActKind(*_ACCOUNT, "changed-password"),
    4724: ActKind(*_ACCOUNT, "reset-password"),
    4725: ActKind(_IAM, ("user", "deletion"), "disabled-user-account"),
    4726: ActKind(_IAM, ("user", "deletion"), "deleted-user-account"),
    4738: ActKind(*_ACCOUNT, "modified-user-account"),
    4739: ActKind(_SETTING, ("change",), "domain-policy-changed"),
    4740: ActKind(*_ACCOUNT, "locked-out-user-account"),
    4741: ActKind(_IAM, ("creation", "admin"), "added-computer-account"),
    4742: ActKind(_IAM, ("change", "admin"), "changed-computer-account"),
    4743: ActKind(_IAM, ("deletion", "admin"), "deleted-computer-account"),
    4767: ActKind(*_ACCOUNT, "unlocked-user-account"),
    4781: ActKind(*_ACCOUNT, "renamed-user-account"),
    4798: ActKind(_IAM, ("user", "info"), "group-membership-enumerated"),
    4799: ActKind(_IAM, ("group", "info"), "user-member-enumerated"),
    4817: ActKind(_BOTH, ("admin", "change"), "object-audit-changed"),
    4902: ActKind(_BOTH, ("admin", "creation"), "user-audit-policy-created"),
    4904: ActKind(_BOTH, ("admin", "change"), "security-event-source-added"),
    4905: ActKind(_BOTH, ("admin", "deletion"), "security-event-source-removed"),
    4906: ActKind(_BOTH, ("admin", "change"), "crash-on-audit-changed"),
    4907: ActKind(_BOTH, ("admin", "change"), "audit-setting-changed"),
    4908: ActKind(_BOTH, ("admin", "change"), "special-group-table-changed"),
    4912: ActKind(_BOTH, ("admin", "change"), "per-user-audit-policy-changed"),
    4950: ActKind(_SETTING, ("change",), "windows-firewall-setting-changed"),
    4954: ActKind(_SETTING, ("change",), "windows-firewall-group-policy-changed"),
    5024: ActKind(_PROCESS, ("start",), "windows-firewall-service-started"),
    5025: ActKind(_PROCESS, ("end",), "windows-firewall-service-stopped"),
    5033: ActKind(_DRIVER, ("start",), "windows-firewall-driver-started"),
    5034: ActKind(_DRIVER, ("end",), "windows-firewall-driver-stopped"),
    5037: ActKind(_DRIVER, ("end",), "windows-firewall-driver-error"),
    5140: ActKind(_SHARE, ("info", "access"), "network-share-object-accessed"),
    5145: ActKind(_SHARE, ("info", "access"), "network-share-object-access-checked"),
}
"""Of the channel Security."""
ACTS |= {
    code: ActKind(categories, types, action)
    for categories, types, actions in ACCESSES
    for code, action in actions.items()
}
_GROUP_ACTS = {
    "added-group-account": ("creation", (4727, 4731, 4754)),
    "deleted-group-account": ("deletion", (4730, 4734, 4758)),
    "modified-group-account": ("change", (4735, 4737, 4755)),
    "type-changed-group-account": ("change", (4764,)),
    "added-member-to-group": ("change", (4728, 4732, 4756)),
    "removed-member-from-group": ("change", (4729, 4733, 4757)),
    "added-distribution-group-account": ("creation", (4744, 4749, 4759)),
    "deleted-distribution-group-account": ("deletion", (4748, 4753, 4763)),
    "changed-distribution-group-account": ("change", (4745, 4750, 4760)),
    "added-member-to-distribution-group": ("change", (4746, 4751, 4761)),
    "removed-member-from-distribution-group": ("change", (4747, 4752, 4762)),
}
ACTS |= {
    code: ActKind(_IAM, ("group", kind), action)
    for action, (kind, several) in _GROUP_ACTS.items()
    for code in several
}
GROUP_CODES = frozenset(code for _, several in _GROUP_ACTS.values() for code in several) | {4799}
"""Events whose target is a group."""
_SYSTEM_ACTS = {
    104: ActKind(_SETTING, ("deletion",), "audit-log-cleared", outcome="success"),
    7045: ActKind(_BOTH, ("admin", "change"), "service-installed", outcome="success"),
}
_SYSMON_ACTS = {
    1: ActKind(_PROCESS, ("start",), "created-process", "", "success"),
    3: ActKind(_NETWORK, ("connection", "start"), "connection-opened", "", "success"),
    5: ActKind(_PROCESS, ("end",), "exited-process", "", "success"),
    11: ActKind(_FILE, ("creation",), "file-created", "", "success"),
    22: ActKind(_NETWORK, ("info", "protocol"), "dns-query", ""),
    23: ActKind(_FILE, ("deletion",), "file-deleted", "", "success"),
    26: ActKind(_FILE, ("deletion",), "file-deleted", "", "success"),
}
_SESSION_ACTS = {
    21: ActKind(_SESSION, ("start",), "logged-in", "", "success"),
    23: ActKind(_SESSION, ("end",), "logged-out", "", "success"),
    24: ActKind(_SESSION, ("end",), "session-disconnected", "", "success"),
    25: ActKind(_SESSION, ("start",), "session-reconnected", "", "success"),
}
_GATE_ACTS = {
    # Without network level authentication it says no more than that somebody connected.
    1149: ActKind(*_SIGN_IN, "remote-desktop-connection", "", "unknown"),
}
_DESKTOP_ACTS = {
    131: ActKind(_NETWORK, ("connection", "start"), "connection-accepted", "", "success"),
    140: ActKind(*_SIGN_IN, "logon-failed", "", "failure"),
}
_FEDERATION_ACTS = {
    1200: ActKind(*_SIGN_IN, "token-issued", "", "success"),
    1201: ActKind(*_SIGN_IN, "token-refused", "", "failure"),
    1202: ActKind(*_SIGN_IN, "credential-validated", "", "success"),
    1203: ActKind(*_SIGN_IN, "logon-failed", "", "failure"),
    1204: ActKind(*_ACCOUNT, "changed-password", "", "success"),
    1205: ActKind(*_ACCOUNT, "changed-password", "", "failure"),
    1206: ActKind(*_SIGN_OUT, "logged-out", "", "success"),
    1207: ActKind(*_SIGN_OUT, "logged-out", "", "failure"),
    1210: ActKind(*_SIGN_IN, "extranet-lockout", "", "failure"),
}
_DATABASE_ACTS = {
    18453: ActKind(*_SIGN_IN, "logged-in", "", "success"),
    18454: ActKind(*_SIGN_IN, "logged-in", "", "success"),
    18455: ActKind(*_SIGN_IN, "logged-in", "", "success"),
    18456: ActKind(*_SIGN_IN, "logon-failed", "", "failure"),
}
_BY_PROVIDER = {
    "microsoft-windows-sysmon": _SYSMON_ACTS,
    "microsoft-windows-terminalservices-localsessionmanager": _SESSION_ACTS,
    "microsoft-windows-terminalservices-remoteconnectionmanager": _GATE_ACTS,
    "microsoft-windows-remotedesktopservices-rdpcorets": _DESKTOP_ACTS,
    FEDERATION: _FEDERATION_ACTS,
}


def find_kind(code: int, provider: str, channel: str) -> ActKind | None:
    """Find what a number tells of this provider and channel; None: nothing that is known."""
    provider = provider.casefold()
    own = _DATABASE_ACTS if provider.startswith(DATABASE) else _BY_PROVIDER.get(provider)
    if own is not None:
        return own.get(code)
    channel = channel.casefold()
    if channel in {"security", ""}:
        return ACTS.get(code) or (_SYSTEM_ACTS.get(code) if not channel else None)
    return _SYSTEM_ACTS.get(code) if channel == "system" else None
