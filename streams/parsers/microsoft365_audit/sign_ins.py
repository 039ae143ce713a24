"""Read sign-ins to Entra ID.

The outcome comes from the operation and the error number, since `ResultStatus` says Success on most
failed sign-ins. Numbers that only interrupt a sign-in are neither success nor failure."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.parsers.microsoft365_audit import audit_record
from streams.tokenizers import entra_codes
from streams.tokenizers.json_lines import to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_OPERATIONS = frozenset(
    {"userloggedin", "userloginfailed", "mailboxlogin", "signinevent", "teamssessionstarted"}
)
_LOGON_WORDS = ("logoninitialauth", "logoncookiecopy", "interactivelogon")
"""Within the operations of the directory's older record of sign-ins."""


def is_sign_in(record: _Record, key: str) -> bool:
    """Whether an operation is a sign-in to the directory, a mailbox or a service."""
    if key in _OPERATIONS:
        return True
    return "LoginStatus" in record and any(word in key for word in _LOGON_WORDS)


def put_sign_in(fields: _Fields, record: _Record, key: str) -> None:
    more = audit_record.parse_named_values(record.get("ExtendedProperties"))
    error = to_word(record.get("ErrorNumber")) or to_word(more.get("ErrorNumber"))
    error = error or to_word(record.get("LoginStatus"))
    reason = to_word(record.get("LogonError"))
    fields |= {"event.category": ["authentication"], "event.type": ["start"]}
    if key.startswith("user") or "LoginStatus" in record:
        fields["event.outcome"] = "success"
    refused = "LoginStatus" in record and error not in {"", "0"}
    if key == "userloginfailed" or refused:
        interrupted = error in entra_codes.INTERRUPTS or reason.endswith("Interrupt")
        fields["event.outcome"] = "unknown" if interrupted else "failure"
        if interrupted:
            fields |= {"event.action": "sign-in-interrupted", "event.type": ["info"]}
    if error and error != "0":
        fields["error.code"] = error
    if reason:
        fields["event.reason"] = reason
    if agent := to_word(more.get("UserAgent")):
        fields["user_agent.original"] = agent
