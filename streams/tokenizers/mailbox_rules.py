"""Read where Exchange must send mail: parameters of its cmdlets, and Outlook's own rule records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.pipeline.event import Value
from streams.tokenizers import json_lines, people

_FORWARDS = (
    "ForwardTo",
    "RedirectTo",
    "ForwardAsAttachmentTo",
    "ForwardingSmtpAddress",
    "ForwardingAddress",
    "RedirectMessageTo",
    "BlindCopyTo",
    "CopyTo",
)
_FORWARDING_ACTIONS = ("forward", "redirect")


@dataclass(slots=True)
class MailboxRule:
    """The mail addresses of recipients, case-folded, or, if there is none, their given form (a
    display name, a directory path)."""

    name: str
    forward_to: list[str]
    deletes: bool
    moves_to: str


def parse_parameters(parameters: Mapping[str, Value]) -> MailboxRule:
    """Parse `Parameters` of New-InboxRule, Set-InboxRule, Set-Mailbox and transport rules."""
    recipients: list[str] = []
    for name in _FORWARDS:
        recipients += _parse_recipients(parameters.get(name))
    return MailboxRule(
        name=json_lines.to_word(parameters.get("Name")),
        forward_to=list(dict.fromkeys(recipients)),
        deletes=_is_true(parameters.get("DeleteMessage"))
        or _is_true(parameters.get("SoftDeleteMessage")),
        moves_to=json_lines.to_word(parameters.get("MoveToFolder")),
    )


def parse_operation_properties(properties: Mapping[str, Value]) -> MailboxRule:
    """Parse `OperationProperties` of UpdateInboxRules, in which RuleActions is a JSON string."""
    recipients: list[str] = []
    deletes, folder = False, ""
    for action in json_lines.to_mappings(properties.get("RuleActions")):
        kind = json_lines.to_word(action.get("ActionType")).casefold()
        if any(word in kind for word in _FORWARDING_ACTIONS):
            for recipient in json_lines.to_words(action.get("Recipients")):
                recipients += _parse_recipients(recipient)
        deletes |= "delete" in kind
        if "move" in kind:
            folder = folder or json_lines.to_word(action.get("FolderId") or action.get("Folder"))
    name = json_lines.to_word(properties.get("RuleName"))
    return MailboxRule(name, list(dict.fromkeys(recipients)), deletes, folder)


def _parse_recipients(value: Value) -> list[str]:
    recipients: list[str] = []
    for text in json_lines.to_words(value):
        recipient = text.strip().strip('"')
        if recipient and recipient.casefold() not in people.NOBODY | {"$null", "false"}:
            plain = recipient.replace("smtp:", " ").replace("SMTP:", " ")
            recipients += people.find_mail_addresses(plain) or [recipient.casefold()]
    return recipients


def _is_true(value: Value) -> bool:
    return value is True or (isinstance(value, str) and value.casefold() in {"true", "$true"})
