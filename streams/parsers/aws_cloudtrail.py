"""Parse AWS CloudTrail: sign-ins to the console, roles taken on, refused calls, changes of accounts and
access to objects, one JSON record a call, alone or in the `detail` of EventBridge.

A refusal is a record with `errorCode`; a sign-in says its outcome in `responseElements`."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from schemas.errors import UnparseableRecord
from schemas.pipeline.event import Value
from schemas.pipeline.plugin import ParsedEvent, Parser, ParserExample, SourceLine
from streams.tokenizers import addresses, directory_names, json_records, people
from streams.tokenizers.json_lines import get_nested, to_mapping, to_mappings, to_number, unwrap
from streams.tokenizers.json_records import get_text

_Record = Mapping[str, Value]
_Act = tuple[list[str], list[str]]
_MARKS = ("eventVersion", "eventSource", "eventName", "awsRegion")
_SIGN_INS = frozenset(
    [
        *("ConsoleLogin", "CheckMfa", "UserAuthentication", "CredentialVerification"),
        *("Authenticate", "SwitchRole", "ExitRole", "GetSigninToken", "Federate"),
    ]
)
_SESSIONS = ("AssumeRole", "GetSessionToken", "GetFederationToken", "AssumeRoot")
_DENIED = ("denied", "unauthorized", "forbidden", "notauthorized", "invalidclienttokenid")
_VERBS = {
    "Create": "creation",
    "Add": "creation",
    "Run": "creation",
    "Delete": "deletion",
    "Remove": "deletion",
    "Terminate": "deletion",
    "Get": "access",
    "List": "access",
    "Describe": "access",
    "Head": "access",
    "Lookup": "access",
}
_OBJECTS: dict[str, list[str]] = {
    "GetObject": ["access"],
    "HeadObject": ["access"],
    "SelectObjectContent": ["access"],
    "PutObject": ["creation"],
    "CopyObject": ["creation"],
    "CompleteMultipartUpload": ["creation"],
    "DeleteObject": ["deletion"],
    "DeleteObjects": ["deletion"],
}
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_NAMES = json_records.RecordNames(
    texts=(
        ("event.provider", ("eventSource",)),
        ("event.reason", ("errorMessage", "errorCode")),
        ("error.code", ("errorCode",)),
        ("user.id", ("userIdentity.principalId", "userIdentity.userId")),
        ("user_agent.original", ("userAgent",)),
        ("cloud.region", ("awsRegion",)),
        ("cloud.account.id", ("recipientAccountId", "userIdentity.accountId")),
        ("group.name", ("requestParameters.groupName",)),
    ),
    person=(),
    clients=("sourceIPAddress",),
    stamps=("eventTime",),
    acts=("eventID",),
)


def _find_record(text: str) -> _Record | None:
    if '"eventSource"' not in text:
        return None
    record = json_records.read_record(text)
    if record is None:
        return None
    several = to_mappings(record.get("Records"))
    inner = several[0] if len(several) == 1 else unwrap(unwrap(record, "detail"), "aws")
    return inner if all(mark in inner for mark in _MARKS) else None


def _can_parse(line: SourceLine) -> bool:
    return _find_record(line.text) is not None


def _parse(line: SourceLine) -> ParsedEvent:
    record = _find_record(line.text)
    if record is None:
        raise UnparseableRecord(
            "no record of CloudTrail",
            place="aws_cloudtrail",
            remedy="Send the files of the trail, or one record a line.",
        )
    name = get_text(record, "eventName") or "unknown"
    category, types = _find_act(record, name)
    outcome = _find_outcome(record)
    if outcome == "failure" and _is_denied(record):
        types = [*types, "denied"]
    fields: dict[str, Value] = {
        "event.category": category,
        "event.type": types,
        "event.outcome": outcome,
        "event.action": name,
        "cloud.provider": "aws",
    }
    event = json_records.build_event(fields, record, line, _NAMES)
    _put_origin(fields, record)
    _put_person(fields, record)
    _put_target(fields, record, name)
    _put_object(fields, record)
    used = get_text(record, "additionalEventData.MFAUsed")
    if used in {"Yes", "No"}:
        fields["breach.auth.mfa"] = used == "Yes"
    return event


def _find_act(record: _Record, name: str) -> _Act:
    source = get_text(record, "eventSource")
    if name in _SIGN_INS or name.startswith(_SESSIONS):
        return ["authentication"], ["start"]
    if source == "s3.amazonaws.com" and name in _OBJECTS:
        return ["file"], list(_OBJECTS[name])
    verb = next((verb for verb in _VERBS if name.startswith(verb)), "")
    kind = _VERBS.get(verb, "change")
    reads = record.get("readOnly") is True or kind == "access"
    if source in {"iam.amazonaws.com", "sso-directory.amazonaws.com"} and not reads:
        subject = "group" if "Group" in name else "user"
        return ["iam"], [kind, subject]
    return (["api"], ["access"]) if reads else (["configuration"], [kind])


def _find_outcome(record: _Record) -> str:
    if get_text(record, "errorCode"):
        return "failure"
    response = to_mapping(record.get("responseElements"))
    name = get_text(record, "eventName")
    answer = get_text(response, name) if name in _SIGN_INS else ""
    if answer:
        return "success" if answer == "Success" else "failure"
    failed = name in _SIGN_INS and get_text(record, "errorMessage") != ""
    return "failure" if failed else "success"


def _is_denied(record: _Record) -> bool:
    code = get_text(record, "errorCode").casefold()
    return any(word in code for word in _DENIED)


def _put_origin(fields: dict[str, Value], record: _Record) -> None:
    """Set a service of AWS that called for somebody as the source's domain."""
    origin = get_text(record, "sourceIPAddress")
    if addresses.parse_address(origin) is None and "." in origin:
        fields["source.domain"] = origin.casefold()


def _put_person(fields: dict[str, Value], record: _Record) -> None:
    identity = to_mapping(record.get("userIdentity"))
    name = get_text(identity, "userName") or get_text(record, "additionalEventData.UserName")
    kind = get_text(identity, "type")
    role, _, session = get_text(identity, "arn").partition("assumed-role/")[2].partition("/")
    if not name and kind == "Root":
        name = "root"
    if not name and role:
        name = session if people.is_mail_address(session) else role
    if role:
        fields["user.roles"] = [role]
    if name and name != _HIDDEN:
        directory_names.put_person(fields, name)


def _put_target(fields: dict[str, Value], record: _Record, name: str) -> None:
    """Set the account or the role that the call names."""
    target = get_text(record, "requestParameters.userName")
    if not target and name.startswith("AssumeRole"):
        target = get_text(record, "requestParameters.roleArn").rpartition("/")[2]
    if target and target != _HIDDEN and name not in _SIGN_INS:
        fields["user.target.name"] = target.casefold()


def _put_object(fields: dict[str, Value], record: _Record) -> None:
    """Set an object's place, and the bytes that the client sent and got."""
    bucket, key = (get_text(record, f"requestParameters.{part}") for part in ("bucketName", "key"))
    if bucket and key:
        fields["file.path"] = f"{bucket}/{key}"
        fields["file.name"] = key.rpartition("/")[2]
    for field, part in (
        ("source.bytes", "bytesTransferredIn"),
        ("destination.bytes", "bytesTransferredOut"),
    ):
        number = get_nested(record, f"additionalEventData.{part}")
        number = (
            int(number) if isinstance(number, float) and number.is_integer() else to_number(number)
        )
        if number is not None:
            fields[field] = number


_CALL: dict[str, Value] = {
    "eventVersion": "1.08",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "accountId": "111122223333",
        "userName": "Jo",
    },
    "eventTime": "2026-11-22T01:06:15Z",
    "eventSource": "signin.amazonaws.com",
    "eventName": "ConsoleLogin",
    "awsRegion": "eu-west-1",
    "sourceIPAddress": "203.0.113.66",
    "userAgent": "Mozilla/5.0",
    "requestParameters": None,
    "responseElements": {"ConsoleLogin": "Failure"},
    "errorMessage": "Failed authentication",
    "additionalEventData": {"MFAUsed": "No"},
    "eventID": "e-1",
    "recipientAccountId": "111122223333",
}
_ROLE = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLE:jo@contoso.example",
    "arn": "arn:aws:sts::111122223333:assumed-role/Staff/jo@contoso.example",
}


def _write(more: Mapping[str, Value]) -> str:
    return orjson.dumps({**_CALL, "errorMessage": None, "responseElements": None, **more}).decode()


PARSER = Parser(
    id="aws_cloudtrail",
    title="AWS CloudTrail",
    hints=(b'"awsRegion"',),
    claims=_can_parse,
    parse=_parse,
    references=(
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html",
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html",
    ),
    examples=(
        ParserExample(
            orjson.dumps(_CALL).decode(),
            {
                "@timestamp": "2026-11-22T01:06:15+00:00",
                "event.category": ["authentication"],
                "event.type": ["start"],
                "event.outcome": "failure",
                "event.action": "ConsoleLogin",
                "event.reason": "Failed authentication",
                "user.name": "jo",
                "source.ip": "203.0.113.66",
                "breach.auth.mfa": False,
                "cloud.account.id": "111122223333",
            },
        ),
        ParserExample(
            _write(
                {
                    "responseElements": {"ConsoleLogin": "Success"},
                    "sourceIPAddress": "2001:DB8::7",
                    "additionalEventData": {"MFAUsed": "Yes"},
                    "userIdentity": {"type": "Root", "principalId": "111122223333"},
                }
            ),
            {
                "event.outcome": "success",
                "user.name": "root",
                "source.ip": "2001:db8::7",
                "breach.auth.mfa": True,
            },
        ),
        ParserExample(
            orjson.dumps(
                {**_CALL, "userIdentity": {"type": "IAMUser", "userName": _HIDDEN}}
            ).decode(),
            {"event.outcome": "failure", "user.name": None, "source.ip": "203.0.113.66"},
        ),
        ParserExample(
            _write(
                {
                    "userIdentity": _ROLE,
                    "eventSource": "sts.amazonaws.com",
                    "eventName": "AssumeRole",
                    "sourceIPAddress": "ec2.amazonaws.com",
                    "requestParameters": {"roleArn": "arn:aws:iam::444455556666:role/Admin"},
                }
            ),
            {
                "event.category": ["authentication"],
                "event.outcome": "success",
                "user.name": "jo@contoso.example",
                "user.roles": ["Staff"],
                "user.target.name": "admin",
                "source.ip": None,
                "source.domain": "ec2.amazonaws.com",
            },
        ),
        ParserExample(
            _write(
                {
                    "eventSource": "ec2.amazonaws.com",
                    "eventName": "DescribeInstances",
                    "readOnly": True,
                    "errorCode": "Client.UnauthorizedOperation",
                    "errorMessage": "You are not authorized to perform this operation.",
                }
            ),
            {
                "event.category": ["api"],
                "event.type": ["access", "denied"],
                "event.outcome": "failure",
                "error.code": "Client.UnauthorizedOperation",
            },
        ),
        ParserExample(
            _write(
                {
                    "eventSource": "iam.amazonaws.com",
                    "eventName": "CreateUser",
                    "readOnly": False,
                    "requestParameters": {"userName": "Eve"},
                }
            ),
            {
                "event.category": ["iam"],
                "event.type": ["creation", "user"],
                "event.outcome": "success",
                "user.name": "jo",
                "user.target.name": "eve",
            },
        ),
        ParserExample(
            orjson.dumps(
                {
                    "detail-type": "AWS API Call via CloudTrail",
                    "detail": {
                        **_CALL,
                        "errorMessage": None,
                        "responseElements": None,
                        "eventSource": "s3.amazonaws.com",
                        "eventName": "GetObject",
                        "requestParameters": {"bucketName": "files", "key": "hr/list.csv"},
                        "additionalEventData": {
                            "bytesTransferredOut": 4096.0,
                            "bytesTransferredIn": 0,
                        },
                    },
                }
            ).decode(),
            {
                "event.category": ["file"],
                "event.type": ["access"],
                "file.path": "files/hr/list.csv",
                "destination.bytes": 4096,
                "source.ip": "203.0.113.66",
            },
        ),
    ),
)
