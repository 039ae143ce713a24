"""Parse Entra ID's sign-ins, directory audits and risks: Graph's JSON, diagnostic settings' JSON
(Event Hub, storage), and rows of Log Analytics as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    device_stamps,
    directory_names,
    entra_codes,
    json_lines,
    people,
)
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_number, to_word, to_words

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_SIGN_INS = frozenset(
    {
        *("signinlogs", "noninteractiveusersigninlogs", "serviceprincipalsigninlogs"),
        *("managedidentitysigninlogs", "adfssigninlogs", "microsoftserviceprincipalsigninlogs"),
        *("aadnoninteractiveusersigninlogs", "aadserviceprincipalsigninlogs"),
        *("aadmanagedidentitysigninlogs", "b2crequestlogs"),
    }
)
_AUDITS = frozenset({"auditlogs", "provisioninglogs", "aadprovisioninglogs"})
_RISKS = frozenset(
    {
        *("riskyusers", "userriskevents", "riskyserviceprincipals", "aadriskyusers"),
        *("serviceprincipalriskevents", "aaduserriskevents", "aadriskyserviceprincipals"),
    }
)
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
_STAMPS = (
    *("createdDateTime", "activityDateTime", "detectedDateTime", "riskLastUpdatedDateTime"),
    *("time", "timeGenerated"),
)


def _find_record(text: str) -> tuple[str, dict[str, Value]] | None:
    """Return the record's kind (`sign_in`, `audit`, `risk`) and its properties by their Graph
    names; None: it is no record of Entra ID."""
    if not json_lines.is_object_start(text):
        return None
    try:
        document = json_lines.unwrap(json_lines.read_shared_object(text), "ms-graph")
    except UnparseableRecord:
        return None
    outer = {name[:1].lower() + name[1:]: value for name, value in document.items()}
    inner = to_mapping(outer.get("properties"))
    category = to_word(outer.get("category") if inner else outer.get("type")).casefold()
    kind = _get_kind(category)
    if kind is not None and (inner or "tenantId" in outer or "timeGenerated" in outer):
        return kind, outer | {name[:1].lower() + name[1:]: value for name, value in inner.items()}
    kind = _get_graph_kind(outer)
    return None if kind is None else (kind, outer)


def _get_kind(category: str) -> str | None:
    for kind, categories in (("sign_in", _SIGN_INS), ("audit", _AUDITS), ("risk", _RISKS)):
        if category in categories:
            return kind
    return None


def _get_graph_kind(record: _Record) -> str | None:
    if "createdDateTime" in record and "errorCode" in to_mapping(record.get("status")):
        return "sign_in"
    if "activityDateTime" in record and "activityDisplayName" in record:
        return "audit"
    if "riskState" in record and ("riskEventType" in record or "riskLastUpdatedDateTime" in record):
        return "risk"
    return None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    kind_and_record = _find_record(line.text)
    if kind_and_record is None:
        raise UnparseableRecord(
            "no record of Entra ID",
            place="microsoft_entra",
            remedy="Send sign-ins, audits and risks as Graph or a diagnostic setting writes them.",
        )
    kind, record = kind_and_record
    fields: _Fields = {"event.provider": "Microsoft Entra ID"}
    if tenant := to_word(record.get("tenantId") or record.get("homeTenantId")):
        fields["cloud.account.id"] = tenant
    _PUTS[kind](fields, record)
    texts = [to_word(record.get(name)) for name in _STAMPS]
    times = (device_stamps.parse_stamp(text, line.arrived, line.zone) for text in texts if text)
    return ParsedEvent(
        next((time for time in times if time is not None), None),
        fields,
        id=to_word(record.get("id")) or None,
    )


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
    fields |= {
        "event.category": ["authentication"],
        "event.type": ["info" if outcome == "unknown" else "start"],
        "event.action": "sign-in-interrupted" if outcome == "unknown" else _SIGN_IN_NAME,
        "event.outcome": outcome,
    }
    application = record.get("userPrincipalName") or record.get("servicePrincipalName")
    directory_names.put_person(fields, to_word(application))
    if "user.name" not in fields:
        directory_names.put_person(fields, to_word(record.get("servicePrincipalId")))
    device = to_mapping(record.get("deviceDetail"))
    location = to_mapping(record.get("locationDetails")) or to_mapping(record.get("location"))
    _put_texts(
        fields,
        {
            "event.code": number,
            "error.code": None if number == "0" else number,
            "user.id": record.get("userId") or record.get("servicePrincipalId"),
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
    result = (to_word(record.get("result")) or to_word(record.get("resultSignature"))).casefold()
    word = name.partition(" ")[0].casefold()
    fields |= {
        "event.category": ["iam"],
        "event.type": [_TYPES.get(word, "change")],
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
    for target in to_mappings(record.get("targetResources")):
        person: _Fields = {}
        directory_names.put_person(person, to_word(target.get("userPrincipalName")))
        if not person and to_word(target.get("type")) == "Group":
            _put_texts(
                fields, {"group.name": target.get("displayName"), "group.id": target.get("id")}
            )
        if person:
            fields.update({n.replace("user.", "user.target."): v for n, v in person.items()})
            _put_texts(fields, {"user.target.id": target.get("id")})
            break


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
    _put_texts(
        fields,
        {
            "user.id": record.get("userId"),
            "user.full_name": record.get("userDisplayName"),
            "event.reason": record.get("riskDetail"),
            "rule.name": detected,
        },
    )
    severity = _SEVERITIES.get(to_word(record.get("riskLevel")).casefold())
    if severity:
        fields["event.severity"] = severity
    _put_address(fields, record.get("ipAddress"), record.get("callerIpAddress"))
    agents = to_words(record.get("userAgent"))
    if agents:
        fields["user_agent.original"] = agents[0]


_PUTS: Mapping[str, Callable[[_Fields, _Record], None]] = {
    "sign_in": _put_sign_in,
    "audit": _put_audit,
    "risk": _put_risk,
}
_SIGN_IN: dict[str, Value] = {
    "id": "6f1c7a52-0002-4a3e-9b5e-000000000001",
    "createdDateTime": "2026-11-22T01:06:15Z",
    "userPrincipalName": "Jo@Contoso.example",
    "userId": "0b1c",
    "appDisplayName": "Office 365",
    "clientAppUsed": "Browser",
    "ipAddress": "198.51.100.7",
    "userAgent": "Mozilla/5.0",
    "authenticationRequirement": "multiFactorAuthentication",
    "riskLevelDuringSignIn": "medium",
    "status": {"errorCode": 0, "failureReason": "Other."},
}
_REFUSED = _SIGN_IN | {
    "ipAddress": "2001:DB8::7",
    "status": {"errorCode": 50126, "failureReason": "Invalid user name or password."},
}
_AUDIT: dict[str, Value] = {
    "activityDateTime": "2026-11-22T01:06:15Z",
    "activityDisplayName": "Reset user password",
    "result": "success",
    "initiatedBy": {"user": {"userPrincipalName": "Eve@contoso.example", "ipAddress": "192.0.2.9"}},
    "targetResources": [{"type": "User", "userPrincipalName": "Jo@contoso.example", "id": "7"}],
}


def _build(category: str, properties: dict[str, Value], **more: Value) -> str:
    record = {
        "time": "2026-11-22T01:06:16Z",
        "tenantId": "0fbd3c1e-1111-4222-8333-444455556666",
        "category": category,
        "operationName": "Sign-in activity",
        "properties": properties,
        **more,
    }
    return orjson.dumps(record).decode()


PARSER = Parser(
    id="microsoft_entra",
    title="Microsoft Entra ID sign-ins, audits and risks (Graph, diagnostic settings)",
    hints=(
        *(b'"createdDateTime"', b'SignInLogs"', b'"AuditLogs"', b'"activityDisplayName"'),
        *(b'"ActivityDisplayName"', b'"CreatedDateTime"', b'"SigninLogs"', b'"riskState"'),
        *(
            b'"RiskState"',
            b'"RiskyUsers"',
            b'RiskEvents"',
            b'"ProvisioningLogs"',
            b'"B2CRequestLogs"',
        ),
    ),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/graph/api/resources/signin",
        "https://learn.microsoft.com/graph/api/resources/directoryaudit",
        "https://learn.microsoft.com/entra/identity/monitoring-health/concept-diagnostic-settings-logs-options",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_SIGN_IN).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
                "service.name": "Office 365",
                "breach.auth.mfa": True,
                "breach.auth.risk": "medium",
            },
        ),
        ParserExample(
            _build("SignInLogs", _REFUSED),
            {
                "event.outcome": "failure",
                "event.code": "50126",
                "event.reason": "Invalid user name or password.",
                "source.ip": "2001:db8::7",
                "cloud.account.id": "0fbd3c1e-1111-4222-8333-444455556666",
            },
        ),
        ParserExample(
            _build("NonInteractiveUserSignInLogs", _SIGN_IN | {"status": {"errorCode": 50140}}),
            {"event.outcome": "unknown", "event.action": "sign-in-interrupted"},
        ),
        ParserExample(
            _build(
                "ServicePrincipalSignInLogs",
                {
                    "createdDateTime": "2026-11-22T01:06:15Z",
                    "servicePrincipalName": "Backup-App",
                    "servicePrincipalId": "22aa",
                    "userPrincipalName": "",
                    "status": {"errorCode": 7000222},
                },
                callerIpAddress="203.0.113.9",
            ),
            {
                "event.outcome": "failure",
                "user.name": "backup-app",
                "user.id": "22aa",
                "source.ip": "203.0.113.9",
            },
        ),
        ParserExample(
            orjson.dumps(_AUDIT).decode(),
            {
                "event.category": ["iam"],
                "event.action": "Reset user password",
                "user.name": "eve@contoso.example",
                "user.target.name": "jo@contoso.example",
                "source.ip": "192.0.2.9",
            },
        ),
        ParserExample(
            _build(
                "RiskyUsers",
                {
                    "userPrincipalName": "jo@contoso.example",
                    "riskState": "atRisk",
                    "riskLevel": "high",
                    "riskLastUpdatedDateTime": "2026-11-22T01:06:15Z",
                },
            ),
            {"event.kind": "alert", "event.severity": 4, "user.name": "jo@contoso.example"},
        ),
        ParserExample(
            orjson.dumps(
                {
                    "TimeGenerated": "2026-11-22T01:06:15Z",
                    "Type": "SigninLogs",
                    "UserPrincipalName": "Jo@contoso.example",
                    "ResultType": "50053",
                    "IPAddress": "192.0.2.1",
                    "ResultDescription": 'Locked" src="192.0.2.66',
                }
            ).decode(),
            {"event.outcome": "failure", "source.ip": "192.0.2.1", "event.code": "50053"},
        ),
    ),
)
