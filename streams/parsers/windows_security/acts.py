"""Map the number of a Windows event to what it tells, and its data to ECS fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.pipeline.event import Value
from streams.parsers.windows_security import codes
from streams.tokenizers import addresses, directory_names, numbers, people

_Fields = dict[str, Value]
_Data = Mapping[str, str]


class ActKind(NamedTuple):
    """What an event number tells. `user`: whose name is the actor's (`Target` or `Subject`)."""

    category: str
    types: tuple[str, ...]
    action: str
    user: str = "Subject"
    outcome: str | None = None
    """None: the event's keywords or its status decide."""


_SIGN_IN = ("authentication", ("start",))
_ACCOUNT = ("iam", ("user", "change"))
ACTS = {
    4624: ActKind(*_SIGN_IN, "logged-in", "Target", "success"),
    4625: ActKind(*_SIGN_IN, "logon-failed", "Target", "failure"),
    4634: ActKind("authentication", ("end",), "logged-out", "Target", "success"),
    4647: ActKind("authentication", ("end",), "logged-out", "Target", "success"),
    4648: ActKind(*_SIGN_IN, "logged-in-explicit"),
    4672: ActKind("iam", ("admin",), "logged-in-special", outcome="success"),
    4768: ActKind(*_SIGN_IN, "kerberos-authentication-ticket-requested", "Target"),
    4769: ActKind(*_SIGN_IN, "kerberos-service-ticket-requested", "Target"),
    4770: ActKind(*_SIGN_IN, "kerberos-service-ticket-renewed", "Target"),
    4771: ActKind(*_SIGN_IN, "kerberos-preauth-failed", "Target", "failure"),
    4776: ActKind(*_SIGN_IN, "credential-validated", "Target"),
    4777: ActKind(*_SIGN_IN, "credential-validated", "Target", "failure"),
    6272: ActKind(*_SIGN_IN, "network-policy-granted-access", outcome="success"),
    6273: ActKind(*_SIGN_IN, "network-policy-denied-access", outcome="failure"),
    6274: ActKind(*_SIGN_IN, "network-policy-discarded-request", outcome="failure"),
    4778: ActKind("session", ("start",), "session-reconnected", "Account", "success"),
    4779: ActKind("session", ("end",), "session-disconnected", "Account", "success"),
    4800: ActKind("session", ("end",), "workstation-locked", "Target", "success"),
    4801: ActKind("session", ("start",), "workstation-unlocked", "Target", "success"),
    4688: ActKind("process", ("start",), "created-process", outcome="success"),
    4689: ActKind("process", ("end",), "exited-process", outcome="success"),
    4697: ActKind("configuration", ("change",), "service-installed"),
    7045: ActKind("configuration", ("change",), "service-installed", outcome="success"),
    4698: ActKind("configuration", ("creation",), "scheduled-task-created"),
    4699: ActKind("configuration", ("deletion",), "scheduled-task-deleted"),
    4700: ActKind("configuration", ("change",), "scheduled-task-enabled"),
    4701: ActKind("configuration", ("change",), "scheduled-task-disabled"),
    4702: ActKind("configuration", ("change",), "scheduled-task-updated"),
    4719: ActKind("configuration", ("change",), "changed-audit-config"),
    4720: ActKind("iam", ("user", "creation"), "added-user-account"),
    4722: ActKind(*_ACCOUNT, "enabled-user-account"),
    4723: ActKind(*_ACCOUNT, "changed-password"),
    4724: ActKind(*_ACCOUNT, "reset-password"),
    4725: ActKind("iam", ("user", "deletion"), "disabled-user-account"),
    4726: ActKind("iam", ("user", "deletion"), "deleted-user-account"),
    4738: ActKind(*_ACCOUNT, "modified-user-account"),
    4740: ActKind(*_ACCOUNT, "locked-out-user-account"),
    4767: ActKind(*_ACCOUNT, "unlocked-user-account"),
    4781: ActKind(*_ACCOUNT, "renamed-user-account"),
    4741: ActKind("iam", ("creation", "admin"), "added-computer-account"),
    4742: ActKind("iam", ("change", "admin"), "changed-computer-account"),
    4743: ActKind("iam", ("deletion", "admin"), "deleted-computer-account"),
    4663: ActKind("file", ("access",), "object-accessed"),
    5140: ActKind("network", ("info", "access"), "network-share-object-accessed"),
    5145: ActKind("network", ("info", "access"), "network-share-object-access-checked"),
    1102: ActKind("iam", ("admin", "change"), "audit-log-cleared", outcome="success"),
    104: ActKind("configuration", ("deletion",), "audit-log-cleared", outcome="success"),
    1100: ActKind("process", ("end",), "logging-service-shutdown", outcome="success"),
}
_GROUP_ACTS = {
    "added-group-account": ("creation", (4727, 4731, 4744, 4749, 4754, 4759)),
    "deleted-group-account": ("deletion", (4730, 4734, 4748, 4753, 4758, 4763)),
    "modified-group-account": ("change", (4735, 4737, 4745, 4750, 4755, 4760, 4764)),
    "added-member-to-group": ("change", (4728, 4732, 4746, 4751, 4756, 4761)),
    "removed-member-from-group": ("change", (4729, 4733, 4747, 4752, 4757, 4762)),
}
ACTS |= {
    code: ActKind("iam", ("group", kind), action)
    for action, (kind, several) in _GROUP_ACTS.items()
    for code in several
}
_SUBJECT_ALONE = frozenset({4672, 4688, 4689, 1102, 5140, 5145, 6272, 6273, 6274})
"""Events without another account that they act on."""
_UNSAID = frozenset({"", "-", "local", "unknown", "n/a", "(null)"})
_ADDRESSES = ("IpAddress", "ClientAddress", "Address", "CallingStationID")
"""A calling station is an address where the network policy server proves users of a VPN."""
_PORTS = ("IpPort", "ClientPort")
_STATIONS = ("WorkstationName", "Workstation", "ClientName", "CallerComputerName")
_TEXTS = (
    ("process.executable", "NewProcessName"),
    ("process.executable", "ProcessName"),
    ("process.command_line", "CommandLine"),
    ("process.parent.executable", "ParentProcessName"),
    ("service.name", "ServiceName"),
    ("file.name", "RelativeTargetName"),
    ("group.name", "GroupName"),
)


def put_act(fields: _Fields, code: int, data: _Data, audited: str | None) -> None:
    """Set what the event tells. `audited`: the outcome by its keywords, if it has any."""
    act = ACTS.get(code)
    if act is None:
        fields |= {
            "event.category": ["host"],
            "event.type": ["info"],
            "event.action": f"event-{code}",
            "event.outcome": audited or "unknown",
        }
        _put_account(fields, data, "Subject", "user")
    else:
        fields |= {
            "event.category": [act.category],
            "event.type": list(act.types),
            "event.action": act.action,
        }
        _put_outcome(fields, code, act, data, audited)
        _put_people(fields, code, act, data)
    _put_origin(fields, code, data)
    for name, key in _TEXTS:
        if get_text(data, key):
            fields.setdefault(name, data[key])
    if fields["event.category"] == ["authentication"]:
        kind = get_text(data, "LogonType")
        method = codes.LOGON_TYPES.get(kind, kind)
        if method:
            fields["winlog.logon.type"] = method
            fields["breach.auth.method"] = method.casefold()


def get_text(data: _Data, key: str) -> str:
    """Return the value of this name; empty: Windows says none."""
    value = data.get(key, "").strip()
    return "" if value.casefold() in _UNSAID else value


def _put_outcome(
    fields: _Fields, code: int, act: ActKind, data: _Data, audited: str | None
) -> None:
    status = codes.normalise_status(data.get("Status", ""))
    sub_status = codes.normalise_status(data.get("SubStatus", ""))
    outcome = act.outcome or audited
    if outcome is None:
        has_status = bool(data.get("Status", "").strip())
        outcome = "failure" if status else "success" if has_status else "unknown"
    elif act.outcome is None and status and code in {4768, 4769, 4776}:
        outcome = "failure"
    fields["event.outcome"] = outcome
    if outcome == "failure":
        reason = codes.find_reason(code, status, sub_status, _get_reason(data))
        if reason is not None:
            fields["event.reason"] = reason
        if sub_status or status:
            fields["error.code"] = sub_status or status


def _get_reason(data: _Data) -> str:
    return data.get("FailureReason", "").strip() or data.get("Reason", "").strip()


def _put_people(fields: _Fields, code: int, act: ActKind, data: _Data) -> None:
    _put_account(fields, data, act.user, "user")
    if act.user == "Target" and "user.name" not in fields and code in {4634, 4647}:
        _put_account(fields, data, "Subject", "user")
    if act.user == "Subject" and code not in _SUBJECT_ALONE:
        target = dict(data)
        if code == 4740:
            target.pop("TargetDomainName", None)
        _put_account(fields, target, "Target", "user.target")
    if code == 4648 and "user.target.name" in fields:
        fields["user.effective.name"] = fields["user.target.name"]
    if act.types[0] == "group":
        _put_group(fields, data)


def _put_group(fields: _Fields, data: _Data) -> None:
    """Set the group, which stands as the target, and the member that was added or removed."""
    group = get_text(data, "GroupName") or get_text(data, "TargetUserName")
    for name in ("user.target.name", "user.target.domain", "user.target.id"):
        fields.pop(name, None)
    if group:
        fields["group.name"] = group
    if member := get_text(data, "MemberName"):
        name = member.partition(",")[0].rpartition("=")[2] if "=" in member else member
        fields["user.target.name"] = name.casefold()


def _put_account(fields: _Fields, data: _Data, role: str, prefix: str) -> None:
    """Set the name, domain and id of `SubjectUserName`, `TargetUserName` or `AccountName`."""
    account: _Fields = {}
    name = get_text(data, "AccountName" if role == "Account" else f"{role}UserName")
    domain = get_text(data, "AccountDomain" if role == "Account" else f"{role}DomainName")
    local, at, realm = name.rpartition("@")
    if at and local and domain and realm.casefold() == domain.casefold():
        name = local
    directory_names.put_person(account, name)
    if domain and "user.name" in account:
        account["user.domain"] = domain.casefold()
    sid = get_text(data, f"{role}UserSid") or get_text(data, f"{role}Sid")
    if (
        sid not in {"", "S-1-0-0", "NULL SID", "%{S-1-0-0}"}
        and people.find_mail_addresses(sid) == []
    ):
        account["user.id"] = sid
    fields.update({each.replace("user", prefix, 1): value for each, value in account.items()})


def _put_origin(fields: _Fields, code: int, data: _Data) -> None:
    end = addresses.NOWHERE
    for key in _ADDRESSES:
        end = addresses.parse_endpoint(get_text(data, key).lstrip("\\"))
        if end.ip is not None:
            break
    port = next(
        (p for p in (addresses.parse_port(data.get(k, "").strip()) for k in _PORTS) if p), None
    )
    addresses.put_endpoint(fields, "source", end.ip, end.port or port if end.ip else None)
    stations = [get_text(data, key) for key in _STATIONS]
    if code == 4740:
        stations.append(get_text(data, "TargetDomainName"))
    station = next((each for each in stations if each), "").lstrip("\\")
    if station and addresses.parse_address(station) is None:
        fields["source.domain"] = station
    process = _parse_number(data.get("NewProcessId") or data.get("ProcessId") or "")
    if process:
        fields["process.pid"] = process


def _parse_number(text: str) -> int | None:
    text = text.strip().casefold()
    if text.startswith("0x") and 2 < len(text) <= 12:
        try:
            return int(text, 16)
        except ValueError:
            return None
    return numbers.parse_whole(text)
