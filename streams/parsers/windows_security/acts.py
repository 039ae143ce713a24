"""Map the number of a Windows event to what it tells, and its data to ECS fields."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.parsers.windows_security import codes, providers
from streams.parsers.windows_security.kinds import GROUP_CODES, ActKind, find_kind
from streams.tokenizers import addresses, directory_names, field_tables, numbers, people

_Fields = dict[str, Value]
_Data = Mapping[str, str]
_SUBJECT_ALONE = frozenset({4672, 4688, 4689, 1102, 5140, 5145, 6272, 6273, 6274})
"""Events without another account that they act on."""
_UNSAID = frozenset({"", "-", "local", "unknown", "n/a", "(null)"})
_ADDRESSES = (
    *("IpAddress", "ClientAddress", "Address", "CallingStationID", "SourceIp"),
    *("ClientIP", "IPString", "SourceAddress", "Param3"),
)
"""A calling station is an address where the network policy server proves users of a VPN; Param3
where the Remote Desktop listener names the client."""
_PORTS = ("IpPort", "ClientPort", "SourcePort")
_PROCESSES = ("NewProcessId", "ProcessId", "CallerProcessId")
_STATIONS = ("WorkstationName", "Workstation", "ClientName", "CallerComputerName")
_TEXTS = (
    ("process.executable", "NewProcessName"),
    ("process.executable", "ProcessName"),
    ("process.executable", "Image"),
    ("process.executable", "CallerProcessName"),
    ("process.command_line", "CommandLine"),
    ("process.parent.executable", "ParentProcessName"),
    ("process.parent.executable", "ParentImage"),
    ("file.path", "TargetFilename"),
    ("destination.domain", "DestinationHostname"),
    ("dns.question.name", "QueryName"),
    ("service.name", "ServiceName"),
    ("file.name", "RelativeTargetName"),
    ("group.name", "GroupName"),
)


def put_act(
    fields: _Fields, code: int, data: _Data, audited: str | None, logged_by: tuple[str, str]
) -> None:
    """Set what the event tells. `audited`: the outcome by its keywords, if it has any;
    `logged_by`: provider and channel."""
    act = find_kind(code, *logged_by)
    if act is None:
        fields |= {
            "event.category": ["host"],
            "event.type": ["info"],
            "event.action": f"event-{code}",
            "event.outcome": audited or "unknown",
        }
        _put_account(fields, data, "Subject", "user")
        _put_named(fields, data)
    else:
        fields |= {
            "event.category": list(act.categories),
            "event.type": list(act.types),
            "event.action": act.action,
        }
        _put_outcome(fields, code, act, data, audited)
        _put_people(fields, code, act, data)
    _put_origin(fields, code, data)
    for name, key in _TEXTS:
        if get_text(data, key):
            fields.setdefault(name, data[key])
    _put_object(fields, data)
    _put_names(fields)
    providers.put_provided(fields, logged_by[0].casefold(), data)
    if "authentication" in fields["event.category"]:
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
    if not act.user:
        _put_named(fields, data)
        return
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
    if code in GROUP_CODES:
        _put_group(fields, data)
    if code == 4781:
        _put_renamed(fields, data)


def _put_named(fields: _Fields, data: _Data) -> None:
    """Set the person whom `User` names, or the parameters of the Remote Desktop listener."""
    domain = get_text(data, "Param2")
    for key in ("User", "Param1"):
        name = get_text(data, key)
        if name and "user.name" not in fields:
            directory_names.put_person(fields, name)
            if key == "Param1" and domain and "user.name" in fields:
                fields["user.domain"] = domain.casefold()


def _put_object(fields: _Fields, data: _Data) -> None:
    """Set the file or the key of the registry that was reached."""
    kind, name = get_text(data, "ObjectType").casefold(), get_text(data, "ObjectName")
    if kind == "file" and name:
        fields["file.path"] = name
    elif kind == "key" and name:
        fields["registry.path"] = name
    elif (linked := get_text(data, "FileName")) and get_text(data, "LinkName"):
        fields["file.path"] = linked


def _put_names(fields: _Fields) -> None:
    """Set the names of the process and of its parent from their paths."""
    for field in ("process", "process.parent"):
        path = fields.get(f"{field}.executable")
        if path is not None:
            fields[f"{field}.name"] = path.replace("\\", "/").rpartition("/")[2]


def _put_renamed(fields: _Fields, data: _Data) -> None:
    if old := get_text(data, "OldTargetUserName"):
        fields["user.target.name"] = old.casefold()
    if new := get_text(data, "NewTargetUserName"):
        fields["user.changes.name"] = new.casefold()


def _put_group(fields: _Fields, data: _Data) -> None:
    """Set the group, which stands as the target, and the member that was added or removed."""
    names = {
        "group.name": get_text(data, "GroupName") or get_text(data, "TargetUserName"),
        "group.domain": get_text(data, "GroupDomain") or get_text(data, "TargetDomainName"),
        "group.id": get_text(data, "TargetSid"),
    }
    for name in [name for name in fields if name.startswith("user.target.")]:
        del fields[name]
    fields.update({name: text for name, text in names.items() if text})
    if member := get_text(data, "MemberSid"):
        fields["user.target.id"] = member
    if member := get_text(data, "MemberName"):
        name, domain = directory_names.read_distinguished(member)
        fields["user.target.name"] = name.casefold()
        if domain:
            fields["user.target.domain"] = domain.casefold()


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
    process = _parse_number(next((data[key] for key in _PROCESSES if data.get(key)), ""))
    if process:
        fields["process.pid"] = process
    reached = addresses.parse_address(
        get_text(data, "DestinationIp") or get_text(data, "DestAddress")
    )
    if reached is not None:
        reached_port = addresses.parse_port(
            get_text(data, "DestinationPort") or get_text(data, "DestPort")
        )
        addresses.put_endpoint(fields, "destination", reached, reached_port)
        field_tables.put_transport(fields, get_text(data, "Protocol"))


def _parse_number(text: str) -> int | None:
    text = text.strip().casefold()
    if text.startswith("0x") and 2 < len(text) <= 12:
        try:
            return int(text, 16)
        except ValueError:
            return None
    return numbers.parse_whole(text)
