"""Read where Exchange must send mail: parameters of its cmdlets, and Outlook's own rule records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.pipeline.event import Value
from streams.parsers.microsoft365_audit import audit_record
from streams.parsers.microsoft365_audit.actors import put_target
from streams.tokenizers import json_lines, people

OPERATIONS = frozenset(
    {
        *("new-inboxrule", "set-inboxrule", "updateinboxrules"),
        *("set-mailbox", "new-transportrule", "set-transportrule"),
    }
)
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


def put_mailbox_rule(fields: dict[str, Value], record: Mapping[str, Value], key: str) -> None:
    parameters = audit_record.parse_named_values(record.get("Parameters"))
    properties = audit_record.parse_named_values(record.get("OperationProperties"))
    rule = parse_parameters(parameters)
    if not parameters and properties:
        rule = parse_operation_properties(properties)
    fields["event.category"] = ["email", "configuration"]
    fields["event.type"] = ["creation" if key.startswith("new-") else "change"]
    target = parameters.get("Mailbox") or (
        parameters.get("Identity") if key == "set-mailbox" else ""
    )
    put_target(
        fields, json_lines.to_word(target) or json_lines.to_word(record.get("MailboxOwnerUPN"))
    )
    if rule.name:
        fields["rule.name"] = rule.name
    if rule.deletes:
        fields["breach.mailbox.delete_message"] = True
    if rule.moves_to:
        fields["breach.mailbox.move_to_folder"] = rule.moves_to
    if rule.forward_to:
        own = _list_own_domains(fields, record)
        outside = [to for to in rule.forward_to if "@" in to and to.rpartition("@")[2] not in own]
        fields["breach.mailbox.forward_to"] = rule.forward_to
        fields["breach.mail.forward_external"] = bool(outside)
        if outside:
            fields["breach.mail.forward_outside_to"] = outside


def _list_own_domains(fields: Mapping[str, Value], record: Mapping[str, Value]) -> frozenset[Value]:
    """List the domains that the record shows to be the tenant's: those of the mailbox and of the
    directory, and the actor's, unless a partner or Microsoft acts from outside (`ExternalAccess`).

    The register knows further ones: streams.normalise.forwarding."""
    directory = json_lines.to_word(record.get("OrganizationName")).casefold()
    actor = None if _is_true(record.get("ExternalAccess")) else fields.get("user.domain")
    routing = directory.replace(".onmicrosoft.com", ".mail.onmicrosoft.com")
    return frozenset({fields.get("user.target.domain"), actor, directory, routing})
