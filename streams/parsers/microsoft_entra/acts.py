"""Set what sign-ins, audits, risks and calls of Entra ID say, by Graph's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, directory_names, entra_codes, links, people
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_number, to_word, to_words

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_SIGN_IN_NAME = "Sign-in activity"
"""What Microsoft calls the operation where the record names it."""
_RISKS_SEEN = frozenset({"low", "medium", "high"})
_SEVERITIES = {"none": 0, "low": 2, "medium": 3, "high": 4}
_TYPES = {
    "add": "creation",
    "create": "creation",
    "invite": "creation",
    "delete": "deletion",
    "remove": "deletion",
    "hard": "deletion",
}


_SETTINGS = frozenset({"Policy", "PolicyManagement", "DirectoryManagement"})
_SUBJECTS = {"UserManagement": ("user",), "GroupManagement": ("group",)}
"""Areas of the audit log: what is changed."""
_REFUSED_WORDS = frozenset({"failed", "failure"})


def _put_address(fields: _Fields, *texts: Value) -> None:
    for text in texts:
        end = addresses.parse_endpoint(to_word(text))
        if end.ip is not None:
            addresses.put_endpoint(fields, "source", end.ip, end.port)
            return


def _put_texts(fields: _Fields, texts: Mapping[str, Value]) -> None:
    fields.update({name: to_word(text) for name, text in texts.items() if to_word(text)})


def _put_sign_in(fields: _Fields, record: _Record) -> None:
    status = to_mapping(record.get("status"))
    number = to_word(status.get("errorCode")) or to_word(record.get("resultType"))
    outcome = entra_codes.get_outcome(number)
    if not number and to_word(record.get("status")).casefold() in _REFUSED_WORDS:
        outcome = "failure"
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["info" if outcome == "unknown" else "start"],
        "event.action": "sign-in-interrupted" if outcome == "unknown" else _SIGN_IN_NAME,
        "event.outcome": outcome,
    }
    _put_principal(fields, record)
    device = to_mapping(record.get("deviceDetail"))
    location = to_mapping(record.get("locationDetails")) or to_mapping(record.get("location"))
    _put_texts(
        fields,
        {
            "event.code": number,
            "error.code": None if number == "0" else number,
            "user.full_name": record.get("userDisplayName"),
            "user_agent.original": record.get("userAgent"),
            "service.name": record.get("appDisplayName") or record.get("resourceDisplayName"),
            "host.name": device.get("displayName"),
            "device.id": device.get("deviceId"),
            "source.geo.country_iso_code": location.get("countryOrRegion"),
            "source.geo.city_name": location.get("city"),
        },
    )
    reason = status.get("failureReason") or record.get("resultDescription")
    reason = reason or record.get("failureReason")
    if outcome != "success" and to_word(reason):
        fields["event.reason"] = to_word(reason)
    _put_address(
        fields, record.get("ipAddress"), record.get("iPAddress"), record.get("callerIpAddress")
    )
    _put_factors(fields, record, status)
    client_app = to_word(record.get("clientAppUsed"))
    if client_app.casefold() not in people.NOBODY:
        fields["network.application"] = client_app
    risk = to_word(record.get("riskLevelDuringSignIn")).casefold()
    if risk in _RISKS_SEEN:
        fields["breach.auth.risk"] = risk
    milliseconds = to_number(record.get("durationMs")) or 0
    if 0 < milliseconds < 10**12:
        fields["event.duration"] = milliseconds * 1_000_000


def _put_principal(fields: _Fields, record: _Record) -> None:
    """Set who signs in: the person, also by what they typed, or else the application."""
    typed = to_word(record.get("signInIdentifier")) or to_word(record.get("alternateSignInName"))
    person = to_word(record.get("userPrincipalName")) or (typed if "@" in typed else "")
    names = [person] if person else [record.get("servicePrincipalName")]
    for name in (*names, record.get("servicePrincipalId")):
        directory_names.put_person(fields, to_word(name))
        if "user.name" in fields:
            break
    number = to_word(record.get("userId"))
    if not number and not person:
        number = to_word(record.get("servicePrincipalId"))
    _put_texts(fields, {"user.id": number})


def _put_factors(fields: _Fields, record: _Record, status: _Record) -> None:
    """Set how the user proved who they are, and whether with a second factor."""
    details = to_mappings(record.get("authenticationDetails"))
    method = next((to_word(each.get("authenticationMethod")) for each in details), "")
    if method:
        fields["breach.auth.method"] = method.casefold()
    if fields["event.outcome"] != "success":
        return
    requirement = to_word(record.get("authenticationRequirement"))
    details_text = to_word(status.get("additionalDetails")).casefold()
    if requirement == "multiFactorAuthentication" or details_text.startswith(
        ("mfa completed", "mfa requirement")
    ):
        fields["breach.auth.mfa"] = True
    elif requirement == "singleFactorAuthentication":
        fields["breach.auth.mfa"] = False


def _put_audit(fields: _Fields, record: _Record) -> None:
    name = to_word(record.get("activityDisplayName")) or to_word(record.get("operationName"))
    provisioned = to_word(record.get("provisioningAction"))
    if provisioned:
        name = f"{provisioned} provisioned account"
    provisioning = to_mapping(record.get("provisioningStatusInfo"))
    result = to_word(record.get("result")) or to_word(record.get("resultSignature"))
    result = (result if result.casefold() != "none" else "") or to_word(provisioning.get("status"))
    result = result.casefold()
    word = name.partition(" ")[0].casefold()
    types = [_TYPES.get(word, "change")]
    area = to_word(record.get("category"))
    fields |= {
        "event.category": ["iam", "configuration"] if area in _SETTINGS else ["iam"],
        "event.type": [*_SUBJECTS.get(area, ("user",) if provisioned else ()), *types],
        "event.action": name or "audit",
        "event.outcome": {"success": "success", "failure": "failure"}.get(result, "unknown"),
    }
    by = to_mapping(record.get("initiatedBy"))
    user, app = to_mapping(by.get("user")), to_mapping(by.get("app"))
    actor = user.get("userPrincipalName") or app.get("displayName") or record.get("identity")
    directory_names.put_person(fields, to_word(actor))
    _put_texts(
        fields,
        {
            "user.id": user.get("id") or app.get("servicePrincipalId"),
            "service.name": record.get("loggedByService"),
            "event.reason": record.get("resultReason") or record.get("resultDescription"),
        },
    )
    more = {
        to_word(each.get("key")).casefold(): each.get("value")
        for each in to_mappings(record.get("additionalDetails"))
    }
    _put_address(fields, user.get("ipAddress"), more.get("ipaddr"), record.get("callerIpAddress"))
    if agent := to_word(more.get("user-agent")):
        fields["user_agent.original"] = agent
    if user.get("userPrincipalName"):
        _put_texts(fields, {"user.full_name": user.get("displayName")})
    for target in to_mappings(record.get("targetResources")):
        _put_target(fields, target)
    if provisioned:
        _put_provisioned(fields, record)


def _put_provisioned(fields: _Fields, record: _Record) -> None:
    """Set the account that Entra writes to another system, and the system."""
    account = to_mapping(record.get("targetIdentity")) or to_mapping(record.get("sourceIdentity"))
    system = to_mapping(record.get("targetSystem"))
    _put_texts(
        fields,
        {
            "user.target.name": account.get("displayName"),
            "user.target.id": account.get("id"),
            "service.name": system.get("displayName") or system.get("name"),
        },
    )


def _put_target(fields: _Fields, target: _Record) -> None:
    """Set the first person and the first group that an act is done to; of a membership the group is
    a property of the person that changes."""
    person: _Fields = {}
    shown = to_word(target.get("displayName"))
    name = to_word(target.get("userPrincipalName"))
    if not name and "type" not in target and people.is_mail_address(shown):
        name = shown
    directory_names.put_person(person, name)
    if person and "user.target.name" not in fields:
        fields.update({n.replace("user.", "user.target."): v for n, v in person.items()})
        _put_texts(
            fields,
            {
                "user.target.id": target.get("id"),
                "user.target.full_name": target.get("displayName"),
            },
        )
    kind = to_word(target.get("type")) or to_word(target.get("Type"))
    if kind == "Group" and "group.id" not in fields:
        _put_texts(fields, {"group.name": target.get("displayName"), "group.id": target.get("id")})
    for change in to_mappings(target.get("modifiedProperties")):
        field = _GROUP_PROPERTIES.get(to_word(change.get("displayName")))
        words = (to_word(change.get(key)).strip('"') for key in ("newValue", "oldValue"))
        word = next((each for each in words if each), "")
        if field is not None and word and "user.target.name" in fields:
            fields[field] = word


_GROUP_PROPERTIES = {"Group.ObjectID": "group.id", "Group.DisplayName": "group.name"}


def _put_risk(fields: _Fields, record: _Record) -> None:
    state = to_word(record.get("riskState"))
    detected = to_word(record.get("riskEventType")) or to_word(record.get("riskType"))
    fields |= {
        "event.kind": "alert",
        "event.category": ["iam"],
        "event.type": ["user", "info"],
        "event.action": detected or f"risk-{state}".casefold(),
        "event.outcome": "unknown",
    }
    directory_names.put_person(fields, to_word(record.get("userPrincipalName")))
    detail = to_word(record.get("riskDetail"))
    _put_texts(
        fields,
        {
            "user.id": record.get("userId"),
            "user.full_name": record.get("userDisplayName"),
            "event.reason": detected if detail in {"", "none"} else detail,
            "rule.name": detected,
        },
    )
    level = to_word(record.get("riskLevel")).casefold()
    severity = _SEVERITIES.get(level)
    if severity:
        fields["event.severity"] = severity
    if level in _RISKS_SEEN:
        fields["breach.auth.risk"] = level
    _put_address(fields, record.get("ipAddress"), record.get("callerIpAddress"))
    agents = to_words(record.get("userAgent")) or [_find_agent(record.get("additionalInfo"))]
    _put_texts(fields, {"user_agent.original": agents[0]})


def _find_agent(information: Value) -> str:
    """Find it in a detection's details, `[{"Key": "userAgent", "Value": …}]`."""
    details = to_mappings(information)
    return next((to_word(e.get("Value")) for e in details if e.get("Key") == "userAgent"), "")


def _put_call(fields: _Fields, record: _Record) -> None:
    """Set what a call of Graph's interface was."""
    status = to_number(record.get("responseStatusCode")) or to_number(record.get("resultSignature"))
    fields |= {
        "event.category": ["api"],
        "event.type": ["access"],
        "event.action": to_word(record.get("operationName")) or "call",
        "event.outcome": "unknown" if not status else "failure" if status >= 400 else "success",
    }
    if status:
        fields["http.response.status_code"] = status
    _put_texts(
        fields,
        {
            "user.id": record.get("userId") or record.get("servicePrincipalId"),
            "user_agent.original": record.get("userAgent"),
            "http.request.method": record.get("requestMethod"),
        },
    )
    links.put_link(fields, to_word(record.get("requestUri")))
    _put_address(fields, record.get("ipAddress"), record.get("callerIpAddress"))


PUTS: Mapping[str, Callable[[_Fields, _Record], None]] = {
    "sign_in": _put_sign_in,
    "audit": _put_audit,
    "risk": _put_risk,
    "call": _put_call,
}
