"""Read operations on the mail of a mailbox, and permissions to it."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.parsers.microsoft365_audit import audit_record, operations
from streams.parsers.microsoft365_audit.actors import put_target
from streams.tokenizers.json_lines import to_mapping, to_mappings, to_number, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
OPERATIONS = frozenset(
    {
        *("mailitemsaccessed", "messagebind", "folderbind", "send", "sendas", "sendonbehalf"),
        *("create", "update", "move", "copy", "recorddelete"),
        *("harddelete", "softdelete", "movetodeleteditems"),
    }
)
"""Case-folded. Other workloads than Exchange use some of these words too."""
PERMISSION_OPERATIONS = frozenset(
    {"add-mailboxpermission", "add-recipientpermission", "addfolderpermissions"}
)


def put_permission(fields: _Fields, record: _Record, _key: str) -> None:
    parameters = audit_record.parse_named_values(record.get("Parameters"))
    fields |= {"event.category": ["iam"], "event.type": ["admin", "change"]}
    owner = to_word(parameters.get("Identity")) or to_word(record.get("MailboxOwnerUPN"))
    put_target(fields, owner)
    if grantee := to_word(parameters.get("User") or parameters.get("Trustee")):
        fields["breach.mailbox.grantee"] = grantee.casefold()
    if rights := to_word(parameters.get("AccessRights")):
        fields["breach.mailbox.rights"] = [right.strip() for right in rights.split(",")]


def put_mail(fields: _Fields, record: _Record, key: str) -> None:
    read = key in {"mailitemsaccessed", "messagebind"}
    kind = "access" if read else operations.get_verb_type(key)
    fields |= {"event.category": ["email"], "event.type": [kind]}
    put_target(fields, to_word(record.get("MailboxOwnerUPN")))
    if key == "mailitemsaccessed":
        folders = to_mappings(record.get("Folders"))
        listed = sum(len(to_mappings(folder.get("FolderItems"))) for folder in folders)
        fields["breach.mailbox.items"] = to_number(record.get("OperationCount")) or listed
    item = to_mapping(record.get("Item"))
    if message := to_word(item.get("InternetMessageId")):
        fields["email.message_id"] = message
    recipients = [to_word(each.get("Address")) for each in to_mappings(item.get("Recipients"))]
    if mail_addresses := [each.casefold() for each in recipients if "@" in each]:
        fields["email.to.address"] = mail_addresses
