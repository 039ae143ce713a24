"""Set who acted, from where, and on whose mailbox or account."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import directory_names, json_records, people
from streams.tokenizers.json_lines import to_mappings, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]


_ADDRESSES = ("ClientIP", "ClientIPAddress", "ActorIpAddress", "UserIp", "ClientIp")
_SERVICE_PRINCIPAL = "ServicePrincipal_"
_UPN, _DISPLAY_NAME = "5", "1"
"""Kinds of an actor's names."""
_NO_KEYS = people.NOBODY | {"not available"}


def build_user_fields(record: _Record) -> _Fields:
    fields: _Fields = {}
    json_records.put_client(
        fields, [to_word(record[each]) for each in _ADDRESSES if each in record]
    )
    name, key = to_word(record.get("UserId")), to_word(record.get("UserKey"))
    directory_names.put_person(fields, _find_name(record, name))
    identity = name if key.casefold() in _NO_KEYS else key
    if identity.casefold() not in people.NOBODY:
        fields["user.id"] = identity
    if tenant := to_word(record.get("OrganizationId")):
        fields["cloud.account.id"] = tenant
    agent = to_word(record.get("UserAgent")) or to_word(record.get("ClientInfoString"))
    if agent:
        fields["user_agent.original"] = agent
    return fields


def _find_name(record: _Record, name: str) -> str:
    """Return the actor's name: of a service that has only a number there, what `Actor` calls it."""
    if not name.startswith(_SERVICE_PRINCIPAL):
        return name
    actors = to_mappings(record.get("Actor"))
    for kind in (_UPN, _DISPLAY_NAME):
        for actor in actors:
            if to_word(actor.get("Type")) == kind and to_word(actor.get("ID")):
                return to_word(actor.get("ID"))
    return name


def put_recipient(fields: _Fields, record: _Record) -> None:
    """Set the person or the group with whom something was shared."""
    target = to_word(record.get("TargetUserOrGroupName"))
    if target and "group" in to_word(record.get("TargetUserOrGroupType")).casefold():
        fields["group.name"] = target
    elif target:
        put_target(fields, target)


def put_target(fields: _Fields, mailbox: str) -> None:
    """Set the mailbox that was acted on, if it is not the actor's own."""
    target: _Fields = {}
    directory_names.put_person(target, mailbox)
    if target and target.get("user.name") != fields.get("user.name"):
        fields.update({name.replace("user.", "user.target."): v for name, v in target.items()})
