"""Parse the Microsoft 365 unified audit log: API JSON, and rows of the audit search's CSV export.

`ResultStatus` says Success on most failed sign-ins, so the outcome comes from the operation and the
error number; numbers that only interrupt a sign-in (more is asked for) are neither success nor
failure. In a DLP record `UserId` is Microsoft's agent; the person is in the metadata. Times are UTC
without saying so. `event.action` is the operation as Microsoft names it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import Duplicate, ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import (
    addresses,
    audit_operations,
    audit_record,
    dlp_policy,
    json_lines,
    mailbox_rules,
    people,
    stamps,
)
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_number, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_INTERRUPTS = (
    "16000 16001 50011 50055 50058 50072 50074 50076 50079 50089 50097 50125 50129 50132 50133"
    " 50140 50143 50144 50158 50173 50178 50199 51006 65001 65004 65005 70008 70043 70044 81010"
    " 81012 90095 399218 399284 700082 9002341"
)
"""Entra error numbers that ask for more (a second factor, a new session, consent): no guess."""
_IS_INTERRUPT = frozenset(_INTERRUPTS.split())
_FAILED_WORDS = frozenset({"failed", "failure", "false"})
_MAIL = (
    "mailitemsaccessed messagebind send sendas sendonbehalf create update move copy folderbind"
    " harddelete softdelete movetodeleteditems recorddelete"
)
_IS_MAIL = frozenset(_MAIL.split())
_RULES = frozenset({"new-inboxrule", "set-inboxrule", "updateinboxrules"})
_MAILBOX = frozenset({"set-mailbox", "new-transportrule", "set-transportrule"})


def _can_parse(text: str) -> bool:
    return (
        json_lines.is_audit_record(text)
        or audit_record.is_row(text)
        or audit_record.is_header(text)
    )


def _parse(line: SourceLine) -> ParsedEvent | Duplicate:
    if audit_record.is_header(line.text):
        return Duplicate(None, "names the columns of an audit search export")
    record = audit_record.read(line.text)
    operation, created = to_word(record.get("Operation")), to_word(record.get("CreationTime"))
    if not operation or not created:
        raise UnparseableRecord(
            "an audit record without Operation or CreationTime",
            place="microsoft365_audit",
            remedy="Send the record whole, as the API or the audit search gave it.",
        )
    key = operation.casefold()
    fields = _build_user_fields(record)
    fields |= {"event.action": operation, "event.outcome": _get_outcome(record)}
    _choose_put(key, record)(fields, record, key)
    if "event.provider" not in fields and record.get("Workload"):
        fields["event.provider"] = fields["service.name"] = to_word(record["Workload"])
    return ParsedEvent(stamps.parse_iso(created, UTC), fields, id=_compute_id(record, key))


def _choose_put(key: str, record: _Record) -> Callable[[_Fields, _Record, str], None]:
    if key in {"userloggedin", "userloginfailed"}:
        return _put_sign_in
    if key.startswith("dlp"):
        return _put_dlp
    if key in _RULES or key in _MAILBOX:
        return _put_mailbox_rule
    if key in {"add-mailboxpermission", "add-recipientpermission", "addfolderpermissions"}:
        return _put_permission
    if key in _IS_MAIL and to_word(record.get("Workload")) in {"", "Exchange"}:
        return _put_mail
    return _put_other if audit_operations.get_file_type(key) is None else _put_file


def _compute_id(record: _Record, key: str) -> str | None:
    record_id = to_word(record.get("Id"))
    if not record_id or not key.startswith("dlp"):
        return record_id or None
    canonical = orjson.dumps(
        to_mapping(record.get("ExceptionInfo")) or to_word(record.get("ExceptionInfo")),
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.sha256(b"\0".join((record_id.encode(), key.encode(), canonical))).hexdigest()[
        :32
    ]


def _build_user_fields(record: _Record) -> _Fields:
    fields: _Fields = {}
    for name in ("ClientIP", "ClientIPAddress", "ActorIpAddress"):
        end = addresses.parse_endpoint(to_word(record.get(name)))
        if end.ip is not None:
            addresses.put_endpoint(fields, "source", end.ip, end.port)
            break
    people.put_user(fields, to_word(record.get("UserId")))
    if tenant := to_word(record.get("OrganizationId")):
        fields["cloud.account.id"] = tenant
    agent = to_word(record.get("UserAgent")) or to_word(record.get("ClientInfoString"))
    if agent:
        fields["user_agent.original"] = agent
    return fields


def _get_outcome(record: _Record) -> str:
    failed = to_word(record.get("ResultStatus")).casefold() in _FAILED_WORDS
    return "failure" if failed else "success"


def _put_sign_in(fields: _Fields, record: _Record, key: str) -> None:
    more = audit_record.parse_named_values(record.get("ExtendedProperties"))
    error = to_word(record.get("ErrorNumber")) or to_word(more.get("ErrorNumber"))
    reason = to_word(record.get("LogonError"))
    fields |= {"event.category": ["authentication"], "event.type": ["start"]}
    fields["event.outcome"] = "success"
    if key == "userloginfailed":
        interrupted = error in _IS_INTERRUPT or reason.endswith("Interrupt")
        fields["event.outcome"] = "unknown" if interrupted else "failure"
        if interrupted:
            fields |= {"event.action": "sign-in-interrupted", "event.type": ["info"]}
    if error:
        fields["event.code"] = error
    if reason:
        fields["event.reason"] = reason
    if agent := to_word(more.get("UserAgent")):
        fields["user_agent.original"] = agent


def _put_file(fields: _Fields, record: _Record, key: str) -> None:
    fields |= {"event.category": ["file"], "event.type": [audit_operations.get_file_type(key)]}
    if name := to_word(record.get("SourceFileName")):
        fields["file.name"] = name
    if extension := to_word(record.get("SourceFileExtension")):
        fields["file.extension"] = extension
    if where := to_word(record.get("ObjectId")):
        fields["file.path"] = fields["url.original"] = where
        fields |= {"url.domain": where.split("/", 3)[2].casefold()} if "://" in where[:9] else {}
    size = to_number(record.get("FileSizeBytes"))
    if size is not None:
        fields["file.size"] = size


def _put_mailbox_rule(fields: _Fields, record: _Record, key: str) -> None:
    parameters = audit_record.parse_named_values(record.get("Parameters"))
    properties = audit_record.parse_named_values(record.get("OperationProperties"))
    rule = mailbox_rules.parse_parameters(parameters)
    if not parameters and properties:
        rule = mailbox_rules.parse_operation_properties(properties)
    fields["event.category"] = ["email", "configuration"]
    fields["event.type"] = ["creation" if key.startswith("new-") else "change"]
    target = parameters.get("Mailbox") or (
        parameters.get("Identity") if key == "set-mailbox" else ""
    )
    _put_target(fields, to_word(target) or to_word(record.get("MailboxOwnerUPN")))
    if rule.name:
        fields["rule.name"] = rule.name
    if rule.deletes:
        fields["breach.mailbox.delete_message"] = True
    if rule.moves_to:
        fields["breach.mailbox.move_to_folder"] = rule.moves_to
    if rule.forward_to:
        own = fields.get("user.target.domain") or fields.get("user.domain")
        domains = {to.rpartition("@")[2] for to in rule.forward_to if "@" in to}
        fields["breach.mailbox.forward_to"] = rule.forward_to
        fields["breach.mail.forward_external"] = bool(domains - {own})


def _put_target(fields: _Fields, mailbox: str) -> None:
    """Set the mailbox that was acted on, if it is not the actor's own."""
    target: _Fields = {}
    people.put_user(target, mailbox)
    if target and target.get("user.name") != fields.get("user.name"):
        fields.update({name.replace("user.", "user.target."): v for name, v in target.items()})


def _put_permission(fields: _Fields, record: _Record, _key: str) -> None:
    parameters = audit_record.parse_named_values(record.get("Parameters"))
    fields |= {"event.category": ["iam"], "event.type": ["admin", "change"]}
    owner = to_word(parameters.get("Identity")) or to_word(record.get("MailboxOwnerUPN"))
    _put_target(fields, owner)
    if grantee := to_word(parameters.get("User") or parameters.get("Trustee")):
        fields["breach.mailbox.grantee"] = grantee.casefold()
    if rights := to_word(parameters.get("AccessRights")):
        fields["breach.mailbox.rights"] = [right.strip() for right in rights.split(",")]


def _put_mail(fields: _Fields, record: _Record, key: str) -> None:
    read = key in {"mailitemsaccessed", "messagebind"}
    kind = "access" if read else audit_operations.get_verb_type(key)
    fields |= {"event.category": ["email"], "event.type": [kind]}
    _put_target(fields, to_word(record.get("MailboxOwnerUPN")))
    if key == "mailitemsaccessed":
        folders = to_mappings(record.get("Folders"))
        listed = sum(len(to_mappings(folder.get("FolderItems"))) for folder in folders)
        fields["breach.mailbox.items"] = to_number(record.get("OperationCount")) or listed
    message = to_mapping(record.get("Item")).get("InternetMessageId")
    if to_word(message):
        fields["email.message_id"] = to_word(message)


def _put_dlp(fields: _Fields, record: _Record, key: str) -> None:
    mail, site = (
        to_mapping(record.get("ExchangeMetaData")),
        to_mapping(record.get("SharePointMetaData")),
    )
    endpoint = to_mapping(record.get("EndpointMetaData"))
    match = dlp_policy.read(record.get("PolicyDetails"))
    for name in ("user.name", "user.email", "user.domain"):
        fields.pop(name, None)
    people.put_user(fields, to_word(mail.get("From") or site.get("From") or site.get("FileOwner")))
    if endpoint and "user.name" not in fields:
        people.put_user(fields, to_word(record.get("UserId")))
    fields |= {
        "event.kind": "alert",
        "event.category": ["email" if mail else "file"],
        "event.type": ["access", "denied" if match.blocked else "allowed"],
        "event.outcome": "failure" if match.blocked else "success",
        "event.action": "DlpRule" + key[7:].capitalize()
        if key.startswith("dlprule")
        else "DlpInfo",
    }
    dlp_policy.put_match(fields, match)
    dlp_policy.put_mail(fields, mail)
    dlp_policy.put_file(fields, site or endpoint)
    fields |= dlp_policy.parse_exception(record.get("ExceptionInfo"))
    if incident := to_word(record.get("IncidentId")):
        fields["breach.dlp.incident_id"] = incident


def _put_other(fields: _Fields, record: _Record, key: str) -> None:
    directory = to_word(record.get("Workload")) == "AzureActiveDirectory"
    category = "iam" if directory else "configuration" if "-" in key else "api"
    fields |= {"event.category": [category], "event.type": [audit_operations.get_verb_type(key)]}
    if directory:
        _put_target(fields, to_word(record.get("ObjectId")))


def _build_example_json(operation: str, **more: Value) -> str:
    record = {
        "CreationTime": "2026-11-22T01:06:15",
        "Id": "6f1c7a52-0001-4a3e-9b5e-000000000001",
        "Operation": operation,
        "OrganizationId": "0fbd3c1e-1111-4222-8333-444455556666",
        "UserId": "Jo@Contoso.example",
        "Workload": "Exchange",
    }
    return orjson.dumps(record | more).decode()


def _build_example_row(text: str) -> str:
    cell = text.replace('"', '""')
    return f'6f1c7a52,2026-11-22T01:06:15.0000000Z,15,Any,jo@contoso.example,"{cell}",,'


_SIGN_IN = {"Workload": "AzureActiveDirectory", "ClientIP": "203.0.113.66:5021"}
_REFUSED = _build_example_json(
    "UserLoginFailed", **_SIGN_IN, ErrorNumber="50126", ResultStatus="Success"
)
_REFUSED_EXPECTED = {
    "@timestamp": "2026-11-22T01:06:15+00:00",
    "event.category": ["authentication"],
    "event.outcome": "failure",
    "event.code": "50126",
    "user.name": "jo@contoso.example",
    "user.email": "jo@contoso.example",
    "source.ip": "203.0.113.66",
    "source.port": 5021,
    "cloud.account.id": "0fbd3c1e-1111-4222-8333-444455556666",
}

PARSER = Parser(
    id="microsoft365_audit",
    title="Microsoft 365 unified audit log (API JSON, audit search CSV)",
    hints=(b'"Operation"', b"AuditData", b"#TYPE Selected."),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-schema",
        "https://learn.microsoft.com/purview/audit-log-export-records",
        "https://learn.microsoft.com/entra/identity-platform/reference-error-codes",
    ),
    examples=(
        ParserExample(_REFUSED, _REFUSED_EXPECTED),
        ParserExample(_build_example_row(_REFUSED), _REFUSED_EXPECTED),
        ParserExample(
            "RecordId,CreationDate,RecordType,Operation,UserId,AuditData,AssociatedAdminUnits", None
        ),
        ParserExample(
            _build_example_json("UserLoginFailed", **_SIGN_IN, ErrorNumber="50058"),
            {"event.outcome": "unknown", "event.action": "sign-in-interrupted"},
        ),
        ParserExample(
            _build_example_json(
                "UserLoggedIn",
                ClientIP="[2001:DB8::7]:443",
                ExtendedProperties=[{"Name": "UserAgent", "Value": "Mozilla/5.0"}],
            ),
            {
                "event.outcome": "success",
                "source.ip": "2001:db8::7",
                "user_agent.original": "Mozilla/5.0",
            },
        ),
        ParserExample(
            _build_example_json(
                "New-InboxRule",
                ResultStatus="True",
                Parameters=[
                    {"Name": "Name", "Value": ".."},
                    {"Name": "ForwardTo", "Value": "smtp:Drop@Elsewhere.example"},
                    {"Name": "DeleteMessage", "Value": "True"},
                ],
            ),
            {
                "event.category": ["email", "configuration"],
                "breach.mailbox.forward_to": ["drop@elsewhere.example"],
                "breach.mailbox.delete_message": True,
                "breach.mail.forward_external": True,
                "rule.name": "..",
            },
        ),
        ParserExample(
            _build_example_json(
                "FileDownloaded",
                Workload="SharePoint",
                ObjectId="https://contoso.sharepoint.example/hr/pay.xlsx",
                SourceFileName="pay.xlsx",
                FileSizeBytes=52_100,
            ),
            {"event.category": ["file"], "file.size": 52_100, "file.name": "pay.xlsx"},
        ),
        ParserExample(
            _build_example_json(
                "DLPRuleMatch",
                UserId="DlpAgent",
                SharePointMetaData={"From": "Jo@Contoso.example", "FileName": "pay.xlsx"},
                PolicyDetails=[
                    {
                        "PolicyName": "Cards",
                        "Rules": [
                            {
                                "RuleId": "r1",
                                "RuleName": "Low volume",
                                "Severity": "High",
                                "Actions": ["BlockAccess"],
                                "ConditionsMatched": {
                                    "SensitiveInformation": [
                                        {
                                            "SensitiveType": "50842eb7-edc8-4019-85dd-5a5c1f2bb085",
                                            "Count": 9,
                                            "Confidence": 85,
                                        }
                                    ]
                                },
                            }
                        ],
                    }
                ],
            ),
            {
                "event.kind": "alert",
                "event.action": "DlpRuleMatch",
                "event.outcome": "failure",
                "event.severity": 4,
                "user.name": "jo@contoso.example",
                "rule.name": ["Low volume"],
                "breach.dlp.sensitive_types": [
                    {
                        "id": "50842eb7-edc8-4019-85dd-5a5c1f2bb085",
                        "name": "Credit Card Number",
                        "count": 9,
                        "confidence": 85,
                    }
                ],
            },
        ),
    ),
)
