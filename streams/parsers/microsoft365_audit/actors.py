"""Set who acted, from where, and on whose mailbox or account."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import addresses, people
from streams.tokenizers.json_lines import to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]


def build_user_fields(record: _Record) -> _Fields:
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


def put_target(fields: _Fields, mailbox: str) -> None:
    """Set the mailbox that was acted on, if it is not the actor's own."""
    target: _Fields = {}
    people.put_user(target, mailbox)
    if target and target.get("user.name") != fields.get("user.name"):
        fields.update({name.replace("user.", "user.target."): v for name, v in target.items()})
