"""Recognise an audit record, and choose by its operation which module reads it.

Times are UTC without saying so. `event.action` is the operation as Microsoft names it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import IgnoredLine, ParsedEvent, Parser, SourceLine
from streams.parsers.microsoft365_audit import (
    alerts,
    audit_record,
    endpoint,
    mail,
    mailbox_rules,
    operations,
    sign_ins,
)
from streams.parsers.microsoft365_audit.actors import build_user_fields, put_recipient, put_target
from streams.parsers.microsoft365_audit.dlp_policy import put_dlp
from streams.parsers.microsoft365_audit.examples import EXAMPLES
from streams.parsers.microsoft365_audit.files import put_file
from streams.tokenizers import links, stamps
from streams.tokenizers.json_lines import to_mapping, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_FAILED_WORDS = frozenset({"failed", "failure", "false"})


def _can_parse(line: SourceLine) -> bool:
    text = line.text
    return (
        audit_record.is_json_record(text)
        or audit_record.is_row(text)
        or audit_record.is_header(text)
    )


def _parse(line: SourceLine) -> ParsedEvent | IgnoredLine:
    if audit_record.is_header(line.text):
        return IgnoredLine("names the columns of an audit search export")
    record = audit_record.read_record(line.text)
    operation, created = to_word(record.get("Operation")), to_word(record.get("CreationTime"))
    if not operation or not created:
        raise UnparseableRecord(
            "an audit record without Operation or CreationTime",
            place="microsoft365_audit",
            remedy="Send the record whole, as the API or the audit search gave it.",
        )
    key = operation.casefold()
    fields = build_user_fields(record)
    fields |= {"event.action": operation, "event.outcome": _get_outcome(record)}
    if kind := to_word(record.get("RecordType")):
        fields["event.code"] = kind
    _choose_put(key, record)(fields, record, key)
    if "event.provider" not in fields and record.get("Workload"):
        fields["event.provider"] = fields["service.name"] = to_word(record["Workload"])
    return ParsedEvent(
        stamps.parse_iso(created, UTC),
        fields,
        id=_compute_id(record, key),
        session=fields.get("breach.dlp.incident_id"),
    )


def _choose_put(key: str, record: _Record) -> Callable[[_Fields, _Record, str], None]:
    return next((put for matches, put in _KINDS if matches(key, record)), _put_other)


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


def _get_outcome(record: _Record) -> str:
    failed = to_word(record.get("ResultStatus")).casefold() in _FAILED_WORDS
    return "failure" if failed else "success"


_SUBJECTS = re.compile(r"\b(?:user|group)\b")
_MEMBERSHIPS = frozenset(
    {
        *("memberadded", "memberremoved", "memberrolechanged", "teamdeleted", "teamcreated"),
        *("groupadded", "groupremoved", "addedtogroup", "removedfromgroup", "groupupdated"),
        *("sitecollectionadminadded", "sitecollectionadminremoved", "permissionlevelmodified"),
    }
)
"""Operations of Teams and SharePoint on who may do what."""


def _put_other(fields: _Fields, record: _Record, key: str) -> None:
    directory = to_word(record.get("Workload")) == "AzureActiveDirectory"
    directory = directory or key in _MEMBERSHIPS
    category = "iam" if directory else "configuration" if "-" in key else "api"
    subject = _SUBJECTS.search(key) if directory else None
    types = [subject[0]] if subject is not None else []
    fields |= {"event.category": [category], "event.type": [*types, operations.get_verb_type(key)]}
    where = to_word(record.get("ObjectId"))
    if team := to_word(record.get("TeamName")):
        fields["group.name"] = team
    if directory:
        put_target(fields, where)
    elif "://" in where[:9]:
        links.put_link(fields, where)
    put_recipient(fields, record)


_KINDS: tuple[
    tuple[Callable[[str, _Record], bool], Callable[[_Fields, _Record, str], None]], ...
] = (
    (lambda key, record: sign_ins.is_sign_in(record, key), sign_ins.put_sign_in),
    (lambda key, _record: alerts.is_alert(key), alerts.put_alert),
    (lambda key, _record: key.startswith("dlp"), put_dlp),
    (lambda key, _record: key in mailbox_rules.OPERATIONS, mailbox_rules.put_mailbox_rule),
    (lambda key, _record: key in mail.PERMISSION_OPERATIONS, mail.put_permission),
    (
        lambda key, record: (
            key in mail.OPERATIONS and to_word(record.get("Workload")) in {"", "Exchange"}
        ),
        mail.put_mail,
    ),
    (lambda _key, record: endpoint.is_endpoint(record), endpoint.put_endpoint_act),
    (lambda key, _record: operations.get_file_type(key) is not None, put_file),
)
"""Which operations a module reads, the first that matches."""

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
    examples=EXAMPLES,
)
