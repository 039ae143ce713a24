"""Where Exchange is told to send mail: parameters of its cmdlets, and Outlook's own rule records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.event import Value
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
    """Recipients are mail addresses case-folded, or, where none is told, the words that stand
    there (a display name, a directory path)."""

    name: str
    forward_to: list[str]
    deletes: bool
    moves_to: str


def from_parameters(parameters: Mapping[str, Value]) -> MailboxRule:
    """From `Parameters` of New-InboxRule, Set-InboxRule, Set-Mailbox and transport rules."""
    recipients: list[str] = []
    for name in _FORWARDS:
        recipients += _recipients(parameters.get(name))
    return MailboxRule(
        name=json_lines.word(parameters.get("Name")),
        forward_to=list(dict.fromkeys(recipients)),
        deletes=_says_yes(parameters.get("DeleteMessage"))
        or _says_yes(parameters.get("SoftDeleteMessage")),
        moves_to=json_lines.word(parameters.get("MoveToFolder")),
    )


def from_operation_properties(properties: Mapping[str, Value]) -> MailboxRule:
    """From `OperationProperties` of UpdateInboxRules, whose RuleActions is a JSON string."""
    recipients: list[str] = []
    deletes, folder = False, ""
    for action in json_lines.mappings(properties.get("RuleActions")):
        kind = json_lines.word(action.get("ActionType")).casefold()
        if any(word in kind for word in _FORWARDING_ACTIONS):
            for recipient in json_lines.words(action.get("Recipients")):
                recipients += _recipients(recipient)
        deletes |= "delete" in kind
        if "move" in kind:
            folder = folder or json_lines.word(action.get("FolderId") or action.get("Folder"))
    name = json_lines.word(properties.get("RuleName"))
    return MailboxRule(name, list(dict.fromkeys(recipients)), deletes, folder)


def _recipients(value: Value) -> list[str]:
    found: list[str] = []
    for text in json_lines.words(value):
        said = text.strip().strip('"')
        if said and said.casefold() not in people.NOBODY | {"$null", "false"}:
            plain = said.replace("smtp:", " ").replace("SMTP:", " ")
            found += people.mail_addresses(plain) or [said.casefold()]
    return found


def _says_yes(value: Value) -> bool:
    return value is True or (isinstance(value, str) and value.casefold() in {"true", "$true"})
