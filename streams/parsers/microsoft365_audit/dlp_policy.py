"""Read a DLP match of Microsoft Purview: rules, severity, actions, and kinds of data.

One match lists several rules that saw the same data, so a kind counts once with its highest count.
Values that were found (`DetectedValues`) are personal data and are never copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.pipeline.event import Value
from streams.parsers.microsoft365_audit import endpoint as endpoints
from streams.tokenizers import directory_names, json_lines, links

SENSITIVE_TYPES = {
    "50842eb7-edc8-4019-85dd-5a5c1f2bb085": "Credit Card Number",
    "cb353f78-2b72-4c3c-8827-92ebe4f69fdf": "ABA Routing Number",
    "0e9b3178-9678-47dd-a509-37222ca96b42": "EU Debit Card Number",
}
"""Microsoft's ids of built-in kinds; others keep the name that the record gives, or none."""
_SEVERITIES = {"low": 2, "medium": 3, "high": 4}
_REASONS = frozenset({"Override", "Document Change", "Policy Change"})
"""Why a DlpRuleUndo happened, as Microsoft words it; other text is the user's own."""
_FILE_NAMES = (
    ("file.name", "FileName"),
    ("file.path", "FilePathUrl"),
    ("file.owner", "FileOwner"),
)
_AGENT = "dlp"
"""How the names of Microsoft's agents begin (`DlpAgent`, `DlpPolicyEventBasedAssistant…`)."""
_UNDO = "dlpruleundo"
"""The operation by which a match ends: what it blocked is allowed again."""
_BLOCKS = frozenset({"blockaccess", "blockaccessscope", "block", "quarantine", "rejectmessage"})


@dataclass(slots=True)
class PolicyMatch:
    """Rules and kinds of data of one match, each once, in the record's order."""

    policies: dict[str, None] = field(default_factory=dict)
    rule_ids: dict[str, None] = field(default_factory=dict)
    rule_names: dict[str, None] = field(default_factory=dict)
    severity: int | None = None
    """2 low, 3 medium, 4 high: the gravest rule's."""
    actions: dict[str, None] = field(default_factory=dict)
    types: dict[str, dict[str, Value]] = field(default_factory=dict)

    @property
    def blocked(self) -> bool:
        return any(action.casefold() in _BLOCKS for action in self.actions)


def _read_policies(policies: Value) -> PolicyMatch:
    """Read the match from `PolicyDetails`."""
    match = PolicyMatch()
    for policy in json_lines.to_mappings(policies):
        _add(match.policies, policy.get("PolicyName"))
        for rule in json_lines.to_mappings(policy.get("Rules")):
            _add_rule(match, rule)
    return match


def _add_rule(match: PolicyMatch, rule: Mapping[str, Value]) -> None:
    _add(match.rule_ids, rule.get("RuleId"))
    _add(match.rule_names, rule.get("RuleName"))
    for action in json_lines.to_words(rule.get("Actions")):
        _add(match.actions, action)
    severity = _SEVERITIES.get(json_lines.to_word(rule.get("Severity")).casefold())
    if severity is not None:
        match.severity = max(severity, match.severity or 0)
    conditions = json_lines.to_mapping(rule.get("ConditionsMatched"))
    for information in json_lines.to_mappings(conditions.get("SensitiveInformation")):
        _add_type(match.types, information)


def _add_type(types: dict[str, dict[str, Value]], information: Mapping[str, Value]) -> None:
    guid = json_lines.to_word(information.get("SensitiveType")).casefold()
    if not guid:
        return
    name = SENSITIVE_TYPES.get(guid) or json_lines.to_word(
        information.get("SensitiveInformationTypeName") or information.get("SensitiveTypeName")
    )
    data_type = types.setdefault(guid, {"id": guid, "name": name or guid, "count": 0})
    data_type["count"] = max(
        data_type["count"], json_lines.to_number(information.get("Count")) or 0
    )
    confidence = json_lines.to_number(information.get("Confidence"))
    if confidence is not None:
        data_type["confidence"] = max(data_type.get("confidence", 0), confidence)
    unique = json_lines.to_number(information.get("UniqueCount"))
    if unique is not None:
        data_type["unique_count"] = max(data_type.get("unique_count", 0), unique)


def _add(names: dict[str, None], value: Value) -> None:
    name = json_lines.to_word(value)
    if name:
        names[name] = None


def _parse_exception(value: Value) -> dict[str, Value]:
    """Parse `ExceptionInfo`, an object or a string that holds one: what the user claimed. The words
    of a justification are the user's own and are not copied."""
    claimed = {name.casefold(): entry for name, entry in json_lines.to_mapping(value).items()}
    if not claimed and json_lines.to_word(value):
        claimed = {"justification": value}
    exception_fields: dict[str, Value] = {
        "breach.dlp.false_positive": _is_true(claimed.get("falsepositive")),
        "breach.dlp.override": bool(claimed.get("justification") or claimed.get("override")),
    }
    reason = json_lines.to_word(claimed.get("reason"))
    if reason in _REASONS:
        exception_fields["event.reason"] = reason
    return {name: entry for name, entry in exception_fields.items() if entry}


def _is_true(value: Value) -> bool:
    return value is True or (isinstance(value, str) and value.casefold() == "true")


def _put_match(fields: dict[str, Value], match: PolicyMatch) -> None:
    """Set `rule.*`, `event.severity`, and what the policy says of `breach.dlp.*`."""
    match_fields: dict[str, Value] = {
        "rule.id": list(match.rule_ids),
        "rule.name": list(match.rule_names),
        "rule.ruleset": list(match.policies),
        "breach.dlp.actions": list(match.actions),
        "breach.dlp.sensitive_types": list(match.types.values()),
        "event.severity": match.severity,
    }
    fields.update({name: value for name, value in match_fields.items() if value})


def _put_mail(fields: dict[str, Value], mail: Mapping[str, Value]) -> None:
    """Set fields from `ExchangeMetaData`, without the subject, which may hold personal data."""
    for name, key in (("from", "From"), ("to", "To"), ("cc", "CC"), ("bcc", "BCC")):
        recipients = [person.casefold() for person in json_lines.to_words(mail.get(key))]
        if recipients:
            fields[f"email.{name}.address"] = recipients
    message = json_lines.to_word(mail.get("MessageID"))
    if message:
        fields["email.message_id"] = message
    _put_size(fields, mail)


def _put_file(fields: dict[str, Value], where: Mapping[str, Value]) -> None:
    """Set fields from `SharePointMetaData` or `EndpointMetaData`."""
    for name, key in _FILE_NAMES:
        value = json_lines.to_word(where.get(key))
        if value:
            fields[name] = value
    links.put_link(fields, json_lines.to_word(where.get("FilePathUrl")))
    _put_size(fields, where)


def _put_reporter(fields: dict[str, Value], name: str) -> None:
    """Set the user who signed the record, unless it is Microsoft's agent."""
    if "@" in name or not name.casefold().startswith(_AGENT):
        directory_names.put_person(fields, name)


def _put_size(fields: dict[str, Value], where: Mapping[str, Value]) -> None:
    size = json_lines.to_number(where.get("FileSize"))
    if size is not None:
        fields["file.size"] = size


def put_dlp(fields: dict[str, Value], record: Mapping[str, Value], key: str) -> None:
    """Set the fields of a match, or of its undoing. `UserId` is Microsoft's agent there; the metadata
    name the person."""
    mail, site = (
        json_lines.to_mapping(record.get("ExchangeMetaData")),
        json_lines.to_mapping(record.get("SharePointMetaData")),
    )
    endpoint = json_lines.to_mapping(record.get("EndpointMetaData"))
    match = _read_policies(record.get("PolicyDetails"))
    for name in ("user.name", "user.email", "user.domain"):
        fields.pop(name, None)
    actor = mail.get("From") or site.get("From") or site.get("FileOwner")
    directory_names.put_person(fields, json_lines.to_word(actor))
    if "user.name" not in fields and (endpoint or not (mail or site)):
        _put_reporter(fields, json_lines.to_word(record.get("UserId")))
    exception_fields = _parse_exception(record.get("ExceptionInfo"))
    is_blocked = match.blocked and key != _UNDO and "breach.dlp.override" not in exception_fields
    fields |= {
        "event.kind": "alert",
        "event.category": ["email" if mail else "file"],
        "event.type": ["access", "denied" if is_blocked else "allowed"],
        "event.outcome": "failure" if is_blocked else "success",
        "event.action": "DlpRule" + key[7:].capitalize()
        if key.startswith("dlprule")
        else "DlpInfo",
    }
    _put_match(fields, match)
    _put_mail(fields, mail)
    _put_file(fields, site)
    if endpoint:
        endpoints.put_device(fields, record)
    fields |= exception_fields
    if incident := json_lines.to_word(record.get("IncidentId")):
        fields["breach.dlp.incident_id"] = incident
