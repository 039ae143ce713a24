"""Parse activities of Google Workspace's Reports API: sign-ins, administration, Drive, tokens, rules
(DLP), groups and others, one JSON object each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import device_stamps, json_records, people
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_number, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_CATEGORIES = {
    "login": ["authentication"],
    "saml": ["authentication"],
    "user_accounts": ["iam"],
    "admin": ["iam"],
    "groups": ["iam"],
    "groups_enterprise": ["iam"],
    "drive": ["file"],
    "token": ["iam"],
    "rules": ["file"],
    "mobile": ["host"],
    "context_aware_access": ["iam"],
    "access_transparency": ["iam"],
    "chrome": ["host"],
    "meet": ["session"],
    "chat": ["api"],
    "gmail": ["email"],
    "calendar": ["api"],
    "data_studio": ["file"],
    "vault": ["iam"],
}
_LOGINS = {
    "login_success": ("success", ["start"]),
    "login_failure": ("failure", ["start"]),
    "login_challenge": ("unknown", ["info"]),
    "login_verification": ("unknown", ["info"]),
    "risky_sensitive_action_allowed": ("success", ["info"]),
    "risky_sensitive_action_blocked": ("failure", ["info"]),
    "logout": ("success", ["end"]),
    "account_disabled_password_leak": ("success", ["user", "change"]),
    "account_disabled_generic": ("success", ["user", "change"]),
    "account_disabled_hijacked": ("success", ["user", "change"]),
    "account_disabled_spamming": ("success", ["user", "change"]),
    "account_disabled_spamming_through_relay": ("success", ["user", "change"]),
    "suspicious_login": ("success", ["info"]),
    "suspicious_login_less_secure_app": ("success", ["info"]),
    "suspicious_programmatic_login": ("success", ["info"]),
    "gov_attack_warning": ("unknown", ["info"]),
}
_CHALLENGES = frozenset({"login_challenge", "login_verification"})
"""Steps of a sign-in whose outcome a parameter gives."""
_ALERTS = frozenset(
    {
        *("suspicious_login", "suspicious_login_less_secure_app", "gov_attack_warning"),
        *("suspicious_programmatic_login", "account_disabled_password_leak", "rule_match"),
        *("account_disabled_hijacked", "account_disabled_spamming", "label_applied"),
        *("account_disabled_generic", "rule_trigger", "action_complete"),
        *("account_disabled_spamming_through_relay", "risky_sensitive_action_allowed"),
    }
)
_FILE_TYPES = {
    "view": "access",
    "download": "access",
    "preview": "access",
    "print": "access",
    "create": "creation",
    "upload": "creation",
    "untrash": "creation",
    "copy": "creation",
    "delete": "deletion",
    "trash": "deletion",
}
_WORDS = (
    ("create", "creation"),
    ("add", "creation"),
    ("delete", "deletion"),
    ("remove", "deletion"),
)
_PARAMETERS = (
    ("event.reason", ("login_failure_type", "application_status", "failure_type")),
    ("breach.auth.method", ("login_type", "login_challenge_method")),
    ("file.name", ("doc_title", "resource_title", "resource_name")),
    ("file.owner", ("owner", "resource_owner_email")),
    ("rule.name", ("rule_name",)),
    ("rule.id", ("rule_id", "rule_resource_name")),
    ("rule.category", ("rule_type",)),
    ("service.name", ("app_name", "application_name", "APPLICATION_NAME", "CAA_APPLICATION")),
    ("group.name", ("GROUP_EMAIL", "group_id")),
)
_TARGETS = ("USER_EMAIL", "target_user", "affected_email_address", "member_id", "target")
_REFUSED = re.compile(r"(?:^|_)(?:deny|denied|blocked|failed|failure|rejected)(?:_|$)")
_FOLDERS = frozenset({"folder", "shared_drive", "shared"})
_DATA_SOURCES = {"drive": ["file"], "gmail": ["email"], "chat": ["api"], "chrome": ["web"]}
"""Categories of what a rule looks at."""
_SEVERITIES = {"low": 2, "medium": 3, "high": 4}
_BLOCKS = ("BLOCK", "QUARANTINE", "REJECT")
"""Words within the actions of a rule that refuse the act."""


def _find_record(text: str) -> _Record | None:
    record = json_records.read_record(text)
    if record is None or "events" not in record or "actor" not in record:
        return None
    identity = to_mapping(record.get("id"))
    if "time" not in identity:
        return None
    is_named = "applicationName" in identity or _get_name(record).startswith("login_")
    return record if is_named else None


def _get_name(record: _Record) -> str:
    event = next(iter(to_mappings(record.get("events"))), None) or to_mapping(record.get("events"))
    return to_word(event.get("name"))


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no activity of the Reports API",
            place="google_workspace",
            remedy="Send activities whole, one JSON object each.",
        )
    identity = to_mapping(record.get("id"))
    event = next(iter(to_mappings(record.get("events"))), None) or to_mapping(record.get("events"))
    application = to_word(identity.get("applicationName")).casefold() or "login"
    fields: _Fields = {"event.provider": application, "observer.product": "Google Workspace"}
    parameters = _collect_parameters(event.get("parameters"))
    _put_act(fields, application, to_word(event.get("name")), parameters)
    json_records.put_texts(fields, parameters, _PARAMETERS)
    if application == "rules":
        _put_rule(fields, parameters)
    if "doc_type" in parameters:
        is_folder = to_word(parameters["doc_type"]) in _FOLDERS
        fields["file.type"] = "dir" if is_folder else "file"
    _put_people(fields, record, parameters)
    json_records.put_client(fields, [to_word(record.get("ipAddress"))])
    if size := to_number(parameters.get("num_response_bytes")):
        fields["network.bytes"] = size
    if tenant := to_word(identity.get("customerId")):
        fields["cloud.account.id"] = tenant
    if parameters.get("is_second_factor") is not None:
        fields["breach.auth.mfa"] = parameters["is_second_factor"] in (True, "true")
    time = device_stamps.parse_stamp(to_word(identity.get("time")), line.arrived, line.zone)
    # The qualifier is unique among events of one time only, and of one activity there are several.
    whole = orjson.dumps([identity, event], option=orjson.OPT_SORT_KEYS)
    return ParsedEvent(time, fields, id=hashlib.sha256(whole).hexdigest()[:32])


def _collect_parameters(value: Value) -> dict[str, Value]:
    """Collect parameters by name; of a list of values the first."""
    parameters: dict[str, Value] = {}
    for each in to_mappings(value):
        lists = (each.get("multiValue"), each.get("multiIntValue"))
        several = next((one for one in lists if isinstance(one, list) and one), [None])
        values = (each.get("value"), each.get("boolValue"), each.get("intValue"), several[0])
        messages = each.get("multiMessageValue") or each.get("messageValue")
        parameters.setdefault(
            to_word(each.get("name")), next((v for v in values if v is not None), messages)
        )
    return parameters


def _put_rule(fields: _Fields, parameters: _Record) -> None:
    """Set what a rule found and did, without what it found it in."""
    source = to_word(parameters.get("data_source")).casefold()
    fields["event.category"] = _DATA_SOURCES.get(source, fields["event.category"])
    severity = _SEVERITIES.get(to_word(parameters.get("severity")).casefold())
    if severity is not None:
        fields["event.severity"] = severity
    actions = _list_inner(parameters.get("triggered_actions"), "action_type")
    detectors = _list_inner(parameters.get("matched_detectors"), "display_name")
    if actions:
        fields["breach.dlp.actions"] = actions
        is_blocked = any(word in action for action in actions for word in _BLOCKS)
        fields["event.outcome"] = "failure" if is_blocked else "success"
        fields["event.type"] = ["denied" if is_blocked else "allowed"]
    if detectors:
        fields["breach.dlp.sensitive_types"] = [{"id": each, "name": each} for each in detectors]


def _list_inner(value: Value, name: str) -> list[str]:
    """List one parameter of each of several messages, each value once."""
    messages = value if isinstance(value, list) else [value]
    inner = [_collect_parameters(to_mapping(each).get("parameter")) for each in messages]
    return list(dict.fromkeys(text for each in inner if (text := to_word(each.get(name)))))


def _put_act(fields: _Fields, application: str, name: str, parameters: _Record) -> None:
    lowered = name.casefold()
    category = _CATEGORIES.get(application, ["api"])
    if application == "login":
        category, outcome, types = _choose_sign_in(lowered, parameters)
    elif application in {"saml", "chrome"} and "login" in lowered:
        category, types = ["authentication"], ["start"]
        outcome = "failure" if "failure" in lowered else "success"
    else:
        outcome = "failure" if _REFUSED.search(lowered) else "success"
        types = [_choose_type(application, category, lowered)]
    fields |= {
        "event.category": category.copy(),
        "event.type": types.copy(),
        "event.action": name or "activity",
        "event.outcome": outcome,
    }
    if lowered in _ALERTS:
        fields["event.kind"] = "alert"


def _choose_sign_in(lowered: str, parameters: _Record) -> tuple[list[str], str, list[str]]:
    """Choose category, outcome and types of an event of the sign-in log."""
    if lowered not in _LOGINS:
        return ["iam"], "success", ["info"]
    outcome, types = _LOGINS[lowered]
    if lowered in _CHALLENGES:
        status = to_word(parameters.get("login_challenge_status")).casefold()
        outcome = "success" if "passed" in status else "failure" if status else "unknown"
    return ["authentication"], outcome, types


def _choose_type(application: str, category: list[str], lowered: str) -> str:
    if category == ["file"]:
        return _FILE_TYPES.get(lowered, "change")
    if application == "token" and lowered in {"revoke", "activity"}:
        return "deletion" if lowered == "revoke" else "info"
    return next((kind for word, kind in _WORDS if word in lowered), "change")


def _put_people(fields: _Fields, record: _Record, parameters: _Record) -> None:
    actor = to_mapping(record.get("actor"))
    email = to_word(actor.get("email")) or to_word(actor.get("key"))
    people.put_user(fields, email or json_records.get_text(parameters, "affected_email_address"))
    if profile := to_word(actor.get("profileId")):
        fields["user.id"] = profile
    target: _Fields = {}
    people.put_user(target, json_records.get_text(parameters, *_TARGETS))
    if target and target.get("user.name") != fields.get("user.name"):
        fields.update({n.replace("user.", "user.target."): v for n, v in target.items()})


def _build(application: str, name: str, parameters: list[Value], ip: str = "198.51.100.7") -> str:
    record: dict[str, Value] = {
        "kind": "admin#reports#activity",
        "id": {
            "time": "2026-11-22T01:06:15.000Z",
            "uniqueQualifier": "1",
            "applicationName": application,
            "customerId": "C1",
        },
        "actor": {"callerType": "USER", "email": "Jo@Contoso.example", "profileId": "7"},
        "ipAddress": ip,
        "events": [{"type": application, "name": name, "parameters": parameters}],
    }
    return orjson.dumps(record).decode()


PARSER = Parser(
    id="google_workspace",
    title="Google Workspace Reports API (login, admin, Drive, token, rules)",
    hints=(b'"applicationName"', b'"login_'),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list",
        "https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login",
    ),
    examples=(
        ParserExample(
            _build("login", "login_success", [{"name": "login_type", "value": "google_password"}]),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "source.ip": "198.51.100.7",
                "breach.auth.method": "google_password",
            },
        ),
        ParserExample(
            _build(
                "login",
                "login_failure",
                [{"name": "login_failure_type", "value": "login_failure_invalid_password"}],
                ip="2001:DB8::7",
            ),
            {
                "event.outcome": "failure",
                "event.reason": "login_failure_invalid_password",
                "source.ip": "2001:db8::7",
            },
        ),
        ParserExample(
            _build(
                "drive",
                "download",
                [
                    {"name": "doc_title", "value": 'pay" src=192.0.2.66'},
                    {"name": "owner", "value": "e"},
                ],
            ),
            {
                "event.category": ["file"],
                "event.type": ["access"],
                "file.name": 'pay" src=192.0.2.66',
            },
        ),
        ParserExample(
            _build(
                "rules",
                "action_complete",
                [
                    {"name": "data_source", "value": "DRIVE"},
                    {"name": "rule_name", "multiValue": ["Account numbers"]},
                    {"name": "rule_id", "multiIntValue": ["12"]},
                    {"name": "severity", "value": "HIGH"},
                    {"name": "resource_title", "value": "list.xlsx"},
                    {
                        "name": "matched_detectors",
                        "multiMessageValue": [
                            {"parameter": [{"name": "display_name", "value": "IBAN_CODE"}]}
                        ],
                    },
                    {
                        "name": "triggered_actions",
                        "multiMessageValue": [
                            {
                                "parameter": [
                                    {"name": "action_type", "value": "DRIVE_BLOCK_EXTERNAL_SHARING"}
                                ]
                            }
                        ],
                    },
                ],
            ),
            {
                "event.kind": "alert",
                "event.outcome": "failure",
                "event.severity": 4,
                "rule.name": "Account numbers",
                "rule.id": "12",
                "file.name": "list.xlsx",
                "breach.dlp.actions": ["DRIVE_BLOCK_EXTERNAL_SHARING"],
                "breach.dlp.sensitive_types": [{"id": "IBAN_CODE", "name": "IBAN_CODE"}],
            },
        ),
        ParserExample(
            _build(
                "admin", "CREATE_USER", [{"name": "USER_EMAIL", "value": "Eve@contoso.example"}]
            ),
            {"event.type": ["creation"], "user.target.name": "eve@contoso.example"},
        ),
    ),
)
